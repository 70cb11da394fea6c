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

mod batch;
mod known;
mod prepare;
mod summary;

use std::time::Instant;

use anyhow::{anyhow, bail, ensure};
use futures_util::future::join_all;
use gridtoken_client::{
    cluster::SendError,
    deployment::Deployment,
    readings::{BadLine, Row},
    rpc::{
        distinct, is_expired, sign, with_budget, Confirmed, Rpc, Validity, BLOCKS_BEHIND, PATIENCE,
        POLL, RESEND, SILENCE,
    },
    terminal::progress_bar,
    transaction::Room,
    verdict::verdicts,
};
use indicatif::ProgressBar;
use oracle_program::{
    instruction::submit_signed_readings,
    signature::{message, precompile},
};
use shared_state::{reading::Reading, GridError};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use solana_transaction::{Transaction, TransactionError};

use crate::session::Session;
use batch::{keep_for_later, Batch, Mode, Queue};
use prepare::prepare;
use summary::Summary;

/// Compute units of a submission of one reading and of each further one, in the most expensive case that
/// `tests/bench/costs.md` has (36 of one meter, most of them late), with a tenth more; and of the two instructions that
/// set the limit and the price.
const BASE_UNITS: u32 = 3_000 + 300;
const READING_UNITS: u32 = 860;

/// Transactions that are on their way at the same time.
const IN_FLIGHT: usize = 32;
/// For how many blocks a blockhash is valid.
const BLOCKHASH_BLOCKS: u64 = 150;

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
        progress: progress_bar(total as u64, "readings"),
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

    /// How much fits into a transaction with this queue's next reading.
    fn room(&self, queue: usize, mode: Mode) -> Room {
        let row = self.queues[queue].rows[0].clone();
        let one = Batch {
            items: vec![(queue, row)],
            mode,
        };
        Room::new(&self.payer.pubkey(), &self.instructions(&one), mode.signed)
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

/// Whether an error is about a reading.
fn is_of_a_reading(error: GridError) -> bool {
    error == GridError::MeterNotActive || (101..=109).contains(&error.code())
}
