use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

use super::header::{account_layout, governed, Header};
use crate::quantity::Bps;

/// How many reporters an oracle can have.
pub const MAX_REPORTERS: usize = 16;

/// The greatest `max_age` that rules can have: 90 days (s).
pub const MAX_AGE: u32 = 90 * 24 * 3600;

/// The greatest `max_future_skew` that rules can have: an hour (s).
pub const MAX_FUTURE_SKEW: u32 = 3600;

/// The greatest `power_tolerance` that rules can have: 10 %.
pub const MAX_POWER_TOLERANCE: Bps = Bps(1_000);

/// The greatest `jump_factor` that rules can have.
pub const MAX_JUMP_FACTOR: u16 = 100;

/// OracleConfig status: takes no readings.
pub const ORACLE_PAUSED: u8 = 0;
/// OracleConfig status: takes readings.
pub const ORACLE_ACTIVE: u8 = 1;

/// The numbers in the oracle's validation rules.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Rules {
    /// How far ahead of the cluster's clock a reading may be (s).
    pub max_future_skew: u32,
    /// How old a reading may be (s).
    pub max_age: u32,
    /// The shortest time between two readings of a meter (s).
    pub min_interval: u32,
    /// The usual time between two readings of a meter (s); a gap of more than two of them costs quality.
    pub expected_interval: u32,
    /// From which age on a reading counts as late (s).
    pub late_after: u32,
    /// A reading is an anomaly when its power is further from the mean than this multiple of the mean deviation
    /// (basis points: 40,000 is four times) ...
    pub anomaly_threshold: u32,
    /// ... plus this share of the rated power (basis points) ...
    pub anomaly_floor: Bps,
    /// ... once the meter has this many accepted readings.
    pub anomaly_warm_up: u16,
    /// By how much a reading may exceed the energy that the rated power allows.
    pub power_tolerance: Bps,
    /// More than this many times the energy that the rated power and the tolerance allow, in the time since the last reading
    /// or an expected interval if that is longer, is a jump, and held.
    pub jump_factor: u16,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            max_future_skew: 60,
            max_age: 7 * 24 * 3600,
            min_interval: 60,
            expected_interval: 15 * 60,
            late_after: 3600,
            anomaly_threshold: 40_000,
            anomaly_floor: Bps(500),
            anomaly_warm_up: 96,
            power_tolerance: Bps(500),
            jump_factor: 2,
        }
    }
}

impl Rules {
    /// Whether the rules make sense: no interval or age of zero, ages above the intervals that they must cover and of at
    /// most [`MAX_AGE`], a skew of at most [`MAX_FUTURE_SKEW`] and one expected interval (a reading from the future is energy before its time,
    /// and blocks the meter until then), a floor of at most 100 %, a
    /// tolerance of at most [`MAX_POWER_TOLERANCE`], a threshold above zero and of at most 100 times, a jump factor from 1 to
    /// [`MAX_JUMP_FACTOR`].
    pub fn are_valid(&self) -> bool {
        self.min_interval > 0
            && self.expected_interval >= self.min_interval
            && self.max_age >= self.expected_interval
            && self.late_after > 0
            && self.late_after < self.max_age
            && self.max_age <= MAX_AGE
            && self.max_future_skew <= MAX_FUTURE_SKEW
            && self.max_future_skew <= self.expected_interval
            && self.anomaly_threshold > 0
            && self.anomaly_threshold <= 100 * Bps::FULL.0 as u32
            && self.anomaly_floor <= Bps::FULL
            && self.power_tolerance <= MAX_POWER_TOLERANCE
            && (1..=MAX_JUMP_FACTOR).contains(&self.jump_factor)
    }
}

