//! A file of readings on its way to a cluster.
//!
//! Each meter's readings go in order, a transaction at a time; those of different meters go at the same time, in batches as
//! large as fit. Nothing is kept on this side: what the chain has already, the meters' accounts tell, so a submission can
//! be stopped at any point and started again. Three things keep a restart from counting a reading twice, while
//! transactions of the stopped one may still be on their way:
//!
//! * Batches are sent `strict`: if one reading of a batch has arrived meanwhile, or is bad, the whole batch is refused and
//!   changes nothing.
//! * A batch that is refused is sent again, so that its bad readings are recorded as rejected, only when no transaction
//!   from before the start can arrive any more: when its blockhash has expired.
//! * Before that, the meter's account is read again, and which of its readings have been recorded as rejected already is
//!   read from its transactions.
//!
//! Two submissions of the same file at the same time are two gateways: each accepted reading counts once all the same, but
//! a bad one may be recorded as rejected by both.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, IsTerminal, Write},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{anyhow, bail, ensure, Context};
use futures_util::future::join_all;
use indicatif::{ProgressBar, ProgressStyle};
use oracle_program::{
    instruction::submit_signed_readings,
    signature::{message, precompile},
};
use serde_json::{json, Value};
use shared_state::{
    event::Event,
    reading::Reading,
    state::{meter_id, meter_name, Meter, OracleConfig, ORACLE_ACTIVE},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use solana_transaction::{Transaction, TransactionError};

use crate::{
    cluster::{decode, in_use, read, Cluster, SendError, TRANSACTION_SIZE},
    deployment::Deployment,
    format::{flag_names, sol},
    logs,
    readings::{BadLine, Row},
    rpc::{
        distinct, is_expired, sign, with_budget, Confirmed, Rpc, Validity, BLOCKS_BEHIND, PATIENCE,
        POLL, RESEND, SILENCE,
    },
    session::{Report, Session},
};

/// What a further reading takes of a transaction's bytes: itself and its meter's index ...
pub const READING_SIZE: usize = 25;
/// ... the first time in a transaction, its meter's address ...
pub const ADDRESS_SIZE: usize = 32;
/// ... and, if it is signed, its place in the Ed25519 program's instruction.
const SIGNED_SIZE: usize = 14 + 32 + 64 + 103;

/// Compute units of a submission of one reading and of each further one, in the most expensive case that
/// `tests/bench/costs.md` has (36 of one meter, most of them late), with a tenth more; and of the two instructions that
/// set the limit and the price.
const BASE_UNITS: u32 = 3_000 + 300;
const READING_UNITS: u32 = 860;

/// Transactions that are on their way at the same time.
const IN_FLIGHT: usize = 32;
/// For how many blocks a blockhash is valid.
const BLOCKHASH_BLOCKS: u64 = 150;
/// How many of a meter's transactions are looked at for rejected readings.
const HISTORY: usize = 1_000;
/// For how long after a transaction a node may not show it yet (s).
const RECENT: i64 = 600;

/// What the chain made of a reading.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Accepted, with these flags.
    Accepted(u8),
    /// Rejected, for this reason: the code of a [`GridError`].
    Rejected(u16),
}

/// The name of a rejection's reason.
pub fn reason_name(code: u16) -> String {
    match GridError::from_code(code.into()) {
        Some(error) => format!("{error:?}"),
        None => format!("code {code}"),
    }
}

/// Which verdict of a transaction's events belongs to which of the readings that it carried.
pub fn verdicts(mut rows: Vec<Row>, events: &[Event]) -> anyhow::Result<Vec<(Row, Verdict)>> {
    ensure!(
        events.len() == rows.len(),
        "{} readings gave {} events",
        rows.len(),
        events.len()
    );
    let mut found = Vec::new();
    for event in events {
        let (id, reading, verdict) = match event {
            Event::MeterReadingRecorded(recorded) => (
                recorded.meter_id,
                Reading {
                    timestamp: recorded.timestamp,
                    generation_register: recorded.generation_register,
                    consumption_register: recorded.consumption_register,
                },
                Verdict::Accepted(recorded.flags),
            ),
            Event::MeterReadingRejected(rejected) => (
                rejected.meter_id,
                Reading {
                    timestamp: rejected.timestamp,
                    generation_register: rejected.generation_register,
                    consumption_register: rejected.consumption_register,
                },
                Verdict::Rejected(rejected.reason),
            ),
            other => bail!("unexpected event {other:?}"),
        };
        // The rejected readings are logged before the accepted ones, so of equal lines the later is the rejected one.
        let serial = meter_name(&id)?;
        let place = rows
            .iter()
            .rposition(|row| row.serial == serial && row.reading == reading)
            .with_context(|| format!("an event of {serial} for a reading that was not sent"))?;
        found.push((rows.remove(place), verdict));
    }
    Ok(found)
}

