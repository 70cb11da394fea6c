//! Versions of transactions: legacy ones, which every cluster takes, and version 1 for larger batches, where the cluster
//! takes them.

use shared_state::program::MAX_ACCOUNTS;
use solana_hash::Hash;
use solana_message::{
    v1::{self, TransactionConfig, MAX_TRANSACTION_SIZE, SIGNATURE_SIZE},
    CompileError, Message, VersionedMessage,
};
use solana_program::{instruction::Instruction, pubkey, pubkey::Pubkey};
use solana_sdk_ids::feature;

use crate::{
    cluster::Cluster,
    rpc::with_budget,
    transaction::{Room, TRANSACTION_SIZE},
};

/// What clusters that take version 1 have activated.
const FEATURE: Pubkey = pubkey!("txv1aq4pp281K9um3tnPgkfX8UqtFT6wcVW3hNezGLL");

/// A version of transactions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// 1,232 bytes. Its limits are instructions of the compute budget program.
    Legacy,
    /// 4,096 bytes and 64 accounts. Its limits stand in the message; without them it may use nothing.
    V1,
}

/// What a transaction asks for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// The most compute units that it may take.
    pub units: u32,
    /// What each of them costs beside the fee (micro-lamports).
    pub price: Option<u64>,
    /// The most bytes of accounts and programs that it may load. Legacy transactions don't say: they may load 64 MiB.
    pub loaded_bytes: u32,
}

impl Limits {
    /// What the price comes to (lamports), rounded up.
    fn priority_fee(&self) -> Option<u64> {
        let fee = (u128::from(self.units) * u128::from(self.price?)).div_ceil(1_000_000);
        Some(u64::try_from(fee).unwrap_or(u64::MAX))
    }
}

impl Version {
    /// The newest one that a cluster takes.
    pub async fn of(cluster: &impl Cluster) -> anyhow::Result<Self> {
        let account = cluster.account(&FEATURE).await?;
        // A feature is an optional slot: that of its activation.
        let is_active = account.is_some_and(|account| {
            account.owner == feature::ID && account.data.first() == Some(&1)
        });
        Ok(if is_active { Self::V1 } else { Self::Legacy })
    }

    /// The most bytes that a transaction can have.
    pub const fn most_bytes(self) -> u64 {
        match self {
            Self::Legacy => TRANSACTION_SIZE,
            Self::V1 => MAX_TRANSACTION_SIZE as u64,
        }
    }

    /// The message of these instructions.
    pub fn message(
        self,
        payer: &Pubkey,
        instructions: &[Instruction],
        limits: Limits,
        blockhash: Hash,
    ) -> Result<VersionedMessage, CompileError> {
        match self {
            Self::Legacy => {
                let all = with_budget(instructions, limits.units, limits.price);
                let message = Message::new_with_blockhash(&all, Some(payer), &blockhash);
                Ok(VersionedMessage::Legacy(message))
            }
            Self::V1 => {
                let mut config = TransactionConfig::empty()
                    .with_compute_unit_limit(limits.units)
                    .with_loaded_accounts_data_size_limit(limits.loaded_bytes);
                config.priority_fee = limits.priority_fee();
                v1::Message::try_compile_with_config(payer, instructions, blockhash, config)
                    .map(VersionedMessage::V1)
            }
        }
    }

    /// Whether a transaction of these instructions keeps within its bytes and accounts.
    pub fn fits(self, payer: &Pubkey, instructions: &[Instruction], limits: Limits) -> bool {
        let message = self.message(payer, instructions, limits, Hash::default());
        message.is_ok_and(|message| {
            size(&message) <= self.most_bytes()
                && message.static_account_keys().len() <= MAX_ACCOUNTS
        })
    }

    /// The room for readings beside these instructions, which submit one.
    pub fn room(
        self,
        payer: &Pubkey,
        one_reading: &[Instruction],
        limits: Limits,
    ) -> Result<Room, CompileError> {
        let message = self.message(payer, one_reading, limits, Hash::default())?;
        Ok(Room::beside(&message, self.most_bytes()))
    }
}

