//! `Initialize`: the TokenConfig and the GRID mint come into being.

use bytemuck::Zeroable;
use shared_state::{
    event::{EventData, TokenInitialized},
    pda::{MINT_SEED, TOKEN_SEED},
    program::{
        count_error, create, nonzero, spl_token::initialize_mint, Initializer, NewAccount, Program,
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
    initializer: Initializer<'a>,
    mint: &'a AccountView,
    spl_token: Program<'a>,
}

impl<'a> Accounts<'a> {
    fn load(program_id: &Pubkey, accounts: &'a [AccountView]) -> GridResult<Self> {
        let [authority, payer, config, mint, program_data, spl_token, system] = accounts else {
            return Err(count_error(accounts.len(), 7));
        };
        let initializer = [authority, payer, config, program_data, system];
        Ok(Self {
            initializer: Initializer::load(program_id, initializer)?,
            mint,
            spl_token: Program::spl_token(spl_token)?,
        })
    }
}

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let Initialize { registry_authority } = wire::args(data)?;
    let Accounts {
        initializer:
            Initializer {
                authority,
                mut funding,
                config,
            },
        mint: mint_account,
        spl_token,
    } = Accounts::load(program_id, accounts)?;
    nonzero(&registry_authority)?;

    let authority = *authority.key();
    let mint = *mint_account.address();
    let content = |bump| TokenConfig {
        header: Header::new(AccountType::TokenConfig, bump, MINTING_ENABLED),
        authority,
        registry_authority,
        mint,
        ..TokenConfig::zeroed()
    };
    create(program_id, config, &mut funding, &[TOKEN_SEED], content)?;
    let new = NewAccount {
        program_id,
        view: mint_account,
        role: "GRID mint",
        size: ::spl_token::state::Mint::LEN,
        owner: &::spl_token::ID,
    };
    let mut created = new.create(&mut funding, &[MINT_SEED])?;
    initialize_mint(&spl_token, &mut created, config.address());
    TokenInitialized {
        authority,
        registry_authority,
        mint,
    }
    .emit();
    Ok(())
}
