//! One file per instruction.

mod initialize;
mod mint_settled;
mod set_minting_enabled;

use shared_state::{
    program::{accept_authority, propose_authority},
    state::TokenConfig,
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
        tag::MINT_SETTLED => mint_settled::process(program_id, accounts, data),
        tag::INITIALIZE => initialize::process(program_id, accounts, data),
        tag::SET_MINTING_ENABLED => set_minting_enabled::process(program_id, accounts, data),
        tag::PROPOSE_AUTHORITY => propose_authority::<TokenConfig>(program_id, accounts, data),
        tag::ACCEPT_AUTHORITY => accept_authority::<TokenConfig>(program_id, accounts, data),
        _ => Err(GridError::InvalidInstructionData),
    }
}
