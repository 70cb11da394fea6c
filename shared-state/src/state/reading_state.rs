use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};

use crate::{
    quantity::{Bps, Wh},
    reading::{flags, Reading, ReadingOutcome},
};

/// Running mean and mean deviation of a meter's power, in watts, for both directions.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, Pod, PartialEq, Zeroable,
)]
#[repr(C)]
pub struct PowerProfile {
    /// Mean generation (W).
    pub generation_mean_w: u32,
    /// Mean absolute deviation of the generation (W).
    pub generation_deviation_w: u32,
    /// Mean consumption (W).
    pub consumption_mean_w: u32,
    /// Mean absolute deviation of the consumption (W).
    pub consumption_deviation_w: u32,
}

/// What a meter's next reading is judged against. The registry keeps it in the [`Meter`](super::Meter); the oracle carries
/// it from one reading of a batch to the next of the same meter.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct ReadingState {
    /// Timestamp of the last accepted reading, correction or replacement; the time of registration before the first one.
    pub last_reading_at: i64,
    /// Last accepted generation register, as the meter sent it.
    pub generation_register: Wh,
    /// Last accepted consumption register, as the meter sent it.
    pub consumption_register: Wh,
    /// Running mean and deviation of the power.
    pub profile: PowerProfile,
    /// Number of accepted readings.
    pub accepted_count: u64,
    /// Rated power of the generator (W).
    pub generation_capacity_w: u32,
    /// Rated power of the connection (W).
    pub consumption_capacity_w: u32,
    /// The value at which both registers start again from zero: 10^9 Wh for six digits of kWh. Zero: never.
    pub register_modulus: Wh,
    /// The generation register of a jump; zero if there is none. Of a jump to zero, the modulus. See [`Self::is_held`].
    pub held_generation_register: Wh,
    /// The consumption register of a jump; zero if there is none.
    pub held_consumption_register: Wh,
    /// Timestamp of the jump; the earliest one if there were several.
    pub held_at: i64,
    /// The generation register before the last correction. See [`Self::corrected`].
    pub corrected_generation_register: Wh,
    /// The consumption register before the last correction.
    pub corrected_consumption_register: Wh,
    /// `last_reading_at` as the last correction left it, or a second less once the device has been replaced; zero if there was
    /// no correction.
    pub corrected_at: i64,
    /// Timestamp of the last rejected reading that cost quality: an older one, sent again or late, costs none.
    pub last_charged_at: i64,
    /// Running average of the readings' scores.
    pub quality: Bps,
    /// Zero.
    pub reserved: [u8; 6],
}

impl ReadingState {
    /// Whether a register is held. It has jumped further than the meter can have counted, or gone back further than it can have
    /// rolled over, and until somebody looks, readings that would count as much or more are refused, however much time passes.
    /// An accepted reading that counts less ends the hold, and so do a replacement and a correction.
    #[inline(always)]
    pub fn is_held(&self) -> bool {
        (self.held_generation_register.0 | self.held_consumption_register.0) != 0
    }

    /// Ends a hold.
    pub fn release(&mut self) {
        self.held_generation_register = Wh::ZERO;
        self.held_consumption_register = Wh::ZERO;
        self.held_at = 0;
    }

    /// The registers before a correction that no reading has followed yet: so far they may go back up at once, because a
    /// false correction takes away what had been counted.
    pub fn corrected(&self) -> Option<(Wh, Wh)> {
        (self.corrected_at == self.last_reading_at).then_some((
            self.corrected_generation_register,
            self.corrected_consumption_register,
        ))
    }

    /// Whether a register stands where it can't: at or above the modulus.
    #[inline(always)]
    pub fn is_beyond_modulus(&self, register: Wh) -> bool {
        // One comparison: no register is above 2^64 - 1, which zero (never) becomes.
        register.0 > self.register_modulus.0.wrapping_sub(1)
    }

    /// What was counted from one register to the next. A register that went back has rolled over, if the meter's ever do:
    /// `None` if not.
    #[inline(always)]
    pub fn counted(&self, last: Wh, new: Wh) -> Option<Wh> {
        if new >= last {
            Some(Wh(new.0.wrapping_sub(last.0)))
        } else {
            self.rolled_over(last, new)
        }
    }

    /// What was counted in both directions since the last reading: `None` if a register can't stand where it does, or went
    /// back without rolling over.
    pub fn counted_since(&self, reading: &Reading) -> Option<(Wh, Wh)> {
        let Reading {
            generation_register: generation,
            consumption_register: consumption,
            ..
        } = *reading;
        if self.is_beyond_modulus(generation) || self.is_beyond_modulus(consumption) {
            return None;
        }
        Some((
            self.counted(self.generation_register, generation)?,
            self.counted(self.consumption_register, consumption)?,
        ))
    }

