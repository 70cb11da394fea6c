//! SetConfig and SetRegistryAuthority: who can wire the programs otherwise, and that no authority can mint by hand.

use std::sync::Arc;

use gridtoken_client::cluster::SendError;
use gridtoken_tests::{TestMeter, World, MINIMUM_QUALITY};
use registry_program::instruction::{
    record_readings, set_config, settle_many_and_mint_tokens, SetConfig,
};
use shared_state::{
    event::{Event, RegistryAuthorityChanged, RegistryConfigChanged},
    quantity::{BaseUnits, Bps, Wh},
    reading::{Reading, ReadingOutcome},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, program_error::ProgramError, pubkey::Pubkey};
use solana_signer::Signer;
use spl_token::{error::TokenError, instruction::AuthorityType};
use token_program::instruction::{
    accept_authority, initialize, mint_settled, propose_authority, retire_tokens, set_mint_limit,
    set_registry_authority, RetireTokens, SetMintLimit,
};

/// The configuration as it is.
fn same(world: &World) -> SetConfig {
    SetConfig {
        oracle_authority: world.deployment.oracle_config(),
        token_program: world.deployment.token_program,
        minimum_quality: Bps(MINIMUM_QUALITY),
        all_meters_sign: 0,
    }
}

/// Hands a program over to a key that is not the upgrade authority.
async fn other_authority(
    world: &mut World,
    program: &Pubkey,
    propose: fn(&Pubkey, &Pubkey, &Pubkey) -> Instruction,
    accept: fn(&Pubkey, &Pubkey) -> Instruction,
) -> Arc<Keypair> {
    let (old, new) = (world.authority.clone(), Arc::new(Keypair::new()));
    let propose = propose(program, &old.pubkey(), &new.pubkey());
    world.send(&[&old], propose).await;
    world.send(&[&new], accept(program, &new.pubkey())).await;
    new
}

async fn other_oracle_authority(world: &mut World) -> Arc<Keypair> {
    use oracle_program::instruction::{accept_authority, propose_authority};
    let program = world.deployment.oracle_program;
    other_authority(world, &program, propose_authority, accept_authority).await
}

async fn other_registry_authority(world: &mut World) -> Arc<Keypair> {
    use registry_program::instruction::{accept_authority, propose_authority};
    let program = world.deployment.registry_program;
    other_authority(world, &program, propose_authority, accept_authority).await
}

async fn other_token_authority(world: &mut World) -> Arc<Keypair> {
    let program = world.deployment.token_program;
    other_authority(world, &program, propose_authority, accept_authority).await
}

