//! The revision of an account counts its administrative changes and nothing else, so that accounts alone tell that an event is
//! missing: a full log hides events.

use gridtoken_client::{cluster::Cluster, logs};
use gridtoken_tests::{World, MINIMUM_QUALITY};
use oracle_program::instruction::OracleInstruction;
use registry_program::instruction::{record_readings, set_config, RegistryInstruction, SetConfig};
use shared_state::{
    quantity::{Bps, Wh},
    reading::ReadingOutcome,
    state::{Header, PowerProfile},
};
use solana_program::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use solana_signer::Signer;
use solana_transaction::Transaction;
use token_program::instruction::TokenInstruction;

use crate::bad_input::{for_every_case, instructions, Case};

/// Which of its accounts an instruction revises, by its place.
fn of_oracle(instruction: &OracleInstruction) -> Option<usize> {
    match instruction {
        OracleInstruction::Initialize(_)
        | OracleInstruction::SubmitReadings(_)
        | OracleInstruction::SubmitSignedReadings(_) => None,
        OracleInstruction::AddReporter(_)
        | OracleInstruction::RemoveReporter(_)
        | OracleInstruction::SetRules(_)
        | OracleInstruction::SetActive(_)
        | OracleInstruction::ProposeAuthority(_)
        | OracleInstruction::AcceptAuthority => Some(1),
    }
}

fn of_registry(instruction: &RegistryInstruction) -> Option<usize> {
    match instruction {
        // A new meter's is zero; of one that is registered anew, see `registrations`.
        RegistryInstruction::Initialize(_) | RegistryInstruction::RegisterMeter(_) => None,
        RegistryInstruction::RecordReadings(_)
        | RegistryInstruction::SettleAndMintTokens
        | RegistryInstruction::SettleManyAndMintTokens
        | RegistryInstruction::GetUnsettledBalance => None,
        RegistryInstruction::SetMeterStatus(_)
        | RegistryInstruction::SetDelegate(_)
        | RegistryInstruction::ProposeMeterOwner(_)
        | RegistryInstruction::AcceptMeterOwner
        | RegistryInstruction::ReplaceDevice(_)
        | RegistryInstruction::UpdateMeterLimits(_)
        | RegistryInstruction::CorrectRegisters(_)
        | RegistryInstruction::SetConfig(_)
        | RegistryInstruction::ProposeAuthority(_)
        | RegistryInstruction::AcceptAuthority => Some(1),
    }
}

fn of_token(instruction: &TokenInstruction) -> Option<usize> {
    match instruction {
        TokenInstruction::Initialize(_)
        | TokenInstruction::MintSettled(_)
        | TokenInstruction::RetireTokens(_) => None,
        TokenInstruction::SetMintingEnabled(_)
        | TokenInstruction::SetMintLimit(_)
        | TokenInstruction::SetRegistryAuthority(_)
        | TokenInstruction::ProposeAuthority(_)
        | TokenInstruction::AcceptAuthority => Some(1),
    }
}

/// Which account a case's instruction revises.
fn revised(world: &World, case: &Case) -> Option<Pubkey> {
    let Instruction {
        program_id,
        accounts,
        data,
    } = &case.instruction;
    let place = if *program_id == world.deployment.oracle_program {
        place(data[0], of_oracle)
    } else if *program_id == world.deployment.registry_program {
        place(data[0], of_registry)
    } else {
        place(data[0], of_token)
    };
    place.map(|place| accounts[place].pubkey)
}

fn place<T: borsh::BorshDeserialize>(tag: u8, of: fn(&T) -> Option<usize>) -> Option<usize> {
    let mut known = instructions::<T>().into_iter();
    let (_, instruction) = known.find(|(known, _)| *known == tag).expect("a known tag");
    of(&instruction)
}

/// The revision of an account of ours, if it exists.
async fn revision(world: &World, address: &Pubkey) -> Option<u32> {
    let account = world.bank.account(address).await.expect("an answer")?;
    let programs = world.deployment.programs().map(|program| program.id);
    programs.contains(&account.owner).then(|| {
        let header = account.data.get(..size_of::<Header>()).expect("a header");
        bytemuck::pod_read_unaligned::<Header>(header).revision
    })
}

