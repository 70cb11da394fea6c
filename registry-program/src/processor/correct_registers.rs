//! `CorrectRegisters`: a false reading is taken back, and the totals with it.

use shared_state::{
    error::ensure,
    event::{EventData, RegistersCorrected},
    program::unix_timestamp,
    quantity::Wh,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::{by_authority, check_registers, release};
use crate::instruction::CorrectRegisters;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let CorrectRegisters {
        old_generation_register,
        old_consumption_register,
        generation_register,
        consumption_register,
    } = wire::args(data)?;
    let mut meter = by_authority(program_id, accounts)?;
    check_registers(&meter, old_generation_register, old_consumption_register)?;
    let taken = |old: Wh, new| old.minus(new).ok_or(GridError::InvalidCorrection);
    let generation = taken(old_generation_register, generation_register)?;
    let consumption = taken(old_consumption_register, consumption_register)?;
    ensure(
        generation > Wh::ZERO || consumption > Wh::ZERO,
        GridError::InvalidCorrection,
    )?;

    let net = meter.net_generation();
    let left = |total: Wh, taken| total.minus(taken).ok_or(GridError::InvalidCorrection);
    meter.total_generation = left(meter.total_generation, generation)?;
    meter.total_consumption = left(meter.total_consumption, consumption)?;
    // What was claimable of the false energy no longer is; and the net generation that less consumption adds is not yet, also
    // where it had been claimable before it was consumed.
    let claimable = net.min(meter.net_generation());
    meter.claimable_net_generation = meter.claimable_net_generation.min(claimable);
    release(&mut meter);
    let now = unix_timestamp()?;
    let state = &mut meter.state;
    if state.corrected().is_none() {
        state.corrected_generation_register = old_generation_register;
        state.corrected_consumption_register = old_consumption_register;
    }
    state.generation_register = generation_register;
    state.consumption_register = consumption_register;
    // The device shows these registers now; and a reading that was ahead of the clock must not count again.
    state.last_reading_at = state.last_reading_at.max(now);
    state.corrected_at = state.last_reading_at;
    meter.revise();
    RegistersCorrected {
        meter_id: meter.meter_id,
        old_generation_register,
        old_consumption_register,
        generation_register,
        consumption_register,
    }
    .emit();
    Ok(())
}
