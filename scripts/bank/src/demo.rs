//! The whole flow on an embedded bank: from a file of readings to GRID in the owners' wallets.

use std::{collections::BTreeMap, io::Write};

use anyhow::{ensure, Context};
use gridtoken_client::{
    audit::audit,
    capacity::usual_capacity_w,
    cluster::{read, Cluster},
    format::{flag_names, format_time, grid, kwh, percent, reason_name, write_table},
    readings::{BadLine, Row},
    remedy::Patient,
    terminal::progress_bar,
    transaction::Room,
    verdict::{verdicts, Verdict},
};
use shared_state::{
    quantity::Wh,
    reading::{Reading, RejectReason},
    state::{Meter, Rules},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{program_pack::Pack, pubkey::Pubkey};
use solana_signer::Signer;

use crate::world::{Plate, World};

/// A meter of the file and what became of it.
struct DemoMeter {
    serial: String,
    address: Pubkey,
    owner: Keypair,
    rejected: BTreeMap<String, u64>,
    /// The last rejected reading, and why it was.
    last_rejected: Option<(RejectReason, Reading)>,
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
pub async fn run(
    rows: &[Row],
    bad: &[BadLine],
    meters: Meters,
    out: &mut impl Write,
) -> anyhow::Result<Summary> {
    for line in bad {
        writeln!(out, "skipped {line}")?;
    }
    let first = rows.first().context("the file has no usable reading")?;
    let mut demo = Demo::start(first.reading.timestamp, out).await?;
    demo.submit(rows, meters).await?;
    demo.settle().await?;
    demo.report().await
}

/// What is known of the meters in a file, beside their readings.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Meters {
    /// Rated power of the generators (W). Without it: each meter's highest power in the file, rounded up to a usual size
    #[arg(long, value_name = "W")]
    pub generation_capacity: Option<u32>,
    /// Rated power of the connections (W). Without it, likewise
    #[arg(long, value_name = "W")]
    pub consumption_capacity: Option<u32>,
    /// Where the registers start again from zero (Wh): 100000000 for five digits of kWh
    #[arg(long, value_name = "WH", default_value_t = 0)]
    pub register_modulus: u64,
}

impl Meters {
    /// The type plate of a meter with these readings.
    fn plate(&self, readings: &[Reading]) -> Plate {
        let usual = |register: fn(&Reading) -> Wh| usual_capacity_w(readings, register);
        Plate {
            generation_capacity_w: self
                .generation_capacity
                .unwrap_or_else(|| usual(|reading| reading.generation_register)),
            consumption_capacity_w: self
                .consumption_capacity
                .unwrap_or_else(|| usual(|reading| reading.consumption_register)),
            register_modulus: Wh(self.register_modulus),
        }
    }
}

struct Demo<'a, W> {
    world: World,
    reporter: Keypair,
    meters: BTreeMap<String, DemoMeter>,
    rules: Rules,
    step: u32,
    summary: Summary,
    out: &'a mut W,
}

impl<'a, W: Write> Demo<'a, W> {
    async fn start(time: i64, out: &'a mut W) -> anyhow::Result<Self> {
        let reporters = [Keypair::new()];
        let world = World::new(time, &reporters).await?;
        let [reporter] = reporters;
        let deployment = world.deployment;
        let mut demo = Self {
            world,
            reporter,
            meters: BTreeMap::new(),
            rules: Rules::default(),
            step: 0,
            summary: Summary::default(),
            out,
        };
        demo.say("start an embedded bank with the three programs")?;
        for program in deployment.programs() {
            writeln!(demo.out, "   {:<10}{}", program.name, program.id)?;
        }
        demo.say("initialize the programs, wire them to each other, add a reporter")?;
        writeln!(demo.out, "   GRID mint {}", deployment.mint())?;
        Ok(demo)
    }

    /// Begins a step.
    fn say(&mut self, what: &str) -> anyhow::Result<()> {
        self.step += 1;
        writeln!(self.out, "{}. {what}", self.step)?;
        Ok(())
    }

