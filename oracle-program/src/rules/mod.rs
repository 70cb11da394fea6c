//! What makes a reading acceptable: one pure module per rule.
//!
//! | module | question |
//! |---|---|
//! | [`timestamp`] | is the reading newer than the last one, neither from the future nor too old, nor too soon? |
//! | [`registers`] | did both registers go forward? |
//! | [`rated_power`] | can the meter's rated power have produced and drawn this much in the elapsed time? |
//! | [`anomaly`] | is the power far from what this meter usually does? (a flag, not a rejection) |
//! | [`quality`] | what is the reading's score, and the meter's quality afterwards? |

pub mod anomaly;
pub mod quality;
pub mod rated_power;
pub mod registers;
pub mod timestamp;

use core::num::NonZeroU32;

use shared_state::{
    error::fail,
    event::flags,
    program::HeadedList,
    reading::{Reading, ReadingOutcome, ACCEPTED},
    state::{PowerProfile, Rules, Track},
    wire::Packed,
    GridError, GridResult,
};

use rated_power::Power;
use timestamp::Window;

/// What the rules need to know beside the reading and the meter's track: the same for all readings of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The numbers in the rules.
    pub rules: &'a Rules,
    /// What the clock allows.
    pub window: Window,
    /// Whether the devices signed the readings.
    pub is_signed: bool,
}

/// Judges a reading. Its outcome, if it is good, is appended to `outcomes`; the error is that of the first rule that it
/// breaks.
#[inline(always)]
pub fn accept(
    context: &Context,
    track: &Track,
    reading: &Packed<Reading>,
    outcomes: &mut HeadedList<ReadingOutcome>,
) -> GridResult {
    let step = Step::new(context, track, reading)?;
    let (flags, score) = if step.is_usual(context, track) {
        (0, quality::best(context.is_signed))
    } else {
        unusual(context, track, reading)
    };
    // A meter's first reading is its mean, with no deviation, and its score the quality.
    let is_first = track.accepted_count == 0;
    let outcome = ReadingOutcome {
        reading: step.reading,
        profile: if is_first {
            step.first_profile()
        } else {
            step.learn(&track.profile)
        },
        quality: quality::average(!is_first, track.quality, score),
        reason: ACCEPTED,
        score,
        flags: flags.into(),
    };
    outcomes.place()?.put(Packed::from(outcome));
    Ok(())
}

/// The step from a meter's last reading to a good one.
struct Step {
    reading: Reading,
    elapsed: NonZeroU32,
    generation: Power,
    consumption: Power,
    /// How far the generation is from its mean (W).
    generation_off: u64,
    /// How far the consumption is from its mean (W).
    consumption_off: u64,
}

impl Step {
    /// Checks the rules that a reading can break.
    #[inline(always)]
    fn new(context: &Context, track: &Track, reading: &Packed<Reading>) -> GridResult<Self> {
        let rules = context.rules;
        let reading = reading.get();
        let elapsed = context
            .window
            .check(rules, track.last_reading_at, reading.timestamp)?;
        let energy = registers::check(track, &reading)?;
        let Some(generation) = rated_power::check(
            track.generation_capacity_w,
            elapsed,
            rules.power_tolerance,
            energy.generation_wh,
        ) else {
            return Err(fail(GridError::GenerationAboveRatedPower));
        };
        let Some(consumption) = rated_power::check(
            track.consumption_capacity_w,
            elapsed,
            rules.power_tolerance,
            energy.consumption_wh,
        ) else {
            return Err(fail(GridError::ConsumptionAboveRatedPower));
        };
        let usual = &track.profile;
        Ok(Self {
            reading,
            elapsed,
            generation,
            consumption,
            generation_off: anomaly::distance(generation.mean_w, usual.generation_mean_w),
            consumption_off: anomaly::distance(consumption.mean_w, usual.consumption_mean_w),
        })
    }

    /// Whether nothing is to be flagged, and both powers are possible without the tolerance.
    #[inline(always)]
    fn is_usual(&self, context: &Context, track: &Track) -> bool {
        !self.generation.needs_tolerance
            && !self.consumption.needs_tolerance
            && !timestamp::is_gap(context.rules, self.elapsed)
            && !context.window.is_late(self.reading.timestamp)
            && !self.is_generation_anomaly(context.rules, track)
            && !self.is_consumption_anomaly(context.rules, track)
    }

