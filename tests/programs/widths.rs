//! Numbers at the ends of their ranges: the supply ends at 2^64 base units, what was minted and retired over the years doesn't.

use gridtoken_tests::{TestMeter, World};
use registry_program::instruction::settle_many_and_mint_tokens;
use shared_state::{
    event::{Event, MeterBalanceSettled, TokensMinted, TokensRetired},
    quantity::{BaseUnits, Wh, MAX_CAPACITY_W},
    state::{Meter, MintLimit, TokenConfig},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;
use token_program::instruction::{mint_settled, retire_tokens, RetireTokens};

use crate::unsettled_balance::ask;

/// The most energy whose GRID fits into the supply: 18.4 TWh.
const MOST: u64 = u64::MAX / 1_000_000;

/// A plant of 1 GW that has generated this much at full power.
async fn plant(world: &mut World, generation: u64) -> TestMeter {
    let plant = world
        .meter_with("PLANT", |args| args.generation_capacity_w = MAX_CAPACITY_W)
        .await;
    let seconds = generation / 1_000_000_000 * 3_600 + 3_600;
    world.report(&plant, seconds as i64, generation, 0).await;
    plant
}

/// Retires all of an owner's GRID but this much (base units).
async fn retire_but(world: &mut World, meter: &TestMeter, nonce: u64, rest: u64) -> Event {
    let amount = BaseUnits(world.balance(&meter.wallet).await - rest);
    let (token, owner) = (world.deployment.token_program, meter.owner.pubkey());
    let args = RetireTokens {
        amount,
        nonce,
        beneficiary: owner,
        reference: [0; 64],
    };
    let retire = retire_tokens(&token, &owner, &meter.wallet, &world.payer.pubkey(), args);
    let receipt = world.send(&[&meter.owner], retire).await;
    receipt.events().remove(0)
}

/// The second time, more has been minted and retired than a supply can hold.
#[tokio::test]
async fn what_was_minted_and_retired_does_not_end_with_the_supply() {
    let mut world = World::new().await;
    let plant = plant(&mut world, 2 * MOST + 5).await;
    for (nonce, settled) in [(1, MOST), (2, MOST), (3, 5)] {
        assert_eq!(
            ask(&mut world, &plant).await.mintable,
            BaseUnits(settled * 1_000_000)
        );
        world.settle(&plant).await;
        let retired = retire_but(&mut world, &plant, nonce, 0).await;
        let total_retired = Wh((nonce * MOST).min(2 * MOST + 5));
        assert_eq!(
            retired,
            Event::TokensRetired(TokensRetired {
                holder: plant.owner.pubkey(),
                beneficiary: plant.owner.pubkey(),
                amount: BaseUnits(settled * 1_000_000),
                total_retired,
                retired_beside: BaseUnits(0),
                new_total_supply: BaseUnits(0),
                nonce,
                reference: [0; 64],
            })
        );
        let config = world.token_config().await;
        assert_eq!(config.total_minted, total_retired);
        assert_eq!(config.total_retired, total_retired);
        world.audit().await;
    }
    let settle = world.settlement(&plant);
    world
        .refuse(&[&plant.owner], settle, GridError::InsufficientBalance)
        .await;
}

#[tokio::test]
async fn a_settlement_mints_what_fits_into_the_supply_and_the_rest_waits_for_retirements() {
    let mut world = World::new().await;
    let small = world.active_meter("SMALL").await;
    world.report(&small, 3_600, 10, 0).await;
    let plant = plant(&mut world, MOST - 3).await;
    world.settle(&plant).await;
    let receipt = world.settle(&small).await;
    assert_eq!(
        receipt.events(),
        [
            Event::MeterBalanceSettled(MeterBalanceSettled {
                meter_id: small.id,
                amount_settled: Wh(3),
                new_settled_total: Wh(3),
            }),
            Event::TokensMinted(TokensMinted {
                recipient: small.wallet,
                amount: BaseUnits(3_000_000),
                new_total_supply: BaseUnits(MOST * 1_000_000),
            }),
        ]
    );
    let settle = world.settlement(&small);
    let refusal = world
        .refuse(&[&small.owner], settle.clone(), GridError::SupplyFull)
        .await;
    assert_eq!(refusal.account_at_fault(), Some("TokenConfig"));
    assert_eq!(ask(&mut world, &small).await.mintable, BaseUnits(0));
    assert_eq!(world.meter(&small).await.unsettled(), Wh(7));

    // Not a whole watt-hour is free: 551,615 base units are above the last one anyway.
    let one_less = world.balance(&plant.wallet).await - 448_384;
    retire_but(&mut world, &plant, 1, one_less).await;
    world
        .refuse(&[&small.owner], settle.clone(), GridError::SupplyFull)
        .await;
    retire_but(&mut world, &plant, 2, one_less - 1).await;
    world.settle(&small).await;
    assert_eq!(world.balance(&small.wallet).await, 4_000_000);
    retire_but(&mut world, &plant, 3, one_less - 100_000_000).await;
    world.settle(&small).await;
    assert_eq!(world.balance(&small.wallet).await, 10_000_000);
    world.audit().await;
}

#[tokio::test]
async fn of_many_meters_the_first_ones_get_what_fits() {
    let mut world = World::new().await;
    let plant = plant(&mut world, MOST - 15).await;
    let (owner, wallet) = (plant.owner.clone(), plant.wallet);
    let mut meters = Vec::new();
    for index in 0..4 {
        meters.push(world.meter_of(&owner, &format!("M-{index}")).await);
    }
    world.pass_time(3_600).await;
    for meter in &meters {
        world.report(meter, 0, 10, 0).await;
    }
    world.settle(&plant).await;
    let many = |meters: &[TestMeter], world: &World| {
        let addresses: Vec<Pubkey> = meters.iter().map(|meter| meter.address).collect();
        let deployment = world.deployment;
        settle_many_and_mint_tokens(
            &deployment.registry_program,
            &addresses,
            &owner.pubkey(),
            &deployment.token_program,
            &wallet,
        )
    };
    let settle = many(&meters, &world);
    let receipt = world.send(&[&owner], settle).await;
    let settled: Vec<u64> = receipt
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::MeterBalanceSettled(settled) => Some(settled.amount_settled.0),
            _ => None,
        })
        .collect();
    assert_eq!(settled, [10, 5]);
    let rest = many(&meters[1..], &world);
    world
        .refuse(&[&owner], rest.clone(), GridError::SupplyFull)
        .await;
    retire_but(&mut world, &plant, 1, 0).await;
    world.send(&[&owner], rest).await;
    assert_eq!(world.balance(&wallet).await, 25_000_000);
    world.audit().await;
}

