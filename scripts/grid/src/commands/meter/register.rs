//! Arguments that register a meter or give it another device, and who can be an owner.

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use gridtoken_client::{
    cluster::{in_use, Cluster},
    device::DeviceKey,
};
use registry_program::instruction::{CorrectRegisters, RegisterMeter, ReplaceDevice};
use shared_state::{
    quantity::Wh,
    state::{meter_id, Meter},
};
use solana_program::pubkey::Pubkey;

use super::super::serial;
use crate::session::{address, Session};

#[derive(Args, Clone, Debug)]
pub struct Register {
    /// Its serial number, as on its plate: a UUID, or of any length, without spaces
    #[arg(value_parser = serial)]
    pub meter: String,
    /// Who the surplus belongs to: address, or file of a keypair
    #[arg(long, value_parser = address)]
    owner: Pubkey,
    /// Register it although the owner is no wallet: an account that a program derives, a token account, a program
    #[arg(long)]
    force: bool,
    /// Who else may settle it to the owner's account, and do nothing else: address, or file of a keypair
    #[arg(long, value_parser = address)]
    delegate: Option<Pubkey>,
    /// Rated power of the generator (W)
    #[arg(long, value_name = "W")]
    generation_capacity: u32,
    /// Rated power of the connection (W)
    #[arg(long, value_name = "W")]
    consumption_capacity: u32,
    /// The generation register now (Wh)
    #[arg(long, value_name = "WH")]
    generation_register: u64,
    /// The consumption register now (Wh)
    #[arg(long, value_name = "WH")]
    consumption_register: u64,
    #[command(flatten)]
    modulus: Modulus,
    /// The device's key, if it signs its readings: Ed25519 (address, or file of a keypair) or P-256 (PEM file, or SEC1 in
    /// hexadecimal digits)
    #[arg(long, value_name = "KEY", value_parser = DeviceKey::parse)]
    device_key: Option<DeviceKey>,
    /// Activate it in the same transaction
    #[arg(long)]
    pub activate: bool,
}

impl Register {
    /// The registration.
    pub fn registration(&self) -> anyhow::Result<RegisterMeter> {
        let device = self.device_key.unwrap_or(DeviceKey::NONE);
        Ok(RegisterMeter {
            meter_id: meter_id(&self.meter)?,
            owner: self.owner,
            delegate: self.delegate.unwrap_or_default(),
            device_key: device.key,
            device_key_type: device.kind as u64,
            generation_register: Wh(self.generation_register),
            consumption_register: Wh(self.consumption_register),
            register_modulus: self.modulus.wh()?.unwrap_or(Wh::ZERO),
            generation_capacity_w: self.generation_capacity,
            consumption_capacity_w: self.consumption_capacity,
        })
    }

    /// Refuses an owner that can't sign, unless it is forced: what it is owed could never be claimed.
    pub async fn check_owner(&self, session: &Session) -> anyhow::Result<()> {
        if self.force {
            return Ok(());
        }
        let owner = self.owner;
        let hint = "name the owner's wallet, or insist with --force";
        ensure!(
            owner.is_on_curve(),
            "the owner {owner} is no wallet: its address is off the curve, so only a program can sign for it: {hint}"
        );
        let Some(account) = session.rpc.account(&owner).await? else {
            return Ok(());
        };
        let what = if account.executable {
            "a program".to_owned()
        } else if account.owner == spl_token::ID {
            "a token account or mint".to_owned()
        } else if in_use(Some(account.clone())).is_some() {
            format!("an account of the program {}", account.owner)
        } else {
            return Ok(());
        };
        bail!("the owner {owner} is no wallet: it is {what}: {hint}")
    }
}

