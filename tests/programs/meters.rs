//! RegisterMeter and SetMeterStatus.

use gridtoken_client::cluster::Cluster;
use gridtoken_tests::{World, START};
use shared_state::{
    event::{Event, MeterRegistered, MeterStatusChanged},
    pda,
    quantity::{Wh, MAX_CAPACITY_W},
    state::{DeviceKeyType, Meter, MeterStatus, ReadingState},
    GridError,
};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_program::{pubkey::Pubkey, rent::Rent};
use solana_sdk_ids::system_program;
use solana_signer::Signer;

#[tokio::test]
async fn a_registered_meter_starts_inactive_at_its_baseline() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let owner = Pubkey::new_unique();
    let args = registry_program::instruction::RegisterMeter {
        delegate: Pubkey::new_unique(),
        device_key: Pubkey::new_unique(),
        device_key_type: DeviceKeyType::Ed25519 as u64,
        register_modulus: Wh(1_000_000_000),
        generation_register: Wh(123_456),
        consumption_register: Wh(654_321),
        generation_capacity_w: 6_200,
        consumption_capacity_w: 15_000,
        ..World::registration("ISK-7", &owner)
    };
    let register =
        world
            .deployment
            .register_meter(&authority.pubkey(), &world.payer.pubkey(), args);
    let receipt = world.send(&[&authority], register).await;
    assert_eq!(
        receipt.events(),
        [Event::MeterRegistered(MeterRegistered {
            meter_id: args.meter_id,
            owner,
            delegate: args.delegate,
            device_key: args.device_key,
            generation_register: Wh(123_456),
            consumption_register: Wh(654_321),
            register_modulus: Wh(1_000_000_000),
            generation_capacity_w: 6_200,
            consumption_capacity_w: 15_000,
            device_key_type: 1,
        })]
    );
    let (address, bump) = pda::find_meter(&world.deployment.registry_program, &args.meter_id);
    let meter: Meter = world.read(&address).await;
    let expected = Meter {
        header: shared_state::state::Header::new(shared_state::state::AccountType::Meter, bump, 0),
        meter_id: args.meter_id,
        owner,
        delegate: args.delegate,
        device_key: args.device_key,
        device_key_type: 1,
        registered_at: START,
        state: ReadingState {
            last_reading_at: START,
            generation_register: Wh(123_456),
            consumption_register: Wh(654_321),
            register_modulus: Wh(1_000_000_000),
            generation_capacity_w: 6_200,
            consumption_capacity_w: 15_000,
            ..bytemuck::Zeroable::zeroed()
        },
        ..bytemuck::Zeroable::zeroed()
    };
    assert_eq!(meter, expected);
}

#[tokio::test]
async fn what_a_meter_counted_before_it_joined_is_never_minted() {
    let mut world = World::new().await;
    let (owner, wallet) = world.owner().await;
    let args = registry_program::instruction::RegisterMeter {
        generation_register: Wh(9_000_000),
        consumption_register: Wh(1_000_000),
        ..World::registration("OLD-1", &owner.pubkey())
    };
    let meter = world.register(args, owner, wallet).await;
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::InsufficientBalance)
        .await;
    world.report(&meter, 3_600, 9_005_000, 1_002_000).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 3_000_000_000);
    world.audit().await;
}

/// An address that another bump of the same seeds gives would be a second account for the same meter.
#[tokio::test]
async fn only_the_canonical_address_is_taken() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let args = World::registration("M-1", &Pubkey::new_unique());
    let program = world.deployment.registry_program;
    let (_, canonical) = pda::find_meter(&program, &args.meter_id);
    let other = (0..canonical).rev().find_map(|bump| {
        Pubkey::create_program_address(&[b"meter", &args.meter_id, &[bump]], &program).ok()
    });
    let mut register =
        world
            .deployment
            .register_meter(&authority.pubkey(), &world.payer.pubkey(), args);
    let config = world.deployment.registry_config();
    for (wrong, error) in [
        (other.expect("another bump"), GridError::WrongAddress),
        (Pubkey::new_unique(), GridError::WrongAddress),
        (config, GridError::WrongAccountType),
    ] {
        register.accounts[2].pubkey = wrong;
        let refusal = world.refuse(&[&authority], register.clone(), error).await;
        assert_eq!(refusal.account_at_fault(), Some("Meter"));
    }
}

#[tokio::test]
async fn lamports_at_the_address_do_not_get_in_the_way() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let rent = Rent::default().minimum_balance(size_of::<Meter>());
    for (index, lamports) in [1, rent - 1, rent, rent + 1].into_iter().enumerate() {
        let args = World::registration(&format!("M-{index}"), &Pubkey::new_unique());
        let address = world.deployment.meter(&args.meter_id);
        world
            .bank
            .set_account(&address, Account::new(lamports, 0, &system_program::ID));
        let register =
            world
                .deployment
                .register_meter(&authority.pubkey(), &world.payer.pubkey(), args);
        world.send(&[&authority], register).await;
        let account = world
            .bank
            .account(&address)
            .await
            .expect("an answer")
            .expect("a meter");
        assert_eq!(account.lamports, lamports.max(rent));
        assert_eq!(account.owner, world.deployment.registry_program);
        assert_eq!(world.read::<Meter>(&address).await.meter_id, args.meter_id);
    }
}

