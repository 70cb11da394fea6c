//! One file per instruction.

mod add_reporter;
mod initialize;
mod submit_readings;

use shared_state::{wire, GridError, GridResult};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::tag;

/// Runs one instruction.
#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let (tag, data) = wire::tag(data)?;
    match tag {
        tag::SUBMIT_READINGS => submit_readings::process(program_id, accounts, data),
        tag::INITIALIZE => initialize::process(program_id, accounts, data),
        tag::ADD_REPORTER => add_reporter::process(program_id, accounts, data),
        _ => Err(GridError::InvalidInstructionData),
    }
}
