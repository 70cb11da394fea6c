//! What makes a reading acceptable: one pure module per rule.
//!
//! | module | question |
//! |---|---|
//! | [`timestamp`] | is the reading newer than the last one, neither from the future nor too old, nor too soon? |
//! | [`registers`] | can the meter have counted this since? Registers only go forward, or roll over; jumps are held |
//! | [`rated_power`] | can the meter's rated power have produced and drawn this much in the elapsed time? |
//! | [`anomaly`] | is the power far from what this meter usually does? (a flag, not a rejection) |
//! | [`quality`] | what is the reading's score, and the meter's quality afterwards? |
//!
//! [`fast`] gives the same answer for the usual reading, sooner.

pub mod anomaly;
pub mod fast;
pub mod quality;
pub mod rated_power;
pub mod registers;
pub mod timestamp;

use shared_state::{
    reading::{flags, Reading, ReadingOutcome, RejectReason},
    state::{PowerProfile, ReadingState, Rules},
};

use timestamp::Window;

/// What the rules need to know beside the reading and the meter's state: the same for all readings of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The numbers in the rules.
    pub rules: &'a Rules,
    /// What the clock allows.
    pub window: Window,
    /// Whether the devices signed the readings.
    pub is_signed: bool,
}

impl<'a> Context<'a> {
    /// The context of these rules at this time.
    #[inline(always)]
    pub fn new(rules: &'a Rules, now: i64, is_signed: bool) -> Self {
        Self {
            rules,
            window: Window::new(rules, now),
            is_signed,
        }
    }
}

/// Why a reading is refused, and what is to be noted beside the reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The first rule that it breaks.
    pub reason: RejectReason,
    /// Which registers jumped: bits of [`flags`].
    pub flags: u8,
}

impl From<RejectReason> for Refusal {
    fn from(reason: RejectReason) -> Self {
        Self { reason, flags: 0 }
    }
}

/// Judges a reading, in one pass: its timestamp, its registers and the power behind them, what is unusual, its score.
#[cold]
#[inline(never)]
pub fn judge(
    context: &Context,
    state: &ReadingState,
    reading: &Reading,
) -> Result<ReadingOutcome, Refusal> {
    let rules = context.rules;
    let elapsed = context
        .window
        .check(rules, state.last_reading_at, reading.timestamp)?;
    let powers = registers::powers(rules, state, elapsed, reading)?;

    let usual = &state.profile;
    let generation_off = anomaly::distance(powers.generation_w, usual.generation_mean_w);
    let consumption_off = anomaly::distance(powers.consumption_w, usual.consumption_mean_w);
    let mut flags = 0;
    if state.accepted_count >= u64::from(rules.anomaly_warm_up) {
        let (deviation, capacity) = (usual.generation_deviation_w, state.generation_capacity_w);
        if anomaly::is_anomaly(rules, generation_off, deviation, capacity) {
            flags |= flags::GENERATION_ANOMALY;
        }
        let (deviation, capacity) = (usual.consumption_deviation_w, state.consumption_capacity_w);
        if anomaly::is_anomaly(rules, consumption_off, deviation, capacity) {
            flags |= flags::CONSUMPTION_ANOMALY;
        }
    }
    if timestamp::is_gap(rules, elapsed.get()) {
        flags |= flags::GAP;
    }
    if context.window.is_late(reading.timestamp) {
        flags |= flags::LATE;
    }
    let score = quality::score(&quality::Facts {
        is_signed: context.is_signed,
        elapsed,
        age: context.window.age(reading.timestamp),
        within_rated_power: !powers.need_tolerance,
        flags,
        rules,
    });
    // A meter's first reading is its mean, with no deviation, and its score the quality.
    let (profile, quality) = if state.accepted_count == 0 {
        let profile = PowerProfile {
            // A power is at most a capacity of 10^9 W and a tenth of that.
            generation_mean_w: powers.generation_w as u32,
            generation_deviation_w: 0,
            consumption_mean_w: powers.consumption_w as u32,
            consumption_deviation_w: 0,
        };
        (profile, quality::of_score(score))
    } else {
        let average = anomaly::average;
        let profile = PowerProfile {
            generation_mean_w: average(usual.generation_mean_w, powers.generation_w),
            generation_deviation_w: average(usual.generation_deviation_w, generation_off),
            consumption_mean_w: average(usual.consumption_mean_w, powers.consumption_w),
            consumption_deviation_w: average(usual.consumption_deviation_w, consumption_off),
        };
        (profile, quality::average(state.quality, score))
    };
    Ok(ReadingOutcome {
        reading: *reading,
        profile,
        quality,
        reason: ReadingOutcome::ACCEPTED,
        score,
        flags,
        reserved: [0; 3],
    })
}

