//! What costs a meter quality, how often, and how it comes back.

use gridtoken_tests::{rejections, TestMeter, World};
use oracle_program::{
    instruction::submit_signed_readings,
    signature::{message, precompile, Scheme, SignedMessage},
};
use shared_state::{
    quantity::{Bps, Wh},
    reading::{Reading, RejectReason},
    state::{DeviceKeyType, Meter, MeterStatus},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

async fn quality(world: &mut World, meter: &TestMeter) -> u16 {
    world.meter(meter).await.state.quality.0
}

/// A meter whose device signs.
struct Signing {
    meter: TestMeter,
    device: Keypair,
}

impl Signing {
    /// With 30 good readings, a quarter of an hour apart: the last is of 30,000 Wh.
    async fn new(world: &mut World) -> Self {
        let device = Keypair::new();
        let meter = world
            .meter_with("S-1", |args| {
                args.device_key = device.pubkey();
                args.device_key_type = DeviceKeyType::Ed25519 as u64;
            })
            .await;
        let signing = Self { meter, device };
        for quarter in 1..=30 {
            world.pass_time(900).await;
            let reading = world.reading(quarter * 1_000, 0);
            assert_eq!(signing.send(world, reading).await, []);
        }
        assert_eq!(quality(world, &signing.meter).await, 10_000);
        signing
    }

    /// Sends a reading with its signature, as the reporter: why it was rejected, if it was.
    async fn send(&self, world: &mut World, reading: Reading) -> Vec<RejectReason> {
        let deployment = world.deployment;
        let message = message(&deployment.registry_program, &self.meter.id, &[reading]);
        let signed = SignedMessage {
            key_type: DeviceKeyType::Ed25519,
            key: self.device.pubkey(),
            signature: *self.device.sign_message(&message).as_array(),
            message,
        };
        let submit = submit_signed_readings(
            &deployment.oracle_program,
            &world.reporter.pubkey(),
            &deployment.registry_program,
            false,
            &[self.meter.address],
        );
        let reporter = world.reporter.clone();
        let instructions = [precompile(Scheme::Ed25519, &[signed]), submit];
        // The runtime knows that it has seen a transaction: with another time, it is another one.
        rejections(&world.send_all(&[&reporter], &instructions).await)
    }
}

/// A device, asked by hand, signs another reading half a minute after its regular one; a gateway holds a good one back for a
/// week. Neither says anything about the meter.
#[tokio::test]
async fn readings_that_come_too_soon_or_too_late_cost_nothing_however_often_they_are_sent() {
    let mut world = World::new().await;
    let signing = Signing::new(&mut world).await;
    world.pass_time(30).await;
    let extra = world.reading(30_010, 0);
    world.pass_time(900).await;
    let late = world.reading(31_000, 0);
    for _ in 0..12 {
        let reasons = signing.send(&mut world, extra).await;
        assert_eq!(reasons, [RejectReason::ReadingTooSoon]);
        world.pass_time(1).await;
    }
    world.pass_time(7 * 86_400).await;
    for _ in 0..12 {
        let reasons = signing.send(&mut world, late).await;
        assert_eq!(reasons, [RejectReason::ReadingTooOld]);
        world.pass_time(1).await;
    }
    let account = world.meter(&signing.meter).await;
    assert_eq!(
        (account.rejected_count, account.state.quality.0),
        (24, 10_000)
    );
}

/// A device's false reading is charged once: the reporter that has it can't charge it again, nor one that is older.
#[tokio::test]
async fn a_rejected_reading_is_charged_once() {
    let mut world = World::new().await;
    let signing = Signing::new(&mut world).await;
    world.pass_time(900).await;
    let older = world.reading(29_998, 0);
    world.pass_time(60).await;
    let backwards = world.reading(29_999, 0);
    let reason = RejectReason::GenerationRegisterBackwards;
    for _ in 0..12 {
        for reading in [backwards, older] {
            assert_eq!(signing.send(&mut world, reading).await, [reason]);
            world.pass_time(1).await;
        }
    }
    let account = world.meter(&signing.meter).await;
    assert_eq!(
        (account.rejected_count, account.state.quality.0),
        (24, 9_375)
    );
    // An accepted reading in between changes nothing about that; a newer false one is charged.
    world.pass_time(900).await;
    let good = world.reading(31_000, 0);
    assert_eq!(signing.send(&mut world, good).await, []);
    // 99 points, because it comes after a gap.
    assert_eq!(quality(&mut world, &signing.meter).await, 9_408);
    world.pass_time(900).await;
    let again = world.reading(30_999, 0);
    assert_eq!(signing.send(&mut world, again).await, [reason]);
    assert_eq!(quality(&mut world, &signing.meter).await, 8_820);
}

/// A clock that ran ahead once doesn't make later rejections free.
#[tokio::test]
async fn a_reading_from_the_future_costs_nothing_and_spares_nothing() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 0).await;
    world.pass_time(900).await;
    for timestamp in [world.now + 61, i64::MAX] {
        let future = Reading {
            timestamp,
            ..world.reading(2_000, 0)
        };
        let receipt = world.record_all(&[(meter.address, future)]).await;
        assert_eq!(rejections(&receipt), [RejectReason::ReadingInFuture]);
    }
    assert_eq!(quality(&mut world, &meter).await, 8_500);
    world.record(&meter, 0, 999, 0).await;
    assert_eq!(quality(&mut world, &meter).await, 7_969);
}

