//! Before anything is sent: a file's readings by meter, without those that need not or can't be sent.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{anyhow, bail, ensure};
use gridtoken_client::{
    cluster::{decode, in_use, read, Cluster},
    deployment::Deployment,
    device::DeviceKey,
    readings::Row,
};
use oracle_program::signature::message;
use shared_state::{
    reading::Reading,
    state::{meter_id, Meter, OracleConfig, ORACLE_ACTIVE},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use super::{
    batch::{not_active, Queue, Unit},
    summary::Summary,
};
use crate::session::Session;

/// Why lines need not be sent.
pub(super) const NOT_NEWER: &str = "not newer than the meter's last reading";
pub(super) const TOO_SOON: &str =
    "sooner after the one before than the oracle takes readings; nothing is lost, the next one counts its energy too";
pub(super) const TOO_OLD: &str =
    "older than the oracle takes readings; nothing is lost, because registers are cumulative and the next one counts its energy too";
const BEFORE_REGISTRATION: &str = "from before the meter's registration";
const TWICE: &str = "twice in the file";

/// What a file's readings are judged by before they are sent.
pub(super) struct Judge<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) oracle: OracleConfig,
    now: i64,
}

impl<'a> Judge<'a> {
    /// Fails if the oracle takes no readings from this reporter.
    pub(super) async fn new(
        session: &Session,
        deployment: &'a Deployment,
        reporter: &Keypair,
    ) -> anyhow::Result<Self> {
        let oracle: OracleConfig = read(&session.rpc, &deployment.oracle_config()).await?;
        ensure!(
            oracle.header.status == ORACLE_ACTIVE,
            "{}",
            GridError::OraclePaused
        );
        ensure!(
            oracle.reporters().contains(&reporter.pubkey()),
            "{} is not a reporter of this oracle: have it added with grid reporter add, or sign with one that is (--keypair)",
            reporter.pubkey()
        );
        Ok(Self {
            deployment,
            oracle,
            now: session.rpc.unix_timestamp().await?,
        })
    }
}

/// What becomes of a line before anything is sent.
enum Fate {
    Send,
    /// It need not be sent.
    Skip(&'static str),
    /// It can't be sent.
    Keep(String),
}

/// Sorts a file's readings by meter, and takes out what need not or can't be sent.
pub(super) async fn prepare(
    session: &Session,
    judge: &Judge<'_>,
    rows: Vec<Row>,
    strict: bool,
    summary: &mut Summary,
) -> anyhow::Result<Vec<Queue>> {
    let mut by_meter: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows {
        by_meter.entry(row.serial.clone()).or_default().push(row);
    }
    let mut meters: Vec<(String, [u8; 32], Pubkey, Vec<Row>)> = Vec::new();
    for (serial, rows) in by_meter {
        let id = meter_id(&serial)?;
        meters.push((serial, id, judge.deployment.meter(&id), rows));
    }
    let mut queues = Vec::new();
    let mut first_problem: Option<(u64, String)> = None;
    for some in meters.chunks_mut(100) {
        let addresses: Vec<Pubkey> = some.iter().map(|(_, _, address, _)| *address).collect();
        let accounts = session.rpc.accounts(&addresses).await?;
        for ((serial, id, address, rows), account) in some.iter_mut().zip(accounts) {
            let meter = match in_use(account) {
                Some(account) => Some(
                    decode::<Meter>(&account).map_err(|problem| anyhow!("{address} {problem}"))?,
                ),
                None => None,
            };
            let mut units = VecDeque::new();
            let mut last = None;
            for mut unit in units_of(std::mem::take(rows)) {
                let fate = match &meter {
                    None => Fate::Keep(format!("the meter {serial} is not registered")),
                    Some(meter) => judge.fate(serial, meter, &mut unit, last),
                };
                match fate {
                    Fate::Send => {
                        last = unit.rows.last().map(|row| row.reading);
                        units.push_back(unit);
                    }
                    Fate::Skip(reason) => {
                        unit.rows.iter().for_each(|row| summary.skip(reason, row))
                    }
                    Fate::Keep(problem) => {
                        for row in &unit.rows {
                            if first_problem
                                .as_ref()
                                .is_none_or(|(line, _)| row.line < *line)
                            {
                                first_problem = Some((row.line, problem.clone()));
                            }
                            summary.not_send(problem.clone(), row);
                        }
                    }
                }
            }
            queues.push(Queue {
                serial: std::mem::take(serial),
                id: *id,
                address: *address,
                device: meter.as_ref().map_or(DeviceKey::NONE, DeviceKey::of),
                units,
                in_flight: false,
            });
        }
    }
    if let (true, Some((line, problem))) = (strict, first_problem) {
        bail!("line {line}: {problem}");
    }
    Ok(queues)
}

/// A meter's readings, those of a signature together.
fn units_of(rows: Vec<Row>) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for row in rows {
        match units.last_mut() {
            Some(unit) if unit.signature.is_some() && unit.signature == row.signature => {
                unit.rows.push(row);
            }
            _ => units.push(Unit {
                signature: row.signature,
                rows: vec![row],
            }),
        }
    }
    units
}

