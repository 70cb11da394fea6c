//! `SettleAndMintTokens`: what can be claimed becomes GRID in the owner's wallet.

use shared_state::{
    event::EventData,
    program::{count_error, AccountMut},
    state::Meter,
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::settlement::{refusal, settle, Accounts, COUNT};

/// 0. `[w]` Meter, then those of every settlement.
#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    wire::no_args(data)?;
    let Ok([meter, others @ ..]) = <&[AccountView; COUNT + 1]>::try_from(accounts) else {
        return Err(count_error(accounts.len(), COUNT + 1));
    };
    let mut meter = AccountMut::<Meter>::new(meter, program_id)?;
    let accounts = Accounts::load(program_id, others)?;
    accounts.check_meter(&meter)?;
    let energy = meter.settleable(&accounts.room()?).map_err(refusal)?;
    settle(&mut meter, energy)?.emit();
    accounts.mint(energy);
    Ok(())
}
