//! SubmitSignedReadings: the device's signature ties a reading to the device.

use gridtoken_client::cluster::Cluster;
use gridtoken_tests::{TestMeter, World};
use oracle_program::{
    instruction::submit_signed_readings,
    signature::{message, precompile, Signed, MESSAGE},
};
use registry_program::instruction::RegisterMeter;
use shared_state::{
    event::Event,
    quantity::{BaseUnits, Wh},
    reading::Reading,
    state::Meter,
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{
    account_info::AccountInfo,
    entrypoint::ProgramResult,
    instruction::{AccountMeta, Instruction},
    program::invoke,
    pubkey::Pubkey,
};
use solana_program_test::processor;
use solana_sdk_ids::sysvar;
use solana_signer::Signer;

struct SigningMeter {
    meter: TestMeter,
    device: Keypair,
}

async fn signing_meter(world: &mut World, serial: &str) -> SigningMeter {
    let device = Keypair::new();
    let (owner, wallet) = world.owner().await;
    let args = RegisterMeter {
        device_key: device.pubkey(),
        ..World::registration(serial, &owner.pubkey())
    };
    SigningMeter {
        meter: world.register(args, owner, wallet).await,
        device,
    }
}

impl SigningMeter {
    fn sign(&self, world: &World, reading: &Reading) -> Signed {
        sign(
            &self.device,
            &message(&world.deployment.registry_program, &self.meter.id, reading),
        )
    }
}

fn sign(device: &Keypair, message: &[u8; MESSAGE]) -> Signed {
    (
        device.pubkey(),
        *device.sign_message(message).as_array(),
        *message,
    )
}

fn submit(world: &World, strict: bool, readings: &[(Pubkey, Reading)]) -> Instruction {
    let deployment = world.deployment;
    submit_signed_readings(
        &deployment.oracle_program,
        &world.reporter.pubkey(),
        &deployment.registry_program,
        strict,
        readings,
    )
}

/// Three meters with a signed reading each.
async fn three(world: &mut World) -> (Vec<SigningMeter>, Vec<Signed>, Vec<(Pubkey, Reading)>) {
    let mut meters = Vec::new();
    for index in 0..3 {
        meters.push(signing_meter(world, &format!("S-{index}")).await);
    }
    world.pass_time(900).await;
    let reading = world.reading(1_000, 500);
    let signed = meters
        .iter()
        .map(|meter| meter.sign(world, &reading))
        .collect();
    let readings = meters
        .iter()
        .map(|meter| (meter.meter.address, reading))
        .collect();
    (meters, signed, readings)
}

#[tokio::test]
async fn signed_readings_score_full_marks() {
    let mut world = World::new().await;
    let (meters, signed, readings) = three(&mut world).await;
    let reporter = world.reporter.clone();
    let instructions = [precompile(&signed), submit(&world, true, &readings)];
    let receipt = world
        .bank
        .send(&world.payer, &[&reporter], &instructions)
        .await
        .expect("accepted");
    println!("SubmitSignedReadings, three: {} CU", receipt.compute_units);
    let events = receipt.events();
    assert_eq!(events.len(), 3);
    for (meter, event) in meters.iter().zip(events) {
        let Event::MeterReadingRecorded(recorded) = event else {
            panic!("{event:?}")
        };
        assert_eq!(
            (recorded.meter_id, recorded.score, recorded.quality),
            (meter.meter.id, 100, 10_000)
        );
        assert_eq!(world.meter(&meter.meter).await.total_generation, Wh(1_000));
    }
    // Again: the signatures are still good, but the readings are not newer.
    world
        .refuse_last(&[&reporter], &instructions, GridError::ReadingNotNewer)
        .await;
}

#[tokio::test]
async fn a_signature_counts_for_this_meter_reading_and_registry_only() {
    let mut world = World::new().await;
    let (meters, signed, readings) = three(&mut world).await;
    let reporter = world.reporter.clone();
    let (registry, id) = (world.deployment.registry_program, meters[0].meter.id);
    let device = &meters[0].device;
    let (meter, reading) = readings[0];
    let good = message(&registry, &id, &reading);
    let mut other_purpose = good;
    other_purpose[14] = b'2';
    for (what, signed) in [
        ("another meter's signature", signed[1]),
        ("another device", sign(&Keypair::new(), &good)),
        ("the reporter's signature", sign(&reporter, &good)),
        (
            "another meter",
            sign(device, &message(&registry, &meters[1].meter.id, &reading)),
        ),
        (
            "another registry",
            sign(device, &message(&Pubkey::new_unique(), &id, &reading)),
        ),
        (
            "another time",
            sign(
                device,
                &message(
                    &registry,
                    &id,
                    &Reading {
                        timestamp: reading.timestamp - 1,
                        ..reading
                    },
                ),
            ),
        ),
        (
            "another generation",
            sign(
                device,
                &message(
                    &registry,
                    &id,
                    &Reading {
                        generation_register: Wh(999),
                        ..reading
                    },
                ),
            ),
        ),
        (
            "another consumption",
            sign(
                device,
                &message(
                    &registry,
                    &id,
                    &Reading {
                        consumption_register: Wh(499),
                        ..reading
                    },
                ),
            ),
        ),
        ("another purpose", sign(device, &other_purpose)),
    ] {
        println!("{what}");
        // Not recorded either: a wrong signature says nothing about the meter.
        for strict in [true, false] {
            let instructions = [
                precompile(&[signed]),
                submit(&world, strict, &[(meter, reading)]),
            ];
            world
                .refuse_last(&[&reporter], &instructions, GridError::SignatureMismatch)
                .await;
        }
    }
    // Signatures in another order than the readings.
    let swapped = [
        precompile(&[signed[1], signed[0]]),
        submit(&world, true, &readings[..2]),
    ];
    world
        .refuse_last(&[&reporter], &swapped, GridError::SignatureMismatch)
        .await;

    // A signature that is simply wrong doesn't pass the Ed25519 program.
    let mut forged = signed[0];
    forged.1[0] ^= 1;
    let instructions = [precompile(&[forged]), submit(&world, true, &readings[..1])];
    assert!(world
        .bank
        .send(&world.payer, &[&reporter], &instructions)
        .await
        .is_err());
    assert_eq!(world.meter(&meters[0].meter).await.state.accepted_count, 0);
}

#[tokio::test]
async fn the_signatures_must_be_right_before() {
    let mut world = World::new().await;
    let (_, signed, readings) = three(&mut world).await;
    let reporter = world.reporter.clone();
    let good = [precompile(&signed), submit(&world, true, &readings)];
    let transfer = solana_system_interface::instruction::transfer(
        &world.payer.pubkey(),
        &Pubkey::new_unique(),
        1_000_000,
    );

    let missing = [good[1].clone()];
    world
        .refuse_last(&[&reporter], &missing, GridError::SignaturesMissing)
        .await;
    let other_before = [transfer.clone(), good[1].clone()];
    world
        .refuse_last(&[&reporter], &other_before, GridError::SignaturesMissing)
        .await;
    let between = [good[0].clone(), transfer.clone(), good[1].clone()];
    world
        .refuse_last(&[&reporter], &between, GridError::SignaturesMissing)
        .await;

    // Later than the submission.
    let later = [good[1].clone(), good[0].clone()];
    let error = world
        .bank
        .send(&world.payer, &[&reporter], &later)
        .await
        .expect_err("too late");
    assert_eq!(error.grid_error(), Some((0, GridError::SignaturesMissing)));

    // The same bytes to another program that accepts them: they verify nothing there.
    let mut elsewhere = good.clone();
    elsewhere[0].program_id = world.deployment.oracle_program;
    let error = world
        .bank
        .send(&world.payer, &[&reporter], &elsewhere)
        .await
        .expect_err("no");
    assert_eq!(error.grid_error().map(|(index, _)| index), Some(0));

    // Behind other instructions it is fine.
    let behind = [transfer, good[0].clone(), good[1].clone()];
    world
        .bank
        .send(&world.payer, &[&reporter], &behind)
        .await
        .expect("accepted");
}

/// The Ed25519 program accepts tables that point elsewhere. Ours are taken only as `precompile` makes them.
#[tokio::test]
async fn the_offset_table_is_compared_in_full() {
    let mut world = World::new().await;
    let (_, signed, readings) = three(&mut world).await;
    let reporter = world.reporter.clone();
    let good = precompile(&signed[..1]);
    let submit_one = submit(&world, true, &readings[..1]);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = good.clone();
        change(&mut changed.data);
        changed
    };
    let cases = [
        ("padding set", with(&|data| data[1] = 1)),
        // The table names this instruction by its index instead of 65535: the same bytes, but not the same table.
        (
            "signature by index",
            with(&|data| data[4..6].copy_from_slice(&0u16.to_le_bytes())),
        ),
        (
            "key by index",
            with(&|data| data[8..10].copy_from_slice(&0u16.to_le_bytes())),
        ),
        (
            "message by index",
            with(&|data| data[14..16].copy_from_slice(&0u16.to_le_bytes())),
        ),
        ("bytes behind", with(&|data| data.push(0))),
        // A signed message elsewhere in the same data, the expected one where it is looked for.
        (
            "message elsewhere",
            with(&|data| {
                let offset = data.len() as u16;
                let message = data[data.len() - MESSAGE..].to_vec();
                data.extend(message);
                data[10..12].copy_from_slice(&offset.to_le_bytes());
            }),
        ),
        (
            "key elsewhere",
            with(&|data| {
                let offset = data.len() as u16;
                let key = data[16..48].to_vec();
                data.extend(key);
                data[6..8].copy_from_slice(&offset.to_le_bytes());
            }),
        ),
        (
            "signature elsewhere",
            with(&|data| {
                let offset = data.len() as u16;
                let signature = data[48..112].to_vec();
                data.extend(signature);
                data[2..4].copy_from_slice(&offset.to_le_bytes());
            }),
        ),
        ("more signatures than readings", precompile(&signed[..2])),
        ("no signature at all", precompile(&[])),
    ];
    for (what, changed) in cases {
        println!("{what}");
        // Without our check it would pass: the Ed25519 program is content, but for empty data.
        if what != "no signature at all" {
            world
                .bank
                .send(&world.payer, &[], std::slice::from_ref(&changed))
                .await
                .expect(what);
        }
        let instructions = [changed, submit_one.clone()];
        match world
            .bank
            .send(&world.payer, &[&reporter], &instructions)
            .await
        {
            Ok(_) => panic!("{what} was accepted"),
            Err(error) if what == "no signature at all" && error.grid_error().is_none() => {}
            Err(error) => assert_eq!(
                error.grid_error(),
                Some((1, GridError::SignatureLayout)),
                "{what}"
            ),
        }
    }
    // Fewer signatures than readings.
    let instructions = [
        precompile(&signed[..1]),
        submit(&world, true, &readings[..2]),
    ];
    world
        .refuse_last(&[&reporter], &instructions, GridError::SignatureLayout)
        .await;

    // The message in another instruction's data: at the same place there, and valid.
    let elsewhere = with(&|data| data[14..16].copy_from_slice(&0u16.to_le_bytes()));
    let instructions = [good, elsewhere, submit_one];
    world
        .refuse_last(&[&reporter], &instructions, GridError::SignatureLayout)
        .await;
}

