//! Every instruction, in its best, usual and worst case where they differ.

use std::sync::Arc;

use gridtoken_tests::{TestMeter, World};
use oracle_program::instruction as oracle;
use registry_program::instruction as registry;
use shared_state::{
    event::Event,
    pda::{find_meter, find_retirement},
    quantity::{BaseUnits, Bps, Wh},
    reading::Reading,
    state::{meter_id, DeviceKeyType, Meter, MeterStatus, OracleConfig, Rules},
    GridError,
};
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use token_program::instruction as token;

use crate::{
    measure::{measure, most_that_fit, transaction, uninitialized_world, world, Row},
    signed, version_1,
};

/// Measures all.
pub async fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    initialize(&mut rows).await;
    readings(&mut rows).await;
    signed::all(&mut rows).await;
    version_1::all(&mut rows).await;
    oracle_administration(&mut rows).await;
    register(&mut rows).await;
    meter_life(&mut rows).await;
    settlements(&mut rows).await;
    registry_administration(&mut rows).await;
    token_instructions(&mut rows).await;
    rows
}

async fn initialize(rows: &mut Vec<Row>) {
    let mut world = uninitialized_world().await;
    let authority = world.authority.clone();
    let key = authority.pubkey();
    let all = world
        .deployment
        .initialize(&key, &key, Rules::default(), 5_000);
    for (program, instruction) in ["oracle", "registry", "token"].into_iter().zip(all) {
        let name = (program, "Initialize", "");
        rows.push(measure(&mut world, name, &authority, &[], &[instruction], &[]).await);
    }
}

/// Seasoned meters, a quarter of an hour after they were registered.
pub async fn meters(world: &mut World, count: usize) -> Vec<TestMeter> {
    let mut meters = Vec::new();
    for index in 0..count {
        meters.push(world.seasoned_meter(&format!("M-{index}")).await);
    }
    world.pass_time(900).await;
    meters
}

/// The usual reading of each meter.
pub fn usual(world: &World, meters: &[TestMeter]) -> Vec<(Pubkey, Reading)> {
    let reading = world.reading(1_000, 500);
    meters
        .iter()
        .map(|meter| (meter.address, reading))
        .collect()
}

/// Submits readings of as many of `meters` as fit into a legacy transaction, in one row.
pub async fn submit(count: usize) -> Row {
    let mut world = world().await;
    let meters = meters(&mut world, count).await;
    let readings = usual(&world, &meters);
    let reporter = world.reporter.clone();
    let case = match count {
        1 => "1 reading".into(),
        16 => "16 meters, legacy transaction".into(),
        _ => format!("{count} meters"),
    };
    let name = ("oracle", "SubmitReadings", case);
    let submit = world.submit(&readings);
    let row = measure(&mut world, name, &reporter, &[], &[submit], &[]).await;
    assert_eq!(row.events.len(), count);
    row
}

/// The same in a v0 transaction with a lookup table.
pub async fn submit_with_table(count: usize) -> Row {
    let mut world = world().await;
    let meters = meters(&mut world, count).await;
    let deployment = world.deployment;
    let mut addresses = vec![
        deployment.oracle_config(),
        deployment.registry_config(),
        deployment.registry_program,
    ];
    addresses.extend(meters.iter().map(|meter| meter.address));
    let tables = [world.lookup_table(addresses)];
    let readings = usual(&world, &meters);
    let reporter = world.reporter.clone();
    let submit = world.submit(&readings);
    let name = (
        "oracle",
        "SubmitReadings",
        format!("{count} meters, v0 transaction and lookup table"),
    );
    let row = measure(&mut world, name, &reporter, &[], &[submit], &tables).await;
    assert_eq!(row.events.len(), count);
    for meter in &meters {
        assert_eq!(world.meter(meter).await.total_generation, Wh(1_000));
    }
    row
}

/// One reading by the reporter in this place of the list (from 1) of as many.
pub async fn submit_by(place: usize) -> Row {
    let mut world = world().await;
    let meters = meters(&mut world, 1).await;
    let reporter = world.reporter.clone();
    let config = world.deployment.oracle_config();
    world
        .edit(&config, |config: &mut OracleConfig| {
            for other in 0..place - 1 {
                config.reporters[other] = Pubkey::new_from_array([other as u8 + 100; 32]);
            }
            config.reporters[place - 1] = reporter.pubkey();
            config.reporter_count = place as u64;
        })
        .await;
    let submit = world.submit(&usual(&world, &meters));
    let name = (
        "oracle",
        "SubmitReadings",
        format!("1 reading, the last of {place} reporters"),
    );
    measure(&mut world, name, &reporter, &[], &[submit], &[]).await
}