#[tokio::test]
async fn the_registry_authority_changes_the_minimum_quality_and_nothing_else() {
    let mut world = World::new().await;
    let authority = other_registry_authority(&mut world).await;
    let upgrade_authority = world.authority.clone();
    let registry = world.deployment.registry_program;
    let meter = world.active_meter_by(&authority, "M-1").await;
    world.report(&meter, 900, 1_000, 0).await;

    let args = SetConfig {
        minimum_quality: Bps(9_000),
        all_meters_sign: 1,
        ..same(&world)
    };
    let receipt = world
        .send(
            &[&authority],
            set_config(&registry, &authority.pubkey(), args),
        )
        .await;
    assert_eq!(
        receipt.events(),
        [Event::RegistryConfigChanged(RegistryConfigChanged {
            changed_by: authority.pubkey(),
            oracle_authority: args.oracle_authority,
            token_program: args.token_program,
            minimum_quality: Bps(9_000),
        })]
    );
    // It takes effect: the meter's quality is 85 %, and what it counts from now on can't be claimed yet.
    world.settle(&meter).await;
    world.report(&meter, 900, 2_000, 0).await;
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::QualityTooLow)
        .await;
    for (args, error) in [
        (
            SetConfig {
                minimum_quality: Bps(10_001),
                ..same(&world)
            },
            GridError::InvalidQuality,
        ),
        (
            SetConfig {
                minimum_quality: Bps(8_501),
                ..same(&world)
            },
            GridError::QualityOutOfReach,
        ),
        (
            SetConfig {
                all_meters_sign: 2,
                ..same(&world)
            },
            GridError::InvalidInstructionData,
        ),
        (
            SetConfig {
                oracle_authority: authority.pubkey(),
                ..same(&world)
            },
            GridError::NotUpgradeAuthority,
        ),
        (
            SetConfig {
                token_program: Pubkey::new_unique(),
                ..same(&world)
            },
            GridError::NotUpgradeAuthority,
        ),
    ] {
        let set = set_config(&registry, &authority.pubkey(), args);
        world.refuse(&[&authority], set, error).await;
    }
    // The upgrade authority may change each of the three, but not to nonsense.
    for (args, error) in [
        (
            SetConfig {
                oracle_authority: Pubkey::default(),
                ..same(&world)
            },
            GridError::ZeroAddress,
        ),
        (
            SetConfig {
                token_program: Pubkey::default(),
                ..same(&world)
            },
            GridError::ZeroAddress,
        ),
        (
            SetConfig {
                minimum_quality: Bps(u16::MAX),
                ..same(&world)
            },
            GridError::InvalidQuality,
        ),
    ] {
        let set = set_config(&registry, &upgrade_authority.pubkey(), args);
        world.refuse(&[&upgrade_authority], set, error).await;
    }
    let rewired = SetConfig {
        oracle_authority: Pubkey::new_unique(),
        token_program: Pubkey::new_unique(),
        minimum_quality: Bps(0),
        all_meters_sign: 0,
    };
    let set = set_config(&registry, &upgrade_authority.pubkey(), rewired);
    world.send(&[&upgrade_authority], set).await;
    let config = world.registry_config().await;
    assert_eq!(config.oracle_authority, rewired.oracle_authority);
    assert_eq!(config.token_program, rewired.token_program);
    assert_eq!(config.minimum_quality, Bps(0));
    assert_eq!(config.authority, authority.pubkey());

    // With an account in the place of ProgramData that says otherwise.
    let set = set_config(&registry, &authority.pubkey(), same(&world));
    for fake in [
        Pubkey::new_unique(),
        world.deployment.registry_config(),
        shared_state::pda::find_program_data(&world.deployment.token_program),
    ] {
        let mut set = set.clone();
        set.accounts[2].pubkey = fake;
        world
            .refuse(&[&authority], set, GridError::WrongAddress)
            .await;
    }
    world
        .refuse(&[&authority], set, GridError::NotUpgradeAuthority)
        .await;
}

#[tokio::test]
async fn the_upgrade_authority_names_whose_signature_mints() {
    let mut world = World::new().await;
    let upgrade_authority = world.authority.clone();
    let authority = other_token_authority(&mut world).await;
    let token = world.deployment.token_program;
    let old = world.deployment.registry_config();
    let new = Pubkey::new_unique();
    let set = set_registry_authority(&token, &authority.pubkey(), &new);
    world
        .refuse(&[&authority], set, GridError::NotUpgradeAuthority)
        .await;
    let set = set_registry_authority(&token, &upgrade_authority.pubkey(), &Pubkey::default());
    world
        .refuse(&[&upgrade_authority], set, GridError::ZeroAddress)
        .await;
    let set = set_registry_authority(&token, &upgrade_authority.pubkey(), &new);
    world.forged = true;
    let receipt = world.send(&[&upgrade_authority], set).await;
    assert_eq!(
        receipt.events(),
        [Event::RegistryAuthorityChanged(RegistryAuthorityChanged {
            changed_by: upgrade_authority.pubkey(),
            old_registry_authority: old,
            new_registry_authority: new,
        })]
    );
    // The old one mints no more.
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 0).await;
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::Unauthorized)
        .await;
}

/// What an attempt ends with.
#[derive(Debug, Eq, PartialEq)]
enum Refusal {
    /// By one of our programs.
    Ours(GridError),
    /// By SPL Token.
    SplToken(TokenError),
}

impl Refusal {
    fn of(error: &SendError) -> Self {
        use solana_transaction::{InstructionError::Custom, TransactionError::InstructionError};
        if let Some((_, error)) = error.grid_error() {
            return Self::Ours(error);
        }
        let SendError::Refused { error: reason, .. } = error else {
            panic!("{error:?}")
        };
        let InstructionError(_, Custom(code)) = reason else {
            panic!("{reason:?}")
        };
        Self::SplToken(TokenError::try_from(*code).expect("one of SPL Token's"))
    }
}

