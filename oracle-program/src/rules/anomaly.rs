//! What a meter usually does: running mean and mean deviation of its power, and how far a reading is from it.
//!
//! Both are exponential averages with a weight of 1/16 for the newest value, in whole watts.

use shared_state::{state::Rules, units::FULL_BPS};

/// Weight of the past in sixteenths.
const PAST: u64 = 15;

/// Whether `power_w` is further from the mean than the threshold times the mean deviation plus the floor's share of
/// the capacity.
#[inline(always)]
pub fn is_anomaly(
    rules: &Rules,
    power_w: u32,
    mean_w: u32,
    deviation_w: u32,
    capacity_w: u32,
) -> bool {
    // Compared in ten-thousandths of a watt. A threshold is at most 10^6 and a floor at most 10^4 (see
    // `Rules::are_valid`), so all of it fits into 64 bits: 2^32 x (10^6 + 10^4) < 2^53.
    let distance = u64::from(power_w.abs_diff(mean_w)).wrapping_mul(FULL_BPS.into());
    let usual = u64::from(deviation_w).wrapping_mul(rules.anomaly_threshold.into());
    let floor = u64::from(capacity_w).wrapping_mul(rules.anomaly_floor.into());
    distance > usual.wrapping_add(floor)
}

/// Takes a reading's power into the mean and the deviation. The first one is the mean, with no deviation.
#[inline(always)]
pub fn learn(is_first: bool, power_w: u32, mean_w: &mut u32, deviation_w: &mut u32) {
    if is_first {
        *mean_w = power_w;
        *deviation_w = 0;
    } else {
        let distance = power_w.abs_diff(*mean_w);
        *deviation_w = average(*deviation_w, distance);
        *mean_w = average(*mean_w, power_w);
    }
}

/// `(15 past + new) / 16`, rounded to the nearest.
#[inline(always)]
fn average(past: u32, new: u32) -> u32 {
    let sum = u64::from(past).wrapping_mul(PAST) + u64::from(new) + 8;
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
            anomaly_floor: 1_000,
            ..Rules::default()
        };
        // 4 x 100 W + 10 % of 5,000 W = 900 W around a mean of 2,000 W.
        let is = |power| is_anomaly(&rules, power, 2_000, 100, 5_000);
        assert!(!is(2_900));
        assert!(is(2_901));
        assert!(!is(1_100));
        assert!(is(1_099));
    }

    #[test]
    fn the_first_reading_is_the_mean() {
        let (mut mean, mut deviation) = (0, 0);
        learn(true, 3_000, &mut mean, &mut deviation);
        assert_eq!((mean, deviation), (3_000, 0));
        learn(false, 1_400, &mut mean, &mut deviation);
        assert_eq!((mean, deviation), (2_900, 100));
    }

    proptest! {
        #[test]
        fn agrees_with_128_bits(
            power in any::<u32>(), mean in any::<u32>(), deviation in any::<u32>(), capacity in any::<u32>(),
            threshold in 1..=1_000_000u32, floor in 0..=10_000u16,
        ) {
            let rules = Rules { anomaly_threshold: threshold, anomaly_floor: floor, ..Rules::default() };
            let distance = (i128::from(power) - i128::from(mean)).abs() * 10_000;
            let limit = i128::from(deviation) * i128::from(threshold) + i128::from(capacity) * i128::from(floor);
            prop_assert_eq!(is_anomaly(&rules, power, mean, deviation, capacity), distance > limit);

            let (mut new_mean, mut new_deviation) = (mean, deviation);
            learn(false, power, &mut new_mean, &mut new_deviation);
            prop_assert_eq!(u128::from(new_mean), (15 * u128::from(mean) + u128::from(power) + 8) / 16);
            let distance = (i128::from(power) - i128::from(mean)).unsigned_abs();
            prop_assert_eq!(u128::from(new_deviation), (15 * u128::from(deviation) + distance + 8) / 16);
        }
    }
}
