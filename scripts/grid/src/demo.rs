//! The whole flow on an embedded bank: from a file of readings to GRID in the owners' wallets.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
};

use anyhow::{ensure, Context};
use indicatif::{ProgressBar, ProgressStyle};
use registry_program::instruction::RegisterMeter;
use shared_state::{
    reading::Reading,
    state::{meter_id, Meter, MeterStatus, Rules},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{program_pack::Pack, pubkey::Pubkey};
use solana_signer::Signer;
use spl_associated_token_account::instruction::create_associated_token_account;

use crate::{
    audit::audit,
    cluster::{read, Cluster, Sender, TRANSACTION_SIZE},
    deployment::Deployment,
    embedded::{program_folder, EmbeddedBank, Genesis},
    format::{flag_names, grid, kwh, percent, write_table},
    readings::{format_time, BadLine, Row},
    submit::{reason_name, verdicts, Verdict, ADDRESS_SIZE, READING_SIZE},
};

/// Rated power that the demo registers each meter with: a roof of 10 kW ...
const GENERATION_CAPACITY_W: u32 = 10_000;
/// ... behind a connection of 25 kW.
const CONSUMPTION_CAPACITY_W: u32 = 25_000;
/// Minimum quality of the demo's registry (bps).
const MINIMUM_QUALITY: u16 = 5_000;

/// What a SubmitReadings that its reporter pays for takes of a transaction without its readings: signature, header, five
/// addresses, blockhash, instruction.
const SUBMIT_OVERHEAD: usize = 276;

/// A meter of the file and what became of it.
struct DemoMeter {
    serial: String,
    address: Pubkey,
    owner: Keypair,
    rejected: BTreeMap<String, u64>,
    flagged: u64,
}

/// What the demo found out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Meters in the file.
    pub meters: usize,
    /// Readings that were accepted.
    pub accepted: u64,
    /// Readings that were rejected.
    pub rejected: u64,
    /// Accepted readings with a flag: an anomaly, a gap or a late arrival.
    pub flagged: u64,
    /// Energy that was settled (Wh).
    pub settled_wh: u64,
    /// The mint's supply (base units).
    pub supply: u64,
}

/// Runs the flow for these lines of a file, and writes what happens to `out`. Fails if anything but a reading is
/// refused, or if the audit finds something.
pub async fn run(rows: &[Row], bad: &[BadLine], out: &mut impl Write) -> anyhow::Result<Summary> {
    for line in bad {
        writeln!(out, "skipped {line}")?;
    }
    let first = rows.first().context("the file has no usable reading")?;
    let mut demo = Demo::start(first.reading.timestamp, out).await?;
    demo.initialize().await?;
    demo.submit(rows).await?;
    demo.settle().await?;
    demo.report().await
}

struct Demo<'a, W> {
    bank: EmbeddedBank,
    deployment: Deployment,
    authority: Keypair,
    reporter: Keypair,
    meters: BTreeMap<String, DemoMeter>,
    rules: Rules,
    step: u32,
    summary: Summary,
    out: &'a mut W,
}

impl<'a, W: Write> Demo<'a, W> {
    async fn start(time: i64, out: &'a mut W) -> anyhow::Result<Self> {
        let deployment = Deployment {
            oracle_program: Keypair::new().pubkey(),
            registry_program: Keypair::new().pubkey(),
            token_program: Keypair::new().pubkey(),
        };
        let (authority, reporter) = (Keypair::new(), Keypair::new());
        let mut genesis = Genesis::new();
        genesis.add_deployment(&deployment, &program_folder()?, &authority.pubkey())?;
        genesis.fund(&authority.pubkey());
        genesis.fund(&reporter.pubkey());
        let mut bank = genesis.start().await;
        bank.set_time(time).await?;
        let mut demo = Self {
            bank,
            deployment,
            authority,
            reporter,
            meters: BTreeMap::new(),
            rules: Rules::default(),
            step: 0,
            summary: Summary::default(),
            out,
        };
        demo.say("start an embedded bank with the three programs")?;
        writeln!(demo.out, "   oracle    {}", deployment.oracle_program)?;
        writeln!(demo.out, "   registry  {}", deployment.registry_program)?;
        writeln!(demo.out, "   token     {}", deployment.token_program)?;
        Ok(demo)
    }

    /// Begins a step.
    fn say(&mut self, what: &str) -> anyhow::Result<()> {
        self.step += 1;
        writeln!(self.out, "{}. {what}", self.step)?;
        Ok(())
    }

    async fn initialize(&mut self) -> anyhow::Result<()> {
        self.say("initialize the programs, wire them to each other, add a reporter")?;
        let key = self.authority.pubkey();
        let mut instructions = self
            .deployment
            .initialize(&key, &key, self.rules, MINIMUM_QUALITY)
            .to_vec();
        instructions.push(self.deployment.add_reporter(&key, &self.reporter.pubkey()));
        for instruction in instructions {
            self.bank
                .send(&self.authority, &[], &[instruction])
                .await
                .context("initialization")?;
        }
        writeln!(self.out, "   GRID mint {}", self.deployment.mint())?;
        Ok(())
    }

