//! What a meter usually does: running mean and mean deviation of its power, and how far a reading is from it.
//!
//! Both are exponential averages with a weight of 1/16 for the newest value, in whole watts. A power and its distance
//! from a mean are below 2^32; they are 64-bit numbers here because that takes fewer instructions.

use shared_state::{quantity::Bps, state::Rules};

/// Weight of the past in sixteenths.
const PAST: u64 = 15;

/// How far `power_w` is from the mean (W).
#[inline(always)]
pub fn distance(power_w: u64, mean_w: u32) -> u64 {
    power_w.abs_diff(mean_w.into())
}

/// Whether a distance from the mean is more than the threshold times the mean deviation plus the floor's share of the
/// capacity.
#[inline(always)]
pub fn is_anomaly(rules: &Rules, distance_w: u64, deviation_w: u32, capacity_w: u32) -> bool {
    // Compared in ten-thousandths of a watt. A threshold is at most 10^6 and a floor at most 10^4 (see
    // `Rules::are_valid`), so all of it fits into 64 bits: 2^32 x (10^6 + 10^4) < 2^53.
    let distance = distance_w.wrapping_mul(Bps::FULL.0.into());
    let usual = u64::from(deviation_w).wrapping_mul(rules.anomaly_threshold.into());
    let floor = u64::from(capacity_w).wrapping_mul(rules.anomaly_floor.0.into());
    distance > usual.wrapping_add(floor)
}

/// A mean or mean deviation after a new value: `(15 past + new) / 16`, rounded to the nearest.
#[inline(always)]
pub fn average(past: u32, new: u64) -> u32 {
    let sum = u64::from(past)
        .wrapping_mul(PAST)
        .wrapping_add(new)
        .wrapping_add(8);
    (sum >> 4) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn borders() {
        let rules = Rules {
            anomaly_threshold: 40_000,
            anomaly_floor: Bps(1_000),
            ..Rules::default()
        };
        // 4 x 100 W + 10 % of 5,000 W = 900 W around a mean of 2,000 W.
        let is = |power| is_anomaly(&rules, distance(power, 2_000), 100, 5_000);
        assert!(!is(2_900));
        assert!(is(2_901));
        assert!(!is(1_100));
        assert!(is(1_099));
    }

    proptest! {
        #[test]
        fn agrees_with_128_bits(
            power in any::<u32>(), mean in any::<u32>(), deviation in any::<u32>(), capacity in any::<u32>(),
            threshold in 1..=1_000_000u32, floor in 0..=10_000u16,
        ) {
            let rules = Rules { anomaly_threshold: threshold, anomaly_floor: Bps(floor), ..Rules::default() };
            let exact = (i128::from(power) - i128::from(mean)).abs();
            let limit = i128::from(deviation) * i128::from(threshold) + i128::from(capacity) * i128::from(floor);
            let power = u64::from(power);
            let found = distance(power, mean);
            prop_assert_eq!(i128::from(found), exact);
            prop_assert_eq!(is_anomaly(&rules, found, deviation, capacity), exact * 10_000 > limit);
            prop_assert_eq!(u128::from(average(mean, power)), (15 * u128::from(mean) + u128::from(power) + 8) / 16);
        }
    }
}
