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

use shared_state::{
    event::flags,
    reading::{Reading, ReadingOutcome, ACCEPTED},
    state::{Rules, Track},
    GridError, GridResult,
};

/// What the rules need to know beside the reading and the meter's track.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The numbers in the rules.
    pub rules: &'a Rules,
    /// The cluster's clock (Unix seconds).
    pub now: i64,
    /// Rated power of the meter's generator (W).
    pub generation_capacity_w: u32,
    /// Rated power of the meter's connection (W).
    pub consumption_capacity_w: u32,
    /// Whether the device signed the reading.
    pub is_signed: bool,
}

/// Judges a reading. On success, `track` has moved on to it and the outcome says what to record; otherwise `track` is
/// unchanged and the error is that of the first rule that the reading breaks.
#[inline(always)]
pub fn accept(
    context: &Context,
    track: &mut Track,
    reading: &Reading,
) -> GridResult<ReadingOutcome> {
    let rules = context.rules;
    let elapsed = timestamp::check(rules, context.now, track.last_reading_at, reading.timestamp)?;
    let energy = registers::check(track, reading)?;
    let generation = rated_power::Check::new(
        context.generation_capacity_w,
        elapsed,
        rules.power_tolerance,
        energy.generation_wh,
    );
    let consumption = rated_power::Check::new(
        context.consumption_capacity_w,
        elapsed,
        rules.power_tolerance,
        energy.consumption_wh,
    );
    if generation.is_exceeded() {
        return Err(GridError::GenerationAboveRatedPower);
    }
    if consumption.is_exceeded() {
        return Err(GridError::ConsumptionAboveRatedPower);
    }

    let mut found = 0;
    if track.accepted_count >= u64::from(rules.anomaly_warm_up) {
        let profile = &track.profile;
        if anomaly::is_anomaly(
            rules,
            generation.mean_power_w(),
            profile.generation_mean_w,
            profile.generation_deviation_w,
            context.generation_capacity_w,
        ) {
            found |= flags::GENERATION_ANOMALY;
        }
        if anomaly::is_anomaly(
            rules,
            consumption.mean_power_w(),
            profile.consumption_mean_w,
            profile.consumption_deviation_w,
            context.consumption_capacity_w,
        ) {
            found |= flags::CONSUMPTION_ANOMALY;
        }
    }
    if timestamp::is_gap(rules, elapsed) {
        found |= flags::GAP;
    }
    let age = timestamp::age(context.now, reading.timestamp);
    if age > rules.late_after {
        found |= flags::LATE;
    }

    let score = quality::score(&quality::Facts {
        is_signed: context.is_signed,
        elapsed,
        age,
        within_rated_power: !generation.needs_tolerance() && !consumption.needs_tolerance(),
        flags: found,
        rules,
    });
    let is_first = track.accepted_count == 0;
    let profile = &mut track.profile;
    anomaly::learn(
        is_first,
        generation.mean_power_w(),
        &mut profile.generation_mean_w,
        &mut profile.generation_deviation_w,
    );
    anomaly::learn(
        is_first,
        consumption.mean_power_w(),
        &mut profile.consumption_mean_w,
        &mut profile.consumption_deviation_w,
    );
    track.quality = quality::average(has_history(track), track.quality, score);
    track.accepted_count = track.accepted_count.saturating_add(1);
    track.last_reading_at = reading.timestamp;
    track.generation_register = reading.generation_register;
    track.consumption_register = reading.consumption_register;
    Ok(ReadingOutcome {
        reading: *reading,
        profile: track.profile,
        quality: track.quality,
        reason: ACCEPTED,
        score,
        flags: found,
        reserved: [0; 3],
    })
}

/// The outcome of a reading that broke a rule: a score of zero. A meter that isn't active keeps its quality, because
/// such a reading says nothing about the meter.
#[inline(always)]
pub fn reject(error: GridError, track: &mut Track, reading: &Reading) -> ReadingOutcome {
    if error != GridError::MeterNotActive {
        track.quality = quality::average(has_history(track), track.quality, 0);
    }
    track.rejected_count = track.rejected_count.saturating_add(1);
    ReadingOutcome {
        reading: *reading,
        profile: track.profile,
        quality: track.quality,
        reason: error as u8,
        score: 0,
        flags: 0,
        reserved: [0; 3],
    }
}

#[inline(always)]
fn has_history(track: &Track) -> bool {
    track.accepted_count > 0 || track.rejected_count > 0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use shared_state::state::PowerProfile;

    /// A meter that has just been registered, at time zero with registers of zero.
    pub fn fresh_track() -> Track {
        Track {
            last_reading_at: 0,
            generation_register: 0,
            consumption_register: 0,
            accepted_count: 0,
            rejected_count: 0,
            profile: PowerProfile::default(),
            quality: 0,
        }
    }

    fn context(rules: &Rules) -> Context<'_> {
        Context {
            rules,
            now: 0,
            generation_capacity_w: 5_000,
            consumption_capacity_w: 10_000,
            is_signed: false,
        }
    }

    #[test]
    fn a_rejected_reading_leaves_everything_but_quality_and_its_count() {
        let rules = Rules::default();
        let mut track = fresh_track();
        let mut context = context(&rules);
        for quarter in 1..=4 {
            let reading = Reading {
                timestamp: quarter * 900,
                generation_register: quarter as u64 * 1_000,
                consumption_register: quarter as u64 * 100,
            };
            context.now = reading.timestamp;
            let outcome = accept(&context, &mut track, &reading).expect("a good reading");
            assert_eq!((outcome.score, outcome.quality), (85, 8_500));
        }
        let before = track;
        let replay = Reading {
            timestamp: 3_600,
            generation_register: 4_000,
            consumption_register: 400,
        };
        let error = accept(&context, &mut track, &replay).expect_err("a replay");
        assert_eq!(error, GridError::ReadingNotNewer);
        assert_eq!(track, before);
        let outcome = reject(error, &mut track, &replay);
        assert_eq!(outcome.reason, 101);
        assert_eq!(
            track,
            Track {
                quality: 7_968,
                rejected_count: 1,
                ..before
            }
        );
    }

    #[test]
    fn an_inactive_meter_keeps_its_quality() {
        let mut track = Track {
            accepted_count: 1,
            quality: 8_500,
            ..fresh_track()
        };
        let reading = Reading {
            timestamp: 900,
            generation_register: 0,
            consumption_register: 0,
        };
        assert_eq!(
            reject(GridError::MeterNotActive, &mut track, &reading).quality,
            8_500
        );
    }

    #[test]
    fn every_reject_reason_fits_into_its_byte() {
        for code in 0..400 {
            if let Some(error) = GridError::from_code(code) {
                let is_rule = error == GridError::MeterNotActive || (100..200).contains(&code);
                assert!(!is_rule || code < 256);
            }
        }
    }
}