#[tokio::test]
async fn every_administrative_instruction_revises_its_account_once_and_no_other_does() {
    for_every_case(async |world, case| {
        let revised = revised(world, case);
        let mut before = Vec::new();
        for meta in &case.instruction.accounts {
            before.push(revision(world, &meta.pubkey).await.unwrap_or(0));
        }
        case.send(world).await;
        for (meta, before) in case.instruction.accounts.iter().zip(before) {
            let Some(after) = revision(world, &meta.pubkey).await else {
                continue;
            };
            let expected = before + u32::from(revised == Some(meta.pubkey));
            assert_eq!(after, expected, "{} of {}", meta.pubkey, case.name);
        }
    })
    .await;
}

/// Something that logs a lot: SPL Token's AmountToUiAmount.
fn filler(world: &World) -> Instruction {
    let mut data = vec![23];
    data.extend(1u64.to_le_bytes());
    let mint = AccountMeta::new_readonly(world.deployment.mint(), false);
    Instruction::new_with_bytes(spl_token::ID, &data, vec![mint])
}

/// The log of a transaction, cut off at 10,000 bytes as validators do. (The bank does so only when it simulates.)
async fn log(world: &mut World, instructions: &[Instruction]) -> Vec<String> {
    let client = world.bank.client(&[]);
    let blockhash = client.get_latest_blockhash().await.expect("a blockhash");
    let payer = &world.authority;
    let transaction = Transaction::new_signed_with_payer(
        instructions,
        Some(&payer.pubkey()),
        &[payer.as_ref()],
        blockhash,
    );
    let size = bincode::serialized_size(&transaction).expect("a size");
    assert!(size <= 1_232, "a transaction of {size} bytes");
    let simulated = client
        .simulate_transaction(transaction)
        .await
        .expect("an answer");
    assert!(matches!(simulated.result, Some(Ok(()))), "{simulated:?}");
    simulated.simulation_details.expect("details").logs
}

#[tokio::test]
async fn a_change_whose_event_is_hidden_by_a_full_log_shows_in_the_meters_revision() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let authority = world.authority.clone();
    world.fund(&authority.pubkey());
    let mut instructions = vec![filler(&world); 45];
    instructions.push(world.limits(&meter, 1_000_000_000, 1_000_000_000));
    instructions.push(world.limits(&meter, 100_000, 100_000));
    let logs = log(&mut world, &instructions).await;
    assert!(logs::is_truncated(&logs));
    assert_eq!(logs::events(&logs), []);
    let before = world.meter(&meter).await;
    world.send_all(&[&authority], &instructions).await;
    let mut after = world.meter(&meter).await;
    assert_eq!(after.header.revision, before.header.revision + 2);
    // Nothing else tells of the change and back.
    after.header = before.header;
    assert_eq!(after, before);
}

/// The upgrade authority can record what was never produced, mint it, and put everything back, in one transaction without an
/// event. The RegistryConfig says that it was changed twice.
#[tokio::test]
async fn a_rewiring_and_back_shows_in_the_registrys_revision() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let key = authority.pubkey();
    world.fund(&key);
    let deployment = world.deployment;
    let create = spl_associated_token_account::instruction::create_associated_token_account(
        &world.payer.pubkey(),
        &key,
        &deployment.mint(),
        &spl_token::ID,
    );
    world.send(&[], create).await;
    let roof = world.meter_of(&authority, "ROOF").await;
    world.pass_time(900).await;
    let rewire = |oracle_authority| {
        let args = SetConfig {
            oracle_authority,
            token_program: deployment.token_program,
            minimum_quality: Bps(MINIMUM_QUALITY),
            all_meters_sign: 0,
        };
        set_config(&deployment.registry_program, &key, args)
    };
    let outcome = ReadingOutcome {
        reading: world.reading(1_000_000_000_000, 0),
        profile: PowerProfile::default(),
        quality: Bps(10_000),
        reason: ReadingOutcome::ACCEPTED,
        score: 100,
        flags: 0,
        reserved: [0; 3],
    };
    let mut instructions = vec![filler(&world); 40];
    instructions.push(rewire(key));
    instructions.push(record_readings(
        &deployment.registry_program,
        &key,
        &[(roof.address, outcome)],
    ));
    instructions.push(deployment.settle(&roof.address, &key, &key));
    instructions.push(rewire(deployment.oracle_config()));
    let logs = log(&mut world, &instructions).await;
    assert!(logs::is_truncated(&logs));
    assert_eq!(logs::events(&logs), []);
    let before = world.registry_config().await;
    world.send_all(&[&authority], &instructions).await;
    assert_eq!(
        world.meter(&roof).await.settled_net_generation,
        Wh(1_000_000_000_000)
    );
    let mut after = world.registry_config().await;
    assert_eq!(after.header.revision, before.header.revision + 2);
    after.header = before.header;
    assert_eq!(after, before);
}
