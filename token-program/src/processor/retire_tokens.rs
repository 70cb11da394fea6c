//! `RetireTokens`: a holder burns GRID to claim the use of its energy.

use shared_state::{
    error::ensure,
    event::{EventData, TokensRetired},
    program::{
        blame, count_error, invoke_signed, nonzero, program, signer, writable, AccountMut, Call,
        TokenAccount,
    },
    state::TokenConfig,
    units, wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::{amount_data, supply};
use crate::instruction::RetireTokens;

/// Tag of SPL Token's `Burn`.
const BURN: u8 = 8;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let RetireTokens {
        amount,
        beneficiary,
        reference,
    } = wire::args(data)?;
    let [holder, token_account, mint, config, spl_token] = accounts else {
        return Err(count_error(accounts.len(), 5));
    };
    let holder_key = signer(holder, "holder")?;
    let mut config = AccountMut::<TokenConfig>::new(config, program_id)?;
    if *mint.address() != config.mint {
        return Err(blame("GRID mint", GridError::WrongMint));
    }
    writable(mint, "GRID mint")?;
    writable(token_account, "token account")?;
    program(spl_token, &spl_token::ID, "SPL Token program")?;
    let source = TokenAccount::new(token_account, mint.address(), "token account")?;
    source.belongs_to(holder_key)?;
    ensure(amount > 0, GridError::InvalidAmount)?;
    source.holds(amount)?;
    nonzero(&beneficiary)?;

    let total_retired = units::add(config.total_retired, amount)?;
    config.total_retired = total_retired;
    drop(config);

    invoke_signed(
        &spl_token::ID,
        &[
            Call::writable(token_account),
            Call::writable(mint),
            Call::readonly(holder).signer(),
        ],
        &amount_data(BURN, amount),
        &[],
    );
    TokensRetired {
        holder: *holder_key,
        beneficiary,
        amount,
        total_retired,
        new_total_supply: supply(mint),
        reference,
    }
    .emit();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_what_the_token_program_expects() {
        let key = Pubkey::new_from_array([1; 32]);
        let theirs =
            spl_token::instruction::burn(&spl_token::ID, &key, &key, &key, &[], 0x0123_4567)
                .expect("an instruction");
        assert_eq!(amount_data(BURN, 0x0123_4567)[..], theirs.data);
    }
}
