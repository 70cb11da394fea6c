//! What is accepted: one reading or many, of one meter or several, by keys of both kinds.

use super::*;
use shared_state::{
    event::Event,
    quantity::{Bps, Wh},
    reading::{Reading, RejectReason},
};

/// Readings of the last `count` quarters of an hour, 1,000 Wh generated and 500 Wh consumed in each.
fn quarters(world: &World, count: u64) -> Vec<Reading> {
    (1..=count)
        .map(|index| Reading {
            timestamp: world.now - (count - index) as i64 * 900,
            ..world.reading(index * 1_000, index * 500)
        })
        .collect()
}

#[tokio::test]
async fn signed_readings_score_full_marks() {
    for kind in KINDS {
        let (mut world, meters) = world_of::<3>(kind).await;
        let reading = world.reading(1_000, 500);
        let signed = meters.each_ref().map(|meter| world.sign(meter, &[reading]));
        let submit = world.submit_signed(true, &meters.each_ref());
        let receipt = accept(&mut world, &[verify(&signed), submit]).await;
        let events = receipt.events();
        assert_eq!(events.len(), 3);
        for (SigningMeter { meter, .. }, event) in meters.iter().zip(events) {
            let Event::MeterReadingRecorded(recorded) = event else {
                panic!("{event:?}")
            };
            assert_eq!(
                (recorded.meter_id, recorded.score, recorded.quality),
                (meter.id, 100, Bps(10_000))
            );
            assert_eq!(world.meter(meter).await.total_generation, Wh(1_000));
        }
    }
}

#[tokio::test]
async fn many_readings_under_one_signature() {
    for kind in KINDS {
        let (mut world, [meter]) = world_of(kind).await;
        world.pass_time(29 * 900).await;
        let readings = quarters(&world, 24);
        let signed = world.sign(&meter, &readings);
        let submit = world.submit_signed(true, &[&meter]);
        let receipt = accept(&mut world, &[verify(&[signed]), submit]).await;
        let recorded: Vec<_> = receipt
            .events()
            .into_iter()
            .map(|event| match event {
                Event::MeterReadingRecorded(recorded) => {
                    (recorded.timestamp, recorded.generation_register)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let expected: Vec<_> = readings
            .iter()
            .map(|reading| (reading.timestamp, reading.generation_register))
            .collect();
        assert_eq!(recorded, expected);
        let meter = world.meter(&meter.meter).await;
        assert_eq!(meter.state.accepted_count, 24);
        assert_eq!(meter.total_generation, Wh(24_000));
        assert_eq!(meter.total_consumption, Wh(12_000));
    }
}

/// Several meters, of which one has two signatures that don't even stand beside each other: each is judged by what the one
/// before has left.
#[tokio::test]
async fn several_signatures_of_one_meter_in_order() {
    for kind in KINDS {
        let (mut world, [first, second]) = world_of(kind).await;
        world.pass_time(4 * 900).await;
        let readings = quarters(&world, 3);
        let signed = [
            world.sign(&first, &readings[..1]),
            world.sign(&second, &readings[..1]),
            world.sign(&first, &readings[1..]),
        ];
        let submit = world.submit_signed(true, &[&first, &second, &first]);
        accept(&mut world, &[verify(&signed), submit]).await;
        let (first, second) = (
            world.meter(&first.meter).await,
            world.meter(&second.meter).await,
        );
        assert_eq!(
            (first.state.accepted_count, first.total_generation),
            (3, Wh(3_000))
        );
        assert_eq!(
            (second.state.accepted_count, second.total_generation),
            (1, Wh(1_000))
        );
    }
}

/// Signatures of both kinds in one transaction, in either order, and two instructions of one kind.
#[tokio::test]
async fn one_or_two_instructions_of_either_kind() {
    let mut world = world().await;
    let ed = world.signing_meter("E-1", device::ed25519("E-1")).await;
    let p256 = world.signing_meter("P-1", device::p256("P-1")).await;
    let all = [&ed, &p256];
    for (round, order) in [[0, 1], [1, 0], [0, 0], [1, 1]].into_iter().enumerate() {
        world.pass_time(900).await;
        let register = 2_000 * (round as u64 + 1);
        let early = Reading {
            timestamp: world.now - 100,
            ..world.reading(register, 0)
        };
        let readings = [early, world.reading(register + 1_000, 0)];
        let meters = order.map(|index| all[index]);
        let instructions = [
            verify(&[world.sign(meters[0], &readings[..1])]),
            verify(&[world.sign(meters[1], &readings[1..])]),
            world.submit_signed(true, &meters),
        ];
        let receipt = accept(&mut world, &instructions).await;
        let found: Vec<_> = receipt
            .events()
            .into_iter()
            .map(|event| match event {
                Event::MeterReadingRecorded(recorded) => recorded.meter_id,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(found, meters.map(|meter| meter.meter.id));
    }
}

/// Two submissions in a transaction, each with its signatures right before it.
#[tokio::test]
async fn every_submission_has_its_own_signatures() {
    let (mut world, [first, second]) = world_of(device::p256).await;
    let reading = world.reading(1_000, 0);
    let instructions = [
        verify(&[world.sign(&first, &[reading])]),
        world.submit_signed(true, &[&first]),
        verify(&[world.sign(&second, &[reading])]),
        world.submit_signed(true, &[&second]),
    ];
    let receipt = accept(&mut world, &instructions).await;
    assert_eq!(receipt.events().len(), 2);
}

/// Not strict: a bad reading in between is recorded as rejected, and the ones behind it are judged as if it hadn't been.
#[tokio::test]
async fn rejected_readings_in_between() {
    for kind in KINDS {
        let (mut world, [meter]) = world_of(kind).await;
        world.pass_time(4 * 900).await;
        let mut readings = quarters(&world, 4);
        // 25 kWh are what 100 kW can generate in a quarter of an hour; with 5 % more they would still count.
        readings[1].generation_register = Wh(27_300);
        let signed = verify(&[world.sign(&meter, &readings)]);
        let strict = [signed.clone(), world.submit_signed(true, &[&meter])];
        refuse(
            &mut world,
            "strict",
            &strict,
            GridError::GenerationAboveRatedPower,
        )
        .await;
        let lenient = [signed, world.submit_signed(false, &[&meter])];
        let receipt = accept(&mut world, &lenient).await;
        let mut recorded = Vec::new();
        let mut rejected = Vec::new();
        for event in receipt.events() {
            match event {
                Event::MeterReadingRecorded(event) => recorded.push(event.timestamp),
                Event::MeterReadingRejected(event) => {
                    rejected.push((event.timestamp, event.reason))
                }
                other => panic!("{other:?}"),
            }
        }
        let good = [&readings[..1], &readings[2..]].concat();
        let good: Vec<_> = good.iter().map(|reading| reading.timestamp).collect();
        let reason = RejectReason::GenerationAboveRatedPower.code();
        assert_eq!(recorded, good);
        assert_eq!(rejected, [(readings[1].timestamp, u16::from(reason))]);
        let meter = world.meter(&meter.meter).await;
        assert_eq!((meter.state.accepted_count, meter.rejected_count), (3, 1));
        assert_eq!(meter.total_generation, Wh(4_000));
        assert_eq!(meter.last_reject_reason, reason);
    }
}
