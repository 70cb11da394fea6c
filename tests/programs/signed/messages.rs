//! By which key, of which message: a signature counts for one purpose, registry and meter.

use super::*;
use oracle_program::signature::message;
use shared_state::{
    quantity::Wh,
    reading::Reading,
    state::{DeviceKeyType, Meter},
};

/// A wrong signature fails the transaction, strict or not: it says nothing about the meter.
#[tokio::test]
async fn a_signature_counts_for_this_meter_registry_and_purpose_only() {
    for kind in KINDS {
        let (mut world, [meter, other]) = world_of(kind).await;
        let readings = [world.reading(1_000, 500)];
        let (registry, id) = (world.deployment.registry_program, meter.meter.id);
        let good = message(&registry, &id, &readings);
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = good.clone();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            changed
        };
        let old_layout = [b"GRID-READING-V1", &good[16..]].concat();
        let padded = [b"GRID-READING-V1\0", &good[16..]].concat();
        let mut other_id = id;
        other_id[31] = b'x';
        let by_device = |message| device::signed(&meter.device, message);
        let cases = [
            ("another meter's signature", world.sign(&other, &readings)),
            (
                "another meter's key",
                device::signed(&other.device, good.clone()),
            ),
            (
                "an unknown key",
                device::signed(&kind("unknown"), good.clone()),
            ),
            (
                "another meter",
                by_device(message(&registry, &other.meter.id, &readings)),
            ),
            (
                "a meter id that ends otherwise",
                by_device(message(&registry, &other_id, &readings)),
            ),
            (
                "another registry",
                by_device(message(&Pubkey::new_unique(), &id, &readings)),
            ),
            (
                "no registry",
                by_device(message(&Pubkey::default(), &id, &readings)),
            ),
            (
                "the oracle",
                by_device(message(&world.deployment.oracle_program, &id, &readings)),
            ),
            ("another purpose", by_device(with(0, b"OTHER-PURPOSE-V1"))),
            ("another version", by_device(with(15, b"2"))),
            ("the first version's layout", by_device(old_layout)),
            ("the first version's purpose", by_device(padded)),
            ("the domain alone", by_device(good[..16].to_vec())),
            ("a meter id that is cut", by_device(good[..79].to_vec())),
        ];
        for (what, signed) in cases {
            for strict in [true, false] {
                let instructions = [
                    verify(std::slice::from_ref(&signed)),
                    world.submit_signed(strict, &[&meter]),
                ];
                refuse(
                    &mut world,
                    what,
                    &instructions,
                    GridError::SignatureMismatch,
                )
                .await;
            }
        }
        assert_eq!(world.meter(&meter.meter).await.state.accepted_count, 0);
    }
}

/// The reporter's own signature is none of a device's.
#[tokio::test]
async fn the_reporter_can_not_sign_for_a_device() {
    let (mut world, [meter]) = world_of(device::ed25519).await;
    let reporter = SigningKey::Ed25519(world.reporter.insecure_clone());
    let readings = [world.reading(1_000, 500)];
    let message = message(
        &world.deployment.registry_program,
        &meter.meter.id,
        &readings,
    );
    let instructions = [
        verify(&[device::signed(&reporter, message)]),
        world.submit_signed(true, &[&meter]),
    ];
    refuse(
        &mut world,
        "the reporter",
        &instructions,
        GridError::SignatureMismatch,
    )
    .await;
}

/// A message holds whole readings, and one at least.
#[tokio::test]
async fn messages_of_other_lengths() {
    for kind in KINDS {
        let (mut world, [meter]) = world_of(kind).await;
        let readings = [world.reading(1_000, 500)];
        let good = message(
            &world.deployment.registry_program,
            &meter.meter.id,
            &readings,
        );
        let longer = [&good[..], &[0]].concat();
        let with_half = [&good[..], &good[80..92]].concat();
        for (what, message) in [
            ("no reading", &good[..80]),
            ("the first byte of a reading", &good[..81]),
            ("a byte cut off", &good[..103]),
            ("a byte too many", &longer),
            ("one and a half readings", &with_half),
        ] {
            let instructions = [
                verify(&[device::signed(&meter.device, message.to_vec())]),
                world.submit_signed(false, &[&meter]),
            ];
            refuse(&mut world, what, &instructions, GridError::SignatureLayout).await;
        }
    }
}

