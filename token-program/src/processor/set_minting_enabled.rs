//! `SetMintingEnabled`: the token authority's switch.

use shared_state::{
    event::{EventData, MintingEnabledChanged},
    state::{MINTING_DISABLED, MINTING_ENABLED},
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::by_authority;
use crate::instruction::SetMintingEnabled;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SetMintingEnabled { enabled } = wire::args(data)?;
    let enabled = wire::boolean(enabled)?;
    let (authority, mut config) = by_authority(program_id, accounts)?;
    config.header.status = if enabled {
        MINTING_ENABLED
    } else {
        MINTING_DISABLED
    };
    config.revise();
    MintingEnabledChanged {
        changed_by: *authority.key(),
        enabled: enabled.into(),
    }
    .emit();
    Ok(())
}
