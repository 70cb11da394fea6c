//! What goes in the next transaction, and its instructions.

use gridtoken_client::{
    cluster::SendError,
    rpc::MAX_UNITS,
    version::{Limits, Version},
};
use oracle_program::{
    instruction::submit_signed_readings,
    signature::{message, precompile, Scheme, SignedMessage},
};
use shared_state::reading::Reading;
use solana_hash::Hash;
use solana_message::VersionedMessage;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use solana_transaction::TransactionError;

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
/// The most signatures that an instruction of the Secp256r1 program can have; a submission reads two of them.
const P256_SIGNATURES: usize = 8;

/// How many bytes of a transaction's log a node keeps: it drops the line that goes beyond, with its events.
const LOG: usize = 10_000;
/// What it logs beside the readings ...
const LOG_BASE: usize = 1_000;
/// ... and of each reading at most: that it was rejected, and that its meter's register is held.
const LOG_READING: usize = 110 + 102;
/// What one signature covers goes together: so many accepted readings the log shows.
const SIGNED_AT_ONCE: usize = 110;

/// The most bytes of accounts and programs that a transaction of version 1 may load: the two programs are less than a fifth.
const LOADED_BYTES: u32 = 512 * 1024;

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
        let room = self
            .version
            .room(
                &self.payer.pubkey(),
                &self.instructions(&one),
                self.limits(&one),
            )
            .ok()?;
        let fits = |readings: usize, meters| {
            room.fits(readings, meters) && LOG_BASE + LOG_READING * readings <= LOG
        };
        let mut items: Vec<(usize, Unit)> = Vec::new();
        let mut meters = 0;
        for (index, queue) in self.queues.iter_mut().enumerate().skip(first) {
            if !queue.is_ready() || queue.scheme().is_some() {
                continue;
            }
            if !items.is_empty() && !fits(items.len() + 1, meters + 1) {
                break;
            }
            meters += 1;
            while items.is_empty() || fits(items.len() + 1, meters) {
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
        'meters: for index in first..self.queues.len() {
            if !self.queues[index].is_ready() || self.queues[index].scheme() != Some(scheme) {
                continue;
            }
            while let Some(unit) = self.queues[index].units.pop_front() {
                batch.items.push((index, unit));
                if self.has_room(&batch) {
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

    /// Whether all of a batch of signed readings goes in one transaction.
    fn has_room(&self, batch: &Batch) -> bool {
        let readings = batch.len();
        let is_logged = LOG_BASE + LOG_READING * readings <= LOG
            || (batch.items.len() == 1 && readings <= SIGNED_AT_ONCE);
        let is_verified =
            batch.scheme != Some(Scheme::Secp256r1) || batch.items.len() <= 2 * P256_SIGNATURES;
        let limits = self.limits(batch);
        is_logged
            && is_verified
            && limits.units <= MAX_UNITS
            && self
                .version
                .fits(&self.payer.pubkey(), &self.instructions(batch), limits)
    }

    /// What a batch's transaction asks for.
    pub(super) fn limits(&self, batch: &Batch) -> Limits {
        let signatures = match batch.scheme {
            Some(_) => batch.items.len() as u32,
            None => 0,
        };
        let readings = READING_UNITS * batch.len() as u32 + SIGNATURE_UNITS * signatures;
        Limits {
            units: BASE_UNITS + readings + self.salt,
            price: self.price,
            loaded_bytes: LOADED_BYTES,
        }
    }

    /// A batch's instructions.
    pub(super) fn instructions(&self, batch: &Batch) -> Vec<Instruction> {
        let reporter = self.reporter.pubkey();
        if let Some(scheme) = batch.scheme {
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
            let at_once = match scheme {
                Scheme::Ed25519 => signed.len(),
                Scheme::Secp256r1 => P256_SIGNATURES,
            };
            let verified = signed.chunks(at_once).map(|some| precompile(scheme, some));
            let submit = submit_signed_readings(oracle, &reporter, registry, false, &meters);
            verified.chain([submit]).collect()
        } else {
            let readings: Vec<(Pubkey, Reading)> = batch
                .rows()
                .map(|(queue, row)| (self.queues[queue].address, row.reading))
                .collect();
            vec![self.deployment.submit_readings(&reporter, false, &readings)]
        }
    }

    /// A batch's message.
    pub(super) fn message(
        &self,
        batch: &Batch,
        blockhash: Hash,
    ) -> anyhow::Result<VersionedMessage> {
        let instructions = self.instructions(batch);
        let payer = self.payer.pubkey();
        Ok(self
            .version
            .message(&payer, &instructions, self.limits(batch), blockhash)?)
    }

    /// Goes on with legacy transactions, if it was because of their version that the node took none.
    pub(super) fn falls_back(&mut self, sent: &VersionedMessage, error: &SendError) -> bool {
        let is_the_version = matches!(
            error,
            SendError::NotTaken(_)
                | SendError::Refused {
                    error: TransactionError::UnsupportedVersion,
                    ..
                }
        );
        let falls_back = is_the_version && matches!(sent, VersionedMessage::V1(_));
        if falls_back && self.version == Version::V1 {
            eprintln!("the node takes no transactions of version 1, so legacy ones go: {error}");
            self.version = Version::Legacy;
        }
        falls_back
    }
}
