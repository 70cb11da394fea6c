//! `AcceptMeterOwner`: the second of two signatures that hand a meter over.

use shared_state::{
    error::ensure,
    event::{EventData, MeterOwnerChanged},
    program::{count_error, is_zero, signer, AccountMut},
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
    let proposed = signer(proposed, "proposed owner")?;
    let mut meter = AccountMut::<Meter>::new(meter, program_id)?;
    ensure(
        !is_zero(&meter.pending_owner) && *proposed == meter.pending_owner,
        GridError::Unauthorized,
    )?;
    let nobody = Pubkey::new_from_array([0; 32]);
    let old_owner = meter.owner;
    meter.owner = *proposed;
    meter.pending_owner = nobody;
    meter.delegate = nobody;
    MeterOwnerChanged {
        meter_id: meter.meter_id,
        old_owner,
        new_owner: *proposed,
        unsettled: meter.unsettled(),
    }
    .emit();
    Ok(())
}
