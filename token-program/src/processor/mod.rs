//! One file per instruction, and what several of them share.

mod initialize;
mod mint_settled;
mod retire_tokens;
mod set_mint_limit;
mod set_minting_enabled;
mod set_registry_authority;

use shared_state::{
    program::{self, accept_authority, propose_authority, AccountMut, Signer},
    state::TokenConfig,
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::Tag;

/// Runs one instruction.
#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let (tag, data) = wire::tag(data)?;
    match Tag::from_byte(tag)? {
        Tag::MintSettled => mint_settled::process(program_id, accounts, data),
        Tag::Initialize => initialize::process(program_id, accounts, data),
        Tag::SetMintingEnabled => set_minting_enabled::process(program_id, accounts, data),
        Tag::SetMintLimit => set_mint_limit::process(program_id, accounts, data),
        Tag::RetireTokens => retire_tokens::process(program_id, accounts, data),
        Tag::SetRegistryAuthority => set_registry_authority::process(program_id, accounts, data),
        Tag::ProposeAuthority => propose_authority::<TokenConfig>(program_id, accounts, data),
        Tag::AcceptAuthority => accept_authority::<TokenConfig>(program_id, accounts, data),
    }
}

/// The accounts of an instruction that only the token authority may send: the authority and the TokenConfig.
fn by_authority<'a>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
) -> GridResult<(Signer<'a>, AccountMut<'a, TokenConfig>)> {
    program::by_authority(program_id, accounts, "token authority")
}
