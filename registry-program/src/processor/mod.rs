//! One file per instruction, and what several of them share.

mod accept_meter_owner;
mod get_unsettled_balance;
mod initialize;
mod propose_meter_owner;
mod record_readings;
mod register_meter;
mod replace_device;
mod set_config;
mod set_delegate;
mod set_meter_status;
mod settle_and_mint_tokens;
mod settle_many_and_mint_tokens;
pub mod settlement;
mod update_meter_limits;

use shared_state::{
    error::ensure,
    program::{accept_authority, count_error, propose_authority, signer, Account, AccountMut},
    state::{Meter, MeterStatus, RegistryConfig},
    units::MAX_CAPACITY_W,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::tag;

/// Runs one instruction.
#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let (tag, data) = wire::tag(data)?;
    match tag {
        tag::RECORD_READINGS => record_readings::process(program_id, accounts, data),
        tag::SETTLE_AND_MINT_TOKENS => settle_and_mint_tokens::process(program_id, accounts, data),
        tag::SETTLE_MANY_AND_MINT_TOKENS => {
            settle_many_and_mint_tokens::process(program_id, accounts, data)
        }
        tag::INITIALIZE => initialize::process(program_id, accounts, data),
        tag::REGISTER_METER => register_meter::process(program_id, accounts, data),
        tag::SET_METER_STATUS => set_meter_status::process(program_id, accounts, data),
        tag::SET_DELEGATE => set_delegate::process(program_id, accounts, data),
        tag::PROPOSE_METER_OWNER => propose_meter_owner::process(program_id, accounts, data),
        tag::ACCEPT_METER_OWNER => accept_meter_owner::process(program_id, accounts, data),
        tag::REPLACE_DEVICE => replace_device::process(program_id, accounts, data),
        tag::UPDATE_METER_LIMITS => update_meter_limits::process(program_id, accounts, data),
        tag::SET_CONFIG => set_config::process(program_id, accounts, data),
        tag::GET_UNSETTLED_BALANCE => get_unsettled_balance::process(program_id, accounts, data),
        tag::PROPOSE_AUTHORITY => propose_authority::<RegistryConfig>(program_id, accounts, data),
        tag::ACCEPT_AUTHORITY => accept_authority::<RegistryConfig>(program_id, accounts, data),
        _ => Err(GridError::InvalidInstructionData),
    }
}

/// The accounts of what a meter's owner decides: the owner, which signed, and the meter.
fn by_owner<'a>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
) -> GridResult<AccountMut<'a, Meter>> {
    let [owner, meter] = accounts else {
        return Err(count_error(accounts.len(), 2));
    };
    let owner = signer(owner, "owner")?;
    let meter = AccountMut::<Meter>::new(meter, program_id)?;
    ensure(*owner == meter.owner, GridError::Unauthorized)?;
    Ok(meter)
}

/// The accounts of what the registry authority decides of a meter that isn't decommissioned: the authority, which signed,
/// the meter and the RegistryConfig.
fn by_authority<'a>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
) -> GridResult<AccountMut<'a, Meter>> {
    let [authority, meter, config] = accounts else {
        return Err(count_error(accounts.len(), 3));
    };
    let config = Account::<RegistryConfig>::new(config, program_id)?;
    let meter = AccountMut::<Meter>::new(meter, program_id)?;
    let authority = signer(authority, "registry authority")?;
    ensure(*authority == config.authority, GridError::Unauthorized)?;
    ensure(
        meter.status() != MeterStatus::Decommissioned,
        GridError::MeterDecommissioned,
    )?;
    Ok(meter)
}

/// Both rated powers above zero and at most [`MAX_CAPACITY_W`].
fn check_capacities(generation_w: u32, consumption_w: u32) -> GridResult {
    let valid = 1..=MAX_CAPACITY_W;
    ensure(
        valid.contains(&generation_w) && valid.contains(&consumption_w),
        GridError::InvalidCapacity,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities() {
        assert_eq!(check_capacities(1, MAX_CAPACITY_W), Ok(()));
        for (generation, consumption) in [(0, 1), (1, 0), (MAX_CAPACITY_W + 1, 1), (1, u32::MAX)] {
            assert_eq!(
                check_capacities(generation, consumption),
                Err(GridError::InvalidCapacity)
            );
        }
    }
}
