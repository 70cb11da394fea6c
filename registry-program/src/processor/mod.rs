//! One file per instruction, and what several of them share.

mod accept_meter_owner;
mod correct_registers;
mod get_unsettled_balance;
mod initialize;
mod propose_meter_owner;
mod record_readings;
mod register_meter;
mod replace_device;
mod set_config;
mod set_delegate;
mod set_meter_status;
mod settle_and_mint_tokens;
mod settle_many_and_mint_tokens;
mod settlement;
mod update_meter_limits;

use shared_state::{
    error::ensure,
    event::{EventData, RegisterHoldEnded},
    program::{accept_authority, count_error, propose_authority, Account, AccountMut, Signer},
    quantity::{Bps, Wh, MAX_CAPACITY_W},
    state::{Meter, MeterStatus, RegistryConfig, VOUCHED_QUALITY},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::Tag;

/// Runs one instruction.
#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let (tag, data) = wire::tag(data)?;
    match Tag::from_byte(tag)? {
        Tag::RecordReadings => record_readings::process(program_id, accounts, data),
        Tag::SettleAndMintTokens => settle_and_mint_tokens::process(program_id, accounts, data),
        Tag::SettleManyAndMintTokens => {
            settle_many_and_mint_tokens::process(program_id, accounts, data)
        }
        Tag::Initialize => initialize::process(program_id, accounts, data),
        Tag::RegisterMeter => register_meter::process(program_id, accounts, data),
        Tag::SetMeterStatus => set_meter_status::process(program_id, accounts, data),
        Tag::SetDelegate => set_delegate::process(program_id, accounts, data),
        Tag::ProposeMeterOwner => propose_meter_owner::process(program_id, accounts, data),
        Tag::AcceptMeterOwner => accept_meter_owner::process(program_id, accounts, data),
        Tag::ReplaceDevice => replace_device::process(program_id, accounts, data),
        Tag::UpdateMeterLimits => update_meter_limits::process(program_id, accounts, data),
        Tag::CorrectRegisters => correct_registers::process(program_id, accounts, data),
        Tag::SetConfig => set_config::process(program_id, accounts, data),
        Tag::GetUnsettledBalance => get_unsettled_balance::process(program_id, accounts, data),
        Tag::ProposeAuthority => propose_authority::<RegistryConfig>(program_id, accounts, data),
        Tag::AcceptAuthority => accept_authority::<RegistryConfig>(program_id, accounts, data),
    }
}

/// The meter of an instruction that only its owner may send: 0. `[s]` owner, 1. `[w]` Meter.
fn by_owner<'a>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
) -> GridResult<AccountMut<'a, Meter>> {
    let [owner, meter] = accounts else {
        return Err(count_error(accounts.len(), 2));
    };
    let owner = Signer::new(owner, "owner")?;
    let meter = AccountMut::<Meter>::new(meter, program_id)?;
    owner.must_be(&meter.owner)?;
    Ok(meter)
}

/// The meter of an instruction that only the registry authority may send, and that isn't decommissioned: 0. `[s]` registry
/// authority, 1. `[w]` Meter, 2. RegistryConfig.
fn by_authority<'a>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
) -> GridResult<AccountMut<'a, Meter>> {
    let [authority, meter, config] = accounts else {
        return Err(count_error(accounts.len(), 3));
    };
    let config = Account::<RegistryConfig>::new(config, program_id)?;
    let meter = AccountMut::<Meter>::new(meter, program_id)?;
    Signer::new(authority, "registry authority")?.must_be(&config.authority)?;
    ensure(
        meter.status() != MeterStatus::Decommissioned,
        GridError::MeterDecommissioned,
    )?;
    Ok(meter)
}

/// Checks that the registers are those that the authority has seen: if a reading came in since, the same energy could count
/// before and after what the authority does.
fn check_registers(meter: &Meter, generation: Wh, consumption: Wh) -> GridResult {
    let state = &meter.state;
    ensure(
        state.generation_register == generation && state.consumption_register == consumption,
        GridError::RegistersMovedOn,
    )
}

/// Ends a hold, if there is one, and logs that.
fn release(meter: &mut Meter) {
    if meter.state.is_held() {
        RegisterHoldEnded {
            meter_id: meter.meter_id,
            held_at: meter.state.held_at,
        }
        .emit();
        meter.state.release();
    }
}

/// Both rated powers above zero and at most [`MAX_CAPACITY_W`].
fn check_capacities(generation_w: u32, consumption_w: u32) -> GridResult {
    let valid = 1..=MAX_CAPACITY_W;
    ensure(
        valid.contains(&generation_w) && valid.contains(&consumption_w),
        GridError::InvalidCapacity,
    )
}

/// Both registers below the modulus, if there is one.
fn check_modulus(modulus: Wh, generation: Wh, consumption: Wh) -> GridResult {
    ensure(
        modulus == Wh::ZERO || (generation < modulus && consumption < modulus),
        GridError::RegisterBeyondModulus,
    )
}

/// A device key's type as instructions carry it, in eight bytes.
fn key_type(kind: u64) -> GridResult<u8> {
    u8::try_from(kind).map_err(|_| GridError::InvalidDeviceKey)
}

/// A minimum quality of at most 100 %, and one that meters can reach.
fn check_minimum_quality(minimum: Bps, all_meters_sign: u16) -> GridResult {
    ensure(all_meters_sign <= 1, GridError::InvalidInstructionData)?;
    ensure(minimum <= Bps::FULL, GridError::InvalidQuality)?;
    ensure(
        minimum <= VOUCHED_QUALITY || all_meters_sign == 1,
        GridError::QualityOutOfReach,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities() {
        assert_eq!(check_capacities(1, MAX_CAPACITY_W), Ok(()));
        for (generation, consumption) in [(0, 1), (1, 0), (MAX_CAPACITY_W + 1, 1), (1, u32::MAX)] {
            assert_eq!(
                check_capacities(generation, consumption),
                Err(GridError::InvalidCapacity)
            );
        }
    }

    #[test]
    fn moduli() {
        let check = |modulus, generation, consumption| {
            check_modulus(Wh(modulus), Wh(generation), Wh(consumption)).is_ok()
        };
        assert!(check(0, u64::MAX, u64::MAX) && check(100, 99, 0) && check(100, 0, 99));
        assert!(!check(100, 100, 0) && !check(100, 0, 100) && !check(1, 1, 0));
    }

    #[test]
    fn minimum_qualities() {
        let check = |minimum, all| check_minimum_quality(Bps(minimum), all);
        assert_eq!(check(8_500, 0), Ok(()));
        assert_eq!(check(8_501, 0), Err(GridError::QualityOutOfReach));
        assert_eq!(check(10_000, 1), Ok(()));
        assert_eq!(check(10_001, 1), Err(GridError::InvalidQuality));
        assert_eq!(check(0, 2), Err(GridError::InvalidInstructionData));
    }
}
