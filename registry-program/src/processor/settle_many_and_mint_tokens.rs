//! `SettleManyAndMintTokens`: what is unsettled at several meters becomes GRID in their owner's wallet, with one mint.

use shared_state::{program::AccountMut, state::Meter, wire, GridError, GridResult};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::settlement::{advance, refusal, settleable, Settlement};

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    wire::no_args(data)?;
    let [claimant, config, token_program, token_config, mint, recipient, spl_token, meters @ ..] =
        accounts
    else {
        return Err(GridError::NotEnoughAccounts);
    };
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
    let available = settlement.available()?;

    let mut total = 0;
    let mut passed_over = None;
    for view in meters {
        let mut meter = AccountMut::<Meter>::new(view, program_id)?;
        settlement.check_meter(&meter)?;
        // In range: no meter is settled for more than what is left.
        let left = available.wrapping_sub(total);
        match settleable(&meter, settlement.minimum_quality(), left) {
            Ok(amount) => {
                advance(&mut meter, amount)?;
                // In range for the same reason.
                total = total.wrapping_add(amount);
            }
            Err(reason) => passed_over = passed_over.or(Some(reason)),
        }
    }
    if total == 0 {
        return Err(match passed_over {
            Some(reason) => refusal(reason),
            None => GridError::NotEnoughAccounts,
        });
    }
    settlement.mint(total);
    Ok(())
}
