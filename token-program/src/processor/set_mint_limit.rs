//! `SetMintLimit`: how fast GRID may be minted.

use shared_state::{
    error::ensure,
    event::{EventData, MintLimitChanged},
    program::unix_timestamp,
    state::MintLimit,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::by_authority;
use crate::instruction::SetMintLimit;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SetMintLimit {
        burst,
        rate_per_second,
    } = wire::args(data)?;
    let (authority, mut config) = by_authority(program_id, accounts)?;
    ensure(
        MintLimit::is_valid(burst, rate_per_second),
        GridError::InvalidMintLimit,
    )?;
    config
        .mint_limit
        .change(burst, rate_per_second, unix_timestamp()?);
    config.revise();
    MintLimitChanged {
        changed_by: *authority.key(),
        burst,
        rate_per_second,
    }
    .emit();
    Ok(())
}
