//! `Initialize`: the OracleConfig comes into being.

use bytemuck::Zeroable;
use shared_state::{
    error::ensure,
    event::{EventData, OracleInitialized},
    pda::ORACLE_SEED,
    program::{count_error, nonzero, program, require_upgrade_authority, signer, AccountMut},
    state::{AccountType, Header, OracleConfig, ORACLE_ACTIVE},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::system_program;

use crate::instruction::Initialize;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let Initialize {
        registry_program,
        rules,
    } = wire::args(data)?;
    let [authority, payer, config, program_data, system] = accounts else {
        return Err(count_error(accounts.len(), 5));
    };
    let authority = require_upgrade_authority(program_id, authority, program_data)?;
    signer(payer, "payer")?;
    program(system, &system_program::ID, "system program")?;
    nonzero(&registry_program)?;
    ensure(rules.are_valid(), GridError::InvalidRules)?;

    AccountMut::create(program_id, payer, config, &[ORACLE_SEED, &[]], |bump| {
        OracleConfig {
            header: Header::new(AccountType::OracleConfig, bump, ORACLE_ACTIVE),
            authority: *authority,
            registry_program,
            rules,
            ..OracleConfig::zeroed()
        }
    })?;
    OracleInitialized {
        authority: *authority,
        registry_program,
    }
    .emit();
    Ok(())
}
