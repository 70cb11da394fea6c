//! `RecordReadings`: what the oracle made of readings goes into the meters' accounts.

use shared_state::{
    error::ensure,
    event::{EventData, MeterReadingRecorded, MeterReadingRejected, MeterReadingsRecorded},
    program::{Account, AccountMut, HeadedList},
    reading::{ReadingOutcome, ACCEPTED},
    state::{Meter, RegistryConfig},
    units::{self, FULL_BPS},
    wire::{self, Packed},
    GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::{log::sol_log_data, pubkey::Pubkey};

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let outcomes = wire::list::<ReadingOutcome>(data)?;
    let [caller, config, meters @ ..] = accounts else {
        return Err(GridError::NotEnoughAccounts);
    };
    let config = Account::<RegistryConfig>::new(config, program_id)?;
    ensure(
        caller.is_signer() && address_eq(caller.address(), &config.oracle_authority),
        GridError::Unauthorized,
    )?;
    ensure(outcomes.len() >= meters.len(), GridError::TooManyAccounts)?;
    ensure(outcomes.len() <= meters.len(), GridError::NotEnoughAccounts)?;

    let mut recorded = HeadedList::new(meters.len())?;
    let mut outcomes = outcomes.iter();
    for view in meters {
        let Some(outcome) = outcomes.next() else {
            break;
        };
        let mut meter = AccountMut::<Meter>::new(view, program_id)?;
        if outcome.get().reason == ACCEPTED {
            record(&mut meter, outcome, &mut recorded)?;
        } else {
            reject(&mut meter, outcome)?;
        }
    }
    if !recorded.is_empty() {
        let header = MeterReadingsRecorded::header(recorded.len());
        sol_log_data(&[recorded.with_header(&header)]);
    }
    Ok(())
}

/// Adds an accepted reading, and appends what is to be logged of it to `recorded`. The registry doesn't take the oracle's
/// word: a meter that isn't active, or a time or register that doesn't go forward, is refused here too, so a faulty
/// oracle can't make energy out of nothing. Not inlined: a function of its own has all registers to itself, for two
/// units.
#[inline(never)]
fn record(
    meter: &mut Meter,
    outcome: &Packed<ReadingOutcome>,
    recorded: &mut HeadedList<MeterReadingRecorded>,
) -> GridResult {
    let outcome = outcome.get();
    let reading = outcome.reading;
    ensure(meter.is_active(), GridError::MeterNotActive)?;
    ensure(
        reading.timestamp > meter.last_reading_at
            && reading.generation_register >= meter.generation_register
            && reading.consumption_register >= meter.consumption_register
            && outcome.quality <= FULL_BPS
            && outcome.score > 0,
        GridError::InvalidOutcome,
    )?;
    // In range by the comparison above.
    let generated = reading
        .generation_register
        .wrapping_sub(meter.generation_register);
    let consumed = reading
        .consumption_register
        .wrapping_sub(meter.consumption_register);

    meter.total_generation = units::add_energy(meter.total_generation, generated)?;
    meter.total_consumption = units::add_energy(meter.total_consumption, consumed)?;
    meter.generation_register = reading.generation_register;
    meter.consumption_register = reading.consumption_register;
    meter.last_reading_at = reading.timestamp;
    meter.accepted_count = units::add(meter.accepted_count, 1)?;
    meter.profile = outcome.profile;
    meter.quality = outcome.quality;
    let event = MeterReadingRecorded {
        meter_id: meter.meter_id,
        timestamp: reading.timestamp,
        generation_register: reading.generation_register,
        consumption_register: reading.consumption_register,
        quality: outcome.quality,
        score: outcome.score,
        flags: outcome.flags as u8,
        sequence: meter.accepted_count as u32,
    };
    recorded.place()?.put(Packed::from(event));
    Ok(())
}

/// Notes a rejected reading: a count, the reason and a quality that can't be better than before. Energy, registers and
/// the time of the last reading stay as they are.
#[cold]
#[inline(never)]
fn reject(meter: &mut Meter, outcome: &Packed<ReadingOutcome>) -> GridResult {
    let outcome = outcome.get();
    ensure(
        outcome.quality <= meter.quality && outcome.score == 0,
        GridError::InvalidOutcome,
    )?;
    meter.rejected_count = units::add(meter.rejected_count, 1)?;
    meter.last_reject_reason = outcome.reason;
    meter.quality = outcome.quality;
    MeterReadingRejected {
        meter_id: meter.meter_id,
        timestamp: outcome.reading.timestamp,
        generation_register: outcome.reading.generation_register,
        consumption_register: outcome.reading.consumption_register,
        quality: outcome.quality,
        reason: outcome.reason.into(),
        sequence: meter.rejected_count as u32,
    }
    .emit();
    Ok(())
}