/// Lines of a file that share a fate: how many, and the first few.
#[derive(Clone, Debug, Default)]
struct Lines {
    count: u64,
    first: Vec<u64>,
}

impl Lines {
    fn add(&mut self, line: u64) {
        self.count += 1;
        if self.first.len() < 5 {
            self.first.push(line);
        }
    }

    fn places(&self) -> String {
        let mut text = self
            .first
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        if self.count > self.first.len() as u64 {
            text.push_str(", ...");
        }
        text
    }

    fn json(&self) -> Value {
        json!({ "count": self.count, "first_lines": self.first })
    }
}

/// What came of a file.
#[derive(Debug, Default)]
struct Summary {
    accepted: u64,
    flagged: BTreeMap<String, Lines>,
    rejected: BTreeMap<String, Lines>,
    /// Lines that need not be sent, and why.
    skipped: BTreeMap<String, Lines>,
    /// Lines that can't be sent, and why.
    not_sent: BTreeMap<String, Lines>,
    /// Readings that were not sent, or of which it is not known what became of them, because it ended before.
    left: u64,
    transactions: u64,
    failed_transactions: u64,
    /// Transactions that nobody processed before their blockhash expired. Their readings were sent again.
    expired_transactions: u64,
    fees: u64,
    compute_units: u64,
    elapsed: Duration,
    dry_run: bool,
}

impl Summary {
    fn rejected(&self) -> u64 {
        self.rejected.values().map(|lines| lines.count).sum()
    }

    fn not_sent(&self) -> u64 {
        self.not_sent.values().map(|lines| lines.count).sum()
    }

    fn skip(&mut self, reason: &str, row: &Row) {
        let lines = self.skipped.entry(reason.to_owned()).or_default();
        lines.add(row.line);
    }

    fn not_send(&mut self, reason: String, row: &Row) {
        self.not_sent.entry(reason).or_default().add(row.line);
    }

    fn count(&mut self, row: &Row, verdict: Verdict) {
        match verdict {
            Verdict::Accepted(flags) => {
                self.accepted += 1;
                if flags != 0 {
                    let lines = self.flagged.entry(flag_names(flags)).or_default();
                    lines.add(row.line);
                }
            }
            Verdict::Rejected(code) => {
                let lines = self.rejected.entry(reason_name(code)).or_default();
                lines.add(row.line);
            }
        }
    }
}

