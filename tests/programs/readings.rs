//! SubmitReadings: what is accepted, what is rejected, and what is left of it.

use gridtoken_tests::{TestMeter, World, START};
use shared_state::{
    event::{Event, MeterReadingRecorded, MeterReadingRejected},
    quantity::{Bps, Wh},
    reading::{flags, Reading, RejectReason},
    state::{DeviceKeyType, Meter, MeterStatus, PowerProfile, ReadingState},
    GridError,
};
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

#[tokio::test]
async fn an_accepted_reading_moves_the_meter_on() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let receipt = world.report(&meter, 900, 5_000, 2_000).await;
    assert_eq!(
        receipt.events(),
        [Event::MeterReadingRecorded(MeterReadingRecorded {
            meter_id: meter.id,
            timestamp: START + 900,
            generation_register: Wh(5_000),
            consumption_register: Wh(2_000),
            quality: Bps(8_500),
            score: 85,
            flags: 0,
            sequence: 1,
        })]
    );
    let before = world.meter(&meter).await;
    assert_eq!(
        (before.total_generation, before.total_consumption),
        (Wh(5_000), Wh(2_000))
    );
    assert_eq!(
        before.state.profile,
        PowerProfile {
            generation_mean_w: 20_000,
            generation_deviation_w: 0,
            consumption_mean_w: 8_000,
            consumption_deviation_w: 0,
        }
    );

    world.report(&meter, 900, 6_000, 2_500).await;
    let after = world.meter(&meter).await;
    assert_eq!(
        after,
        Meter {
            total_generation: Wh(6_000),
            total_consumption: Wh(2_500),
            claimable_net_generation: Wh(3_500),
            state: ReadingState {
                generation_register: Wh(6_000),
                consumption_register: Wh(2_500),
                last_reading_at: START + 1_800,
                accepted_count: 2,
                profile: PowerProfile {
                    generation_mean_w: 19_000,
                    generation_deviation_w: 1_000,
                    consumption_mean_w: 7_625,
                    consumption_deviation_w: 375,
                },
                ..before.state
            },
            ..before
        }
    );
}

/// A meter with one accepted reading: 900 s after its registration, with registers of 5,000 and 2,000 Wh.
pub async fn meter_with_a_reading(world: &mut World) -> TestMeter {
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 5_000, 2_000).await;
    meter
}

/// Every reading here breaks one rule, 900 s after the last good one. (100 kW for 900 s is 25 kWh, 26.25 with tolerance.)
fn bad_readings(now: i64) -> Vec<(GridError, Reading)> {
    let reading = |timestamp, generation_register, consumption_register| Reading {
        timestamp,
        generation_register,
        consumption_register,
    };
    vec![
        (
            GridError::ReadingNotNewer,
            reading(now - 900, Wh(5_000), Wh(2_000)),
        ),
        (
            GridError::ReadingNotNewer,
            reading(now - 901, Wh(6_000), Wh(2_000)),
        ),
        (
            GridError::ReadingNotNewer,
            reading(i64::MIN, Wh(6_000), Wh(2_000)),
        ),
        (
            GridError::ReadingInFuture,
            reading(now + 61, Wh(6_000), Wh(2_000)),
        ),
        (
            GridError::ReadingInFuture,
            reading(i64::MAX, Wh(6_000), Wh(2_000)),
        ),
        (
            GridError::ReadingTooSoon,
            reading(now - 841, Wh(5_001), Wh(2_000)),
        ),
        (
            GridError::GenerationRegisterBackwards,
            reading(now, Wh(4_999), Wh(2_000)),
        ),
        (
            GridError::GenerationRegisterBackwards,
            reading(now, Wh(0), Wh(2_000)),
        ),
        (
            GridError::ConsumptionRegisterBackwards,
            reading(now, Wh(5_000), Wh(1_999)),
        ),
        (
            GridError::GenerationAboveRatedPower,
            reading(now, Wh(5_000 + 26_251), Wh(2_000)),
        ),
        (
            GridError::ConsumptionAboveRatedPower,
            reading(now, Wh(5_000), Wh(2_000 + 26_251)),
        ),
    ]
}

#[tokio::test]
async fn a_strict_bad_reading_fails_with_its_error() {
    let mut world = World::new().await;
    let meter = meter_with_a_reading(&mut world).await;
    let reporter = world.reporter.clone();
    world.pass_time(900).await;
    for (error, reading) in bad_readings(world.now) {
        let submit = world.submit(&[(meter.address, reading)]);
        world.refuse(&[&reporter], submit, error).await;
    }
    // Exactly at the limits is fine.
    let most = world.reading(5_000 + 26_250, 2_000 + 26_250);
    let submit = world.submit(&[(meter.address, most)]);
    world.send(&[&reporter], submit).await;
}