/// A program that passes on whatever it is told to.
#[tokio::test]
async fn another_program_can_not_submit_signed_readings() {
    let forwarder = Pubkey::new_unique();
    let mut world = World::with(|genesis, _, _| {
        genesis.test.prefer_bpf(false);
        genesis
            .test
            .add_program("forwarder", forwarder, processor!(forward));
    })
    .await;
    world.set_up().await;
    let (meters, signed, readings) = three(&mut world).await;
    let reporter = world.reporter.clone();
    let through = |instruction: &Instruction| {
        let mut accounts = vec![AccountMeta::new_readonly(instruction.program_id, false)];
        accounts.extend(instruction.accounts.iter().cloned());
        Instruction::new_with_bytes(forwarder, &instruction.data, accounts)
    };
    let submit = submit(&world, true, &readings);
    let instructions = [precompile(&signed), through(&submit)];
    world
        .refuse_last(&[&reporter], &instructions, GridError::NotTopLevel)
        .await;

    // What doesn't depend on the transaction's other instructions works through another program: the signer decides.
    world
        .bank
        .send(&world.payer, &[&reporter], &[precompile(&signed), submit])
        .await
        .expect("accepted");
    let settle = world.settlement(&meters[0].meter);
    world
        .send(&[&meters[0].meter.owner], through(&settle))
        .await;
    let thief = Keypair::new();
    let mut settle = world.settlement(&meters[1].meter);
    settle.accounts[1].pubkey = thief.pubkey();
    world
        .refuse(&[&thief], through(&settle), GridError::Unauthorized)
        .await;
    let settle_many = registry_program::instruction::settle_many_and_mint_tokens(
        &world.deployment.registry_program,
        &[meters[2].meter.address],
        &meters[2].meter.owner.pubkey(),
        &world.deployment.token_program,
        &meters[2].meter.wallet,
    );
    let mut unsigned = through(&settle_many);
    unsigned.accounts[1].is_signer = false;
    world
        .refuse(&[], unsigned, GridError::MissingSignature)
        .await;
    world
        .send(&[&meters[2].meter.owner], through(&settle_many))
        .await;
    let retire = token_program::instruction::retire_tokens(
        &world.deployment.token_program,
        &meters[2].meter.owner.pubkey(),
        &meters[2].meter.wallet,
        token_program::instruction::RetireTokens {
            amount: BaseUnits(1),
            beneficiary: thief.pubkey(),
            reference: [0; 64],
        },
    );
    let mut unsigned = through(&retire);
    unsigned.accounts[1].is_signer = false;
    world
        .refuse(&[], unsigned, GridError::MissingSignature)
        .await;
    world
        .send(&[&meters[2].meter.owner], through(&retire))
        .await;
    // Not even with everything that the registry itself passes on.
    let mut mint = token_program::instruction::mint_settled(
        &world.deployment.token_program,
        &world.deployment.registry_config(),
        &meters[1].meter.wallet,
        Wh(1),
    );
    mint.accounts[0].is_signer = false;
    world
        .refuse(&[], through(&mint), GridError::Unauthorized)
        .await;
    let mint = token_program::instruction::mint_settled(
        &world.deployment.token_program,
        &thief.pubkey(),
        &meters[1].meter.wallet,
        Wh(1),
    );
    world
        .refuse(&[&thief], through(&mint), GridError::Unauthorized)
        .await;
}

