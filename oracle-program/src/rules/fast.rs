//! The usual reading, judged with as few instructions as possible: what stands here for speed's sake.
//!
//! | each further reading of a batch | compute units |
//! |---|--:|
//! | with [`usual`] | 466 |
//! | with [`judge`](super::judge) alone | 722 |
//!
//! Nothing here decides anything: it gives what `judge` gives, or nothing. A property test holds it to that. What makes the
//! difference is that the compiler keeps what it needs in the target's ten registers: so nothing is made that only unusual
//! readings need, every way out is the same, and every part of the outcome is written where it goes as soon as it is known.

use core::{
    mem::MaybeUninit,
    num::NonZeroU64,
    sync::atomic::{compiler_fence, Ordering},
};

use shared_state::{
    error::cold_path,
    quantity::{Bps, Wh},
    reading::{flags, Reading, ReadingOutcome},
    state::ReadingState,
    wire::Packed,
};

use super::{
    anomaly,
    quality::{self, Facts},
    Context,
};

/// What every usual outcome ends with, as one number: quality, reason, score, flags and zeros.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// The score's own quality, which most meters have.
    quality: Bps,
    bytes: u64,
}

impl Ending {
    /// The ending of outcomes with this flag.
    #[inline(always)]
    pub fn new(is_signed: bool, flags: u8) -> Self {
        let score = quality::best(is_signed);
        let quality = quality::of_score(score);
        let [low, high] = quality.0.to_le_bytes();
        let reason = ReadingOutcome::ACCEPTED;
        let bytes = u64::from_le_bytes([low, high, reason, score, flags, 0, 0, 0]);
        Self { quality, bytes }
    }
}

/// What [`usual`] has found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Found {
    /// A reading that isn't usual: it is for [`judge`](super::judge).
    Nothing,
    /// The outcome.
    Outcome,
    /// The outcome but for its score and quality, which [`rescore`] gives it.
    Unscored,
}

/// Writes what [`judge`](super::judge) gives for a reading that is accepted without a flag or only late, if the meter has had
/// enough readings for its power to be compared with the usual.
#[inline(always)]
pub fn usual(
    context: &Context,
    ending: &Ending,
    state: &ReadingState,
    reading: &Packed<Reading>,
    place: &mut MaybeUninit<ReadingOutcome>,
) -> Found {
    written(context, ending, state, reading, place).unwrap_or_else(|| {
        cold_path();
        Found::Nothing
    })
}

#[inline(always)]
fn written(
    context: &Context,
    ending: &Ending,
    state: &ReadingState,
    reading: &Packed<Reading>,
    place: &mut MaybeUninit<ReadingOutcome>,
) -> Option<Found> {
    let rules = context.rules;
    let reading = reading.get();
    let elapsed = context
        .window
        .usual(rules, state.last_reading_at, reading.timestamp)?;
    let elapsed = NonZeroU64::new(elapsed)?;
    let count = state.accepted_count;
    if count == 0 || count < u64::from(rules.anomaly_warm_up) {
        return None;
    }
    if state.is_held() {
        return None;
    }
    // The power in a direction, and how far it is from the mean.
    let direction = |last: Wh, new: Wh, capacity_w: u32, mean_w: u32, deviation_w: u32| {
        if state.is_beyond_modulus(new) || new < last {
            cold_path();
            return None;
        }
        let power_w = rated(capacity_w, elapsed, new.minus(last)?)?;
        let off = anomaly::distance(power_w, mean_w);
        if anomaly::is_anomaly(rules, off, deviation_w, capacity_w) {
            cold_path();
            return None;
        }
        Some((power_w, off))
    };
    let average = anomaly::average;
    let before = &state.profile;
    let outcome = place.as_mut_ptr();
    // SAFETY: the fields of one place. Each is written as soon as it is known, so that no register has to keep it.
    unsafe {
        (&raw mut (*outcome).reading).write(reading);
        let profile = &raw mut (*outcome).profile;
        let (power_w, off) = direction(
            state.generation_register,
            reading.generation_register,
            state.generation_capacity_w,
            before.generation_mean_w,
            before.generation_deviation_w,
        )?;
        (&raw mut (*profile).generation_mean_w).write(average(before.generation_mean_w, power_w));
        (&raw mut (*profile).generation_deviation_w)
            .write(average(before.generation_deviation_w, off));
        // To read all of it again takes less than to keep it.
        compiler_fence(Ordering::SeqCst);
        let reading = (&raw const (*outcome).reading).read();
        let (power_w, off) = direction(
            state.consumption_register,
            reading.consumption_register,
            state.consumption_capacity_w,
            before.consumption_mean_w,
            before.consumption_deviation_w,
        )?;
        (&raw mut (*profile).consumption_mean_w).write(average(before.consumption_mean_w, power_w));
        (&raw mut (*profile).consumption_deviation_w)
            .write(average(before.consumption_deviation_w, off));
        (&raw mut (*outcome).quality)
            .cast::<u64>()
            .write(ending.bytes);
    }
    // SAFETY: it has been written. Read back, for the same reason.
    let timestamp = unsafe { (&raw const (*outcome).reading.timestamp).read_volatile() };
    if context.window.is_late(timestamp) {
        cold_path();
        return (!context.window.is_too_old(timestamp)).then_some(Found::Unscored);
    }
    if state.quality != ending.quality {
        cold_path();
        return Some(Found::Unscored);
    }
    Some(Found::Outcome)
}

