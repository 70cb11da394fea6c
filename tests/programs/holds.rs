//! Jumps: a register that no meter can have counted is held until somebody looks, and locks nothing that is true.
//!
//! The tests' meters have 100 kW: 26,250 Wh in a quarter of an hour with the tolerance, and 52,500 Wh are twice that.

use gridtoken_tests::{rejections, TestMeter, World, START};
use registry_program::instruction::{replace_device, ReplaceDevice};
use shared_state::{
    event::{
        Event, MeterReadingRecorded, MeterReadingRejected, RegisterHoldBegan, RegisterHoldEnded,
    },
    quantity::{Bps, Wh},
    reading::{
        Reading,
        RejectReason::{self, *},
    },
    state::MeterStatus,
    GridError,
};
use solana_signer::Signer;

/// A reading that is recorded: why it was rejected, if it was, and which registers are held afterwards.
async fn read(
    world: &mut World,
    meter: &TestMeter,
    seconds: i64,
    generation: u64,
    consumption: u64,
) -> (Option<RejectReason>, (u64, u64)) {
    let receipt = world.record(meter, seconds, generation, consumption).await;
    let held = held(world, meter).await;
    (rejections(&receipt).first().copied(), held)
}

/// The registers that are held.
async fn held(world: &mut World, meter: &TestMeter) -> (u64, u64) {
    let state = world.meter(meter).await.state;
    let held = (
        state.held_generation_register.0,
        state.held_consumption_register.0,
    );
    assert_eq!(state.is_held(), held != (0, 0));
    held
}

/// A meter whose generation register, after a reading of 1,000 and 500 Wh, has jumped to 1,000,000.
async fn held_meter(world: &mut World) -> TestMeter {
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 500).await;
    let jumped = read(world, &meter, 900, 1_000_000, 500).await;
    assert_eq!(jumped, (Some(RegisterJumped), (1_000_000, 0)));
    meter
}

fn began(meter: &TestMeter, generation: u64, consumption: u64, held_at: i64) -> Event {
    Event::RegisterHoldBegan(RegisterHoldBegan {
        meter_id: meter.id,
        held_generation_register: Wh(generation),
        held_consumption_register: Wh(consumption),
        held_at,
    })
}

fn ended(meter: &TestMeter, held_at: i64) -> Event {
    Event::RegisterHoldEnded(RegisterHoldEnded {
        meter_id: meter.id,
        held_at,
    })
}

#[tokio::test]
async fn more_than_twice_what_the_rated_power_allows_is_a_jump() {
    for (seconds, twice) in [(900, 52_500), (901, 52_558), (3_600, 210_000), (60, 52_500)] {
        for (generation, consumption) in [(1, 0), (0, 1)] {
            let mut world = World::new().await;
            let meter = world.active_meter("M-1").await;
            world.report(&meter, 900, 7, 7).await;
            let exactly = read(
                &mut world,
                &meter,
                seconds,
                7 + generation * twice,
                7 + consumption * twice,
            );
            let above = match generation {
                1 => GenerationAboveRatedPower,
                _ => ConsumptionAboveRatedPower,
            };
            assert_eq!(exactly.await, (Some(above), (0, 0)), "{seconds} s");
            let (generation, consumption) = (generation * (8 + twice), consumption * (8 + twice));
            let one_more = read(&mut world, &meter, 0, generation.max(7), consumption.max(7));
            let expected = (Some(RegisterJumped), (generation, consumption));
            assert_eq!(one_more.await, expected, "{seconds} s");
        }
    }
}

#[tokio::test]
async fn a_strict_jump_fails_and_nothing_is_held() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.pass_time(900).await;
    let reporter = world.reporter.clone();
    for (generation, consumption) in [(52_501, 0), (0, 52_501), (u64::MAX, u64::MAX)] {
        let submit = world.submit(&[(meter.address, world.reading(generation, consumption))]);
        let refusal = world
            .refuse(&[&reporter], submit, GridError::RegisterJumped)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("Meter"));
    }
    assert_eq!(held(&mut world, &meter).await, (0, 0));
}

