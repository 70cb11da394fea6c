//! A day of many meters on an embedded bank: readings from several gateways and settlements by the owners, mixed, with the
//! invariants audited at the end.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{ensure, Context};
use clap::Args;
use gridtoken_client::{audit::audit, cluster::Receipt, terminal::progress_bar, transaction::Room};
use registry_program::instruction::settle_many_and_mint_tokens;
use shared_state::{event::Event, quantity::Wh, reading::Reading, GridError};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use crate::{
    sample::{sun_w, Random, MIDNIGHT},
    world::{World, HOUSE},
};

/// Meters of each owner.
const METERS_PER_OWNER: usize = 4;

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
    let progress = progress_bar(steps, "intervals");
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
    world: World,
    reporters: Vec<Keypair>,
    /// Readings in a transaction: as many meters as fit.
    batch: usize,
    meters: Vec<LoadMeter>,
    owners: Vec<Owner>,
    random: Random,
    totals: Totals,
}

impl Run {
    async fn start(load: Load) -> anyhow::Result<Self> {
        let reporters: Vec<Keypair> = (0..load.reporters).map(|_| Keypair::new()).collect();
        let world = World::new(MIDNIGHT, &reporters).await?;
        let room = Room::of_submission(&world.deployment, &reporters[0].pubkey());
        Ok(Self {
            world,
            batch: room.most_meters(),
            reporters,
            meters: Vec::new(),
            owners: Vec::new(),
            random: Random(2026),
            totals: Totals::default(),
        })
    }

    async fn register(&mut self, count: usize) -> anyhow::Result<()> {
        for index in 0..count {
            if index % METERS_PER_OWNER == 0 {
                self.owners.push(Owner {
                    key: Keypair::new(),
                    meters: Vec::new(),
                });
            }
            let owner = self.owners.last_mut().context("no owner")?;
            let reading = Reading {
                timestamp: MIDNIGHT,
                generation_register: Wh(self.random.below(9_000_000)),
                consumption_register: Wh(self.random.below(9_000_000)),
            };
            let address = self
                .world
                .register(
                    &format!("LOAD-{index:07}"),
                    &owner.key.pubkey(),
                    &reading,
                    &HOUSE,
                )
                .await?;
            owner.meters.push(address);
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
        self.world.bank.set_time(now).await?;
        // The sample's curve has 96 steps a day.
        let quarter = (step * seconds as u64 / 900) % 96;
        for meter in &mut self.meters {
            let cloud = 60 + self.random.below(41);
            let generation_w = sun_w(meter.peak_w, quarter) * cloud / 100;
            let consumption_w = meter.base_w + self.random.below(800);
            meter.reading.timestamp = now;
            meter.reading.generation_register.0 += generation_w * seconds as u64 / 3_600;
            meter.reading.consumption_register.0 += consumption_w * seconds as u64 / 3_600;
        }
        let batches: Vec<Vec<(Pubkey, Reading)>> = self
            .meters
            .chunks(self.batch)
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
                .world
                .deployment
                .submit_readings(&reporter.pubkey(), false, batch);
            let receipt = self.world.bank.send(reporter, &[], &[submit]).await?;
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
            let World {
                bank,
                deployment,
                payer,
                ..
            } = &mut self.world;
            let settle = settle_many_and_mint_tokens(
                &deployment.registry_program,
                &owner.meters,
                &key,
                &deployment.token_program,
                &deployment.grid_account(&key),
            );
            match bank.send(payer, &[&owner.key], &[settle]).await {
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
        let audit = audit(&self.world.bank, &self.world.deployment).await?;
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