    #[inline(always)]
    fn is_generation_anomaly(&self, rules: &Rules, track: &Track) -> bool {
        track.accepted_count >= u64::from(rules.anomaly_warm_up)
            && anomaly::is_anomaly(
                rules,
                self.generation_off,
                track.profile.generation_deviation_w,
                track.generation_capacity_w,
            )
    }

    #[inline(always)]
    fn is_consumption_anomaly(&self, rules: &Rules, track: &Track) -> bool {
        track.accepted_count >= u64::from(rules.anomaly_warm_up)
            && anomaly::is_anomaly(
                rules,
                self.consumption_off,
                track.profile.consumption_deviation_w,
                track.consumption_capacity_w,
            )
    }

    /// The profile of a meter with this one reading.
    #[inline(always)]
    fn first_profile(&self) -> PowerProfile {
        PowerProfile {
            // At most twice a capacity of at most 10^9 W.
            generation_mean_w: self.generation.mean_w as u32,
            generation_deviation_w: 0,
            consumption_mean_w: self.consumption.mean_w as u32,
            consumption_deviation_w: 0,
        }
    }

    /// The profile after this reading.
    #[inline(always)]
    fn learn(&self, past: &PowerProfile) -> PowerProfile {
        let average = anomaly::average;
        PowerProfile {
            generation_mean_w: average(past.generation_mean_w, self.generation.mean_w),
            generation_deviation_w: average(past.generation_deviation_w, self.generation_off),
            consumption_mean_w: average(past.consumption_mean_w, self.consumption.mean_w),
            consumption_deviation_w: average(past.consumption_deviation_w, self.consumption_off),
        }
    }
}

/// Flags and score of a good reading that is out of the ordinary in some way. Takes the step anew: to keep it in memory
/// for this would cost every usual reading.
#[cold]
#[inline(never)]
fn unusual(context: &Context, track: &Track, reading: &Packed<Reading>) -> (u8, u8) {
    // It was good a moment ago. If it weren't, the registry would refuse a score of zero.
    let Ok(step) = Step::new(context, track, reading) else {
        return (0, 0);
    };
    let rules = context.rules;
    let mut found = 0;
    if step.is_generation_anomaly(rules, track) {
        found |= flags::GENERATION_ANOMALY;
    }
    if step.is_consumption_anomaly(rules, track) {
        found |= flags::CONSUMPTION_ANOMALY;
    }
    if timestamp::is_gap(rules, step.elapsed) {
        found |= flags::GAP;
    }
    if context.window.is_late(step.reading.timestamp) {
        found |= flags::LATE;
    }
    let score = quality::score(&quality::Facts {
        is_signed: context.is_signed,
        elapsed: step.elapsed,
        age: context.window.age(step.reading.timestamp),
        within_rated_power: !step.generation.needs_tolerance && !step.consumption.needs_tolerance,
        flags: found,
        rules,
    });
    (found, score)
}

/// The outcome of a reading that broke a rule: a score of zero. Fails with `error` itself if that is no reason that can
/// be recorded.
///
/// Some rejections say nothing about the meter and leave its quality as it is: the meter isn't active, the gateway left
/// out the device's signature, or it sent readings again (or two gateways did, or somebody who found them on chain).
#[cold]
#[inline(never)]
pub fn reject(
    error: GridError,
    track: &Track,
    reading: &Packed<Reading>,
    outcomes: &mut HeadedList<ReadingOutcome>,
) -> GridResult {
    // Zero stands for an accepted reading, so it must never come out of here.
    let reason = match u8::try_from(error.code()) {
        Ok(reason) if reason != ACCEPTED => reason,
        _ => return Err(error),
    };
    let is_the_meters = !matches!(
        error,
        GridError::MeterNotActive | GridError::UnsignedReading | GridError::ReadingNotNewer
    );
    let quality = if is_the_meters {
        quality::average(track.accepted_count > 0, track.quality, 0)
    } else {
        track.quality
    };
    let outcome = ReadingOutcome {
        reading: reading.get(),
        profile: track.profile,
        quality,
        reason,
        score: 0,
        flags: 0,
    };
    outcomes.place()?.put(Packed::from(outcome));
    Ok(())
}