/// The outcome of a reading that is refused: a score of zero. It costs quality if its reason says something about the meter,
/// once: a reading that isn't newer than the last one that cost some is the same again, or late; and once a jump is held,
/// the meter goes on saying the same.
#[cold]
#[inline(never)]
pub fn rejected(state: &ReadingState, reading: Reading, refusal: Refusal) -> ReadingOutcome {
    let Refusal { reason, flags } = refusal;
    let is_known = reason == RejectReason::RegisterJumped && state.is_held();
    let is_charged =
        reason.costs_quality() && !is_known && reading.timestamp > state.last_charged_at;
    let (quality, charged) = if is_charged {
        (quality::average(state.quality, 0), flags::CHARGED)
    } else {
        (state.quality, 0)
    };
    ReadingOutcome {
        reading,
        profile: state.profile,
        quality,
        reason: reason.code(),
        score: 0,
        flags: flags | charged,
        reserved: [0; 3],
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bytemuck::Zeroable;
    use shared_state::quantity::{Bps, Wh};

    /// A generator of 4 kW behind a connection of 12 kW that has just been registered, at time zero with registers of
    /// zero: in a quarter of an hour 1,000 and 3,000 Wh, with the tolerance 1,050 and 3,150.
    pub fn fresh_state() -> ReadingState {
        ReadingState {
            generation_capacity_w: 4_000,
            consumption_capacity_w: 12_000,
            ..ReadingState::zeroed()
        }
    }

    fn context(rules: &Rules, now: i64) -> Context<'_> {
        Context::new(rules, now, false)
    }

    fn accept(
        context: &Context,
        state: &mut ReadingState,
        reading: Reading,
    ) -> Result<ReadingOutcome, RejectReason> {
        let outcome = judge(context, state, &reading).map_err(|refusal| refusal.reason)?;
        state.apply(&outcome);
        Ok(outcome)
    }

    fn reject(reason: RejectReason, state: &mut ReadingState, reading: Reading) -> ReadingOutcome {
        let outcome = rejected(state, reading, reason.into());
        state.apply(&outcome);
        outcome
    }

    fn reading(timestamp: i64, generation_register: u64, consumption_register: u64) -> Reading {
        Reading {
            timestamp,
            generation_register: Wh(generation_register),
            consumption_register: Wh(consumption_register),
        }
    }

    #[test]
    fn each_direction_is_bounded_by_its_own_rated_power() {
        let rules = Rules::default();
        let judge = |generation, consumption| {
            let reading = reading(900, generation, consumption);
            accept(&context(&rules, 900), &mut fresh_state(), reading)
                .map(|outcome| (outcome.score, outcome.profile))
        };
        let score = |generation, consumption| judge(generation, consumption).map(|found| found.0);
        assert_eq!(score(1_000, 3_000), Ok(85));
        assert_eq!(score(1_001, 3_000), Ok(70));
        assert_eq!(score(1_000, 3_001), Ok(70));
        assert_eq!(score(1_050, 3_150), Ok(70));
        assert_eq!(
            score(1_051, 0),
            Err(RejectReason::GenerationAboveRatedPower)
        );
        assert_eq!(
            score(0, 3_151),
            Err(RejectReason::ConsumptionAboveRatedPower)
        );
        let profile = judge(500, 1_500).expect("accepted").1;
        assert_eq!(
            (profile.generation_mean_w, profile.consumption_mean_w),
            (2_000, 6_000)
        );
    }

    #[test]
    fn flags() {
        use shared_state::reading::flags::*;
        let rules = Rules::default();
        // Usually 2,000 W up and 500 W down; 4 times the deviation and 5 % of the capacity: 600 and 800 W.
        let usual = ReadingState {
            accepted_count: rules.anomaly_warm_up.into(),
            profile: PowerProfile {
                generation_mean_w: 2_000,
                generation_deviation_w: 100,
                consumption_mean_w: 500,
                consumption_deviation_w: 50,
            },
            ..fresh_state()
        };
        let warming_up = ReadingState {
            accepted_count: usual.accepted_count - 1,
            ..usual
        };
        let flags =
            |state: &ReadingState, now, elapsed: i64, generation_w: u64, consumption_w: u64| {
                let hours = elapsed as u64 / 900;
                let reading = reading(elapsed, generation_w * hours / 4, consumption_w * hours / 4);
                accept(&context(&rules, now), &mut state.clone(), reading)
                    .map(|outcome| (outcome.flags, outcome.score))
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
        let mut state = fresh_state();
        for quarter in 1..=4 {
            let reading = reading(quarter * 900, quarter as u64 * 500, quarter as u64 * 100);
            let outcome = accept(&context(&rules, quarter * 900), &mut state, reading);
            let outcome = outcome.expect("a good reading");
            assert_eq!((outcome.score, outcome.quality), (85, Bps(8_500)));
        }
        let before = state;
        let backwards = reading(4_500, 1_999, 400);
        let reason = accept(&context(&rules, 4_500), &mut state, backwards);
        let reason = reason.expect_err("a register that goes backwards");
        assert_eq!(state, before);
        let outcome = reject(reason, &mut state, backwards);
        assert_eq!(
            (outcome.reason, outcome.score, outcome.quality),
            (105, 0, Bps(7_969))
        );
        let expected = ReadingState {
            quality: Bps(7_969),
            last_charged_at: 4_500,
            ..before
        };
        assert_eq!(state, expected);
        // The same again, or an older one, is charged no more; a newer one is.
        assert_eq!(reject(reason, &mut state, backwards).quality, Bps(7_969));
        let older = reading(4_499, 1_999, 400);
        assert_eq!(reject(reason, &mut state, older).quality, Bps(7_969));
        let newer = reading(4_501, 1_999, 400);
        assert_eq!(reject(reason, &mut state, newer).quality, Bps(7_471));
    }

    #[test]
    fn only_reasons_that_say_something_about_the_meter_cost_quality() {
        for reason in RejectReason::ALL {
            let mut state = ReadingState {
                accepted_count: 1,
                quality: Bps(8_500),
                ..fresh_state()
            };
            let outcome = reject(*reason, &mut state, reading(1_800, 9, 9));
            let expected = if reason.costs_quality() { 7_969 } else { 8_500 };
            assert_eq!(outcome.quality, Bps(expected), "{reason:?}");
        }
    }

    /// Rejections before the first accepted reading don't spoil it.
    #[test]
    fn the_first_accepted_reading_sets_the_quality() {
        let rules = Rules::default();
        let mut state = fresh_state();
        for reason in [RejectReason::MeterNotActive, RejectReason::ReadingInFuture] {
            let outcome = reject(reason, &mut state, reading(30, 0, 1));
            assert_eq!(outcome.quality, Bps(0));
        }
        let outcome = accept(&context(&rules, 900), &mut state, reading(900, 10, 10));
        assert_eq!(outcome.expect("accepted").quality, Bps(8_500));
    }

    /// 4 kW may count 1,050 Wh in a quarter of an hour; 2,100 are twice that.
    #[test]
    fn a_jump_is_held_until_a_reading_below_it_is_accepted() {
        let rules = Rules::default();
        let mut state = fresh_state();
        let mut judge = |timestamp, generation, consumption| {
            let reading = reading(timestamp, generation, consumption);
            let outcome = judge(&context(&rules, timestamp), &state, &reading)
                .unwrap_or_else(|refusal| rejected(&state, reading, refusal));
            state.apply(&outcome);
            let held = (
                state.held_generation_register.0,
                state.held_consumption_register.0,
            );
            (
                RejectReason::from_code(outcome.reason),
                outcome.quality.0,
                held,
            )
        };
        use RejectReason::*;
        assert_eq!(judge(900, 1_000, 0), (None, 8_500, (0, 0)));
        assert_eq!(
            judge(1_800, 3_100, 0),
            (Some(GenerationAboveRatedPower), 7_969, (0, 0))
        );
        assert_eq!(
            judge(1_801, 3_103, 0),
            (Some(RegisterJumped), 7_471, (3_103, 0))
        );
        // However much later, and at no further cost.
        assert_eq!(
            judge(900_000, 3_103, 0),
            (Some(RegisterJumped), 7_471, (3_103, 0))
        );
        // The other direction for itself.
        assert_eq!(
            judge(900_900, 1_100, 9_999_999),
            (Some(RegisterJumped), 7_471, (3_103, 9_999_999))
        );
        // Refused for something else, it doesn't end the hold.
        assert_eq!(
            judge(900_901, 999, 0),
            (Some(GenerationRegisterBackwards), 7_004, (3_103, 9_999_999))
        );
        let (reason, _, held) = judge(901_800, 3_102, 10);
        assert_eq!((reason, held), (None, (0, 0)));
        let (reason, _, held) = judge(902_700, 3_103, 10);
        assert_eq!((reason, held), (None, (0, 0)));
    }

    #[test]
    fn another_rated_power_ends_the_hold_of_a_jump_that_it_allows() {
        let rules = Rules::default();
        let mut state = fresh_state();
        let jump = reading(900, 5_000, 0);
        let refusal = judge(&context(&rules, 900), &state, &jump).expect_err("a jump");
        assert_eq!(refusal.flags, flags::GENERATION_HELD);
        state.apply(&rejected(&state, jump, refusal));
        let later = reading(90_000, 5_100, 0);
        let mut verdict = |capacity| {
            state.generation_capacity_w = capacity;
            judge(&context(&rules, 90_000), &state, &later).map_err(|refusal| refusal.reason)
        };
        // In 900 s, 5,000 Wh are 20 kW, and a jump for less than half of that, the tolerance included.
        assert_eq!(verdict(9_522).err(), Some(RejectReason::RegisterJumped));
        assert_eq!(verdict(9_523).err(), None);
    }

    #[test]
    fn registers_roll_over_if_that_fits_the_rated_power() {
        let rules = Rules::default();
        let state = ReadingState {
            register_modulus: Wh(100_000),
            generation_register: Wh(99_500),
            consumption_register: Wh(99_999),
            ..fresh_state()
        };
        let judge = |generation, consumption| {
            let reading = reading(900, generation, consumption);
            judge(&context(&rules, 900), &state, &reading)
                .map(|outcome| outcome.profile.generation_mean_w)
                .map_err(|refusal| (refusal.reason, refusal.flags))
        };
        use RejectReason::*;
        assert_eq!(judge(99_600, 99_999), Ok(400));
        assert_eq!(judge(0, 0), Ok(2_000));
        assert_eq!(judge(550, 3_149), Ok(4_200));
        assert_eq!(judge(551, 0), Err((GenerationRegisterBackwards, 0)));
        let held = flags::GENERATION_HELD;
        assert_eq!(judge(99_499, 0), Err((GenerationRegisterBackwards, held)));
        assert_eq!(judge(0, 3_150), Err((ConsumptionRegisterBackwards, 0)));
        assert_eq!(judge(100_000, 0), Err((RegisterBeyondModulus, 0)));
        assert_eq!(judge(0, u64::MAX), Err((RegisterBeyondModulus, 0)));
    }

    #[test]
    fn what_a_correction_took_away_may_come_back_at_once() {
        let rules = Rules::default();
        let state = ReadingState {
            last_reading_at: 100,
            corrected_at: 100,
            generation_register: Wh(1_000),
            corrected_generation_register: Wh(900_000),
            ..fresh_state()
        };
        let judge = |state: &ReadingState, generation| {
            judge(
                &context(&rules, 1_000),
                state,
                &reading(1_000, generation, 0),
            )
            .map(|outcome| outcome.profile.generation_mean_w)
            .map_err(|refusal| refusal.reason)
        };
        assert_eq!(judge(&state, 1_500), Ok(2_000));
        assert_eq!(judge(&state, 900_500), Ok(2_000));
        assert_eq!(
            judge(&state, 901_051),
            Err(RejectReason::GenerationAboveRatedPower)
        );
        assert_eq!(judge(&state, 902_101), Err(RejectReason::RegisterJumped));
        let read_since = ReadingState {
            corrected_at: 99,
            ..state
        };
        assert_eq!(
            judge(&read_since, 900_500),
            Err(RejectReason::RegisterJumped)
        );
    }

    /// Judges readings one after the other, whatever becomes of them: the reasons, and what is held in the end.
    fn judge_all(
        state: &mut ReadingState,
        now: i64,
        readings: &[(i64, u64)],
    ) -> Vec<Option<RejectReason>> {
        let rules = Rules::default();
        let judge = |&(timestamp, generation): &(i64, u64)| {
            let reading = reading(timestamp, generation, state.consumption_register.0);
            let outcome = judge(&context(&rules, now.max(timestamp)), state, &reading)
                .unwrap_or_else(|refusal| rejected(state, reading, refusal));
            state.apply(&outcome);
            RejectReason::from_code(outcome.reason)
        };
        readings.iter().map(judge).collect()
    }

    /// A hold is judged by the time until the earliest jump, in whatever order they arrive: 4,300 Wh are a jump in half an
    /// hour, but none in an hour.
    #[test]
    fn an_earlier_jump_that_arrives_later_weakens_no_hold() {
        use RejectReason::RegisterJumped;
        let mut state = fresh_state();
        let readings = [(3_600, 1_000_000), (1_800, 4_300)];
        let reasons = judge_all(&mut state, 3_600, &readings);
        assert_eq!(reasons, [Some(RegisterJumped); 2]);
        assert_eq!(state.held_at, 1_800);
        // In 250 hours, a million watt-hours would fit.
        let reasons = judge_all(&mut state, 0, &[(7_200, 4_300), (1_000_000, 1_000_000)]);
        assert_eq!(reasons, [Some(RegisterJumped); 2]);
    }

    /// A replaced meter that starts higher, and rolls over before somebody has looked.
    #[test]
    fn a_rollover_does_not_pass_a_hold() {
        use RejectReason::*;
        let mut state = ReadingState {
            register_modulus: Wh(100_000_000),
            generation_register: Wh(90_000_000),
            ..fresh_state()
        };
        let year = 365 * 86_400;
        let readings = [(900, 99_990_000), (year, 99_999_999), (year + 900, 500)];
        let reasons = judge_all(&mut state, 0, &readings);
        let back = Some(GenerationRegisterBackwards);
        assert_eq!(reasons, [Some(RegisterJumped), Some(RegisterJumped), back]);
        assert_eq!(state.held_generation_register, Wh(99_990_000));
        // The old meter's own register is below the jump.
        assert_eq!(
            judge_all(&mut state, 0, &[(year + 1_800, 90_001_000)]),
            [None]
        );
        assert!(!state.is_held());
    }

    /// A correction may be undone, but what it took away is no part of a rollover.
    #[test]
    fn what_a_correction_took_away_makes_no_rollover() {
        let state = ReadingState {
            last_reading_at: 100,
            corrected_at: 100,
            register_modulus: Wh(100_000),
            generation_register: Wh(300),
            corrected_generation_register: Wh(99_600),
            ..fresh_state()
        };
        let rules = Rules::default();
        let judge = |generation| {
            judge(
                &context(&rules, 1_000),
                &state,
                &reading(1_000, generation, 0),
            )
            .map_err(|refusal| refusal.reason)
            .err()
        };
        assert_eq!(judge(99_700), None);
        assert_eq!(judge(299), Some(RejectReason::GenerationRegisterBackwards));
    }

    /// A replaced meter that starts lower: 10 MWh short of the modulus, 4 kW would have counted those in 100 days.
    #[test]
    fn a_register_that_went_back_far_never_becomes_a_rollover() {
        use RejectReason::GenerationRegisterBackwards;
        for lower in [0, 5_000] {
            let mut state = ReadingState {
                register_modulus: Wh(100_000_000),
                generation_register: Wh(90_000_000),
                ..fresh_state()
            };
            let year = 365 * 86_400;
            let readings = [(900, lower), (year, lower), (year + 900, lower + 1_000)];
            let reasons = judge_all(&mut state, 0, &readings);
            assert_eq!(reasons, [Some(GenerationRegisterBackwards); 3]);
            // Unless its modulus was ten times too large for a register that had rolled over.
            let mut other = state;
            other.generation_register = Wh(9_999_900);
            other.held_generation_register = Wh(other.register_modulus.0 * u64::from(lower == 0));
            other.change_modulus(Wh(10_000_000));
            assert_eq!(judge_all(&mut other, 0, &[(year, 800)]), [None]);
            // The old device goes on: the hold was a glitch's.
            assert_eq!(
                judge_all(&mut state, 0, &[(year + 1_800, 90_001_000)]),
                [None]
            );
            assert!(!state.is_held());
        }
    }
}
