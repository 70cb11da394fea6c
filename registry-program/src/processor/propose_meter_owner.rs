//! `ProposeMeterOwner`: the first of two signatures that hand a meter over.

use shared_state::{
    event::{EventData, MeterOwnerProposed},
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::by_owner;
use crate::instruction::ProposeMeterOwner;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let ProposeMeterOwner { proposed } = wire::args(data)?;
    let mut meter = by_owner(program_id, accounts)?;
    meter.pending_owner = proposed;
    meter.revise();
    MeterOwnerProposed {
        meter_id: meter.meter_id,
        owner: meter.owner,
        proposed,
    }
    .emit();
    Ok(())
}
