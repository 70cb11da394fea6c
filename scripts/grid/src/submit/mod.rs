//! A file of readings on its way to a cluster.
//!
//! Each meter's readings go in order, a transaction at a time; those of different meters go at the same time, in batches as
//! large as fit. Nothing is kept on this side: what the chain has already, the meters' accounts tell, so a submission can
//! be stopped at any point and started again. A reading that arrives twice, because a transaction of the stopped one was
//! still on its way, counts once: the second time it is not newer. One that is rejected twice costs its meter quality
//! once. So bad readings are sent like good ones, and the chain says what it makes of them.
//!
//! Exit codes: 0 if all that the file says is on the chain, or need not be (twice, too old, thinned); 1 if something is
//! missing (rejected, not sent, left, lines that can't be used); 2 for wrong arguments; 3 if the cluster doesn't answer.

mod batch;
mod prepare;
mod summary;

use std::{collections::BTreeMap, time::Instant};

use anyhow::{anyhow, bail, ensure};
use futures_util::future::join_all;
use gridtoken_client::{
    cluster::{decode, in_use, Cluster, SendError},
    deployment::Deployment,
    readings::{BadLine, Row},
    remedy::Patient,
    rpc::{
        distinct, is_expired, sign, with_budget, Confirmed, Rpc, Validity, PATIENCE, POLL, RESEND,
        SILENCE,
    },
    terminal::progress_bar,
    transaction::{fits, Room},
    verdict::verdicts,
};
use indicatif::ProgressBar;
use oracle_program::{
    instruction::submit_signed_readings,
    signature::{message, precompile, Scheme, SignedMessage},
};
use shared_state::{
    event::Event,
    reading::{Reading, RejectReason},
    state::{Meter, Rules},
};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use solana_transaction::{Transaction, TransactionError};

use crate::session::Session;
use batch::{Batch, Queue, Unit};
use prepare::{prepare, Judge};
use summary::Summary;

/// Compute units of a submission of one reading and of each further one, in the most expensive case that
/// `tests/bench/costs.md` has (36 of one meter, most of them late), with a tenth more; and of the two instructions that
/// set the limit and the price.
const BASE_UNITS: u32 = 3_000 + 300;
const READING_UNITS: u32 = 860;
/// Compute units of each signature beside its readings.
const SIGNATURE_UNITS: u32 = 600;
/// The most signatures that an instruction of the Secp256r1 program can have.
const P256_SIGNATURES: usize = 8;

