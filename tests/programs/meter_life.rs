//! A meter over the years: delegates, owners, devices and rated powers.

use gridtoken_tests::{TestMeter, World};
use registry_program::instruction::{
    accept_meter_owner, propose_meter_owner, replace_device, set_delegate, update_meter_limits,
    ReplaceDevice, UpdateMeterLimits,
};
use shared_state::{
    event::{
        DelegateChanged, DeviceReplaced, Event, MeterLimitsChanged, MeterOwnerChanged,
        MeterOwnerProposed,
    },
    quantity::{Wh, MAX_CAPACITY_W},
    state::{DeviceKeyType, Header, Meter, MeterStatus, ReadingState},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

#[tokio::test]
async fn a_delegate_settles_to_the_owner_and_does_nothing_else() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (registry, owner) = (world.deployment.registry_program, meter.owner.pubkey());
    let (delegate, wallet) = world.owner().await;
    let key = delegate.pubkey();
    let receipt = world
        .send(
            &[&meter.owner],
            set_delegate(&registry, &owner, &meter.address, &key),
        )
        .await;
    assert_eq!(
        receipt.events(),
        [Event::DelegateChanged(DelegateChanged {
            meter_id: meter.id,
            delegate: key
        })]
    );
    world.report(&meter, 900, 1_000, 0).await;
    let settle = world.deployment.settle(&meter.address, &owner, &key);
    world.send(&[&delegate], settle).await;
    assert_eq!(world.balance(&meter.wallet).await, 1_000_000_000);
    assert_eq!(world.balance(&wallet).await, 0);

    world.report(&meter, 900, 2_000, 0).await;
    let to_itself = world.deployment.settle(&meter.address, &key, &key);
    world
        .refuse(&[&delegate], to_itself, GridError::WrongTokenAccountOwner)
        .await;
    for instruction in [
        set_delegate(&registry, &key, &meter.address, &Pubkey::new_unique()),
        propose_meter_owner(&registry, &key, &meter.address, &key),
        world
            .deployment
            .set_meter_status(&key, &meter.address, MeterStatus::Inactive),
    ] {
        world
            .refuse(&[&delegate], instruction, GridError::Unauthorized)
            .await;
    }

    // Until the owner takes it back.
    let nobody = set_delegate(&registry, &owner, &meter.address, &Pubkey::default());
    world.send(&[&meter.owner], nobody).await;
    let settle = world.deployment.settle(&meter.address, &owner, &key);
    world
        .refuse(&[&delegate], settle, GridError::Unauthorized)
        .await;
    // The registry authority can't name one.
    let authority = world.authority.clone();
    let by_authority = set_delegate(&registry, &authority.pubkey(), &meter.address, &key);
    world
        .refuse(&[&authority], by_authority, GridError::Unauthorized)
        .await;
    world.audit().await;
}

