//! `grid meter`: a meter's life, and what its owner asks about it.

use std::{
    io::{self, Write},
    mem::offset_of,
};

use anyhow::{anyhow, ensure};
use clap::{Args, Subcommand};
use gridtoken_client::{
    claim::{base_units, Terms},
    cluster::decode,
    deployment::Deployment,
    format::{ago, format_time, grid, kwh, percent, reason, someone, text, write_table},
};
use registry_program::instruction::{self as registry, RegisterMeter};
use serde_json::{json, Value};
use shared_state::{
    state::{meter_id, Meter, MeterStatus},
    GridError,
};
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use super::{find_meter, serial};
use crate::session::{address, Report, Session};

/// Changes of status that fit into a transaction.
const STATUS_CHANGES: usize = 16;

#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Register a meter; what its registers show is the baseline, which is never minted (registry authority)
    Register(Register),
    /// Let meters take readings and be settled (registry authority; the owner too, if they are not suspended)
    Activate(Serials),
    /// Switch meters off for a while (registry authority or owner)
    Deactivate(Serials),
    /// Stop meters; only the registry authority can lift it (registry authority)
    Suspend(Serials),
    /// Take meters out of service for good; what is unsettled stays claimable (registry authority)
    Decommission(Serials),
    /// What a meter has, what can be claimed now, when it was read last, and why a reading was rejected
    Show {
        /// Its serial number
        #[arg(value_parser = serial)]
        meter: String,
    },
    /// List the meters
    List {
        /// Those of this owner: address, or file of a keypair
        #[arg(long, value_parser = address)]
        owner: Option<Pubkey>,
    },
    /// Change a meter's rated powers (registry authority)
    Limits(Limits),
    /// Put a new device in the place of an old one; submit the old one's last readings first (registry authority)
    ReplaceDevice(ReplaceDevice),
    /// Propose another owner; what is unsettled goes with the meter (owner)
    Transfer(Transfer),
    /// Become the owner of a meter, as the proposed key
    Accept {
        /// Its serial number
        #[arg(value_parser = serial)]
        meter: String,
    },
    /// Name a key that may settle the meter to its owner's account, and do nothing else (owner)
    Delegate(Delegate),
}

#[derive(Args, Clone, Debug)]
pub struct Serials {
    /// The meters' serial numbers
    #[arg(value_parser = serial, required = true)]
    meters: Vec<String>,
}

