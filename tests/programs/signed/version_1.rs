//! Batches that take a transaction of version 1: as many as the runtime verifies, and as many as the log shows.

use super::*;
use gridtoken_client::version::{Limits, Version};
use shared_state::{quantity::Wh, reading::Reading};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

/// Sends instructions as the reporter, who pays, in a transaction of version 1.
async fn send_version_1(
    world: &mut World,
    instructions: &[Instruction],
) -> Result<Receipt, SendError> {
    let reporter = world.reporter.clone();
    world.fund(&reporter.pubkey());
    let limits = Limits {
        units: 1_400_000,
        price: None,
        loaded_bytes: 1024 * 1024,
    };
    assert!(Version::V1.fits(&reporter.pubkey(), instructions, limits));
    world
        .bank
        .process(|blockhash| {
            let message = Version::V1.message(&reporter.pubkey(), instructions, limits, blockhash);
            VersionedTransaction::try_new(message.expect("a message"), &[&*reporter])
                .expect("signed")
        })
        .await
}

/// As many readings as were counted every quarter of an hour until now.
fn quarters(world: &World, count: usize) -> Vec<Reading> {
    (1..=count)
        .map(|index| Reading {
            timestamp: world.now - (count - index) as i64 * 900,
            ..world.reading(index as u64 * 1_000, index as u64 * 500)
        })
        .collect()
}

#[tokio::test]
async fn a_days_readings_under_one_signature() {
    for kind in KINDS {
        let (mut world, [meter]) = world_of(kind).await;
        world.pass_time(95 * 900).await;
        let readings = quarters(&world, 96);
        let instructions = [
            verify(&[world.sign(&meter, &readings)]),
            world.submit_signed(true, &[&meter]),
        ];
        let receipt = send_version_1(&mut world, &instructions).await;
        let receipt = receipt.expect("accepted");
        assert_eq!(receipt.events().len(), 96);
        let meter = world.meter(&meter.meter).await;
        assert_eq!(meter.state.accepted_count, 96);
        assert_eq!(meter.total_generation, Wh(96_000));
    }
}

/// A node keeps 10,000 bytes of a log and drops the line that goes beyond, with all events in it. What one signature covers
/// can't be divided, so devices sign no more readings at once than the log shows. (The bank here keeps all of it.)
#[tokio::test]
async fn the_log_shows_111_readings() {
    const KEPT: usize = 10_000;
    for (count, is_kept) in [(111, true), (112, false)] {
        let (mut world, [meter]) = world_of(device::p256).await;
        world.pass_time(count as i64 * 900).await;
        let readings = quarters(&world, count);
        let instructions = [
            verify(&[world.sign(&meter, &readings)]),
            world.submit_signed(true, &[&meter]),
        ];
        let receipt = send_version_1(&mut world, &instructions).await;
        let receipt = receipt.expect("accepted");
        assert_eq!(receipt.events().len(), count);
        let log: usize = receipt.logs.iter().map(String::len).sum();
        assert_eq!(log < KEPT, is_kept, "{count} readings: {log} bytes");
    }
}

/// Eight signatures in each of two instructions are the most that Secp256r1's program verifies; the bytes end before.
#[tokio::test]
async fn as_many_signatures_as_fit() {
    let (mut world, meters) = world_of::<15>(device::p256).await;
    let reading = world.reading(1_000, 500);
    let signed = meters.each_ref().map(|meter| world.sign(meter, &[reading]));
    let submit = world.submit_signed(true, &meters.each_ref());
    let nine = [verify(&signed[..9]), verify(&signed[9..]), submit.clone()];
    let error = send_version_1(&mut world, &nine).await.expect_err("nine");
    let expected = InstructionError::Custom(PrecompileError::InvalidInstructionDataSize as u32);
    let SendError::Refused { error, .. } = error else {
        panic!("{error:#?}")
    };
    assert_eq!(error, TransactionError::InstructionError(0, expected));
    let eight = [verify(&signed[..8]), verify(&signed[8..]), submit];
    let receipt = send_version_1(&mut world, &eight).await.expect("accepted");
    assert_eq!(receipt.events().len(), 15);
}