/// Gives the outcome of a reading that is late, or whose meter hasn't the quality of the best score, its score and quality.
#[cold]
#[inline(never)]
pub fn rescore(context: &Context, state: &ReadingState, outcome: &mut ReadingOutcome) {
    let timestamp = outcome.reading.timestamp;
    let rules = context.rules;
    if context.window.is_late(timestamp) {
        // There is a time between the readings: `usual` has found it.
        if let Ok(elapsed) = context
            .window
            .check(rules, state.last_reading_at, timestamp)
        {
            outcome.score = quality::score(&Facts {
                is_signed: context.is_signed,
                elapsed,
                age: context.window.age(timestamp),
                within_rated_power: true,
                flags: flags::LATE,
                rules,
            });
        }
        outcome.flags |= flags::LATE;
    }
    outcome.quality = quality::average(state.quality, outcome.score);
}

const _: () = assert!(
    core::mem::offset_of!(ReadingOutcome, quality) == 40 && size_of::<ReadingOutcome>() == 48
);

/// The mean power (W) behind this energy, if the rated power allows it: [`mean_w`](super::rated_power::mean_w) for less than
/// 2^32 s and less energy than fits.
#[inline(always)]
fn rated(capacity_w: u32, elapsed: NonZeroU64, counted: Wh) -> Option<u64> {
    const SECONDS_PER_HOUR: u64 = 3_600;
    let rated_ws = u64::from(capacity_w).wrapping_mul(elapsed.get());
    // Whole watt-hours: so there is nothing that could overflow.
    if counted.0 > rated_ws / SECONDS_PER_HOUR {
        cold_path();
        return None;
    }
    Some(counted.0.wrapping_mul(SECONDS_PER_HOUR) / elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::judge;
    use proptest::prelude::*;
    use shared_state::state::{PowerProfile, Rules};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// The same as `judge`, for everything that is usual and nothing else.
        #[test]
        fn gives_what_judge_gives(
            (elapsed, age) in (prop_oneof![0..4_000i64, any::<i64>()], prop_oneof![-100..4_000i64, 0..1_000_000i64, any::<i64>()]),
            (generated, consumed) in (prop_oneof![0..3_000u64, any::<u64>()], prop_oneof![0..3_000u64, any::<u64>()]),
            (last_generation, last_consumption) in (0..1_000_000u64, prop_oneof![0..1_000_000u64, any::<u64>()]),
            modulus in prop_oneof![Just(0u64), Just(1_000_000), any::<u64>()],
            (accepted_count, quality) in (prop_oneof![0..200u64, any::<u64>()], prop_oneof![Just(8_500u16), 0..=10_000u16]),
            (generation_mean_w, generation_deviation_w) in (0..6_000u32, 0..2_000u32),
            (consumption_mean_w, consumption_deviation_w) in (0..6_000u32, 0..2_000u32),
            (held, is_signed) in any::<(u8, bool)>(),
        ) {
            let now = 1_800_000_000i64;
            let rules = Rules::default();
            let context = Context::new(&rules, now, is_signed);
            let timestamp = now.saturating_sub(age);
            let state = ReadingState {
                last_reading_at: timestamp.saturating_sub(elapsed),
                generation_register: Wh(last_generation),
                consumption_register: Wh(last_consumption),
                profile: PowerProfile {
                    generation_mean_w,
                    generation_deviation_w,
                    consumption_mean_w,
                    consumption_deviation_w,
                },
                accepted_count,
                generation_capacity_w: 6_000,
                consumption_capacity_w: 6_000,
                register_modulus: Wh(modulus),
                held_generation_register: Wh(u64::from(held == 0) * 2_000),
                quality: Bps(quality),
                ..bytemuck::Zeroable::zeroed()
            };
            let reading = Reading {
                timestamp,
                generation_register: Wh(last_generation.wrapping_add(generated)),
                consumption_register: Wh(last_consumption.wrapping_add(consumed)),
            };
            let rated_ws = (i128::from(timestamp) - i128::from(state.last_reading_at)) * 6_000;
            let needs_tolerance = i128::from(generated.max(consumed)) * 3_600 > rated_ws;
            let judged = judge(&context, &state, &reading);
            let is_usual = state.accepted_count > 0
                && state.accepted_count >= u64::from(rules.anomaly_warm_up)
                && !state.is_held()
                && !needs_tolerance
                && reading.generation_register >= state.generation_register
                && reading.consumption_register >= state.consumption_register
                && judged.is_ok_and(|outcome| outcome.flags & !flags::LATE == 0);
            let expected = judged.ok().filter(|_| is_usual);
            let mut place = MaybeUninit::uninit();
            let ending = Ending::new(is_signed, 0);
            let found = usual(&context, &ending, &state, &reading.into(), &mut place);
            // SAFETY: it has been written.
            let outcome = (found != Found::Nothing).then(|| unsafe { place.assume_init_mut() });
            let outcome = outcome.map(|outcome| {
                if found == Found::Unscored {
                    rescore(&context, &state, outcome);
                }
                *outcome
            });
            prop_assert_eq!(outcome, expected);
        }
    }
}
