//! SetConfig and SetRegistryAuthority: who can wire the programs otherwise, and that no authority can mint by hand.

use grid::cluster::SendError;
use gridtoken_tests::{TestMeter, World, MINIMUM_QUALITY};
use registry_program::instruction::{set_config, settle_many_and_mint_tokens, SetConfig};
use shared_state::{
    event::{Event, RegistryAuthorityChanged, RegistryConfigChanged},
    reading::{Reading, ReadingOutcome},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use solana_transaction::{InstructionError, TransactionError};
use spl_token::instruction::AuthorityType;
use token_program::instruction::{
    accept_authority, mint_settled, propose_authority, retire_tokens, set_mint_limit,
    set_registry_authority, RetireTokens, SetMintLimit,
};

/// The configuration as it is.
fn same(world: &World) -> SetConfig {
    SetConfig {
        oracle_authority: world.deployment.oracle_config(),
        token_program: world.deployment.token_program,
        minimum_quality: MINIMUM_QUALITY,
    }
}

/// Hands the registry over to a key that is not the upgrade authority.
async fn other_registry_authority(world: &mut World) -> Keypair {
    let (old, new) = (world.authority.insecure_clone(), Keypair::new());
    let registry = world.deployment.registry_program;
    let propose =
        registry_program::instruction::propose_authority(&registry, &old.pubkey(), &new.pubkey());
    world.send(&[&old], propose).await;
    let accept = registry_program::instruction::accept_authority(&registry, &new.pubkey());
    world.send(&[&new], accept).await;
    new
}

/// Hands the oracle over to a key that is not the upgrade authority.
async fn other_oracle_authority(world: &mut World) -> Keypair {
    use oracle_program::instruction::{accept_authority, propose_authority};
    let (old, new) = (world.authority.insecure_clone(), Keypair::new());
    let oracle = world.deployment.oracle_program;
    let propose = propose_authority(&oracle, &old.pubkey(), &new.pubkey());
    world.send(&[&old], propose).await;
    world
        .send(&[&new], accept_authority(&oracle, &new.pubkey()))
        .await;
    new
}

/// Hands the token over to a key that is not the upgrade authority.
async fn other_token_authority(world: &mut World) -> Keypair {
    let (old, new) = (world.authority.insecure_clone(), Keypair::new());
    let token = world.deployment.token_program;
    let propose = propose_authority(&token, &old.pubkey(), &new.pubkey());
    world.send(&[&old], propose).await;
    let accept = accept_authority(&token, &new.pubkey());
    world.send(&[&new], accept).await;
    new
}

#[tokio::test]
async fn the_registry_authority_changes_the_minimum_quality_and_nothing_else() {
    let mut world = World::new().await;
    let authority = other_registry_authority(&mut world).await;
    let upgrade_authority = world.authority.insecure_clone();
    let registry = world.deployment.registry_program;
    let meter = world.active_meter_by(&authority, "M-1").await;
    world.report(&meter, 900, 1_000, 0).await;

    let args = SetConfig {
        minimum_quality: 9_000,
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
            minimum_quality: 9_000,
        })]
    );
    // It takes effect: the meter's quality is 85 %.
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::QualityTooLow)
        .await;
    for (args, error) in [
        (
            SetConfig {
                minimum_quality: 10_001,
                ..same(&world)
            },
            GridError::InvalidQuality,
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
                minimum_quality: u16::MAX,
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
        minimum_quality: 0,
    };
    let set = set_config(&registry, &upgrade_authority.pubkey(), rewired);
    world.send(&[&upgrade_authority], set).await;
    let config = world.registry_config().await;
    assert_eq!(config.oracle_authority, rewired.oracle_authority);
    assert_eq!(config.token_program, rewired.token_program);
    assert_eq!(config.minimum_quality, 0);
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
    let upgrade_authority = world.authority.insecure_clone();
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

/// Everything that a key can put its signature to, in our programs and in SPL Token, whatever else it is given.
fn attempts(world: &World, key: &Pubkey, victim: &TestMeter, own: &Pubkey) -> Vec<Instruction> {
    let deployment = world.deployment;
    let (token, mint) = (deployment.token_program, deployment.mint());
    let spl = |instruction: Result<Instruction, _>| -> Instruction {
        let result: Result<Instruction, solana_program::program_error::ProgramError> = instruction;
        result.expect("an instruction")
    };
    let outcome = ReadingOutcome {
        reading: Reading {
            timestamp: world.now + 1,
            generation_register: 1_000_000,
            consumption_register: 0,
        },
        profile: Default::default(),
        quality: 10_000,
        reason: 0,
        score: 100,
        flags: 0,
    };
    let mut attempts = vec![
        // Minting: as the registry, as the registry's signer, as the mint authority.
        mint_settled(&token, key, own, 1_000),
        mint_settled(&token, key, &victim.wallet, 1_000),
        set_registry_authority(&token, key, key),
        set_config(
            &deployment.registry_program,
            key,
            SetConfig {
                oracle_authority: *key,
                ..same(world)
            },
        ),
        set_config(
            &deployment.registry_program,
            key,
            SetConfig {
                token_program: *key,
                ..same(world)
            },
        ),
        registry_program::instruction::record_readings(
            &deployment.registry_program,
            key,
            &[(victim.address, outcome)],
        ),
        spl(spl_token::instruction::mint_to(
            &spl_token::ID,
            &mint,
            own,
            key,
            &[],
            1,
        )),
        spl(spl_token::instruction::mint_to_checked(
            &spl_token::ID,
            &mint,
            own,
            key,
            &[],
            1,
            9,
        )),
        // Settling for somebody else, or to one's own account.
        deployment.settle(&victim.address, &victim.owner.pubkey(), key),
        deployment.settle(&victim.address, key, key),
        settle_many_and_mint_tokens(
            &deployment.registry_program,
            &[victim.address],
            key,
            &token,
            own,
        ),
        // Moving, burning, freezing.
        spl(spl_token::instruction::transfer(
            &spl_token::ID,
            &victim.wallet,
            own,
            key,
            &[],
            1,
        )),
        spl(spl_token::instruction::transfer_checked(
            &spl_token::ID,
            &victim.wallet,
            &mint,
            own,
            key,
            &[],
            1,
            9,
        )),
        spl(spl_token::instruction::approve(
            &spl_token::ID,
            &victim.wallet,
            key,
            key,
            &[],
            1,
        )),
        spl(spl_token::instruction::burn(
            &spl_token::ID,
            &victim.wallet,
            &mint,
            key,
            &[],
            1,
        )),
        spl(spl_token::instruction::close_account(
            &spl_token::ID,
            &victim.wallet,
            key,
            key,
            &[],
        )),
        spl(spl_token::instruction::freeze_account(
            &spl_token::ID,
            &victim.wallet,
            &mint,
            key,
            &[],
        )),
        spl(spl_token::instruction::thaw_account(
            &spl_token::ID,
            &victim.wallet,
            &mint,
            key,
            &[],
        )),
        retire_tokens(
            &token,
            key,
            &victim.wallet,
            RetireTokens {
                amount: 1,
                beneficiary: *key,
                reference: [0; 64],
            },
        ),
        // Initializing anew.
        token_program::instruction::initialize(&token, key, &world.payer.pubkey(), key),
    ];
    for (account, kinds) in [
        (
            mint,
            &[
                AuthorityType::MintTokens,
                AuthorityType::FreezeAccount,
                AuthorityType::CloseAccount,
            ][..],
        ),
        (
            victim.wallet,
            &[AuthorityType::AccountOwner, AuthorityType::CloseAccount],
        ),
    ] {
        for kind in kinds {
            attempts.push(spl(spl_token::instruction::set_authority(
                &spl_token::ID,
                &account,
                Some(key),
                kind.clone(),
                key,
                &[],
            )));
        }
    }
    attempts
}

/// What each of the [`attempts`] ends with.
const EXPECTED: [&str; 25] = [
    "Unauthorized",
    "Unauthorized",
    "NotUpgradeAuthority",
    "NotUpgradeAuthority",
    "NotUpgradeAuthority",
    "Unauthorized",
    "SPL Token: OwnerMismatch",
    "SPL Token: OwnerMismatch",
    "Unauthorized",
    "Unauthorized",
    "Unauthorized",
    "SPL Token: OwnerMismatch",
    "SPL Token: OwnerMismatch",
    "SPL Token: OwnerMismatch",
    "SPL Token: OwnerMismatch",
    "SPL Token: NonNativeHasBalance",
    "SPL Token: MintCannotFreeze",
    "SPL Token: InvalidState",
    "WrongTokenAccountOwner",
    "NotUpgradeAuthority",
    "SPL Token: OwnerMismatch",
    "SPL Token: MintCannotFreeze",
    "SPL Token: AuthorityTypeNotSupported",
    "SPL Token: OwnerMismatch",
    "SPL Token: OwnerMismatch",
];

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
    let reporter = world.reporter.insecure_clone();

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
        let mut found = Vec::new();
        for (number, attempt) in attempts(&world, &key.pubkey(), &victim, &own)
            .into_iter()
            .enumerate()
        {
            println!("attempt {number}");
            let error = world.try_send(&[key], attempt).await.expect_err("refused");
            let SendError::Refused { error: reason, .. } = &error else {
                panic!("{error:?}")
            };
            found.push(match error.grid_error() {
                Some((_, error)) => format!("{error:?}"),
                None => match reason {
                    TransactionError::InstructionError(_, InstructionError::Custom(code)) => {
                        let error = spl_token::error::TokenError::try_from(*code);
                        format!("SPL Token: {:?}", error.expect("one of SPL Token's"))
                    }
                    other => format!("{other:?}"),
                },
            });
        }
        assert_eq!(found, EXPECTED);
        assert_eq!(world.balance(&own).await, 0);
    }
    assert_eq!(world.balance(&victim.wallet).await, 10_000_000_000);
    assert_eq!(world.supply().await, 10_000_000_000);

    // What the token authority can do is its own four instructions; with all of them, nothing is minted either.
    let (key, token) = (token_authority.pubkey(), world.deployment.token_program);
    let limit = SetMintLimit {
        burst: 1_000_000,
        rate_per_second: 1,
    };
    for instruction in [
        world.deployment.set_minting_enabled(&key, false),
        world.deployment.set_minting_enabled(&key, true),
        set_mint_limit(&token, &key, limit),
        set_mint_limit(
            &token,
            &key,
            SetMintLimit {
                burst: 0,
                rate_per_second: 0,
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