/// Two gateways that read the same meter every quarter of an hour, half a minute apart.
#[tokio::test]
async fn two_gateways_half_a_minute_apart_cost_no_quality() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    for quarter in 1..=60 {
        world.report(&meter, 870, quarter * 1_000, 0).await;
        let second = world.record(&meter, 30, quarter * 1_000 + 8, 0).await;
        assert_eq!(rejections(&second), [RejectReason::ReadingTooSoon]);
    }
    let account = world.meter(&meter).await;
    assert_eq!(
        (account.rejected_count, account.state.quality),
        (60, Bps(8_500))
    );
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 60_000_000_000);
}

/// A gateway that sends what it has every 10 seconds: one of six is taken.
#[tokio::test]
async fn a_meter_that_is_read_every_ten_seconds_keeps_its_quality() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    for step in 1..=360 {
        let receipt = world.record(&meter, 10, step * 100, 0).await;
        assert_eq!(rejections(&receipt).is_empty(), step % 6 == 0);
    }
    let account = world.meter(&meter).await;
    assert_eq!(account.state.accepted_count, 60);
    assert_eq!(account.total_generation, Wh(36_000));
    assert_eq!(account.state.quality, Bps(8_500));
}

#[tokio::test]
async fn one_rejection_is_a_sixteenth_and_rounded_to_the_nearest() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 0).await;
    for expected in [
        7_969, 7_471, 7_004, 6_566, 6_156, 5_771, 5_410, 5_072, 4_755,
    ] {
        world.record(&meter, 900, 999, 0).await;
        assert_eq!(quality(&mut world, &meter).await, expected);
    }
}

/// From anywhere, good readings bring a meter to their score, and to 50 % in 14 readings at most.
#[tokio::test]
async fn a_meter_recovers_from_every_start() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 0).await;
    let mut register = 1_000;
    for (start, to_half, to_score) in [
        (0, 14, 114),
        (1, 14, 114),
        (4_999, 1, 100),
        (8_484, 0, 16),
        (8_485, 0, 15),
        (8_499, 0, 1),
        (8_501, 0, 1),
        (10_000, 0, 88),
    ] {
        let change = |meter: &mut Meter| meter.state.quality = Bps(start);
        world.edit(&meter.address, change).await;
        let (mut readings, mut half) = (0, None);
        loop {
            let quality = quality(&mut world, &meter).await;
            if quality >= 5_000 {
                half = half.or(Some(readings));
            }
            if quality == 8_500 {
                break;
            }
            register += 1_000;
            readings += 1;
            world.report(&meter, 900, register, 0).await;
        }
        assert_eq!((half, readings), (Some(to_half), to_score), "from {start}");
    }
}

/// The highest minimum that a reporter's word reaches, and the way back to it after a gap.
#[tokio::test]
async fn the_highest_minimum_without_signatures_is_reached_again_after_a_gap() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let out_of_reach = world.minimum(8_501, 0);
    world
        .refuse(&[&authority], out_of_reach, GridError::QualityOutOfReach)
        .await;
    let highest = world.minimum(8_500, 0);
    world.as_authority(highest).await;
    let meter = world.active_meter("M-1").await;
    for quarter in 1..=5 {
        world.report(&meter, 900, quarter * 100, 0).await;
    }
    world.settle(&meter).await;
    // A gap of a bit more than two intervals: two points less.
    world.report(&meter, 1_900, 600, 0).await;
    let settle = world.settlement(&meter);
    let mut register = 600;
    while quality(&mut world, &meter).await < 8_500 {
        world
            .refuse(&[&meter.owner], settle.clone(), GridError::QualityTooLow)
            .await;
        register += 100;
        world.report(&meter, 900, register, 0).await;
    }
    assert_eq!(register, 1_800);
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, register * 1_000_000);
}

/// A higher one is for registries where all meters sign.
#[tokio::test]
async fn where_all_meters_sign_the_minimum_may_be_higher() {
    let mut world = World::new().await;
    let highest = world.minimum(10_000, 1);
    world.as_authority(highest).await;
    let signing = Signing::new(&mut world).await;
    world.settle(&signing.meter).await;
    assert_eq!(world.balance(&signing.meter.wallet).await, 30_000_000_000);
    let authority = world.authority.clone();
    let more = world.minimum(10_001, 1);
    world
        .refuse(&[&authority], more, GridError::InvalidQuality)
        .await;
}

/// What only says something about the gateway, for every meter there is.
#[tokio::test]
async fn readings_of_a_stopped_meter_and_without_their_signature_cost_nothing() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 0).await;
    world.set_status(&meter, MeterStatus::Suspended).await;
    let receipt = world.record(&meter, 900, 0, 0).await;
    assert_eq!(rejections(&receipt), [RejectReason::MeterNotActive]);
    world.set_status(&meter, MeterStatus::Active).await;
    let change = |meter: &mut Meter| {
        meter.device_key = Pubkey::new_unique();
        meter.device_key_type = DeviceKeyType::P256Odd as u8;
    };
    world.edit(&meter.address, change).await;
    let receipt = world.record(&meter, 900, 0, 0).await;
    assert_eq!(rejections(&receipt), [RejectReason::UnsignedReading]);
    assert_eq!(quality(&mut world, &meter).await, 8_500);
}