    /// Registers each meter at its first reading, which is its baseline, and submits all later ones.
    async fn submit(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        self.say("register the meters at their first reading and submit the others")?;
        writeln!(
            self.out,
            "   {} readings, {} to {}; rated power {GENERATION_CAPACITY_W} W up, {CONSUMPTION_CAPACITY_W} W down",
            rows.len(),
            rows.first().map_or(String::new(), |row| format_time(row.reading.timestamp)),
            rows.last().map_or(String::new(), |row| format_time(row.reading.timestamp)),
        )?;
        let progress = progress_bar(rows.len());
        let mut batch: Vec<&Row> = Vec::new();
        let mut clock = rows.first().map_or(0, |row| row.reading.timestamp);
        for row in rows {
            let first_in_batch = batch.first().map_or(row, |first| first);
            // A batch spans no more time than keeps its first reading from being late when its last one is sent.
            let span = row
                .reading
                .timestamp
                .abs_diff(first_in_batch.reading.timestamp);
            let is_new = !self.meters.contains_key(&row.serial);
            if is_new || span > self.rules.late_after.into() || !fits(&batch, row) {
                self.submit_batch(&batch).await?;
                progress.inc(batch.len() as u64);
                batch.clear();
            }
            if row.reading.timestamp > clock {
                clock = row.reading.timestamp;
                self.bank.set_time(clock).await?;
            }
            if is_new {
                self.register(row).await?;
                progress.inc(1);
            } else {
                batch.push(row);
            }
        }
        self.submit_batch(&batch).await?;
        progress.finish_and_clear();
        let Summary {
            accepted,
            rejected,
            flagged,
            ..
        } = self.summary;
        writeln!(
            self.out,
            "   {} meters registered; {accepted} readings accepted ({flagged} flagged), {rejected} rejected",
            self.meters.len()
        )?;
        Ok(())
    }

    async fn register(&mut self, row: &Row) -> anyhow::Result<()> {
        let (key, owner) = (self.authority.pubkey(), Keypair::new());
        let id = meter_id(&row.serial)?;
        let address = self.deployment.meter(&id);
        let instructions = [
            self.deployment.register_meter(
                &key,
                &key,
                RegisterMeter {
                    meter_id: id,
                    owner: owner.pubkey(),
                    device_key: Pubkey::default(),
                    generation_register: row.reading.generation_register,
                    consumption_register: row.reading.consumption_register,
                    generation_capacity_w: GENERATION_CAPACITY_W,
                    consumption_capacity_w: CONSUMPTION_CAPACITY_W,
                },
            ),
            self.deployment
                .set_meter_status(&key, &address, MeterStatus::Active),
            create_associated_token_account(
                &key,
                &owner.pubkey(),
                &self.deployment.mint(),
                &spl_token::ID,
            ),
        ];
        self.bank
            .send(&self.authority, &[], &instructions)
            .await
            .with_context(|| format!("line {}: registering {}", row.line, row.serial))?;
        self.meters.insert(
            row.serial.clone(),
            DemoMeter {
                serial: row.serial.clone(),
                address,
                owner,
                rejected: BTreeMap::new(),
                flagged: 0,
            },
        );
        Ok(())
    }

