//! `Initialize`: the TokenConfig and the GRID mint come into being.

use bytemuck::Zeroable;
use shared_state::{
    event::{EventData, TokenInitialized},
    pda::{MINT_SEED, TOKEN_SEED},
    program::{
        count_error, create, nonzero, require_upgrade_authority, spl_token::initialize_mint,
        Funding, NewAccount, Program, Signer,
    },
    state::{AccountType, Header, TokenConfig, MINTING_ENABLED},
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::{program_pack::Pack, pubkey::Pubkey};

use crate::instruction::Initialize;

/// 0. `[s]` upgrade authority, 1. `[ws]` payer, 2. `[w]` TokenConfig, 3. `[w]` GRID mint, 4. ProgramData, 5. SPL Token program,
/// 6. system program.
struct Accounts<'a> {
    authority: Signer<'a>,
    funding: Funding<'a>,
    config: &'a AccountView,
    mint: &'a AccountView,
    spl_token: Program<'a>,
}

impl<'a> Accounts<'a> {
    fn load(program_id: &Pubkey, accounts: &'a [AccountView]) -> GridResult<Self> {
        let [authority, payer, config, mint, program_data, spl_token, system] = accounts else {
            return Err(count_error(accounts.len(), 7));
        };
        let authority = Signer::new(authority, "upgrade authority")?;
        require_upgrade_authority(program_id, &authority, program_data)?;
        Ok(Self {
            authority,
            funding: Funding::new(payer, system)?,
            config,
            mint,
            spl_token: Program::spl_token(spl_token)?,
        })
    }
}

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let Initialize { registry_authority } = wire::args(data)?;
    let mut accounts = Accounts::load(program_id, accounts)?;
    nonzero(&registry_authority)?;

    let authority = *accounts.authority.key();
    let mint = *accounts.mint.address();
    let content = |bump| TokenConfig {
        header: Header::new(AccountType::TokenConfig, bump, MINTING_ENABLED),
        authority,
        registry_authority,
        mint,
        ..TokenConfig::zeroed()
    };
    let funding = &mut accounts.funding;
    create(program_id, accounts.config, funding, &[TOKEN_SEED], content)?;
    let new = NewAccount {
        program_id,
        view: accounts.mint,
        role: "GRID mint",
        size: spl_token::state::Mint::LEN,
        owner: &spl_token::ID,
    };
    let mut created = new.create(funding, &[MINT_SEED])?;
    initialize_mint(&accounts.spl_token, &mut created, accounts.config.address());
    TokenInitialized {
        authority,
        registry_authority,
        mint,
    }
    .emit();
    Ok(())
}
