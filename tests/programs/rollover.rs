//! Registers that start again from zero: at 10^n Wh for meters that show n digits, at 2^32 Wh for those that count in 32 bits.

use gridtoken_tests::{rejections, TestMeter, World};
use registry_program::instruction::{replace_device, RegisterMeter, ReplaceDevice};
use shared_state::{
    event::{Event, MeterRegistered},
    quantity::{Bps, Wh},
    reading::{Reading, RejectReason},
    state::DeviceKeyType,
    GridError,
};
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

const FIVE_DIGITS_OF_KWH: u64 = 100_000_000;

/// A meter of 100 kW with this modulus and these registers.
async fn meter(world: &mut World, modulus: u64, generation: u64, consumption: u64) -> TestMeter {
    world
        .meter_with("M-1", |args| {
            args.register_modulus = Wh(modulus);
            args.generation_register = Wh(generation);
            args.consumption_register = Wh(consumption);
        })
        .await
}

async fn totals(world: &mut World, meter: &TestMeter) -> (u64, u64) {
    let account = world.meter(meter).await;
    (account.total_generation.0, account.total_consumption.0)
}

#[tokio::test]
async fn registers_go_on_counting_when_they_start_again_from_zero() {
    for modulus in [
        1_000_000,
        FIVE_DIGITS_OF_KWH,
        1_000_000_000,
        1 << 32,
        10_000_000_000,
        u64::MAX,
    ] {
        let mut world = World::new().await;
        let meter = meter(&mut world, modulus, modulus - 3_000, modulus - 2_000).await;
        world
            .report(&meter, 900, modulus - 1_000, modulus - 1_000)
            .await;
        // One of them, then the other, then both go on.
        world.report(&meter, 900, 500, modulus - 1).await;
        world.report(&meter, 900, 1_000, 499).await;
        assert_eq!(totals(&mut world, &meter).await, (4_000, 2_499));
        world.report(&meter, 900, 8_000, 1_000).await;
        assert_eq!(totals(&mut world, &meter).await, (11_000, 3_000));
        let account = world.meter(&meter).await;
        assert_eq!(account.state.quality, Bps(8_500));
        world.settle(&meter).await;
        assert_eq!(world.balance(&meter.wallet).await, 8_000_000_000);
    }
}

#[tokio::test]
async fn both_registers_may_roll_over_in_one_reading() {
    let mut world = World::new().await;
    let modulus = FIVE_DIGITS_OF_KWH;
    let meter = meter(&mut world, modulus, modulus - 1, modulus - 700).await;
    world.report(&meter, 900, 0, 100).await;
    assert_eq!(totals(&mut world, &meter).await, (1, 800));
}

#[tokio::test]
async fn a_register_at_or_above_the_modulus_is_refused() {
    let mut world = World::new().await;
    let modulus = FIVE_DIGITS_OF_KWH;
    let meter = meter(&mut world, modulus, modulus - 10, modulus - 10).await;
    world.report(&meter, 900, modulus - 5, modulus - 5).await;
    world.pass_time(900).await;
    let reporter = world.reporter.clone();
    for (generation, consumption) in [
        (modulus, modulus - 1),
        (modulus - 1, modulus),
        (u64::MAX, 0),
        (0, u64::MAX),
        // Worse than a register that went back without rolling over.
        (modulus, 0),
    ] {
        let reading = [(meter.address, world.reading(generation, consumption))];
        let submit = world.submit(&reading);
        let refusal = world
            .refuse(&[&reporter], submit, GridError::RegisterBeyondModulus)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("Meter"));
    }
    let receipt = world.record(&meter, 0, modulus, modulus - 1).await;
    let beyond = RejectReason::RegisterBeyondModulus;
    assert_eq!(rejections(&receipt), [beyond]);
    let account = world.meter(&meter).await;
    assert_eq!(
        (account.last_reject_reason, account.state.quality),
        (119, Bps(7_969))
    );
    assert!(!account.state.is_held());
    // One below it is the highest that there is, and zero the next.
    world.report(&meter, 0, modulus - 1, modulus - 1).await;
    world.report(&meter, 900, 0, 0).await;
    assert_eq!(totals(&mut world, &meter).await, (10, 10));
}