    /// [`Self::counted_since`] in the usual case: both registers went forward, and none is held. `None` in every other.
    #[inline(always)]
    pub fn counted_forward(&self, reading: &Reading) -> Option<(Wh, Wh)> {
        let Reading {
            generation_register: generation,
            consumption_register: consumption,
            ..
        } = *reading;
        let is_usual = !self.is_held()
            && !self.is_beyond_modulus(generation)
            && !self.is_beyond_modulus(consumption)
            && generation >= self.generation_register
            && consumption >= self.consumption_register;
        is_usual.then(|| {
            (
                Wh(generation.0.wrapping_sub(self.generation_register.0)),
                Wh(consumption.0.wrapping_sub(self.consumption_register.0)),
            )
        })
    }

    #[cold]
    #[inline(never)]
    fn rolled_over(&self, last: Wh, new: Wh) -> Option<Wh> {
        // Both are below the modulus, and the new one is below the last: so is the sum.
        let up_to_zero = self.register_modulus.minus(last)?;
        Some(Wh(up_to_zero.0.wrapping_add(new.0)))
    }

    /// The state after an outcome: the one transition that readings make.
    #[inline(always)]
    pub fn apply(&mut self, outcome: &ReadingOutcome) {
        if outcome.is_accepted() {
            self.apply_accepted(outcome);
        } else {
            self.apply_rejected(outcome);
        }
    }

    /// [`Self::apply`] for an outcome that is known to be of an accepted reading.
    #[inline(always)]
    pub fn apply_accepted(&mut self, outcome: &ReadingOutcome) {
        self.last_reading_at = outcome.reading.timestamp;
        self.generation_register = outcome.reading.generation_register;
        self.consumption_register = outcome.reading.consumption_register;
        self.profile = outcome.profile;
        self.quality = outcome.quality;
        // At one a second, 2^64 are never reached.
        self.accepted_count = self.accepted_count.wrapping_add(1);
        if self.is_held() {
            self.release();
        }
    }

    #[cold]
    #[inline(never)]
    fn apply_rejected(&mut self, outcome: &ReadingOutcome) {
        let ReadingOutcome { reading, flags, .. } = outcome;
        self.quality = outcome.quality;
        if flags & flags::CHARGED != 0 {
            self.last_charged_at = reading.timestamp;
        }
        // The earliest one's time: in less time, the others are the more jumps.
        let held_at = if self.is_held() {
            self.held_at.min(reading.timestamp)
        } else {
            reading.timestamp
        };
        if flags & flags::GENERATION_HELD != 0 {
            let held = self.held_generation_register;
            let register =
                self.lower_jump(self.generation_register, held, reading.generation_register);
            if register != held {
                (self.held_generation_register, self.held_at) = (register, held_at);
            }
        }
        if flags & flags::CONSUMPTION_HELD != 0 {
            let held = self.held_consumption_register;
            let register = self.lower_jump(
                self.consumption_register,
                held,
                reading.consumption_register,
            );
            if register != held {
                (self.held_consumption_register, self.held_at) = (register, held_at);
            }
        }
    }

    /// Which of two jumps from `last` counts less, the held one or another: whatever is above that one is above both.
    fn lower_jump(&self, last: Wh, held: Wh, register: Wh) -> Wh {
        // Zero stands for none. The modulus is the same register.
        let register = if register == Wh::ZERO {
            self.register_modulus
        } else {
            register
        };
        if held == Wh::ZERO || self.counted(last, register) < self.counted(last, held) {
            register
        } else {
            held
        }
    }

