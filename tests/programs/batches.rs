//! What runs in parallel, and readings of many kinds in one batch. (How many fit and what they cost: `scripts/bench`.)

use std::collections::BTreeSet;

use gridtoken_tests::{TestMeter, World};
use shared_state::{
    event::Event,
    quantity::{Bps, Wh},
    reading::Reading,
    state::Meter,
    GridError,
};
use solana_message::Message;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;

/// A gateway that was offline: many readings of two meters, in turn.
#[tokio::test]
async fn a_batch_of_two_meters_readings_in_turn() {
    let mut world = World::new().await;
    let meters = [
        world.active_meter("M-1").await,
        world.active_meter("M-2").await,
    ];
    world.pass_time(60 * 900).await;
    let readings: Vec<_> = (1..=16)
        .flat_map(|index| {
            let reading = Reading {
                timestamp: world.now - (16 - index) * 900,
                ..world.reading(index as u64 * 1_000, index as u64 * 500)
            };
            [(meters[0].address, reading), (meters[1].address, reading)]
        })
        .collect();
    let submit = world.submit(&readings);
    let reporter = world.reporter.clone();
    let receipt = world.send(&[&reporter], submit).await;
    assert_eq!(receipt.events().len(), 32);
    for meter in &meters {
        let account = world.meter(meter).await;
        assert_eq!(account.state.accepted_count, 16);
        assert_eq!(account.total_generation, Wh(16_000));
        assert_eq!(account.unsettled(), Wh(8_000));
    }
    let sequences: Vec<u32> = receipt
        .events()
        .iter()
        .map(|event| match event {
            Event::MeterReadingRecorded(recorded) => recorded.sequence,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sequences[..4], [1, 1, 2, 2]);
}

/// What a reading leaves behind counts for the next one of the same batch: the meter warms up in the middle of it, so its
/// fourth reading is an anomaly, and the rejected one between lowers the quality.
#[tokio::test]
async fn a_meter_warms_up_within_a_batch() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world
        .edit(&meter.address, |meter: &mut Meter| {
            meter.state.accepted_count = 93;
            meter.state.quality = Bps(8_500);
            meter.state.profile.generation_mean_w = 4_000;
            meter.state.profile.generation_deviation_w = 10;
        })
        .await;
    world.pass_time(5 * 900).await;
    let start = world.now - 5 * 900;
    let readings: Vec<_> = [
        (1, 20_000),
        (2, 40_000),
        (3, 60_000),
        // Backwards.
        (4, 59_999),
        (5, 109_000),
    ]
    .into_iter()
    .map(|(step, generation_register)| {
        let reading = Reading {
            timestamp: start + step * 900,
            generation_register: Wh(generation_register),
            consumption_register: Wh(0),
        };
        (meter.address, reading)
    })
    .collect();
    let submit = world.submit_recorded(&readings);
    let reporter = world.reporter.clone();
    let receipt = world.send(&[&reporter], submit).await;
    let mut flags = Vec::new();
    let mut rejected = 0;
    for event in receipt.events() {
        match event {
            Event::MeterReadingRecorded(recorded) => flags.push(recorded.flags & 3),
            Event::MeterReadingRejected(_) => rejected += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((flags, rejected), (vec![0, 0, 0, 1], 1));
    let account = world.meter(&meter).await;
    assert_eq!(
        (account.state.accepted_count, account.rejected_count),
        (97, 1)
    );
    assert_eq!(account.total_generation, Wh(109_000));
}

/// A register jump so large that its energy in watt-seconds wraps around to almost nothing.
#[tokio::test]
async fn a_jump_that_wraps_around_is_refused() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.pass_time(900).await;
    let jump = u64::MAX / 3_600 + 1;
    let submit = world.submit(&[(meter.address, world.reading(jump, 0))]);
    let reporter = world.reporter.clone();
    world
        .refuse(&[&reporter], submit, GridError::RegisterJumped)
        .await;
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
    let mut meters = Vec::new();
    for index in 0..4 {
        meters.push(world.active_meter(&format!("M-{index}")).await);
    }
    let reading = world.reading(1_000, 500);
    let readings: Vec<_> = meters
        .iter()
        .map(|meter| (meter.address, reading))
        .collect();
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