/// A gateway that was off for weeks: what the rated power allows in that time.
#[tokio::test]
async fn a_register_may_roll_over_during_a_long_gap() {
    let mut world = World::new().await;
    let modulus = FIVE_DIGITS_OF_KWH;
    let meter = meter(&mut world, modulus, 60_000_000, 0).await;
    // 70 MWh at 100 kW and 5 % more take 667 hours.
    let receipt = world
        .record(&meter, 666 * 3_600, 30_000_000, 5_000_000)
        .await;
    let backwards = RejectReason::GenerationRegisterBackwards;
    assert_eq!(rejections(&receipt), [backwards]);
    world.report(&meter, 3_600, 30_000_000, 5_000_000).await;
    assert_eq!(totals(&mut world, &meter).await, (70_000_000, 5_000_000));
}

#[tokio::test]
async fn a_step_that_fits_neither_way_is_a_register_that_went_back() {
    let mut world = World::new().await;
    let modulus = FIVE_DIGITS_OF_KWH;
    let meter = meter(&mut world, modulus, modulus - 1_000, modulus / 2).await;
    world
        .report(&meter, 900, modulus - 500, modulus / 2 + 500)
        .await;
    for (generation, consumption, reason) in [
        // To the limit of 26,250 Wh it is a rollover, a watt-hour beyond it is none.
        (
            25_751,
            modulus / 2 + 500,
            RejectReason::GenerationRegisterBackwards,
        ),
        (
            modulus - 501,
            modulus / 2 + 500,
            RejectReason::GenerationRegisterBackwards,
        ),
        (modulus - 500, 0, RejectReason::ConsumptionRegisterBackwards),
        (
            modulus - 500,
            modulus / 2 + 499,
            RejectReason::ConsumptionRegisterBackwards,
        ),
    ] {
        let submit = [(
            meter.address,
            Reading {
                timestamp: world.now + 900,
                ..world.reading(generation, consumption)
            },
        )];
        world.pass_time(900).await;
        let receipt = world.record_all(&submit).await;
        assert_eq!(rejections(&receipt), [reason]);
        world.pass_time(-900).await;
    }
    world.report(&meter, 900, 25_750, modulus / 2 + 500).await;
    assert_eq!(totals(&mut world, &meter).await, (26_750, 500));
}

#[tokio::test]
async fn without_a_modulus_nothing_rolls_over() {
    let mut world = World::new().await;
    let meter = meter(&mut world, 0, u64::MAX - 10, 1 << 32).await;
    let receipt = world.record(&meter, 900, 0, 1 << 32).await;
    let backwards = RejectReason::GenerationRegisterBackwards;
    assert_eq!(rejections(&receipt), [backwards]);
    let receipt = world.record(&meter, 900, u64::MAX, 0).await;
    let backwards = RejectReason::ConsumptionRegisterBackwards;
    assert_eq!(rejections(&receipt), [backwards]);
    world.report(&meter, 900, u64::MAX, 1 << 32).await;
    assert_eq!(totals(&mut world, &meter).await, (10, 0));
}

/// A gateway's backlog with a rollover in the middle.
#[tokio::test]
async fn a_register_rolls_over_within_a_batch() {
    let mut world = World::new().await;
    let modulus = FIVE_DIGITS_OF_KWH;
    let meter = meter(&mut world, modulus, modulus - 2_500, 0).await;
    world.pass_time(4 * 900).await;
    let start = world.now - 4 * 900;
    let batch = [modulus - 1_500, modulus - 500, 500, 1_500].map(|register| {
        let step = (register + 2_500) % modulus / 1_000;
        let reading = Reading {
            timestamp: start + step as i64 * 900,
            ..world.reading(register, 0)
        };
        (meter.address, reading)
    });
    assert_eq!(rejections(&world.record_all(&batch).await), []);
    assert_eq!(totals(&mut world, &meter).await, (4_000, 0));
}

