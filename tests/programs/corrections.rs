//! CorrectRegisters: a false reading is taken back, and a false correction too.

use gridtoken_tests::{rejections, TestMeter, World};
use registry_program::instruction::{correct_registers, CorrectRegisters};
use shared_state::{
    event::{Event, RegistersCorrected},
    quantity::Wh,
    reading::{Reading, RejectReason},
    state::{Header, Meter, MeterStatus, ReadingState},
    GridError,
};
use solana_signer::Signer;

/// A meter that was registered at 5,000 and 2,000 Wh and has counted 10,000 and 4,000 Wh since.
async fn read_meter(world: &mut World) -> TestMeter {
    let meter = world
        .meter_with("M-1", |args| {
            args.generation_register = Wh(5_000);
            args.consumption_register = Wh(2_000);
        })
        .await;
    world.report(&meter, 3_600, 15_000, 6_000).await;
    meter
}

async fn correct(world: &mut World, meter: &TestMeter, generation: u64, consumption: u64) {
    let correct = world.correction(meter, generation, consumption).await;
    world.as_authority(correct).await;
}

/// Generated, consumed and claimable.
async fn totals(world: &mut World, meter: &TestMeter) -> (u64, u64, u64) {
    let account = world.meter(meter).await;
    (
        account.total_generation.0,
        account.total_consumption.0,
        account.claimable().0,
    )
}

#[tokio::test]
async fn the_totals_follow_the_registers_down_and_nothing_else_changes() {
    let mut world = World::new().await;
    let meter = read_meter(&mut world).await;
    let before = world.meter(&meter).await;
    world.pass_time(777).await;
    let correct = world.correction(&meter, 14_000, 3_500).await;
    let receipt = world.as_authority(correct).await;
    assert_eq!(
        receipt.events(),
        [Event::RegistersCorrected(RegistersCorrected {
            meter_id: meter.id,
            old_generation_register: Wh(15_000),
            old_consumption_register: Wh(6_000),
            generation_register: Wh(14_000),
            consumption_register: Wh(3_500),
        })]
    );
    let expected = Meter {
        header: Header {
            revision: before.header.revision + 1,
            ..before.header
        },
        total_generation: Wh(9_000),
        total_consumption: Wh(1_500),
        state: ReadingState {
            generation_register: Wh(14_000),
            consumption_register: Wh(3_500),
            last_reading_at: world.now,
            corrected_at: world.now,
            corrected_generation_register: Wh(15_000),
            corrected_consumption_register: Wh(6_000),
            ..before.state
        },
        ..before
    };
    assert_eq!(world.meter(&meter).await, expected);
}

#[tokio::test]
async fn less_generation_is_less_to_claim_at_once() {
    let mut world = World::new().await;
    let meter = read_meter(&mut world).await;
    assert_eq!(totals(&mut world, &meter).await, (10_000, 4_000, 6_000));
    correct(&mut world, &meter, 10_000, 6_000).await;
    assert_eq!(totals(&mut world, &meter).await, (5_000, 4_000, 1_000));
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 1_000_000_000);
}

#[tokio::test]
async fn less_consumption_makes_nothing_claimable_before_the_next_accepted_reading() {
    let mut world = World::new().await;
    let meter = read_meter(&mut world).await;
    world.settle(&meter).await;
    correct(&mut world, &meter, 15_000, 2_000).await;
    assert_eq!(totals(&mut world, &meter).await, (10_000, 0, 0));
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle.clone(), GridError::QualityTooLow)
        .await;
    let rejected = world.record(&meter, 900, 14_999, 2_000).await;
    assert_eq!(
        rejections(&rejected),
        [RejectReason::GenerationRegisterBackwards]
    );
    world
        .refuse(&[&meter.owner], settle, GridError::QualityTooLow)
        .await;
    world.report(&meter, 900, 15_000, 2_000).await;
    assert_eq!(totals(&mut world, &meter).await, (10_000, 0, 4_000));
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 10_000_000_000);
}

/// Energy that was claimable, but has been consumed since: a correction of the consumption doesn't bring it back by itself.
#[tokio::test]
async fn what_was_claimable_once_is_not_claimable_again_before_the_next_accepted_reading() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    world.report(&meter, 3_600, 10_000, 7_000).await;
    assert_eq!(totals(&mut world, &meter).await, (10_000, 7_000, 3_000));
    correct(&mut world, &meter, 9_500, 1_000).await;
    assert_eq!(totals(&mut world, &meter).await, (9_500, 1_000, 3_000));
    world.settle(&meter).await;
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::QualityTooLow)
        .await;
    world.report(&meter, 900, 9_500, 1_000).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 8_500_000_000);
}

