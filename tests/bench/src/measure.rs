//! One transaction, and what it costs.

use std::collections::BTreeSet;

use gridtoken_client::{
    cluster::Cluster,
    deployment::Deployment,
    transaction::TRANSACTION_SIZE,
    version::{self, Limits, Version},
};
use gridtoken_tests::World;
use shared_state::event::Event;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_loader_v3_interface::get_program_data_address;
use solana_message::{v0, AddressLookupTableAccount, VersionedMessage};
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_sdk_ids::{ed25519_program, secp256r1_program};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

/// What a lookup table counts for when it is loaded (bytes).
const LOOKUP_TABLE: u64 = 8_248;

/// A line of the table.
pub struct Row {
    pub program: &'static str,
    pub instruction: &'static str,
    pub case: String,
    /// Compute units of the whole transaction.
    pub units: u64,
    /// Different accounts that it names.
    pub accounts: usize,
    pub bytes: u64,
    /// What it takes of a block.
    pub cost_units: u64,
    /// What it logged.
    pub events: Vec<Event>,
}

/// A world whose programs stand at fixed addresses, so that the search for derived addresses takes the same time in every
/// run.
pub async fn world() -> World {
    let mut world = uninitialized_world().await;
    world.set_up().await;
    world
}

/// The same before its initialization.
pub async fn uninitialized_world() -> World {
    let deployment = Deployment {
        oracle_program: Pubkey::new_from_array([11; 32]),
        registry_program: Pubkey::new_from_array([12; 32]),
        token_program: Pubkey::new_from_array([13; 32]),
    };
    World::deployed_at(deployment, |_, _, _| {}).await
}

/// A transaction of these instructions, signed by the payer and the others.
pub fn transaction(
    payer: &Keypair,
    others: &[&Keypair],
    instructions: &[Instruction],
    tables: &[AddressLookupTableAccount],
    blockhash: Hash,
) -> VersionedTransaction {
    let mut signers = vec![payer];
    signers.extend(others);
    let key = payer.pubkey();
    let message = if tables.is_empty() {
        VersionedMessage::Legacy(solana_message::Message::new_with_blockhash(
            instructions,
            Some(&key),
            &blockhash,
        ))
    } else {
        let message = v0::Message::try_compile(&key, instructions, tables, blockhash);
        VersionedMessage::V0(message.expect("a message"))
    };
    VersionedTransaction::try_new(message, &signers).expect("signed")
}

/// A transaction of version 1, with the highest limits that there are.
fn version_1(
    payer: &Keypair,
    instructions: &[Instruction],
    blockhash: Hash,
) -> VersionedTransaction {
    let message = Version::V1.message(&payer.pubkey(), instructions, MOST, blockhash);
    VersionedTransaction::try_new(message.expect("a message"), &[payer]).expect("signed")
}

/// The limits of a transaction of version 1.
const MOST: Limits = Limits {
    units: 1_400_000,
    price: None,
    loaded_bytes: 64 * 1024 * 1024,
};

/// The most items whose instructions fit into a transaction of version 1.
pub fn most_in_version_1(
    payer: &Pubkey,
    most: usize,
    instructions: impl Fn(usize) -> Vec<Instruction>,
) -> usize {
    (1..=most)
        .take_while(|count| Version::V1.fits(payer, &instructions(*count), MOST))
        .count()
}

/// Its size in bytes.
pub fn size(transaction: &VersionedTransaction) -> u64 {
    version::size(&transaction.message)
}

/// The most items whose transaction fits.
pub fn most_that_fit(most: usize, transaction: impl Fn(usize) -> VersionedTransaction) -> usize {
    (1..=most)
        .take_while(|count| size(&transaction(*count)) <= TRANSACTION_SIZE)
        .count()
}

/// Sends the transaction, which must succeed, and measures it. `payer` is who acts, and pays.
pub async fn measure(
    world: &mut World,
    name: (&'static str, &'static str, impl Into<String>),
    payer: &Keypair,
    others: &[&Keypair],
    instructions: &[Instruction],
    tables: &[AddressLookupTableAccount],
) -> Row {
    let sign = |blockhash| transaction(payer, others, instructions, tables, blockhash);
    let tables = LOOKUP_TABLE * tables.len() as u64;
    measure_signed(world, name, payer, instructions, tables, sign).await
}

/// The same in a transaction of version 1.
pub async fn measure_version_1(
    world: &mut World,
    name: (&'static str, &'static str, impl Into<String>),
    payer: &Keypair,
    instructions: &[Instruction],
) -> Row {
    let sign = |blockhash| version_1(payer, instructions, blockhash);
    measure_signed(world, name, payer, instructions, 0, sign).await
}

/// The same for the transaction that `sign` makes of a blockhash. `loaded`: bytes that it loads beside accounts and programs.
async fn measure_signed(
    world: &mut World,
    name: (&'static str, &'static str, impl Into<String>),
    payer: &Keypair,
    instructions: &[Instruction],
    mut loaded: u64,
    sign: impl Fn(Hash) -> VersionedTransaction,
) -> Row {
    world.fund(&payer.pubkey());
    let receipt = world.bank.process(&sign).await;
    let receipt = match receipt {
        Ok(receipt) => receipt,
        Err(error) => panic!("{}: {error:#?}", name.1),
    };
    let units = receipt.compute_units;
    let transaction = sign(Hash::default());

    let mut accounts: BTreeSet<Pubkey> = [payer.pubkey()].into();
    let mut writable = accounts.clone();
    for instruction in instructions {
        accounts.insert(instruction.program_id);
        for meta in &instruction.accounts {
            accounts.insert(meta.pubkey);
            if meta.is_writable {
                writable.insert(meta.pubkey);
            }
        }
    }
    let precompiled: u64 = instructions
        .iter()
        .map(|instruction| match instruction.program_id {
            ed25519_program::ID => 2_400 * u64::from(instruction.data[0]),
            secp256r1_program::ID => 4_800 * u64::from(instruction.data[0]),
            _ => 0,
        })
        .sum();
    let data: usize = instructions
        .iter()
        .map(|instruction| instruction.data.len())
        .sum();
    // A program's code is loaded with it.
    let mut loads = accounts.clone();
    loads.extend(accounts.iter().map(get_program_data_address));
    for address in loads {
        let account = world.bank.account(&address).await.expect("an answer");
        loaded += account.map_or(0, |account| account.data.len() as u64 + 64);
    }
    Row {
        program: name.0,
        instruction: name.1,
        case: name.2.into(),
        units,
        accounts: accounts.len(),
        bytes: size(&transaction),
        cost_units: 720 * transaction.signatures.len() as u64
            + precompiled
            + 300 * writable.len() as u64
            + data as u64 / 4
            + 8 * loaded.div_ceil(32 * 1024)
            + units,
        events: receipt.events(),
    }
}