#[derive(Args, Clone, Debug)]
pub struct Register {
    /// Its serial number: up to 32 bytes without spaces
    #[arg(value_parser = serial)]
    meter: String,
    /// Who the surplus belongs to: address, or file of a keypair
    #[arg(long, value_parser = address)]
    owner: Pubkey,
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
    /// The device's Ed25519 key, if it signs its readings: address, or file of a keypair
    #[arg(long, value_parser = address)]
    device_key: Option<Pubkey>,
    /// Activate it in the same transaction
    #[arg(long)]
    activate: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Limits {
    /// Its serial number
    #[arg(value_parser = serial)]
    meter: String,
    /// Rated power of the generator (W)
    #[arg(long, value_name = "W")]
    generation_capacity: u32,
    /// Rated power of the connection (W)
    #[arg(long, value_name = "W")]
    consumption_capacity: u32,
}

#[derive(Args, Clone, Debug)]
pub struct ReplaceDevice {
    /// Its serial number
    #[arg(value_parser = serial)]
    meter: String,
    /// The new device's generation register now (Wh)
    #[arg(long, value_name = "WH")]
    generation_register: u64,
    /// The new device's consumption register now (Wh)
    #[arg(long, value_name = "WH")]
    consumption_register: u64,
    /// The new device's Ed25519 key, if it signs its readings: address, or file of a keypair
    #[arg(long, value_parser = address, required_unless_present = "no_device_key")]
    device_key: Option<Pubkey>,
    /// The new device signs nothing: its readings are vouched for by the reporter alone
    #[arg(long, conflicts_with = "device_key")]
    no_device_key: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Transfer {
    /// Its serial number
    #[arg(value_parser = serial)]
    meter: String,
    /// Who may accept: address, or file of a keypair
    #[arg(value_parser = address, required_unless_present = "cancel")]
    new_owner: Option<Pubkey>,
    /// Withdraw the proposal that stands
    #[arg(long, conflicts_with = "new_owner")]
    cancel: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Delegate {
    /// Its serial number
    #[arg(value_parser = serial)]
    meter: String,
    /// The key: address, or file of a keypair
    #[arg(value_parser = address, required_unless_present = "none")]
    delegate: Option<Pubkey>,
    /// Nobody any more
    #[arg(long, conflicts_with = "delegate")]
    none: bool,
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Command) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let program = deployment.registry_program;
    let (signer, instructions) = match command {
        Command::Show { meter } => return show(session, &deployment, &meter).await,
        Command::List { owner } => return list(session, &deployment, owner).await,
        Command::Activate(serials) => {
            return set_status(session, &deployment, &serials, MeterStatus::Active).await
        }
        Command::Deactivate(serials) => {
            return set_status(session, &deployment, &serials, MeterStatus::Inactive).await
        }
        Command::Suspend(serials) => {
            return set_status(session, &deployment, &serials, MeterStatus::Suspended).await
        }
        Command::Decommission(serials) => {
            return set_status(session, &deployment, &serials, MeterStatus::Decommissioned).await
        }
        Command::Register(register) => {
            let signer = session.signer()?;
            let key = signer.pubkey();
            let id = meter_id(&register.meter)?;
            let mut instructions = vec![deployment.register_meter(
                &key,
                &session.payer()?.pubkey(),
                RegisterMeter {
                    meter_id: id,
                    owner: register.owner,
                    device_key: register.device_key.unwrap_or_default(),
                    generation_register: register.generation_register,
                    consumption_register: register.consumption_register,
                    generation_capacity_w: register.generation_capacity,
                    consumption_capacity_w: register.consumption_capacity,
                },
            )];
            if register.activate {
                let meter = deployment.meter(&id);
                instructions.push(deployment.set_meter_status(&key, &meter, MeterStatus::Active));
            }
            (signer, instructions)
        }
        Command::Limits(limits) => {
            let (meter, _) = find_meter(session, &deployment, &limits.meter).await?;
            let signer = session.signer()?;
            let instruction = registry::update_meter_limits(
                &program,
                &signer.pubkey(),
                &meter,
                registry::UpdateMeterLimits {
                    generation_capacity_w: limits.generation_capacity,
                    consumption_capacity_w: limits.consumption_capacity,
                },
            );
            (signer, vec![instruction])
        }
        Command::ReplaceDevice(replace) => {
            let (address, meter) = find_meter(session, &deployment, &replace.meter).await?;
            let signer = session.signer()?;
            let instruction = registry::replace_device(
                &program,
                &signer.pubkey(),
                &address,
                registry::ReplaceDevice {
                    device_key: replace.device_key.unwrap_or_default(),
                    // If a reading comes in from here on, the program refuses the replacement.
                    old_generation_register: meter.generation_register,
                    old_consumption_register: meter.consumption_register,
                    generation_register: replace.generation_register,
                    consumption_register: replace.consumption_register,
                },
            );
            (signer, vec![instruction])
        }
        Command::Transfer(transfer) => {
            let (meter, _) = find_meter(session, &deployment, &transfer.meter).await?;
            let signer = session.signer()?;
            let proposed = transfer.new_owner.unwrap_or_default();
            let owner = signer.pubkey();
            let instruction = registry::propose_meter_owner(&program, &owner, &meter, &proposed);
            (signer, vec![instruction])
        }
        Command::Accept { meter } => {
            let (meter, _) = find_meter(session, &deployment, &meter).await?;
            let signer = session.signer()?;
            let instruction = registry::accept_meter_owner(&program, &signer.pubkey(), &meter);
            (signer, vec![instruction])
        }
        Command::Delegate(delegate) => {
            let (meter, _) = find_meter(session, &deployment, &delegate.meter).await?;
            let signer = session.signer()?;
            let key = delegate.delegate.unwrap_or_default();
            let instruction = registry::set_delegate(&program, &signer.pubkey(), &meter, &key);
            (signer, vec![instruction])
        }
    };
    let outcome = session.execute(&[&signer], &instructions).await?;
    session.print(&outcome)
}

/// Changes meters' status, some in each transaction. Those that have it already are left out.
async fn set_status(
    session: &mut Session,
    deployment: &Deployment,
    serials: &Serials,
    status: MeterStatus,
) -> anyhow::Result<()> {
    let signer = session.signer()?;
    let mut wanted = serials.meters.clone();
    wanted.sort_unstable();
    wanted.dedup();
    let mut instructions = Vec::new();
    for serial in &wanted {
        let (address, meter) = find_meter(session, deployment, serial).await?;
        if meter.status() == status {
            eprintln!("{serial} is {} already", status_name(status));
        } else {
            instructions.push(deployment.set_meter_status(&signer.pubkey(), &address, status));
        }
    }
    ensure!(!instructions.is_empty(), "there is nothing to change");
    let mut outcomes = Vec::new();
    let mut done = Ok(());
    for some in instructions.chunks(STATUS_CHANGES) {
        match session.execute(&[&signer], some).await {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => {
                done = Err(error);
                break;
            }
        }
    }
    // What is done is shown, whatever came after it.
    match &outcomes[..] {
        [] => {}
        [outcome] => session.print(outcome)?,
        _ => session.print(&outcomes)?,
    }
    done
}

/// A status in a word.
fn status_name(status: MeterStatus) -> &'static str {
    match status {
        MeterStatus::Inactive => "inactive",
        MeterStatus::Active => "active",
        MeterStatus::Suspended => "suspended",
        MeterStatus::Decommissioned => "decommissioned",
    }
}

/// A meter and what can be claimed of it.
struct Shown {
    address: Pubkey,
    meter: Meter,
    claimable: Result<u64, GridError>,
    now: i64,
}

impl Shown {
    fn new(terms: &Terms, address: Pubkey, meter: Meter) -> Self {
        Self {
            claimable: terms.claimable(&meter),
            now: terms.now,
            address,
            meter,
        }
    }

