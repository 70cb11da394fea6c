//! How many readings fit into a transaction, what each costs, and what runs in parallel.

use std::collections::BTreeSet;

use gridtoken_tests::{TestMeter, World};
use oracle_program::{
    instruction::submit_signed_readings,
    signature::{message, precompile, Signed},
};
use registry_program::instruction::RegisterMeter;
use shared_state::{
    reading::Reading,
    state::{Meter, PowerProfile},
};
use solana_account::Account;
use solana_address_lookup_table_interface::{
    program,
    state::{AddressLookupTable, LookupTableMeta},
};
use solana_keypair::Keypair;
use solana_message::{v0, AddressLookupTableAccount, Message, VersionedMessage};
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use solana_transaction::{versioned::VersionedTransaction, Transaction};

use crate::costs::check;

const TRANSACTION_SIZE: u64 = 1_232;

/// Fails unless this many readings were sent at this price for each.
fn check_batch(
    what: &str,
    count: usize,
    expected_count: usize,
    units: u64,
    ceiling: u64,
    most_each: u64,
) {
    assert_eq!(count, expected_count, "{what}");
    check(&format!("{what}, {count} readings"), units, ceiling);
    let each = units.div_ceil(count as u64);
    println!("{what}: {each} CU each");
    assert!(each <= most_each, "{what}: {each} CU each");
}

/// Meters that are warmed up, so that the anomaly rules are at work.
async fn meters(world: &mut World, count: usize) -> Vec<TestMeter> {
    let mut meters = Vec::new();
    for index in 0..count {
        let meter = world.active_meter(&format!("M-{index}")).await;
        world
            .edit(&meter.address, |meter: &mut Meter| {
                meter.accepted_count = 1_000;
                meter.quality = 8_500;
                meter.profile = PowerProfile {
                    generation_mean_w: 4_000,
                    generation_deviation_w: 500,
                    consumption_mean_w: 2_000,
                    consumption_deviation_w: 300,
                };
            })
            .await;
        meters.push(meter);
    }
    world.pass_time(900).await;
    meters
}

/// A reading for each meter.
fn readings(world: &World, meters: &[TestMeter]) -> Vec<(Pubkey, Reading)> {
    let reading = world.reading(1_000, 500);
    meters
        .iter()
        .map(|meter| (meter.address, reading))
        .collect()
}

fn legacy_size(world: &World, instructions: &[Instruction]) -> u64 {
    let transaction = Transaction::new_with_payer(instructions, Some(&world.reporter.pubkey()));
    bincode::serialized_size(&transaction).expect("a size")
}

/// The longest prefix of the items whose transaction, with the reporter as payer, fits.
fn most_that_fit(most: usize, size: impl Fn(usize) -> u64) -> usize {
    (1..=most)
        .take_while(|count| size(*count) <= TRANSACTION_SIZE)
        .count()
}

/// Sends with the reporter as payer, as a gateway does, and returns the compute units.
async fn send(world: &mut World, instructions: &[Instruction]) -> u64 {
    use grid::cluster::Cluster;
    let reporter = world.reporter.insecure_clone();
    let funds = Account::new(1_000_000_000, 0, &solana_sdk_ids::system_program::ID);
    world.bank.set_account(&reporter.pubkey(), funds);
    world
        .bank
        .send(&reporter, &[], instructions)
        .await
        .expect("accepted")
        .compute_units
}

#[tokio::test]
async fn one_reading() {
    let mut world = World::new().await;
    let meters = meters(&mut world, 1).await;
    let submit = world.submit(&readings(&world, &meters));
    check(
        "SubmitReadings, one",
        send(&mut world, &[submit]).await,
        ONE_READING,
    );
    const { assert!(ONE_READING <= 5_000) };
}
const ONE_READING: u64 = 2_750;

#[tokio::test]
async fn twelve_readings() {
    let mut world = World::new().await;
    let meters = meters(&mut world, 12).await;
    let submit = world.submit(&readings(&world, &meters));
    let units = send(&mut world, &[submit]).await;
    check_batch("SubmitReadings", 12, 12, units, 10_500, 1_500);
}

#[tokio::test]
async fn the_largest_legacy_batch() {
    let mut world = World::new().await;
    let meters = meters(&mut world, 20).await;
    let readings = readings(&world, &meters);
    let count = most_that_fit(20, |count| {
        legacy_size(&world, &[world.submit(&readings[..count])])
    });
    let submit = world.submit(&readings[..count]);
    let units = send(&mut world, &[submit]).await;
    check_batch("SubmitReadings, legacy", count, 16, units, 13_300, 900);
}

/// A gateway that was offline: as many readings of one meter as fit.
#[tokio::test]
async fn the_largest_batch_of_one_meter() {
    let mut world = World::new().await;
    let meters = meters(&mut world, 1).await;
    world.pass_time(60 * 900).await;
    let readings: Vec<_> = (1..=50)
        .map(|index| {
            let reading = Reading {
                timestamp: world.now - (50 - index) * 900,
                ..world.reading(index as u64 * 1_000, index as u64 * 500)
            };
            (meters[0].address, reading)
        })
        .collect();
    let count = most_that_fit(50, |count| {
        legacy_size(&world, &[world.submit(&readings[..count])])
    });
    let submit = world.submit(&readings[..count]);
    let units = send(&mut world, &[submit]).await;
    check_batch(
        "SubmitReadings, legacy, one meter",
        count,
        36,
        units,
        29_900,
        900,
    );
    assert_eq!(world.meter(&meters[0]).await.accepted_count, 1_000 + 36);
}