#[tokio::test]
async fn a_recorded_bad_reading_costs_quality_and_nothing_else() {
    let mut world = World::new().await;
    let meter = meter_with_a_reading(&mut world).await;
    let reporter = world.reporter.clone();
    world.pass_time(900).await;
    let mut before = world.meter(&meter).await;
    for (error, reading) in bad_readings(world.now) {
        let submit = world.submit_recorded(&[(meter.address, reading)]);
        let receipt = world.send(&[&reporter], submit).await;
        let after = world.meter(&meter).await;
        let reason = RejectReason::from_code(error.code() as u8).expect("a reason");
        let costs_quality =
            reason.costs_quality() && reading.timestamp > before.state.last_charged_at;
        let mut state = before.state;
        if costs_quality {
            state.quality = Bps(((u32::from(state.quality.0) * 15 + 8) / 16) as u16);
            state.last_charged_at = reading.timestamp;
        }
        let expected = Meter {
            rejected_count: before.rejected_count + 1,
            last_reject_reason: error.code() as u8,
            state,
            ..before
        };
        assert_eq!(after, expected, "{error:?}");
        assert_eq!(
            receipt.events(),
            [Event::MeterReadingRejected(MeterReadingRejected {
                meter_id: meter.id,
                timestamp: reading.timestamp,
                generation_register: reading.generation_register,
                consumption_register: reading.consumption_register,
                quality: after.state.quality,
                reason: error.code() as u16,
                sequence: after.rejected_count as u32,
            })]
        );
        before = after;
    }
}

#[tokio::test]
async fn a_reading_from_long_ago_is_rejected() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let reporter = world.reporter.clone();
    let week = 7 * 24 * 3_600;
    world.pass_time(week + 901).await;
    let reading = Reading {
        timestamp: START + 900,
        ..world.reading(1_000, 0)
    };
    let submit = world.submit(&[(meter.address, reading)]);
    world
        .refuse(&[&reporter], submit, GridError::ReadingTooOld)
        .await;
    let recorded = world.submit_recorded(&[(meter.address, reading)]);
    world.send(&[&reporter], recorded).await;
    let account = world.meter(&meter).await;
    assert_eq!(
        (account.rejected_count, account.last_reject_reason),
        (1, 103)
    );
    let reading = Reading {
        timestamp: START + 901,
        ..reading
    };
    let submit = world.submit(&[(meter.address, reading)]);
    let receipt = world.send(&[&reporter], submit).await;
    let [Event::MeterReadingRecorded(recorded)] = receipt.events()[..] else {
        panic!("{:?}", receipt.events());
    };
    assert_eq!(recorded.flags, flags::LATE);
    assert_eq!(recorded.score, 70);
}

#[tokio::test]
async fn one_bad_reading_spoils_only_itself() {
    let mut world = World::new().await;
    let reporter = world.reporter.clone();
    let mut meters = Vec::new();
    for index in 0..12 {
        meters.push(world.active_meter(&format!("M-{index}")).await);
    }
    world.pass_time(900).await;
    let readings: Vec<_> = meters
        .iter()
        .enumerate()
        .map(|(index, meter)| {
            let generation = if index == 5 { 50_000 } else { 1_000 };
            (meter.address, world.reading(generation, 100))
        })
        .collect();
    let strict = world.submit(&readings);
    let refusal = world
        .refuse(&[&reporter], strict, GridError::GenerationAboveRatedPower)
        .await;
    assert_eq!(refusal.account_at_fault(), Some("Meter"));

    let recorded = world.submit_recorded(&readings);
    let receipt = world.send(&[&reporter], recorded).await;
    assert_eq!(receipt.events().len(), 12);
    for (index, meter) in meters.iter().enumerate() {
        let account = world.meter(meter).await;
        let expected = if index == 5 {
            (0, 1, Wh(0))
        } else {
            (1, 0, Wh(1_000))
        };
        assert_eq!(
            (
                account.state.accepted_count,
                account.rejected_count,
                account.total_generation
            ),
            expected,
            "meter {index}"
        );
    }
}

