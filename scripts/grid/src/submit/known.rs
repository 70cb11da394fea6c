//! What the chain knows already: taken out of the queues before their bad readings are recorded as rejected.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{anyhow, ensure, Context};
use gridtoken_client::{
    cluster::{decode, Cluster},
    logs,
    readings::Row,
};
use shared_state::{event::Event, reading::Reading, state::Meter, GridError};

use super::{
    batch::{drop_rows, keep_for_later},
    prepare::{NOT_NEWER, REJECTED_BEFORE},
    Submission,
};

/// How many of a meter's transactions are looked at for rejected readings.
const HISTORY: usize = 1_000;
/// For how long after a transaction a node may not show it yet (s).
const RECENT: i64 = 600;

impl Submission<'_> {
    /// Lets the waiting meters go on, as soon as nothing from before the start can arrive any more.
    pub(super) async fn unpark(&mut self) -> anyhow::Result<()> {
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
    pub(super) async fn drop_recorded(&mut self, queue: usize) -> anyhow::Result<usize> {
        let queue = &mut self.queues[queue];
        let account = self.rpc.account(&queue.address).await?;
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
