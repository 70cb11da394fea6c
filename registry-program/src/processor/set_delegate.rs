//! `SetDelegate`: another key may settle to the owner's account.

use shared_state::{
    event::{DelegateChanged, EventData},
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::by_owner;
use crate::instruction::SetDelegate;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SetDelegate { delegate } = wire::args(data)?;
    let mut meter = by_owner(program_id, accounts)?;
    meter.delegate = delegate;
    meter.revise();
    DelegateChanged {
        meter_id: meter.meter_id,
        delegate,
    }
    .emit();
    Ok(())
}
