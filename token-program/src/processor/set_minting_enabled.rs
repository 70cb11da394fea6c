//! `SetMintingEnabled`: the token authority's switch.

use shared_state::{
    error::ensure,
    event::{EventData, MintingEnabledChanged},
    program::{count_error, signer, AccountMut},
    state::{TokenConfig, MINTING_DISABLED, MINTING_ENABLED},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::SetMintingEnabled;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SetMintingEnabled { enabled } = wire::args(data)?;
    let enabled = wire::boolean(enabled)?;
    let [authority, config] = accounts else {
        return Err(count_error(accounts.len(), 2));
    };
    let authority = signer(authority, "token authority")?;
    let mut config = AccountMut::<TokenConfig>::new(config, program_id)?;
    ensure(*authority == config.authority, GridError::Unauthorized)?;

    config.header.status = if enabled {
        MINTING_ENABLED
    } else {
        MINTING_DISABLED
    };
    MintingEnabledChanged {
        changed_by: *authority,
        enabled: enabled.into(),
    }
    .emit();
    Ok(())
}