    async fn submit_batch(&mut self, batch: &[&Row]) -> anyhow::Result<()> {
        let Some(first) = batch.first() else {
            return Ok(());
        };
        let readings: Vec<(Pubkey, Reading)> = batch
            .iter()
            .filter_map(|row| Some((self.meters.get(&row.serial)?.address, row.reading)))
            .collect();
        let submit = self
            .deployment
            .submit_readings(&self.reporter.pubkey(), false, &readings);
        let receipt = self
            .bank
            .send(&self.reporter, &[], &[submit])
            .await
            .with_context(|| format!("submitting the readings from line {} on", first.line))?;
        let rows = batch.iter().map(|row| (*row).clone()).collect();
        for (row, verdict) in verdicts(rows, &receipt.events())? {
            let meter = self
                .meters
                .get_mut(&row.serial)
                .context("an unknown meter")?;
            match verdict {
                Verdict::Rejected(code) => {
                    self.summary.rejected += 1;
                    let reason = reason_name(code);
                    writeln!(
                        self.out,
                        "   line {}: {} rejected: {reason}",
                        row.line, row.serial
                    )?;
                    *meter.rejected.entry(reason).or_default() += 1;
                }
                Verdict::Accepted(flags) => {
                    self.summary.accepted += 1;
                    if flags != 0 {
                        self.summary.flagged += 1;
                        meter.flagged += 1;
                        writeln!(
                            self.out,
                            "   line {}: {} flagged: {}",
                            row.line,
                            row.serial,
                            flag_names(flags)
                        )?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        self.say("settle: each owner claims what is unsettled")?;
        for meter in self.meters.values() {
            let owner = meter.owner.pubkey();
            let settle = self.deployment.settle(&meter.address, &owner, &owner);
            // The authority pays the fee: the owners have no SOL.
            match self
                .bank
                .send(&self.authority, &[&meter.owner], &[settle])
                .await
            {
                Ok(_) => {}
                Err(refusal) => match refusal.grid_error() {
                    Some((_, GridError::InsufficientBalance | GridError::QualityTooLow)) => {
                        writeln!(self.out, "   {}: {refusal}", meter.serial)?;
                    }
                    _ => return Err(refusal).with_context(|| format!("settling {}", meter.serial)),
                },
            }
        }
        Ok(())
    }

    /// The table of meters and the supply check.
    async fn report(mut self) -> anyhow::Result<Summary> {
        self.say("what came of it")?;
        let mut table = vec![[
            "meter",
            "generated",
            "consumed",
            "settled",
            "GRID",
            "quality",
            "flagged",
            "rejected",
        ]
        .map(String::from)
        .to_vec()];
        for demo_meter in self.meters.values() {
            let meter: Meter = read(&mut self.bank, &demo_meter.address).await?;
            let wallet = self.deployment.grid_account(&demo_meter.owner.pubkey());
            let wallet = self.bank.account(&wallet).await?.context("no wallet")?;
            let balance = spl_token::state::Account::unpack(&wallet.data)?.amount;
            let rejected: u64 = demo_meter.rejected.values().sum();
            let reasons: Vec<String> = demo_meter
                .rejected
                .iter()
                .map(|(reason, count)| format!("{count} {reason}"))
                .collect();
            table.push(vec![
                demo_meter.serial.clone(),
                format!("{} kWh", kwh(meter.total_generation)),
                format!("{} kWh", kwh(meter.total_consumption)),
                format!("{} kWh", kwh(meter.settled_net_generation)),
                grid(balance),
                percent(meter.quality),
                demo_meter.flagged.to_string(),
                match rejected {
                    0 => "0".into(),
                    _ => format!("{rejected} ({})", reasons.join(", ")),
                },
            ]);
        }
        write_table(self.out, &table)?;

        let audit = audit(&mut self.bank, &self.deployment).await?;
        self.summary.meters = self.meters.len();
        self.summary.settled_wh = u64::try_from(audit.settled_wh)?;
        self.summary.supply = audit.supply;
        audit.write(self.out)?;
        ensure!(audit.findings.is_empty(), "the audit found something");
        ensure!(audit.burned_otherwise() == 0, "GRID is missing");
        Ok(self.summary)
    }
}

/// Whether another reading fits into the transaction of a batch.
fn fits(batch: &[&Row], row: &Row) -> bool {
    let mut serials: Vec<&str> = batch.iter().map(|row| row.serial.as_str()).collect();
    serials.push(&row.serial);
    let count = serials.len();
    serials.sort_unstable();
    serials.dedup();
    SUBMIT_OVERHEAD + count * READING_SIZE + serials.len() * ADDRESS_SIZE <= TRANSACTION_SIZE
}

fn progress_bar(length: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("   {wide_bar} {pos}/{len} readings, {per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length as u64).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use solana_transaction::Transaction;

    #[test]
    fn the_size_of_a_batch_is_that_of_its_transaction() {
        let deployment = Deployment {
            oracle_program: Pubkey::new_unique(),
            registry_program: Pubkey::new_unique(),
            token_program: Pubkey::new_unique(),
        };
        let reporter = Keypair::new();
        let meters: Vec<Pubkey> = (0..40).map(|_| Pubkey::new_unique()).collect();
        for (count, distinct) in [
            (1, 1),
            (7, 7),
            (16, 16),
            (17, 17),
            (36, 2),
            (38, 1),
            (39, 1),
        ] {
            let reading = Reading {
                timestamp: 1,
                generation_register: 2,
                consumption_register: 3,
            };
            let readings: Vec<_> = (0..count)
                .map(|index| (meters[index % distinct], reading))
                .collect();
            let submit = deployment.submit_readings(&reporter.pubkey(), false, &readings);
            let transaction = Transaction::new_with_payer(&[submit], Some(&reporter.pubkey()));
            let size = bincode::serialized_size(&transaction).expect("a size") as usize;
            let estimate = SUBMIT_OVERHEAD + count * READING_SIZE + distinct * ADDRESS_SIZE;
            // Lengths from 128 on take another byte.
            assert!(
                estimate >= size && estimate <= size + 2,
                "{count} of {distinct}: {size}, not {estimate}"
            );
        }
    }
}
