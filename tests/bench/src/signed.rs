//! Readings that devices signed: one under a signature, and as many as fit, in both versions of transactions.

use gridtoken_client::device::SigningKey;
use gridtoken_tests::{device, SigningMeter, World};
use oracle_program::signature::{precompile, Scheme, SignedMessage};
use shared_state::reading::Reading;
use solana_hash::Hash;
use solana_program::instruction::Instruction;
use solana_signer::Signer;

use crate::measure::{
    measure, measure_version_1, most_in_version_1, most_that_fit, transaction, world, Row,
};

/// How many signatures an instruction of the Secp256r1 program can have.
const MOST_OF_P256: usize = 8;
/// Quarters of an hour in a day.
const DAY: usize = 96;

type Kind = (&'static str, fn(&str) -> SigningKey);
const KINDS: [Kind; 2] = [("", device::ed25519), (", P-256", device::p256)];

/// Measures all.
pub async fn all(rows: &mut Vec<Row>) {
    for kind in KINDS {
        rows.push(one_each(kind, 1).await);
        rows.push(one_each(kind, 5).await);
        rows.push(under_one_signature(kind, false).await);
        rows.push(one_each_in_version_1(kind).await);
        rows.push(under_one_signature(kind, true).await);
    }
}

async fn meters(world: &mut World, (_, key): Kind, count: usize) -> Vec<SigningMeter> {
    let mut meters = Vec::new();
    for index in 0..count {
        let name = format!("S-{index}");
        let meter = world.signing_meter(&name, key(&name)).await;
        world.season(&meter.meter).await;
        meters.push(meter);
    }
    world.pass_time(900).await;
    meters
}

/// The instructions that submit these signed messages, one for each meter.
fn submission(
    world: &World,
    meters: &[SigningMeter],
    signed: &[SignedMessage],
) -> Vec<Instruction> {
    let scheme = Scheme::of_key(signed[0].key_type).expect("a key");
    let most = match scheme {
        Scheme::Ed25519 => signed.len(),
        Scheme::Secp256r1 => MOST_OF_P256,
    };
    let verified = signed.chunks(most).map(|part| precompile(scheme, part));
    let meters: Vec<&SigningMeter> = meters.iter().collect();
    verified
        .chain([world.submit_signed(true, &meters)])
        .collect()
}

/// A reading of each of at most so many meters, each with its signature.
async fn one_each(kind: Kind, wanted: usize) -> Row {
    let mut world = world().await;
    let meters = meters(&mut world, kind, wanted).await;
    let reading = world.reading(1_000, 500);
    let signed: Vec<_> = meters
        .iter()
        .map(|meter| world.sign(meter, &[reading]))
        .collect();
    let reporter = world.reporter.clone();
    let instructions = |count: usize| submission(&world, &meters[..count], &signed[..count]);
    let count = most_that_fit(wanted, |count| {
        transaction(&reporter, &[], &instructions(count), &[], Hash::default())
    });
    let instructions = instructions(count);
    let case = match count {
        1 => "1 reading".into(),
        _ => format!("{count} readings"),
    };
    let name = ("oracle", "SubmitSignedReadings", case + kind.0);
    let row = measure(&mut world, name, &reporter, &[], &instructions, &[]).await;
    assert_eq!(row.events.len(), count);
    row
}

/// The same for as many meters as fit into a transaction of version 1: two instructions at most can verify the signatures.
async fn one_each_in_version_1(kind: Kind) -> Row {
    let wanted = 2 * MOST_OF_P256;
    let mut world = world().await;
    let meters = meters(&mut world, kind, wanted).await;
    let reading = world.reading(1_000, 500);
    let signed: Vec<_> = meters
        .iter()
        .map(|meter| world.sign(meter, &[reading]))
        .collect();
    let reporter = world.reporter.clone();
    let instructions = |count: usize| submission(&world, &meters[..count], &signed[..count]);
    let count = most_in_version_1(&reporter.pubkey(), wanted, instructions);
    let instructions = instructions(count);
    let case = format!("{count} readings{}, version 1", kind.0);
    let name = ("oracle", "SubmitSignedReadings", case);
    let row = measure_version_1(&mut world, name, &reporter, &instructions).await;
    assert_eq!(row.events.len(), count);
    row
}

/// A day's readings under one signature, which take a transaction of version 1; or as many of them as a legacy one holds.
async fn under_one_signature(kind: Kind, in_version_1: bool) -> Row {
    let mut world = world().await;
    let meters = meters(&mut world, kind, 1).await;
    world.pass_time((DAY as i64 - 1) * 900).await;
    let readings: Vec<Reading> = (1..=DAY)
        .map(|index| Reading {
            timestamp: world.now - (DAY - index) as i64 * 900,
            ..world.reading(index as u64 * 1_000, index as u64 * 500)
        })
        .collect();
    let reporter = world.reporter.clone();
    let instructions = |count: usize| {
        let signed = world.sign(&meters[0], &readings[..count]);
        submission(&world, &meters, &[signed])
    };
    let (count, version) = if in_version_1 {
        let most = most_in_version_1(&reporter.pubkey(), DAY, instructions);
        (most, ", version 1")
    } else {
        let most = most_that_fit(DAY, |count| {
            transaction(&reporter, &[], &instructions(count), &[], Hash::default())
        });
        (most, "")
    };
    let instructions = instructions(count);
    let case = format!("{count} readings under one signature{}{version}", kind.0);
    let name = ("oracle", "SubmitSignedReadings", case);
    let row = if in_version_1 {
        measure_version_1(&mut world, name, &reporter, &instructions).await
    } else {
        measure(&mut world, name, &reporter, &[], &instructions, &[]).await
    };
    assert_eq!(row.events.len(), count);
    row
}
