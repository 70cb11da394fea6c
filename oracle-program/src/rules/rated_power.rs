//! Physics: in a given time, a meter can't produce or draw more than its rated power allows. This bounds every
//! kilowatt-hour that is ever minted.

use core::num::{NonZeroU32, NonZeroU64};

use shared_state::units::FULL_BPS;

const SECONDS_PER_HOUR: u64 = 3_600;

/// An amount of energy beside what the rated power allows for it.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    energy_wh: u64,
    elapsed: NonZeroU32,
    rated_wh: u64,
    limit_wh: u64,
}

impl Check {
    /// `energy_wh` in `elapsed` seconds, for a meter of `capacity_w` and a tolerance in basis points
    /// (at most 10,000).
    #[inline(always)]
    pub fn new(capacity_w: u32, elapsed: NonZeroU32, tolerance: u16, energy_wh: u64) -> Self {
        Self {
            energy_wh,
            elapsed,
            rated_wh: energy_limit_wh(capacity_w, elapsed.get(), 0),
            limit_wh: energy_limit_wh(capacity_w, elapsed.get(), tolerance),
        }
    }

    /// Whether it is more than possible, tolerance included.
    #[inline(always)]
    pub fn is_exceeded(&self) -> bool {
        self.energy_wh > self.limit_wh
    }

    /// Whether it is possible only with the tolerance.
    #[inline(always)]
    pub fn needs_tolerance(&self) -> bool {
        self.energy_wh > self.rated_wh
    }

    /// Mean power (W, rounded down) of an energy that is not exceeded: at most twice the capacity.
    #[inline(always)]
    pub fn mean_power_w(&self) -> u32 {
        // At most 2 x 10^9 W x 136 years = 2.4 x 10^15 Wh (see `MAX_CAPACITY_W`): times 3,600 it fits into 64 bits, and
        // the power into 32.
        let watt_seconds = self.energy_wh.wrapping_mul(SECONDS_PER_HOUR);
        (watt_seconds / NonZeroU64::from(self.elapsed)) as u32
    }
}

/// The most energy (Wh, rounded down) at `capacity_w` in `elapsed` seconds, with a tolerance in basis points:
/// `capacity x elapsed x (10,000 + tolerance) / (3,600 x 10,000)`.
#[inline(always)]
pub fn energy_limit_wh(capacity_w: u32, elapsed: u32, tolerance: u16) -> u64 {
    const DIVISOR: u64 = SECONDS_PER_HOUR * FULL_BPS as u64;
    let factor = u64::from(FULL_BPS) + u64::from(tolerance);
    // 32 bits by 32 bits fit into 64.
    let watt_seconds = u64::from(capacity_w).wrapping_mul(u64::from(elapsed));
    // The product of all three would need more than 64 bits; whole and rest times the factor don't, and
    // floor((q d + r) f / d) = q f + floor(r f / d).
    let whole = (watt_seconds / DIVISOR).wrapping_mul(factor);
    let rest = (watt_seconds % DIVISOR).wrapping_mul(factor) / DIVISOR;
    whole.wrapping_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reference(capacity_w: u32, elapsed: u32, tolerance: u16) -> u128 {
        u128::from(capacity_w) * u128::from(elapsed) * (10_000 + u128::from(tolerance)) / 36_000_000
    }

    #[test]
    fn a_five_kilowatt_roof_in_a_quarter_of_an_hour() {
        assert_eq!(energy_limit_wh(5_000, 900, 0), 1_250);
        assert_eq!(energy_limit_wh(5_000, 900, 500), 1_312);
        let quarter = NonZeroU32::new(900).expect("above zero");
        let check = |energy| Check::new(5_000, quarter, 500, energy);
        assert!(!check(1_250).needs_tolerance());
        assert!(check(1_251).needs_tolerance());
        assert!(!check(1_312).is_exceeded());
        assert!(check(1_313).is_exceeded());
        assert!(check(u64::MAX).is_exceeded());
        assert_eq!(check(1_250).mean_power_w(), 5_000);
        assert_eq!(check(0).mean_power_w(), 0);
    }

    proptest! {
        #[test]
        fn agrees_with_128_bits(capacity in any::<u32>(), elapsed in any::<u32>(), tolerance in any::<u16>()) {
            prop_assert_eq!(
                u128::from(energy_limit_wh(capacity, elapsed, tolerance)),
                reference(capacity, elapsed, tolerance)
            );
        }

        #[test]
        fn mean_power_agrees_with_128_bits(
            capacity in 1..=shared_state::units::MAX_CAPACITY_W, elapsed in 1u32.., share in 0..=10_000u64,
        ) {
            let limit = energy_limit_wh(capacity, elapsed, 10_000);
            let energy = (u128::from(limit) * u128::from(share) / 10_000) as u64;
            let seconds = NonZeroU32::new(elapsed).expect("above zero");
            let power = Check::new(capacity, seconds, 10_000, energy).mean_power_w();
            let expected = u128::from(energy) * 3_600 / u128::from(elapsed);
            prop_assert_eq!(u128::from(power), expected);
        }
    }
}
