//! `ReplaceDevice`: a new device takes a meter's place, and the totals go on.

use shared_state::{
    error::ensure,
    event::{DeviceReplaced, EventData},
    program::unix_timestamp,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::by_authority;
use crate::instruction::ReplaceDevice;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let ReplaceDevice {
        device_key,
        old_generation_register,
        old_consumption_register,
        generation_register,
        consumption_register,
    } = wire::args(data)?;
    let mut meter = by_authority(program_id, accounts)?;
    ensure(
        meter.generation_register == old_generation_register
            && meter.consumption_register == old_consumption_register,
        GridError::RegistersMovedOn,
    )?;
    let event = DeviceReplaced {
        meter_id: meter.meter_id,
        device_key,
        old_generation_register,
        old_consumption_register,
        generation_register,
        consumption_register,
    };
    meter.device_key = device_key;
    meter.generation_register = generation_register;
    meter.consumption_register = consumption_register;
    // The rated power allows for the time from now on, not since the old device's last reading; and a reading that was
    // ahead of the clock must not count again.
    meter.last_reading_at = meter.last_reading_at.max(unix_timestamp()?);
    event.emit();
    Ok(())
}