#[tokio::test]
async fn what_is_logged_when_a_hold_begins_and_ends() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 500).await;
    let receipt = world.record(&meter, 900, 1_000_000, 600).await;
    let held_at = START + 1_800;
    let rejected = |timestamp, generation_register, sequence| {
        Event::MeterReadingRejected(MeterReadingRejected {
            meter_id: meter.id,
            timestamp,
            generation_register: Wh(generation_register),
            consumption_register: Wh(600),
            quality: Bps(7_969),
            reason: GridError::RegisterJumped.code() as u16,
            sequence,
        })
    };
    assert_eq!(
        receipt.events(),
        [
            rejected(held_at, 1_000_000, 1),
            began(&meter, 1_000_000, 0, held_at)
        ]
    );
    assert_eq!(world.meter(&meter).await.last_reject_reason, 118);
    // The same again says nothing new.
    let receipt = world.record(&meter, 900, 1_000_001, 600).await;
    assert_eq!(receipt.events(), [rejected(held_at + 900, 1_000_001, 2)]);
    let receipt = world.record(&meter, 900, 2_000, 700).await;
    assert_eq!(
        receipt.events(),
        [
            ended(&meter, held_at),
            Event::MeterReadingRecorded(MeterReadingRecorded {
                meter_id: meter.id,
                timestamp: held_at + 1_800,
                generation_register: Wh(2_000),
                consumption_register: Wh(700),
                // 13 of the 20 points for completeness, because of the gap.
                quality: Bps(7_958),
                score: 78,
                flags: 4,
                sequence: 2,
            })
        ]
    );
    let account = world.meter(&meter).await;
    assert_eq!(
        (account.total_generation, account.state.held_at),
        (Wh(2_000), 0)
    );
}

#[tokio::test]
async fn a_glitch_and_back_costs_one_rejection_and_no_energy() {
    let mut world = World::new().await;
    let meter = held_meter(&mut world).await;
    assert_eq!(
        read(&mut world, &meter, 900, 3_000, 500).await,
        (None, (0, 0))
    );
    // What was held is a register like any other again.
    world.report(&meter, 40 * 3_600, 999_999, 500).await;
    world.report(&meter, 900, 1_000_000, 500).await;
    world.report(&meter, 900, 1_000_001, 500).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 999_501_000_000);
}

#[tokio::test]
async fn while_it_is_held_no_time_makes_a_jump_true_and_no_rejection_costs_quality() {
    let mut world = World::new().await;
    let meter = held_meter(&mut world).await;
    for days in [1, 30, 365, 3_650] {
        for register in [1_000_000, 1_000_001, 1_000_000 + days as u64 * 10_000] {
            assert_eq!(
                read(&mut world, &meter, days * 86_400, register, 500).await,
                (Some(RegisterJumped), (1_000_000, 0))
            );
        }
    }
    let account = world.meter(&meter).await;
    assert_eq!(account.state.quality, Bps(7_969));
    assert_eq!(account.total_generation, Wh(1_000));
    // What was claimable before it still is.
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 500_000_000);
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::InsufficientBalance)
        .await;
}

#[tokio::test]
async fn of_two_jumps_the_lower_one_is_held_since_the_first() {
    let mut world = World::new().await;
    let meter = held_meter(&mut world).await;
    let held_at = world.now;
    let higher = world.record(&meter, 900, 2_000_000, 500).await;
    assert_eq!(higher.events().len(), 1);
    let lower = world.record(&meter, 900, 400_000, 500).await;
    assert_eq!(
        lower.events()[1..],
        [began(&meter, 400_000, 0, held_at)],
        "{:?}",
        lower.events()
    );
    assert_eq!(
        read(&mut world, &meter, 86_400, 400_000, 500).await,
        (Some(RegisterJumped), (400_000, 0))
    );
    assert_eq!(
        read(&mut world, &meter, 900, 399_999, 500).await,
        (None, (0, 0))
    );
}

#[tokio::test]
async fn each_direction_is_held_for_itself() {
    let mut world = World::new().await;
    let meter = held_meter(&mut world).await;
    let held_at = world.now;
    // The generation is a glitch, the consumption jumps: one ends only when none is held.
    let receipt = world.record(&meter, 900, 1_100, 700_000).await;
    assert_eq!(rejections(&receipt), [RegisterJumped]);
    assert_eq!(
        receipt.events()[1..],
        [began(&meter, 1_000_000, 700_000, held_at)]
    );
    for (generation, consumption) in [(1_000_000, 600), (1_200, 700_000), (1_000_000, 700_000)] {
        assert_eq!(
            read(&mut world, &meter, 900, generation, consumption).await,
            (Some(RegisterJumped), (1_000_000, 700_000))
        );
    }
    assert_eq!(
        read(&mut world, &meter, 900, 1_200, 600).await,
        (None, (0, 0))
    );
    // Both in one reading.
    assert_eq!(
        read(&mut world, &meter, 900, 900_000, 800_000).await,
        (Some(RegisterJumped), (900_000, 800_000))
    );
    // One direction's jump is held although the other went back, and the jump is the reason.
    assert_eq!(
        read(&mut world, &meter, 900, 1_300, 700).await,
        (None, (0, 0))
    );
    assert_eq!(
        read(&mut world, &meter, 900, 1_299, 800_000).await,
        (Some(RegisterJumped), (0, 800_000))
    );
}