/// Transactions that are on their way at the same time.
const IN_FLIGHT: usize = 32;
/// A transaction on its way.
struct Flight {
    batch: Batch,
    transaction: Transaction,
    validity: Validity,
    sent: Instant,
    /// When it was confirmed, if it was: the node may take a moment to show it.
    confirmed: Option<Instant>,
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
    /// The last rejected reading of each queue that says something about its meter.
    rejected: BTreeMap<usize, (RejectReason, Reading)>,
    silent_since: Option<Instant>,
    /// When a transaction arrived last.
    last_arrival: Instant,
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
    ensure!(
        !rows.is_empty() || !bad.is_empty(),
        "the file has no readings"
    );
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
    let judge = Judge::new(session, &deployment, &reporter).await?;
    let queues = prepare(session, &judge, rows, strict, &mut summary).await?;
    let total: usize = queues.iter().map(Queue::len).sum();
    let mut submission = Submission {
        rpc: &session.rpc,
        deployment,
        reporter: &reporter,
        payer: &payer,
        price: session.price,
        salt: distinct(),
        queues,
        flights: Vec::new(),
        rejected: BTreeMap::new(),
        silent_since: None,
        last_arrival: Instant::now(),
        summary,
        progress: progress_bar(total as u64, "readings"),
    };
    let ended = if session.dry_run {
        submission.try_all().await
    } else {
        submission.send_all().await
    };
    submission.progress.finish_and_clear();
    let looked = match &ended {
        Ok(()) => submission.look_for_remedies(&judge.oracle.rules).await,
        Err(_) => Ok(()),
    };
    let waiting = submission.queues.iter().map(Queue::len);
    let under_way = submission.flights.iter().map(|flight| flight.batch.len());
    let left = waiting.chain(under_way).sum::<usize>() as u64;
    let mut summary = submission.summary;
    summary.left += left;
    summary.elapsed = began.elapsed();
    session.print(&summary)?;
    ended?;
    looked?;
    match summary.missing() {
        None => Ok(()),
        Some(missing) => bail!("{missing}"),
    }
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
                if self.queues.iter().all(|queue| queue.units.is_empty()) {
                    return Ok(());
                }
                fatal = Ok(());
            }
            tokio::time::sleep(POLL).await;
            let landed = self.land().await;
            fatal = fatal.and(landed);
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
            self.count(&batch, &simulated.receipt.events())?;
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
                    fatal = Err(self.refused(flight.batch, error));
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
                    Err(self.refused(flight.batch, SendError::Refused { error, logs }))
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
        }
        self.last_arrival = Instant::now();
        self.summary.transactions += 1;
        self.summary.fees += confirmed.fee;
        self.summary.compute_units += confirmed.receipt.compute_units;
        let counted = self.count(&batch, &confirmed.receipt.events());
        counted.map_err(|error| {
            self.summary.left += batch.len() as u64;
            error.context(format!("the log of {}", confirmed.signature))
        })
    }

    /// Counts what the chain made of a batch.
    fn count(&mut self, batch: &Batch, events: &[Event]) -> anyhow::Result<()> {
        let rows: Vec<Row> = batch.rows().map(|(_, row)| row.clone()).collect();
        for (row, verdict) in verdicts(rows, events)? {
            self.progress.inc(1);
            let reason = self.summary.count(&row, verdict);
            let queue = batch.rows().find(|(_, other)| **other == row);
            let (Some(reason), Some((queue, _))) = (reason, queue) else {
                continue;
            };
            if reason == RejectReason::MeterNotActive {
                let queue = &mut self.queues[queue];
                queue.keep_for_later(&mut self.summary, &self.progress);
            } else {
                let last = self.rejected.entry(queue).or_insert((reason, row.reading));
                if last.1.timestamp <= row.reading.timestamp {
                    *last = (reason, row.reading);
                }
            }
        }
        Ok(())
    }

    /// Looks what mends the meters whose last readings were rejected.
    async fn look_for_remedies(&mut self, rules: &Rules) -> anyhow::Result<()> {
        let rejected: Vec<_> = std::mem::take(&mut self.rejected)
            .into_iter()
            .filter(|(_, (reason, _))| reason.costs_quality())
            .collect();
        for some in rejected.chunks(100) {
            let addresses: Vec<Pubkey> = some
                .iter()
                .map(|(queue, _)| self.queues[*queue].address)
                .collect();
            let accounts = self.rpc.accounts(&addresses).await?;
            for ((queue, (reason, reading)), account) in some.iter().zip(accounts) {
                let Some(account) = in_use(account) else {
                    continue;
                };
                let queue = &self.queues[*queue];
                let meter: Meter =
                    decode(&account).map_err(|problem| anyhow!("{} {problem}", queue.address))?;
                let patient = Patient {
                    serial: &queue.serial,
                    meter: &meter,
                    rules,
                };
                let remedies = patient.of_rejection(*reason, reading);
                if !remedies.is_empty() {
                    self.summary.remedies.insert(queue.serial.clone(), remedies);
                }
            }
        }
        Ok(())
    }

    /// Puts a batch that was not processed back where it came from.
    fn take_back(&mut self, batch: Batch) {
        for (queue, unit) in batch.items.into_iter().rev() {
            self.queues[queue].units.push_front(unit);
            self.queues[queue].in_flight = false;
        }
    }

    /// Why a batch was refused as a whole: not because of its readings, which are recorded as rejected.
    fn refused(&mut self, batch: Batch, error: SendError) -> anyhow::Error {
        let context = format!("submitting the readings of line {}", batch.lines());
        self.take_back(batch);
        anyhow::Error::new(error).context(context)
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
        loop {
            let first = self.queues.iter().position(Queue::is_ready)?;
            let scheme = self.queues[first].scheme();
            let batch = match scheme {
                None => self.unsigned_batch(first),
                Some(scheme) => self.signed_batch(first, scheme),
            };
            if batch.is_some() {
                return batch;
            }
        }
    }

    /// Readings that nobody signs.
    fn unsigned_batch(&mut self, first: usize) -> Option<Batch> {
        let unit = self.queues[first].units.front()?.clone();
        let one = Batch {
            items: vec![(first, unit)],
            scheme: None,
        };
        let room = Room::new(&self.payer.pubkey(), &self.instructions(&one));
        let mut items: Vec<(usize, Unit)> = Vec::new();
        let mut meters = 0;
        for (index, queue) in self.queues.iter_mut().enumerate().skip(first) {
            if !queue.is_ready() || queue.scheme().is_some() {
                continue;
            }
            if !items.is_empty() && !room.fits(items.len() + 1, meters + 1) {
                break;
            }
            meters += 1;
            while items.is_empty() || room.fits(items.len() + 1, meters) {
                let Some(unit) = queue.units.pop_front() else {
                    break;
                };
                items.push((index, unit));
                queue.in_flight = true;
            }
        }
        Some(Batch {
            items,
            scheme: None,
        })
    }

    /// Signatures of one scheme, with all that each covers; none if the first one covers more than fits.
    fn signed_batch(&mut self, first: usize, scheme: Scheme) -> Option<Batch> {
        let mut batch = Batch {
            items: Vec::new(),
            scheme: Some(scheme),
        };
        let most = match scheme {
            Scheme::Ed25519 => usize::MAX,
            Scheme::Secp256r1 => P256_SIGNATURES,
        };
        'meters: for index in first..self.queues.len() {
            if !self.queues[index].is_ready() || self.queues[index].scheme() != Some(scheme) {
                continue;
            }
            while let Some(unit) = self.queues[index].units.pop_front() {
                batch.items.push((index, unit));
                let is_full = batch.items.len() > most
                    || !fits(&self.payer.pubkey(), &self.instructions(&batch));
                if !is_full {
                    self.queues[index].in_flight = true;
                    continue;
                }
                let Some((_, unit)) = batch.items.pop() else {
                    break;
                };
                if batch.items.is_empty() {
                    let reason = format!(
                        "its signature covers {} readings, more than a transaction has room for: sign fewer at once (grid readings sign --per-signature)",
                        unit.rows.len()
                    );
                    for row in &unit.rows {
                        self.summary.not_send(reason.clone(), row);
                        self.progress.inc(1);
                    }
                    return None;
                }
                self.queues[index].units.push_front(unit);
                break 'meters;
            }
        }
        Some(batch)
    }

    /// A batch's instructions.
    fn instructions(&self, batch: &Batch) -> Vec<Instruction> {
        let reporter = self.reporter.pubkey();
        let readings = batch.len() as u32;
        let mut units = BASE_UNITS + READING_UNITS * readings + self.salt;
        let submit = if let Some(scheme) = batch.scheme {
            units += SIGNATURE_UNITS * batch.items.len() as u32;
            let registry = &self.deployment.registry_program;
            let mut signed = Vec::new();
            let mut meters = Vec::new();
            for (queue, unit) in &batch.items {
                let queue = &self.queues[*queue];
                signed.push(SignedMessage {
                    key_type: queue.device.kind,
                    key: queue.device.key,
                    signature: unit.signature.unwrap_or_default().into(),
                    message: message(registry, &queue.id, &unit.readings()),
                });
                meters.push(queue.address);
            }
            let oracle = &self.deployment.oracle_program;
            vec![
                precompile(scheme, &signed),
                submit_signed_readings(oracle, &reporter, registry, false, &meters),
            ]
        } else {
            let readings: Vec<(Pubkey, Reading)> = batch
                .rows()
                .map(|(queue, row)| (self.queues[queue].address, row.reading))
                .collect();
            vec![self.deployment.submit_readings(&reporter, false, &readings)]
        };
        with_budget(&submit, units, self.price)
    }
}
