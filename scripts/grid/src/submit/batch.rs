//! Meters' readings in order, and what of them goes in a transaction.

use std::collections::VecDeque;

use gridtoken_client::{device::DeviceKey, readings::Row};
use indicatif::ProgressBar;
use oracle_program::signature::Scheme;
use shared_state::reading::Reading;
use solana_program::pubkey::Pubkey;
use solana_signature::Signature;

use super::summary::{Lines, Summary};

/// What goes together: a reading, or all that one signature covers.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) rows: Vec<Row>,
    /// The signature, as the chain takes it.
    pub(super) signature: Option<Signature>,
}

impl Unit {
    pub(super) fn readings(&self) -> Vec<Reading> {
        self.rows.iter().map(|row| row.reading).collect()
    }
}

/// A meter's readings that are still to be sent, in order.
pub(super) struct Queue {
    pub(super) serial: String,
    pub(super) id: [u8; 32],
    pub(super) address: Pubkey,
    pub(super) device: DeviceKey,
    pub(super) units: VecDeque<Unit>,
    /// A transaction with some of its readings is on its way.
    pub(super) in_flight: bool,
}

impl Queue {
    pub(super) fn is_ready(&self) -> bool {
        !self.in_flight && !self.units.is_empty()
    }

    /// How many readings are still to be sent.
    pub(super) fn len(&self) -> usize {
        self.units.iter().map(|unit| unit.rows.len()).sum()
    }

    /// Who verifies its signatures, if its device signs.
    pub(super) fn scheme(&self) -> Option<Scheme> {
        Scheme::of_key(self.device.kind)
    }

    /// Gives up the readings of a meter that is not active any more: each would be recorded as rejected, and they can be sent
    /// when it is active again.
    pub(super) fn keep_for_later(&mut self, summary: &mut Summary, progress: &ProgressBar) {
        for row in std::mem::take(&mut self.units)
            .into_iter()
            .flat_map(|unit| unit.rows)
        {
            summary.not_send(not_active(&self.serial), &row);
            progress.inc(1);
        }
    }
}

/// Readings that go in one transaction, with the index of their queue: all signed with one scheme, or none signed.
pub(super) struct Batch {
    pub(super) items: Vec<(usize, Unit)>,
    pub(super) scheme: Option<Scheme>,
}

impl Batch {
    /// The queues that its readings come from.
    pub(super) fn queues(&self) -> Vec<usize> {
        let mut queues: Vec<usize> = self.items.iter().map(|(queue, _)| *queue).collect();
        queues.dedup();
        queues
    }

    /// How many readings it has.
    pub(super) fn len(&self) -> usize {
        self.items.iter().map(|(_, unit)| unit.rows.len()).sum()
    }

    /// The readings, each with the index of its queue.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &Row)> {
        self.items
            .iter()
            .flat_map(|(queue, unit)| unit.rows.iter().map(|row| (*queue, row)))
    }

    pub(super) fn lines(&self) -> String {
        let mut lines = Lines::default();
        self.rows().for_each(|(_, row)| lines.add(row.line));
        lines.places()
    }
}

/// Why a meter's readings are kept back.
pub(super) fn not_active(serial: &str) -> String {
    format!("the meter {serial} is not active, send them when it is (grid meter show {serial})")
}
