//! `UpdateMeterLimits`: a meter has other rated powers.

use shared_state::{
    event::{EventData, MeterLimitsChanged},
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::{by_authority, check_capacities};
use crate::instruction::UpdateMeterLimits;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let UpdateMeterLimits {
        generation_capacity_w,
        consumption_capacity_w,
    } = wire::args(data)?;
    let mut meter = by_authority(program_id, accounts)?;
    check_capacities(generation_capacity_w, consumption_capacity_w)?;
    meter.state.generation_capacity_w = generation_capacity_w;
    meter.state.consumption_capacity_w = consumption_capacity_w;
    meter.revise();
    MeterLimitsChanged {
        meter_id: meter.meter_id,
        generation_capacity_w,
        consumption_capacity_w,
    }
    .emit();
    Ok(())
}
