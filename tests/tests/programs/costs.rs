//! What the flow costs, in compute units of whole transactions and in bytes. The ceilings stand just above the figures
//! that were measured last: a change that costs more is seen here.

use grid::embedded::program_folder;
use gridtoken_tests::World;
use shared_state::state::{AccountLayout, Meter};

/// Fails above the ceiling, and also far below it: then the ceiling is out of date.
pub fn check(what: &str, units: u64, ceiling: u64) {
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
const SETTLEMENT: u64 = 3_400;

#[test]
fn program_sizes() {
    let folder = program_folder().expect("the programs' folder");
    for (program, ceiling) in [
        ("oracle_program", 30_000),
        ("registry_program", 42_000),
        ("token_program", 23_000),
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
