//! `SettleAndMintTokens`: what is unsettled becomes GRID in the owner's wallet.

use shared_state::{
    program::{count_error, AccountMut},
    state::Meter,
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::settlement::{advance, refusal, settleable, Settlement};

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    wire::no_args(data)?;
    let [meter, claimant, config, token_program, token_config, mint, recipient, spl_token] =
        accounts
    else {
        return Err(count_error(accounts.len(), 8));
    };
    let mut meter = AccountMut::<Meter>::new(meter, program_id)?;
    let others = [
        claimant,
        config,
        token_program,
        token_config,
        mint,
        recipient,
        spl_token,
    ];
    let settlement = Settlement::new(program_id, others)?;
    settlement.check_meter(&meter)?;
    let amount = settleable(
        &meter,
        settlement.minimum_quality(),
        settlement.available()?,
    )
    .map_err(refusal)?;
    advance(&mut meter, amount)?;
    drop(meter);
    settlement.mint(amount);
    Ok(())
}
