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
    program::{self, accept_authority, propose_authority, AccountMut, Signer},
    state::OracleConfig,
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
        Tag::SubmitReadings => submit_readings::process(program_id, accounts, data),
        Tag::SubmitSignedReadings => submit_signed_readings::process(program_id, accounts, data),
        Tag::Initialize => initialize::process(program_id, accounts, data),
        Tag::AddReporter => add_reporter::process(program_id, accounts, data),
        Tag::RemoveReporter => remove_reporter::process(program_id, accounts, data),
        Tag::SetRules => set_rules::process(program_id, accounts, data),
        Tag::SetActive => set_active::process(program_id, accounts, data),
        Tag::ProposeAuthority => propose_authority::<OracleConfig>(program_id, accounts, data),
        Tag::AcceptAuthority => accept_authority::<OracleConfig>(program_id, accounts, data),
    }
}

/// The accounts of an instruction that only the oracle authority may send: the authority and the OracleConfig.
fn by_authority<'a>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
) -> GridResult<(Signer<'a>, AccountMut<'a, OracleConfig>)> {
    program::by_authority(program_id, accounts, "oracle authority")
}
