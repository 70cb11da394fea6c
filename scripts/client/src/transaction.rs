//! How much fits into a transaction.

use shared_state::{quantity::Wh, reading::Reading};
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_transaction::Transaction;

use crate::deployment::Deployment;

/// The most bytes that a transaction can have.
pub const TRANSACTION_SIZE: u64 = 1_232;

/// What a further reading takes of a transaction: itself and its meter's index ...
const READING: u64 = 25;
/// ... and the first time in a transaction, its meter's address.
const ADDRESS: u64 = 32;

/// The bytes of the transaction of these instructions.
fn size(payer: &Pubkey, instructions: &[Instruction]) -> u64 {
    let transaction = Transaction::new_with_payer(instructions, Some(payer));
    bincode::serialized_size(&transaction).unwrap_or(u64::MAX)
}

/// Whether these instructions fit into one transaction.
pub fn fits(payer: &Pubkey, instructions: &[Instruction]) -> bool {
    size(payer, instructions) <= TRANSACTION_SIZE
}

/// Room in a transaction for readings that nobody signs.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The transaction with one reading.
    first: u64,
}

impl Room {
    /// The room beside these instructions, which submit one reading.
    pub fn new(payer: &Pubkey, one_reading: &[Instruction]) -> Self {
        Self {
            // Lengths from 128 on take another byte: that of the instruction's data.
            first: size(payer, one_reading).saturating_add(1),
        }
    }

    /// The room in a SubmitReadings that its reporter pays for.
    pub fn of_submission(deployment: &Deployment, reporter: &Pubkey) -> Self {
        let reading = Reading {
            timestamp: 0,
            generation_register: Wh(0),
            consumption_register: Wh(0),
        };
        let one = deployment.submit_readings(reporter, false, &[(Pubkey::default(), reading)]);
        Self::new(reporter, &[one])
    }

    /// Whether so many readings, of so many different meters, fit.
    pub fn fits(&self, readings: usize, meters: usize) -> bool {
        self.size(readings, meters) <= TRANSACTION_SIZE
    }

    /// The most readings, of a meter each, that fit.
    pub fn most_meters(&self) -> usize {
        (1..).take_while(|count| self.fits(*count, *count)).count()
    }

    fn size(&self, readings: usize, meters: usize) -> u64 {
        let further = |count: usize| count.saturating_sub(1) as u64;
        self.first
            .saturating_add(further(readings) * READING + further(meters) * ADDRESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_batch_is_that_of_its_transaction() {
        let deployment = Deployment {
            oracle_program: Pubkey::new_unique(),
            registry_program: Pubkey::new_unique(),
            token_program: Pubkey::new_unique(),
        };
        let reporter = Pubkey::new_unique();
        let meters: Vec<Pubkey> = (0..40).map(|_| Pubkey::new_unique()).collect();
        let submit = |count: usize, distinct: usize| {
            let reading = Reading {
                timestamp: 1,
                generation_register: Wh(2),
                consumption_register: Wh(3),
            };
            let readings: Vec<_> = (0..count)
                .map(|index| (meters[index % distinct], reading))
                .collect();
            [deployment.submit_readings(&reporter, false, &readings)]
        };
        let room = Room::of_submission(&deployment, &reporter);
        for (count, distinct) in [
            (1, 1),
            (7, 7),
            (16, 16),
            (17, 17),
            (36, 2),
            (38, 1),
            (39, 1),
        ] {
            let size = size(&reporter, &submit(count, distinct));
            let estimate = room.size(count, distinct);
            // Lengths from 128 on take another byte.
            assert!(
                estimate >= size && estimate <= size + 2,
                "{count} of {distinct}: {size}, not {estimate}"
            );
        }
        assert_eq!(room.most_meters(), 16);
    }
}
