//! `ReplaceDevice`: a new device takes a meter's place, and the totals go on; or the same device gets another key.

use shared_state::{
    event::{DeviceReplaced, EventData},
    program::unix_timestamp,
    quantity::Wh,
    state::DeviceKeyType,
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::{by_authority, check_modulus, check_registers, key_type, release};
use crate::instruction::ReplaceDevice;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let args: ReplaceDevice = wire::args(data)?;
    let ReplaceDevice {
        device_key,
        generation_register,
        consumption_register,
        register_modulus,
        ..
    } = args;
    let mut meter = by_authority(program_id, accounts)?;
    let device_key_type = key_type(args.device_key_type)?;
    DeviceKeyType::check(device_key_type, &device_key)?;
    check_modulus(register_modulus, generation_register, consumption_register)?;
    check_registers(
        &meter,
        args.old_generation_register,
        args.old_consumption_register,
    )?;

    meter.device_key = device_key;
    meter.device_key_type = device_key_type;
    let is_same_device = generation_register == args.old_generation_register
        && consumption_register == args.old_consumption_register;
    let is_judged_anew = is_same_device
        && register_modulus != Wh::ZERO
        && register_modulus != meter.state.register_modulus;
    if is_judged_anew {
        meter.state.change_modulus(register_modulus);
    } else if !is_same_device || meter.state.is_held() {
        release(&mut meter);
        let now = unix_timestamp()?;
        let state = &mut meter.state;
        state.generation_register = generation_register;
        state.consumption_register = consumption_register;
        // The rated power allows for the time from now on, not since the old device's last reading; and a reading that was
        // ahead of the clock must not count again.
        state.last_reading_at = state.last_reading_at.max(now);
        // What a correction took away was the old device's: it doesn't come back at once. That there was one stays visible.
        state.corrected_at = state
            .corrected_at
            .min(state.last_reading_at.wrapping_sub(1));
    }
    meter.state.register_modulus = register_modulus;
    meter.revise();
    DeviceReplaced {
        meter_id: meter.meter_id,
        device_key,
        old_generation_register: args.old_generation_register,
        old_consumption_register: args.old_consumption_register,
        generation_register,
        consumption_register,
        register_modulus,
        device_key_type: args.device_key_type,
    }
    .emit();
    Ok(())
}
