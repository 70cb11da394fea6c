//! What the chain made of readings, as a transaction's events tell.

use anyhow::{bail, ensure, Context};
use shared_state::{event::Event, reading::Reading, state::meter_id};

use crate::readings::Row;

/// What the chain made of a reading.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Accepted, with these flags.
    Accepted(u8),
    /// Rejected, for this reason: the code of a [`GridError`](shared_state::GridError).
    Rejected(u16),
}

/// Which verdict of a transaction's events belongs to which of the readings that it carried.
pub fn verdicts(mut rows: Vec<Row>, events: &[Event]) -> anyhow::Result<Vec<(Row, Verdict)>> {
    let sent = rows.len();
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
            // Said beside the verdict on the reading that brought it about.
            Event::RegisterHoldBegan(_) | Event::RegisterHoldEnded(_) => continue,
            other => bail!("unexpected event {other:?}"),
        };
        let id = Ok(id);
        // The rejected readings are logged before the accepted ones, so of equal lines the later is the rejected one.
        let place = rows
            .iter()
            .rposition(|row| meter_id(&row.serial) == id && row.reading == reading)
            .with_context(|| format!("an event for a reading that was not sent: {event:?}"))?;
        found.push((rows.remove(place), verdict));
    }
    ensure!(
        rows.is_empty(),
        "{sent} readings gave {} events",
        found.len()
    );
    Ok(found)
}
