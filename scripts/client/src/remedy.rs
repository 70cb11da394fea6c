//! What a meter needs whose readings are refused: what has happened, in words, and the commands that mend it.

use shared_state::{
    event::MeterReadingRejected,
    quantity::Wh,
    reading::{Reading, RejectReason},
    state::{Meter, Rules},
};

use crate::{device::DeviceKey, format::format_time};

/// Steps back that are a device's rounding rather than a fault (Wh).
const ROUNDING: u64 = 10;

/// Where registers start again from zero: after so many decimal digits of watt-hours, which are four to twelve of a
/// kilowatt-hour ...
const DIGITS: std::ops::RangeInclusive<u32> = 7..=15;
/// ... or in 32-bit counters.
const COUNTER: u64 = 1 << 32;

/// A meter, by the serial number that its people know, and the rules that its readings are judged by.
#[derive(Clone, Copy)]
pub struct Patient<'a> {
    /// Its serial number.
    pub serial: &'a str,
    /// Its account.
    pub meter: &'a Meter,
    /// The oracle's rules.
    pub rules: &'a Rules,
}

/// The reading that an event says was rejected.
pub fn rejected_reading(event: &MeterReadingRejected) -> Reading {
    Reading {
        timestamp: event.timestamp,
        generation_register: event.generation_register,
        consumption_register: event.consumption_register,
    }
}

