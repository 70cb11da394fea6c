//! `Initialize`: the RegistryConfig comes into being.

use bytemuck::Zeroable;
use shared_state::{
    error::ensure,
    event::{EventData, RegistryInitialized},
    pda::REGISTRY_SEED,
    program::{count_error, nonzero, program, require_upgrade_authority, signer, AccountMut},
    state::{AccountType, Header, RegistryConfig},
    units::FULL_BPS,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::system_program;

use crate::instruction::Initialize;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let Initialize {
        oracle_authority,
        token_program,
        minimum_quality,
    } = wire::args(data)?;
    let [authority, payer, config, program_data, system] = accounts else {
        return Err(count_error(accounts.len(), 5));
    };
    let authority = require_upgrade_authority(program_id, authority, program_data)?;
    signer(payer, "payer")?;
    program(system, &system_program::ID, "system program")?;
    nonzero(&oracle_authority)?;
    nonzero(&token_program)?;
    ensure(minimum_quality <= FULL_BPS, GridError::InvalidQuality)?;

    AccountMut::create(program_id, payer, config, &[REGISTRY_SEED, &[]], |bump| {
        RegistryConfig {
            header: Header::new(AccountType::RegistryConfig, bump, 0),
            authority: *authority,
            oracle_authority,
            token_program,
            minimum_quality,
            ..RegistryConfig::zeroed()
        }
    })?;
    RegistryInitialized {
        authority: *authority,
        oracle_authority,
        token_program,
        minimum_quality,
    }
    .emit();
    Ok(())
}