/// Calls the program that is its first account with the others and the same data.
fn forward(_: &Pubkey, accounts: &[AccountInfo], data: &[u8]) -> ProgramResult {
    let metas = accounts[1..]
        .iter()
        .map(|account| AccountMeta {
            pubkey: *account.key,
            is_signer: account.is_signer,
            is_writable: account.is_writable,
        })
        .collect();
    invoke(
        &Instruction::new_with_bytes(*accounts[0].key, data, metas),
        accounts,
    )
}

#[tokio::test]
async fn a_fake_instructions_sysvar_is_refused() {
    let mut world = World::new().await;
    let (_, signed, readings) = three(&mut world).await;
    let reporter = world.reporter.clone();
    // An account with what the sysvar would hold.
    let fake = Pubkey::new_unique();
    let template = world
        .bank
        .account(&world.deployment.mint())
        .await
        .expect("an answer")
        .expect("the mint");
    world.bank.set_account(
        &fake,
        solana_account::Account {
            data: vec![0; 500],
            owner: sysvar::ID,
            ..template
        },
    );
    let mut submit = submit(&world, true, &readings);
    for wrong in [fake, sysvar::clock::ID, Pubkey::new_unique()] {
        submit.accounts[4] = AccountMeta::new_readonly(wrong, false);
        let instructions = [precompile(&signed), submit.clone()];
        let refusal = world
            .refuse_last(&[&reporter], &instructions, GridError::WrongAddress)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("instructions sysvar"));
    }
}

