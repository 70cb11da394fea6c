//! SubmitSignedReadings: the device's signature ties readings to the device. Everything is tried with both kinds of keys.

mod accepted;
mod accounts;
mod callers;
mod devices;
mod layout;
mod messages;
mod place;
mod version_1;

use gridtoken_client::{
    cluster::{Receipt, SendError},
    deployment::Deployment,
    device::SigningKey,
};
use gridtoken_tests::{device, SigningMeter, World};
use oracle_program::signature::{precompile, Scheme, SignedMessage};
use shared_state::GridError;
use solana_precompile_error::PrecompileError;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_transaction::{InstructionError, TransactionError};

/// How a key of each kind is made of a name.
const KINDS: [fn(&str) -> SigningKey; 2] = [device::ed25519, device::p256];

/// A world at fixed addresses, so that messages, and with them signatures, are always the same.
async fn world() -> World {
    world_with(|_| {}).await
}

/// The same, in a bank that was prepared further.
async fn world_with(prepare: impl FnOnce(&mut gridtoken_bank::embedded::Genesis)) -> World {
    let deployment = Deployment {
        oracle_program: Pubkey::new_from_array([11; 32]),
        registry_program: Pubkey::new_from_array([12; 32]),
        token_program: Pubkey::new_from_array([13; 32]),
    };
    let mut world = World::deployed_at(deployment, |genesis, _, _| prepare(genesis)).await;
    world.set_up().await;
    world
}

/// A world with meters `M-0`, `M-1` and so on, whose devices have keys of one kind, a quarter of an hour after their
/// registration.
async fn world_of<const COUNT: usize>(
    kind: fn(&str) -> SigningKey,
) -> (World, [SigningMeter; COUNT]) {
    let mut world = world().await;
    let meters = meters(&mut world, kind).await;
    world.pass_time(900).await;
    (world, meters)
}

async fn meters<const COUNT: usize>(
    world: &mut World,
    kind: fn(&str) -> SigningKey,
) -> [SigningMeter; COUNT] {
    let mut meters = Vec::new();
    for index in 0..COUNT {
        let name = format!("M-{index}");
        meters.push(world.signing_meter(&name, kind(&name)).await);
    }
    meters.try_into().unwrap_or_else(|_| unreachable!())
}

/// The scheme of a signed message.
fn scheme(signed: &SignedMessage) -> Scheme {
    Scheme::of_key(signed.key_type).expect("a key")
}

/// The instruction that verifies these signatures, which are by keys of one kind.
fn verify(signed: &[SignedMessage]) -> Instruction {
    precompile(scheme(&signed[0]), signed)
}

/// Sends instructions as the reporter.
async fn send(world: &mut World, instructions: &[Instruction]) -> Result<Receipt, SendError> {
    let reporter = world.reporter.clone();
    world.try_send_all(&[&reporter], instructions).await
}

/// Sends instructions as the reporter, which must succeed.
async fn accept(world: &mut World, instructions: &[Instruction]) -> Receipt {
    match send(world, instructions).await {
        Ok(receipt) => receipt,
        Err(error) => panic!("should have succeeded: {error}\n{error:#?}"),
    }
}

/// Sends instructions with signatures, which the runtime must find good.
async fn verifies(world: &mut World, what: &str, instructions: &[Instruction]) {
    let sent = world.try_send_all(&[], instructions).await;
    assert!(sent.is_ok(), "{what}: {sent:#?}");
}

/// Sends instructions as the reporter, of which the last, ours, must fail with this error.
async fn refuse(world: &mut World, what: &str, instructions: &[Instruction], error: GridError) {
    println!("{what}");
    let reporter = world.reporter.clone();
    world.refuse_last(&[&reporter], instructions, error).await;
}

/// Sends instructions as the reporter, of which the runtime's program must refuse the one at `index`.
async fn refuse_precompile(
    world: &mut World,
    what: &str,
    instructions: &[Instruction],
    index: u8,
    error: PrecompileError,
) {
    let expected = InstructionError::Custom(error as u32);
    match send(world, instructions).await {
        Err(SendError::Refused { error, .. }) => assert_eq!(
            error,
            TransactionError::InstructionError(index, expected),
            "{what}"
        ),
        other => panic!("{what}: {other:#?}"),
    }
}