impl Report for Summary {
    fn json(&self) -> Value {
        let all = |lines: &BTreeMap<String, Lines>| -> Value {
            lines
                .iter()
                .map(|(reason, lines)| (reason.clone(), lines.json()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        json!({
            "accepted": self.accepted,
            "flagged": all(&self.flagged),
            "rejected": all(&self.rejected),
            "skipped": all(&self.skipped),
            "not_sent": all(&self.not_sent),
            "left": self.left,
            "transactions": self.transactions,
            "failed_transactions": self.failed_transactions,
            "expired_transactions": self.expired_transactions,
            "fee_lamports": self.fees,
            "compute_units": self.compute_units,
            "seconds": self.elapsed.as_secs_f64(),
            "dry_run": self.dry_run,
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let would = if self.dry_run { "would be " } else { "" };
        writeln!(out, "{:>8} {would}accepted", self.accepted)?;
        for (flags, lines) in &self.flagged {
            let (count, places) = (lines.count, lines.places());
            writeln!(out, "{:>10} flagged as {flags}: line {places}", count)?;
        }
        writeln!(out, "{:>8} {would}rejected", self.rejected())?;
        for (reason, lines) in &self.rejected {
            let (count, places) = (lines.count, lines.places());
            writeln!(out, "{:>10} {reason}: line {places}", count)?;
        }
        for (reason, lines) in &self.skipped {
            let (count, places) = (lines.count, lines.places());
            writeln!(out, "{:>8} skipped: {reason}: line {places}", count)?;
        }
        for (reason, lines) in &self.not_sent {
            writeln!(
                out,
                "{:>8} not sent: {reason}: line {}",
                lines.count,
                lines.places()
            )?;
        }
        if self.left > 0 {
            writeln!(out, "{:>8} left: start again", self.left)?;
        }
        let seconds = self.elapsed.as_secs_f64();
        let readings = self.accepted + self.rejected();
        writeln!(
            out,
            "{} transactions{}, {} compute units, fees {} SOL, {seconds:.1} s ({:.0} readings per second)",
            self.transactions,
            match self.failed_transactions {
                0 => String::new(),
                count => format!(" and {count} failed ones"),
            },
            self.compute_units,
            sol(self.fees),
            readings as f64 / seconds.max(0.001)
        )?;
        match self.dry_run {
            true => writeln!(
                out,
                "dry run: nothing was sent, and each transaction was tried by itself"
            ),
            false => Ok(()),
        }
    }
}

/// Why lines need not be sent.
const NOT_NEWER: &str = "not newer than the meter's last reading";
const BEFORE_REGISTRATION: &str = "from before the meter's registration";
const TWICE: &str = "twice in the file";
const REJECTED_BEFORE: &str = "recorded as rejected before";

/// A meter's readings that are still to be sent, in order.
struct Queue {
    serial: String,
    id: [u8; 32],
    address: Pubkey,
    device_key: Pubkey,
    rows: VecDeque<Row>,
    /// A transaction with some of its readings is on its way.
    in_flight: bool,
    /// A batch of several meters with this one was refused: it goes by itself now.
    alone: bool,
    /// It was refused by itself: it waits until nothing from before the start can arrive any more.
    parked: bool,
    /// Readings up to this time are sent so that bad ones are recorded as rejected.
    lenient_until: i64,
    /// What was recorded as rejected before the start has been taken out.
    history_read: bool,
}

impl Queue {
    fn is_ready(&self) -> bool {
        !self.in_flight && !self.parked && !self.rows.is_empty()
    }

    /// How its next reading is to be sent.
    fn mode(&self) -> Option<Mode> {
        let row = self.rows.front()?;
        Some(Mode {
            strict: row.reading.timestamp > self.lenient_until,
            signed: row.signature.is_some(),
        })
    }
}

/// How a batch is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Mode {
    strict: bool,
    signed: bool,
}

/// Readings that go in one transaction, with the index of their queue.
struct Batch {
    items: Vec<(usize, Row)>,
    mode: Mode,
}

impl Batch {
    /// The queues that its readings come from.
    fn queues(&self) -> Vec<usize> {
        let mut queues: Vec<usize> = self.items.iter().map(|(queue, _)| *queue).collect();
        queues.dedup();
        queues
    }

    fn lines(&self) -> String {
        let mut lines = Lines::default();
        self.items.iter().for_each(|(_, row)| lines.add(row.line));
        lines.places()
    }
}

/// A transaction on its way.
struct Flight {
    batch: Batch,
    transaction: Transaction,
    validity: Validity,
    sent: Instant,
    /// When it was confirmed, if it was: the node may take a moment to show it.
    confirmed: Option<Instant>,
}

/// Room in a transaction.
#[derive(Clone, Copy)]
struct Room {
    /// With one reading.
    first: usize,
    reading: usize,
}

impl Room {
    fn fits(&self, readings: usize, meters: usize) -> bool {
        let more = (readings - 1) * self.reading + (meters - 1) * ADDRESS_SIZE;
        self.first + more <= TRANSACTION_SIZE
    }
}

struct Submission<'a> {
    rpc: &'a Rpc,
    deployment: Deployment,
    reporter: &'a Keypair,
    payer: &'a Keypair,
    price: Option<u64>,
    /// Makes this submission's transactions others than those of another one with the same readings, key and blockhash:
    /// two equal ones would be one, and both would count it.
    salt: u32,
    queues: Vec<Queue>,
    flights: Vec<Flight>,
    /// From this block height on, no transaction from before the start can arrive.
    window_end: u64,
    silent_since: Option<Instant>,
    /// When a transaction arrived last, or, while meters wait for it, a block.
    last_arrival: Instant,
    /// The height at which they waited last.
    last_height: u64,
    summary: Summary,
    progress: ProgressBar,
}

/// Runs the command.
pub async fn run(
    session: &mut Session,
    rows: Vec<Row>,
    bad: Vec<BadLine>,
    strict: bool,
) -> anyhow::Result<()> {
    ensure!(!rows.is_empty(), "the file has no usable reading");
    let deployment = session.deployment().await?;
    let (reporter, payer) = (session.signer()?, session.payer()?);
    let mut summary = Summary {
        dry_run: session.dry_run,
        ..Summary::default()
    };
    for line in &bad {
        eprintln!("skipped {line}");
        let lines = summary.not_sent.entry("lines that can't be used".into());
        lines.or_default().add(line.line);
    }
    let began = Instant::now();
    let queues = prepare(session, &deployment, &reporter, rows, strict, &mut summary).await?;
    let total: usize = queues.iter().map(|queue| queue.rows.len()).sum();
    let height = session.rpc.processed_block_height().await?;
    let window_end = height + BLOCKHASH_BLOCKS + BLOCKS_BEHIND;
    let mut submission = Submission {
        rpc: &session.rpc,
        deployment,
        reporter: &reporter,
        payer: &payer,
        price: session.price,
        salt: distinct(),
        queues,
        flights: Vec::new(),
        window_end,
        silent_since: None,
        last_arrival: Instant::now(),
        last_height: height,
        summary,
        progress: progress_bar(total),
    };
    let ended = if session.dry_run {
        submission.try_all().await
    } else {
        submission.send_all().await
    };
    submission.progress.finish_and_clear();
    let waiting = submission.queues.iter().map(|queue| queue.rows.len());
    let under_way = submission
        .flights
        .iter()
        .map(|flight| flight.batch.items.len());
    let left = waiting.chain(under_way).sum::<usize>() as u64;
    let mut summary = submission.summary;
    summary.left += left;
    summary.elapsed = began.elapsed();
    session.print(&summary)?;
    ended?;
    match summary.not_sent() {
        0 => Ok(()),
        count => bail!("{count} lines were not sent, for the reasons above"),
    }
}

/// Sorts a file's readings by meter, and takes out what need not or can't be sent.
async fn prepare(
    session: &mut Session,
    deployment: &Deployment,
    reporter: &Keypair,
    rows: Vec<Row>,
    strict: bool,
    summary: &mut Summary,
) -> anyhow::Result<Vec<Queue>> {
    let oracle: OracleConfig = read(&mut session.rpc, &deployment.oracle_config()).await?;
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
fn problem(
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

fn not_active(serial: &str) -> String {
    format!("the meter {serial} is not active, send them when it is (grid meter show {serial})")
}

impl Submission<'_> {
    /// Sends everything. Fails if something other than a reading is refused, after all that is on its way has arrived.
    async fn send_all(&mut self) -> anyhow::Result<()> {
        let mut fatal: anyhow::Result<()> = Ok(());
        loop {
            if fatal.is_ok() {
                fatal = self.launch().await;
            }
            if self.flights.is_empty() {
                fatal?;
                if self.queues.iter().all(|queue| queue.rows.is_empty()) {
                    return Ok(());
                }
                fatal = Ok(());
            }
            tokio::time::sleep(POLL).await;
            let landed = self.land().await;
            fatal = fatal.and(landed);
            if fatal.is_ok() {
                fatal = self.unpark().await;
            }
            if self.last_arrival.elapsed() > PATIENCE {
                fatal = fatal.and(Err(anyhow!(
                    "no transaction has arrived for {} s: try a priority fee (--with-compute-unit-price) or another node, and start again",
                    PATIENCE.as_secs()
                )));
                return fatal;
            }
            // What is on its way arrives or not; the next start will see.
            if fatal.is_err()
                && self
                    .silent_since
                    .is_some_and(|since| since.elapsed() > SILENCE)
            {
                return fatal;
            }
        }
    }

    /// Tries every batch by itself, and sends nothing.
    async fn try_all(&mut self) -> anyhow::Result<()> {
        for queue in &mut self.queues {
            queue.lenient_until = i64::MAX;
        }
        while let Some(batch) = self.next_batch() {
            for queue in batch.queues() {
                self.queues[queue].in_flight = false;
            }
            let instructions = self.instructions(&batch);
            let payer = self.payer.pubkey();
            let simulated = match self.rpc.simulate(&payer, &instructions).await {
                Ok(simulated) => simulated,
                Err(error) => {
                    let context = format!("trying the readings of line {}", batch.lines());
                    self.take_back(batch);
                    return Err(anyhow::Error::new(error).context(context));
                }
            };
            self.summary.transactions += 1;
            self.summary.fees += simulated.fee.unwrap_or_default();
            self.summary.compute_units += simulated.receipt.compute_units;
            let rows = batch.items.into_iter().map(|(_, row)| row).collect();
            for (row, verdict) in verdicts(rows, &simulated.receipt.events())? {
                self.summary.count(&row, verdict);
                self.progress.inc(1);
            }
        }
        Ok(())
    }

    /// Signs and sends as many batches as may be on their way.
    async fn launch(&mut self) -> anyhow::Result<()> {
        let mut batches = Vec::new();
        while self.flights.len() + batches.len() < IN_FLIGHT {
            match self.next_batch() {
                Some(batch) => batches.push(batch),
                None => break,
            }
        }
        if batches.is_empty() {
            return Ok(());
        }
        let validity = match self.rpc.validity().await {
            Ok(validity) => validity,
            Err(error) => {
                batches.into_iter().for_each(|batch| self.take_back(batch));
                return self.silent(error.into());
            }
        };
        if self.flights.is_empty() {
            self.silent_since = None;
        }
        let mut launched = Vec::new();
        for batch in batches {
            let signers: [&dyn Signer; 2] = [self.payer, self.reporter];
            let instructions = self.instructions(&batch);
            let transaction = sign(&signers, &instructions, validity.blockhash)?;
            launched.push(Flight {
                batch,
                transaction,
                validity,
                sent: Instant::now(),
                confirmed: None,
            });
        }
        let rpc = self.rpc;
        let answers = join_all(
            launched
                .iter()
                .map(|flight| rpc.submit(&flight.transaction)),
        )
        .await;
        let mut fatal = Ok(());
        for (flight, answer) in launched.into_iter().zip(answers) {
            match answer {
                Ok(())
                | Err(SendError::Refused {
                    error: TransactionError::AlreadyProcessed,
                    ..
                })
                // It may have arrived: its status will tell.
                | Err(SendError::Unreachable(_)) => self.flights.push(flight),
                Err(SendError::Refused {
                    error: TransactionError::BlockhashNotFound,
                    ..
                }) => self.take_back(flight.batch),
                Err(error) => {
                    if let Err(error) = self.refused(flight.batch, error).await {
                        fatal = Err(error);
                    }
                }
            }
        }
        fatal
    }

    /// Looks what has become of the transactions on their way.
    async fn land(&mut self) -> anyhow::Result<()> {
        if self.flights.is_empty() {
            return Ok(());
        }
        let signatures: Vec<_> = self
            .flights
            .iter()
            .map(|flight| flight.transaction.signatures[0])
            .collect();
        // In this order: a transaction without a status when its blockhash has expired can't get one any more.
        let answers = async {
            let height = self.rpc.block_height().await?;
            Ok((height, self.rpc.statuses(&signatures).await?))
        };
        let (height, mut statuses) = match answers.await {
            Ok(answers) => answers,
            Err(error) => return self.silent(error),
        };
        let expired = |flight: &Flight| is_expired(&flight.validity, height);
        let lost: Vec<usize> = (0..self.flights.len())
            .filter(|index| statuses[*index].is_none() && expired(&self.flights[*index]))
            .collect();
        if !lost.is_empty() {
            // The node remembers a few minutes only, unless it is asked for more.
            let asked: Vec<_> = lost.iter().map(|index| signatures[*index]).collect();
            match self.rpc.statuses_in_history(&asked).await {
                Ok(found) => {
                    for (index, status) in lost.into_iter().zip(found) {
                        statuses[index] = status;
                    }
                }
                Err(error) => return self.silent(error.into()),
            }
        }

        let (mut landed, mut waiting, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for (flight, status) in std::mem::take(&mut self.flights).into_iter().zip(statuses) {
            match status {
                Some(status) if self.rpc.is_final_enough(&status) => {
                    landed.push((flight, status.err));
                }
                None if expired(&flight) => {
                    self.summary.expired_transactions += 1;
                    if !flight.batch.mode.strict {
                        // Before its bad readings are sent once more, the chain is asked once more.
                        for queue in flight.batch.queues() {
                            self.queues[queue].parked = true;
                            self.queues[queue].history_read = false;
                        }
                    }
                    self.take_back(flight.batch);
                }
                None if flight.sent.elapsed() > RESEND => again.push(flight),
                _ => waiting.push(flight),
            }
        }
        join_all(
            again
                .iter()
                .map(|flight| self.rpc.submit_again(&flight.transaction)),
        )
        .await;
        for mut flight in again {
            flight.sent = Instant::now();
            waiting.push(flight);
        }
        self.flights = waiting;

        let shown = join_all(
            landed
                .iter()
                .map(|(flight, _)| self.rpc.transaction(&flight.transaction.signatures[0])),
        )
        .await;
        if shown.iter().all(Result::is_ok) {
            self.silent_since = None;
        }
        let mut fatal = Ok(());
        for ((mut flight, error), shown) in landed.into_iter().zip(shown) {
            let done = match (shown, error) {
                (Ok(Some(confirmed)), None) => self.landed(flight.batch, confirmed),
                (Ok(Some(confirmed)), Some(error)) => {
                    self.summary.failed_transactions += 1;
                    self.summary.fees += confirmed.fee;
                    self.last_arrival = Instant::now();
                    let logs = confirmed.receipt.logs;
                    self.refused(flight.batch, SendError::Refused { error, logs })
                        .await
                }
                (Ok(None), _) => {
                    let since = *flight.confirmed.get_or_insert_with(Instant::now);
                    let signature = flight.transaction.signatures[0];
                    self.flights.push(flight);
                    match since.elapsed() > SILENCE {
                        true => Err(anyhow!(
                            "{signature} is confirmed, but {} does not show it: ask a node that keeps transactions",
                            self.rpc.url()
                        )),
                        false => Ok(()),
                    }
                }
                (Err(error), _) => {
                    self.flights.push(flight);
                    self.silent(error)
                }
            };
            fatal = fatal.and(done);
        }
        fatal
    }

    /// Counts what a confirmed transaction did.
    fn landed(&mut self, batch: Batch, confirmed: Confirmed) -> anyhow::Result<()> {
        for queue in batch.queues() {
            self.queues[queue].in_flight = false;
            self.queues[queue].alone = false;
        }
        self.last_arrival = Instant::now();
        self.summary.transactions += 1;
        self.summary.fees += confirmed.fee;
        self.summary.compute_units += confirmed.receipt.compute_units;
        let rows: Vec<Row> = batch.items.into_iter().map(|(_, row)| row).collect();
        let count = rows.len() as u64;
        self.progress.inc(count);
        match verdicts(rows, &confirmed.receipt.events()) {
            Ok(verdicts) => {
                for (row, verdict) in verdicts {
                    self.summary.count(&row, verdict);
                }
                Ok(())
            }
            Err(error) => {
                self.summary.left += count;
                Err(error.context(format!("the log of {}", confirmed.signature)))
            }
        }
    }

    /// Puts a batch that was not processed back where it came from.
    fn take_back(&mut self, batch: Batch) {
        for (queue, row) in batch.items.into_iter().rev() {
            self.queues[queue].rows.push_front(row);
            self.queues[queue].in_flight = false;
        }
    }

    /// Does what a refused batch calls for; fails if it was not because of its readings.
    async fn refused(&mut self, batch: Batch, error: SendError) -> anyhow::Result<()> {
        let (lines, queues) = (batch.lines(), batch.queues());
        let was_strict = batch.mode.strict;
        let last = batch.items.last().map(|(_, row)| row.reading.timestamp);
        self.take_back(batch);
        let reason = match error.grid_error() {
            Some((_, reason)) if was_strict && is_of_a_reading(reason) => reason,
            _ => {
                let context = format!("submitting the readings of line {lines}");
                return Err(anyhow::Error::new(error).context(context));
            }
        };
        // Something from before the start has arrived, or another reporter was faster.
        if reason == GridError::ReadingNotNewer {
            let mut dropped = 0;
            for queue in &queues {
                match self.drop_recorded(*queue).await {
                    Ok(count) => dropped += count,
                    // They are sent again, and refused again.
                    Err(error) => return self.silent(error),
                }
            }
            if dropped > 0 {
                return Ok(());
            }
        }
        match queues[..] {
            [queue] if reason == GridError::MeterNotActive => {
                let queue = &mut self.queues[queue];
                keep_for_later(queue, &mut self.summary, &self.progress);
            }
            [queue] => {
                self.queues[queue].lenient_until = last.unwrap_or(i64::MIN);
                self.queues[queue].parked = true;
            }
            _ => {
                for queue in queues {
                    self.queues[queue].alone = true;
                }
            }
        }
        Ok(())
    }

    /// Lets the waiting meters go on, as soon as nothing from before the start can arrive any more.
    async fn unpark(&mut self) -> anyhow::Result<()> {
        let parked: Vec<usize> = (0..self.queues.len())
            .filter(|queue| self.queues[*queue].parked)
            .collect();
        if parked.is_empty() {
            return Ok(());
        }
        match self.rpc.block_height().await {
            Ok(height) if height > self.window_end => {}
            Ok(height) => {
                self.silent_since = None;
                if height > self.last_height {
                    self.last_height = height;
                    self.last_arrival = Instant::now();
                }
                let blocks = self.window_end - height;
                self.progress.set_message(format!(
                    "{} meters with bad readings wait {blocks} blocks",
                    parked.len()
                ));
                return Ok(());
            }
            Err(error) => return self.silent(error.into()),
        }
        self.progress.set_message("");
        for queue in parked {
            if let Err(error) = self.drop_known(queue).await {
                return self.silent(error);
            }
            self.queues[queue].parked = false;
            self.last_arrival = Instant::now();
        }
        self.silent_since = None;
        Ok(())
    }

    /// Takes out everything of a meter that the chain has by now.
    async fn drop_known(&mut self, queue: usize) -> anyhow::Result<()> {
        self.drop_recorded(queue).await?;
        self.drop_rejected(queue).await
    }

    /// Takes out what a meter's account has by now. Returns how many readings those were.
    async fn drop_recorded(&mut self, queue: usize) -> anyhow::Result<usize> {
        let queue = &mut self.queues[queue];
        let account = self.rpc.get(&queue.address).await?;
        let account = account.with_context(|| format!("the meter {} is gone", queue.serial))?;
        let meter: Meter =
            decode(&account).map_err(|problem| anyhow!("{} {problem}", queue.address))?;
        let is_known = |row: &Row| row.reading.timestamp <= meter.last_reading_at;
        let (summary, progress) = (&mut self.summary, &self.progress);
        let dropped = drop_rows(queue, is_known, NOT_NEWER, summary, progress);
        if !meter.is_active() {
            keep_for_later(queue, summary, progress);
        }
        Ok(dropped)
    }

    /// Takes out what was recorded as rejected before the start, as the meter's transactions tell. What is older than the
    /// last accepted reading is out already.
    async fn drop_rejected(&mut self, queue: usize) -> anyhow::Result<()> {
        let queue = &mut self.queues[queue];
        if queue.history_read {
            return Ok(());
        }
        let mut rejected: Vec<Reading> = Vec::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
        let page = self
            .rpc
            .signatures(&queue.address, None, None, HISTORY)
            .await?;
        for status in page.iter().filter(|status| status.err.is_none()) {
            let signature = &status.signature;
            let Some(confirmed) = self.rpc.transaction(&signature.parse()?).await? else {
                // What a node doesn't keep is older than what this is about.
                let is_recent = status.block_time.is_none_or(|time| now - time < RECENT);
                ensure!(
                    !is_recent,
                    "{} does not show {signature} yet",
                    self.rpc.url()
                );
                break;
            };
            let mut is_older_than_the_last = false;
            for logged in logs::events(&confirmed.receipt.logs) {
                match logged.event {
                    _ if logged.program != self.deployment.registry_program => {}
                    Event::MeterReadingRecorded(event) if event.meter_id == queue.id => {
                        is_older_than_the_last = true;
                    }
                    Event::MeterReadingRejected(event)
                        if event.meter_id == queue.id && is_for_good(event.reason) =>
                    {
                        rejected.push(Reading {
                            timestamp: event.timestamp,
                            generation_register: event.generation_register,
                            consumption_register: event.consumption_register,
                        });
                    }
                    _ => {}
                }
            }
            if is_older_than_the_last {
                break;
            }
        }
        queue.history_read = true;
        let is_known = |row: &Row| rejected.contains(&row.reading);
        drop_rows(
            queue,
            is_known,
            REJECTED_BEFORE,
            &mut self.summary,
            &self.progress,
        );
        Ok(())
    }

    /// Goes on if the node has not been silent for too long.
    fn silent(&mut self, error: anyhow::Error) -> anyhow::Result<()> {
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        match since.elapsed() > SILENCE {
            true => {
                Err(error.context("start again when the cluster answers: nothing is sent twice"))
            }
            false => Ok(()),
        }
    }

    /// The next batch, as large as fits: of the first meter that is ready, and of others while there is room.
    fn next_batch(&mut self) -> Option<Batch> {
        let first = self.queues.iter().position(Queue::is_ready)?;
        let mode = self.queues[first].mode()?;
        let room = self.room(first, mode);
        let is_alone = self.queues[first].alone;
        let mut items: Vec<(usize, Row)> = Vec::new();
        let mut meters = 0;
        for (index, queue) in self.queues.iter_mut().enumerate().skip(first) {
            if !queue.is_ready() || (index != first && queue.alone) {
                continue;
            }
            if !items.is_empty() && !room.fits(items.len() + 1, meters + 1) {
                break;
            }
            meters += 1;
            while queue.mode() == Some(mode)
                && (items.is_empty() || room.fits(items.len() + 1, meters))
            {
                items.extend(queue.rows.pop_front().map(|row| (index, row)));
                queue.in_flight = true;
            }
            if !queue.in_flight {
                meters -= 1;
            }
            if is_alone {
                break;
            }
        }
        Some(Batch { items, mode })
    }

    /// How large a transaction is, measured with one reading.
    fn room(&self, queue: usize, mode: Mode) -> Room {
        let row = self.queues[queue].rows[0].clone();
        let one = Batch {
            items: vec![(queue, row)],
            mode,
        };
        let transaction =
            Transaction::new_with_payer(&self.instructions(&one), Some(&self.payer.pubkey()));
        let size = bincode::serialized_size(&transaction).unwrap_or(u64::MAX) as usize;
        Room {
            // Lengths from 128 on take another byte: that of each instruction's data.
            first: size + if mode.signed { 2 } else { 1 },
            reading: READING_SIZE + if mode.signed { SIGNED_SIZE } else { 0 },
        }
    }

    /// A batch's instructions.
    fn instructions(&self, batch: &Batch) -> Vec<Instruction> {
        let reporter = self.reporter.pubkey();
        let readings: Vec<(Pubkey, Reading)> = batch
            .items
            .iter()
            .map(|(queue, row)| (self.queues[*queue].address, row.reading))
            .collect();
        let strict = batch.mode.strict;
        let submit = if batch.mode.signed {
            let signed: Vec<_> = batch
                .items
                .iter()
                .filter_map(|(queue, row)| {
                    let queue = &self.queues[*queue];
                    let registry = &self.deployment.registry_program;
                    let message = message(registry, &queue.id, &row.reading);
                    Some((queue.device_key, row.signature?.into(), message))
                })
                .collect();
            let submit = submit_signed_readings(
                &self.deployment.oracle_program,
                &reporter,
                &self.deployment.registry_program,
                strict,
                &readings,
            );
            vec![precompile(&signed), submit]
        } else {
            vec![self
                .deployment
                .submit_readings(&reporter, strict, &readings)]
        };
        let units = BASE_UNITS + READING_UNITS * readings.len() as u32 + self.salt;
        with_budget(&submit, units, self.price)
    }
}

/// Takes a meter's readings out that the chain knows. Returns how many those were.
fn drop_rows(
    queue: &mut Queue,
    is_known: impl Fn(&Row) -> bool,
    reason: &str,
    summary: &mut Summary,
    progress: &ProgressBar,
) -> usize {
    let (known, rest): (VecDeque<Row>, VecDeque<Row>) = std::mem::take(&mut queue.rows)
        .into_iter()
        .partition(is_known);
    queue.rows = rest;
    for row in &known {
        summary.skip(reason, row);
        progress.inc(1);
    }
    known.len()
}

/// Gives up the readings of a meter that is not active any more. Sent, they would be recorded as rejected; not sent, they
/// can be when it is active again.
fn keep_for_later(queue: &mut Queue, summary: &mut Summary, progress: &ProgressBar) {
    for row in std::mem::take(&mut queue.rows) {
        summary.not_send(not_active(&row.serial), &row);
        progress.inc(1);
    }
}

/// Whether an error is about a reading.
fn is_of_a_reading(error: GridError) -> bool {
    error == GridError::MeterNotActive || (101..=109).contains(&error.code())
}

/// Whether a rejection is for what the reading says of the meter: others cost it no quality, or may be over by now.
fn is_for_good(reason: u16) -> bool {
    ![
        GridError::MeterNotActive,
        GridError::ReadingNotNewer,
        GridError::ReadingInFuture,
        GridError::UnsignedReading,
    ]
    .iter()
    .any(|passing| passing.code() == u32::from(reason))
}

fn progress_bar(length: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(
        "{wide_bar} {pos}/{len} readings, {per_sec}, {eta} left {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length as u64).with_style(style)
}
