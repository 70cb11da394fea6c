//! What can be put right of a registration, which ids and which device keys there are.

use gridtoken_tests::{rejections, TestMeter, World};
use registry_program::instruction::{
    propose_meter_owner, replace_device, set_delegate, RegisterMeter, ReplaceDevice,
};
use shared_state::{
    event::Event,
    quantity::{Bps, Wh},
    reading::RejectReason,
    state::{DeviceKeyType, Header, Meter, MeterStatus, ReadingState},
    GridError,
};
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;

fn register(world: &World, args: RegisterMeter) -> Instruction {
    let (authority, payer) = (world.authority.pubkey(), world.payer.pubkey());
    world.deployment.register_meter(&authority, &payer, args)
}

/// The owner's token account in place of the owner: an address that never signs.
#[tokio::test]
async fn a_wrong_owner_is_put_right_before_the_first_reading() {
    let mut world = World::new().await;
    let (owner, wallet) = world.owner().await;
    let mistyped = RegisterMeter {
        device_key: Pubkey::new_unique(),
        device_key_type: DeviceKeyType::Ed25519 as u64,
        register_modulus: Wh(1_000_000),
        ..World::registration("M-1", &wallet)
    };
    world.as_authority(register(&world, mistyped)).await;
    let right = RegisterMeter {
        generation_register: Wh(7_000_000),
        generation_capacity_w: 5_000,
        ..World::registration("M-1", &owner.pubkey())
    };
    world.pass_time(86_400).await;
    let receipt = world.as_authority(register(&world, right)).await;
    assert!(matches!(
        receipt.events()[..],
        [Event::MeterRegistered(event)] if event.owner == owner.pubkey()
    ));
    let meter = TestMeter {
        id: right.meter_id,
        address: world.deployment.meter(&right.meter_id),
        owner,
        wallet,
    };
    world.set_status(&meter, MeterStatus::Active).await;
    world.report(&meter, 3_600, 7_004_000, 0).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&wallet).await, 4_000_000_000);
}

#[tokio::test]
async fn a_meter_that_is_registered_anew_is_as_a_new_one_but_for_its_revision() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let registry = world.deployment.registry_program;
    let owner = meter.owner.pubkey();
    let other = Pubkey::new_unique();
    for instruction in [
        set_delegate(&registry, &owner, &meter.address, &other),
        propose_meter_owner(&registry, &owner, &meter.address, &other),
    ] {
        world.send(&[&meter.owner], instruction).await;
    }
    // Rejected, and held.
    let receipt = world.record(&meter, 900, 12_345_678, 0).await;
    assert_eq!(rejections(&receipt), [RejectReason::RegisterJumped]);
    let before = world.meter(&meter).await;
    assert_eq!(before.header.revision, 3);
    let args = RegisterMeter {
        generation_register: Wh(12_345_678),
        ..World::registration("M-1", &owner)
    };
    world.as_authority(register(&world, args)).await;
    let expected = Meter {
        header: Header {
            status: MeterStatus::Inactive as u8,
            revision: 4,
            ..before.header
        },
        meter_id: meter.id,
        owner,
        registered_at: world.now,
        state: ReadingState {
            last_reading_at: world.now,
            generation_register: Wh(12_345_678),
            generation_capacity_w: 100_000,
            consumption_capacity_w: 100_000,
            ..bytemuck::Zeroable::zeroed()
        },
        ..bytemuck::Zeroable::zeroed()
    };
    assert_eq!(world.meter(&meter).await, expected);
    let audit = world.audit().await;
    assert_eq!(audit.meters, 1);
}

/// Such a meter takes no reading until the clock has caught up.
#[tokio::test]
async fn a_meter_that_was_registered_by_a_clock_that_was_ahead_is_registered_anew() {
    let mut world = World::new().await;
    let now = world.now;
    world.set_time(now + 30 * 86_400).await;
    let meter = world.active_meter("M-1").await;
    world.set_time(now + 3_600).await;
    let reporter = world.reporter.clone();
    let submit = world.submit(&[(meter.address, world.reading(10, 0))]);
    world
        .refuse(&[&reporter], submit, GridError::ReadingNotNewer)
        .await;
    let args = World::registration("M-1", &meter.owner.pubkey());
    world.as_authority(register(&world, args)).await;
    world.set_status(&meter, MeterStatus::Active).await;
    world.report(&meter, 3_600, 10, 0).await;
}

#[tokio::test]
async fn once_a_reading_was_accepted_a_registration_stands() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 0, 0).await;
    let authority = world.authority.clone();
    for owner in [meter.owner.pubkey(), Pubkey::new_unique()] {
        let again = register(&world, World::registration("M-1", &owner));
        let refusal = world
            .refuse(&[&authority], again, GridError::AlreadyInitialized)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("Meter"));
    }
}

#[tokio::test]
async fn only_the_registry_authority_puts_a_registration_right_and_only_this_meters() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let other = world.active_meter("M-2").await;
    let args = World::registration("M-1", &meter.owner.pubkey());
    let authority = world.authority.clone();
    for stranger in [&meter.owner, &other.owner, &world.reporter.clone()] {
        let register =
            world
                .deployment
                .register_meter(&stranger.pubkey(), &world.payer.pubkey(), args);
        world
            .refuse(&[stranger], register, GridError::Unauthorized)
            .await;
    }
    // Another id's account in its place.
    let mut again = register(&world, args);
    again.accounts[2].pubkey = other.address;
    let refusal = world
        .refuse(&[&authority], again, GridError::WrongAddress)
        .await;
    assert_eq!(refusal.account_at_fault(), Some("Meter"));
    // And one for good.
    world.set_status(&meter, MeterStatus::Decommissioned).await;
    let again = register(&world, args);
    world
        .refuse(&[&authority], again, GridError::MeterDecommissioned)
        .await;
}

