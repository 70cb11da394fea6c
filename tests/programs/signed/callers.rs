//! Programs between the transaction and ours: a multisig, a cron, a wallet that is a program.

use super::*;
use shared_state::quantity::{BaseUnits, Wh};
use solana_keypair::Keypair;
use solana_program::{
    account_info::AccountInfo, entrypoint::ProgramResult, instruction::AccountMeta, program::invoke,
};
use solana_program_test::processor;
use solana_signer::Signer;

/// A program that calls the program that is its first account, with the other accounts and the same data.
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

const FORWARDERS: [Pubkey; 2] = [
    Pubkey::new_from_array([21; 32]),
    Pubkey::new_from_array([22; 32]),
];

/// An instruction, but by way of another program.
fn through(forwarder: &Pubkey, instruction: &Instruction) -> Instruction {
    let mut accounts = vec![AccountMeta::new_readonly(instruction.program_id, false)];
    accounts.extend(instruction.accounts.iter().cloned());
    Instruction::new_with_bytes(*forwarder, &instruction.data, accounts)
}

async fn world_with_forwarders() -> World {
    world_with(|genesis| {
        genesis.test.prefer_bpf(false);
        for (name, address) in ["first", "second"].iter().zip(FORWARDERS) {
            genesis.test.add_program(name, address, processor!(forward));
        }
    })
    .await
}

/// At depth 2 and 3: what counts is what stands before the transaction's own instruction.
#[tokio::test]
async fn programs_may_submit_signed_readings() {
    for kind in KINDS {
        let mut world = world_with_forwarders().await;
        let [first, second] = meters(&mut world, kind).await;
        for depth in [2, 3] {
            world.pass_time(900).await;
            let register = 1_000 * depth;
            let readings = [world.reading(register, 0)];
            let signed = [
                world.sign(&first, &readings),
                world.sign(&second, &readings),
            ];
            let called = |submit: &Instruction| {
                let once = through(&FORWARDERS[0], submit);
                match depth {
                    2 => once,
                    _ => through(&FORWARDERS[1], &once),
                }
            };
            let submit = called(&world.submit_signed(true, &[&first, &second]));

            let missing = [submit.clone()];
            refuse(
                &mut world,
                "missing",
                &missing,
                GridError::SignaturesMissing,
            )
            .await;
            let swapped = [signed[1].clone(), signed[0].clone()];
            let swapped = [verify(&swapped), submit.clone()];
            refuse(
                &mut world,
                "swapped",
                &swapped,
                GridError::SignatureMismatch,
            )
            .await;
            // The reporter's signature is passed on, not made up.
            let reporter = world.reporter.pubkey();
            let mut unsigned = submit.clone();
            let metas = unsigned.accounts.iter_mut();
            for meta in metas.filter(|meta| meta.pubkey == reporter) {
                meta.is_signer = false;
            }
            world
                .refuse_last(
                    &[],
                    &[verify(&signed), unsigned],
                    GridError::MissingSignature,
                )
                .await;

            let instructions = [verify(&signed[..1]), verify(&signed[1..]), submit];
            let receipt = accept(&mut world, &instructions).await;
            let deepest = format!(
                "Program {} invoke [{depth}]",
                world.deployment.oracle_program
            );
            assert!(receipt.logs.contains(&deepest), "{:?}", receipt.logs);
            for meter in [&first, &second] {
                let meter = world.meter(&meter.meter).await;
                assert_eq!(meter.total_generation, Wh(register));
            }
            refuse(
                &mut world,
                "again",
                &instructions,
                GridError::ReadingNotNewer,
            )
            .await;
        }
    }
}

/// What doesn't depend on the transaction's other instructions works through another program, too: the signer decides.
#[tokio::test]
async fn programs_can_do_nothing_without_the_signer() {
    let mut world = world_with_forwarders().await;
    let [first, second, third] = meters(&mut world, device::ed25519).await;
    world.pass_time(900).await;
    let readings = [world.reading(1_000, 500)];
    let signed = [&first, &second, &third].map(|meter| world.sign(meter, &readings));
    let submit = world.submit_signed(true, &[&first, &second, &third]);
    accept(&mut world, &[verify(&signed), submit]).await;
    let through = |instruction: &Instruction| through(&FORWARDERS[0], instruction);

    let settle = world.settlement(&first.meter);
    world.send(&[&first.meter.owner], through(&settle)).await;
    let thief = Keypair::new();
    let mut settle = world.settlement(&second.meter);
    settle.accounts[1].pubkey = thief.pubkey();
    world
        .refuse(&[&thief], through(&settle), GridError::Unauthorized)
        .await;
    let owner = third.meter.owner.clone();
    let settle_many = registry_program::instruction::settle_many_and_mint_tokens(
        &world.deployment.registry_program,
        &[third.meter.address],
        &owner.pubkey(),
        &world.deployment.token_program,
        &third.meter.wallet,
    );
    let mut unsigned = through(&settle_many);
    unsigned.accounts[1].is_signer = false;
    world
        .refuse(&[], unsigned, GridError::MissingSignature)
        .await;
    world.send(&[&owner], through(&settle_many)).await;
    let payer = world.payer.pubkey();
    let retire = token_program::instruction::retire_tokens(
        &world.deployment.token_program,
        &owner.pubkey(),
        &third.meter.wallet,
        &payer,
        token_program::instruction::RetireTokens {
            amount: BaseUnits(1),
            nonce: 0,
            beneficiary: thief.pubkey(),
            reference: [0; 64],
        },
    );
    let mut unsigned = through(&retire);
    unsigned.accounts[1].is_signer = false;
    world
        .refuse(&[], unsigned, GridError::MissingSignature)
        .await;
    world.send(&[&owner], through(&retire)).await;
    // Not even with everything that the registry itself passes on.
    let mint = |authority: &Pubkey| {
        token_program::instruction::mint_settled(
            &world.deployment.token_program,
            authority,
            &second.meter.wallet,
            Wh(1),
        )
    };
    let mut by_registry = mint(&world.deployment.registry_config());
    by_registry.accounts[0].is_signer = false;
    let by_thief = mint(&thief.pubkey());
    world
        .refuse(&[], through(&by_registry), GridError::MissingSignature)
        .await;
    world
        .refuse(&[&thief], through(&by_thief), GridError::Unauthorized)
        .await;
}
