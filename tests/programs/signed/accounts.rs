//! The submission's own data and accounts.

use super::*;
use shared_state::state::{DeviceKeyType, Meter};
use solana_keypair::Keypair;
use solana_program::instruction::AccountMeta;
use solana_sdk_ids::sysvar;
use solana_signer::Signer;

#[tokio::test]
async fn a_fake_instructions_sysvar_is_refused() {
    let (mut world, [meter]) = world_of(device::p256).await;
    let reporter = world.reporter.clone();
    let signed = verify(&[world.sign(&meter, &[world.reading(1_000, 500)])]);
    // An account with what the sysvar would hold.
    let fake = Pubkey::new_unique();
    let mut account = solana_account::Account::new(10_000_000, 500, &sysvar::ID);
    account.data[..2].copy_from_slice(&2u16.to_le_bytes());
    world.bank.set_account(&fake, account);
    let mut submit = world.submit_signed(true, &[&meter]);
    for wrong in [fake, sysvar::clock::ID, Pubkey::new_unique()] {
        submit.accounts[4] = AccountMeta::new_readonly(wrong, false);
        let instructions = [signed.clone(), submit.clone()];
        let refusal = world
            .refuse_last(&[&reporter], &instructions, GridError::WrongAddress)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("instructions sysvar"));
    }
}

#[tokio::test]
async fn a_meter_without_a_device_key_takes_no_signed_reading() {
    for kind in KINDS {
        let (mut world, [first, second]) = world_of(kind).await;
        let readings = [world.reading(1_000, 500)];
        let signed = verify(&[&first, &second].map(|meter| world.sign(meter, &readings)));
        let without = |meter: &mut Meter| {
            meter.device_key = Pubkey::default();
            meter.device_key_type = DeviceKeyType::None as u8;
        };
        world.edit(&second.meter.address, without).await;
        let instructions = [signed, world.submit_signed(false, &[&first, &second])];
        refuse(
            &mut world,
            "no key",
            &instructions,
            GridError::DeviceKeyMissing,
        )
        .await;
    }
}

/// Only listed reporters, and data and accounts as for unsigned readings.
#[tokio::test]
async fn malformed_submissions() {
    let (mut world, meters) = world_of::<2>(device::p256).await;
    let reporter = world.reporter.clone();
    let readings = [world.reading(1_000, 500)];
    let signed = verify(&meters.each_ref().map(|meter| world.sign(meter, &readings)));
    let good = world.submit_signed(true, &meters.each_ref());
    let with = |change: &dyn Fn(&mut Instruction)| {
        let mut changed = good.clone();
        change(&mut changed);
        [signed.clone(), changed]
    };

    let stranger = Keypair::new();
    let by_stranger = with(&|submit| submit.accounts[0].pubkey = stranger.pubkey());
    world
        .refuse_last(&[&stranger], &by_stranger, GridError::Unauthorized)
        .await;
    let unsigned = with(&|submit| submit.accounts[0].is_signer = false);
    world
        .refuse_last(&[], &unsigned, GridError::MissingSignature)
        .await;
    let readonly = with(&|submit| submit.accounts[6].is_writable = false);
    refuse(
        &mut world,
        "read-only",
        &readonly,
        GridError::AccountNotWritable,
    )
    .await;

    for data in [&[][..], &[2], &[2, 2], &[2, 255], &[2, 1, 0], &[255, 1]] {
        let wrong = with(&|submit| submit.data = data.to_vec());
        let error = GridError::InvalidInstructionData;
        refuse(&mut world, &format!("data {data:?}"), &wrong, error).await;
    }
    for count in 0..good.accounts.len() {
        let fewer = with(&|submit| submit.accounts.truncate(count));
        let error = match count {
            // All but one meter are there: there are too many signatures.
            6 => GridError::SignaturesMissing,
            _ => GridError::NotEnoughAccounts,
        };
        let signers: &[&Keypair] = if count > 0 { &[&reporter] } else { &[] };
        world.refuse_last(signers, &fewer, error).await;
    }
    let more = with(&|submit| submit.accounts.push(good.accounts[5].clone()));
    refuse(&mut world, "more", &more, GridError::SignaturesMissing).await;
    for (index, error) in [
        (1, GridError::WrongAccountOwner),
        (2, GridError::WrongAccountOwner),
        (3, GridError::WrongProgram),
        (5, GridError::WrongAccountOwner),
        (6, GridError::WrongAccountOwner),
    ] {
        let wrong = with(&|submit| submit.accounts[index].pubkey = Pubkey::new_unique());
        refuse(&mut world, &format!("account {index}"), &wrong, error).await;
    }
}

#[tokio::test]
async fn a_paused_oracle_takes_no_signed_readings() {
    let (mut world, [meter]) = world_of(device::p256).await;
    let authority = world.authority.clone();
    let pause = oracle_program::instruction::set_active(
        &world.deployment.oracle_program,
        &authority.pubkey(),
        false,
    );
    world.send(&[&authority], pause).await;
    let instructions = [
        verify(&[world.sign(&meter, &[world.reading(1_000, 500)])]),
        world.submit_signed(false, &[&meter]),
    ];
    refuse(&mut world, "paused", &instructions, GridError::OraclePaused).await;
}
