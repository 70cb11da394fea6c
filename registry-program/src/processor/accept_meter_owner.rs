//! `AcceptMeterOwner`: the second of two signatures that hand a meter over.

use shared_state::{
    error::ensure,
    event::{EventData, MeterOwnerChanged},
    program::{count_error, is_zero, AccountMut, Signer, NOBODY},
    state::Meter,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    wire::no_args(data)?;
    let [proposed, meter] = accounts else {
        return Err(count_error(accounts.len(), 2));
    };
    let proposed = Signer::new(proposed, "proposed owner")?;
    let mut meter = AccountMut::<Meter>::new(meter, program_id)?;
    ensure(!is_zero(&meter.pending_owner), GridError::Unauthorized)?;
    proposed.must_be(&meter.pending_owner)?;
    let old_owner = meter.owner;
    meter.owner = *proposed.key();
    meter.pending_owner = NOBODY;
    meter.delegate = NOBODY;
    meter.revise();
    MeterOwnerChanged {
        meter_id: meter.meter_id,
        old_owner,
        new_owner: *proposed.key(),
        unsettled: meter.unsettled(),
    }
    .emit();
    Ok(())
}
