//! `RegisterMeter`: a meter's account comes into being, or is put right before its first reading.

use bytemuck::Zeroable;
use shared_state::{
    error::ensure,
    event::{EventData, MeterRegistered},
    pda::METER_SEED,
    program::{
        blame, count_error, create, nonzero, unix_timestamp, Account, AccountMut, Funding, Signer,
    },
    state::{
        meter_name, AccountLayout, AccountType, DeviceKeyType, Header, Meter, MeterStatus,
        ReadingState, RegistryConfig,
    },
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::{check_capacities, check_modulus, key_type};
use crate::instruction::RegisterMeter;

/// 0. `[s]` registry authority, 1. `[ws]` payer, 2. `[w]` Meter, 3. RegistryConfig, 4. system program.
struct Accounts<'a> {
    funding: Funding<'a>,
    meter: &'a AccountView,
}

impl<'a> Accounts<'a> {
    fn load(program_id: &Pubkey, accounts: &'a [AccountView]) -> GridResult<Self> {
        let [authority, payer, meter, config, system] = accounts else {
            return Err(count_error(accounts.len(), 5));
        };
        let config = Account::<RegistryConfig>::new(config, program_id)?;
        Signer::new(authority, "registry authority")?.must_be(&config.authority)?;
        Ok(Self {
            funding: Funding::new(payer, system)?,
            meter,
        })
    }
}

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let args: RegisterMeter = wire::args(data)?;
    let mut accounts = Accounts::load(program_id, accounts)?;
    let device_key_type = key_type(args.device_key_type)?;
    meter_name(&args.meter_id)?;
    nonzero(&args.owner)?;
    DeviceKeyType::check(device_key_type, &args.device_key)?;
    check_capacities(args.generation_capacity_w, args.consumption_capacity_w)?;
    check_modulus(
        args.register_modulus,
        args.generation_register,
        args.consumption_register,
    )?;

    let now = unix_timestamp()?;
    let content = |bump| Meter {
        header: Header::new(AccountType::Meter, bump, MeterStatus::Inactive as u8),
        meter_id: args.meter_id,
        owner: args.owner,
        delegate: args.delegate,
        device_key: args.device_key,
        device_key_type,
        registered_at: now,
        state: ReadingState {
            last_reading_at: now,
            generation_register: args.generation_register,
            consumption_register: args.consumption_register,
            register_modulus: args.register_modulus,
            generation_capacity_w: args.generation_capacity_w,
            consumption_capacity_w: args.consumption_capacity_w,
            ..ReadingState::zeroed()
        },
        ..Meter::zeroed()
    };
    if accounts.meter.is_data_empty() {
        let seeds: [&[u8]; 2] = [METER_SEED, &args.meter_id];
        create(
            program_id,
            accounts.meter,
            &mut accounts.funding,
            &seeds,
            content,
        )?;
    } else {
        register_anew(program_id, accounts.meter, content)?;
    }
    MeterRegistered {
        meter_id: args.meter_id,
        owner: args.owner,
        delegate: args.delegate,
        device_key: args.device_key,
        generation_register: args.generation_register,
        consumption_register: args.consumption_register,
        register_modulus: args.register_modulus,
        generation_capacity_w: args.generation_capacity_w,
        consumption_capacity_w: args.consumption_capacity_w,
        device_key_type: args.device_key_type,
    }
    .emit();
    Ok(())
}

/// Overwrites a registration that has had no accepted reading. Its history of administrative changes goes on.
fn register_anew(
    program_id: &Pubkey,
    meter: &AccountView,
    content: impl FnOnce(u8) -> Meter,
) -> GridResult {
    let mut meter = AccountMut::<Meter>::new(meter, program_id)?;
    let Header { bump, revision, .. } = meter.header;
    let new = content(bump);
    if meter.meter_id != new.meter_id {
        return Err(blame(Meter::NAME, GridError::WrongAddress));
    }
    if meter.state.accepted_count > 0 {
        return Err(blame(Meter::NAME, GridError::AlreadyInitialized));
    }
    ensure(
        meter.status() != MeterStatus::Decommissioned,
        GridError::MeterDecommissioned,
    )?;
    *meter = new;
    meter.header.revision = revision;
    meter.revise();
    Ok(())
}