/// Of the mint limit and the supply's end, the one that leaves less is named.
#[tokio::test]
async fn a_mint_limit_beside_a_full_supply() {
    let mut world = World::new().await;
    let plant = plant(&mut world, MOST + 10).await;
    world.settle(&plant).await;
    let config = world.deployment.token_config();
    let now = world.now;
    for (burst, level, error) in [
        (5_000_000, 0, GridError::SupplyFull),
        (5_000_000, 5_000_000, GridError::SupplyFull),
    ] {
        world
            .edit(&config, |config: &mut TokenConfig| {
                config.mint_limit = MintLimit {
                    burst: BaseUnits(burst),
                    rate_per_second: BaseUnits(1),
                    level: BaseUnits(level),
                    updated_at: now,
                }
            })
            .await;
        let settle = world.settlement(&plant);
        world.refuse(&[&plant.owner], settle, error).await;
    }
    retire_but(&mut world, &plant, 1, 0).await;
    let settle = world.settlement(&plant);
    world
        .refuse(&[&plant.owner], settle, GridError::MintLimitExceeded)
        .await;
    world.pass_time(3_000_000).await;
    world.settle(&plant).await;
    assert_eq!(world.balance(&plant.wallet).await, 3_000_000);
}

/// The token program sees to it itself, whatever the registry asks for: a key of the test asks in its place.
#[tokio::test]
async fn the_token_program_fills_no_supply_beyond_its_end() {
    let mut world = World::new().await;
    let plant = plant(&mut world, MOST - 5).await;
    world.settle(&plant).await;
    let registry = Keypair::new();
    let config = world.deployment.token_config();
    world.forged = true;
    let change = |config: &mut TokenConfig| config.registry_authority = registry.pubkey();
    world.edit(&config, change).await;
    let token = world.deployment.token_program;
    let mint = |energy| mint_settled(&token, &registry.pubkey(), &plant.wallet, Wh(energy));
    for (energy, error) in [
        (6, GridError::SupplyFull),
        (MOST, GridError::SupplyFull),
        (MOST + 1, GridError::ArithmeticOverflow),
    ] {
        world.refuse(&[&registry], mint(energy), error).await;
    }
    world.send(&[&registry], mint(5)).await;
    world
        .refuse(&[&registry], mint(1), GridError::SupplyFull)
        .await;
}

/// 2^63 Wh, a million times what a supply holds, is where the totals end.
#[tokio::test]
async fn totals_that_do_not_fit_are_refused() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10, 0).await;
    let config = world.deployment.token_config();
    world.forged = true;
    let change = |config: &mut TokenConfig| config.total_minted = Wh(1 << 63);
    world.edit(&config, change).await;
    let settle = world.settlement(&meter);
    world
        .refuse(
            &[&meter.owner],
            settle.clone(),
            GridError::ArithmeticOverflow,
        )
        .await;
    let change = |config: &mut TokenConfig| config.total_minted = Wh((1 << 63) - 1);
    world.edit(&config, change).await;
    world.send(&[&meter.owner], settle.clone()).await;
    // And a meter's own.
    let change = |meter: &mut Meter| {
        meter.total_generation = Wh(u64::MAX);
        meter.claimable_net_generation = Wh(u64::MAX);
        meter.settled_net_generation = Wh(1 << 63);
    };
    world.edit(&meter.address, change).await;
    world
        .refuse(&[&meter.owner], settle, GridError::ArithmeticOverflow)
        .await;
}