#[tokio::test]
async fn a_meter_goes_to_its_new_owner_with_all_that_is_unsettled() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let registry = world.deployment.registry_program;
    let (old, (delegate, _)) = (meter.owner.clone(), world.owner().await);
    let (new, new_wallet) = world.owner().await;
    let appoint = set_delegate(&registry, &old.pubkey(), &meter.address, &delegate.pubkey());
    world.send(&[&old], appoint).await;
    world.report(&meter, 900, 1_000, 0).await;
    world.settle(&meter).await;
    world.report(&meter, 900, 3_000, 0).await;

    let accept = accept_meter_owner(&registry, &new.pubkey(), &meter.address);
    world
        .refuse(&[&new], accept.clone(), GridError::Unauthorized)
        .await;
    let propose = propose_meter_owner(&registry, &old.pubkey(), &meter.address, &new.pubkey());
    let receipt = world.send(&[&old], propose.clone()).await;
    assert_eq!(
        receipt.events(),
        [Event::MeterOwnerProposed(MeterOwnerProposed {
            meter_id: meter.id,
            owner: old.pubkey(),
            proposed: new.pubkey(),
        })]
    );
    // Proposed is not owned: the new one can't settle yet, and nobody else accepts.
    let settle = world
        .deployment
        .settle(&meter.address, &new.pubkey(), &new.pubkey());
    world.refuse(&[&new], settle, GridError::Unauthorized).await;
    for other in [&old, &delegate, &world.authority.clone()] {
        let accept = accept_meter_owner(&registry, &other.pubkey(), &meter.address);
        world
            .refuse(&[other], accept, GridError::Unauthorized)
            .await;
    }
    // Withdrawn, and proposed again.
    let withdraw =
        propose_meter_owner(&registry, &old.pubkey(), &meter.address, &Pubkey::default());
    world.send(&[&old], withdraw).await;
    world
        .refuse(&[&new], accept.clone(), GridError::Unauthorized)
        .await;
    world.send(&[&old], propose).await;
    let receipt = world.send(&[&new], accept.clone()).await;
    assert_eq!(
        receipt.events(),
        [Event::MeterOwnerChanged(MeterOwnerChanged {
            meter_id: meter.id,
            old_owner: old.pubkey(),
            new_owner: new.pubkey(),
            unsettled: Wh(2_000),
        })]
    );
    let account = world.meter(&meter).await;
    assert_eq!(
        (account.owner, account.pending_owner),
        (new.pubkey(), Pubkey::default())
    );
    assert_eq!(account.delegate, Pubkey::default());
    world.refuse(&[&new], accept, GridError::Unauthorized).await;

    // The old owner and the old delegate can do nothing any more.
    for former in [&old, &delegate] {
        let key = former.pubkey();
        for instruction in [
            world.deployment.settle(&meter.address, &key, &key),
            world.deployment.settle(&meter.address, &new.pubkey(), &key),
            set_delegate(&registry, &key, &meter.address, &key),
            propose_meter_owner(&registry, &key, &meter.address, &key),
            world
                .deployment
                .set_meter_status(&key, &meter.address, MeterStatus::Inactive),
        ] {
            world
                .refuse(&[former], instruction, GridError::Unauthorized)
                .await;
        }
    }
    let meter = TestMeter {
        owner: new,
        wallet: new_wallet,
        ..meter
    };
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 2_000_000_000);
    world.audit().await;
}

#[tokio::test]
async fn a_new_devices_past_is_never_minted_whatever_its_registers() {
    for (generation_register, consumption_register) in [(0, 0), (50, 9_000_000), (7_000_000, 80)] {
        let mut world = World::new().await;
        let meter = world.active_meter("M-1").await;
        let registry = world.deployment.registry_program;
        let authority = world.authority.clone();
        world.report(&meter, 900, 10_000, 1_000).await;
        world.settle(&meter).await;
        world.report(&meter, 900, 12_000, 1_500).await;
        let before = world.meter(&meter).await;

        world.pass_time(3_600).await;
        let args = ReplaceDevice {
            device_key: Pubkey::default(),
            old_generation_register: Wh(12_000),
            old_consumption_register: Wh(1_500),
            generation_register: Wh(generation_register),
            consumption_register: Wh(consumption_register),
            register_modulus: Wh(0),
            device_key_type: DeviceKeyType::None as u64,
        };
        // What the authority has seen must still be so: a reading in between would count twice.
        for stale in [
            ReplaceDevice {
                old_generation_register: Wh(11_999),
                ..args
            },
            ReplaceDevice {
                old_consumption_register: Wh(1_499),
                ..args
            },
        ] {
            let replace = replace_device(&registry, &authority.pubkey(), &meter.address, stale);
            world
                .refuse(&[&authority], replace, GridError::RegistersMovedOn)
                .await;
        }
        let replace = replace_device(&registry, &authority.pubkey(), &meter.address, args);
        let receipt = world.send(&[&authority], replace).await;
        assert_eq!(
            receipt.events(),
            [Event::DeviceReplaced(DeviceReplaced {
                meter_id: meter.id,
                device_key: Pubkey::default(),
                old_generation_register: Wh(12_000),
                old_consumption_register: Wh(1_500),
                generation_register: Wh(generation_register),
                consumption_register: Wh(consumption_register),
                register_modulus: Wh(0),
                device_key_type: DeviceKeyType::None as u64,
            })]
        );
        let after = world.meter(&meter).await;
        let expected = Meter {
            state: ReadingState {
                generation_register: Wh(generation_register),
                consumption_register: Wh(consumption_register),
                last_reading_at: world.now,
                ..before.state
            },
            header: Header {
                revision: before.header.revision + 1,
                ..before.header
            },
            ..before
        };
        assert_eq!(after, expected);

        // The time before the replacement allows for nothing.
        let reporter = world.reporter.clone();
        world.pass_time(900).await;
        let too_much = world.reading(generation_register + 26_251, consumption_register);
        let submit = world.submit(&[(meter.address, too_much)]);
        world
            .refuse(&[&reporter], submit, GridError::GenerationAboveRatedPower)
            .await;
        let reading = world.reading(generation_register + 700, consumption_register + 100);
        let submit = world.submit(&[(meter.address, reading)]);
        world.send(&[&reporter], submit).await;
        let account = world.meter(&meter).await;
        assert_eq!(
            (account.total_generation, account.total_consumption),
            (Wh(12_700), Wh(1_600))
        );
        world.settle(&meter).await;
        assert_eq!(world.balance(&meter.wallet).await, 11_100_000_000);
        world.audit().await;
    }
}