/// Addresses of meters in a lookup table, as an operator would set one up for each gateway.
#[tokio::test]
async fn the_largest_batch_with_a_lookup_table() {
    let mut world = World::new().await;
    let meters = meters(&mut world, 45).await;
    let deployment = world.deployment;
    let mut addresses = vec![
        deployment.oracle_config(),
        deployment.registry_config(),
        deployment.registry_program,
    ];
    addresses.extend(meters.iter().map(|meter| meter.address));
    let table = AddressLookupTableAccount {
        key: Pubkey::new_unique(),
        addresses: addresses.clone(),
    };
    let state = AddressLookupTable {
        meta: LookupTableMeta::default(),
        addresses: addresses.into(),
    };
    let mut account = Account::new(1_000_000_000, 0, &program::ID);
    account.data = state.serialize_for_tests().expect("to memory");
    world.bank.set_account(&table.key, account);

    let reporter = world.reporter.insecure_clone();
    let funds = Account::new(1_000_000_000, 0, &solana_sdk_ids::system_program::ID);
    world.bank.set_account(&reporter.pubkey(), funds);
    let readings = readings(&world, &meters);
    let transaction = |count: usize, blockhash| {
        let submit = world
            .deployment
            .submit_readings(&reporter.pubkey(), true, &readings[..count]);
        let tables = std::slice::from_ref(&table);
        let message = v0::Message::try_compile(&reporter.pubkey(), &[submit], tables, blockhash);
        let message = VersionedMessage::V0(message.expect("a message"));
        VersionedTransaction::try_new(message, &[&reporter]).expect("signed")
    };
    let size =
        |count| bincode::serialized_size(&transaction(count, Default::default())).expect("a size");
    let count = most_that_fit(45, size);
    let deployed = world.deployment;
    let transaction = |count: usize, blockhash| {
        let submit = deployed.submit_readings(&reporter.pubkey(), true, &readings[..count]);
        let tables = std::slice::from_ref(&table);
        let message = v0::Message::try_compile(&reporter.pubkey(), &[submit], tables, blockhash);
        let message = VersionedMessage::V0(message.expect("a message"));
        VersionedTransaction::try_new(message, &[&reporter]).expect("signed")
    };
    let receipt = world
        .bank
        .process(|blockhash| transaction(count, blockhash))
        .await;
    let units = receipt.expect("accepted").compute_units;
    check_batch(
        "SubmitReadings, v0 with a lookup table",
        count,
        38,
        units,
        28_800,
        900,
    );
    assert_eq!(world.meter(&meters[count - 1]).await.accepted_count, 1_001);
}

#[tokio::test]
async fn the_largest_signed_batch() {
    let mut world = World::new().await;
    let (oracle, registry) = (
        world.deployment.oracle_program,
        world.deployment.registry_program,
    );
    let (mut signed, mut readings): (Vec<Signed>, Vec<(Pubkey, Reading)>) = Default::default();
    let mut meters = Vec::new();
    for index in 0..5 {
        let device = Keypair::new();
        let (owner, wallet) = world.owner().await;
        let args = RegisterMeter {
            device_key: device.pubkey(),
            ..World::registration(&format!("S-{index}"), &owner.pubkey())
        };
        meters.push((world.register(args, owner, wallet).await, device));
    }
    world.pass_time(900).await;
    let reading = world.reading(1_000, 500);
    for (meter, device) in &meters {
        let message = message(&registry, &meter.id, &reading);
        signed.push((
            device.pubkey(),
            *device.sign_message(&message).as_array(),
            message,
        ));
        readings.push((meter.address, reading));
    }
    let reporter = world.reporter.pubkey();
    let instructions = |count: usize| {
        let submit =
            submit_signed_readings(&oracle, &reporter, &registry, true, &readings[..count]);
        [precompile(&signed[..count]), submit]
    };
    let count = most_that_fit(5, |count| legacy_size(&world, &instructions(count)));
    let units = send(&mut world, &instructions(count)).await;
    check_batch(
        "SubmitSignedReadings, legacy",
        count,
        3,
        units,
        4_400,
        1_500,
    );
}

/// The accounts that a transaction locks for writing.
fn write_set(payer: &Pubkey, instruction: Instruction) -> BTreeSet<Pubkey> {
    let message = Message::new(&[instruction], Some(payer));
    let writable = |index: &usize| {
        message.is_maybe_writable_with_reserved_addresses(*index, None::<&BTreeSet<Pubkey>>)
    };
    (0..message.account_keys.len())
        .filter(writable)
        .map(|index| message.account_keys[index])
        .collect()
}

#[tokio::test]
async fn submissions_share_nothing_and_settlements_only_the_mint_and_its_config() {
    let mut world = World::new().await;
    let meters = meters(&mut world, 4).await;
    let readings = readings(&world, &meters);
    let deployment = world.deployment;
    let (first, second) = (Pubkey::new_unique(), Pubkey::new_unique());
    let one = write_set(
        &first,
        deployment.submit_readings(&first, false, &readings[..2]),
    );
    let two = write_set(
        &second,
        deployment.submit_readings(&second, false, &readings[2..]),
    );
    assert_eq!(
        one,
        BTreeSet::from([first, meters[0].address, meters[1].address])
    );
    assert_eq!(
        two,
        BTreeSet::from([second, meters[2].address, meters[3].address])
    );
    assert!(one.is_disjoint(&two));

    let settle = |meter: &TestMeter| write_set(&meter.owner.pubkey(), world.settlement(meter));
    let (one, two) = (settle(&meters[0]), settle(&meters[1]));
    let shared: BTreeSet<_> = one.intersection(&two).copied().collect();
    assert_eq!(
        shared,
        BTreeSet::from([deployment.mint(), deployment.token_config()])
    );
    // A reading and a settlement of different meters share nothing.
    let reading = write_set(
        &first,
        deployment.submit_readings(&first, false, &readings[2..]),
    );
    assert!(one.is_disjoint(&reading));
}
