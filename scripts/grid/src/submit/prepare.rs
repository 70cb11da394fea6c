//! Before anything is sent: a file's readings by meter, without those that need not or can't be sent.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{anyhow, bail, ensure};
use gridtoken_client::{
    cluster::{decode, in_use, read, Cluster},
    deployment::Deployment,
    readings::Row,
};
use oracle_program::signature::message;
use shared_state::{
    state::{meter_id, Meter, OracleConfig, ORACLE_ACTIVE},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use super::{
    batch::{not_active, Queue},
    summary::Summary,
};
use crate::session::Session;

/// Why lines need not be sent.
pub(super) const NOT_NEWER: &str = "not newer than the meter's last reading";
pub(super) const BEFORE_REGISTRATION: &str = "from before the meter's registration";
pub(super) const TWICE: &str = "twice in the file";
pub(super) const REJECTED_BEFORE: &str = "recorded as rejected before";

/// Sorts a file's readings by meter, and takes out what need not or can't be sent.
pub(super) async fn prepare(
    session: &mut Session,
    deployment: &Deployment,
    reporter: &Keypair,
    rows: Vec<Row>,
    strict: bool,
    summary: &mut Summary,
) -> anyhow::Result<Vec<Queue>> {
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
    let now = session.rpc.unix_timestamp().await?;

    let mut by_meter: BTreeMap<String, VecDeque<Row>> = BTreeMap::new();
    for row in rows {
        by_meter
            .entry(row.serial.clone())
            .or_default()
            .push_back(row);
    }
    let mut queues = Vec::new();
    for (serial, rows) in by_meter {
        let id = meter_id(&serial)?;
        queues.push(Queue {
            address: deployment.meter(&id),
            serial,
            id,
            device_key: Pubkey::default(),
            rows,
            in_flight: false,
            alone: false,
            parked: false,
            lenient_until: i64::MIN,
            history_read: false,
        });
    }

    let mut first_problem: Option<(u64, String)> = None;
    for some in queues.chunks_mut(100) {
        let addresses: Vec<Pubkey> = some.iter().map(|queue| queue.address).collect();
        let accounts = session.rpc.accounts(&addresses).await?;
        for (queue, account) in some.iter_mut().zip(accounts) {
            let meter = match in_use(account) {
                Some(account) => Some(
                    decode::<Meter>(&account)
                        .map_err(|problem| anyhow!("{} {problem}", queue.address))?,
                ),
                None => None,
            };
            let (registered, last) = meter.map_or((i64::MIN, i64::MIN), |meter| {
                (meter.registered_at, meter.last_reading_at)
            });
            queue.device_key = meter.map_or(Pubkey::default(), |meter| meter.device_key);
            for row in std::mem::take(&mut queue.rows) {
                let time = row.reading.timestamp;
                let before = queue.rows.back().map(|before| before.reading);
                if meter.is_some() && time <= registered {
                    summary.skip(BEFORE_REGISTRATION, &row);
                    continue;
                }
                if meter.is_some() && time <= last {
                    summary.skip(NOT_NEWER, &row);
                    continue;
                }
                if before == Some(row.reading) {
                    summary.skip(TWICE, &row);
                    continue;
                }
                let problem = match &meter {
                    None => Some(format!("the meter {} is not registered", queue.serial)),
                    Some(_) if before.is_some_and(|before| before.timestamp == time) => {
                        Some("the time of another line of its meter, with other registers".into())
                    }
                    Some(meter) => problem(deployment, &oracle, meter, &row, now),
                };
                match problem {
                    None => queue.rows.push_back(row),
                    Some(problem) => {
                        if first_problem
                            .as_ref()
                            .is_none_or(|(line, _)| row.line < *line)
                        {
                            first_problem = Some((row.line, problem.clone()));
                        }
                        summary.not_send(problem, &row);
                    }
                }
            }
        }
    }
    if let (true, Some((line, problem))) = (strict, first_problem) {
        bail!("line {line}: {problem}");
    }
    Ok(queues)
}

/// Why a reading is not to be sent.
pub(super) fn problem(
    deployment: &Deployment,
    oracle: &OracleConfig,
    meter: &Meter,
    row: &Row,
    now: i64,
) -> Option<String> {
    let serial = &row.serial;
    if !meter.is_active() {
        return Some(not_active(serial));
    }
    // These cost the meter quality and can't succeed.
    let age = now.saturating_sub(row.reading.timestamp);
    if age > oracle.rules.max_age.into() {
        return Some(format!(
            "older than the {} s that the oracle takes",
            oracle.rules.max_age
        ));
    }
    if age < -i64::from(oracle.rules.max_future_skew) {
        return Some(format!(
            "from the future, of which the oracle takes {} s",
            oracle.rules.max_future_skew
        ));
    }
    match (&row.signature, meter.device_key == Pubkey::default()) {
        (None, true) => None,
        (None, false) => Some(format!(
            "the meter {serial} signs its readings, send a signed file (grid readings sign)"
        )),
        (Some(_), true) => Some(format!(
            "the meter {serial} has no device key, send its file without the signatures"
        )),
        (Some(signature), false) => {
            let message = message(&deployment.registry_program, &meter.meter_id, &row.reading);
            (!signature.verify(meter.device_key.as_ref(), &message)).then(|| {
                format!(
                    "the signature is not by the device of {serial}, {}, for this registry",
                    meter.device_key
                )
            })
        }
    }
}
