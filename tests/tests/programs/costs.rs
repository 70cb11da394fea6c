//! What the flow costs, in compute units of whole transactions and in bytes. The ceilings stand just above the figures
//! that were measured last: a change that costs more is seen here.

use grid::embedded::program_folder;
use gridtoken_tests::{TestMeter, World};
use shared_state::reading::Reading;
use shared_state::state::{AccountLayout, Meter};
use solana_program::pubkey::Pubkey;

/// Fails above the ceiling, and also far below it: then the ceiling is out of date.
fn check(what: &str, units: u64, ceiling: u64) {
    println!("{what}: {units} CU (ceiling {ceiling})");
    assert!(
        units <= ceiling,
        "{what} takes {units} CU, over its ceiling of {ceiling}"
    );
    assert!(
        units * 100 >= ceiling * 95,
        "{what} takes only {units} CU: lower its ceiling of {ceiling}"
    );
}

async fn meters(world: &mut World, count: usize) -> Vec<TestMeter> {
    let mut meters = Vec::new();
    for index in 0..count {
        meters.push(world.active_meter(&format!("M-{index}")).await);
    }
    meters
}

async fn submit(world: &mut World, readings: &[(Pubkey, Reading)]) -> u64 {
    let reporter = world.reporter.insecure_clone();
    let submit = world.submit(readings);
    world.send(&[&reporter], submit).await.compute_units
}

#[tokio::test]
async fn a_settlement() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    check(
        "SettleAndMintTokens",
        world.settle(&meter).await.compute_units,
        SETTLEMENT,
    );
    const { assert!(SETTLEMENT <= 6_500) };
}
const SETTLEMENT: u64 = 3_350;

#[tokio::test]
async fn one_reading() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let units = world.report(&meter, 900, 10_000, 0).await.compute_units;
    check("SubmitReadings, one", units, ONE_READING);
    const { assert!(ONE_READING <= 5_000) };
}
const ONE_READING: u64 = 2_550;

#[tokio::test]
async fn twelve_readings() {
    let mut world = World::new().await;
    let meters = meters(&mut world, 12).await;
    world.pass_time(900).await;
    let readings: Vec<_> = meters
        .iter()
        .map(|meter| (meter.address, world.reading(1_000, 500)))
        .collect();
    check(
        "SubmitReadings, twelve",
        submit(&mut world, &readings).await,
        TWELVE_READINGS,
    );
    const { assert!(TWELVE_READINGS <= 12 * 1_500) };
}
const TWELVE_READINGS: u64 = 12_600;

#[tokio::test]
async fn twelve_readings_of_one_meter() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.pass_time(12 * 900).await;
    let readings: Vec<_> = (1..=12)
        .map(|index| {
            let reading = Reading {
                timestamp: world.now - (12 - index) * 900,
                ..world.reading(index as u64 * 1_000, 0)
            };
            (meter.address, reading)
        })
        .collect();
    check(
        "SubmitReadings, twelve of one meter",
        submit(&mut world, &readings).await,
        TWELVE_OF_ONE,
    );
    const { assert!(TWELVE_OF_ONE <= 12 * 1_500) };
}
const TWELVE_OF_ONE: u64 = 13_900;

#[test]
fn program_sizes() {
    let folder = program_folder().expect("the programs' folder");
    for (program, ceiling) in [
        ("oracle_program", 60_000),
        ("registry_program", 60_000),
        ("token_program", 60_000),
    ] {
        let file = folder.join(format!("{program}.so"));
        let bytes = std::fs::metadata(file).expect("the program").len();
        println!("{program}.so: {bytes} bytes");
        assert!(
            bytes <= ceiling,
            "{program}.so has {bytes} bytes, over {ceiling}"
        );
    }
}

#[test]
fn a_meter_account_stays_small() {
    const { assert!(Meter::SIZE <= 320) };
}

/// SBPF version 3: the ELF header's flags.
#[test]
fn the_programs_are_sbpf_v3() {
    let folder = program_folder().expect("the programs' folder");
    for program in ["oracle_program", "registry_program", "token_program"] {
        let elf = std::fs::read(folder.join(format!("{program}.so"))).expect("the program");
        assert_eq!(elf[..4], *b"\x7FELF");
        assert_eq!(
            u32::from_le_bytes(elf[48..52].try_into().expect("four bytes")),
            3,
            "{program}"
        );
    }
}
