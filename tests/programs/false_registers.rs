//! What the hold of jumps is for: registers that no meter has counted are never minted, and whoever provokes a hold locks
//! nothing that is true.

use gridtoken_tests::{rejections, World};
use registry_program::instruction::RegisterMeter;
use shared_state::{
    quantity::{Bps, Wh},
    reading::RejectReason::{self, RegisterJumped},
    state::MeterStatus,
    GridError,
};
use solana_signer::Signer;

/// A gateway registers a meter before it has read it.
#[tokio::test]
async fn a_baseline_of_zero_that_never_was_is_never_minted_however_late() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let mut register = 12_345_678;
    for days in [0, 1, 10, 100, 1_000, 10_000] {
        world.pass_time(days * 86_400).await;
        for _ in 0..3 {
            register += 1_000;
            let receipt = world.record(&meter, 900, register, register).await;
            assert_eq!(rejections(&receipt), [RegisterJumped]);
        }
    }
    let account = world.meter(&meter).await;
    assert_eq!(account.total_generation, Wh(0));
    assert_eq!(
        (account.rejected_count, account.state.quality),
        (18, Bps(0))
    );
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::InsufficientBalance)
        .await;

    // Registered anew where it stands, it counts from there.
    let args = RegisterMeter {
        generation_register: Wh(register),
        consumption_register: Wh(register),
        ..World::registration("M-1", &meter.owner.pubkey())
    };
    let payer = world.payer.pubkey();
    let again = world
        .deployment
        .register_meter(&world.authority.pubkey(), &payer, args);
    world.as_authority(again).await;
    world.set_status(&meter, MeterStatus::Active).await;
    world.report(&meter, 900, register + 1_000, register).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 1_000_000_000);
}

/// Somebody has changed the meter and told nobody.
#[tokio::test]
async fn a_replaced_meter_that_starts_higher_counts_nothing_of_the_difference() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 0).await;
    let mut register = 72_000_000;
    for hour in 0..1_000 {
        let receipt = world.record(&meter, 3_600, register, 0).await;
        assert_eq!(rejections(&receipt), [RegisterJumped], "hour {hour}");
        register += 50;
    }
    // What was claimable stays so, and the operator's replacement counts on from the new register.
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 1_000_000_000);
    let replace = world.replacement(&meter, register, 0).await;
    world.as_authority(replace).await;
    world.report(&meter, 3_600, register + 2_000, 0).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 3_000_000_000);
}

/// The same with one that starts lower, while the old one would have rolled over 9 MWh later: at 100 kW that takes four days.
#[tokio::test]
async fn a_replaced_meter_that_starts_lower_never_becomes_a_rollover() {
    let mut world = World::new().await;
    let meter = world
        .meter_with("M-1", |args| {
            args.register_modulus = Wh(100_000_000);
            args.generation_register = Wh(91_000_000);
        })
        .await;
    world.report(&meter, 900, 91_001_000, 0).await;
    let backwards = RejectReason::GenerationRegisterBackwards;
    for hour in 0..200 {
        let receipt = world.record(&meter, 3_600, 50 * hour, 0).await;
        assert_eq!(rejections(&receipt), [backwards], "hour {hour}");
    }
    assert!(world.meter(&meter).await.state.is_held());
    // The operator's replacement counts on from the new register, and so would the old device.
    let replace = world.replacement(&meter, 10_000, 0).await;
    world.as_authority(replace).await;
    assert!(!world.meter(&meter).await.state.is_held());
    world.report(&meter, 3_600, 12_000, 0).await;
    assert_eq!(world.meter(&meter).await.total_generation, Wh(3_000));
}

/// A listed reporter that wants to lock a meter sends the lowest register that is held, as soon after a true reading as it
/// is taken. The next true reading, at full power, is below it.
#[tokio::test]
async fn a_hold_that_a_hostile_reporter_provokes_locks_nothing_once_a_true_reading_comes() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (mut generation, mut consumption) = (0, 0);
    for quarter in 0..20 {
        // The gateway's usual reading, 900 s after the last one, or once 1,800 s.
        let seconds: u32 = if quarter == 10 { 1_800 } else { 900 };
        generation += 25 * u64::from(seconds);
        consumption += 25 * u64::from(seconds);
        world.pass_time(i64::from(seconds) - 120).await;
        for flood in [52_501, 60_000, 1_000_000_000] {
            let last = world.meter(&meter).await.state;
            let generation = last.generation_register.0 + flood;
            let consumption = last.consumption_register.0 + flood;
            let receipt = world.record(&meter, 0, generation, consumption).await;
            let reasons = rejections(&receipt);
            assert_ne!(reasons, []);
            if quarter != 10 {
                assert_eq!(reasons, [RegisterJumped]);
            }
        }
        world.pass_time(120).await;
        let receipt = world.record(&meter, 0, generation, consumption).await;
        assert_eq!(rejections(&receipt), [], "quarter {quarter}");
    }
    let account = world.meter(&meter).await;
    assert_eq!(account.total_generation, Wh(generation));
    assert!(!account.state.is_held());
}

/// A minute after a reading, what fits into a minute twice over fits into a quarter of an hour, so it is no jump.
#[tokio::test]
async fn soon_after_a_reading_a_jump_is_measured_by_the_usual_interval() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 0).await;
    let receipt = world.record(&meter, 60, 1_000 + 3_501, 0).await;
    let above = RejectReason::GenerationAboveRatedPower;
    assert_eq!(rejections(&receipt), [above]);
    // And so the true reading isn't held.
    world.report(&meter, 840, 26_000, 0).await;
}
