//! `Initialize`: the OracleConfig comes into being.

use bytemuck::Zeroable;
use shared_state::{
    error::ensure,
    event::{EventData, OracleInitialized},
    pda::ORACLE_SEED,
    program::{count_error, create, nonzero, require_upgrade_authority, Funding, Signer},
    state::{AccountType, Header, OracleConfig, ORACLE_ACTIVE},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::Initialize;

/// 0. `[s]` upgrade authority, 1. `[ws]` payer, 2. `[w]` OracleConfig, 3. ProgramData, 4. system program.
struct Accounts<'a> {
    authority: Signer<'a>,
    funding: Funding<'a>,
    config: &'a AccountView,
}

impl<'a> Accounts<'a> {
    fn load(program_id: &Pubkey, accounts: &'a [AccountView]) -> GridResult<Self> {
        let [authority, payer, config, program_data, system] = accounts else {
            return Err(count_error(accounts.len(), 5));
        };
        let authority = Signer::new(authority, "upgrade authority")?;
        require_upgrade_authority(program_id, &authority, program_data)?;
        Ok(Self {
            authority,
            funding: Funding::new(payer, system)?,
            config,
        })
    }
}

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let Initialize {
        registry_program,
        rules,
    } = wire::args(data)?;
    let mut accounts = Accounts::load(program_id, accounts)?;
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