impl Patient<'_> {
    /// What a held register calls for; nothing if none is held.
    pub fn of_hold(&self) -> Vec<String> {
        let state = &self.meter.state;
        if !state.is_held() {
            return Vec::new();
        }
        // A register of zero is held as the modulus.
        let shown = |held: Wh, last: Wh| match held {
            Wh::ZERO => last,
            held if held == state.register_modulus => Wh::ZERO,
            held => held,
        };
        let reading = Reading {
            timestamp: state.held_at,
            generation_register: shown(state.held_generation_register, state.generation_register),
            consumption_register: shown(
                state.held_consumption_register,
                state.consumption_register,
            ),
        };
        let (generation, consumption) = (reading.generation_register, reading.consumption_register);
        if generation < state.generation_register {
            self.of_step_back(&reading, state.generation_register, generation)
        } else if consumption < state.consumption_register {
            self.of_step_back(&reading, state.consumption_register, consumption)
        } else {
            self.of_jump(&reading)
        }
    }

    /// What a rejected reading calls for, one remedy a line; nothing if later readings have been accepted, because then it is
    /// over.
    pub fn of_rejection(&self, reason: RejectReason, reading: &Reading) -> Vec<String> {
        let (state, serial) = (&self.meter.state, quoted(self.serial));
        let is_over = state.accepted_count > 0 && state.last_reading_at >= reading.timestamp;
        match reason {
            RejectReason::ReadingNotNewer
            | RejectReason::ReadingTooSoon
            | RejectReason::ReadingTooOld => {
                vec!["nothing is lost: registers are cumulative, and the next reading counts this energy too".into()]
            }
            _ if is_over => Vec::new(),
            RejectReason::MeterNotActive => {
                vec![format!(
                    "let it take readings with grid meter activate {serial}, and send them again"
                )]
            }
            RejectReason::ReadingInFuture => {
                vec!["set the device's or the gateway's clock right; timestamps are in UTC".into()]
            }
            RejectReason::UnsignedReading => {
                vec![format!("sign its readings with the device's key: grid readings sign FILE --keypair KEY; or, if its device signs nothing any more: {}", self.replace(state.generation_register, state.consumption_register, state.register_modulus, "--no-device-key"))]
            }
            RejectReason::GenerationRegisterBackwards => self.of_step_back(
                reading,
                state.generation_register,
                reading.generation_register,
            ),
            RejectReason::ConsumptionRegisterBackwards => self.of_step_back(
                reading,
                state.consumption_register,
                reading.consumption_register,
            ),
            RejectReason::GenerationAboveRatedPower | RejectReason::ConsumptionAboveRatedPower => {
                vec![
                    format!(
                        "if the registers are true, the rated power is wrong: {}",
                        self.limits(reading, 1)
                    ),
                    "otherwise leave it: a false reading counts nothing".into(),
                ]
            }
            RejectReason::RegisterJumped => self.of_jump(reading),
            RejectReason::RegisterBeyondModulus => {
                let highest = reading
                    .generation_register
                    .max(reading.consumption_register);
                vec![
                    format!("it shows {highest} Wh, and its registers are to start again from zero at {} Wh: check the unit (Wh, not kWh)", state.register_modulus),
                    format!("if they go further: {}", self.replace(state.generation_register, state.consumption_register, above(highest).unwrap_or(Wh::ZERO), &self.key())),
                ]
            }
        }
    }

    fn of_step_back(&self, reading: &Reading, last: Wh, new: Wh) -> Vec<String> {
        let state = &self.meter.state;
        let back = last.beyond(new).0;
        if back <= ROUNDING {
            return vec![format!("it went back by {back} Wh, which is rounding: leave it, the next reading from {last} Wh on counts all")];
        }
        if let Some(modulus) = self.wrapped_at(reading) {
            return vec![format!(
                "the registers seem to have started again from zero at {modulus} Wh ({}): say so, and send the readings again: {}",
                name(modulus),
                self.replace(state.generation_register, state.consumption_register, modulus, &self.key())
            )];
        }
        let (generation, consumption) = (reading.generation_register, reading.consumption_register);
        vec![
            format!("if another device is in its place: {}", self.replace(generation, consumption, state.register_modulus, "--no-device-key")),
            format!(
                "if the last reading, {last} Wh at {}, was false: grid meter correct {} --generation-register {} --consumption-register {}",
                format_time(state.last_reading_at),
                quoted(self.serial),
                generation.min(state.generation_register),
                consumption.min(state.consumption_register)
            ),
            "otherwise leave it: a false reading counts nothing".into(),
        ]
    }

    fn of_jump(&self, reading: &Reading) -> Vec<String> {
        let (generation, consumption) = (reading.generation_register, reading.consumption_register);
        let modulus = self.meter.state.register_modulus;
        let mut remedies = Vec::new();
        if self.meter.state.accepted_count == 0 {
            remedies.push(format!(
                "if the registers that it was registered with ({} and {} Wh) were false: {}",
                self.meter.state.generation_register,
                self.meter.state.consumption_register,
                self.replace(generation, consumption, modulus, &self.key())
            ));
        } else {
            remedies.push(format!(
                "if another device is in its place: {}",
                self.replace(generation, consumption, modulus, "--no-device-key")
            ));
        }
        remedies.push(format!(
            "if the registers are true, the rated power is wrong: {}, and send them again",
            self.limits(reading, u64::from(self.rules.jump_factor.max(1)))
        ));
        remedies
            .push("otherwise leave it: readings below it count as ever, and end the hold".into());
        remedies
    }

    /// Where the registers can have started again from zero, if by that they go on with what the rated power allows.
    fn wrapped_at(&self, reading: &Reading) -> Option<Wh> {
        let state = &self.meter.state;
        if state.register_modulus != Wh::ZERO {
            return None;
        }
        let hours = self.elapsed(reading) as f64 / 3_600.0;
        let last = [state.generation_register, state.consumption_register];
        let new = [reading.generation_register, reading.consumption_register];
        let most = [state.generation_capacity_w, state.consumption_capacity_w]
            .map(|watts| f64::from(watts) * hours * 1.1);
        let mut places: Vec<u64> = DIGITS.map(|digits| 10u64.pow(digits)).collect();
        places.push(COUNTER);
        places.sort_unstable();
        places.into_iter().map(Wh).find(|place| {
            let is_possible = |index: usize| {
                let (last, new): (Wh, Wh) = (last[index], new[index]);
                let counted = match new.minus(last) {
                    Some(counted) => counted.0,
                    None => place.beyond(last).0.saturating_add(new.0),
                };
                last < *place && new < *place && counted as f64 <= most[index]
            };
            let is_near = |last: Wh| place.beyond(last).0 <= place.0 / 10;
            is_possible(0) && is_possible(1) && last.into_iter().any(is_near)
        })
    }

    /// Seconds since the last reading.
    fn elapsed(&self, reading: &Reading) -> u64 {
        let since = self.meter.state.last_reading_at;
        u64::try_from(reading.timestamp.saturating_sub(since)).map_or(1, |seconds| seconds.max(1))
    }

    /// The command for the rated powers that allow a reading, or for it to be no jump.
    fn limits(&self, reading: &Reading, factor: u64) -> String {
        let state = &self.meter.state;
        let elapsed = u128::from(self.elapsed(reading)) * u128::from(factor);
        let enough = |last: Wh, new: Wh, now: u32| {
            let watts = (u128::from(new.beyond(last).0) * 3_600).div_ceil(elapsed);
            watts.max(now.into())
        };
        format!(
            "grid meter limits {} --generation-capacity {} --consumption-capacity {}",
            quoted(self.serial),
            enough(
                state.generation_register,
                reading.generation_register,
                state.generation_capacity_w
            ),
            enough(
                state.consumption_register,
                reading.consumption_register,
                state.consumption_capacity_w
            )
        )
    }

    fn replace(&self, generation: Wh, consumption: Wh, modulus: Wh, key: &str) -> String {
        let modulus = match modulus {
            Wh::ZERO => String::new(),
            modulus => format!(" --register-modulus {modulus}"),
        };
        format!(
            "grid meter replace-device {} --generation-register {generation} --consumption-register {consumption}{modulus} {key}",
            quoted(self.serial)
        )
    }

    /// The flag for the key that the device has.
    fn key(&self) -> String {
        let key = DeviceKey::of(self.meter);
        match key.is_some() {
            true => format!("--device-key {key}"),
            false => "--no-device-key".into(),
        }
    }
}