    /// Sets another modulus, not zero. What is held is judged anew by it: it may have rolled over.
    pub fn change_modulus(&mut self, modulus: Wh) {
        for held in [
            &mut self.held_generation_register,
            &mut self.held_consumption_register,
        ] {
            // A register of zero: see `lower_jump`.
            if *held != Wh::ZERO && *held == self.register_modulus {
                *held = modulus;
            }
        }
        self.register_modulus = modulus;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcome(timestamp: i64, generation: u64, consumption: u64) -> ReadingOutcome {
        ReadingOutcome {
            reading: Reading {
                timestamp,
                generation_register: Wh(generation),
                consumption_register: Wh(consumption),
            },
            ..ReadingOutcome::zeroed()
        }
    }

    #[test]
    fn an_accepted_reading_moves_everything_on() {
        let mut state = ReadingState::zeroed();
        let profile = PowerProfile {
            generation_mean_w: 1,
            ..PowerProfile::default()
        };
        state.apply(&ReadingOutcome {
            profile,
            quality: Bps(85),
            ..outcome(7, 5, 6)
        });
        assert_eq!(
            state,
            ReadingState {
                last_reading_at: 7,
                generation_register: Wh(5),
                consumption_register: Wh(6),
                profile,
                accepted_count: 1,
                quality: Bps(85),
                ..ReadingState::zeroed()
            }
        );
    }

    #[test]
    fn a_hold_keeps_the_lowest_jump_and_the_first_time_until_a_reading_is_accepted() {
        let mut state = ReadingState::zeroed();
        let jump = |flags, outcome| ReadingOutcome {
            reason: 1,
            flags,
            ..outcome
        };
        state.apply(&jump(flags::GENERATION_HELD, outcome(10, 500, 1)));
        assert!(state.is_held());
        state.apply(&jump(flags::GENERATION_HELD, outcome(20, 400, 1)));
        state.apply(&jump(flags::CONSUMPTION_HELD, outcome(30, 3, 900)));
        state.apply(&jump(
            flags::GENERATION_HELD | flags::CHARGED,
            outcome(40, 600, 1),
        ));
        let held = ReadingState {
            held_generation_register: Wh(400),
            held_consumption_register: Wh(900),
            held_at: 10,
            last_charged_at: 40,
            ..ReadingState::zeroed()
        };
        assert_eq!(state, held);
        state.apply(&outcome(50, 3, 4));
        assert!(!state.is_held());
        assert_eq!(state.held_at, 0);
    }

    #[test]
    fn a_jump_by_way_of_the_modulus_is_held_by_what_it_would_count() {
        let mut state = ReadingState {
            register_modulus: Wh(1_000),
            generation_register: Wh(900),
            ..ReadingState::zeroed()
        };
        let mut hold = |timestamp, register| {
            state.apply(&ReadingOutcome {
                reason: 1,
                flags: flags::GENERATION_HELD,
                ..outcome(timestamp, register, 0)
            });
            (state.held_generation_register.0, state.held_at)
        };
        assert_eq!(hold(20, 500), (500, 20));
        assert_eq!(hold(30, 600), (500, 20));
        assert_eq!(hold(10, 0), (1_000, 10));
        assert_eq!(hold(9, 1), (1_000, 10));
        assert_eq!(hold(11, 950), (950, 10));
        let mut other = state;
        other.change_modulus(Wh(990));
        assert_eq!(other.held_generation_register, Wh(950));
        assert!(other.held_consumption_register == Wh::ZERO);
        other.held_generation_register = other.register_modulus;
        other.change_modulus(Wh(980));
        assert_eq!(other.held_generation_register, Wh(980));
        // None stays none.
        let mut none = ReadingState::zeroed();
        none.change_modulus(Wh(10));
        assert!(!none.is_held());
    }

    #[test]
    fn a_correction_is_remembered_until_the_next_reading() {
        let mut state = ReadingState {
            last_reading_at: 9,
            corrected_at: 9,
            corrected_generation_register: Wh(1),
            corrected_consumption_register: Wh(2),
            ..ReadingState::zeroed()
        };
        assert_eq!(state.corrected(), Some((Wh(1), Wh(2))));
        state.apply(&outcome(10, 0, 0));
        assert_eq!(state.corrected(), None);
    }

    #[test]
    fn moduli() {
        let with = |modulus| ReadingState {
            register_modulus: Wh(modulus),
            ..ReadingState::zeroed()
        };
        let state = with(1_000);
        assert!(!state.is_beyond_modulus(Wh(999)));
        assert!(state.is_beyond_modulus(Wh(1_000)));
        assert!(!with(0).is_beyond_modulus(Wh(u64::MAX)));
        assert_eq!(state.counted(Wh(999), Wh(0)), Some(Wh(1)));
        assert_eq!(state.counted(Wh(990), Wh(5)), Some(Wh(15)));
        assert_eq!(state.counted(Wh(990), Wh(990)), Some(Wh(0)));
        assert_eq!(with(0).counted(Wh(2), Wh(1)), None);
    }

    proptest! {
        #[test]
        fn counting_agrees_with_128_bits(
            modulus in prop_oneof![Just(0u64), Just(1 << 32), Just(1_000_000_000), any::<u64>()],
            last: u64, new: u64,
        ) {
            let (last, new) = if modulus == 0 { (last, new) } else { (last % modulus, new % modulus) };
            let state = ReadingState { register_modulus: Wh(modulus), ..ReadingState::zeroed() };
            let difference = i128::from(new) - i128::from(last);
            let expected = match difference {
                0.. => Some(difference),
                _ if modulus > 0 => Some(difference + i128::from(modulus)),
                _ => None,
            };
            let counted = state.counted(Wh(last), Wh(new)).map(|wh| i128::from(wh.0));
            prop_assert_eq!(counted, expected);
            prop_assert!(!state.is_beyond_modulus(Wh(new)));
        }
    }
}
