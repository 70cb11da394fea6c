//! The three programs' authorities are handed over in two steps.

use gridtoken_tests::World;
use shared_state::{
    event::{AuthorityChanged, AuthorityProposed, Event},
    state::MeterStatus,
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;

/// How one of the programs is handed over.
struct Program {
    propose: fn(&Pubkey, &Pubkey, &Pubkey) -> Instruction,
    accept: fn(&Pubkey, &Pubkey) -> Instruction,
    id: Pubkey,
    config: Pubkey,
}

/// Authority and pending authority of any config: its first two fields.
async fn authorities(world: &mut World, config: &Pubkey) -> (Pubkey, Pubkey) {
    use gridtoken_client::cluster::Cluster;
    let account = world
        .bank
        .account(config)
        .await
        .expect("an answer")
        .expect("a config");
    let key = |at: usize| Pubkey::try_from(&account.data[at..at + 32]).expect("a key");
    (key(8), key(40))
}

/// Hands a program over; `act` is something that only its authority may do, and may do more than once.
async fn hand_over(world: &mut World, program: Program, act: impl Fn(&Pubkey) -> Instruction) {
    let Program {
        propose,
        accept,
        id,
        config,
    } = program;
    let (old, new, stranger) = (world.authority.clone(), Keypair::new(), Keypair::new());
    let nobody = Pubkey::default();

    world
        .refuse(&[&new], accept(&id, &new.pubkey()), GridError::Unauthorized)
        .await;
    let receipt = world
        .send(&[&old], propose(&id, &old.pubkey(), &new.pubkey()))
        .await;
    let proposed = AuthorityProposed {
        authority: old.pubkey(),
        proposed: new.pubkey(),
    };
    assert_eq!(receipt.events(), [Event::AuthorityProposed(proposed)]);
    // Until it is accepted, nothing has changed.
    assert_eq!(
        authorities(world, &config).await,
        (old.pubkey(), new.pubkey())
    );
    for other in [&stranger, &old] {
        world
            .refuse(
                &[other],
                accept(&id, &other.pubkey()),
                GridError::Unauthorized,
            )
            .await;
    }
    world
        .refuse(&[&new], act(&new.pubkey()), GridError::Unauthorized)
        .await;
    world
        .refuse(
            &[&new],
            propose(&id, &new.pubkey(), &new.pubkey()),
            GridError::Unauthorized,
        )
        .await;

    // Only the last one that was proposed accepts.
    world
        .send(&[&old], propose(&id, &old.pubkey(), &stranger.pubkey()))
        .await;
    world
        .refuse(&[&new], accept(&id, &new.pubkey()), GridError::Unauthorized)
        .await;
    // Withdrawn, proposed again, accepted.
    world
        .send(&[&old], propose(&id, &old.pubkey(), &nobody))
        .await;
    world
        .refuse(&[&new], accept(&id, &new.pubkey()), GridError::Unauthorized)
        .await;
    world
        .send(&[&old], propose(&id, &old.pubkey(), &new.pubkey()))
        .await;
    let receipt = world.send(&[&new], accept(&id, &new.pubkey())).await;
    let changed = AuthorityChanged {
        old_authority: old.pubkey(),
        new_authority: new.pubkey(),
    };
    assert_eq!(receipt.events(), [Event::AuthorityChanged(changed)]);
    assert_eq!(authorities(world, &config).await, (new.pubkey(), nobody));

    // The old one can do nothing any more, and the new one can't accept twice.
    world
        .refuse(&[&old], act(&old.pubkey()), GridError::Unauthorized)
        .await;
    world
        .refuse(
            &[&old],
            propose(&id, &old.pubkey(), &old.pubkey()),
            GridError::Unauthorized,
        )
        .await;
    world
        .refuse(&[&new], accept(&id, &new.pubkey()), GridError::Unauthorized)
        .await;
    world.send(&[&new], act(&new.pubkey())).await;
}

#[tokio::test]
async fn of_the_oracle() {
    use oracle_program::instruction::{accept_authority, propose_authority, set_active};
    let mut world = World::new().await;
    let (id, config) = (
        world.deployment.oracle_program,
        world.deployment.oracle_config(),
    );
    let program = Program {
        propose: propose_authority,
        accept: accept_authority,
        id,
        config,
    };
    hand_over(&mut world, program, |key| set_active(&id, key, false)).await;
}

#[tokio::test]
async fn of_the_registry() {
    use registry_program::instruction::{accept_authority, propose_authority};
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let deployment = world.deployment;
    let (id, config) = (deployment.registry_program, deployment.registry_config());
    let program = Program {
        propose: propose_authority,
        accept: accept_authority,
        id,
        config,
    };
    let suspend =
        |key: &Pubkey| deployment.set_meter_status(key, &meter.address, MeterStatus::Suspended);
    hand_over(&mut world, program, suspend).await;
}

#[tokio::test]
async fn of_the_token() {
    use token_program::instruction::{accept_authority, propose_authority};
    let mut world = World::new().await;
    let deployment = world.deployment;
    let (id, config) = (deployment.token_program, deployment.token_config());
    let program = Program {
        propose: propose_authority,
        accept: accept_authority,
        id,
        config,
    };
    hand_over(&mut world, program, |key| {
        deployment.set_minting_enabled(key, false)
    })
    .await;
}
