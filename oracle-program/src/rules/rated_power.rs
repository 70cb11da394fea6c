//! Physics: in a given time, a meter can't produce or draw more than its rated power allows. This bounds every
//! kilowatt-hour that is ever minted.

use core::num::{NonZeroU32, NonZeroU64};

use shared_state::units::FULL_BPS;

const SECONDS_PER_HOUR: u64 = 3_600;

/// What a reading's energy says about the power behind it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Power {
    /// The mean power (W, rounded down): at most twice the capacity.
    pub mean_w: u64,
    /// Whether it is possible only with the tolerance.
    pub needs_tolerance: bool,
}

/// The power behind `energy_wh` in `elapsed` seconds, for a meter of `capacity_w` (at most
/// [`MAX_CAPACITY_W`](shared_state::units::MAX_CAPACITY_W)) and a tolerance in basis points (at most 10,000). `None` if it
/// is more than the capacity and the tolerance, together rounded up to whole watts, allow.
#[inline(always)]
pub fn check(
    capacity_w: u32,
    elapsed: NonZeroU32,
    tolerance: u16,
    energy_wh: u64,
) -> Option<Power> {
    // At most 10^9 W + 10^9 W, times 2^32 s: below 2^63.
    let factor = u64::from(FULL_BPS) + u64::from(tolerance);
    const FULL: u64 = FULL_BPS as u64;
    let limit_w = u64::from(capacity_w)
        .wrapping_mul(factor)
        .wrapping_add(FULL - 1)
        / FULL;
    let elapsed = NonZeroU64::from(elapsed);
    let limit_ws = limit_w.wrapping_mul(elapsed.get());
    if energy_wh > u64::MAX / SECONDS_PER_HOUR {
        return None;
    }
    let energy_ws = energy_wh.wrapping_mul(SECONDS_PER_HOUR);
    if energy_ws > limit_ws {
        return None;
    }
    let rated_ws = u64::from(capacity_w).wrapping_mul(elapsed.get());
    Some(Power {
        mean_w: energy_ws / elapsed,
        needs_tolerance: energy_ws > rated_ws,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared_state::units::MAX_CAPACITY_W;

    fn seconds(elapsed: u32) -> NonZeroU32 {
        NonZeroU32::new(elapsed).expect("above zero")
    }

    #[test]
    fn a_five_kilowatt_roof_in_a_quarter_of_an_hour() {
        let check = |energy| {
            check(5_000, seconds(900), 500, energy)
                .map(|power| (power.mean_w, power.needs_tolerance))
        };
        assert_eq!(check(0), Some((0, false)));
        assert_eq!(check(1_250), Some((5_000, false)));
        assert_eq!(check(1_251), Some((5_004, true)));
        assert_eq!(check(1_312), Some((5_248, true)));
        assert_eq!(check(1_313), None);
        assert_eq!(check(u64::MAX), None);
    }

    /// Small meters have their tolerance too: 5 % are at least a watt.
    #[test]
    fn the_limit_is_rounded_up_to_whole_watts() {
        for (capacity, limit_wh) in [(1, 2), (19, 20), (20, 21), (21, 23), (50, 53), (333, 350)] {
            let check = |energy| check(capacity, seconds(3_600), 500, energy);
            assert!(check(limit_wh).is_some(), "{capacity} W");
            assert_eq!(check(limit_wh + 1), None, "{capacity} W");
        }
    }

    #[test]
    fn the_largest_numbers() {
        let check = |energy| check(MAX_CAPACITY_W, seconds(u32::MAX), 10_000, energy);
        let most = 2 * u64::from(MAX_CAPACITY_W) * u64::from(u32::MAX) / 3_600;
        let power = check(most).expect("possible");
        assert_eq!(power.mean_w, 1_999_999_999);
        assert_eq!(check(most + 1), None);
        // In watt-seconds, these would wrap around to almost nothing.
        for energy in [
            u64::MAX / 3_600 + 1,
            u64::MAX / 3_600 + 2,
            u64::MAX / 1_800 + 1,
        ] {
            assert_eq!(check(energy), None);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_128_bits(
            capacity in 1..=MAX_CAPACITY_W, elapsed in prop_oneof![1u32.., 1u32..10_000], tolerance in 0..=10_000u16,
            energy in any::<u64>(), near in any::<bool>(), offset in 0..3u128,
        ) {
            let limit_w = (u128::from(capacity) * (10_000 + u128::from(tolerance))).div_ceil(10_000);
            let limit_wh = limit_w * u128::from(elapsed) / 3_600;
            // Half of them right below, at or above the limit.
            let energy = if near { u64::try_from((limit_wh + offset).saturating_sub(1)).unwrap_or(0) } else { energy };
            let energy_ws = u128::from(energy) * 3_600;
            let expected = (energy_ws <= limit_w * u128::from(elapsed)).then(|| Power {
                mean_w: (energy_ws / u128::from(elapsed)) as u64,
                needs_tolerance: energy_ws > u128::from(capacity) * u128::from(elapsed),
            });
            prop_assert_eq!(check(capacity, seconds(elapsed), tolerance, energy), expected);
        }
    }
}