/// Everything that a key can put its signature to, in our programs and in SPL Token, whatever else it is given; and what
/// each of it ends with, unless the key is that of the victim or the upgrade authority.
fn attempts(
    world: &World,
    key: &Pubkey,
    victim: &TestMeter,
    own: &Pubkey,
) -> Vec<(Instruction, Refusal)> {
    let mut attempts = Vec::new();
    let ours = minting(world, key, victim, own)
        .into_iter()
        .chain(settling(world, key, victim, own));
    attempts.extend(ours.map(|(attempt, error)| (attempt, Refusal::Ours(error))));
    for (attempt, error) in spl_token(world, key, victim, own) {
        let attempt = attempt.expect("an instruction");
        attempts.push((attempt, Refusal::SplToken(error)));
    }
    attempts
}

/// As the registry or the oracle, or to become either, or to initialize anew.
fn minting(
    world: &World,
    key: &Pubkey,
    victim: &TestMeter,
    own: &Pubkey,
) -> Vec<(Instruction, GridError)> {
    use GridError::{NotUpgradeAuthority, Unauthorized};
    let (registry, token) = (
        &world.deployment.registry_program,
        &world.deployment.token_program,
    );
    let outcome = ReadingOutcome {
        reading: Reading {
            timestamp: world.now + 1,
            generation_register: Wh(1_000_000),
            consumption_register: Wh(0),
        },
        profile: Default::default(),
        quality: Bps(10_000),
        reason: 0,
        score: 100,
        flags: 0,
        reserved: [0; 3],
    };
    let other_oracle = SetConfig {
        oracle_authority: *key,
        ..same(world)
    };
    let other_token = SetConfig {
        token_program: *key,
        ..same(world)
    };
    vec![
        (mint_settled(token, key, own, Wh(1_000)), Unauthorized),
        (
            mint_settled(token, key, &victim.wallet, Wh(1_000)),
            Unauthorized,
        ),
        (
            record_readings(registry, key, &[(victim.address, outcome)]),
            Unauthorized,
        ),
        (set_registry_authority(token, key, key), NotUpgradeAuthority),
        (set_config(registry, key, other_oracle), NotUpgradeAuthority),
        (set_config(registry, key, other_token), NotUpgradeAuthority),
        (
            initialize(token, key, &world.payer.pubkey(), key),
            NotUpgradeAuthority,
        ),
    ]
}

/// As the victim: settling for it or to the key's own account, retiring its GRID.
fn settling(
    world: &World,
    key: &Pubkey,
    victim: &TestMeter,
    own: &Pubkey,
) -> Vec<(Instruction, GridError)> {
    use GridError::{Unauthorized, WrongTokenAccountOwner};
    let deployment = world.deployment;
    let (registry, token) = (&deployment.registry_program, &deployment.token_program);
    let meter = victim.address;
    let retirement = RetireTokens {
        amount: BaseUnits(1),
        nonce: 0,
        beneficiary: *key,
        reference: [0; 64],
    };
    vec![
        (
            deployment.settle(&meter, &victim.owner.pubkey(), key),
            Unauthorized,
        ),
        (deployment.settle(&meter, key, key), Unauthorized),
        (
            settle_many_and_mint_tokens(registry, &[meter], key, token, own),
            Unauthorized,
        ),
        (
            retire_tokens(
                token,
                key,
                &victim.wallet,
                &world.payer.pubkey(),
                retirement,
            ),
            WrongTokenAccountOwner,
        ),
    ]
}