/// The 32 bytes of a key of one kind can be those of a key of another kind: the kind is part of the key.
#[tokio::test]
async fn a_key_of_another_kind_with_the_same_bytes() {
    for kind in KINDS {
        let (mut world, [meter]) = world_of(kind).await;
        let true_kind = meter.device.public().kind;
        let readings = [world.reading(1_000, 500)];
        let instructions = [
            verify(&[world.sign(&meter, &readings)]),
            world.submit_signed(true, &[&meter]),
        ];
        for other in [
            DeviceKeyType::Ed25519,
            DeviceKeyType::P256Even,
            DeviceKeyType::P256Odd,
        ] {
            if other == true_kind {
                continue;
            }
            let change = |meter: &mut Meter| meter.device_key_type = other as u8;
            world.edit(&meter.meter.address, change).await;
            let what = format!("{true_kind:?} as {other:?}");
            refuse(
                &mut world,
                &what,
                &instructions,
                GridError::SignatureMismatch,
            )
            .await;
        }
        let change = |meter: &mut Meter| meter.device_key_type = true_kind as u8;
        world.edit(&meter.meter.address, change).await;
        accept(&mut world, &instructions).await;
    }
}

#[tokio::test]
async fn the_same_signature_for_two_meters() {
    for kind in KINDS {
        let (mut world, [first, second]) = world_of(kind).await;
        // Even if both have the same key.
        let key = first.device.public();
        let change = |meter: &mut Meter| {
            meter.device_key = key.key;
            meter.device_key_type = key.kind as u8;
        };
        world.edit(&second.meter.address, change).await;
        let signed = world.sign(&first, &[world.reading(1_000, 500)]);
        let submit = world.submit_signed(false, &[&first, &second]);
        let twice = [verify(&[signed.clone(), signed.clone()]), submit.clone()];
        refuse(&mut world, "twice", &twice, GridError::SignatureMismatch).await;
        let of_two = [
            verify(std::slice::from_ref(&signed)),
            verify(std::slice::from_ref(&signed)),
            submit.clone(),
        ];
        refuse(
            &mut world,
            "in two instructions",
            &of_two,
            GridError::SignatureMismatch,
        )
        .await;
        let once = [verify(&[signed]), submit];
        refuse(&mut world, "once", &once, GridError::SignaturesMissing).await;
    }
}

#[tokio::test]
async fn messages_and_readings_out_of_order() {
    for kind in KINDS {
        let (mut world, [first, second]) = world_of(kind).await;
        let late = world.reading(1_000, 500);
        let early = Reading {
            timestamp: late.timestamp - 300,
            generation_register: Wh(500),
            ..late
        };
        let of_both = [world.sign(&second, &[late]), world.sign(&first, &[late])];
        let swapped = [
            verify(&of_both),
            world.submit_signed(true, &[&first, &second]),
        ];
        refuse(&mut world, "meters", &swapped, GridError::SignatureMismatch).await;
        let swapped = [
            verify(&[world.sign(&first, &[late]), world.sign(&first, &[early])]),
            world.submit_signed(true, &[&first, &first]),
        ];
        refuse(
            &mut world,
            "messages of a meter",
            &swapped,
            GridError::ReadingNotNewer,
        )
        .await;
        let swapped = [
            verify(&[world.sign(&first, &[late, early])]),
            world.submit_signed(true, &[&first]),
        ];
        refuse(
            &mut world,
            "readings of a message",
            &swapped,
            GridError::ReadingNotNewer,
        )
        .await;
    }
}

/// A signature is good for ever, but a reading only once: whoever sends it again costs the meter nothing.
#[tokio::test]
async fn replays() {
    for kind in KINDS {
        let (mut world, [meter]) = world_of(kind).await;
        let signed = verify(&[world.sign(&meter, &[world.reading(1_000, 500)])]);
        let strict = [signed.clone(), world.submit_signed(true, &[&meter])];
        accept(&mut world, &strict).await;
        refuse(&mut world, "at once", &strict, GridError::ReadingNotNewer).await;
        world.pass_time(900).await;
        refuse(&mut world, "later", &strict, GridError::ReadingNotNewer).await;
        let before = world.meter(&meter.meter).await;
        let lenient = [signed.clone(), world.submit_signed(false, &[&meter])];
        accept(&mut world, &lenient).await;
        let after = world.meter(&meter.meter).await;
        assert_eq!(after.state, before.state);
        assert_eq!(after.total_generation, before.total_generation);
        assert_eq!((before.rejected_count, after.rejected_count), (0, 1));
        // Twice in one transaction.
        world.pass_time(900).await;
        let signed = world.sign(&meter, &[world.reading(2_000, 500)]);
        let twice = [
            verify(&[signed.clone(), signed]),
            world.submit_signed(true, &[&meter, &meter]),
        ];
        refuse(
            &mut world,
            "in a transaction",
            &twice,
            GridError::ReadingNotNewer,
        )
        .await;
    }
}
