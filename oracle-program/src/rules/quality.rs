//! The score of a reading (0-100), and the running average that is the meter's quality (basis points).
//!
//! | part | points | when |
//! |---|---|---|
//! | authenticity | 30 | signed by the device; 15 when only the reporter vouches |
//! | completeness | 20 | at most two expected intervals since the last reading; the longer the gap, the less |
//! | range | 25 | within the rated power; 10 when only the tolerance makes it possible |
//! | timeliness | 15 | not late; then less and less, down to 0 at the maximum age |
//! | plausibility | 10 | no anomaly; 5 when one direction is one, 0 when both are |
//!
//! A rejected reading scores 0.

use core::num::{NonZeroU32, NonZeroU64};

use shared_state::{
    quantity::Bps,
    reading::flags::{CONSUMPTION_ANOMALY, GENERATION_ANOMALY},
    state::Rules,
};

const SIGNED: u32 = 30;
const VOUCHED: u32 = 15;
const COMPLETENESS: u32 = 20;
const IN_RANGE: u32 = 25;
const IN_TOLERANCE: u32 = 10;
const TIMELINESS: u32 = 15;
const PLAUSIBILITY: u32 = 10;
const ANOMALY_COST: u32 = 5;

/// What the score depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Signed by the device.
    pub is_signed: bool,
    /// Time since the last reading (s).
    pub elapsed: NonZeroU32,
    /// How old the reading is (s).
    pub age: u32,
    /// Possible without the tolerance, in both directions.
    pub within_rated_power: bool,
    /// Anomalies found.
    pub flags: u8,
    /// The numbers in the rules.
    pub rules: &'a Rules,
}

/// The score of an accepted reading that is as good as it can be: within the rated power, and without a flag.
#[inline(always)]
pub fn best(is_signed: bool) -> u8 {
    const REST: u32 = COMPLETENESS + IN_RANGE + TIMELINESS + PLAUSIBILITY;
    if is_signed {
        (SIGNED + REST) as u8
    } else {
        (VOUCHED + REST) as u8
    }
}

/// The score of an accepted reading, 0-100.
#[cold]
#[inline(never)]
pub fn score(facts: &Facts) -> u8 {
    let authenticity = if facts.is_signed { SIGNED } else { VOUCHED };
    let expected = u64::from(facts.rules.expected_interval).wrapping_mul(2);
    let completeness = share(
        COMPLETENESS,
        expected,
        NonZeroU64::from(facts.elapsed).get(),
    );
    let range = if facts.within_rated_power {
        IN_RANGE
    } else {
        IN_TOLERANCE
    };
    let (late, oldest) = (facts.rules.late_after, facts.rules.max_age);
    let timeliness = if facts.age <= late {
        TIMELINESS
    } else {
        let left = oldest.saturating_sub(facts.age);
        share(TIMELINESS, left.into(), oldest.saturating_sub(late).into())
    };
    let mut plausibility = PLAUSIBILITY;
    if facts.flags & GENERATION_ANOMALY != 0 {
        plausibility = plausibility.saturating_sub(ANOMALY_COST);
    }
    if facts.flags & CONSUMPTION_ANOMALY != 0 {
        plausibility = plausibility.saturating_sub(ANOMALY_COST);
    }
    authenticity
        .wrapping_add(completeness)
        .wrapping_add(range)
        .wrapping_add(timeliness)
        .wrapping_add(plausibility) as u8
}

/// `points x part / whole`, rounded down, at most `points`. Both numbers are below 2^34.
#[inline(always)]
fn share(points: u32, part: u64, whole: u64) -> u32 {
    if part >= whole {
        points
    } else {
        (u64::from(points).wrapping_mul(part) / whole) as u32
    }
}

/// The quality that a score stands for: that of a meter with one reading.
#[inline(always)]
pub fn of_score(score: u8) -> Bps {
    Bps(u16::from(score) * 100)
}

/// The meter's quality after another reading of this score: `(15 quality + 100 score) / 16`, rounded to the nearest, but at
/// least a step towards the score, so that it gets there.
#[inline(always)]
pub fn average(quality: Bps, score: u8) -> Bps {
    // Most meters are there.
    if quality == of_score(score) {
        quality
    } else {
        approach(quality, of_score(score))
    }
}

