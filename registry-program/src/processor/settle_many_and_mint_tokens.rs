//! `SettleManyAndMintTokens`: what can be claimed at several meters becomes GRID in their owner's wallet, with one mint.

use shared_state::{
    event::EventList, program::AccountMut, quantity::Wh, state::Meter, wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::settlement::{refusal, settle, Accounts, COUNT};

/// Those of every settlement, then `[w]` Meter, at least one.
#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    wire::no_args(data)?;
    let Some((others, meters)) = accounts.split_first_chunk::<COUNT>() else {
        return Err(GridError::NotEnoughAccounts);
    };
    let accounts = Accounts::load(program_id, others)?;
    let mut room = accounts.room()?;

    let mut settled = EventList::new(meters.len());
    let mut total = Wh::ZERO;
    let mut passed_over = None;
    for view in meters {
        let mut meter = AccountMut::<Meter>::new(view, program_id)?;
        accounts.check_meter(&meter)?;
        match meter.settleable(&room) {
            Ok(energy) => {
                settled.push(settle(&mut meter, energy)?)?;
                room.take(energy)?;
                total = total.plus(energy)?;
            }
            Err(reason) => passed_over = passed_over.or(Some(reason)),
        }
    }
    if total == Wh::ZERO {
        return Err(passed_over.map_or(GridError::NotEnoughAccounts, refusal));
    }
    settled.emit();
    accounts.mint(total);
    Ok(())
}