/// The oracle's configuration, and the signer of its calls to the registry.
///
/// Seeds `["oracle"]` of the oracle-program. Status: [`ORACLE_ACTIVE`] or [`ORACLE_PAUSED`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct OracleConfig {
    /// Type 1.
    pub header: Header,
    /// Who may change this configuration.
    pub authority: Pubkey,
    /// Who has been proposed as the next authority; zero if nobody.
    pub pending_authority: Pubkey,
    /// The program that keeps the meters.
    pub registry_program: Pubkey,
    /// The numbers in the validation rules.
    pub rules: Rules,
    /// How many of `reporters` are in use.
    pub reporter_count: u64,
    /// Keys of the gateways that may submit readings; zero behind the first `reporter_count`.
    pub reporters: [Pubkey; MAX_REPORTERS],
}
account_layout!(OracleConfig, 656);
governed!(OracleConfig);

impl OracleConfig {
    /// The reporters in use.
    #[inline(always)]
    pub fn reporters(&self) -> &[Pubkey] {
        let count = (self.reporter_count as usize).min(MAX_REPORTERS);
        &self.reporters[..count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_rules_are_valid() {
        assert!(Rules::default().are_valid());
    }

    #[test]
    fn rules_at_every_limit_are_valid() {
        let good = Rules::default();
        let least = Rules {
            max_future_skew: 1,
            max_age: 2,
            min_interval: 1,
            expected_interval: 1,
            late_after: 1,
            anomaly_threshold: 1,
            anomaly_floor: Bps(0),
            anomaly_warm_up: 0,
            power_tolerance: Bps(0),
            jump_factor: 1,
        };
        let most = Rules {
            max_future_skew: MAX_FUTURE_SKEW,
            max_age: MAX_AGE,
            min_interval: MAX_AGE,
            expected_interval: MAX_AGE,
            late_after: MAX_AGE - 1,
            anomaly_threshold: 1_000_000,
            anomaly_floor: Bps::FULL,
            anomaly_warm_up: u16::MAX,
            power_tolerance: MAX_POWER_TOLERANCE,
            jump_factor: MAX_JUMP_FACTOR,
        };
        let skew = Rules {
            max_future_skew: good.expected_interval,
            ..good
        };
        for rules in [least, most, skew] {
            assert!(rules.are_valid(), "{rules:?}");
        }
        for rules in [
            Rules {
                max_age: MAX_AGE + 1,
                ..most
            },
            Rules {
                max_future_skew: MAX_FUTURE_SKEW + 1,
                ..most
            },
        ] {
            assert!(!rules.are_valid(), "{rules:?}");
        }
    }

    #[test]
    fn rules_that_make_no_sense() {
        let good = Rules::default();
        for (what, bad) in [
            (
                "no interval",
                Rules {
                    min_interval: 0,
                    ..good
                },
            ),
            (
                "expected below minimum",
                Rules {
                    expected_interval: 59,
                    ..good
                },
            ),
            (
                "age below interval",
                Rules {
                    max_age: 899,
                    late_after: 800,
                    ..good
                },
            ),
            (
                "never late",
                Rules {
                    late_after: 0,
                    ..good
                },
            ),
            (
                "late after the maximum age",
                Rules {
                    late_after: good.max_age,
                    ..good
                },
            ),
            (
                "skew beyond an interval",
                Rules {
                    max_future_skew: good.expected_interval + 1,
                    ..good
                },
            ),
            (
                "no threshold",
                Rules {
                    anomaly_threshold: 0,
                    ..good
                },
            ),
            (
                "threshold over 100 times",
                Rules {
                    anomaly_threshold: 1_000_001,
                    ..good
                },
            ),
            (
                "floor over 100 %",
                Rules {
                    anomaly_floor: Bps(10_001),
                    ..good
                },
            ),
            (
                "tolerance over 10 %",
                Rules {
                    power_tolerance: Bps(1_001),
                    ..good
                },
            ),
            (
                "everything a jump",
                Rules {
                    jump_factor: 0,
                    ..good
                },
            ),
            (
                "nothing a jump",
                Rules {
                    jump_factor: MAX_JUMP_FACTOR + 1,
                    ..good
                },
            ),
        ] {
            assert!(!bad.are_valid(), "{what}");
        }
    }
}