/// As the mint's authority, as the holder of the victim's tokens, or to become either.
fn spl_token(
    world: &World,
    key: &Pubkey,
    victim: &TestMeter,
    own: &Pubkey,
) -> Vec<(Result<Instruction, ProgramError>, TokenError)> {
    use spl_token::instruction::{
        approve, burn, close_account, freeze_account, mint_to, mint_to_checked, set_authority,
        thaw_account, transfer, transfer_checked,
    };
    use AuthorityType::{AccountOwner, CloseAccount, FreezeAccount, MintTokens};
    use TokenError::{
        AuthorityTypeNotSupported, InvalidState, MintCannotFreeze, NonNativeHasBalance,
        OwnerMismatch,
    };
    let (spl, mint, theirs) = (&spl_token::ID, &world.deployment.mint(), &victim.wallet);
    let become_authority = |account, kind| set_authority(spl, account, Some(key), kind, key, &[]);
    vec![
        (mint_to(spl, mint, own, key, &[], 1), OwnerMismatch),
        (
            mint_to_checked(spl, mint, own, key, &[], 1, 9),
            OwnerMismatch,
        ),
        (become_authority(mint, MintTokens), OwnerMismatch),
        (become_authority(mint, FreezeAccount), MintCannotFreeze),
        (
            become_authority(mint, CloseAccount),
            AuthorityTypeNotSupported,
        ),
        (transfer(spl, theirs, own, key, &[], 1), OwnerMismatch),
        (
            transfer_checked(spl, theirs, mint, own, key, &[], 1, 9),
            OwnerMismatch,
        ),
        (approve(spl, theirs, key, key, &[], 1), OwnerMismatch),
        (burn(spl, theirs, mint, key, &[], 1), OwnerMismatch),
        (
            close_account(spl, theirs, key, key, &[]),
            NonNativeHasBalance,
        ),
        (
            freeze_account(spl, theirs, mint, key, &[]),
            MintCannotFreeze,
        ),
        (thaw_account(spl, theirs, mint, key, &[]), InvalidState),
        (become_authority(theirs, AccountOwner), OwnerMismatch),
        (become_authority(theirs, CloseAccount), OwnerMismatch),
    ]
}

#[tokio::test]
async fn no_authority_can_mint_move_or_freeze_anybodys_tokens() {
    let mut world = World::new().await;
    let victim = world.active_meter("M-1").await;
    world.report(&victim, 3_600, 10_000, 0).await;
    world.settle(&victim).await;
    world.report(&victim, 3_600, 20_000, 0).await;
    let registry_authority = other_registry_authority(&mut world).await;
    let token_authority = other_token_authority(&mut world).await;

    let oracle_authority = other_oracle_authority(&mut world).await;
    let reporter = world.reporter.clone();

    for key in [
        &token_authority,
        &registry_authority,
        &oracle_authority,
        &reporter,
    ] {
        let create = spl_associated_token_account::instruction::create_associated_token_account(
            &world.payer.pubkey(),
            &key.pubkey(),
            &world.deployment.mint(),
            &spl_token::ID,
        );
        world.send(&[], create).await;
        let own = world.deployment.grid_account(&key.pubkey());
        for (attempt, expected) in attempts(&world, &key.pubkey(), &victim, &own) {
            println!("{attempt:?}");
            let error = world.try_send(&[key], attempt).await.expect_err("refused");
            assert_eq!(Refusal::of(&error), expected);
        }
        assert_eq!(world.balance(&own).await, 0);
    }
    assert_eq!(world.balance(&victim.wallet).await, 10_000_000_000);
    assert_eq!(world.supply().await, 10_000_000_000);

    // What the token authority can do is its own four instructions; with all of them, nothing is minted either.
    let (key, token) = (token_authority.pubkey(), world.deployment.token_program);
    let limit = SetMintLimit {
        burst: BaseUnits(1_000_000),
        rate_per_second: BaseUnits(1),
    };
    for instruction in [
        world.deployment.set_minting_enabled(&key, false),
        world.deployment.set_minting_enabled(&key, true),
        set_mint_limit(&token, &key, limit),
        set_mint_limit(
            &token,
            &key,
            SetMintLimit {
                burst: BaseUnits(0),
                rate_per_second: BaseUnits(0),
            },
        ),
        propose_authority(&token, &key, &Pubkey::new_unique()),
    ] {
        world.send(&[&token_authority], instruction).await;
    }
    assert_eq!(world.supply().await, 10_000_000_000);
    world.settle(&victim).await;
    world.audit().await;
}
