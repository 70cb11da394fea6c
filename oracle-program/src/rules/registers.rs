//! What two readings' registers say about the time between them: the mean power in each direction, if a meter of this rated
//! power can have counted that.
//!
//! [`powers`] answers the usual case, in which both registers went forward by no more than the rated power. Whatever else
//! there is, [`Direction::look`] sees to: registers that roll over, the tolerance, registers that go back up after a
//! correction, and jumps, which are held.

use core::num::NonZeroU32;

use shared_state::{
    quantity::Wh,
    reading::{flags, Reading, RejectReason},
    state::{ReadingState, Rules},
};

use super::{
    rated_power::{beyond, mean_w, Beyond},
    Refusal,
};

/// The mean powers between two readings (W, rounded down).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Powers {
    /// Of the generation.
    pub generation_w: u64,
    /// Of the consumption.
    pub consumption_w: u64,
    /// Whether one of them is possible only with the tolerance.
    pub need_tolerance: bool,
}

/// The powers since the last reading, or why the registers are refused.
#[inline(always)]
pub fn powers(
    rules: &Rules,
    state: &ReadingState,
    elapsed: NonZeroU32,
    reading: &Reading,
) -> Result<Powers, Refusal> {
    let is_usual = |register| !state.is_beyond_modulus(register);
    if !state.is_held()
        && is_usual(reading.generation_register)
        && is_usual(reading.consumption_register)
    {
        let generated = reading.generation_register.minus(state.generation_register);
        let consumed = reading
            .consumption_register
            .minus(state.consumption_register);
        if let (Some(generated), Some(consumed)) = (generated, consumed) {
            let generation_w = mean_w(state.generation_capacity_w, elapsed, generated);
            let consumption_w = mean_w(state.consumption_capacity_w, elapsed, consumed);
            if let (Some(generation_w), Some(consumption_w)) = (generation_w, consumption_w) {
                return Ok(Powers {
                    generation_w,
                    consumption_w,
                    need_tolerance: false,
                });
            }
        }
    }
    look_closer(rules, state, elapsed, reading)
}

/// What is wrong with a register: the first is the worst.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fault {
    BeyondModulus,
    Jumped,
    Backwards,
    AboveRatedPower,
}

#[cold]
#[inline(never)]
fn look_closer(
    rules: &Rules,
    state: &ReadingState,
    elapsed: NonZeroU32,
    reading: &Reading,
) -> Result<Powers, Refusal> {
    let corrected = state.corrected();
    let generation = Direction {
        last: state.generation_register,
        new: reading.generation_register,
        held: state.held_generation_register,
        corrected: corrected.map(|(generation, _)| generation),
        capacity_w: state.generation_capacity_w,
    };
    let consumption = Direction {
        last: state.consumption_register,
        new: reading.consumption_register,
        held: state.held_consumption_register,
        corrected: corrected.map(|(_, consumption)| consumption),
        capacity_w: state.consumption_capacity_w,
    };
    let generation = generation.look(rules, state, elapsed);
    let consumption = consumption.look(rules, state, elapsed);
    let (generation, consumption) = match (generation, consumption) {
        (Ok(generation), Ok(consumption)) => {
            return Ok(Powers {
                generation_w: generation.mean_w,
                consumption_w: consumption.mean_w,
                need_tolerance: generation.needs_tolerance || consumption.needs_tolerance,
            })
        }
        (generation, consumption) => (generation.err(), consumption.err()),
    };
    // A jump is held in each direction for itself, whatever else is wrong.
    let held = |fault, flag| {
        if fault == Some(Fault::Jumped) {
            flag
        } else {
            0
        }
    };
    let flags =
        held(generation, flags::GENERATION_HELD) | held(consumption, flags::CONSUMPTION_HELD);
    let worst = generation.into_iter().chain(consumption).min();
    let is_generation = generation == worst;
    let reason = match worst {
        Some(Fault::BeyondModulus) => RejectReason::RegisterBeyondModulus,
        Some(Fault::Jumped) | None => RejectReason::RegisterJumped,
        Some(Fault::Backwards) if is_generation => RejectReason::GenerationRegisterBackwards,
        Some(Fault::Backwards) => RejectReason::ConsumptionRegisterBackwards,
        Some(Fault::AboveRatedPower) if is_generation => RejectReason::GenerationAboveRatedPower,
        Some(Fault::AboveRatedPower) => RejectReason::ConsumptionAboveRatedPower,
    };
    Err(Refusal { reason, flags })
}

/// One of the two registers, and what is known of it.
struct Direction {
    last: Wh,
    new: Wh,
    held: Wh,
    /// The register before a correction, if no reading has followed that.
    corrected: Option<Wh>,
    capacity_w: u32,
}

struct Power {
    mean_w: u64,
    needs_tolerance: bool,
}

impl Direction {
    fn look(
        &self,
        rules: &Rules,
        state: &ReadingState,
        elapsed: NonZeroU32,
    ) -> Result<Power, Fault> {
        if state.is_beyond_modulus(self.new) {
            return Err(Fault::BeyondModulus);
        }
        if self.is_held(rules, state) {
            return Err(Fault::Jumped);
        }
        let Some(counted) = state.counted(self.last, self.new) else {
            return Err(Fault::Backwards);
        };
        // What a correction took away may come back at once.
        let returned = self
            .corrected
            .map_or(Wh::ZERO, |register| register.beyond(self.last));
        let counted = counted.beyond(returned);
        if let Some(mean_w) = mean_w(self.capacity_w, elapsed, counted) {
            return Ok(Power {
                mean_w,
                needs_tolerance: false,
            });
        }
        match beyond(rules, self.capacity_w, elapsed, counted) {
            Beyond::Tolerated(mean_w) => Ok(Power {
                mean_w,
                needs_tolerance: true,
            }),
            // It can't have rolled over in this time.
            _ if self.new < self.last => Err(Fault::Backwards),
            Beyond::Jump => Err(Fault::Jumped),
            Beyond::Impossible => Err(Fault::AboveRatedPower),
        }
    }

    /// Whether the register is at or above one that jumped, which the meter can't have counted until then: judged by the
    /// rated power of today, so another one ends the hold of a jump that it allows.
    fn is_held(&self, rules: &Rules, state: &ReadingState) -> bool {
        if self.held == Wh::ZERO || self.new < self.held {
            return false;
        }
        let until = state.held_at.saturating_sub(state.last_reading_at);
        let until = u32::try_from(until.max(1)).unwrap_or(u32::MAX);
        let Some(until) = NonZeroU32::new(until) else {
            return true;
        };
        let counted = self.held.beyond(self.last);
        mean_w(self.capacity_w, until, counted).is_none()
            && beyond(rules, self.capacity_w, until, counted) == Beyond::Jump
    }
}