/// The bytes of a message's transaction.
pub fn size(message: &VersionedMessage) -> u64 {
    let signatures = usize::from(message.header().num_required_signatures) * SIGNATURE_SIZE;
    // Where the message doesn't say it first, the number of signatures: one byte for so few.
    let count = usize::from(!matches!(message, VersionedMessage::V1(_)));
    (message.serialize().len() + signatures + count) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::Deployment;
    use shared_state::{quantity::Wh, reading::Reading};
    use solana_transaction::versioned::VersionedTransaction;

    const LIMITS: Limits = Limits {
        units: 200_000,
        price: Some(3),
        loaded_bytes: 1 << 19,
    };

    fn submit(reporter: &Pubkey, meters: usize, readings: usize) -> [Instruction; 1] {
        let deployment = Deployment {
            oracle_program: Pubkey::new_from_array([1; 32]),
            registry_program: Pubkey::new_from_array([2; 32]),
            token_program: Pubkey::new_from_array([3; 32]),
        };
        let reading = Reading {
            timestamp: 1,
            generation_register: Wh(2),
            consumption_register: Wh(3),
        };
        let readings: Vec<_> = (0..readings)
            .map(|index| {
                (
                    Pubkey::new_from_array([(index % meters) as u8 + 10; 32]),
                    reading,
                )
            })
            .collect();
        [deployment.submit_readings(reporter, false, &readings)]
    }

    #[test]
    fn the_size_is_that_of_the_transactions_bytes() {
        let payer = Pubkey::new_from_array([9; 32]);
        for version in [Version::Legacy, Version::V1] {
            for (meters, readings) in [(1, 1), (7, 7), (2, 30)] {
                let instructions = submit(&payer, meters, readings);
                let message = version.message(&payer, &instructions, LIMITS, Hash::default());
                let message = message.expect("a message");
                let expected = size(&message);
                let transaction = VersionedTransaction {
                    signatures: vec![Default::default()],
                    message,
                };
                assert_eq!(
                    wincode::serialize(&transaction).expect("bytes").len() as u64,
                    expected
                );
            }
        }
    }

    /// Bytes for legacy transactions; accounts for those of version 1.
    #[test]
    fn the_most_that_fits() {
        let payer = Pubkey::new_from_array([9; 32]);
        for (version, meters, of_one) in [(Version::Legacy, 15, 34), (Version::V1, 59, 60)] {
            let room = version.room(&payer, &submit(&payer, 1, 1), LIMITS);
            let room = room.expect("a message");
            assert_eq!(room.most_meters(), meters, "{version:?}");
            assert!(version.fits(&payer, &submit(&payer, meters, meters), LIMITS));
            assert!(!version.fits(&payer, &submit(&payer, meters + 1, meters + 1), LIMITS));
            assert!(room.fits(of_one, 1), "{version:?}");
            assert!(!room.fits(of_one + 1, 1), "{version:?}");
        }
    }

    #[test]
    fn what_is_asked_for_stands_in_the_message() {
        let payer = Pubkey::new_from_array([9; 32]);
        let limits = Limits {
            units: 200_001,
            price: Some(10),
            loaded_bytes: 1 << 19,
        };
        let message = Version::V1.message(&payer, &submit(&payer, 1, 1), limits, Hash::default());
        let Ok(VersionedMessage::V1(message)) = message else {
            panic!("{message:?}")
        };
        let config = message.config;
        assert_eq!(config.compute_unit_limit, Some(200_001));
        assert_eq!(config.loaded_accounts_data_size_limit, Some(1 << 19));
        // 2.00001 lamports, rounded up.
        assert_eq!(config.priority_fee, Some(3));
        assert_eq!(message.instructions.len(), 1);
    }
}