#[tokio::test]
async fn a_new_device_with_a_key_takes_signed_readings_only() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (registry, authority) = (world.deployment.registry_program, world.authority.clone());
    let device_key = Pubkey::new_unique();
    let args = ReplaceDevice {
        device_key,
        old_generation_register: Wh(0),
        old_consumption_register: Wh(0),
        generation_register: Wh(0),
        consumption_register: Wh(0),
        register_modulus: Wh(0),
        device_key_type: DeviceKeyType::Ed25519 as u64,
    };
    world
        .send(
            &[&authority],
            replace_device(&registry, &authority.pubkey(), &meter.address, args),
        )
        .await;
    assert_eq!(world.meter(&meter).await.device_key, device_key);
    world.pass_time(900).await;
    let reporter = world.reporter.clone();
    let submit = world.submit(&[(meter.address, world.reading(100, 0))]);
    world
        .refuse(&[&reporter], submit, GridError::UnsignedReading)
        .await;
}

#[tokio::test]
async fn new_limits_hold_for_the_next_reading() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (registry, authority) = (world.deployment.registry_program, world.authority.clone());
    let update = |generation_capacity_w, consumption_capacity_w| {
        let args = UpdateMeterLimits {
            generation_capacity_w,
            consumption_capacity_w,
        };
        update_meter_limits(&registry, &authority.pubkey(), &meter.address, args)
    };
    let receipt = world.send(&[&authority], update(4_000, 12_000)).await;
    assert_eq!(
        receipt.events(),
        [Event::MeterLimitsChanged(MeterLimitsChanged {
            meter_id: meter.id,
            generation_capacity_w: 4_000,
            consumption_capacity_w: 12_000,
        })]
    );
    world.pass_time(900).await;
    let reporter = world.reporter.clone();
    for (generation, consumption, error) in [
        (1_051, 0, GridError::GenerationAboveRatedPower),
        (0, 3_151, GridError::ConsumptionAboveRatedPower),
    ] {
        let submit = world.submit(&[(meter.address, world.reading(generation, consumption))]);
        world.refuse(&[&reporter], submit, error).await;
    }
    for (generation, consumption) in [(0, 1), (1, 0), (MAX_CAPACITY_W + 1, 1), (1, u32::MAX)] {
        let update = update(generation, consumption);
        world
            .refuse(&[&authority], update, GridError::InvalidCapacity)
            .await;
    }
}

#[tokio::test]
async fn a_decommissioned_meter_is_not_changed_any_more_but_still_handed_over_and_settled() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (registry, authority) = (world.deployment.registry_program, world.authority.clone());
    let key = authority.pubkey();
    world.report(&meter, 900, 1_000, 0).await;
    world.set_status(&meter, MeterStatus::Decommissioned).await;
    let args = ReplaceDevice {
        device_key: key,
        old_generation_register: Wh(1_000),
        old_consumption_register: Wh(0),
        generation_register: Wh(0),
        consumption_register: Wh(0),
        register_modulus: Wh(0),
        device_key_type: DeviceKeyType::Ed25519 as u64,
    };
    let replace = replace_device(&registry, &key, &meter.address, args);
    world
        .refuse(&[&authority], replace, GridError::MeterDecommissioned)
        .await;
    let args = UpdateMeterLimits {
        generation_capacity_w: 1,
        consumption_capacity_w: 1,
    };
    let update = update_meter_limits(&registry, &key, &meter.address, args);
    world
        .refuse(&[&authority], update, GridError::MeterDecommissioned)
        .await;

    let (heir, wallet) = world.owner().await;
    let owner = meter.owner.pubkey();
    world
        .send(
            &[&meter.owner],
            propose_meter_owner(&registry, &owner, &meter.address, &heir.pubkey()),
        )
        .await;
    world
        .send(
            &[&heir],
            accept_meter_owner(&registry, &heir.pubkey(), &meter.address),
        )
        .await;
    let meter = TestMeter {
        owner: heir,
        wallet,
        ..meter
    };
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 1_000_000_000);
    world.audit().await;
}