async fn readings(rows: &mut Vec<Row>) {
    let mut fits = world().await;
    let reporter = fits.reporter.clone();
    let many = meters(&mut fits, 50).await;
    let readings = usual(&fits, &many);
    let legacy = most_that_fit(50, |count| {
        let submit = fits.submit(&readings[..count]);
        transaction(&reporter, &[], &[submit], &[], Hash::default())
    });
    let mut addresses = vec![
        fits.deployment.oracle_config(),
        fits.deployment.registry_config(),
        fits.deployment.registry_program,
    ];
    addresses.extend(many.iter().map(|meter| meter.address));
    let tables = [fits.lookup_table(addresses)];
    let with_table = most_that_fit(50, |count| {
        let submit = fits.submit(&readings[..count]);
        transaction(&reporter, &[], &[submit], &tables, Hash::default())
    });
    rows.push(submit(1).await);
    rows.push(submit_by(16).await);
    rows.push(submit(12).await);
    rows.push(submit(legacy).await);
    rows.push(submit_with_table(with_table).await);

    // A gateway that was offline.
    let mut world = world().await;
    let meter = meters(&mut world, 1).await.remove(0);
    world.pass_time(60 * 900).await;
    let late: Vec<_> = (1..=50)
        .map(|index| {
            let reading = Reading {
                timestamp: world.now - (50 - index) * 900,
                ..world.reading(index as u64 * 1_000, index as u64 * 500)
            };
            (meter.address, reading)
        })
        .collect();
    let reporter = world.reporter.clone();
    let count = most_that_fit(50, |count| {
        let submit = world.submit(&late[..count]);
        transaction(&reporter, &[], &[submit], &[], Hash::default())
    });
    let name = (
        "oracle",
        "SubmitReadings",
        format!("{count} readings of one meter"),
    );
    let submit = world.submit(&late[..count]);
    rows.push(measure(&mut world, name, &reporter, &[], &[submit], &[]).await);

    for (case, generation, consumption) in [
        ("1 reading, unusual in every way", 25_100, 25_100),
        ("1 reading, rejected and recorded", 200_000, 0),
        ("1 reading, a jump that is held", 99_000_000, 0),
    ] {
        let mut world = crate::measure::world().await;
        let meter = meters(&mut world, 1).await.remove(0);
        // Late and after a gap, too.
        world.pass_time(7_200).await;
        let reading = Reading {
            timestamp: world.now - 4_000,
            ..world.reading(generation, consumption)
        };
        let submit = world.submit_recorded(&[(meter.address, reading)]);
        let reporter = world.reporter.clone();
        let name = ("oracle", "SubmitReadings", case);
        let row = measure(&mut world, name, &reporter, &[], &[submit], &[]).await;
        match row.events[..] {
            [Event::MeterReadingRecorded(recorded)] if generation == 25_100 => {
                assert_eq!(recorded.flags, 15, "{recorded:?}");
            }
            [Event::MeterReadingRejected(_), Event::RegisterHoldBegan(_)]
                if generation == 99_000_000 => {}
            [Event::MeterReadingRejected(rejected)] if generation == 200_000 => {
                let reason = GridError::GenerationAboveRatedPower.code();
                assert_eq!(u32::from(rejected.reason), reason);
            }
            ref other => panic!("{case}: {other:?}"),
        }
        rows.push(row);
    }
}

