//! What can be claimed: what was counted while the quality was good enough stays claimable, until it is settled or consumed.

use gridtoken_tests::{rejections, TestMeter, World};
use registry_program::instruction::UnsettledBalance;
use shared_state::{
    quantity::{BaseUnits, Bps, Wh},
    reading::{Reading, RejectReason},
    state::MeterStatus,
    GridError,
};
use solana_signer::Signer;
use token_program::instruction::{set_mint_limit, SetMintLimit};

use crate::unsettled_balance::ask;

fn balance(unsettled: u64, claimable: u64, mintable: u64) -> UnsettledBalance {
    UnsettledBalance {
        unsettled: Wh(unsettled),
        claimable: Wh(claimable),
        mintable: BaseUnits(mintable * BaseUnits::PER_WH),
    }
}

/// An active meter with 10,000 Wh that can be claimed.
async fn meter_with_surplus(world: &mut World) -> TestMeter {
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    assert_eq!(ask(world, &meter).await, balance(10_000, 10_000, 10_000));
    meter
}

/// Rejected readings until there is no quality left to speak of.
async fn ruin(world: &mut World, meter: &TestMeter) {
    while world.meter(meter).await.state.quality > Bps(10) {
        let receipt = world.record(meter, 900, 0, 0).await;
        let backwards = RejectReason::GenerationRegisterBackwards;
        assert_eq!(rejections(&receipt), [backwards]);
    }
}

#[tokio::test]
async fn rejected_readings_lock_nothing_that_was_claimable() {
    let mut world = World::new().await;
    let meter = meter_with_surplus(&mut world).await;
    ruin(&mut world, &meter).await;
    assert_eq!(
        ask(&mut world, &meter).await,
        balance(10_000, 10_000, 10_000)
    );
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 10_000_000_000);
}

#[tokio::test]
async fn what_a_ruined_meter_counts_waits_for_the_reading_that_brings_its_quality_back() {
    let mut world = World::new().await;
    let meter = meter_with_surplus(&mut world).await;
    ruin(&mut world, &meter).await;
    let mut generation = 10_000;
    loop {
        generation += 1_000;
        // The first one has a gap to bridge.
        world.report(&meter, 900, generation, 0).await;
        if world.meter(&meter).await.state.quality >= Bps(5_000) {
            break;
        }
        assert_eq!(
            ask(&mut world, &meter).await,
            balance(generation, 10_000, 10_000)
        );
    }
    assert_eq!(
        ask(&mut world, &meter).await,
        balance(generation, generation, generation)
    );
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, generation * 1_000_000);
}

/// The first reading of all sets the quality: this one is days late, after a gap, and needs the tolerance.
#[tokio::test]
async fn a_first_reading_of_low_quality_is_not_claimable_yet() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.pass_time(10 * 86_400).await;
    let late = Reading {
        timestamp: world.now - 5 * 86_400,
        ..world.reading(5 * 24 * 105_000, 0)
    };
    world.record_all(&[(meter.address, late)]).await;
    // 15 for the reporter's word, 10 for the range, 4 for the time, 10 for plausibility.
    assert_eq!(world.meter(&meter).await.state.quality, Bps(3_900));
    let mut generation = 12_600_000;
    assert_eq!(ask(&mut world, &meter).await, balance(generation, 0, 0));
    let settle = world.settlement(&meter);
    let refusal = world
        .refuse(&[&meter.owner], settle.clone(), GridError::QualityTooLow)
        .await;
    assert_eq!(refusal.account_at_fault(), Some("Meter"));
    let mut readings = 0;
    while world.meter(&meter).await.claimable() == Wh(0) {
        world
            .refuse(&[&meter.owner], settle.clone(), GridError::QualityTooLow)
            .await;
        generation += 10;
        readings += 1;
        world.report(&meter, 900, generation, 0).await;
    }
    assert_eq!(readings, 5);
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, generation * 1_000_000);
}

#[tokio::test]
async fn a_raised_minimum_takes_nothing_back_and_a_lowered_one_gives_nothing_by_itself() {
    let mut world = World::new().await;
    let meter = meter_with_surplus(&mut world).await;
    let raise = world.minimum(10_000, 1);
    world.as_authority(raise).await;
    assert_eq!(
        ask(&mut world, &meter).await,
        balance(10_000, 10_000, 10_000)
    );
    world.report(&meter, 900, 12_000, 0).await;
    assert_eq!(
        ask(&mut world, &meter).await,
        balance(12_000, 10_000, 10_000)
    );
    world.settle(&meter).await;
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle.clone(), GridError::QualityTooLow)
        .await;
    let lower = world.minimum(0, 0);
    world.as_authority(lower).await;
    world
        .refuse(&[&meter.owner], settle, GridError::QualityTooLow)
        .await;
    world.report(&meter, 900, 12_001, 0).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 12_001_000_000);
}

