//! What a meter has, and what it needs.

use std::{
    io::{self, Write},
    mem::offset_of,
};

use anyhow::anyhow;
use gridtoken_client::{
    claim::{base_units, Terms, Unsettled},
    cluster::{decode, read},
    deployment::Deployment,
    device::DeviceKey,
    format::{ago, format_time, grid, kwh, percent, reason, someone, text, write_table},
    logs,
    remedy::{rejected_reading, Patient},
};
use serde_json::{json, Value};
use shared_state::{
    event::Event,
    quantity::Wh,
    reading::{Reading, RejectReason},
    state::{Meter, OracleConfig},
};
use solana_program::pubkey::Pubkey;

use super::{
    super::{find_meter, waiting_json},
    status_name,
};
use crate::session::{Report, Session};

/// How many of a meter's transactions are looked at for its last rejected reading.
const HISTORY: usize = 50;

/// A meter and what can be claimed of it.
struct Shown {
    address: Pubkey,
    /// As it was asked for, if it was.
    serial: Option<String>,
    meter: Meter,
    unsettled: Unsettled,
    remedies: Vec<String>,
    now: i64,
}

impl Shown {
    fn new(terms: &Terms, address: Pubkey, meter: Meter) -> Self {
        Self {
            unsettled: Unsettled::of(terms, &[meter]),
            now: terms.now,
            address,
            serial: None,
            meter,
            remedies: Vec::new(),
        }
    }

    fn id(&self) -> String {
        text(&self.meter.meter_id)
    }

    /// The serial number, and the id on the chain where that is another.
    fn name(&self) -> String {
        match &self.serial {
            Some(serial) if *serial != self.id() => {
                format!("{serial} ({} on the chain)", self.id())
            }
            _ => self.id(),
        }
    }

    /// Registers that are held, in words.
    fn held(&self) -> Option<String> {
        let state = &self.meter.state;
        let held = |what: &str, register: Wh, last: Wh| {
            (register != Wh::ZERO).then(|| format!("{what} {register} Wh after {last} Wh"))
        };
        let both = [
            held(
                "generation",
                state.held_generation_register,
                state.generation_register,
            ),
            held(
                "consumption",
                state.held_consumption_register,
                state.consumption_register,
            ),
        ];
        state.is_held().then(|| {
            format!(
                "{} since {} ({}): more than any meter of this rated power can have counted; readings from there on are refused",
                both.into_iter().flatten().collect::<Vec<_>>().join(", "),
                format_time(state.held_at),
                ago(state.held_at, self.now)
            )
        })
    }
}