/// Measures instructions of one world in turn, as its authority.
async fn in_turn(
    world: &mut World,
    program: &'static str,
    instructions: Vec<(&'static str, Instruction)>,
    rows: &mut Vec<Row>,
) {
    let authority = world.authority.clone();
    for (name, instruction) in instructions {
        let name = (program, name, "");
        rows.push(measure(world, name, &authority, &[], &[instruction], &[]).await);
    }
}

async fn oracle_administration(rows: &mut Vec<Row>) {
    let mut world = world().await;
    let (id, key) = (world.deployment.oracle_program, world.authority.pubkey());
    let other = Pubkey::new_from_array([7; 32]);
    let next = Keypair::new();
    let instructions = vec![
        ("AddReporter", oracle::add_reporter(&id, &key, &other)),
        ("RemoveReporter", oracle::remove_reporter(&id, &key, &other)),
        ("SetRules", oracle::set_rules(&id, &key, Rules::default())),
        ("SetActive", oracle::set_active(&id, &key, true)),
        (
            "ProposeAuthority",
            oracle::propose_authority(&id, &key, &next.pubkey()),
        ),
    ];
    in_turn(&mut world, "oracle", instructions, rows).await;
    let accept = oracle::accept_authority(&id, &next.pubkey());
    let name = ("oracle", "AcceptAuthority", "");
    rows.push(measure(&mut world, name, &next, &[], &[accept], &[]).await);
}

async fn register(rows: &mut Vec<Row>) {
    let mut world = world().await;
    let authority = world.authority.clone();
    let registry = world.deployment.registry_program;
    for (case, tries) in [
        ("bump found at once", 1),
        ("bump found at the second try", 2),
        ("bump found at the sixth try", 6),
    ] {
        // Half of all ids are found at once, a quarter at the second try, ...
        let serial = (0..)
            .map(|number| format!("R-{number}"))
            .find(|serial| {
                let id = meter_id(serial).expect("a serial number");
                find_meter(&registry, &id).1 == 255 - (tries - 1)
            })
            .expect("one of them");
        let args = World::registration(&serial, &authority.pubkey());
        let key = authority.pubkey();
        let register = world.deployment.register_meter(&key, &key, args);
        let name = ("registry", "RegisterMeter", case);
        rows.push(measure(&mut world, name, &authority, &[], &[register], &[]).await);
    }
}

async fn meter_life(rows: &mut Vec<Row>) {
    let mut world = world().await;
    let meter = world.seasoned_meter("M-1").await;
    let (id, key) = (world.deployment.registry_program, world.authority.pubkey());
    let owner = meter.owner.clone();
    let heir = Arc::new(Keypair::new());
    let device = registry::ReplaceDevice {
        device_key: Pubkey::new_from_array([5; 32]),
        device_key_type: DeviceKeyType::Ed25519 as u64,
        register_modulus: Wh::ZERO,
        old_generation_register: Wh(0),
        old_consumption_register: Wh(0),
        generation_register: Wh(9),
        consumption_register: Wh(9),
    };
    let limits = registry::UpdateMeterLimits {
        generation_capacity_w: 5_000,
        consumption_capacity_w: 5_000,
    };
    let set_status = world
        .deployment
        .set_meter_status(&key, &meter.address, MeterStatus::Inactive);
    let instructions = vec![
        ("SetMeterStatus", set_status),
        (
            "ReplaceDevice",
            registry::replace_device(&id, &key, &meter.address, device),
        ),
        (
            "UpdateMeterLimits",
            registry::update_meter_limits(&id, &key, &meter.address, limits),
        ),
    ];
    in_turn(&mut world, "registry", instructions, rows).await;
    let own = owner.pubkey();
    for (name, signer, instruction) in [
        (
            "SetDelegate",
            &owner,
            registry::set_delegate(&id, &own, &meter.address, &key),
        ),
        (
            "ProposeMeterOwner",
            &owner,
            registry::propose_meter_owner(&id, &own, &meter.address, &heir.pubkey()),
        ),
        (
            "AcceptMeterOwner",
            &heir,
            registry::accept_meter_owner(&id, &heir.pubkey(), &meter.address),
        ),
    ] {
        let name = ("registry", name, "");
        rows.push(measure(&mut world, name, signer, &[], &[instruction], &[]).await);
    }
}

/// Settles this many meters of one owner at once; with a lookup table beyond what fits otherwise.
pub async fn settle_many(count: usize, with_table: bool) -> Row {
    let mut world = world().await;
    let (owner, wallet) = world.owner().await;
    let mut meters = Vec::new();
    for index in 0..count {
        let args = World::registration(&format!("M-{index}"), &owner.pubkey());
        meters.push(world.register(args, owner.clone(), wallet).await);
    }
    for meter in &meters {
        world
            .edit(&meter.address, |meter: &mut Meter| {
                meter.total_generation = Wh(9_000);
                meter.claimable_net_generation = Wh(9_000);
                meter.state.accepted_count = 1;
                meter.state.quality = Bps(8_500);
            })
            .await;
    }
    let addresses: Vec<Pubkey> = meters.iter().map(|meter| meter.address).collect();
    let settle = registry::settle_many_and_mint_tokens(
        &world.deployment.registry_program,
        &addresses,
        &owner.pubkey(),
        &world.deployment.token_program,
        &wallet,
    );
    let mut tables = Vec::new();
    if with_table {
        let mut all: Vec<Pubkey> = settle.accounts[1..]
            .iter()
            .map(|meta| meta.pubkey)
            .collect();
        all.dedup();
        tables.push(world.lookup_table(all));
    }
    let case = match (count, with_table) {
        (1, _) => "1 meter".into(),
        (_, true) => format!("{count} meters, v0 transaction and lookup table"),
        _ => format!("{count} meters"),
    };
    let name = ("registry", "SettleManyAndMintTokens", case);
    let row = measure(&mut world, name, &owner, &[], &[settle], &tables).await;
    assert_eq!(row.events.len(), count + 1);
    assert_eq!(world.balance(&wallet).await, count as u64 * 9_000_000_000);
    row
}

async fn settlements(rows: &mut Vec<Row>) {
    for (case, has_limit) in [("no mint limit", false), ("with a mint limit", true)] {
        let mut world = world().await;
        let meter = world.seasoned_meter("M-1").await;
        world.report(&meter, 3_600, 10_000, 0).await;
        if has_limit {
            let authority = world.authority.clone();
            let limit = token::SetMintLimit {
                burst: BaseUnits(50_000_000_000),
                rate_per_second: BaseUnits(1_000_000),
            };
            let token = world.deployment.token_program;
            let set = token::set_mint_limit(&token, &authority.pubkey(), limit);
            world.send(&[&authority], set).await;
        }
        let settle = world.settlement(&meter);
        let name = ("registry", "SettleAndMintTokens", case);
        rows.push(measure(&mut world, name, &meter.owner, &[], &[settle], &[]).await);
    }
    for count in [1, 20, 26] {
        rows.push(settle_many(count, false).await);
    }
    rows.push(settle_many(50, true).await);

    let mut world = world().await;
    let meter = world.seasoned_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    let deployment = world.deployment;
    let ask = registry::get_unsettled_balance(
        &deployment.registry_program,
        &meter.address,
        &deployment.token_program,
    );
    let name = ("registry", "GetUnsettledBalance", "");
    rows.push(measure(&mut world, name, &meter.owner, &[], &[ask], &[]).await);
}

async fn registry_administration(rows: &mut Vec<Row>) {
    let mut world = world().await;
    let (id, key) = (world.deployment.registry_program, world.authority.pubkey());
    let next = Keypair::new();
    let same = registry::SetConfig {
        oracle_authority: world.deployment.oracle_config(),
        token_program: world.deployment.token_program,
        minimum_quality: Bps(4_000),
        all_meters_sign: 0,
    };
    let instructions = vec![
        ("SetConfig", registry::set_config(&id, &key, same)),
        (
            "ProposeAuthority",
            registry::propose_authority(&id, &key, &next.pubkey()),
        ),
    ];
    in_turn(&mut world, "registry", instructions, rows).await;
    let accept = registry::accept_authority(&id, &next.pubkey());
    let name = ("registry", "AcceptAuthority", "");
    rows.push(measure(&mut world, name, &next, &[], &[accept], &[]).await);
}

async fn token_instructions(rows: &mut Vec<Row>) {
    let mut world = world().await;
    let meter = world.seasoned_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    world.settle(&meter).await;
    let (id, key) = (world.deployment.token_program, world.authority.pubkey());
    let next = Keypair::new();
    let limit = token::SetMintLimit {
        burst: BaseUnits(50_000_000_000),
        rate_per_second: BaseUnits(1_000_000),
    };
    let registry_config = world.deployment.registry_config();
    let holder = meter.owner.pubkey();
    // The usual case, as half of all are: the address's bump is found at once.
    let nonce = (0..).find(|nonce| find_retirement(&id, &holder, *nonce).1 == u8::MAX);
    let retirement = token::RetireTokens {
        amount: BaseUnits(1_000),
        nonce: nonce.expect("one of them"),
        beneficiary: key,
        reference: [b'x'; 64],
    };
    let retire = token::retire_tokens(&id, &holder, &meter.wallet, &holder, retirement);
    let name = ("token", "RetireTokens", "");
    rows.push(measure(&mut world, name, &meter.owner, &[], &[retire], &[]).await);
    let set_authority = token::set_registry_authority(&id, &key, &registry_config);
    let instructions = vec![
        (
            "SetMintingEnabled",
            world.deployment.set_minting_enabled(&key, true),
        ),
        ("SetMintLimit", token::set_mint_limit(&id, &key, limit)),
        ("SetRegistryAuthority", set_authority),
        (
            "ProposeAuthority",
            token::propose_authority(&id, &key, &next.pubkey()),
        ),
    ];
    in_turn(&mut world, "token", instructions, rows).await;
    let accept = token::accept_authority(&id, &next.pubkey());
    let name = ("token", "AcceptAuthority", "");
    rows.push(measure(&mut world, name, &next, &[], &[accept], &[]).await);
}
