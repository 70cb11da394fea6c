//! `SetActive`: the oracle is paused or resumed.

use shared_state::{
    event::{EventData, OracleActiveChanged},
    state::{ORACLE_ACTIVE, ORACLE_PAUSED},
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::by_authority;
use crate::instruction::SetActive;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SetActive { active } = wire::args(data)?;
    let is_active = wire::boolean(active)?;
    let (authority, mut config) = by_authority(program_id, accounts)?;
    config.header.status = if is_active {
        ORACLE_ACTIVE
    } else {
        ORACLE_PAUSED
    };
    config.revise();
    OracleActiveChanged {
        changed_by: *authority.key(),
        active,
    }
    .emit();
    Ok(())
}
