//! `Initialize`: the RegistryConfig comes into being.

use bytemuck::Zeroable;
use shared_state::{
    event::{EventData, RegistryInitialized},
    pda::REGISTRY_SEED,
    program::{count_error, create, nonzero, Initializer},
    state::{AccountType, Header, RegistryConfig},
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::check_minimum_quality;
use crate::instruction::Initialize;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let Initialize {
        oracle_authority,
        token_program,
        minimum_quality,
        all_meters_sign,
    } = wire::args(data)?;
    let [authority, payer, config, program_data, system] = accounts else {
        return Err(count_error(accounts.len(), 5));
    };
    let accounts = [authority, payer, config, program_data, system];
    let mut accounts = Initializer::load(program_id, accounts)?;
    nonzero(&oracle_authority)?;
    nonzero(&token_program)?;
    check_minimum_quality(minimum_quality, all_meters_sign)?;

    let authority = *accounts.authority.key();
    let content = |bump| RegistryConfig {
        header: Header::new(AccountType::RegistryConfig, bump, 0),
        authority,
        oracle_authority,
        token_program,
        minimum_quality,
        ..RegistryConfig::zeroed()
    };
    let funding = &mut accounts.funding;
    create(
        program_id,
        accounts.config,
        funding,
        &[REGISTRY_SEED],
        content,
    )?;
    RegistryInitialized {
        authority,
        oracle_authority,
        token_program,
        minimum_quality,
    }
    .emit();
    Ok(())
}
