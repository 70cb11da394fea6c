//! Initialize: only the upgrade authority, only once, whatever lies at the addresses before.

use gridtoken_bank::embedded::Genesis;
use gridtoken_client::cluster::Cluster;
use gridtoken_tests::{World, MINIMUM_QUALITY};
use shared_state::{
    event::{Event, OracleInitialized, RegistryInitialized, ReporterAdded, TokenInitialized},
    pda,
    quantity::{Bps, Wh},
    state::{Rules, MAX_REPORTERS},
    GridError,
};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_program::{program_option::COption, program_pack::Pack, pubkey::Pubkey, rent::Rent};
use solana_sdk_ids::system_program;
use solana_signer::Signer;

#[tokio::test]
async fn creates_the_three_configs_and_the_mint() {
    let mut world = World::uninitialized().await;
    let deployment = world.deployment;
    let authority = world.authority.clone();
    let mut events = Vec::new();
    for initialize in world.initialize() {
        events.extend(world.send(&[&authority], initialize).await.events());
    }
    assert_eq!(
        events,
        [
            Event::OracleInitialized(OracleInitialized {
                authority: authority.pubkey(),
                registry_program: deployment.registry_program,
            }),
            Event::RegistryInitialized(RegistryInitialized {
                authority: authority.pubkey(),
                oracle_authority: deployment.oracle_config(),
                token_program: deployment.token_program,
                minimum_quality: Bps(MINIMUM_QUALITY),
            }),
            Event::TokenInitialized(TokenInitialized {
                authority: authority.pubkey(),
                registry_authority: deployment.registry_config(),
                mint: deployment.mint(),
            }),
        ]
    );

    let oracle = world.oracle_config().await;
    assert_eq!(
        (
            oracle.header.account_type,
            oracle.header.version,
            oracle.header.status
        ),
        (1, 1, 1)
    );
    assert_eq!(
        oracle.header.bump,
        pda::find_oracle_config(&deployment.oracle_program).1
    );
    assert_eq!(oracle.authority, authority.pubkey());
    assert_eq!(oracle.pending_authority, Pubkey::default());
    assert_eq!(oracle.registry_program, deployment.registry_program);
    assert_eq!(oracle.rules, Rules::default());
    assert!(oracle.reporters().is_empty());

    let registry = world.registry_config().await;
    assert_eq!(
        (
            registry.header.account_type,
            registry.header.version,
            registry.header.status
        ),
        (2, 1, 0)
    );
    assert_eq!(
        registry.header.bump,
        pda::find_registry_config(&deployment.registry_program).1
    );
    assert_eq!(registry.authority, authority.pubkey());
    assert_eq!(registry.oracle_authority, deployment.oracle_config());
    assert_eq!(registry.token_program, deployment.token_program);
    assert_eq!(registry.minimum_quality, Bps(MINIMUM_QUALITY));

    let token = world.token_config().await;
    assert_eq!(
        (
            token.header.account_type,
            token.header.version,
            token.header.status
        ),
        (4, 1, 1)
    );
    assert_eq!(
        token.header.bump,
        pda::find_token_config(&deployment.token_program).1
    );
    assert_eq!(token.authority, authority.pubkey());
    assert_eq!(token.registry_authority, deployment.registry_config());
    assert_eq!(token.mint, deployment.mint());
    assert_eq!((token.total_minted, token.total_retired), (Wh(0), Wh(0)));

    let mint = world
        .bank
        .account(&deployment.mint())
        .await
        .expect("an answer")
        .expect("the mint");
    assert_eq!(mint.owner, spl_token::ID);
    let mint = spl_token::state::Mint::unpack(&mint.data).expect("a mint");
    assert_eq!(mint.decimals, 9);
    assert_eq!(mint.supply, 0);
    assert_eq!(
        mint.mint_authority,
        COption::Some(deployment.token_config())
    );
    assert_eq!(mint.freeze_authority, COption::None);
}

#[tokio::test]
async fn a_second_time_is_refused() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    for initialize in world.initialize() {
        world
            .refuse(&[&authority], initialize, GridError::AlreadyInitialized)
            .await;
    }
}

#[tokio::test]
async fn only_the_upgrade_authority_may() {
    let mut world = World::uninitialized().await;
    let stranger = Keypair::new();
    let strangers = world.deployment.initialize(
        &stranger.pubkey(),
        &world.payer.pubkey(),
        Rules::default(),
        MINIMUM_QUALITY,
    );
    for initialize in strangers {
        world
            .refuse(&[&stranger], initialize, GridError::NotUpgradeAuthority)
            .await;
    }
}

#[tokio::test]
async fn a_program_without_an_upgrade_authority_can_not_be_initialized() {
    let mut world = World::with(|genesis, deployment, _| {
        let folder = gridtoken_bank::embedded::program_folder().expect("the programs' folder");
        for (program, so) in [
            (deployment.oracle_program, "oracle_program.so"),
            (deployment.registry_program, "registry_program.so"),
            (deployment.token_program, "token_program.so"),
        ] {
            genesis
                .add_program(&program, &folder.join(so), None)
                .expect("a program");
        }
    })
    .await;
    let authority = world.authority.clone();
    for initialize in world.initialize() {
        world
            .refuse(&[&authority], initialize, GridError::NotUpgradeAuthority)
            .await;
    }
}