    /// Registers each meter at its first reading, which is its baseline, and submits all later ones.
    async fn submit(&mut self, rows: &[Row], meters: Meters) -> anyhow::Result<()> {
        self.say("register the meters at their first reading and submit the others")?;
        let mut readings: BTreeMap<&str, Vec<Reading>> = BTreeMap::new();
        for row in rows {
            readings.entry(&row.serial).or_default().push(row.reading);
        }
        let plates: BTreeMap<&str, Plate> = readings
            .into_iter()
            .map(|(serial, readings)| (serial, meters.plate(&readings)))
            .collect();
        let highest = |power: fn(&Plate) -> u32| plates.values().map(power).max().unwrap_or(0);
        writeln!(
            self.out,
            "   {} readings, {} to {}; rated power {} W up, {} W down{}",
            rows.len(),
            rows.first().map_or(String::new(), |row| format_time(row.reading.timestamp)),
            rows.last().map_or(String::new(), |row| format_time(row.reading.timestamp)),
            highest(|plate| plate.generation_capacity_w),
            highest(|plate| plate.consumption_capacity_w),
            match meters {
                Meters { generation_capacity: Some(_), consumption_capacity: Some(_), .. } => "",
                _ => " at most, each meter's by its highest power in the file (--generation-capacity and --consumption-capacity say otherwise)",
            }
        )?;
        let progress = progress_bar(rows.len() as u64, "readings");
        let room = Room::of_submission(&self.world.deployment, &self.reporter.pubkey());
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
            if is_new || span > self.rules.late_after.into() || !fits(&room, &batch, row) {
                self.submit_batch(&batch).await?;
                progress.inc(batch.len() as u64);
                batch.clear();
            }
            if row.reading.timestamp > clock {
                clock = row.reading.timestamp;
                self.world.bank.set_time(clock).await?;
            }
            if is_new {
                self.register(row, &plates[row.serial.as_str()]).await?;
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

    async fn register(&mut self, row: &Row, plate: &Plate) -> anyhow::Result<()> {
        let owner = Keypair::new();
        let address = self
            .world
            .register(&row.serial, &owner.pubkey(), &row.reading, plate)
            .await
            .with_context(|| format!("line {}", row.line))?;
        self.meters.insert(
            row.serial.clone(),
            DemoMeter {
                serial: row.serial.clone(),
                address,
                owner,
                rejected: BTreeMap::new(),
                last_rejected: None,
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
        let submit =
            self.world
                .deployment
                .submit_readings(&self.reporter.pubkey(), false, &readings);
        let receipt = self
            .world
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
                    let reason = reason_name(code.into());
                    writeln!(
                        self.out,
                        "   line {}: {} rejected: {reason}",
                        row.line, row.serial
                    )?;
                    *meter.rejected.entry(reason).or_default() += 1;
                    meter.last_rejected = u8::try_from(code)
                        .ok()
                        .and_then(RejectReason::from_code)
                        .filter(|reason| reason.costs_quality())
                        .map(|reason| (reason, row.reading));
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
            let settle = self.world.deployment.settle(&meter.address, &owner, &owner);
            // The owners have no SOL: somebody else pays the fee.
            let World { bank, payer, .. } = &mut self.world;
            match bank.send(payer, &[&meter.owner], &[settle]).await {
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
        let mut remedies = Vec::new();
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
            let meter: Meter = read(&self.world.bank, &demo_meter.address).await?;
            let wallet = self
                .world
                .deployment
                .grid_account(&demo_meter.owner.pubkey());
            let wallet = self
                .world
                .bank
                .account(&wallet)
                .await?
                .context("no wallet")?;
            let balance = spl_token::state::Account::unpack(&wallet.data)?.amount;
            if let Some((reason, reading)) = demo_meter.last_rejected {
                let patient = Patient {
                    serial: &demo_meter.serial,
                    meter: &meter,
                    rules: &self.rules,
                };
                for remedy in patient.of_rejection(reason, &reading) {
                    remedies.push(format!("   {}: {remedy}", demo_meter.serial));
                }
            }
            let rejected: u64 = demo_meter.rejected.values().sum();
            let reasons: Vec<String> = demo_meter
                .rejected
                .iter()
                .map(|(reason, count)| format!("{count} {reason}"))
                .collect();
            table.push(vec![
                demo_meter.serial.clone(),
                format!("{} kWh", kwh(meter.total_generation.0)),
                format!("{} kWh", kwh(meter.total_consumption.0)),
                format!("{} kWh", kwh(meter.settled_net_generation.0)),
                grid(balance),
                percent(meter.state.quality.0),
                demo_meter.flagged.to_string(),
                match rejected {
                    0 => "0".into(),
                    _ => format!("{rejected} ({})", reasons.join(", ")),
                },
            ]);
        }
        write_table(self.out, &table)?;
        for remedy in remedies {
            writeln!(self.out, "{remedy}")?;
        }

        let audit = audit(&self.world.bank, &self.world.deployment).await?;
        self.summary.meters = self.meters.len();
        self.summary.settled_wh = u64::try_from(audit.settled_wh)?;
        self.summary.supply = audit.supply.0;
        audit.write(self.out)?;
        ensure!(audit.findings.is_empty(), "the audit found something");
        ensure!(audit.burned_otherwise() == 0, "GRID is missing");
        Ok(self.summary)
    }
}

/// Whether another reading fits into the transaction of a batch.
fn fits(room: &Room, batch: &[&Row], row: &Row) -> bool {
    let mut serials: Vec<&str> = batch.iter().map(|row| row.serial.as_str()).collect();
    serials.push(&row.serial);
    let count = serials.len();
    serials.sort_unstable();
    serials.dedup();
    room.fits(count, serials.len())
}
