//! One file per instruction.

mod initialize;
mod record_readings;
mod register_meter;
mod set_meter_status;
mod settle_and_mint_tokens;

use shared_state::{wire, GridError, GridResult};
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
        tag::INITIALIZE => initialize::process(program_id, accounts, data),
        tag::REGISTER_METER => register_meter::process(program_id, accounts, data),
        tag::SET_METER_STATUS => set_meter_status::process(program_id, accounts, data),
        _ => Err(GridError::InvalidInstructionData),
    }
}