impl Judge<'_> {
    /// What becomes of a reading, or of all that a signature covers, after the last reading of the file that is sent. What a
    /// signature covers goes as a whole or not at all: of several, only one has to be worth it.
    fn fate(&self, serial: &str, meter: &Meter, unit: &mut Unit, last: Option<Reading>) -> Fate {
        let mut fates = unit
            .rows
            .iter()
            .map(|row| self.of_row(serial, meter, row, last));
        let fate = match unit.rows.len() {
            1 => fates.next(),
            _ => {
                let fates: Vec<Fate> = fates.collect();
                let is_sent = fates.iter().any(|fate| matches!(fate, Fate::Send));
                let first = fates.into_iter().next();
                if is_sent {
                    Some(Fate::Send)
                } else {
                    first
                }
            }
        };
        match fate {
            Some(Fate::Send) => self.of_signature(serial, meter, unit),
            Some(other) => other,
            None => Fate::Send,
        }
    }

    fn of_row(&self, serial: &str, meter: &Meter, row: &Row, last: Option<Reading>) -> Fate {
        let (rules, time) = (&self.oracle.rules, row.reading.timestamp);
        if time <= meter.registered_at {
            return Fate::Skip(BEFORE_REGISTRATION);
        }
        if time <= meter.state.last_reading_at {
            return Fate::Skip(NOT_NEWER);
        }
        if last == Some(row.reading) {
            return Fate::Skip(TWICE);
        }
        if last.is_some_and(|last| last.timestamp == time) {
            return Fate::Keep(
                "the time of another line of its meter, with other registers".into(),
            );
        }
        if !meter.is_active() {
            return Fate::Keep(not_active(serial));
        }
        let age = self.now.saturating_sub(time);
        if age > rules.max_age.into() {
            return Fate::Skip(TOO_OLD);
        }
        if age < -i64::from(rules.max_future_skew) {
            return Fate::Keep(format!(
                "from the future, of which the oracle takes {} s: check the clock that they were taken by",
                rules.max_future_skew
            ));
        }
        let before = last.map_or(meter.state.last_reading_at, |last| last.timestamp);
        if time.saturating_sub(before) < rules.min_interval.into() {
            return Fate::Skip(TOO_SOON);
        }
        Fate::Send
    }

    fn of_signature(&self, serial: &str, meter: &Meter, unit: &mut Unit) -> Fate {
        let device = DeviceKey::of(meter);
        match (unit.signature, device.is_some()) {
            (None, false) => Fate::Send,
            (None, true) => Fate::Keep(format!(
                "the meter {serial} signs its readings, send a signed file (grid readings sign)"
            )),
            (Some(_), false) => Fate::Keep(format!(
                "the meter {serial} has no device key, send its file without the signatures"
            )),
            (Some(signature), true) => {
                let registry = &self.deployment.registry_program;
                let message = message(registry, &meter.meter_id, &unit.readings());
                match device.verify(&message, &signature) {
                    Some(signature) => {
                        unit.signature = Some(signature);
                        Fate::Send
                    }
                    None => Fate::Keep(format!(
                        "the signature is not by the device of {serial}, {device}, for this registry and these {} readings: a signature stands in each line that it covers, and goes with all of them",
                        unit.rows.len()
                    )),
                }
            }
        }
    }
}