/// A gateway that was offline sends several readings of one meter at once, mixed with another meter's.
#[tokio::test]
async fn the_same_meter_several_times_in_one_batch() {
    let mut world = World::new().await;
    let (first, second) = (
        world.active_meter("M-1").await,
        world.active_meter("M-2").await,
    );
    let reporter = world.reporter.clone();
    world.pass_time(3_600).await;
    let at = |timestamp, generation_register| Reading {
        timestamp: START + timestamp,
        generation_register,
        consumption_register: Wh(0),
    };
    let batch = [
        (first.address, at(900, Wh(1_000))),
        (second.address, at(900, Wh(10))),
        (first.address, at(1_800, Wh(2_000))),
        (first.address, at(1_800, Wh(2_000))), // again: not newer
        (second.address, at(1_800, Wh(5))),    // backwards
        (first.address, at(2_700, Wh(2_500))),
        (second.address, at(2_700, Wh(30))),
    ];
    let strict = world.submit(&batch);
    world
        .refuse(&[&reporter], strict, GridError::ReadingNotNewer)
        .await;
    let recorded = world.submit_recorded(&batch);
    world.send(&[&reporter], recorded).await;

    // The same readings one by one, to a second pair of meters, must leave the same accounts.
    let mut alone = World::new().await;
    let (third, fourth) = (
        alone.active_meter("M-1").await,
        alone.active_meter("M-2").await,
    );
    alone.pass_time(3_600).await;
    let reporter = alone.reporter.clone();
    for (address, reading) in batch {
        let twin = if address == first.address {
            &third
        } else {
            &fourth
        };
        let submit = alone.submit_recorded(&[(twin.address, reading)]);
        alone.send(&[&reporter], submit).await;
    }
    for (batched, twin) in [(&first, &third), (&second, &fourth)] {
        let (batched, twin) = (world.meter(batched).await, alone.meter(twin).await);
        assert_eq!(
            batched,
            Meter {
                header: batched.header,
                owner: batched.owner,
                ..twin
            }
        );
    }
    let account = world.meter(&first).await;
    assert_eq!(
        (
            account.total_generation,
            account.state.accepted_count,
            account.rejected_count
        ),
        (Wh(2_500), 3, 1)
    );
    let account = world.meter(&second).await;
    assert_eq!(
        (
            account.total_generation,
            account.state.accepted_count,
            account.rejected_count
        ),
        (Wh(30), 2, 1)
    );
}

#[tokio::test]
async fn only_active_meters_take_readings() {
    let mut world = World::new().await;
    let meter = meter_with_a_reading(&mut world).await;
    let reporter = world.reporter.clone();
    world.pass_time(900).await;
    let reading = [(meter.address, world.reading(6_000, 2_000))];
    for status in [
        MeterStatus::Inactive,
        MeterStatus::Suspended,
        MeterStatus::Decommissioned,
    ] {
        world.set_status(&meter, status).await;
        let strict = world.submit(&reading);
        world
            .refuse(&[&reporter], strict, GridError::MeterNotActive)
            .await;
        // Recorded: counted, but it says nothing about the meter's quality.
        let before = world.meter(&meter).await;
        let recorded = world.submit_recorded(&reading);
        world.send(&[&reporter], recorded).await;
        let expected = Meter {
            rejected_count: before.rejected_count + 1,
            last_reject_reason: GridError::MeterNotActive.code() as u8,
            ..before
        };
        assert_eq!(world.meter(&meter).await, expected);
    }
}

#[tokio::test]
async fn a_meter_whose_device_signs_takes_no_unsigned_reading() {
    let mut world = World::new().await;
    let meter = meter_with_a_reading(&mut world).await;
    let reporter = world.reporter.clone();
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.device_key = Pubkey::new_unique();
            account.device_key_type = DeviceKeyType::Ed25519 as u8;
        })
        .await;
    world.pass_time(900).await;
    let reading = [(meter.address, world.reading(6_000, 2_000))];
    let strict = world.submit(&reading);
    world
        .refuse(&[&reporter], strict, GridError::UnsignedReading)
        .await;
    let recorded = world.submit_recorded(&reading);
    world.send(&[&reporter], recorded).await;
    let account = world.meter(&meter).await;
    assert_eq!(
        account.last_reject_reason,
        GridError::UnsignedReading.code() as u8
    );
    assert_eq!(account.total_generation, Wh(5_000));
}