/// The stranger deploys a program of their own, whose ProgramData names them.
#[tokio::test]
async fn another_programs_program_data_is_refused() {
    let stranger = Keypair::new();
    let theirs = Pubkey::new_unique();
    let mut world = World::with(|genesis, _, _| {
        let so = gridtoken_bank::embedded::program_folder()
            .expect("a folder")
            .join("oracle_program.so");
        genesis
            .add_program(&theirs, &so, Some(stranger.pubkey()))
            .expect("a program");
    })
    .await;
    let instructions = world.deployment.initialize(
        &stranger.pubkey(),
        &world.payer.pubkey(),
        Rules::default(),
        MINIMUM_QUALITY,
    );
    for (mut initialize, index) in instructions.into_iter().zip([3, 3, 4]) {
        initialize.accounts[index].pubkey = pda::find_program_data(&theirs);
        let refusal = world
            .refuse(&[&stranger], initialize, GridError::WrongAddress)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("ProgramData"));
    }
}

/// Anybody can send lamports to an address before its account exists. That must not get in the way.
#[tokio::test]
async fn lamports_at_the_addresses_do_not_get_in_the_way() {
    let rent = Rent::default();
    for lamports in [
        1,
        rent.minimum_balance(0),
        rent.minimum_balance(656),
        10_000_000_000,
    ] {
        let mut world = World::with(|genesis: &mut Genesis, deployment, _| {
            for address in [
                deployment.oracle_config(),
                deployment.registry_config(),
                deployment.token_config(),
                deployment.mint(),
            ] {
                genesis.add_account(&address, Account::new(lamports, 0, &system_program::ID));
            }
        })
        .await;
        let authority = world.authority.clone();
        for initialize in world.initialize() {
            world.send(&[&authority], initialize).await;
        }
        for (address, size) in [
            (world.deployment.oracle_config(), 656),
            (world.deployment.registry_config(), 144),
            (world.deployment.token_config(), 192),
            (world.deployment.mint(), 82),
        ] {
            let account = world
                .bank
                .account(&address)
                .await
                .expect("an answer")
                .expect("created");
            assert_eq!(account.data.len(), size);
            assert_eq!(account.lamports, lamports.max(rent.minimum_balance(size)));
        }
        assert_eq!(world.token_config().await.mint, world.deployment.mint());
    }
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_refused() {
    let mut world = World::uninitialized().await;
    let authority = world.authority.clone();
    let (key, payer, deployment) = (authority.pubkey(), world.payer.pubkey(), world.deployment);

    let bad_rules = Rules {
        min_interval: 0,
        ..Rules::default()
    };
    let [oracle, _, _] = deployment.initialize(&key, &payer, bad_rules, 0);
    world
        .refuse(&[&authority], oracle, GridError::InvalidRules)
        .await;

    let [_, registry, _] = deployment.initialize(&key, &payer, Rules::default(), 10_001);
    world
        .refuse(&[&authority], registry, GridError::InvalidQuality)
        .await;

    let [oracle, registry, token] = world.initialize();
    for (mut initialize, zeroed) in [
        (oracle, 1..33),
        (registry.clone(), 1..33),
        (registry, 33..65),
        (token, 1..33),
    ] {
        initialize.data[zeroed].fill(0);
        world
            .refuse(&[&authority], initialize, GridError::ZeroAddress)
            .await;
    }
}

#[tokio::test]
async fn reporters_are_added_once_each_up_to_sixteen() {
    let mut world = World::new().await;
    let authority = world.authority.clone();
    let first = world.reporter.pubkey();
    let add = |reporter: &Pubkey| world.deployment.add_reporter(&authority.pubkey(), reporter);
    let again = add(&first);
    let reporters: Vec<Pubkey> = (1..MAX_REPORTERS).map(|_| Pubkey::new_unique()).collect();
    let adds: Vec<_> = reporters.iter().map(add).collect();
    let one_more = add(&Pubkey::new_unique());
    let zero = add(&Pubkey::default());

    world
        .refuse(&[&authority], again, GridError::ReporterAlreadyListed)
        .await;
    world
        .refuse(&[&authority], zero, GridError::ZeroAddress)
        .await;
    for (index, (add, reporter)) in adds.into_iter().zip(&reporters).enumerate() {
        let receipt = world.send(&[&authority], add).await;
        assert_eq!(
            receipt.events(),
            [Event::ReporterAdded(ReporterAdded {
                reporter: *reporter,
                reporter_count: index as u64 + 2,
            })]
        );
    }
    world
        .refuse(&[&authority], one_more, GridError::ReporterListFull)
        .await;
    let config = world.oracle_config().await;
    assert_eq!(config.reporters()[0], first);
    assert_eq!(config.reporters()[1..], reporters);
}
