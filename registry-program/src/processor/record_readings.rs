//! `RecordReadings`: what the oracle made of readings goes into the meters' accounts.

use shared_state::{
    call::RecordReadings,
    error::{cold_path, ensure},
    event::{
        EventData, EventList, MeterReadingRecorded, MeterReadingRejected, RegisterHoldBegan,
        RegisterHoldEnded,
    },
    program::{Account, AccountMut, Signer},
    quantity::{next, Bps, Wh},
    reading::{flags, ReadingOutcome, RejectReason},
    state::{Meter, RegistryConfig},
    wire::Packed,
    GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let outcomes = RecordReadings::decode(data)?;
    let [caller, config, meters @ ..] = accounts else {
        return Err(GridError::NotEnoughAccounts);
    };
    let config = Account::<RegistryConfig>::new(config, program_id)?;
    Signer::new(caller, "oracle authority")?.must_be(&config.oracle_authority)?;
    let minimum_quality = config.minimum_quality;

    let mut recorded = EventList::new(outcomes.len());
    let mut outcomes = outcomes.iter();
    let mut next = outcomes.next();
    ensure(
        !next.is_some_and(is_of_same_meter),
        GridError::InvalidOutcome,
    )?;
    for view in meters {
        if next.is_none() {
            cold_path();
            return Err(GridError::TooManyAccounts);
        }
        let mut meter = AccountMut::<Meter>::new(view, program_id)?;
        while let Some(outcome) = next {
            if outcome.get().is_accepted() {
                record(&mut meter, outcome, minimum_quality, &mut recorded)?;
            } else {
                reject(&mut meter, outcome)?;
            }
            next = outcomes.next();
            if !next.is_some_and(is_of_same_meter) {
                break;
            }
        }
    }
    ensure(next.is_none(), GridError::NotEnoughAccounts)?;
    recorded.emit();
    Ok(())
}

/// Whether an outcome is of the same meter as the one before.
#[inline(always)]
fn is_of_same_meter(outcome: &Packed<ReadingOutcome>) -> bool {
    outcome.get().flags >= flags::SAME_METER
}

/// Adds an accepted reading, and appends what is to be logged of it to `recorded`. The registry doesn't take the oracle's
/// word for what it can see itself: a meter that isn't active, a time that doesn't go forward and a register that went back
/// without rolling over are refused here too. Not inlined: a function of its own has all registers to itself.
#[inline(never)]
fn record(
    meter: &mut Meter,
    packed: &Packed<ReadingOutcome>,
    minimum_quality: Bps,
    recorded: &mut EventList<MeterReadingRecorded>,
) -> GridResult {
    let outcome = packed.get();
    let reading = &outcome.reading;
    ensure(meter.is_active(), GridError::MeterNotActive)?;
    ensure(
        reading.timestamp > meter.state.last_reading_at
            && outcome.quality <= Bps::FULL
            && outcome.score > 0,
        GridError::InvalidOutcome,
    )?;
    let (generated, consumed) = match meter.state.counted_forward(reading) {
        Some(counted) => counted,
        None => counted_otherwise(meter, packed)?,
    };
    meter.state.apply_accepted(&outcome);
    let sequence = meter.state.accepted_count as u32;
    meter.total_generation = meter.total_generation.plus(generated)?;
    meter.total_consumption = meter.total_consumption.plus(consumed)?;
    // A net generation below zero raises nothing.
    match meter.total_generation.minus(meter.total_consumption) {
        Some(net) if net > meter.claimable_net_generation && outcome.quality >= minimum_quality => {
            meter.claimable_net_generation = net;
        }
        _ => {}
    }
    recorded.push(MeterReadingRecorded {
        meter_id: meter.meter_id,
        timestamp: reading.timestamp,
        generation_register: reading.generation_register,
        consumption_register: reading.consumption_register,
        quality: outcome.quality,
        score: outcome.score,
        flags: outcome.flags & flags::OF_ACCEPTED,
        sequence,
    })
}

/// What was counted where a register has rolled over or was held.
#[cold]
#[inline(never)]
fn counted_otherwise(meter: &Meter, outcome: &Packed<ReadingOutcome>) -> GridResult<(Wh, Wh)> {
    let state = &meter.state;
    let counted = state.counted_since(&outcome.get().reading);
    if state.is_held() && counted.is_some() {
        RegisterHoldEnded {
            meter_id: meter.meter_id,
            held_at: state.held_at,
        }
        .emit();
    }
    counted.ok_or(GridError::InvalidOutcome)
}

/// Notes a rejected reading: a count, the reason, a quality that can't be better than before, and a jump. Energy, registers
/// and the time of the last reading stay as they are.
#[cold]
#[inline(never)]
fn reject(meter: &mut Meter, outcome: &Packed<ReadingOutcome>) -> GridResult {
    let outcome = &outcome.get();
    let reading = &outcome.reading;
    ensure(
        RejectReason::from_code(outcome.reason).is_some()
            && outcome.quality <= meter.state.quality
            && outcome.score == 0,
        GridError::InvalidOutcome,
    )?;
    meter.rejected_count = next(meter.rejected_count)?;
    meter.last_reject_reason = outcome.reason;
    let held = |meter: &Meter| -> (Wh, Wh) {
        let state = &meter.state;
        (
            state.held_generation_register,
            state.held_consumption_register,
        )
    };
    let before = held(meter);
    meter.state.apply(outcome);
    MeterReadingRejected {
        meter_id: meter.meter_id,
        timestamp: reading.timestamp,
        generation_register: reading.generation_register,
        consumption_register: reading.consumption_register,
        quality: outcome.quality,
        reason: outcome.reason.into(),
        sequence: meter.rejected_count as u32,
    }
    .emit();
    let (held_generation_register, held_consumption_register) = held(meter);
    if (held_generation_register, held_consumption_register) != before {
        RegisterHoldBegan {
            meter_id: meter.meter_id,
            held_generation_register,
            held_consumption_register,
            held_at: meter.state.held_at,
        }
        .emit();
    }
    Ok(())
}
