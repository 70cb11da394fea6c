//! The usual reading, judged with as few instructions as possible: what stands here for speed's sake.
//!
//! | of each reading of a full batch | compute units |
//! |---|--:|
//! | with [`usual`] | MEASURED_WITH |
//! | with [`judge`](super::judge) alone | MEASURED_WITHOUT |
//!
//! Nothing here decides anything: it gives what `judge` gives, or nothing. A property test holds it to that. What makes the
//! difference is that the compiler keeps what it needs in the target's ten registers: so nothing is made that only unusual
//! readings need, and every way out is the same.

use core::num::NonZeroU64;

use shared_state::{
    quantity::Wh,
    reading::{Reading, ReadingOutcome},
    state::{PowerProfile, ReadingState},
};

use super::{anomaly, quality, Context};

/// What [`judge`](super::judge) gives for a reading that is accepted with the best score and no flag, and isn't the meter's
/// first one; `None` for every other.
#[inline(always)]
pub fn usual(context: &Context, state: &ReadingState, reading: &Reading) -> Option<ReadingOutcome> {
    let rules = context.rules;
    let elapsed = context
        .window
        .usual(rules, state.last_reading_at, reading.timestamp)?;
    let elapsed = NonZeroU64::new(elapsed)?;
    if state.accepted_count == 0 {
        return None;
    }
    let (generated, consumed) = state.counted_forward(reading)?;
    let is_warm = state.accepted_count >= u64::from(rules.anomaly_warm_up);
    let direction = |counted: Wh, capacity_w: u32, mean_w: u32, deviation_w: u32| {
        let power_w = rated(capacity_w, elapsed, counted)?;
        let off = anomaly::distance(power_w, mean_w);
        if is_warm && anomaly::is_anomaly(rules, off, deviation_w, capacity_w) {
            return None;
        }
        let average = anomaly::average;
        Some((average(mean_w, power_w), average(deviation_w, off)))
    };
    let usual = &state.profile;
    let (generation_mean_w, generation_deviation_w) = direction(
        generated,
        state.generation_capacity_w,
        usual.generation_mean_w,
        usual.generation_deviation_w,
    )?;
    let (consumption_mean_w, consumption_deviation_w) = direction(
        consumed,
        state.consumption_capacity_w,
        usual.consumption_mean_w,
        usual.consumption_deviation_w,
    )?;
    Some(ReadingOutcome {
        reading: *reading,
        profile: PowerProfile {
            generation_mean_w,
            generation_deviation_w,
            consumption_mean_w,
            consumption_deviation_w,
        },
        quality: quality::average(state.quality, context.best),
        reason: ReadingOutcome::ACCEPTED,
        score: context.best,
        flags: 0,
        reserved: [0; 3],
    })
}

/// The mean power (W) behind this energy, if the rated power allows it: [`mean_w`](super::rated_power::mean_w) for less than
/// 2^32 s and less energy than fits.
#[inline(always)]
fn rated(capacity_w: u32, elapsed: NonZeroU64, counted: Wh) -> Option<u64> {
    const SECONDS_PER_HOUR: u64 = 3_600;
    let rated_ws = u64::from(capacity_w).wrapping_mul(elapsed.get());
    if counted.0 > u64::MAX / SECONDS_PER_HOUR {
        return None;
    }
    let counted_ws = counted.0.wrapping_mul(SECONDS_PER_HOUR);
    (counted_ws <= rated_ws).then(|| counted_ws / elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::judge;
    use proptest::prelude::*;
    use shared_state::{quantity::Bps, state::Rules};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// The same as `judge`, for everything that is usual and nothing else.
        #[test]
        fn gives_what_judge_gives(
            (elapsed, age) in (prop_oneof![0..4_000i64, any::<i64>()], prop_oneof![-100..4_000i64, any::<i64>()]),
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
            let judged = judge(&context, &state, &reading);
            let is_usual = state.accepted_count > 0
                && !state.is_held()
                && reading.generation_register >= state.generation_register
                && reading.consumption_register >= state.consumption_register
                && judged.is_ok_and(|outcome| outcome.flags == 0 && outcome.score == quality::best(is_signed));
            let expected = judged.ok().filter(|_| is_usual);
            prop_assert_eq!(usual(&context, &state, &reading), expected);
        }
    }
}
