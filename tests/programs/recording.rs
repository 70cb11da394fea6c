//! Who may submit and record readings, and what the registry sees for itself.

use gridtoken_tests::{World, START};
use shared_state::{
    quantity::{Bps, Wh},
    reading::{Reading, ReadingOutcome},
    state::{Meter, MeterStatus, OracleConfig, PowerProfile, RegistryConfig, ORACLE_PAUSED},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use crate::readings::meter_with_a_reading;

#[tokio::test]
async fn only_listed_reporters_submit() {
    let mut world = World::new().await;
    let meter = meter_with_a_reading(&mut world).await;
    world.pass_time(900).await;
    let reading = [(meter.address, world.reading(6_000, 2_000))];
    for stranger in [&Keypair::new(), &world.authority.clone(), &meter.owner] {
        let submit = world
            .deployment
            .submit_readings(&stranger.pubkey(), false, &reading);
        world
            .refuse(&[stranger], submit, GridError::Unauthorized)
            .await;
    }
}

#[tokio::test]
async fn a_paused_oracle_takes_nothing() {
    let mut world = World::new().await;
    let meter = meter_with_a_reading(&mut world).await;
    let reporter = world.reporter.clone();
    let config = world.deployment.oracle_config();
    world
        .edit(&config, |config: &mut OracleConfig| {
            config.header.status = ORACLE_PAUSED
        })
        .await;
    world.pass_time(900).await;
    let submit = world.submit_recorded(&[(meter.address, world.reading(6_000, 2_000))]);
    world
        .refuse(&[&reporter], submit, GridError::OraclePaused)
        .await;
}

/// A second deployment of the same programs, whose operator is hostile: nothing of it counts in the first.
#[tokio::test]
async fn another_deployments_accounts_are_foreign() {
    let mut world = World::with(|genesis, _, authority| {
        let folder = gridtoken_bank::embedded::program_folder().expect("a folder");
        genesis
            .add_deployment(&twin(), &folder, &authority.pubkey())
            .expect("programs");
    })
    .await;
    let authority = world.authority.clone();
    let reporter = world.reporter.clone();
    let real = world.deployment;
    for deployment in [real, twin()] {
        world.deployment = deployment;
        for initialize in world.initialize() {
            world.send(&[&authority], initialize).await;
        }
        let add = deployment.add_reporter(&authority.pubkey(), &reporter.pubkey());
        world.send(&[&authority], add).await;
    }
    world.deployment = twin();
    let theirs = world.active_meter("M-1").await;
    world.deployment = real;
    let ours = world.active_meter("M-1").await;
    world.report(&ours, 900, 1_000, 0).await;
    let reading = |address| {
        [(
            address,
            Reading {
                timestamp: START + 1_800,
                generation_register: Wh(2_000),
                consumption_register: Wh(0),
            },
        )]
    };
    world.pass_time(900).await;

    // A foreign meter to our oracle, a foreign registry, a foreign oracle config.
    let submit = world.submit(&reading(theirs.address));
    world
        .refuse(&[&reporter], submit, GridError::WrongAccountOwner)
        .await;
    let mut submit = world.submit(&reading(ours.address));
    submit.accounts[3].pubkey = twin().registry_program;
    world
        .refuse(&[&reporter], submit, GridError::WrongProgram)
        .await;
    let mut submit = world.submit(&reading(ours.address));
    submit.accounts[1].pubkey = twin().oracle_config();
    world
        .refuse(&[&reporter], submit, GridError::WrongAccountOwner)
        .await;
    let mut submit = world.submit(&reading(ours.address));
    submit.accounts[2].pubkey = twin().registry_config();
    world
        .refuse(&[&reporter], submit, GridError::WrongAccountOwner)
        .await;

    // Their oracle, pointed at our registry: it signs, but not as our oracle.
    let config = twin().oracle_config();
    world
        .edit(&config, |config: &mut OracleConfig| {
            config.registry_program = real.registry_program
        })
        .await;
    let submit = oracle_program::instruction::submit_readings(
        &twin().oracle_program,
        &reporter.pubkey(),
        &real.registry_program,
        true,
        &reading(ours.address),
    );
    world
        .refuse(&[&reporter], submit, GridError::Unauthorized)
        .await;

    // Their registry, pointed at our token program: it signs, but not as our registry.
    world.deployment = twin();
    world
        .edit(&config, |config: &mut OracleConfig| {
            config.registry_program = twin().registry_program
        })
        .await;
    world.report(&theirs, 900, 9_000, 0).await;
    let config = twin().registry_config();
    world
        .edit(&config, |config: &mut RegistryConfig| {
            config.token_program = real.token_program
        })
        .await;
    let (owner, wallet) = (
        theirs.owner.pubkey(),
        real.grid_account(&theirs.owner.pubkey()),
    );
    let create = spl_associated_token_account::instruction::create_associated_token_account(
        &world.payer.pubkey(),
        &owner,
        &real.mint(),
        &spl_token::ID,
    );
    world.send(&[], create).await;
    let settle = registry_program::instruction::settle_and_mint_tokens(
        &twin().registry_program,
        &theirs.address,
        &owner,
        &real.token_program,
        &wallet,
    );
    world.deployment = real;
    world
        .refuse(&[&theirs.owner], settle, GridError::Unauthorized)
        .await;
    assert_eq!(world.supply().await, 0);
}

fn twin() -> gridtoken_client::deployment::Deployment {
    gridtoken_client::deployment::Deployment {
        oracle_program: Pubkey::new_from_array([11; 32]),
        registry_program: Pubkey::new_from_array([12; 32]),
        token_program: Pubkey::new_from_array([13; 32]),
    }
}

#[tokio::test]
async fn nobody_records_readings_directly() {
    let mut world = World::new().await;
    let meter = meter_with_a_reading(&mut world).await;
    let outcome = outcome(START + 1_800, 6_000, 2_000);
    let registry = world.deployment.registry_program;
    for caller in [
        &world.authority.clone(),
        &world.reporter.clone(),
        &meter.owner,
    ] {
        let record = registry_program::instruction::record_readings(
            &registry,
            &caller.pubkey(),
            &[(meter.address, outcome)],
        );
        world
            .refuse(&[caller], record, GridError::Unauthorized)
            .await;
    }
    let mut record = registry_program::instruction::record_readings(
        &registry,
        &world.deployment.oracle_config(),
        &[(meter.address, outcome)],
    );
    record.accounts[0].is_signer = false;
    world.refuse(&[], record, GridError::MissingSignature).await;
}

fn outcome(timestamp: i64, generation_register: u64, consumption_register: u64) -> ReadingOutcome {
    ReadingOutcome {
        reading: Reading {
            timestamp,
            generation_register: Wh(generation_register),
            consumption_register: Wh(consumption_register),
        },
        profile: PowerProfile::default(),
        quality: Bps(8_000),
        reason: 0,
        score: 85,
        flags: 0,
        reserved: [0; 3],
    }
}

/// An oracle gone wrong (a key of the test takes its place) still can't make a meter go back or wake it up.
#[tokio::test]
async fn the_registry_does_not_take_the_oracles_word() {
    let mut world = World::new().await;
    let meter = meter_with_a_reading(&mut world).await;
    let oracle = Keypair::new();
    let config = world.deployment.registry_config();
    world
        .edit(&config, |config: &mut RegistryConfig| {
            config.oracle_authority = oracle.pubkey()
        })
        .await;
    let registry = world.deployment.registry_program;
    let record = |outcome| {
        registry_program::instruction::record_readings(
            &registry,
            &oracle.pubkey(),
            &[(meter.address, outcome)],
        )
    };
    let last = START + 900;
    for bad in [
        outcome(last, 6_000, 2_000),
        outcome(last - 1, 6_000, 2_000),
        outcome(last + 900, 4_999, 2_000),
        outcome(last + 900, 5_000, 1_999),
        ReadingOutcome {
            quality: Bps(10_001),
            ..outcome(last + 900, 6_000, 2_000)
        },
        // An accepted reading has a score, a rejected one has none.
        ReadingOutcome {
            score: 0,
            ..outcome(last + 900, 6_000, 2_000)
        },
        ReadingOutcome {
            reason: 101,
            ..outcome(last + 900, 6_000, 2_000)
        },
        // A rejection must not raise the quality.
        ReadingOutcome {
            score: 0,
            quality: Bps(8_501),
            reason: 101,
            ..outcome(last + 900, 6_000, 2_000)
        },
    ] {
        world
            .refuse(&[&oracle], record(bad), GridError::InvalidOutcome)
            .await;
    }
    let good = outcome(last + 900, 6_000, 2_000);
    for status in [
        MeterStatus::Inactive,
        MeterStatus::Suspended,
        MeterStatus::Decommissioned,
    ] {
        world
            .edit(&meter.address, |account: &mut Meter| {
                account.header.status = status as u8
            })
            .await;
        world
            .refuse(&[&oracle], record(good), GridError::MeterNotActive)
            .await;
    }
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.header.status = MeterStatus::Active as u8
        })
        .await;

    // Totals can't wrap around.
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.total_generation = Wh(1 << 63)
        })
        .await;
    world
        .refuse(&[&oracle], record(good), GridError::ArithmeticOverflow)
        .await;
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.total_generation = Wh((1 << 63) - 1)
        })
        .await;
    world.send(&[&oracle], record(good)).await;
    assert_eq!(
        world.meter(&meter).await.total_generation,
        Wh((1 << 63) + 999)
    );
}