#[cold]
#[inline(never)]
fn approach(past: Bps, new: Bps) -> Bps {
    let (past, new) = (u32::from(past.0), u32::from(new.0));
    let nearest = (past * 15 + new + 8) >> 4;
    let average = if nearest != past {
        nearest
    } else if new > past {
        past + 1
    } else {
        past - 1
    };
    Bps(average as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(elapsed: u32) -> NonZeroU32 {
        NonZeroU32::new(elapsed).expect("above zero")
    }

    fn facts(rules: &Rules) -> Facts<'_> {
        Facts {
            is_signed: true,
            elapsed: seconds(900),
            age: 0,
            within_rated_power: true,
            flags: 0,
            rules,
        }
    }

    #[test]
    fn weights() {
        let rules = Rules::default();
        let good = facts(&rules);
        assert_eq!(score(&good), 100);
        for (points, what) in [
            (
                85,
                Facts {
                    is_signed: false,
                    ..good
                },
            ),
            (
                100,
                Facts {
                    elapsed: seconds(1_800),
                    ..good
                },
            ),
            (
                99,
                Facts {
                    elapsed: seconds(1_801),
                    ..good
                },
            ),
            (
                90,
                Facts {
                    elapsed: seconds(3_600),
                    ..good
                },
            ),
            (
                85,
                Facts {
                    within_rated_power: false,
                    ..good
                },
            ),
            (100, Facts { age: 3_600, ..good }),
            (99, Facts { age: 3_601, ..good }),
            (
                85,
                Facts {
                    age: 7 * 24 * 3_600,
                    ..good
                },
            ),
            (
                95,
                Facts {
                    flags: GENERATION_ANOMALY,
                    ..good
                },
            ),
            (
                95,
                Facts {
                    flags: CONSUMPTION_ANOMALY,
                    ..good
                },
            ),
            (
                90,
                Facts {
                    flags: GENERATION_ANOMALY | CONSUMPTION_ANOMALY,
                    ..good
                },
            ),
        ] {
            assert_eq!(score(&what), points, "{what:?}");
        }
    }

    /// How many equally good readings bring a meter from every quality to the usual minimum of 50 %, and to the score itself.
    #[test]
    fn a_meter_recovers_from_every_quality() {
        for (score, to_half, to_score) in [(100, 11, 117), (85, 14, 114)] {
            let count = |mut quality: Bps, target: u16| {
                let mut count = 0;
                while quality.0 < target {
                    quality = average(quality, score);
                    count += 1;
                }
                count
            };
            assert_eq!(count(Bps(0), 5_000), to_half, "score {score}");
            let full = u16::from(score) * 100;
            let most = (0..=full).map(|start| count(Bps(start), full)).max();
            assert_eq!(most, Some(to_score), "score {score}");
        }
    }

    #[test]
    fn the_first_reading_sets_the_quality() {
        assert_eq!(of_score(85), Bps(8_500));
        assert_eq!(average(Bps(8_500), 0), Bps(7_969));
    }

    /// What the registry takes for the most that a reporter's word is worth.
    #[test]
    fn readings_without_a_signature_reach_what_the_registry_expects() {
        assert_eq!(
            u16::from(best(false)) * 100,
            shared_state::state::VOUCHED_QUALITY.0
        );
    }

    proptest! {
        #[test]
        fn agrees_with_128_bits(
            is_signed: bool, elapsed in prop_oneof![1u32.., 1u32..10_000], age in prop_oneof![0u32.., 0u32..1_000_000],
            within_rated_power: bool, flags in 0u8..16, expected_interval in 60u32..100_000, late_after in 1u32..500_000,
        ) {
            let rules = Rules { expected_interval, late_after, ..Rules::default() };
            let facts = Facts { is_signed, elapsed: seconds(elapsed), age, within_rated_power, flags, rules: &rules };
            let (elapsed, age) = (u128::from(elapsed), u128::from(age));
            let (twice, late, oldest) = (2 * u128::from(expected_interval), u128::from(late_after), 604_800);
            let mut expected: u128 = if is_signed { 30 } else { 15 };
            expected += if elapsed <= twice { 20 } else { 20 * twice / elapsed };
            expected += if within_rated_power { 25 } else { 10 };
            expected += if age <= late {
                15
            } else if age >= oldest {
                0
            } else {
                15 * (oldest - age) / (oldest - late)
            };
            expected += 10 - 5 * u128::from(flags & 1) - 5 * u128::from(flags >> 1 & 1);
            prop_assert_eq!(u128::from(score(&facts)), expected);
            prop_assert!(expected <= 100);
            let has_flag = flags & 3 != 0 || elapsed > twice || age > late;
            if within_rated_power && !has_flag {
                prop_assert_eq!(u128::from(best(is_signed)), expected);
            }
        }

        #[test]
        fn the_average_agrees_with_128_bits(quality in 0..=10_000u16, score in 0..=100u8) {
            let (past, new) = (i128::from(quality), 100 * i128::from(score));
            let mut expected = (15 * past + new + 8) / 16;
            if expected == past {
                expected += (new - past).signum();
            }
            prop_assert_eq!(i128::from(average(Bps(quality), score).0), expected);
        }
    }
}
