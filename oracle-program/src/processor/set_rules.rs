//! `SetRules`: other numbers in the validation rules.

use shared_state::{
    error::ensure,
    event::{EventData, RulesChanged},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::by_authority;
use crate::instruction::SetRules;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SetRules { rules } = wire::args(data)?;
    let (authority, mut config) = by_authority(program_id, accounts)?;
    ensure(rules.are_valid(), GridError::InvalidRules)?;
    config.rules = rules;
    config.revise();
    RulesChanged {
        changed_by: *authority.key(),
        rules,
    }
    .emit();
    Ok(())
}