#[tokio::test]
async fn below_what_is_settled_the_next_surplus_pays_it_off_first() {
    let mut world = World::new().await;
    let meter = read_meter(&mut world).await;
    world.settle(&meter).await;
    correct(&mut world, &meter, 9_000, 6_000).await;
    // Nothing net is left, and 6,000 Wh are settled.
    assert_eq!(totals(&mut world, &meter).await, (4_000, 4_000, 0));
    world.audit().await;
    let settle = world.settlement(&meter);
    for register in [9_000, 14_999, 15_000] {
        world.report(&meter, 900, register, 6_000).await;
        world
            .refuse(
                &[&meter.owner],
                settle.clone(),
                GridError::InsufficientBalance,
            )
            .await;
    }
    world.report(&meter, 900, 15_700, 6_000).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 6_700_000_000);
    let account = world.meter(&meter).await;
    assert_eq!(account.settled_net_generation, Wh(6_700));
}

/// All the way down: more settled than generated is no finding of the audit, also once the device has been replaced.
#[tokio::test]
async fn a_correction_may_leave_more_settled_than_generated() {
    let mut world = World::new().await;
    let meter = read_meter(&mut world).await;
    world.settle(&meter).await;
    correct(&mut world, &meter, 5_000, 2_000).await;
    assert_eq!(totals(&mut world, &meter).await, (0, 0, 0));
    world.audit().await;
    for _ in 0..2 {
        let replace = world.replacement(&meter, 0, 0).await;
        world.as_authority(replace).await;
        world.audit().await;
        world.pass_time(900).await;
    }
}

#[tokio::test]
async fn a_false_correction_is_undone_by_the_next_true_reading_however_huge() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    // A year at 90 kW, settled.
    let year = 365 * 24 * 90_000;
    world.report(&meter, 365 * 86_400, year, year / 2).await;
    world.settle(&meter).await;
    correct(&mut world, &meter, 0, 0).await;
    world
        .report(&meter, 900, year + 20_000, year / 2 + 10_000)
        .await;
    let account = world.meter(&meter).await;
    assert_eq!(account.total_generation, Wh(year + 20_000));
    assert_eq!(account.total_consumption, Wh(year / 2 + 10_000));
    // The profile has seen a quarter of an hour, not a year in one.
    assert_eq!(account.state.profile.generation_mean_w, 89_375);
    world.settle(&meter).await;
    let minted = (year - year / 2 + 10_000) * 1_000_000;
    assert_eq!(world.balance(&meter.wallet).await, minted);
}

#[tokio::test]
async fn beyond_what_a_correction_took_away_the_rated_power_holds() {
    let mut world = World::new().await;
    let meter = read_meter(&mut world).await;
    correct(&mut world, &meter, 5_000, 2_000).await;
    // In two steps: what the first one took away comes back too.
    world.pass_time(100).await;
    let reporter = world.reporter.clone();
    world.pass_time(900).await;
    for (generation, consumption, error) in [
        (15_000 + 29_167, 6_000, GridError::GenerationAboveRatedPower),
        (
            15_000,
            6_000 + 29_167,
            GridError::ConsumptionAboveRatedPower,
        ),
        (15_000 + 58_400, 6_000, GridError::RegisterJumped),
    ] {
        let submit = world.submit(&[(meter.address, world.reading(generation, consumption))]);
        world.refuse(&[&reporter], submit, error).await;
    }
    world
        .report(&meter, 0, 15_000 + 29_166, 6_000 + 29_166)
        .await;
    // Once it has been read, there is nothing more to come back.
    let state = world.meter(&meter).await.state;
    let (generation, consumption) = (state.generation_register.0, state.consumption_register.0);
    let receipt = world
        .record(&meter, 900, generation + 26_251, consumption)
        .await;
    let above = RejectReason::GenerationAboveRatedPower;
    assert_eq!(rejections(&receipt), [above]);
}