/// Names that look alike to people would be two meters: one device's energy, twice.
#[tokio::test]
async fn ids_are_ascii_graphic_characters() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let owner = Pubkey::new_unique();
    for id in [
        "SN-1\u{A0}",
        "SN-1\u{200B}",
        "\u{FEFF}SN-1",
        "SN-1\u{3000}",
        "SN-1\u{85}",
        "\u{9B}2JSN-1",
        "\u{202E}1-NS",
        "SN-1\u{2028}",
        "\u{405}N-1",
        "SN\u{2010}1",
        "SN-1 ",
        " SN-1",
        "SN 1",
        "SN-1\x7F",
        "SN-1\n",
        "Z\u{E4}hler",
        "",
    ] {
        let mut args = World::registration("SN-1", &owner);
        args.meter_id = [0; 32];
        args.meter_id[..id.len()].copy_from_slice(id.as_bytes());
        let register = register(&world, args);
        world
            .refuse(&[&authority], register, GridError::InvalidMeterId)
            .await;
    }
    // What isn't ASCII, or longer, has a hashed form, and every other character is as good as a letter.
    for serial in [
        "Z\u{E4}hler",
        "DE0001234567890123456789012345678",
        "!~#/\\\"'",
    ] {
        let args = World::registration(serial, &owner);
        world.as_authority(register(&world, args)).await;
    }
}

#[tokio::test]
async fn a_device_key_has_a_type_and_a_type_has_a_key() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let authority = world.authority.clone();
    let registry = world.deployment.registry_program;
    let key = Pubkey::new_unique();
    let nobody = Pubkey::default();
    let replacement = |device_key, device_key_type| {
        let args = ReplaceDevice {
            device_key,
            old_generation_register: Wh(0),
            old_consumption_register: Wh(0),
            generation_register: Wh(0),
            consumption_register: Wh(0),
            register_modulus: Wh(0),
            device_key_type,
        };
        replace_device(&registry, &authority.pubkey(), &meter.address, args)
    };
    for (device_key, device_key_type) in [
        (key, 0),
        (nobody, 1),
        (nobody, 2),
        (nobody, 3),
        (key, 4),
        (nobody, 4),
        (key, 255),
        // What fits into a byte only when it is cut off.
        (key, 256),
        (key, 257),
        (key, 1 << 32 | 1),
        (key, u64::MAX),
    ] {
        let args = RegisterMeter {
            device_key,
            device_key_type,
            ..World::registration("M-2", &meter.owner.pubkey())
        };
        for instruction in [
            register(&world, args),
            replacement(device_key, device_key_type),
        ] {
            world
                .refuse(&[&authority], instruction, GridError::InvalidDeviceKey)
                .await;
        }
    }
    for (device_key, kind) in [
        (key, DeviceKeyType::Ed25519),
        (key, DeviceKeyType::P256Even),
        (key, DeviceKeyType::P256Odd),
        (nobody, DeviceKeyType::None),
    ] {
        let args = RegisterMeter {
            device_key,
            device_key_type: kind as u64,
            ..World::registration("M-2", &meter.owner.pubkey())
        };
        world.as_authority(register(&world, args)).await;
        world
            .as_authority(replacement(device_key, kind as u64))
            .await;
        let account = world.meter(&meter).await;
        assert_eq!(
            (account.device_key, account.device_key_type),
            (device_key, kind as u8)
        );
    }
}

/// A plant at 95 kW of 100, whose device gets another key a minute before a reading: all of its readings are true, and fit.
#[tokio::test]
async fn another_key_keeps_the_time_of_the_last_reading() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let mut register = 0;
    for _ in 0..10 {
        register += 23_750;
        world.report(&meter, 900, register, 0).await;
    }
    let before = world.meter(&meter).await.state;
    world.pass_time(840).await;
    let replace = world.replacement(&meter, register, 0).await;
    world.as_authority(replace).await;
    assert_eq!(world.meter(&meter).await.state, before);
    world.pass_time(60).await;
    for _ in 0..10 {
        register += 23_750;
        let receipt = world.record(&meter, 0, register, 0).await;
        assert_eq!(rejections(&receipt), []);
        world.pass_time(900).await;
    }
    let account = world.meter(&meter).await;
    assert_eq!(account.state.quality, Bps(8_500));
    assert_eq!(account.total_generation, Wh(register));
}

/// The registry authority can say of any device that it stands higher, and what it counts until then is not counted; but what
/// was claimable before is not its to take.
#[tokio::test]
async fn a_replacement_with_higher_registers_locks_nothing_that_was_claimable() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    let replace = world.replacement(&meter, 1_000_000_000, 0).await;
    world.as_authority(replace).await;
    for hour in 1..=20 {
        let register = 10_000 + hour * 1_000;
        let receipt = world.record(&meter, 3_600, register, 0).await;
        let backwards = RejectReason::GenerationRegisterBackwards;
        assert_eq!(rejections(&receipt), [backwards]);
    }
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 10_000_000_000);
}