/// The lowest power of ten, or size of a counter, above a register.
fn above(register: Wh) -> Option<Wh> {
    let places = DIGITS.map(|digits| 10u64.pow(digits));
    places.map(Wh).find(|place| *place > register)
}

/// What starts again from zero there.
fn name(modulus: Wh) -> String {
    match modulus.0 {
        COUNTER => "a 32-bit counter of watt-hours".into(),
        place => format!("{} digits of kWh", place.ilog10().saturating_sub(3)),
    }
}

/// A serial number as a shell takes it.
fn quoted(serial: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.:/".contains(char);
    match serial.chars().all(is_plain) {
        true => serial.to_owned(),
        false => format!("'{}'", serial.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    fn meter(last_reading_at: i64, generation: u64, consumption: u64) -> Meter {
        let mut meter = Meter::zeroed();
        meter.state.last_reading_at = last_reading_at;
        meter.state.generation_register = Wh(generation);
        meter.state.consumption_register = Wh(consumption);
        meter.state.generation_capacity_w = 10_000;
        meter.state.consumption_capacity_w = 20_000;
        meter.state.accepted_count = 5;
        meter
    }

    fn reading(timestamp: i64, generation: u64, consumption: u64) -> Reading {
        Reading {
            timestamp,
            generation_register: Wh(generation),
            consumption_register: Wh(consumption),
        }
    }

    fn remedies(meter: &Meter, reason: RejectReason, reading: &Reading) -> String {
        let rules = Rules::default();
        let patient = Patient {
            serial: "M-1",
            meter,
            rules: &rules,
        };
        patient.of_rejection(reason, reading).join("\n")
    }

    #[test]
    fn registers_that_started_again_from_zero() {
        use RejectReason::{ConsumptionRegisterBackwards, GenerationRegisterBackwards};
        for (last, new, modulus, name) in [
            (99_998_000, 1_000, 100_000_000u64, "5 digits of kWh"),
            (999_999_000, 0, 1_000_000_000, "6 digits of kWh"),
            (4_294_967_000, 500, 1 << 32, "a 32-bit counter"),
        ] {
            let meter = meter(1_000, last, 7);
            let found = remedies(&meter, GenerationRegisterBackwards, &reading(4_600, new, 8));
            let command = format!("replace-device M-1 --generation-register {last} --consumption-register 7 --register-modulus {modulus} --no-device-key");
            assert!(found.contains(&command) && found.contains(name), "{found}");
        }
        // Both in one reading; and one that can't be one in that time.
        let both = meter(1_000, 99_999_000, 99_990_000);
        let found = remedies(
            &both,
            ConsumptionRegisterBackwards,
            &reading(4_600, 100, 900),
        );
        assert!(found.contains("--register-modulus 100000000 "), "{found}");
        let found = remedies(
            &meter(1_000, 99_000_000, 7),
            GenerationRegisterBackwards,
            &reading(4_600, 0, 8),
        );
        assert!(!found.contains("modulus"), "{found}");
    }

    #[test]
    fn registers_that_went_back() {
        let meter = meter(1_000, 50_000, 7_000);
        let back = RejectReason::GenerationRegisterBackwards;
        let found = remedies(&meter, back, &reading(4_600, 3, 7_100));
        for part in [
            "grid meter replace-device M-1 --generation-register 3 --consumption-register 7100 --no-device-key",
            "grid meter correct M-1 --generation-register 3 --consumption-register 7000",
            "50000 Wh at 1970-01-01T00:16:40Z",
        ] {
            assert!(found.contains(part), "{found}");
        }
        let found = remedies(&meter, back, &reading(4_600, 49_995, 7_000));
        assert!(found.contains("rounding"), "{found}");
        // Over: a later reading was accepted.
        assert_eq!(remedies(&meter, back, &reading(900, 3, 7_100)), "");
    }

    #[test]
    fn more_than_the_rated_power_and_jumps() {
        let meter = meter(0, 1_000, 0);
        let found = remedies(
            &meter,
            RejectReason::GenerationAboveRatedPower,
            &reading(3_600, 16_001, 0),
        );
        assert!(
            found.contains(
                "grid meter limits M-1 --generation-capacity 15001 --consumption-capacity 20000"
            ),
            "{found}"
        );
        let found = remedies(
            &meter,
            RejectReason::RegisterJumped,
            &reading(3_600, 286_000, 10),
        );
        for part in [
            "grid meter replace-device M-1 --generation-register 286000 --consumption-register 10 --no-device-key",
            // By the factor of two, it is no jump then.
            "grid meter limits M-1 --generation-capacity 142500 --consumption-capacity 20000",
            "readings below it count as ever",
        ] {
            assert!(found.contains(part), "{found}");
        }
        let mut held = Meter { ..meter };
        held.state.held_at = 3_600;
        held.state.held_generation_register = Wh(286_000);
        held.state.accepted_count = 0;
        let rules = Rules::default();
        let patient = Patient {
            serial: "#x",
            meter: &held,
            rules: &rules,
        };
        let found = patient.of_hold().join("\n");
        assert!(found.contains("registered with (1000 and 0 Wh) were false: grid meter replace-device '#x' --generation-register 286000 --consumption-register 0 --no-device-key"), "{found}");
        assert!(Patient {
            meter: &meter,
            ..patient
        }
        .of_hold()
        .is_empty());
    }

    #[test]
    fn every_reason_says_something() {
        let meter = meter(1_000, 50_000, 7_000);
        for reason in RejectReason::ALL {
            assert_ne!(
                remedies(&meter, *reason, &reading(2_000, 1, 1)),
                "",
                "{reason:?}"
            );
        }
    }
}
