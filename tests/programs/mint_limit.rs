//! SetMintLimit: how fast GRID may be minted, and that nobody loses what the limit holds back.

use gridtoken_tests::{TestMeter, World};
use registry_program::instruction::settle_many_and_mint_tokens;
use shared_state::{
    event::{Event, MeterBalanceSettled, MintLimitChanged, TokensMinted},
    quantity::{BaseUnits, Wh},
    state::{MintLimit, TokenConfig},
    GridError,
};
use solana_keypair::Keypair;
use solana_signer::Signer;
use token_program::instruction::{mint_settled, set_mint_limit, SetMintLimit};

/// 1 kWh in base units.
const KWH: u64 = 1_000_000_000;

async fn limit(world: &mut World, burst: u64, rate_per_second: u64) {
    let authority = world.authority.clone();
    let limit = SetMintLimit {
        burst: BaseUnits(burst),
        rate_per_second: BaseUnits(rate_per_second),
    };
    let set = set_mint_limit(&world.deployment.token_program, &authority.pubkey(), limit);
    let receipt = world.send(&[&authority], set).await;
    assert_eq!(
        receipt.events(),
        [Event::MintLimitChanged(MintLimitChanged {
            changed_by: authority.pubkey(),
            burst: BaseUnits(burst),
            rate_per_second: BaseUnits(rate_per_second),
        })]
    );
}

async fn unsettled(world: &mut World, meter: &TestMeter) -> u64 {
    world.meter(meter).await.unsettled().0
}

#[tokio::test]
async fn settlements_mint_what_the_limit_leaves_and_the_rest_stays() {
    let mut world = World::new().await;
    let (first, second) = (
        world.active_meter("M-1").await,
        world.active_meter("M-2").await,
    );
    world.report(&first, 3_600, 10_000, 0).await;
    world.report(&second, 0, 1_000, 0).await;
    // 4 kWh at once, and 1 Wh per second after that.
    limit(&mut world, 4 * KWH, 1_000_000).await;

    let receipt = world.settle(&first).await;
    assert_eq!(
        receipt.events(),
        [
            Event::MeterBalanceSettled(MeterBalanceSettled {
                meter_id: first.id,
                amount_settled: Wh(4_000),
                new_settled_total: Wh(4_000),
            }),
            Event::TokensMinted(TokensMinted {
                recipient: first.wallet,
                amount: BaseUnits(4 * KWH),
                new_total_supply: BaseUnits(4 * KWH),
            }),
        ]
    );
    assert_eq!(unsettled(&mut world, &first).await, 6_000);
    let config = world.token_config().await;
    assert_eq!(
        config.mint_limit,
        MintLimit {
            burst: BaseUnits(4 * KWH),
            rate_per_second: BaseUnits(1_000_000),
            level: BaseUnits(4 * KWH),
            updated_at: world.now,
        }
    );
    // It holds for all together.
    for meter in [&first, &second] {
        let settle = world.settlement(meter);
        let refusal = world
            .refuse(&[&meter.owner], settle, GridError::MintLimitExceeded)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("TokenConfig"));
    }
    // Setting it anew fills nothing up.
    limit(&mut world, 4 * KWH, 1_000_000).await;
    let settle = world.settlement(&first);
    world
        .refuse(&[&first.owner], settle, GridError::MintLimitExceeded)
        .await;
    // After 1,500 seconds there are 1.5 kWh: 1 for the second, and half for the first.
    world.pass_time(1_500).await;
    world.settle(&second).await;
    world.settle(&first).await;
    assert_eq!(world.balance(&second.wallet).await, KWH);
    assert_eq!(world.balance(&first.wallet).await, 4_500_000_000);
    // Long after, no more than a burst.
    world.pass_time(1_000_000).await;
    world.settle(&first).await;
    assert_eq!(world.balance(&first.wallet).await, 8_500_000_000);
    // And without a limit, everything.
    limit(&mut world, 0, 0).await;
    world.settle(&first).await;
    assert_eq!(world.balance(&first.wallet).await, 10 * KWH);
    assert_eq!(unsettled(&mut world, &first).await, 0);
}

#[tokio::test]
async fn less_than_a_watt_hour_left_is_nothing() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    limit(&mut world, 1_000_000, 400_000).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 1_000_000);
    let settle = world.settlement(&meter);
    for _ in 0..2 {
        world.pass_time(1).await;
        world
            .refuse(
                &[&meter.owner],
                settle.clone(),
                GridError::MintLimitExceeded,
            )
            .await;
    }
    world.pass_time(1).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 2_000_000);
}