#[tokio::test]
async fn a_reading_that_is_refused_for_something_else_ends_no_hold() {
    let mut world = World::new().await;
    let meter = held_meter(&mut world).await;
    let last = world.now - 900;
    let week = 7 * 86_400;
    world.pass_time(week + 2_000).await;
    let now = world.now;
    let reading = |timestamp, generation, consumption| Reading {
        timestamp,
        generation_register: Wh(generation),
        consumption_register: Wh(consumption),
    };
    for (reading, reason) in [
        (reading(last, 1_100, 500), ReadingNotNewer),
        (reading(last + 900, 1_100, 500), ReadingTooOld),
        (reading(now + 61, 1_100, 500), ReadingInFuture),
        (reading(now, 999, 500), GenerationRegisterBackwards),
        (reading(now, 1_100, 499), ConsumptionRegisterBackwards),
    ] {
        let receipt = world.record_all(&[(meter.address, reading)]).await;
        assert_eq!(rejections(&receipt), [reason]);
        assert_eq!(held(&mut world, &meter).await, (1_000_000, 0), "{reason:?}");
    }
    world.set_status(&meter, MeterStatus::Inactive).await;
    let inactive = read(&mut world, &meter, 0, 1_100, 500).await;
    assert_eq!(inactive, (Some(MeterNotActive), (1_000_000, 0)));
    world.set_status(&meter, MeterStatus::Active).await;
    assert_eq!(
        read(&mut world, &meter, 0, 1_100, 500).await,
        (None, (0, 0))
    );

    // Too soon, and above the rated power without a jump.
    let jumped = read(&mut world, &meter, 30, 1_000_000, 500).await;
    assert_eq!(jumped, (Some(ReadingTooSoon), (0, 0)));
    let jumped = read(&mut world, &meter, 30, 1_000_000, 500).await;
    assert_eq!(jumped, (Some(RegisterJumped), (1_000_000, 0)));
    let above = read(&mut world, &meter, 30, 5_000, 500).await;
    assert_eq!(above, (Some(GenerationAboveRatedPower), (1_000_000, 0)));
}

#[tokio::test]
async fn another_device_ends_a_hold_and_nothing_of_the_jump_is_counted() {
    // The device was in order (the registers stay as they are), or it is the new one that starts higher.
    for register in [1_000, 1_000_100] {
        let mut world = World::new().await;
        let meter = held_meter(&mut world).await;
        let held_at = world.now;
        world.pass_time(3_600).await;
        let replace = world.replacement(&meter, register, 500).await;
        let receipt = world.as_authority(replace).await;
        assert_eq!(receipt.events()[0], ended(&meter, held_at));
        assert!(matches!(receipt.events()[1], Event::DeviceReplaced(_)));
        assert_eq!(held(&mut world, &meter).await, (0, 0));
        let account = world.meter(&meter).await;
        assert_eq!(account.state.last_reading_at, world.now);
        assert_eq!(account.total_generation, Wh(1_000));
        assert_eq!(
            read(&mut world, &meter, 900, register + 26_250, 500).await,
            (None, (0, 0))
        );
        assert_eq!(world.meter(&meter).await.total_generation, Wh(27_250));
    }
}

#[tokio::test]
async fn other_rated_powers_end_a_hold_if_they_allow_the_jump() {
    let mut world = World::new().await;
    let meter = held_meter(&mut world).await;
    let held_at = world.now;
    // 999,000 Wh in 900 s are 3,996 kW: half of that is 1,998 kW, the tolerance included.
    let not_enough = world.limits(&meter, 1_902_856, 100_000);
    world.as_authority(not_enough).await;
    assert_eq!(held(&mut world, &meter).await, (1_000_000, 0));
    assert_eq!(
        read(&mut world, &meter, 86_400, 1_000_000, 500).await,
        (Some(RegisterJumped), (1_000_000, 0))
    );
    let enough = world.limits(&meter, 1_902_857, 100_000);
    let receipt = world.as_authority(enough).await;
    assert!(matches!(
        receipt.events()[..],
        [Event::MeterLimitsChanged(_)]
    ));
    // The jump is judged anew, with the reading that shows it again.
    assert_eq!(held(&mut world, &meter).await, (1_000_000, 0));
    let receipt = world.record(&meter, 900, 1_000_000, 500).await;
    assert_eq!(receipt.events()[0], ended(&meter, held_at));
    assert_eq!(held(&mut world, &meter).await, (0, 0));
    assert_eq!(world.meter(&meter).await.total_generation, Wh(1_000_000));
}

