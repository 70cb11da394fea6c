//! What two readings' registers say about the time between them: the mean power in each direction, if a meter of this rated
//! power can have counted that. Registers roll over, go back up after a correction, and jump: then they are held.

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

/// What is wrong with a register: the first is the worst.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fault {
    BeyondModulus,
    Jumped,
    /// Further than to a jump by way of the modulus.
    FarBackwards,
    Backwards,
    AboveRatedPower,
}

/// The powers since the last reading, or why the registers are refused.
pub fn powers(
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
    // A jump is held in each direction for itself, whatever else is wrong. So is a register that went back: given enough time, it
    // would have rolled over.
    let held = |fault, flag| {
        if matches!(fault, Some(Fault::Jumped | Fault::FarBackwards)) {
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
        Some(Fault::FarBackwards | Fault::Backwards) if is_generation => {
            RejectReason::GenerationRegisterBackwards
        }
        Some(Fault::FarBackwards | Fault::Backwards) => RejectReason::ConsumptionRegisterBackwards,
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
        let went_back = self.new < self.last;
        let Some(mut counted) = state.counted(self.last, self.new) else {
            return Err(Fault::Backwards);
        };
        if self.is_held(rules, state, counted) {
            return Err(if went_back {
                Fault::FarBackwards
            } else {
                Fault::Jumped
            });
        }
        if !went_back && mean_w(self.capacity_w, elapsed, counted).is_none() {
            // What a correction took away may come back at once: as a register that goes up, not as a rollover.
            let returned = |register: Wh| register.beyond(self.last);
            counted = counted.beyond(self.corrected.map_or(Wh::ZERO, returned));
        }
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
            Beyond::Jump if went_back => Err(Fault::FarBackwards),
            _ if went_back => Err(Fault::Backwards),
            Beyond::Jump => Err(Fault::Jumped),
            Beyond::Impossible => Err(Fault::AboveRatedPower),
        }
    }

    /// Whether the register is at or above one that jumped, or has rolled over since, which the meter can't have counted until
    /// then: judged by the rated power of today, so another one ends the hold of a jump that it allows.
    fn is_held(&self, rules: &Rules, state: &ReadingState, counted: Wh) -> bool {
        if self.held == Wh::ZERO {
            return false;
        }
        let Some(jumped) = state.counted(self.last, self.held) else {
            return false;
        };
        if counted < jumped {
            return false;
        }
        let until = state.held_at.saturating_sub(state.last_reading_at);
        let until = u32::try_from(until.max(1)).unwrap_or(u32::MAX);
        let Some(until) = NonZeroU32::new(until) else {
            return true;
        };
        mean_w(self.capacity_w, until, jumped).is_none()
            && beyond(rules, self.capacity_w, until, jumped) == Beyond::Jump
    }
}