/// A suspension, a stop of minting and a mint limit delay a settlement, and that is all.
#[tokio::test]
async fn pauses_only_delay() {
    let mut world = World::new().await;
    let meter = meter_with_surplus(&mut world).await;
    let authority = world.authority.clone();
    for status in [MeterStatus::Suspended, MeterStatus::Inactive] {
        world.set_status(&meter, status).await;
        world.pass_time(30 * 86_400).await;
        assert_eq!(ask(&mut world, &meter).await, balance(10_000, 10_000, 0));
        world.set_status(&meter, MeterStatus::Active).await;
    }
    for enabled in [false, true] {
        let set = world
            .deployment
            .set_minting_enabled(&authority.pubkey(), enabled);
        world.as_authority(set).await;
        let mintable = if enabled { 10_000 } else { 0 };
        assert_eq!(
            ask(&mut world, &meter).await,
            balance(10_000, 10_000, mintable)
        );
    }
    let limit = SetMintLimit {
        burst: BaseUnits(4_000_000_000),
        rate_per_second: BaseUnits(1_000_000),
    };
    let set = set_mint_limit(&world.deployment.token_program, &authority.pubkey(), limit);
    world.as_authority(set).await;
    assert_eq!(
        ask(&mut world, &meter).await,
        balance(10_000, 10_000, 4_000)
    );
    world.settle(&meter).await;
    assert_eq!(ask(&mut world, &meter).await, balance(6_000, 6_000, 0));
    world.pass_time(1_500).await;
    assert_eq!(ask(&mut world, &meter).await, balance(6_000, 6_000, 1_500));
}

/// The specification: what is unsettled is generation minus consumption minus what was settled.
#[tokio::test]
async fn consumption_eats_what_waits() {
    let mut world = World::new().await;
    let meter = meter_with_surplus(&mut world).await;
    world.report(&meter, 3_600, 10_000, 6_000).await;
    assert_eq!(ask(&mut world, &meter).await, balance(4_000, 4_000, 4_000));
    // What comes back up to where the meter was vouched for is claimable at once, whatever the quality now.
    ruin(&mut world, &meter).await;
    world.report(&meter, 3_600, 15_000, 6_000).await;
    assert_eq!(ask(&mut world, &meter).await, balance(9_000, 9_000, 9_000));
    world.report(&meter, 3_600, 18_000, 6_000).await;
    assert_eq!(
        ask(&mut world, &meter).await,
        balance(12_000, 10_000, 10_000)
    );
    world.report(&meter, 3_600, 18_000, 18_000).await;
    assert_eq!(ask(&mut world, &meter).await, balance(0, 0, 0));
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::InsufficientBalance)
        .await;
}

/// What any pause means for those who haven't settled before it: what is consumed meanwhile can't be claimed any more.
#[tokio::test]
async fn what_is_consumed_during_a_pause_is_gone() {
    for pause in ["minting", "status", "quality"] {
        let mut world = World::new().await;
        let (early, late) = (
            world.active_meter("EARLY").await,
            world.active_meter("LATE").await,
        );
        for meter in [&early, &late] {
            world.report(meter, 3_600, 10_000, 0).await;
        }
        world.settle(&early).await;
        let authority = world.authority.pubkey();
        for paused in [true, false] {
            let switch = match pause {
                "minting" => world.deployment.set_minting_enabled(&authority, !paused),
                "quality" => world.minimum(if paused { 8_500 } else { 0 }, 0),
                _ => {
                    use MeterStatus::{Active, Suspended};
                    let status = if paused { Suspended } else { Active };
                    world
                        .deployment
                        .set_meter_status(&authority, &late.address, status)
                }
            };
            world.as_authority(switch).await;
            world.pass_time(900).await;
        }
        world.report(&late, 3_600, 10_000, 10_000).await;
        let settle = world.settlement(&late);
        world
            .refuse(&[&late.owner], settle, GridError::InsufficientBalance)
            .await;
        assert_eq!(world.balance(&early.wallet).await, 10_000_000_000);
    }
}

#[tokio::test]
async fn a_decommissioned_meter_keeps_what_is_claimable_and_nothing_else() {
    let mut world = World::new().await;
    let meter = meter_with_surplus(&mut world).await;
    ruin(&mut world, &meter).await;
    world.report(&meter, 900, 13_000, 0).await;
    world.set_status(&meter, MeterStatus::Decommissioned).await;
    assert_eq!(
        ask(&mut world, &meter).await,
        balance(13_000, 10_000, 10_000)
    );
    world.settle(&meter).await;
    assert_eq!(ask(&mut world, &meter).await, balance(3_000, 0, 0));
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::QualityTooLow)
        .await;
}

#[tokio::test]
async fn a_new_owner_can_claim_what_the_old_one_could() {
    use registry_program::instruction::{accept_meter_owner, propose_meter_owner};
    let mut world = World::new().await;
    let meter = meter_with_surplus(&mut world).await;
    ruin(&mut world, &meter).await;
    let registry = world.deployment.registry_program;
    let (heir, wallet) = world.owner().await;
    let (old, new) = (meter.owner.pubkey(), heir.pubkey());
    let propose = propose_meter_owner(&registry, &old, &meter.address, &new);
    world.send(&[&meter.owner], propose).await;
    let accept = accept_meter_owner(&registry, &new, &meter.address);
    world.send(&[&heir], accept).await;
    let meter = TestMeter {
        owner: heir,
        wallet,
        ..meter
    };
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 10_000_000_000);
}