#[tokio::test]
async fn a_correction_ends_a_hold() {
    let mut world = World::new().await;
    let meter = held_meter(&mut world).await;
    let held_at = world.now;
    let correct = world.correction(&meter, 900, 500).await;
    let receipt = world.as_authority(correct).await;
    assert_eq!(receipt.events()[0], ended(&meter, held_at));
    assert!(matches!(receipt.events()[1], Event::RegistersCorrected(_)));
    assert_eq!(held(&mut world, &meter).await, (0, 0));
    // The jump is one again, should it come again.
    assert_eq!(
        read(&mut world, &meter, 900, 1_000_000, 500).await,
        (Some(RegisterJumped), (1_000_000, 0))
    );
}

/// What rolls over behind a jump counts more than it.
#[tokio::test]
async fn a_register_that_rolls_over_passes_no_hold() {
    let mut world = World::new().await;
    let meter = world
        .meter_with("M-1", |args| {
            args.register_modulus = Wh(1_000_000);
            args.generation_register = Wh(900_000);
        })
        .await;
    let jumped = read(&mut world, &meter, 900, 999_990, 0).await;
    assert_eq!(jumped, (Some(RegisterJumped), (999_990, 0)));
    // 101,000 Wh are nothing for a quarter of an hour, but for an hour they are.
    for seconds in [900, 1_800, 86_400] {
        let too_far = read(&mut world, &meter, seconds, 1_000, 0).await;
        assert_eq!(too_far, (Some(GenerationRegisterBackwards), (999_990, 0)));
    }
    // A reading between the last one and the jump ends it, and then it may.
    let below = read(&mut world, &meter, 900, 999_000, 0).await;
    assert_eq!(below, (None, (0, 0)));
    let over = read(&mut world, &meter, 900, 1_000, 0).await;
    assert_eq!(over, (None, (0, 0)));
    assert_eq!(world.meter(&meter).await.total_generation, Wh(101_000));
}

/// By the modulus that is true, a register that went back far has rolled over: all of it counts.
#[tokio::test]
async fn another_modulus_ends_the_hold_of_a_register_that_rolled_over() {
    for register in [0, 1_000] {
        let mut world = World::new().await;
        let meter = world
            .meter_with("M-1", |args| {
                args.register_modulus = Wh(1_000_000_000);
                args.generation_register = Wh(99_999_000);
            })
            .await;
        let held = if register == 0 {
            1_000_000_000
        } else {
            register
        };
        assert_eq!(
            read(&mut world, &meter, 900, register, 0).await,
            (Some(GenerationRegisterBackwards), (held, 0))
        );
        // At 25 kW for three days.
        let register = register + 1_800_000;
        let (reason, _) = read(&mut world, &meter, 3 * 86_400, register, 0).await;
        assert_eq!(reason, Some(GenerationRegisterBackwards));
        let account = world.meter(&meter).await;
        let args = ReplaceDevice {
            device_key: account.device_key,
            old_generation_register: account.state.generation_register,
            old_consumption_register: account.state.consumption_register,
            generation_register: account.state.generation_register,
            consumption_register: account.state.consumption_register,
            register_modulus: Wh(100_000_000),
            device_key_type: account.device_key_type.into(),
        };
        let (registry, authority) = (world.deployment.registry_program, world.authority.pubkey());
        let replace = replace_device(&registry, &authority, &meter.address, args);
        world.as_authority(replace).await;
        assert_eq!(
            read(&mut world, &meter, 900, register, 0).await,
            (None, (0, 0))
        );
        let counted = Wh(register + 1_000);
        assert_eq!(world.meter(&meter).await.total_generation, counted);
    }
}

/// In a batch, what one reading leaves behind counts for the next.
#[tokio::test]
async fn a_hold_begins_and_ends_within_a_batch() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.pass_time(6 * 900).await;
    let start = world.now - 6 * 900;
    let registers = [1_000, 1_000_000, 1_000_001, 5_000, 1_000_000, 6_000];
    let batch: Vec<_> = registers
        .into_iter()
        .zip(1..)
        .map(|(register, step)| {
            let reading = Reading {
                timestamp: start + step * 900,
                ..world.reading(register, 0)
            };
            (meter.address, reading)
        })
        .collect();
    let receipt = world.record_all(&batch).await;
    assert_eq!(rejections(&receipt), [RegisterJumped; 3]);
    let holds: Vec<_> = receipt
        .events()
        .into_iter()
        .filter(|event| {
            matches!(
                event,
                Event::RegisterHoldBegan(_) | Event::RegisterHoldEnded(_)
            )
        })
        .collect();
    assert_eq!(
        holds,
        [
            began(&meter, 1_000_000, 0, start + 1_800),
            ended(&meter, start + 1_800),
            began(&meter, 1_000_000, 0, start + 4_500),
            ended(&meter, start + 4_500),
        ]
    );
    let account = world.meter(&meter).await;
    assert_eq!(
        (account.total_generation, account.state.accepted_count),
        (Wh(6_000), 3)
    );
    assert!(!account.state.is_held());
}
