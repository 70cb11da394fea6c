//! What goes in the next transaction, and its instructions.

use gridtoken_client::{
    rpc::with_budget,
    transaction::{fits, Room},
};
use oracle_program::{
    instruction::submit_signed_readings,
    signature::{message, precompile, Scheme, SignedMessage},
};
use shared_state::reading::Reading;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;

use super::{
    batch::{Batch, Queue, Unit},
    Submission,
};

/// Compute units of a submission of one reading and of each further one, in the most expensive case (all of one meter, each
/// rejected because of a held register), with a tenth more; and of the two instructions that set the limit and the price.
const BASE_UNITS: u32 = 3_000 + 300;
const READING_UNITS: u32 = 1_250;
/// Compute units of each signature beside its readings.
const SIGNATURE_UNITS: u32 = 600;
/// The most signatures that an instruction of the Secp256r1 program can have.
const P256_SIGNATURES: usize = 8;

impl Submission<'_> {
    /// The next batch, as large as fits: of the first meter that is ready, and of others while there is room.
    pub(super) fn next_batch(&mut self) -> Option<Batch> {
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
    pub(super) fn instructions(&self, batch: &Batch) -> Vec<Instruction> {
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