#[tokio::test]
async fn a_payer_without_the_rent_is_refused() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let rent = Rent::default().minimum_balance(size_of::<Meter>());
    let payer = Keypair::new();
    let args = World::registration("M-1", &Pubkey::new_unique());
    let register = world
        .deployment
        .register_meter(&authority.pubkey(), &payer.pubkey(), args);
    for (lamports, owner, error) in [
        (0, system_program::ID, GridError::InsufficientFunds),
        (rent - 1, system_program::ID, GridError::InsufficientFunds),
        (2 * rent, Pubkey::new_unique(), GridError::WrongAccountOwner),
    ] {
        world
            .bank
            .set_account(&payer.pubkey(), Account::new(lamports, 0, &owner));
        let refusal = world
            .refuse(&[&authority, &payer], register.clone(), error)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("payer"));
    }
    let mut read_only = register.clone();
    read_only.accounts[1].is_writable = false;
    let refusal = world
        .refuse(
            &[&authority, &payer],
            read_only,
            GridError::AccountNotWritable,
        )
        .await;
    assert_eq!(refusal.account_at_fault(), Some("payer"));
    world
        .bank
        .set_account(&payer.pubkey(), Account::new(rent, 0, &system_program::ID));
    world.send(&[&authority, &payer], register).await;
}

#[tokio::test]
async fn only_the_registry_authority_registers() {
    let mut world = World::new().await;
    let owner = Keypair::new();
    let args = World::registration("M-1", &owner.pubkey());
    for stranger in [&owner, &world.reporter.clone()] {
        let register =
            world
                .deployment
                .register_meter(&stranger.pubkey(), &world.payer.pubkey(), args);
        world
            .refuse(&[stranger], register, GridError::Unauthorized)
            .await;
    }
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_refused() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let good = World::registration("M-1", &Pubkey::new_unique());
    let mut behind_padding = good.meter_id;
    behind_padding[31] = b'x';
    let mut blank = good.meter_id;
    blank[3] = b' ';
    for (args, error) in [
        (
            registry_program::instruction::RegisterMeter {
                meter_id: [0; 32],
                ..good
            },
            GridError::InvalidMeterId,
        ),
        (
            registry_program::instruction::RegisterMeter {
                meter_id: [0xFF; 32],
                ..good
            },
            GridError::InvalidMeterId,
        ),
        (
            registry_program::instruction::RegisterMeter {
                meter_id: behind_padding,
                ..good
            },
            GridError::InvalidMeterId,
        ),
        (
            registry_program::instruction::RegisterMeter {
                meter_id: blank,
                ..good
            },
            GridError::InvalidMeterId,
        ),
        (
            registry_program::instruction::RegisterMeter {
                owner: Pubkey::default(),
                ..good
            },
            GridError::ZeroAddress,
        ),
        (
            registry_program::instruction::RegisterMeter {
                generation_capacity_w: 0,
                ..good
            },
            GridError::InvalidCapacity,
        ),
        (
            registry_program::instruction::RegisterMeter {
                consumption_capacity_w: MAX_CAPACITY_W + 1,
                ..good
            },
            GridError::InvalidCapacity,
        ),
    ] {
        let register =
            world
                .deployment
                .register_meter(&authority.pubkey(), &world.payer.pubkey(), args);
        world.refuse(&[&authority], register, error).await;
    }
}

#[tokio::test]
async fn every_status_change_of_the_authority() {
    use MeterStatus::*;
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let authority = world.authority.clone();
    for from in [Inactive, Active, Suspended, Decommissioned] {
        for to in [Inactive, Active, Suspended, Decommissioned] {
            world
                .edit(&meter.address, |account: &mut Meter| {
                    account.header.status = from as u8
                })
                .await;
            let set = world
                .deployment
                .set_meter_status(&authority.pubkey(), &meter.address, to);
            if from == to || from == Decommissioned {
                world
                    .refuse(&[&authority], set, GridError::InvalidStatusTransition)
                    .await;
                continue;
            }
            let receipt = world.send(&[&authority], set).await;
            assert_eq!(world.meter(&meter).await.status(), to);
            assert_eq!(
                receipt.events(),
                [Event::MeterStatusChanged(MeterStatusChanged {
                    meter_id: meter.id,
                    changed_by: authority.pubkey(),
                    old_status: from as u8,
                    new_status: to as u8,
                })]
            );
        }
    }
}

#[tokio::test]
async fn the_owner_may_deactivate_and_reactivate_only() {
    use MeterStatus::*;
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let owner = &meter.owner;
    for from in [Inactive, Active, Suspended, Decommissioned] {
        for to in [Inactive, Active, Suspended, Decommissioned] {
            world
                .edit(&meter.address, |account: &mut Meter| {
                    account.header.status = from as u8
                })
                .await;
            let set = world
                .deployment
                .set_meter_status(&owner.pubkey(), &meter.address, to);
            if matches!((from, to), (Active, Inactive) | (Inactive, Active)) {
                world.send(&[owner], set).await;
                assert_eq!(world.meter(&meter).await.status(), to);
            } else {
                world
                    .refuse(&[owner], set, GridError::InvalidStatusTransition)
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn nobody_else_changes_a_status() {
    let mut world = World::new().await;
    let (meter, other) = (
        world.active_meter("M-1").await,
        world.active_meter("M-2").await,
    );
    for stranger in [&other.owner, &world.reporter.clone(), &Keypair::new()] {
        let set = world.deployment.set_meter_status(
            &stranger.pubkey(),
            &meter.address,
            MeterStatus::Inactive,
        );
        world
            .refuse(&[stranger], set, GridError::Unauthorized)
            .await;
    }
    // There is no fifth status.
    let authority = world.authority.clone();
    let mut set = world.deployment.set_meter_status(
        &authority.pubkey(),
        &meter.address,
        MeterStatus::Inactive,
    );
    set.data[1] = 4;
    world
        .refuse(&[&authority], set, GridError::InvalidInstructionData)
        .await;
}