#[tokio::test]
async fn each_direction_is_bounded_by_its_own_capacity() {
    let mut world = World::new().await;
    let reporter = world.reporter.clone();
    let (owner, wallet) = world.owner().await;
    let args = registry_program::instruction::RegisterMeter {
        generation_capacity_w: 4_000,
        consumption_capacity_w: 12_000,
        ..World::registration("M-1", &owner.pubkey())
    };
    let meter = world.register(args, owner, wallet).await;
    world.pass_time(900).await;
    for (generation, consumption, error) in [
        (1_051, 0, GridError::GenerationAboveRatedPower),
        (0, 3_151, GridError::ConsumptionAboveRatedPower),
    ] {
        let submit = world.submit(&[(meter.address, world.reading(generation, consumption))]);
        world.refuse(&[&reporter], submit, error).await;
    }
    let submit = world.submit(&[(meter.address, world.reading(1_050, 3_150))]);
    world.send(&[&reporter], submit).await;
}

/// Gateways may run before their meters are activated.
#[tokio::test]
async fn readings_before_activation_do_not_spoil_the_first_one() {
    let mut world = World::new().await;
    let reporter = world.reporter.clone();
    let meter = world.active_meter("M-1").await;
    world.set_status(&meter, MeterStatus::Inactive).await;
    for _ in 0..3 {
        world.pass_time(900).await;
        let submit = world.submit_recorded(&[(meter.address, world.reading(0, 0))]);
        world.send(&[&reporter], submit).await;
    }
    world.set_status(&meter, MeterStatus::Active).await;
    world.report(&meter, 900, 1_000, 0).await;
    // An hour since the registration: half the points for completeness are gone, and nothing else.
    assert_eq!(world.meter(&meter).await.state.quality, Bps(7_500));
    world.settle(&meter).await;
}

/// Two gateways that hear the same meter send every reading twice. That costs the owner nothing.
#[tokio::test]
async fn duplicates_from_a_second_gateway_cost_no_quality() {
    let mut world = World::new().await;
    let reporter = world.reporter.clone();
    let meter = world.active_meter("M-1").await;
    for period in 1..=20 {
        world.report(&meter, 900, period * 1_000, 0).await;
        let again = world.submit_recorded(&[(meter.address, world.reading(period * 1_000, 0))]);
        world.send(&[&reporter], again).await;
    }
    let account = world.meter(&meter).await;
    assert_eq!(
        (account.state.accepted_count, account.rejected_count),
        (20, 20)
    );
    assert!(
        account.state.quality >= Bps(8_480),
        "{}",
        account.state.quality
    );
    world.settle(&meter).await;
}

/// A reporter can't ruin the quality of a meter whose device signs.
#[tokio::test]
async fn unsigned_junk_costs_a_signing_meter_no_quality() {
    let mut world = World::new().await;
    let reporter = world.reporter.clone();
    let meter = meter_with_a_reading(&mut world).await;
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.device_key = Pubkey::new_unique();
            account.device_key_type = DeviceKeyType::Ed25519 as u8;
        })
        .await;
    let junk = vec![(meter.address, world.reading(9_999_999, 0)); 30];
    let submit = world.submit_recorded(&junk);
    world.send(&[&reporter], submit).await;
    let account = world.meter(&meter).await;
    assert_eq!(
        (account.rejected_count, account.state.quality),
        (30, Bps(8_500))
    );
}

#[tokio::test]
async fn an_empty_batch_is_refused() {
    let mut world = World::new().await;
    let reporter = world.reporter.clone();
    for submit in [world.submit(&[]), world.submit_recorded(&[])] {
        world
            .refuse(&[&reporter], submit, GridError::InvalidInstructionData)
            .await;
    }
}

/// A gateway sends its backlog, misses the confirmation and sends it again.
#[tokio::test]
async fn a_batch_sent_again_costs_no_quality() {
    let mut world = World::new().await;
    let reporter = world.reporter.clone();
    let meter = world.active_meter("M-1").await;
    world.pass_time(4 * 900).await;
    let backlog: Vec<_> = (1..=4)
        .map(|index| {
            let reading = Reading {
                timestamp: START + index * 900,
                ..world.reading(index as u64 * 1_000, 0)
            };
            (meter.address, reading)
        })
        .collect();
    for rejected in [0, 4] {
        let submit = world.submit_recorded(&backlog);
        world.send(&[&reporter], submit).await;
        let account = world.meter(&meter).await;
        assert_eq!(
            (account.state.accepted_count, account.rejected_count),
            (4, rejected)
        );
        assert_eq!(account.state.quality, Bps(8_500));
    }
}
