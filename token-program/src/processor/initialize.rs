//! `Initialize`: the TokenConfig and the GRID mint come into being.

use bytemuck::Zeroable;
use shared_state::{
    event::{EventData, TokenInitialized},
    pda::{MINT_SEED, TOKEN_SEED},
    program::{
        count_error, create_pda, invoke_signed, nonzero, program, require_upgrade_authority,
        signer, AccountMut, Call, NewAccount,
    },
    state::{AccountType, Header, TokenConfig, MINTING_ENABLED},
    units::GRID_DECIMALS,
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::{program_pack::Pack, pubkey::Pubkey};
use solana_sdk_ids::system_program;

use crate::instruction::Initialize;

/// Tag of SPL Token's `InitializeMint2`.
const INITIALIZE_MINT2: u8 = 20;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let Initialize { registry_authority } = wire::args(data)?;
    let [authority, payer, config, mint, program_data, spl_token, system] = accounts else {
        return Err(count_error(accounts.len(), 7));
    };
    let authority = require_upgrade_authority(program_id, authority, program_data)?;
    signer(payer, "payer")?;
    program(spl_token, &spl_token::ID, "SPL Token program")?;
    program(system, &system_program::ID, "system program")?;
    nonzero(&registry_authority)?;

    AccountMut::create(program_id, payer, config, &[TOKEN_SEED, &[]], |bump| {
        TokenConfig {
            header: Header::new(AccountType::TokenConfig, bump, MINTING_ENABLED),
            authority: *authority,
            registry_authority,
            mint: *mint.address(),
            ..TokenConfig::zeroed()
        }
    })?;
    let new_mint = NewAccount {
        view: mint,
        role: "GRID mint",
        size: spl_token::state::Mint::LEN,
        owner: &spl_token::ID,
    };
    create_pda(program_id, payer, &new_mint, &[MINT_SEED, &[]])?;
    invoke_signed(
        &spl_token::ID,
        &[Call::writable(mint)],
        &initialize_mint_data(config.address()),
        &[],
    );
    TokenInitialized {
        authority: *authority,
        registry_authority,
        mint: *mint.address(),
    }
    .emit();
    Ok(())
}

/// `InitializeMint2`: tag, decimals, mint authority, no freeze authority.
fn initialize_mint_data(mint_authority: &Pubkey) -> [u8; 35] {
    let mut data = [0; 35];
    data[0] = INITIALIZE_MINT2;
    data[1] = GRID_DECIMALS;
    data[2..34].copy_from_slice(mint_authority.as_ref());
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_what_the_token_program_expects() {
        let (mint, authority) = (
            Pubkey::new_from_array([1; 32]),
            Pubkey::new_from_array([2; 32]),
        );
        let theirs = spl_token::instruction::initialize_mint2(
            &spl_token::ID,
            &mint,
            &authority,
            None,
            GRID_DECIMALS,
        )
        .expect("an instruction");
        assert_eq!(initialize_mint_data(&authority)[..], theirs.data);
    }
}
