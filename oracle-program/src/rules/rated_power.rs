//! Physics: in a given time, a meter can't produce or draw more than its rated power allows. This bounds every
//! kilowatt-hour that is ever minted.
//!
//! In watt-seconds all of it fits into 64 bits: a rated power is at most 10^9 W, a tenth more with the tolerance, times
//! at most 2^32 s, which is below 2^63.

use core::num::{NonZeroU32, NonZeroU64};

use shared_state::{
    quantity::{Bps, Wh},
    state::Rules,
};

const SECONDS_PER_HOUR: u64 = 3_600;

/// The mean power (W, rounded down) behind this energy, if the rated power allows it without the tolerance.
#[inline(always)]
pub fn mean_w(capacity_w: u32, elapsed: NonZeroU32, energy: Wh) -> Option<u64> {
    let elapsed = NonZeroU64::from(elapsed);
    let rated_ws = u64::from(capacity_w).wrapping_mul(elapsed.get());
    if energy.0 > u64::MAX / SECONDS_PER_HOUR {
        return None;
    }
    let energy_ws = energy.0.wrapping_mul(SECONDS_PER_HOUR);
    (energy_ws <= rated_ws).then(|| energy_ws / elapsed)
}

/// How far energy is beyond the rated power.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Beyond {
    /// Possible with the tolerance: the mean power (W, rounded down).
    Tolerated(u64),
    /// Not possible.
    Impossible,
    /// More than the jump factor times what is possible in this time, and in an expected interval.
    Jump,
}

/// How far this energy, for which [`mean_w`] has found no power, is beyond the rated power. The tolerance is rounded up to
/// whole watts, so small meters have one too.
pub fn beyond(rules: &Rules, capacity_w: u32, elapsed: NonZeroU32, energy: Wh) -> Beyond {
    let full = u64::from(Bps::FULL.0);
    let limit_w = u64::from(capacity_w)
        .wrapping_mul(full.wrapping_add(rules.power_tolerance.0.into()))
        .div_ceil(full);
    let elapsed = NonZeroU64::from(elapsed);
    let limit_ws = limit_w.wrapping_mul(elapsed.get());
    if energy.0 > u64::MAX / SECONDS_PER_HOUR {
        return Beyond::Jump;
    }
    let energy_ws = energy.0.wrapping_mul(SECONDS_PER_HOUR);
    if energy_ws <= limit_ws {
        return Beyond::Tolerated(energy_ws / elapsed);
    }
    // A jump is a jump by the measure of a usual interval too: so a register that was held for nothing is above what the meter
    // can count until its next reading, and that ends the hold.
    let usual = elapsed.get().max(rules.expected_interval.into());
    let usual_ws = limit_w.wrapping_mul(usual);
    // Divided, because the factor's product with the limit may not fit.
    let factor = u64::from(rules.jump_factor.max(1));
    if energy_ws.div_ceil(factor) > usual_ws {
        Beyond::Jump
    } else {
        Beyond::Impossible
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared_state::quantity::MAX_CAPACITY_W;

    fn seconds(elapsed: u32) -> NonZeroU32 {
        NonZeroU32::new(elapsed).expect("above zero")
    }

    /// What both functions say together.
    fn judge(rules: &Rules, capacity_w: u32, elapsed: u32, energy: u64) -> Result<u64, Beyond> {
        let (elapsed, energy) = (seconds(elapsed), Wh(energy));
        mean_w(capacity_w, elapsed, energy)
            .ok_or_else(|| beyond(rules, capacity_w, elapsed, energy))
    }

    #[test]
    fn a_five_kilowatt_roof_in_a_quarter_of_an_hour() {
        let judge = |energy| judge(&Rules::default(), 5_000, 900, energy);
        assert_eq!(judge(0), Ok(0));
        assert_eq!(judge(1_250), Ok(5_000));
        assert_eq!(judge(1_251), Err(Beyond::Tolerated(5_004)));
        assert_eq!(judge(1_312), Err(Beyond::Tolerated(5_248)));
        assert_eq!(judge(1_313), Err(Beyond::Impossible));
        // Exactly twice 5,250 W, and one watt-hour more.
        assert_eq!(judge(2_625), Err(Beyond::Impossible));
        assert_eq!(judge(2_626), Err(Beyond::Jump));
        assert_eq!(judge(u64::MAX), Err(Beyond::Jump));
    }

    /// In a minute too, a jump is more than twice what fits into a quarter of an hour.
    #[test]
    fn a_jump_is_measured_by_an_expected_interval_at_least() {
        let judge = |elapsed, energy| judge(&Rules::default(), 5_000, elapsed, energy);
        assert_eq!(judge(60, 87), Err(Beyond::Tolerated(5_220)));
        assert_eq!(judge(60, 88), Err(Beyond::Impossible));
        assert_eq!(judge(60, 2_625), Err(Beyond::Impossible));
        assert_eq!(judge(60, 2_626), Err(Beyond::Jump));
        assert_eq!(judge(1_800, 5_250), Err(Beyond::Impossible));
        assert_eq!(judge(1_800, 5_251), Err(Beyond::Jump));
    }

    #[test]
    fn the_limit_is_rounded_up_to_whole_watts() {
        for (capacity, limit_wh) in [(1, 2), (19, 20), (20, 21), (21, 23), (50, 53), (333, 350)] {
            let judge = |energy| judge(&Rules::default(), capacity, 3_600, energy);
            assert_eq!(
                judge(limit_wh),
                Err(Beyond::Tolerated(limit_wh)),
                "{capacity} W"
            );
            assert_eq!(judge(limit_wh + 1), Err(Beyond::Impossible), "{capacity} W");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_128_bits(
            capacity in 1..=MAX_CAPACITY_W, elapsed in prop_oneof![1u32.., 1u32..10_000], tolerance in 0..=1_000u16,
            factor in 1..=100u16, energy in any::<u64>(), near in 0..4, offset in 0..3u128,
        ) {
            let rules = Rules { power_tolerance: Bps(tolerance), jump_factor: factor, ..Rules::default() };
            let limit_w = (u128::from(capacity) * (10_000 + u128::from(tolerance))).div_ceil(10_000);
            let limit_ws = limit_w * u128::from(elapsed);
            let rated_ws = u128::from(capacity) * u128::from(elapsed);
            let usual = u128::from(elapsed.max(rules.expected_interval));
            let jump_ws = limit_w * usual * u128::from(factor);
            // Three quarters of them right below, at or above a limit.
            let energy = match near {
                0 => energy.into(),
                1 => (limit_ws / 3_600 + offset).saturating_sub(1),
                2 => (rated_ws / 3_600 + offset).saturating_sub(1),
                _ => (jump_ws / 3_600 + offset).saturating_sub(1),
            };
            let energy = u64::try_from(energy).unwrap_or(u64::MAX);
            let energy_ws = u128::from(energy) * 3_600;
            let mean = (energy_ws / u128::from(elapsed)) as u64;
            // No register steps by 5,000 TWh.
            let expected = if energy > u64::MAX / 3_600 {
                Err(Beyond::Jump)
            } else if energy_ws <= rated_ws {
                Ok(mean)
            } else if energy_ws <= limit_ws {
                Err(Beyond::Tolerated(mean))
            } else if energy_ws <= jump_ws {
                Err(Beyond::Impossible)
            } else {
                Err(Beyond::Jump)
            };
            prop_assert_eq!(judge(&rules, capacity, elapsed, energy), expected);
        }
    }
}
