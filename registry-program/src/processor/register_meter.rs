//! `RegisterMeter`: a meter's account comes into being.

use bytemuck::Zeroable;
use shared_state::{
    error::ensure,
    event::{EventData, MeterRegistered},
    pda::METER_SEED,
    program::{count_error, nonzero, program, signer, unix_timestamp, Account, AccountMut},
    state::{meter_name, AccountType, Header, Meter, MeterStatus, RegistryConfig},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::system_program;

use super::check_capacities;
use crate::instruction::RegisterMeter;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let RegisterMeter {
        meter_id,
        owner,
        device_key,
        generation_register,
        consumption_register,
        generation_capacity_w,
        consumption_capacity_w,
    } = wire::args(data)?;
    let [authority, payer, meter, config, system] = accounts else {
        return Err(count_error(accounts.len(), 5));
    };
    let config = Account::<RegistryConfig>::new(config, program_id)?;
    let authority = signer(authority, "registry authority")?;
    ensure(*authority == config.authority, GridError::Unauthorized)?;
    signer(payer, "payer")?;
    program(system, &system_program::ID, "system program")?;
    meter_name(&meter_id)?;
    nonzero(&owner)?;
    check_capacities(generation_capacity_w, consumption_capacity_w)?;

    let now = unix_timestamp()?;
    AccountMut::create(program_id, payer, meter, &[METER_SEED, &meter_id], |bump| {
        Meter {
            header: Header::new(AccountType::Meter, bump, MeterStatus::Inactive as u8),
            meter_id,
            owner,
            device_key,
            generation_register,
            consumption_register,
            registered_at: now,
            last_reading_at: now,
            generation_capacity_w,
            consumption_capacity_w,
            ..Meter::zeroed()
        }
    })?;
    MeterRegistered {
        meter_id,
        owner,
        device_key,
        generation_register,
        consumption_register,
        generation_capacity_w,
        consumption_capacity_w,
    }
    .emit();
    Ok(())
}