/// The track of a meter after an outcome: for its next reading in the same batch.
pub fn follow(track: &Track, outcome: &ReadingOutcome) -> Track {
    let quality = outcome.quality;
    if outcome.reason != ACCEPTED {
        return Track { quality, ..*track };
    }
    Track {
        last_reading_at: outcome.reading.timestamp,
        generation_register: outcome.reading.generation_register,
        consumption_register: outcome.reading.consumption_register,
        profile: outcome.profile,
        accepted_count: track.accepted_count.wrapping_add(1),
        quality,
        ..*track
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bytemuck::Zeroable;

    /// A generator of 4 kW behind a connection of 12 kW that has just been registered, at time zero with registers of
    /// zero: in a quarter of an hour 1,000 and 3,000 Wh, with the tolerance 1,050 and 3,150.
    pub fn fresh_track() -> Track {
        Track {
            generation_capacity_w: 4_000,
            consumption_capacity_w: 12_000,
            ..Track::zeroed()
        }
    }

    fn context(rules: &Rules, now: i64) -> Context<'_> {
        Context {
            rules,
            window: Window::new(rules, now),
            is_signed: false,
        }
    }

    /// Lets `judge` append an outcome.
    fn outcome(
        judge: impl FnOnce(&mut HeadedList<ReadingOutcome>) -> GridResult,
    ) -> GridResult<ReadingOutcome> {
        let mut list = HeadedList::new(1)?;
        let judged = judge(&mut list);
        assert_eq!(list.len(), usize::from(judged.is_ok()));
        judged.map(|()| list.last().get())
    }

    fn accept(
        context: &Context,
        track: &mut Track,
        reading: &Reading,
    ) -> GridResult<ReadingOutcome> {
        let outcome = outcome(|list| super::accept(context, track, &Packed::from(*reading), list))?;
        *track = follow(track, &outcome);
        Ok(outcome)
    }

    fn reject(
        error: GridError,
        track: &mut Track,
        reading: &Reading,
    ) -> GridResult<ReadingOutcome> {
        let outcome = outcome(|list| super::reject(error, track, &Packed::from(*reading), list))?;
        *track = follow(track, &outcome);
        Ok(outcome)
    }

    fn reading(timestamp: i64, generation_register: u64, consumption_register: u64) -> Reading {
        Reading {
            timestamp,
            generation_register,
            consumption_register,
        }
    }

    #[test]
    fn each_direction_is_bounded_by_its_own_rated_power() {
        let rules = Rules::default();
        let judge = |generation, consumption| {
            let reading = reading(900, generation, consumption);
            accept(&context(&rules, 900), &mut fresh_track(), &reading)
                .map(|outcome| (outcome.score, outcome.profile))
        };
        let score = |generation, consumption| judge(generation, consumption).map(|found| found.0);
        assert_eq!(score(1_000, 3_000), Ok(85));
        assert_eq!(score(1_001, 3_000), Ok(70));
        assert_eq!(score(1_000, 3_001), Ok(70));
        assert_eq!(score(1_050, 3_150), Ok(70));
        assert_eq!(score(1_051, 0), Err(GridError::GenerationAboveRatedPower));
        assert_eq!(score(0, 3_151), Err(GridError::ConsumptionAboveRatedPower));
        let profile = judge(500, 1_500).expect("accepted").1;
        assert_eq!(
            (profile.generation_mean_w, profile.consumption_mean_w),
            (2_000, 6_000)
        );
    }

    #[test]
    fn flags() {
        use shared_state::event::flags::*;
        let rules = Rules::default();
        // Usually 2,000 W up and 500 W down; 4 times the deviation and 5 % of the capacity: 600 and 800 W.
        let usual = Track {
            accepted_count: rules.anomaly_warm_up.into(),
            profile: PowerProfile {
                generation_mean_w: 2_000,
                generation_deviation_w: 100,
                consumption_mean_w: 500,
                consumption_deviation_w: 50,
            },
            ..fresh_track()
        };
        let warming_up = Track {
            accepted_count: usual.accepted_count - 1,
            ..usual
        };
        let flags = |track: &Track, now, elapsed: i64, generation_w: u64, consumption_w: u64| {
            let hours = elapsed as u64 / 900;
            let reading = reading(elapsed, generation_w * hours / 4, consumption_w * hours / 4);
            accept(&context(&rules, now), &mut track.clone(), &reading)
                .map(|outcome| (outcome.flags as u8, outcome.score))
        };
        assert_eq!(flags(&usual, 900, 900, 2_600, 1_300), Ok((0, 85)));
        assert_eq!(
            flags(&usual, 900, 900, 2_604, 500),
            Ok((GENERATION_ANOMALY, 80))
        );
        assert_eq!(
            flags(&usual, 900, 900, 2_000, 1_304),
            Ok((CONSUMPTION_ANOMALY, 80))
        );
        assert_eq!(
            flags(&usual, 900, 900, 0, 4_000),
            Ok((GENERATION_ANOMALY | CONSUMPTION_ANOMALY, 75))
        );
        assert_eq!(flags(&warming_up, 900, 900, 0, 4_000), Ok((0, 85)));
        assert_eq!(flags(&usual, 1_800, 1_800, 2_000, 500), Ok((0, 85)));
        assert_eq!(flags(&usual, 2_700, 2_700, 2_000, 500), Ok((GAP, 78)));
        assert_eq!(flags(&usual, 4_500, 900, 2_000, 500), Ok((0, 85)));
        assert_eq!(flags(&usual, 4_501, 900, 2_000, 500), Ok((LATE, 84)));
    }

    #[test]
    fn a_rejected_reading_changes_quality_alone() {
        let rules = Rules::default();
        let mut track = fresh_track();
        for quarter in 1..=4 {
            let reading = reading(quarter * 900, quarter as u64 * 500, quarter as u64 * 100);
            let outcome = accept(&context(&rules, quarter * 900), &mut track, &reading);
            let outcome = outcome.expect("a good reading");
            assert_eq!((outcome.score, outcome.quality), (85, 8_500));
        }
        let before = track;
        let backwards = reading(4_500, 1_999, 400);
        let error = accept(&context(&rules, 4_500), &mut track, &backwards);
        let error = error.expect_err("a register that goes backwards");
        assert_eq!(track, before);
        let outcome = reject(error, &mut track, &backwards).expect("a reason");
        assert_eq!(
            (outcome.reason, outcome.score, outcome.quality),
            (105, 0, 7_968)
        );
        let quality = 7_968;
        assert_eq!(track, Track { quality, ..before });
    }

    #[test]
    fn what_is_not_the_meters_fault_costs_no_quality() {
        let mut track = Track {
            accepted_count: 1,
            quality: 8_500,
            last_reading_at: 900,
            generation_register: 5,
            consumption_register: 6,
            ..fresh_track()
        };
        for (error, reading, quality) in [
            (GridError::MeterNotActive, reading(1_800, 9, 9), 8_500),
            (GridError::UnsignedReading, reading(1_800, 9, 9), 8_500),
            (GridError::ReadingNotNewer, reading(900, 5, 6), 8_500),
            (GridError::ReadingNotNewer, reading(899, 6, 7), 8_500),
            (GridError::ReadingTooSoon, reading(901, 5, 6), 7_968),
        ] {
            let outcome = reject(error, &mut track, &reading).expect("a reason");
            assert_eq!(outcome.quality, quality, "{error:?} {reading:?}");
        }
    }

    /// Rejections before the first accepted reading don't spoil it.
    #[test]
    fn the_first_accepted_reading_sets_the_quality() {
        let rules = Rules::default();
        let mut track = fresh_track();
        for error in [GridError::MeterNotActive, GridError::ReadingTooSoon] {
            let outcome = reject(error, &mut track, &reading(30, 0, 1)).expect("a reason");
            assert_eq!(outcome.quality, 0);
        }
        let outcome = accept(&context(&rules, 900), &mut track, &reading(900, 10, 10));
        assert_eq!(outcome.expect("accepted").quality, 8_500);
    }

    /// A reason of zero would turn a rejected reading into an accepted one.
    #[test]
    fn no_error_is_recorded_as_accepted() {
        for error in (0..400).filter_map(GridError::from_code) {
            let outcome = reject(error, &mut fresh_track(), &reading(1, 2, 3));
            match error.code() {
                1..=255 => assert_eq!(outcome.map(|o| u32::from(o.reason)), Ok(error.code())),
                _ => assert_eq!(outcome, Err(error)),
            }
        }
    }
}
