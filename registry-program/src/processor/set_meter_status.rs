//! `SetMeterStatus`: the registry authority's and the owner's switch of a meter.

use shared_state::{
    error::ensure,
    event::{EventData, MeterStatusChanged},
    program::{count_error, Account, AccountMut, Signer},
    state::{Meter, MeterStatus, RegistryConfig},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::SetMeterStatus;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SetMeterStatus { status } = wire::args(data)?;
    let next = MeterStatus::from_byte(status).ok_or(GridError::InvalidInstructionData)?;
    let [changer, meter, config] = accounts else {
        return Err(count_error(accounts.len(), 3));
    };
    let config = Account::<RegistryConfig>::new(config, program_id)?;
    let mut meter = AccountMut::<Meter>::new(meter, program_id)?;
    let changer = Signer::new(changer, "registry authority or owner")?;
    let is_authority = changer.is(&config.authority);
    let is_owner = changer.is(&meter.owner);
    ensure(is_authority || is_owner, GridError::Unauthorized)?;

    let now = meter.status();
    ensure(
        (is_authority && now.authority_may_change_to(next))
            || (is_owner && now.owner_may_change_to(next)),
        GridError::InvalidStatusTransition,
    )?;
    let old_status = meter.header.status;
    meter.header.status = status;
    meter.revise();
    MeterStatusChanged {
        meter_id: meter.meter_id,
        changed_by: *changer.key(),
        old_status,
        new_status: status,
    }
    .emit();
    Ok(())
}
