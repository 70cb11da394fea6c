//! A day of many meters on an embedded bank: readings from several gateways and settlements by the owners, mixed, with the
//! invariants audited at the end.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use anyhow::{ensure, Context};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use registry_program::instruction::{settle_many_and_mint_tokens, RegisterMeter};
use shared_state::{
    event::Event,
    reading::Reading,
    state::{meter_id, MeterStatus, Rules},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use spl_associated_token_account::instruction::create_associated_token_account;

use crate::{
    audit::audit,
    cluster::{Receipt, Sender},
    deployment::Deployment,
    embedded::{program_folder, EmbeddedBank, Genesis},
    sample::{sun_w, Random},
};

/// When the simulated day begins: midnight of 21 June 2026 (UTC).
const MIDNIGHT: i64 = 1_782_000_000;
/// Readings in a transaction: as many meters as fit into a legacy one.
const BATCH: usize = 16;
/// Meters of each owner.
const METERS_PER_OWNER: usize = 4;
const GENERATION_CAPACITY_W: u32 = 10_000;
const CONSUMPTION_CAPACITY_W: u32 = 25_000;

/// How much load.
#[derive(Args, Clone, Copy, Debug)]
pub struct Load {
    /// Number of meters
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    meters: u32,
    /// Number of gateways that submit their readings
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=16))]
    reporters: u32,
    /// Simulated time in hours, from midnight on
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=168))]
    hours: u32,
    /// Minutes between two readings of a meter
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=60))]
    interval: u32,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Transactions, without those that set everything up.
    pub transactions: u64,
    /// Readings that were accepted.
    pub accepted: u64,
    /// Readings that were rejected.
    pub rejected: u64,
    /// Meters' settlements.
    pub settlements: u64,
    /// Compute units of all transactions.
    pub compute_units: u64,
}

struct LoadMeter {
    address: Pubkey,
    reading: Reading,
    peak_w: u64,
    base_w: u64,
}

struct Owner {
    key: Keypair,
    meters: Vec<Pubkey>,
}

/// Runs it, and writes what happens to `out`. Fails if anything is refused that shouldn't be, if a reading gets lost, or if
/// the audit finds something.
pub async fn run(load: Load, out: &mut impl Write) -> anyhow::Result<Totals> {
    let mut run = Run::start(load).await?;
    let setup = Instant::now();
    run.register(load.meters as usize).await?;
    writeln!(
        out,
        "{} meters of {} owners registered in {:.1} s",
        run.meters.len(),
        run.owners.len(),
        setup.elapsed().as_secs_f64()
    )?;
    let steps = u64::from(load.hours) * 60 / u64::from(load.interval);
    let began = Instant::now();
    let progress = progress_bar(steps);
    for step in 1..=steps {
        run.step(step, steps, i64::from(load.interval) * 60).await?;
        progress.inc(1);
    }
    run.settle(0..run.owners.len()).await?;
    progress.finish_and_clear();
    let elapsed = began.elapsed();
    run.report(elapsed, steps, out).await?;
    Ok(run.totals)
}

struct Run {
    bank: EmbeddedBank,
    deployment: Deployment,
    authority: Keypair,
    reporters: Vec<Keypair>,
    meters: Vec<LoadMeter>,
    owners: Vec<Owner>,
    random: Random,
    totals: Totals,
}

impl Run {
    async fn start(load: Load) -> anyhow::Result<Self> {
        let deployment = Deployment {
            oracle_program: Keypair::new().pubkey(),
            registry_program: Keypair::new().pubkey(),
            token_program: Keypair::new().pubkey(),
        };
        let authority = Keypair::new();
        let reporters: Vec<Keypair> = (0..load.reporters).map(|_| Keypair::new()).collect();
        let mut genesis = Genesis::new();
        genesis.add_deployment(&deployment, &program_folder()?, &authority.pubkey())?;
        for key in reporters.iter().chain([&authority]) {
            genesis.fund(&key.pubkey());
        }
        let mut run = Self {
            bank: genesis.start().await,
            deployment,
            authority,
            reporters,
            meters: Vec::new(),
            owners: Vec::new(),
            random: Random(2026),
            totals: Totals::default(),
        };
        run.bank.set_time(MIDNIGHT).await?;
        let key = run.authority.pubkey();
        let mut instructions = deployment
            .initialize(&key, &key, Rules::default(), 5_000)
            .to_vec();
        for reporter in &run.reporters {
            instructions.push(deployment.add_reporter(&key, &reporter.pubkey()));
        }
        for instruction in instructions {
            run.as_authority(&[instruction]).await?;
        }
        Ok(run)
    }

    async fn as_authority(&mut self, instructions: &[Instruction]) -> anyhow::Result<Receipt> {
        Ok(self.bank.send(&self.authority, &[], instructions).await?)
    }

