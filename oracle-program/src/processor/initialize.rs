//! `Initialize`: the OracleConfig comes into being.

use bytemuck::Zeroable;
use shared_state::{
    error::ensure,
    event::{EventData, OracleInitialized},
    pda::ORACLE_SEED,
    program::{count_error, create, nonzero, Initializer},
    state::{AccountType, Header, OracleConfig, ORACLE_ACTIVE},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::Initialize;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let Initialize {
        registry_program,
        rules,
    } = wire::args(data)?;
    let [authority, payer, config, program_data, system] = accounts else {
        return Err(count_error(accounts.len(), 5));
    };
    let accounts = [authority, payer, config, program_data, system];
    let mut accounts = Initializer::load(program_id, accounts)?;
    nonzero(&registry_program)?;
    ensure(rules.are_valid(), GridError::InvalidRules)?;

    let authority = *accounts.authority.key();
    let content = |bump| OracleConfig {
        header: Header::new(AccountType::OracleConfig, bump, ORACLE_ACTIVE),
        authority,
        registry_program,
        rules,
        ..OracleConfig::zeroed()
    };
    let funding = &mut accounts.funding;
    create(
        program_id,
        accounts.config,
        funding,
        &[ORACLE_SEED],
        content,
    )?;
    OracleInitialized {
        authority,
        registry_program,
    }
    .emit();
    Ok(())
}