/// Who finds out at the first rollover says so then: the registers stay, and so does the time of the last reading.
#[tokio::test]
async fn a_modulus_can_be_set_later() {
    let mut world = World::new().await;
    let modulus = FIVE_DIGITS_OF_KWH;
    let meter = meter(&mut world, 0, modulus - 10_000, 0).await;
    world.report(&meter, 900, modulus - 1_000, 0).await;
    let receipt = world.record(&meter, 900, 20_000, 0).await;
    let backwards = RejectReason::GenerationRegisterBackwards;
    assert_eq!(rejections(&receipt), [backwards]);
    let state = world.meter(&meter).await.state;
    let args = |modulus, register| ReplaceDevice {
        device_key: Pubkey::default(),
        old_generation_register: state.generation_register,
        old_consumption_register: state.consumption_register,
        generation_register: Wh(register),
        consumption_register: Wh(0),
        register_modulus: Wh(modulus),
        device_key_type: DeviceKeyType::None as u64,
    };
    let (registry, authority) = (world.deployment.registry_program, world.authority.clone());
    let replace = |args| replace_device(&registry, &authority.pubkey(), &meter.address, args);
    for (modulus, register) in [
        (modulus - 1_000, modulus - 1_000),
        (20_000, 20_000),
        (1, modulus - 1_000),
    ] {
        world
            .refuse(
                &[&authority],
                replace(args(modulus, register)),
                GridError::RegisterBeyondModulus,
            )
            .await;
    }
    world
        .as_authority(replace(args(modulus, modulus - 1_000)))
        .await;
    let account = world.meter(&meter).await;
    assert_eq!(account.state.register_modulus, Wh(modulus));
    assert_eq!(account.state.last_reading_at, state.last_reading_at);
    world.report(&meter, 0, 20_000, 0).await;
    assert_eq!(totals(&mut world, &meter).await, (30_000, 0));
    // And taken away again.
    let state = world.meter(&meter).await.state;
    let args = ReplaceDevice {
        old_generation_register: state.generation_register,
        ..args(0, 20_000)
    };
    world.as_authority(replace(args)).await;
    world.report(&meter, 900, 20_001, 0).await;
    let receipt = world.record(&meter, 900, 20_000, 0).await;
    assert_eq!(rejections(&receipt), [backwards]);
}

#[tokio::test]
async fn a_registration_at_or_above_the_modulus_is_refused() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let payer = world.payer.pubkey();
    let owner = Pubkey::new_unique();
    for (modulus, generation, consumption) in [
        (1_000, 1_000, 0),
        (1_000, 0, 1_000),
        (1, 1, 0),
        (1, 0, u64::MAX),
    ] {
        let args = RegisterMeter {
            register_modulus: Wh(modulus),
            generation_register: Wh(generation),
            consumption_register: Wh(consumption),
            ..World::registration("M-1", &owner)
        };
        let register = world
            .deployment
            .register_meter(&authority.pubkey(), &payer, args);
        world
            .refuse(&[&authority], register, GridError::RegisterBeyondModulus)
            .await;
    }
    let args = RegisterMeter {
        register_modulus: Wh(1_000),
        generation_register: Wh(999),
        ..World::registration("M-1", &owner)
    };
    let register = world
        .deployment
        .register_meter(&authority.pubkey(), &payer, args);
    let receipt = world.as_authority(register).await;
    let [Event::MeterRegistered(MeterRegistered {
        register_modulus, ..
    })] = receipt.events()[..]
    else {
        panic!("{:?}", receipt.events());
    };
    assert_eq!(register_modulus, Wh(1_000));
}
