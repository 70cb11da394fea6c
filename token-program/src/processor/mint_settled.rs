//! `MintSettled`: GRID for energy that the registry has settled.

use shared_state::{
    error::ensure,
    event::{EventData, TokensMinted},
    pda::TOKEN_SEED,
    program::{
        blame, count_error, invoke_signed, program, unix_timestamp, writable, AccountMut, Call,
    },
    state::{MintLimit, TokenConfig, MINTING_ENABLED},
    units, wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;

use super::{amount_data, supply};
use crate::instruction::MintSettled;

/// Tag of SPL Token's `MintTo`.
const MINT_TO: u8 = 7;

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
    if config.mint_limit.is_set() {
        take_from_limit(&mut config.mint_limit, amount)?;
    }
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
        &amount_data(MINT_TO, amount),
        &[TOKEN_SEED, &bump],
    );
    TokensMinted {
        recipient: *recipient.address(),
        amount,
        new_total_supply: supply(mint),
    }
    .emit();
    Ok(())
}

/// Counts `amount` against the limit.
#[cold]
#[inline(never)]
fn take_from_limit(limit: &mut MintLimit, amount: u64) -> GridResult {
    limit.take(amount, unix_timestamp()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_what_the_token_program_expects() {
        let key = Pubkey::new_from_array([1; 32]);
        let theirs =
            spl_token::instruction::mint_to(&spl_token::ID, &key, &key, &key, &[], 0x0123_4567)
                .expect("an instruction");
        assert_eq!(amount_data(MINT_TO, 0x0123_4567)[..], theirs.data);
    }
}
