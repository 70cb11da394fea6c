//! The largest batches: as much as fits into a transaction of version 1.

use gridtoken_tests::World;
use registry_program::instruction as registry;
use shared_state::{
    quantity::{Bps, Wh},
    reading::Reading,
    state::Meter,
};
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;

use crate::{
    cases::{meters, usual},
    measure::{measure_version_1, most_in_version_1, world, Row},
};

/// The most accounts that a transaction of version 1 can name, and that our programs take, repeated ones included.
const MOST_ACCOUNTS: usize = 64;
/// How many of them a submission needs beside its meters.
const OURS: usize = 4;

/// Measures all.
pub async fn all(rows: &mut Vec<Row>) {
    rows.push(readings_of_many().await);
    rows.push(readings_of_one().await);
    rows.push(settlements().await);
}

/// A reading each of as many meters as accounts fit.
async fn readings_of_many() -> Row {
    let mut world = world().await;
    let meters = meters(&mut world, MOST_ACCOUNTS).await;
    let readings = usual(&world, &meters);
    let reporter = world.reporter.clone();
    let submit = |count: usize| vec![world.submit(&readings[..count])];
    let count = most_in_version_1(&reporter.pubkey(), MOST_ACCOUNTS, submit);
    let instructions = submit(count);
    let case = format!("{count} meters, version 1");
    let name = ("oracle", "SubmitReadings", case);
    let row = measure_version_1(&mut world, name, &reporter, &instructions).await;
    assert_eq!(row.events.len(), count);
    row
}

/// As many readings of one meter as the oracle takes accounts.
async fn readings_of_one() -> Row {
    let mut world = world().await;
    let meter = meters(&mut world, 1).await.remove(0);
    let most = MOST_ACCOUNTS - OURS;
    world.pass_time(most as i64 * 900).await;
    let readings: Vec<_> = (1..=most)
        .map(|index| {
            let reading = Reading {
                timestamp: world.now - (most - index) as i64 * 900,
                ..world.reading(index as u64 * 1_000, index as u64 * 500)
            };
            (meter.address, reading)
        })
        .collect();
    let reporter = world.reporter.clone();
    let submit = |count: usize| vec![world.submit(&readings[..count])];
    let count = most_in_version_1(&reporter.pubkey(), most, submit);
    let instructions = submit(count);
    let case = format!("{count} readings of one meter, version 1");
    let name = ("oracle", "SubmitReadings", case);
    let row = measure_version_1(&mut world, name, &reporter, &instructions).await;
    assert_eq!(row.events.len(), count);
    row
}

/// As many meters of one owner as accounts fit.
async fn settlements() -> Row {
    let mut world = world().await;
    let (owner, wallet) = world.owner().await;
    let mut meters: Vec<Pubkey> = Vec::new();
    for index in 0..MOST_ACCOUNTS {
        let args = World::registration(&format!("M-{index}"), &owner.pubkey());
        let meter = world.register(args, owner.clone(), wallet).await;
        let claimable = |meter: &mut Meter| {
            meter.total_generation = Wh(9_000);
            meter.claimable_net_generation = Wh(9_000);
            meter.state.accepted_count = 1;
            meter.state.quality = Bps(8_500);
        };
        world.edit(&meter.address, claimable).await;
        meters.push(meter.address);
    }
    let deployment = world.deployment;
    let settle = |count: usize| -> Vec<Instruction> {
        vec![registry::settle_many_and_mint_tokens(
            &deployment.registry_program,
            &meters[..count],
            &owner.pubkey(),
            &deployment.token_program,
            &wallet,
        )]
    };
    let count = most_in_version_1(&owner.pubkey(), MOST_ACCOUNTS, settle);
    let case = format!("{count} meters, version 1");
    let name = ("registry", "SettleManyAndMintTokens", case);
    let row = measure_version_1(&mut world, name, &owner, &settle(count)).await;
    assert_eq!(row.events.len(), count + 1);
    row
}