/// Where registers start again from zero.
#[derive(Args, Clone, Copy, Debug)]
pub struct Modulus {
    /// The value at which the registers start again from 0 (Wh): 1000000000 for six digits of kWh; 0: never
    /// [default: never; of a meter whose device is replaced, as it was]
    #[arg(long, value_name = "WH", conflicts_with_all = ["register_digits", "register_unit"])]
    register_modulus: Option<u64>,
    /// The same by the register's digits before the decimal mark ...
    #[arg(long, value_name = "DIGITS", requires = "register_unit")]
    register_digits: Option<u32>,
    /// ... and their unit
    #[arg(long, requires = "register_digits")]
    register_unit: Option<Unit>,
}

/// What a register's digits count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "verbatim")]
enum Unit {
    Wh,
    #[value(name = "kWh")]
    KWh,
    MWh,
}

impl Modulus {
    /// In watt-hours, if it was given.
    pub fn wh(&self) -> anyhow::Result<Option<Wh>> {
        let (Some(digits), Some(unit)) = (self.register_digits, self.register_unit) else {
            return Ok(self.register_modulus.map(Wh));
        };
        let unit = match unit {
            Unit::Wh => 1,
            Unit::KWh => 1_000,
            Unit::MWh => 1_000_000,
        };
        let modulus = 10u64
            .checked_pow(digits)
            .and_then(|ten| ten.checked_mul(unit));
        match modulus {
            Some(modulus) if digits > 0 => Ok(Some(Wh(modulus))),
            _ => bail!("a register of {digits} digits: count those before the decimal mark, such as 6 of 012345.67 kWh"),
        }
    }
}

#[derive(Args, Clone, Debug)]
pub struct Replacement {
    /// Its serial number
    #[arg(value_parser = serial)]
    pub meter: String,
    /// The new device's generation register now (Wh)
    #[arg(long, value_name = "WH")]
    generation_register: u64,
    /// The new device's consumption register now (Wh)
    #[arg(long, value_name = "WH")]
    consumption_register: u64,
    #[command(flatten)]
    modulus: Modulus,
    /// The new device's key, if it signs its readings: Ed25519 (address, or file of a keypair) or P-256 (PEM file, or SEC1
    /// in hexadecimal digits)
    #[arg(long, value_name = "KEY", value_parser = DeviceKey::parse, required_unless_present = "no_device_key")]
    device_key: Option<DeviceKey>,
    /// The new device signs nothing: its readings are vouched for by the reporter alone
    #[arg(long, conflicts_with = "device_key")]
    no_device_key: bool,
}

impl Replacement {
    /// What it changes about a meter. If a reading comes in from here on, the program refuses it.
    pub fn of(&self, meter: &Meter) -> anyhow::Result<ReplaceDevice> {
        let device = self.device_key.unwrap_or(DeviceKey::NONE);
        let modulus = self.modulus.wh()?;
        Ok(ReplaceDevice {
            device_key: device.key,
            device_key_type: device.kind as u64,
            old_generation_register: meter.state.generation_register,
            old_consumption_register: meter.state.consumption_register,
            generation_register: Wh(self.generation_register),
            consumption_register: Wh(self.consumption_register),
            register_modulus: modulus.unwrap_or(meter.state.register_modulus),
        })
    }
}

#[derive(Args, Clone, Debug)]
pub struct Correction {
    /// Its serial number
    #[arg(value_parser = serial)]
    pub meter: String,
    /// The generation register that the device shows (Wh), at most what the account has
    #[arg(long, value_name = "WH")]
    generation_register: u64,
    /// The consumption register that the device shows (Wh), at most what the account has
    #[arg(long, value_name = "WH")]
    consumption_register: u64,
}

impl Correction {
    /// What it changes about a meter. If a reading comes in from here on, the program refuses it.
    pub fn of(&self, meter: &Meter) -> CorrectRegisters {
        CorrectRegisters {
            old_generation_register: meter.state.generation_register,
            old_consumption_register: meter.state.consumption_register,
            generation_register: Wh(self.generation_register),
            consumption_register: Wh(self.consumption_register),
        }
    }
}