#[tokio::test]
async fn a_meter_without_a_device_key_takes_no_signed_reading() {
    let mut world = World::new().await;
    let (meters, signed, readings) = three(&mut world).await;
    let reporter = world.reporter.clone();
    world
        .edit(&meters[0].meter.address, |meter: &mut Meter| {
            meter.device_key = Pubkey::default()
        })
        .await;
    let instructions = [precompile(&signed), submit(&world, false, &readings)];
    world
        .refuse_last(&[&reporter], &instructions, GridError::DeviceKeyMissing)
        .await;
}

#[tokio::test]
async fn the_rules_hold_for_signed_readings_too() {
    let mut world = World::new().await;
    let (meters, _, _) = three(&mut world).await;
    let reporter = world.reporter.clone();
    let too_much = world.reading(26_251, 0);
    let signed = [meters[0].sign(&world, &too_much)];
    let readings = [(meters[0].meter.address, too_much)];
    let strict = [precompile(&signed), submit(&world, true, &readings)];
    world
        .refuse_last(&[&reporter], &strict, GridError::GenerationAboveRatedPower)
        .await;
    let recorded = [precompile(&signed), submit(&world, false, &readings)];
    world
        .bank
        .send(&world.payer, &[&reporter], &recorded)
        .await
        .expect("recorded");
    let meter = world.meter(&meters[0].meter).await;
    assert_eq!((meter.rejected_count, meter.last_reject_reason), (1, 107));
}

