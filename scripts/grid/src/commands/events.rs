//! `grid events`: what a deployment's programs, or a meter, have logged.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Args;
use gridtoken_client::{
    deployment::Program,
    format::{event_json, event_line, format_time},
    logs,
    rpc::{Confirmed, UnknownVersion},
};
use serde_json::{json, Value};
use solana_program::pubkey::Pubkey;
use solana_signature::Signature;

use super::{find_meter, serial};
use crate::session::{Report, Session};

/// How often new transactions are looked for.
const INTERVAL: Duration = Duration::from_secs(2);
/// The most signatures that a node gives at once.
const PAGE: usize = 1_000;
/// How far a node may be behind the one that answered before (slots). What is older than that is not new: a node that
/// doesn't know the newest transaction that was seen gives all that it has.
const SLOTS_BEHIND: u64 = 512;

#[derive(Args, Clone, Debug)]
pub struct Events {
    /// Only what concerns this meter: its serial number
    #[arg(value_parser = serial)]
    meter: Option<String>,
    /// How many transactions to go back, without failed ones
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Go on with each new transaction, until interrupted
    #[arg(long)]
    follow: bool,
}

/// The events of a transaction.
struct Transaction {
    confirmed: Confirmed,
    events: Vec<(&'static str, shared_state::event::Event)>,
}

impl Transaction {
    /// The deployment's own events: other programs can log what looks like one.
    fn new(confirmed: Confirmed, programs: &[Program; 3]) -> Self {
        let events = logs::events(&confirmed.receipt.logs)
            .into_iter()
            .filter_map(|logged| {
                let program = programs
                    .iter()
                    .find(|program| program.id == logged.program)?;
                Some((program.name, logged.event))
            })
            .collect();
        Self { confirmed, events }
    }
}

impl Report for Transaction {
    fn json(&self) -> Value {
        let events: Vec<Value> = self
            .events
            .iter()
            .map(|(program, event)| {
                let mut fields = event_json(event);
                fields.insert("event".into(), event.name().into());
                fields.insert("program".into(), (*program).into());
                fields.into()
            })
            .collect();
        json!({
            "signature": self.confirmed.signature.to_string(),
            "block_time": self.confirmed.block_time,
            "log_truncated": logs::is_truncated(&self.confirmed.receipt.logs),
            "events": events,
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let time = self.confirmed.block_time.map_or("?".into(), format_time);
        for (program, event) in &self.events {
            writeln!(out, "{time} {program} {}", event_line(event))?;
        }
        if logs::is_truncated(&self.confirmed.receipt.logs) {
            writeln!(
                out,
                "{time} the log of {} was cut off: there were more events",
                self.confirmed.signature
            )?;
        }
        Ok(())
    }
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Events) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let programs = deployment.programs();
    let mut places: Vec<Place> = match &command.meter {
        Some(meter) => vec![find_meter(session, &deployment, meter).await?.0],
        None => programs.iter().map(|program| program.id).collect(),
    }
    .into_iter()
    .map(|address| Place {
        address,
        newest: None,
    })
    .collect();

    let mut shown: Vec<Signature> = Vec::new();
    let mut limit = Some(command.limit as usize);
    loop {
        match print_newer(session, &programs, &mut places, &mut shown, limit).await {
            Ok(()) => limit = None,
            // Whoever follows wants to go on when the node is back: nothing is passed over. Unless nobody reads it any more.
            Err(error) if command.follow && !error.is::<io::Error>() => {
                eprintln!("{error:#}; trying again")
            }
            Err(error) => return Err(error),
        }
        if !command.follow {
            return Ok(());
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Prints what came since the last call.
async fn print_newer(
    session: &Session,
    programs: &[Program; 3],
    places: &mut Vec<Place>,
    shown: &mut Vec<Signature>,
    limit: Option<usize>,
) -> anyhow::Result<()> {
    let mut seen = places.clone();
    for signature in newer(session, &mut seen, limit).await? {
        if !shown.contains(&signature) {
            match session.rpc.shown_transaction(&signature).await {
                Ok(confirmed) => {
                    let transaction = Transaction::new(confirmed, programs);
                    // A log that was cut off may hide all of them.
                    let is_cut_off = logs::is_truncated(&transaction.confirmed.receipt.logs);
                    if is_cut_off || !transaction.events.is_empty() {
                        session.print(&transaction)?;
                    }
                }
                // Whatever the reason is, it stays: those behind it are shown.
                Err(error) if error.is::<UnknownVersion>() => {
                    eprintln!("passed over: {error}");
                }
                Err(error) => return Err(error),
            }
            shown.push(signature);
        }
    }
    *places = seen;
    let old = shown.len().saturating_sub(4 * PAGE);
    shown.drain(..old);
    Ok(())
}

/// An address whose transactions are looked at.
#[derive(Clone)]
struct Place {
    address: Pubkey,
    /// The newest that has been seen, and its slot.
    newest: Option<(Signature, u64)>,
}

/// Transactions that came since the last call, oldest first; the first time, the last `limit` ones.
async fn newer(
    session: &Session,
    places: &mut [Place],
    limit: Option<usize>,
) -> anyhow::Result<Vec<Signature>> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut found: Vec<(u64, u32, Signature)> = Vec::new();
    for place in places {
        let (mut before, mut newest, mut count) = (None, None, 0);
        let until = place.newest.map(|(signature, _)| signature);
        let oldest = place
            .newest
            .map_or(0, |(_, slot)| slot.saturating_sub(SLOTS_BEHIND));
        'pages: loop {
            let page = session
                .rpc
                .signatures(&place.address, before, until, PAGE)
                .await?;
            for (index, status) in page.iter().enumerate() {
                let signature: Signature = status.signature.parse()?;
                if count == limit || status.slot < oldest {
                    break 'pages;
                }
                newest = newest.or(Some((signature, status.slot)));
                before = Some(signature);
                if status.err.is_none() {
                    count += 1;
                    // They come newest first. Within a slot, the node may say where each stands.
                    let place = status.transaction_index;
                    let place = place.unwrap_or(u32::MAX - index as u32);
                    found.push((status.slot, place, signature));
                }
            }
            if page.len() < PAGE {
                break;
            }
        }
        // A node that is behind does not turn the clock back.
        place.newest = newest
            .filter(|(_, slot)| place.newest.is_none_or(|(_, before)| *slot >= before))
            .or(place.newest);
    }
    found.sort_by_key(|(slot, place, _)| (*slot, *place));
    // A transaction that names two of the programs comes twice.
    let mut signatures: Vec<Signature> = Vec::new();
    for (_, _, signature) in found {
        if !signatures.contains(&signature) {
            signatures.push(signature);
        }
    }
    let old = signatures.len().saturating_sub(limit);
    Ok(signatures.split_off(old))
}