#[tokio::test]
async fn of_many_meters_the_first_ones_get_it() {
    let mut world = World::new().await;
    let (owner, wallet) = world.owner().await;
    let mut meters = Vec::new();
    for index in 0..3 {
        let args = World::registration(&format!("M-{index}"), &owner.pubkey());
        meters.push(world.register(args, owner.clone(), wallet).await);
    }
    world.pass_time(3_600).await;
    for meter in &meters {
        world.report(meter, 0, 1_000, 0).await;
    }
    limit(&mut world, 1_300_000_000, 1).await;
    let addresses: Vec<_> = meters.iter().map(|meter| meter.address).collect();
    let settle = settle_many_and_mint_tokens(
        &world.deployment.registry_program,
        &addresses,
        &owner.pubkey(),
        &world.deployment.token_program,
        &wallet,
    );
    let receipt = world.send(&[&owner], settle.clone()).await;
    assert_eq!(receipt.events().len(), 3);
    for (meter, left) in meters.iter().zip([0, 700, 1_000]) {
        assert_eq!(unsettled(&mut world, meter).await, left);
    }
    // Nothing left for any: the first meter's reason is given.
    world
        .refuse(&[&owner], settle, GridError::InsufficientBalance)
        .await;
    let rest = settle_many_and_mint_tokens(
        &world.deployment.registry_program,
        &addresses[1..],
        &owner.pubkey(),
        &world.deployment.token_program,
        &wallet,
    );
    world
        .refuse(&[&owner], rest, GridError::MintLimitExceeded)
        .await;
}

#[tokio::test]
async fn figures_that_make_no_sense_and_strangers() {
    let mut world = World::new().await;
    let token = world.deployment.token_program;
    let authority = world.authority.clone();
    for (burst, rate_per_second) in [(0, 1), (1_000_000, 0), (999_999, 1), (u64::MAX, 0)] {
        let limit = SetMintLimit {
            burst: BaseUnits(burst),
            rate_per_second: BaseUnits(rate_per_second),
        };
        let set = set_mint_limit(&token, &authority.pubkey(), limit);
        world
            .refuse(&[&authority], set, GridError::InvalidMintLimit)
            .await;
    }
    let stranger = Keypair::new();
    let none = SetMintLimit {
        burst: BaseUnits(0),
        rate_per_second: BaseUnits(0),
    };
    let set = set_mint_limit(&token, &stranger.pubkey(), none);
    world
        .refuse(&[&stranger], set, GridError::Unauthorized)
        .await;
    limit(&mut world, u64::MAX, u64::MAX).await;
}

/// The token program holds the limit itself, whatever the registry asks for: here a key of the test asks in its place.
#[tokio::test]
async fn the_token_program_does_not_rely_on_the_registry() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    limit(&mut world, 5_000_000, 1_000_000).await;
    let registry = Keypair::new();
    let config = world.deployment.token_config();
    world.forged = true;
    world
        .edit(&config, |config: &mut TokenConfig| {
            config.registry_authority = registry.pubkey()
        })
        .await;
    let token = world.deployment.token_program;
    let mint = |energy| mint_settled(&token, &registry.pubkey(), &meter.wallet, energy);
    world
        .refuse(&[&registry], mint(Wh(6)), GridError::MintLimitExceeded)
        .await;
    world.send(&[&registry], mint(Wh(5))).await;
    world
        .refuse(&[&registry], mint(Wh(1)), GridError::MintLimitExceeded)
        .await;
    world.pass_time(2).await;
    world
        .refuse(&[&registry], mint(Wh(3)), GridError::MintLimitExceeded)
        .await;
    world.send(&[&registry], mint(Wh(2))).await;
    // A clock that goes back gives nothing.
    world.pass_time(-3_600).await;
    world
        .refuse(&[&registry], mint(Wh(1)), GridError::MintLimitExceeded)
        .await;
    assert_eq!(world.supply().await, 7_000_000);
}

/// 100 GRID minted under a generous limit, then one GRID at a time: the new bucket is full, and recovers at its own rate.
#[tokio::test]
async fn a_tightened_limit_is_used_up_at_most_and_recovers_from_now_on() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    limit(&mut world, 1_000 * KWH, KWH).await;
    world.report(&meter, 3_600, 100_000, 0).await;
    world.settle(&meter).await;
    limit(&mut world, KWH, 1_000_000).await;
    let config = world.token_config().await.mint_limit;
    assert_eq!(
        (config.level, config.updated_at),
        (BaseUnits(KWH), world.now)
    );
    world.report(&meter, 900, 101_000, 0).await;
    world.settle(&meter).await;
    // 900 Wh in 900 seconds.
    assert_eq!(world.balance(&meter.wallet).await, 100_900_000_000);
}

/// A cluster's clock that was ahead when something was minted: setting the limit anew starts from now.
#[tokio::test]
async fn a_clock_that_was_ahead_is_forgotten_when_the_limit_is_set_anew() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    limit(&mut world, KWH, 1_000_000).await;
    world.report(&meter, 3_600, 2_500, 0).await;
    let now = world.now;
    world.set_time(now + 30 * 86_400).await;
    world.settle(&meter).await;
    world.set_time(now + 86_400).await;
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::MintLimitExceeded)
        .await;
    limit(&mut world, KWH, 1_000_000).await;
    world.pass_time(500).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 1_500_000_000);
}

/// Off and on again is a change too: without a limit there is nothing to be full.
#[tokio::test]
async fn a_limit_that_was_off_starts_empty() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    limit(&mut world, KWH, 1).await;
    world.report(&meter, 3_600, 3_000, 0).await;
    world.settle(&meter).await;
    limit(&mut world, 0, 0).await;
    limit(&mut world, KWH, 1).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 2 * KWH);
}