#[tokio::test]
async fn of_two_corrections_in_a_row_all_comes_back() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 86_400, 2_000_000, 1_000_000).await;
    for (generation, consumption) in [(1_500_000, 1_000_000), (1_500_000, 500_000), (3_000, 7)] {
        world.pass_time(60).await;
        correct(&mut world, &meter, generation, consumption).await;
    }
    assert_eq!(totals(&mut world, &meter).await.0, 3_000);
    world.report(&meter, 60, 2_000_000, 1_000_000).await;
    assert_eq!(
        totals(&mut world, &meter).await,
        (2_000_000, 1_000_000, 1_000_000)
    );
}

/// What was taken away was another device's: it doesn't come back with the registers of the new one.
#[tokio::test]
async fn a_replaced_device_brings_nothing_back() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 86_400, 2_000_000, 0).await;
    // In one transaction, so at the same time.
    let correct = world.correction(&meter, 1_000, 0).await;
    let mut replace = world.replacement(&meter, 0, 0).await;
    let seen = 1_000u64.to_le_bytes();
    replace.data[33..41].copy_from_slice(&seen);
    let authority = world.authority.clone();
    world.send_all(&[&authority], &[correct, replace]).await;
    let receipt = world.record(&meter, 900, 2_000_000, 0).await;
    assert_eq!(rejections(&receipt), [RejectReason::RegisterJumped]);
    assert_eq!(totals(&mut world, &meter).await.0, 1_000);
}

#[tokio::test]
async fn corrections_that_correct_nothing_raise_or_take_too_much_are_refused() {
    let mut world = World::new().await;
    let meter = read_meter(&mut world).await;
    let authority = world.authority.clone();
    let registry = world.deployment.registry_program;
    for (generation, consumption) in [
        (15_000, 6_000),
        (15_001, 6_000),
        (15_000, 6_001),
        // One down and the other up.
        (14_000, 6_001),
        (15_001, 5_000),
        // A watt-hour more than was counted.
        (4_999, 6_000),
        (15_000, 1_999),
        (0, 0),
        (u64::MAX, u64::MAX),
    ] {
        let correct = world.correction(&meter, generation, consumption).await;
        world
            .refuse(&[&authority], correct, GridError::InvalidCorrection)
            .await;
    }
    let good = CorrectRegisters {
        old_generation_register: Wh(15_000),
        old_consumption_register: Wh(6_000),
        generation_register: Wh(14_000),
        consumption_register: Wh(5_000),
    };
    for stale in [
        CorrectRegisters {
            old_generation_register: Wh(14_999),
            ..good
        },
        CorrectRegisters {
            old_consumption_register: Wh(6_001),
            ..good
        },
    ] {
        let correct = correct_registers(&registry, &authority.pubkey(), &meter.address, stale);
        world
            .refuse(&[&authority], correct, GridError::RegistersMovedOn)
            .await;
    }
    for stranger in [&meter.owner, &world.reporter.clone()] {
        let correct = correct_registers(&registry, &stranger.pubkey(), &meter.address, good);
        world
            .refuse(&[stranger], correct, GridError::Unauthorized)
            .await;
    }
    // What was counted may go, to the watt-hour.
    correct(&mut world, &meter, 5_000, 2_000).await;
}

#[tokio::test]
async fn a_stopped_meter_is_corrected_and_a_decommissioned_one_is_not() {
    let mut world = World::new().await;
    let meter = read_meter(&mut world).await;
    for (status, register) in [
        (MeterStatus::Inactive, 14_000),
        (MeterStatus::Suspended, 13_000),
    ] {
        world.set_status(&meter, status).await;
        correct(&mut world, &meter, register, 6_000).await;
        assert_eq!(world.meter(&meter).await.status(), status);
    }
    assert_eq!(totals(&mut world, &meter).await.0, 8_000);
    world.set_status(&meter, MeterStatus::Decommissioned).await;
    let correct = world.correction(&meter, 12_000, 6_000).await;
    let authority = world.authority.clone();
    world
        .refuse(&[&authority], correct, GridError::MeterDecommissioned)
        .await;
}

#[tokio::test]
async fn a_correction_does_not_turn_the_clock_back() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.pass_time(900).await;
    let ahead = Reading {
        timestamp: world.now + 60,
        ..world.reading(1_000, 0)
    };
    world.record_all(&[(meter.address, ahead)]).await;
    correct(&mut world, &meter, 900, 0).await;
    let state = world.meter(&meter).await.state;
    assert_eq!(state.last_reading_at, world.now + 60);
    let again = world.record_all(&[(meter.address, ahead)]).await;
    assert_eq!(rejections(&again), [RejectReason::ReadingNotNewer]);
    // It can come back all the same.
    world.report(&meter, 120, 1_000, 0).await;
}

