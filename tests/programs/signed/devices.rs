//! A device goes and comes back, or gets another key.

use super::*;
use registry_program::instruction::{replace_device, ReplaceDevice};
use shared_state::{quantity::Wh, reading::Reading};
use solana_signer::Signer;

/// What it signed before it went counts at neither time.
#[tokio::test]
async fn a_replaced_devices_signatures_are_worth_nothing() {
    let mut world = world().await;
    let SigningMeter { meter, device } = world.signing_meter("S-1", device::ed25519("first")).await;
    let authority = world.authority.clone();
    let registry = world.deployment.registry_program;
    let signed_by = |world: &World, device: &SigningKey, reading: Reading| {
        let message = oracle_program::signature::message(&registry, &meter.id, &[reading]);
        let submit = oracle_program::instruction::submit_signed_readings(
            &world.deployment.oracle_program,
            &world.reporter.pubkey(),
            &registry,
            true,
            &[meter.address],
        );
        [verify(&[device::signed(device, message)]), submit]
    };
    world.pass_time(900).await;
    let held_back = signed_by(&world, &device, world.reading(1_000, 0));
    world.pass_time(60).await;

    // A device of the other kind takes its place.
    let second = device::p256("second");
    let replace = |key: &SigningKey, old: u64, new: u64| {
        let public = key.public();
        let args = ReplaceDevice {
            device_key: public.key,
            device_key_type: public.kind as u64,
            register_modulus: Wh::ZERO,
            old_generation_register: Wh(old),
            old_consumption_register: Wh(0),
            generation_register: Wh(new),
            consumption_register: Wh(0),
        };
        replace_device(&registry, &authority.pubkey(), &meter.address, args)
    };
    let mismatch = GridError::SignatureMismatch;
    world.send(&[&authority], replace(&second, 0, 500)).await;
    refuse(&mut world, "held back", &held_back, mismatch).await;
    world.pass_time(900).await;
    let of_the_first = signed_by(&world, &device, world.reading(1_500, 0));
    refuse(&mut world, "the first's", &of_the_first, mismatch).await;
    let of_the_second = signed_by(&world, &second, world.reading(1_500, 0));
    accept(&mut world, &of_the_second).await;
    assert_eq!(world.meter(&meter).await.total_generation, Wh(1_000));

    // The first one is back, with registers below those that it had signed.
    world.pass_time(60).await;
    world.send(&[&authority], replace(&device, 1_500, 0)).await;
    for old in [&held_back, &of_the_first] {
        refuse(&mut world, "back again", old, GridError::ReadingNotNewer).await;
    }
    refuse(&mut world, "the second's", &of_the_second, mismatch).await;
    assert_eq!(world.meter(&meter).await.total_generation, Wh(1_000));
}

/// Registers stay: what the device counted since the last reading is in the next one, by the new key.
#[tokio::test]
async fn another_key_of_the_same_device() {
    let (mut world, [meter]) = world_of(device::ed25519).await;
    let authority = world.authority.clone();
    let new = device::p256("new");
    let public = new.public();
    let args = ReplaceDevice {
        device_key: public.key,
        device_key_type: public.kind as u64,
        register_modulus: Wh::ZERO,
        old_generation_register: Wh(0),
        old_consumption_register: Wh(0),
        generation_register: Wh(0),
        consumption_register: Wh(0),
    };
    let registry = world.deployment.registry_program;
    let rotate = replace_device(&registry, &authority.pubkey(), &meter.meter.address, args);
    world.send(&[&authority], rotate).await;
    let readings = [world.reading(1_000, 500)];
    let submit = world.submit_signed(true, &[&meter]);
    let old = [verify(&[world.sign(&meter, &readings)]), submit.clone()];
    refuse(
        &mut world,
        "the old key",
        &old,
        GridError::SignatureMismatch,
    )
    .await;
    let meter = SigningMeter {
        device: new,
        ..meter
    };
    let by_new = [verify(&[world.sign(&meter, &readings)]), submit];
    accept(&mut world, &by_new).await;
    assert_eq!(world.meter(&meter.meter).await.total_generation, Wh(1_000));
}