/// Only listed reporters, only while the oracle is active, and data, counts and accounts as for unsigned readings.
#[tokio::test]
async fn malformed_signed_submissions() {
    let mut world = World::new().await;
    let (_, signed, readings) = three(&mut world).await;
    let reporter = world.reporter.clone();
    let good = submit(&world, true, &readings);
    let stranger = Keypair::new();
    let mut by_stranger = good.clone();
    by_stranger.accounts[0].pubkey = stranger.pubkey();
    world
        .refuse_last(
            &[&stranger],
            &[precompile(&signed), by_stranger],
            GridError::Unauthorized,
        )
        .await;
    let mut unsigned = good.clone();
    unsigned.accounts[0].is_signer = false;
    world
        .refuse_last(
            &[],
            &[precompile(&signed), unsigned],
            GridError::MissingSignature,
        )
        .await;
    for length in 0..good.data.len() {
        let mut shorter = good.clone();
        shorter.data.truncate(length);
        world
            .refuse_last(
                &[&reporter],
                &[precompile(&signed), shorter],
                GridError::InvalidInstructionData,
            )
            .await;
    }
    for count in 0..good.accounts.len() {
        let mut fewer = good.clone();
        fewer.accounts.truncate(count);
        let signers: &[&Keypair] = if count > 0 { &[&reporter] } else { &[] };
        world
            .refuse_last(
                signers,
                &[precompile(&signed), fewer],
                GridError::NotEnoughAccounts,
            )
            .await;
    }
    let mut more = good.clone();
    more.accounts.push(good.accounts[5].clone());
    world
        .refuse_last(
            &[&reporter],
            &[precompile(&signed), more],
            GridError::TooManyAccounts,
        )
        .await;
    for (index, error) in [
        (1, GridError::WrongAccountOwner),
        (2, GridError::WrongAccountOwner),
        (3, GridError::WrongProgram),
        (5, GridError::WrongAccountOwner),
    ] {
        let mut wrong = good.clone();
        wrong.accounts[index].pubkey = Pubkey::new_unique();
        world
            .refuse_last(&[&reporter], &[precompile(&signed), wrong], error)
            .await;
    }
}

/// A device goes and comes back: what it signed before it went counts at neither time.
#[tokio::test]
async fn a_replaced_devices_signatures_are_worth_nothing() {
    use registry_program::instruction::{replace_device, ReplaceDevice};
    let mut world = World::new().await;
    let SigningMeter { meter, device } = signing_meter(&mut world, "S-1").await;
    let (reporter, authority) = (world.reporter.clone(), world.authority.clone());
    let registry = world.deployment.registry_program;
    let signed_by = |device: &Keypair, reading: Reading, world: &World| {
        let signature = sign(device, &message(&registry, &meter.id, &reading));
        [
            precompile(&[signature]),
            submit(world, true, &[(meter.address, reading)]),
        ]
    };
    world.pass_time(900).await;
    let held_back = signed_by(&device, world.reading(1_000, 0), &world);
    world.pass_time(60).await;

    let second = Keypair::new();
    let replace = |key: &Keypair, old: u64, new: u64| {
        let args = ReplaceDevice {
            device_key: key.pubkey(),
            old_generation_register: Wh(old),
            old_consumption_register: Wh(0),
            generation_register: Wh(new),
            consumption_register: Wh(0),
        };
        replace_device(&registry, &authority.pubkey(), &meter.address, args)
    };
    world.send(&[&authority], replace(&second, 0, 500)).await;
    world
        .refuse_last(&[&reporter], &held_back, GridError::SignatureMismatch)
        .await;
    world.pass_time(900).await;
    let of_the_first = signed_by(&device, world.reading(1_500, 0), &world);
    world
        .refuse_last(&[&reporter], &of_the_first, GridError::SignatureMismatch)
        .await;
    let of_the_second = signed_by(&second, world.reading(1_500, 0), &world);
    world
        .bank
        .send(&world.payer, &[&reporter], &of_the_second)
        .await
        .expect("accepted");
    assert_eq!(world.meter(&meter).await.total_generation, Wh(1_000));

    // The first one is back, with registers below those that it had signed.
    world.pass_time(60).await;
    world.send(&[&authority], replace(&device, 1_500, 0)).await;
    for old in [&held_back, &of_the_first] {
        world
            .refuse_last(&[&reporter], old, GridError::ReadingNotNewer)
            .await;
    }
    world
        .refuse_last(&[&reporter], &of_the_second, GridError::SignatureMismatch)
        .await;
    assert_eq!(world.meter(&meter).await.total_generation, Wh(1_000));
}
