//! `MintSettled`: GRID for energy that the registry has settled.

use shared_state::{
    error::ensure,
    event::{EventData, TokensMinted},
    pda::TOKEN_SEED,
    program::{blame, count_error, invoke_signed, program, writable, AccountMut, Call},
    state::{TokenConfig, MINTING_ENABLED},
    units, wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;

use crate::instruction::MintSettled;

/// Tag of SPL Token's `MintTo`.
const MINT_TO: u8 = 7;
/// Where a mint's supply is stored.
const SUPPLY: usize = 36;

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let MintSettled { energy_wh } = wire::args(data)?;
    let [caller, config_account, mint, recipient, spl_token] = accounts else {
        return Err(count_error(accounts.len(), 5));
    };

    let mut config = AccountMut::<TokenConfig>::new(config_account, program_id)?;
    ensure(
        caller.is_signer() && address_eq(caller.address(), &config.registry_authority),
        GridError::Unauthorized,
    )?;
    ensure(
        config.header.status == MINTING_ENABLED,
        GridError::MintingDisabled,
    )?;
    if !address_eq(mint.address(), &config.mint) {
        return Err(blame("GRID mint", GridError::WrongMint));
    }
    writable(mint, "GRID mint")?;
    writable(recipient, "recipient")?;
    program(spl_token, &spl_token::ID, "SPL Token program")?;
    ensure(energy_wh > 0, GridError::InvalidAmount)?;

    let amount = units::wh_to_base_units(energy_wh)?;
    config.total_minted = units::add(config.total_minted, amount)?;
    let bump = [config.header.bump];
    drop(config);

    invoke_signed(
        &spl_token::ID,
        &[
            Call::writable(mint),
            Call::writable(recipient),
            Call::readonly(config_account).signer(),
        ],
        &mint_to_data(amount),
        &[TOKEN_SEED, &bump],
    );
    // SAFETY: a mint has 82 bytes, and the SPL Token program has just accepted this one.
    let new_total_supply = unsafe { mint.data_ptr().add(SUPPLY).cast::<u64>().read_unaligned() };
    TokensMinted {
        recipient: *recipient.address(),
        amount,
        new_total_supply,
    }
    .emit();
    Ok(())
}

/// `MintTo`: tag and amount.
#[inline(always)]
fn mint_to_data(amount: u64) -> [u8; 9] {
    let mut data = [MINT_TO; 9];
    data[1..].copy_from_slice(&amount.to_le_bytes());
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use solana_program::{program_option::COption, program_pack::Pack};

    #[test]
    fn the_data_is_what_the_token_program_expects() {
        let key = Pubkey::new_from_array([1; 32]);
        let theirs =
            spl_token::instruction::mint_to(&spl_token::ID, &key, &key, &key, &[], 0x0123_4567)
                .expect("an instruction");
        assert_eq!(mint_to_data(0x0123_4567)[..], theirs.data);
    }

    #[test]
    fn the_supply_is_where_the_token_program_puts_it() {
        let mint = spl_token::state::Mint {
            mint_authority: COption::None,
            supply: 0x0123_4567_89AB_CDEF,
            decimals: 9,
            is_initialized: true,
            freeze_authority: COption::None,
        };
        let mut data = [0; spl_token::state::Mint::LEN];
        mint.pack_into_slice(&mut data);
        assert_eq!(data[SUPPLY..SUPPLY + 8], mint.supply.to_le_bytes());
    }
}