/// A weekend's gap, and one false reading of all that the connection could have drawn in it: no true reading is accepted until
/// somebody looks, and from then on all are.
#[tokio::test]
async fn a_meter_that_a_false_reading_has_locked_is_free_again_after_a_correction() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let mut truth = [0, 0];
    for _ in 0..20 {
        truth = [truth[0] + 1_000, truth[1] + 100];
        world.report(&meter, 900, truth[0], truth[1]).await;
    }
    world.settle(&meter).await;
    let drawn = truth[1] + 48 * 100_000;
    world.report(&meter, 2 * 86_400, truth[0], drawn).await;
    for _ in 0..96 {
        truth = [truth[0] + 250, truth[1] + 25];
        let receipt = world.record(&meter, 900, truth[0], truth[1]).await;
        let backwards = RejectReason::ConsumptionRegisterBackwards;
        assert_eq!(rejections(&receipt), [backwards]);
    }
    correct(&mut world, &meter, 20_000, 2_000).await;
    // A day's 24 kWh in the hour since the correction are within the rated power.
    world.report(&meter, 3_600, truth[0], truth[1]).await;
    for _ in 0..14 {
        truth = [truth[0] + 250, truth[1] + 25];
        world.report(&meter, 900, truth[0], truth[1]).await;
    }
    world.settle(&meter).await;
    let minted = (truth[0] - truth[1]) * 1_000_000;
    assert_eq!(world.balance(&meter.wallet).await, minted);
}

/// A night's gap, and one false reading of all that 100 kW can do in it: 800 kWh generated at one meter, consumed at another.
/// Corrected, each gets what is true and nothing else, also the one that has settled the false energy already.
#[tokio::test]
async fn the_repair_of_a_false_reading_mints_and_costs_nothing() {
    let mut world = World::new().await;
    let thief = world.active_meter("THIEF").await;
    let victim = world.active_meter("VICTIM").await;
    let mut truth = [0, 0];
    let mut quarters = async |world: &mut World, count: u64| {
        for _ in 0..count {
            world.pass_time(900).await;
            truth = [truth[0] + 100, truth[1] + 1_000];
            let batch = [
                (thief.address, world.reading(truth[0], 0)),
                (victim.address, world.reading(truth[1], 0)),
            ];
            assert_eq!(rejections(&world.record_all(&batch).await), []);
        }
        truth
    };
    let [thiefs, victims] = quarters(&mut world, 10).await;
    world.pass_time(8 * 3_600).await;
    let batch = [
        (thief.address, world.reading(thiefs + 800_000, 0)),
        (victim.address, world.reading(victims, 800_000)),
    ];
    assert_eq!(rejections(&world.record_all(&batch).await), []);
    world.settle(&thief).await;
    assert_eq!(world.balance(&thief.wallet).await, 801_000_000_000);
    assert_eq!(world.meter(&victim).await.unsettled(), Wh(0));

    // True readings go backwards now, whoever sends them.
    let receipt = world.record(&thief, 900, thiefs + 100, 0).await;
    let backwards = RejectReason::GenerationRegisterBackwards;
    assert_eq!(rejections(&receipt), [backwards]);
    correct(&mut world, &thief, thiefs, 0).await;
    correct(&mut world, &victim, victims, 0).await;
    let [thiefs, victims] = quarters(&mut world, 100).await;
    assert_eq!((thiefs, victims), (11_000, 110_000));
    let settle = world.settlement(&thief);
    world
        .refuse(&[&thief.owner], settle, GridError::InsufficientBalance)
        .await;
    world.settle(&victim).await;
    assert_eq!(world.balance(&victim.wallet).await, 110_000_000_000);
    // The thief has generated 11 kWh, and gets the next token when it has made good the 800.
    for (register, minted) in [(801_000, 801_000), (801_100, 801_100)] {
        world.report(&thief, 30 * 86_400, register, 0).await;
        let settle = world.settlement(&thief);
        // The first time, there is nothing beyond what was minted already.
        let settled = world.try_send(&[&thief.owner], settle).await;
        assert_eq!(settled.is_ok(), register > 801_000);
        assert_eq!(world.balance(&thief.wallet).await, minted * 1_000_000);
    }
}
