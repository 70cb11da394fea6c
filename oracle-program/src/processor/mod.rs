//! One file per instruction, and what the two that submit readings share.

mod add_reporter;
mod initialize;
mod remove_reporter;
mod set_active;
mod set_rules;
mod submit;
mod submit_readings;
mod submit_signed_readings;

use shared_state::{
    error::ensure,
    program::{accept_authority, count_error, propose_authority, signer, AccountMut},
    state::OracleConfig,
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
        tag::SUBMIT_READINGS => submit_readings::process(program_id, accounts, data),
        tag::SUBMIT_SIGNED_READINGS => submit_signed_readings::process(program_id, accounts, data),
        tag::INITIALIZE => initialize::process(program_id, accounts, data),
        tag::ADD_REPORTER => add_reporter::process(program_id, accounts, data),
        tag::REMOVE_REPORTER => remove_reporter::process(program_id, accounts, data),
        tag::SET_RULES => set_rules::process(program_id, accounts, data),
        tag::SET_ACTIVE => set_active::process(program_id, accounts, data),
        tag::PROPOSE_AUTHORITY => propose_authority::<OracleConfig>(program_id, accounts, data),
        tag::ACCEPT_AUTHORITY => accept_authority::<OracleConfig>(program_id, accounts, data),
        _ => Err(GridError::InvalidInstructionData),
    }
}

/// The accounts of all instructions that change the OracleConfig: its authority, which signed, and itself.
fn by_authority<'a>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
) -> GridResult<(&'a Pubkey, AccountMut<'a, OracleConfig>)> {
    let [authority, config] = accounts else {
        return Err(count_error(accounts.len(), 2));
    };
    let authority = signer(authority, "oracle authority")?;
    let config = AccountMut::<OracleConfig>::new(config, program_id)?;
    ensure(*authority == config.authority, GridError::Unauthorized)?;
    Ok((authority, config))
}