impl Report for Shown {
    fn json(&self) -> Value {
        let (meter, state) = (&self.meter, &self.meter.state);
        let last_reject = match meter.last_reject_reason {
            0 => Value::Null,
            code => json!({
                "code": code,
                "reason": reason(code.into()),
            }),
        };
        let held = match state.is_held() {
            true => json!({
                "generation_register": state.held_generation_register.0,
                "consumption_register": state.held_consumption_register.0,
                "held_at": state.held_at,
            }),
            false => Value::Null,
        };
        let device = DeviceKey::of(meter);
        json!({
            "meter_id": self.id(),
            "address": self.address.to_string(),
            "status": status_name(meter.status()),
            "claimable_wh": self.unsettled.claimable.0,
            "claimable": base_units(self.unsettled.claimable).0,
            "not_yet_claimable": waiting_json(&self.unsettled),
            "unsettled_wh": meter.unsettled().0,
            "settled_net_generation": meter.settled_net_generation.0,
            "settlement_count": meter.settlement_count,
            "total_generation": meter.total_generation.0,
            "total_consumption": meter.total_consumption.0,
            "generation_register": state.generation_register.0,
            "consumption_register": state.consumption_register.0,
            "register_modulus": state.register_modulus.0,
            "held": held,
            "registered_at": meter.registered_at,
            "last_reading_at": state.last_reading_at,
            "accepted_count": state.accepted_count,
            "rejected_count": meter.rejected_count,
            "last_reject": last_reject,
            "remedies": self.remedies,
            "quality": state.quality.0,
            "generation_capacity_w": state.generation_capacity_w,
            "consumption_capacity_w": state.consumption_capacity_w,
            "owner": meter.owner.to_string(),
            "pending_owner": someone(&meter.pending_owner),
            "delegate": someone(&meter.delegate),
            "device_key_type": meter.device_key_type,
            "device_key": device.is_some().then(|| device.to_string()),
            "revision": meter.header.revision,
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (meter, state) = (&self.meter, &self.meter.state);
        let mut line = |what: &str, value: String| writeln!(out, "{what:<16}{value}");
        line(
            "meter",
            format!("{}, {}", self.name(), status_name(meter.status())),
        )?;
        let claimable = self.unsettled.claimable;
        line(
            "claimable now",
            match claimable {
                Wh::ZERO => "nothing".to_owned(),
                energy => format!(
                    "{} GRID ({} kWh)",
                    grid(base_units(energy).0),
                    kwh(energy.0)
                ),
            },
        )?;
        for (error, energy) in &self.unsettled.waiting {
            line("not yet", format!("{} kWh: {error}", kwh(energy.0)))?;
        }
        line(
            "energy",
            format!(
                "{} kWh generated, {} kWh consumed; {} kWh settled, {} kWh unsettled",
                kwh(meter.total_generation.0),
                kwh(meter.total_consumption.0),
                kwh(meter.settled_net_generation.0),
                kwh(meter.unsettled().0)
            ),
        )?;
        line(
            "last reading",
            match state.accepted_count {
                0 => format!(
                    "none since it was registered, {} ({})",
                    format_time(meter.registered_at),
                    ago(meter.registered_at, self.now)
                ),
                count => format!(
                    "{} ({}), of {count}",
                    format_time(state.last_reading_at),
                    ago(state.last_reading_at, self.now)
                ),
            },
        )?;
        line(
            "registers",
            format!(
                "generation {} Wh, consumption {} Wh{}",
                state.generation_register,
                state.consumption_register,
                match state.register_modulus {
                    Wh::ZERO => String::new(),
                    modulus => format!("; from 0 again at {modulus} Wh"),
                }
            ),
        )?;
        if let Some(held) = self.held() {
            line("held", held)?;
        }
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
        for remedy in &self.remedies {
            line("  to do", remedy.clone())?;
        }
        line("quality", percent(state.quality.0))?;
        line(
            "rated power",
            format!(
                "generator {} W, connection {} W",
                state.generation_capacity_w, state.consumption_capacity_w
            ),
        )?;
        line("owner", meter.owner.to_string())?;
        for (what, key) in [
            ("proposed owner", &meter.pending_owner),
            ("delegate", &meter.delegate),
        ] {
            if let Some(key) = someone(key) {
                line(what, key)?;
            }
        }
        let device = DeviceKey::of(meter);
        if device.is_some() {
            line("device key", device.to_string())?;
        }
        line("account", self.address.to_string())
    }
}

/// Shows a meter.
pub async fn show(
    session: &mut Session,
    deployment: &Deployment,
    serial: &str,
) -> anyhow::Result<()> {
    let (address, meter) = find_meter(session, deployment, serial).await?;
    let terms = Terms::read(&session.rpc, deployment).await?;
    let oracle: OracleConfig = read(&session.rpc, &deployment.oracle_config()).await?;
    let patient = Patient {
        serial,
        meter: &meter,
        rules: &oracle.rules,
    };
    let mut remedies = patient.of_hold();
    let last = meter.last_reject_reason;
    if let (true, Some(reason)) = (remedies.is_empty(), RejectReason::from_code(last)) {
        if let Some(reading) = last_rejected(session, deployment, &address, &meter).await? {
            remedies = patient.of_rejection(reason, &reading);
        }
    }
    let mut shown = Shown::new(&terms, address, meter);
    shown.serial = Some(serial.to_owned());
    shown.remedies = remedies;
    session.print(&shown)
}

/// The meter's last rejected reading, if no reading was accepted after it and the node still shows it.
async fn last_rejected(
    session: &Session,
    deployment: &Deployment,
    address: &Pubkey,
    meter: &Meter,
) -> anyhow::Result<Option<Reading>> {
    let page = session.rpc.signatures(address, None, None, HISTORY).await?;
    for status in page.iter().filter(|status| status.err.is_none()) {
        let signature = status.signature.parse()?;
        let Some(confirmed) = session.rpc.transaction(&signature).await? else {
            return Ok(None);
        };
        let mut rejected = None;
        for logged in logs::events(&confirmed.receipt.logs) {
            match logged.event {
                _ if logged.program != deployment.registry_program => {}
                Event::MeterReadingRejected(event) if event.meter_id == meter.meter_id => {
                    rejected = Some(rejected_reading(&event));
                }
                Event::MeterReadingRecorded(event) if event.meter_id == meter.meter_id => {
                    // The rejected ones of a transaction are logged before the accepted ones, whatever their order was.
                    return Ok(rejected.filter(|reading| reading.timestamp > event.timestamp));
                }
                _ => {}
            }
        }
        if rejected.is_some() {
            return Ok(rejected);
        }
    }
    Ok(None)
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
            "not yet",
            "settled",
            "last reading",
            "quality",
            "rejected",
            "owner",
        ];
        let mut table = vec![columns.map(String::from).to_vec()];
        for shown in &self.0 {
            let (meter, unsettled) = (&shown.meter, &shown.unsettled);
            let waiting = unsettled.total().beyond(unsettled.claimable);
            table.push(vec![
                shown.id(),
                match meter.state.is_held() {
                    true => format!("{}, held", status_name(meter.status())),
                    false => status_name(meter.status()).to_owned(),
                },
                format!("{} kWh", kwh(unsettled.claimable.0)),
                format!("{} kWh", kwh(waiting.0)),
                format!("{} kWh", kwh(meter.settled_net_generation.0)),
                match meter.state.accepted_count {
                    0 => "none".to_owned(),
                    _ => ago(meter.state.last_reading_at, shown.now),
                },
                percent(meter.state.quality.0),
                meter.rejected_count.to_string(),
                meter.owner.to_string(),
            ]);
        }
        write_table(out, &table)?;
        writeln!(out, "{} meters", self.0.len())
    }
}

/// Lists all meters, an owner's, or the named ones.
pub async fn list(
    session: &mut Session,
    deployment: &Deployment,
    owner: Option<Pubkey>,
    serials: &[String],
) -> anyhow::Result<()> {
    let terms = Terms::read(&session.rpc, deployment).await?;
    let mut meters = Vec::new();
    if serials.is_empty() {
        let of_owner = owner
            .as_ref()
            .map(|owner| (offset_of!(Meter, owner), owner));
        let accounts = session
            .rpc
            .meters(&deployment.registry_program, of_owner)
            .await?;
        for (address, account) in accounts {
            let meter = decode(&account).map_err(|problem| anyhow!("{address} {problem}"))?;
            meters.push(Shown::new(&terms, address, meter));
        }
    } else {
        for serial in serials {
            let (address, meter) = find_meter(session, deployment, serial).await?;
            meters.push(Shown::new(&terms, address, meter));
        }
    }
    meters.sort_by_key(|shown| shown.meter.meter_id);
    session.print(&List(meters))
}