    async fn register(&mut self, count: usize) -> anyhow::Result<()> {
        let key = self.authority.pubkey();
        for index in 0..count {
            let mut instructions = Vec::new();
            if index % METERS_PER_OWNER == 0 {
                let owner = Keypair::new();
                instructions.push(create_associated_token_account(
                    &key,
                    &owner.pubkey(),
                    &self.deployment.mint(),
                    &spl_token::ID,
                ));
                self.owners.push(Owner {
                    key: owner,
                    meters: Vec::new(),
                });
            }
            let owner = self.owners.last_mut().context("no owner")?;
            let id = meter_id(&format!("LOAD-{index:07}"))?;
            let address = self.deployment.meter(&id);
            owner.meters.push(address);
            let reading = Reading {
                timestamp: MIDNIGHT,
                generation_register: self.random.below(9_000_000),
                consumption_register: self.random.below(9_000_000),
            };
            let args = RegisterMeter {
                meter_id: id,
                owner: owner.key.pubkey(),
                device_key: Pubkey::default(),
                generation_register: reading.generation_register,
                consumption_register: reading.consumption_register,
                generation_capacity_w: GENERATION_CAPACITY_W,
                consumption_capacity_w: CONSUMPTION_CAPACITY_W,
            };
            instructions.push(self.deployment.register_meter(&key, &key, args));
            instructions.push(self.deployment.set_meter_status(
                &key,
                &address,
                MeterStatus::Active,
            ));
            self.as_authority(&instructions).await?;
            self.meters.push(LoadMeter {
                address,
                reading,
                peak_w: 2_000 + self.random.below(6_000),
                base_w: 100 + self.random.below(500),
            });
        }
        Ok(())
    }

    /// One interval: a reading of each meter, in batches from the gateways in turn, and between them the settlements of
    /// this interval's share of the owners.
    async fn step(&mut self, step: u64, steps: u64, seconds: i64) -> anyhow::Result<()> {
        let now = MIDNIGHT + step as i64 * seconds;
        self.bank.set_time(now).await?;
        // The sample's curve has 96 steps a day.
        let quarter = (step * seconds as u64 / 900) % 96;
        for meter in &mut self.meters {
            let cloud = 60 + self.random.below(41);
            let generation_w = sun_w(meter.peak_w, quarter) * cloud / 100;
            let consumption_w = meter.base_w + self.random.below(800);
            meter.reading.timestamp = now;
            meter.reading.generation_register += generation_w * seconds as u64 / 3_600;
            meter.reading.consumption_register += consumption_w * seconds as u64 / 3_600;
        }
        let batches: Vec<Vec<(Pubkey, Reading)>> = self
            .meters
            .chunks(BATCH)
            .map(|batch| {
                batch
                    .iter()
                    .map(|meter| (meter.address, meter.reading))
                    .collect()
            })
            .collect();
        let share = |step: u64| (self.owners.len() as u64 * step / steps) as usize;
        let (first, last) = (share(step - 1), share(step));
        let mut settled = first;
        for (index, batch) in batches.iter().enumerate() {
            let reporter = &self.reporters[index % self.reporters.len()];
            let submit = self
                .deployment
                .submit_readings(&reporter.pubkey(), false, batch);
            let receipt = self.bank.send(reporter, &[], &[submit]).await?;
            self.count(&receipt);
            let until = first + (last - first) * (index + 1) / batches.len();
            self.settle(settled..until).await?;
            settled = until;
        }
        Ok(())
    }

    /// Settles all meters of these owners, as far as there is anything to settle.
    async fn settle(&mut self, owners: std::ops::Range<usize>) -> anyhow::Result<()> {
        for index in owners {
            let owner = &self.owners[index];
            let key = owner.key.pubkey();
            let settle = settle_many_and_mint_tokens(
                &self.deployment.registry_program,
                &owner.meters,
                &key,
                &self.deployment.token_program,
                &self.deployment.grid_account(&key),
            );
            match self
                .bank
                .send(&self.authority, &[&owner.key], &[settle])
                .await
            {
                Ok(receipt) => self.count(&receipt),
                // By night.
                Err(refusal)
                    if matches!(
                        refusal.grid_error(),
                        Some((_, GridError::InsufficientBalance))
                    ) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Ok(())
    }

    fn count(&mut self, receipt: &Receipt) {
        self.totals.transactions += 1;
        self.totals.compute_units += receipt.compute_units;
        for event in receipt.events() {
            match event {
                Event::MeterReadingRecorded(_) => self.totals.accepted += 1,
                Event::MeterReadingRejected(_) => self.totals.rejected += 1,
                Event::MeterBalanceSettled(_) => self.totals.settlements += 1,
                _ => {}
            }
        }
    }

    async fn report(
        &mut self,
        elapsed: Duration,
        steps: u64,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let Totals {
            transactions,
            accepted,
            rejected,
            settlements,
            compute_units,
        } = self.totals;
        let seconds = elapsed.as_secs_f64();
        writeln!(
            out,
            "{steps} intervals from {} gateways in {seconds:.1} s: {accepted} readings accepted, {rejected} rejected, {settlements} settlements",
            self.reporters.len()
        )?;
        writeln!(
            out,
            "{transactions} transactions, {compute_units} compute units; {:.0} transactions and {:.0} readings per second; peak memory {} MB",
            transactions as f64 / seconds,
            accepted as f64 / seconds,
            peak_memory_mb().map_or("unknown".into(), |mb| mb.to_string())
        )?;
        let audit = audit(&mut self.bank, &self.deployment).await?;
        audit.write(out)?;
        ensure!(audit.findings.is_empty(), "the audit found something");
        ensure!(audit.burned_otherwise() == 0, "GRID is missing");
        let sent = steps * self.meters.len() as u64;
        ensure!(
            accepted + rejected == sent,
            "{sent} readings were sent, but {accepted} accepted and {rejected} rejected"
        );
        Ok(())
    }
}

/// The most memory that this process has had at once.
fn peak_memory_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes / 1_000)
}

fn progress_bar(steps: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} intervals, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps).with_style(style)
}
