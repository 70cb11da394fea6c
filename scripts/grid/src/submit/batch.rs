//! Meters' readings in order, and what of them goes in a transaction.

use std::collections::VecDeque;

use gridtoken_client::readings::Row;
use indicatif::ProgressBar;
use solana_program::pubkey::Pubkey;

use super::summary::{Lines, Summary};

/// A meter's readings that are still to be sent, in order.
pub(super) struct Queue {
    pub(super) serial: String,
    pub(super) id: [u8; 32],
    pub(super) address: Pubkey,
    pub(super) device_key: Pubkey,
    pub(super) rows: VecDeque<Row>,
    /// A transaction with some of its readings is on its way.
    pub(super) in_flight: bool,
    /// A batch of several meters with this one was refused: it goes by itself now.
    pub(super) alone: bool,
    /// It was refused by itself: it waits until nothing from before the start can arrive any more.
    pub(super) parked: bool,
    /// Readings up to this time are sent so that bad ones are recorded as rejected.
    pub(super) lenient_until: i64,
    /// What was recorded as rejected before the start has been taken out.
    pub(super) history_read: bool,
}

impl Queue {
    pub(super) fn is_ready(&self) -> bool {
        !self.in_flight && !self.parked && !self.rows.is_empty()
    }

    /// How its next reading is to be sent.
    pub(super) fn mode(&self) -> Option<Mode> {
        let row = self.rows.front()?;
        Some(Mode {
            strict: row.reading.timestamp > self.lenient_until,
            signed: row.signature.is_some(),
        })
    }
}

/// How a batch is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mode {
    pub(super) strict: bool,
    pub(super) signed: bool,
}

/// Readings that go in one transaction, with the index of their queue.
pub(super) struct Batch {
    pub(super) items: Vec<(usize, Row)>,
    pub(super) mode: Mode,
}

impl Batch {
    /// The queues that its readings come from.
    pub(super) fn queues(&self) -> Vec<usize> {
        let mut queues: Vec<usize> = self.items.iter().map(|(queue, _)| *queue).collect();
        queues.dedup();
        queues
    }

    pub(super) fn lines(&self) -> String {
        let mut lines = Lines::default();
        self.items.iter().for_each(|(_, row)| lines.add(row.line));
        lines.places()
    }
}

/// Takes a meter's readings out that the chain knows. Returns how many those were.
pub(super) fn drop_rows(
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
pub(super) fn keep_for_later(queue: &mut Queue, summary: &mut Summary, progress: &ProgressBar) {
    for row in std::mem::take(&mut queue.rows) {
        summary.not_send(not_active(&row.serial), &row);
        progress.inc(1);
    }
}

/// Why a meter's readings are kept back.
pub(super) fn not_active(serial: &str) -> String {
    format!("the meter {serial} is not active, send them when it is (grid meter show {serial})")
}