    fn name(&self) -> String {
        text(&self.meter.meter_id)
    }
}

impl Report for Shown {
    fn json(&self) -> Value {
        let meter = &self.meter;
        let last_reject = match meter.last_reject_reason {
            0 => Value::Null,
            code => json!({
                "code": code,
                "reason": reason(code.into()),
            }),
        };
        json!({
            "meter_id": self.name(),
            "address": self.address.to_string(),
            "status": status_name(meter.status()),
            "claimable_wh": self.claimable.unwrap_or_default(),
            "claimable": base_units(self.claimable.unwrap_or_default()),
            "not_claimable_because": self.claimable.err().map(|error| error.to_string()),
            "unsettled_wh": meter.unsettled(),
            "settled_net_generation": meter.settled_net_generation,
            "settlement_count": meter.settlement_count,
            "total_generation": meter.total_generation,
            "total_consumption": meter.total_consumption,
            "generation_register": meter.generation_register,
            "consumption_register": meter.consumption_register,
            "registered_at": meter.registered_at,
            "last_reading_at": meter.last_reading_at,
            "accepted_count": meter.accepted_count,
            "rejected_count": meter.rejected_count,
            "last_reject": last_reject,
            "quality": meter.quality,
            "generation_capacity_w": meter.generation_capacity_w,
            "consumption_capacity_w": meter.consumption_capacity_w,
            "owner": meter.owner.to_string(),
            "pending_owner": someone(&meter.pending_owner),
            "delegate": someone(&meter.delegate),
            "device_key": someone(&meter.device_key),
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let meter = &self.meter;
        let mut line = |what: &str, value: String| writeln!(out, "{what:<16}{value}");
        line(
            "meter",
            format!("{}, {}", self.name(), status_name(meter.status())),
        )?;
        line(
            "claimable now",
            match self.claimable {
                Ok(wh) => format!("{} GRID ({} kWh)", grid(base_units(wh)), kwh(wh)),
                Err(error) => format!("nothing: {error}"),
            },
        )?;
        line(
            "energy",
            format!(
                "{} kWh generated, {} kWh consumed; {} kWh settled, {} kWh unsettled",
                kwh(meter.total_generation),
                kwh(meter.total_consumption),
                kwh(meter.settled_net_generation),
                kwh(meter.unsettled())
            ),
        )?;
        line(
            "last reading",
            match meter.accepted_count {
                0 => format!(
                    "none since it was registered, {} ({})",
                    format_time(meter.registered_at),
                    ago(meter.registered_at, self.now)
                ),
                count => format!(
                    "{} ({}), of {count}",
                    format_time(meter.last_reading_at),
                    ago(meter.last_reading_at, self.now)
                ),
            },
        )?;
        line(
            "registers",
            format!(
                "generation {} Wh, consumption {} Wh",
                meter.generation_register, meter.consumption_register
            ),
        )?;
        line(
            "rejected",
            match meter.rejected_count {
                0 => "none".to_owned(),
                count => format!(
                    "{count} readings, the last one for {}",
                    reason(meter.last_reject_reason.into())
                ),
            },
        )?;
        line("quality", percent(meter.quality))?;
        line(
            "rated power",
            format!(
                "generator {} W, connection {} W",
                meter.generation_capacity_w, meter.consumption_capacity_w
            ),
        )?;
        line("owner", meter.owner.to_string())?;
        for (what, key) in [
            ("proposed owner", &meter.pending_owner),
            ("delegate", &meter.delegate),
            ("device key", &meter.device_key),
        ] {
            if let Some(key) = someone(key) {
                line(what, key)?;
            }
        }
        line("account", self.address.to_string())
    }
}

async fn show(session: &mut Session, deployment: &Deployment, meter: &str) -> anyhow::Result<()> {
    let (address, meter) = find_meter(session, deployment, meter).await?;
    let terms = Terms::read(&session.rpc, deployment).await?;
    session.print(&Shown::new(&terms, address, meter))
}

/// Many meters, a line each.
struct List(Vec<Shown>);

impl Report for List {
    fn json(&self) -> Value {
        self.0.iter().map(Report::json).collect()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let columns = [
            "meter",
            "status",
            "claimable",
            "settled",
            "last reading",
            "quality",
            "rejected",
            "owner",
        ];
        let mut table = vec![columns.map(String::from).to_vec()];
        for shown in &self.0 {
            let meter = &shown.meter;
            table.push(vec![
                shown.name(),
                status_name(meter.status()).to_owned(),
                format!("{} kWh", kwh(shown.claimable.unwrap_or_default())),
                format!("{} kWh", kwh(meter.settled_net_generation)),
                match meter.accepted_count {
                    0 => "none".to_owned(),
                    _ => ago(meter.last_reading_at, shown.now),
                },
                percent(meter.quality),
                meter.rejected_count.to_string(),
                meter.owner.to_string(),
            ]);
        }
        write_table(out, &table)?;
        writeln!(out, "{} meters", self.0.len())
    }
}

async fn list(
    session: &mut Session,
    deployment: &Deployment,
    owner: Option<Pubkey>,
) -> anyhow::Result<()> {
    let terms = Terms::read(&session.rpc, deployment).await?;
    let of_owner = owner
        .as_ref()
        .map(|owner| (offset_of!(Meter, owner), owner));
    let accounts = session
        .rpc
        .meters(&deployment.registry_program, of_owner)
        .await?;
    let mut meters = Vec::new();
    for (address, account) in accounts {
        let meter = decode(&account).map_err(|problem| anyhow!("{address} {problem}"))?;
        meters.push(Shown::new(&terms, address, meter));
    }
    meters.sort_by_key(|shown| shown.meter.meter_id);
    session.print(&List(meters))
}