#[tokio::test]
async fn a_replacement_does_not_turn_the_clock_back() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let registry = world.deployment.registry_program;
    let (authority, reporter) = (world.authority.clone(), world.reporter.clone());
    world.pass_time(900).await;
    // A minute ahead of the clock: the most that the rules allow.
    let ahead = shared_state::reading::Reading {
        timestamp: world.now + 60,
        ..world.reading(1_000, 0)
    };
    let submit = world.submit(&[(meter.address, ahead)]);
    world.send(&[&reporter], submit.clone()).await;
    let args = ReplaceDevice {
        device_key: Pubkey::default(),
        old_generation_register: Wh(1_000),
        old_consumption_register: Wh(0),
        generation_register: Wh(0),
        consumption_register: Wh(0),
        register_modulus: Wh(0),
        device_key_type: DeviceKeyType::None as u64,
    };
    let replace = replace_device(&registry, &authority.pubkey(), &meter.address, args);
    world.send(&[&authority], replace).await;
    assert_eq!(
        world.meter(&meter).await.state.last_reading_at,
        world.now + 60
    );
    world
        .refuse(&[&reporter], submit, GridError::ReadingNotNewer)
        .await;
}

/// A proposal takes the place of the one before.
#[tokio::test]
async fn only_the_last_proposed_owner_can_accept() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let registry = world.deployment.registry_program;
    let owner = meter.owner.pubkey();
    let (first, second) = (Keypair::new(), Keypair::new());
    for proposed in [&first, &second] {
        let propose = propose_meter_owner(&registry, &owner, &meter.address, &proposed.pubkey());
        world.send(&[&meter.owner], propose).await;
    }
    // Named after the proposal, and gone all the same. A suspension stays.
    let delegate = set_delegate(&registry, &owner, &meter.address, &first.pubkey());
    world.send(&[&meter.owner], delegate).await;
    world.set_status(&meter, MeterStatus::Suspended).await;
    let accept = accept_meter_owner(&registry, &first.pubkey(), &meter.address);
    world
        .refuse(&[&first], accept, GridError::Unauthorized)
        .await;
    let accept = accept_meter_owner(&registry, &second.pubkey(), &meter.address);
    world.send(&[&second], accept).await;
    let account = world.meter(&meter).await;
    assert_eq!(account.delegate, Pubkey::default());
    assert_eq!(account.status(), MeterStatus::Suspended);
    let lift =
        world
            .deployment
            .set_meter_status(&second.pubkey(), &meter.address, MeterStatus::Active);
    world
        .refuse(&[&second], lift, GridError::InvalidStatusTransition)
        .await;
}

/// Device and rated powers change while a meter is stopped too; its owner can't do it.
#[tokio::test]
async fn the_authority_alone_changes_a_stopped_meter() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (registry, authority) = (world.deployment.registry_program, world.authority.clone());
    let device = |register: u64| ReplaceDevice {
        device_key: Pubkey::default(),
        old_generation_register: Wh(register),
        old_consumption_register: Wh(0),
        generation_register: Wh(register + 1),
        consumption_register: Wh(0),
        register_modulus: Wh(0),
        device_key_type: DeviceKeyType::None as u64,
    };
    let limits = UpdateMeterLimits {
        generation_capacity_w: 5_000,
        consumption_capacity_w: 6_000,
    };
    for (register, status) in [
        (0, MeterStatus::Active),
        (1, MeterStatus::Inactive),
        (2, MeterStatus::Suspended),
    ] {
        if status != MeterStatus::Active {
            world.set_status(&meter, status).await;
        }
        let owner = meter.owner.pubkey();
        for instruction in [
            replace_device(&registry, &owner, &meter.address, device(register)),
            update_meter_limits(&registry, &owner, &meter.address, limits),
        ] {
            world
                .refuse(&[&meter.owner], instruction, GridError::Unauthorized)
                .await;
        }
        let key = authority.pubkey();
        let replace = replace_device(&registry, &key, &meter.address, device(register));
        world.send(&[&authority], replace).await;
        let update = update_meter_limits(&registry, &key, &meter.address, limits);
        world.send(&[&authority], update).await;
        let account = world.meter(&meter).await;
        assert_eq!(account.status(), status);
        assert_eq!(account.state.generation_register, Wh(register + 1));
        assert_eq!(account.total_generation, Wh(0));
    }
}
