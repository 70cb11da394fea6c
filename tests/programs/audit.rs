//! The audit names the account that breaks a rule.

use gridtoken_client::{audit::audit, cluster::Cluster};
use gridtoken_tests::{TestMeter, World};
use shared_state::{
    quantity::{BaseUnits, Bps, Wh},
    state::{Meter, OracleConfig, RegistryConfig, TokenConfig},
};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;
use tokio::sync::Mutex;

/// What the audit finds: the accounts' roles and a part of what it says of each.
async fn findings(world: &mut World) -> Vec<(Pubkey, String)> {
    let report = audit(&world.bank, &world.deployment)
        .await
        .expect("an audit");
    let text = report
        .findings
        .iter()
        .map(|finding| (finding.account, finding.to_string()))
        .collect();
    println!("{text:#?}");
    text
}

/// Asserts that there is exactly one finding, of this account, with these words.
async fn assert_found(world: &mut World, account: &Pubkey, words: &str) {
    let found = findings(world).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].0, *account);
    assert!(found[0].1.contains(words), "{found:#?}");
}

#[tokio::test]
async fn a_sound_deployment_has_no_findings() {
    let mut world = World::new().await;
    world.audit().await;
    let meter = world.active_meter("M-1").await;
    let other = world.active_meter("M-2").await;
    world.report(&meter, 3_600, 10_000, 500).await;
    world.report(&other, 3_600, 10, 500).await;
    world.settle(&meter).await;
    let report = world.audit().await;
    assert_eq!((report.meters, report.settled_wh), (2, 9_500));
    assert_eq!(
        (report.minted, report.supply, report.retired),
        (Wh(9_500), BaseUnits(9_500_000_000), 0)
    );
}

#[tokio::test]
async fn each_broken_meter_is_named() {
    type Break = fn(&mut Meter);
    let breaks: [(&str, Break); 14] = [
        ("0 Wh in 1 settlements", |meter| meter.settlement_count = 1),
        ("reason 5", |meter| meter.last_reject_reason = 5),
        ("5 rejected readings", |meter| meter.rejected_count = 5),
        ("Meter with an invalid id", |meter| meter.meter_id[31] = 1),
        ("and 1000000001 W", |meter| {
            meter.state.consumption_capacity_w = 1_000_000_001
        }),
        ("is not at the address of its meter id", |meter| {
            meter.meter_id[0] = b'X'
        }),
        ("does not have its bump", |meter| meter.header.bump ^= 1),
        ("unknown status, 4", |meter| meter.header.status = 4),
        ("is not a Meter of version 1", |meter| {
            meter.header.version = 2
        }),
        ("quality of 10001", |meter| {
            meter.state.quality = Bps(10_001)
        }),
        ("rated powers of 0 and", |meter| {
            meter.state.generation_capacity_w = 0
        }),
        ("before it was registered", |meter| {
            meter.state.last_reading_at = meter.registered_at - 1
        }),
        ("without a reading", |meter| meter.total_consumption = Wh(1)),
        ("1 and consumed 0 Wh without", |meter| {
            meter.total_generation = Wh(1)
        }),
    ];
    for (words, broken) in breaks {
        let mut world = World::new().await;
        let meter = world.active_meter("M-1").await;
        world.active_meter("M-2").await;
        world.edit(&meter.address, broken).await;
        assert_found(&mut world, &meter.address, words).await;
    }
}

#[tokio::test]
async fn energy_without_grid_and_grid_without_energy() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    world.settle(&meter).await;
    let (token_config, mint) = (world.deployment.token_config(), world.deployment.mint());
    // The meter's tracker one watt-hour back: it could be minted twice.
    world
        .edit(&meter.address, |meter: &mut Meter| {
            meter.settled_net_generation = Wh(9_999)
        })
        .await;
    assert_found(
        &mut world,
        &token_config,
        "has minted 10000 Wh, but the meters have settled 9999 Wh",
    )
    .await;
    // And more settled than generated: both are named.
    world
        .edit(&meter.address, |meter: &mut Meter| {
            meter.settled_net_generation = Wh(10_001)
        })
        .await;
    let found = findings(&mut world).await;
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].0, found[1].0), (meter.address, token_config));
    assert!(found[0].1.contains("Meter M-1") && found[0].1.contains("10001 Wh of 10000 Wh"));
    world
        .edit(&meter.address, |meter: &mut Meter| {
            meter.settled_net_generation = Wh(10_000)
        })
        .await;
    world.audit().await;

    // A base unit more in the mint than was minted; one that was retired but is still there.
    let sound = world
        .bank
        .account(&mint)
        .await
        .expect("an answer")
        .expect("a mint");
    let mut more = sound.clone();
    more.data[36..44].copy_from_slice(&10_000_000_001u64.to_le_bytes());
    world.bank.set_account(&mint, more);
    assert_found(
        &mut world,
        &mint,
        "has a supply of 10000000001, but 10000000000",
    )
    .await;
    world.bank.set_account(&mint, sound.clone());
    world
        .edit(&token_config, |config: &mut TokenConfig| {
            config.retired_beside = BaseUnits(1)
        })
        .await;
    assert_found(&mut world, &mint, "and 1 of them retired").await;
    world
        .edit(&token_config, |config: &mut TokenConfig| {
            config.retired_beside = BaseUnits(0)
        })
        .await;

    // The mint in other hands.
    type Break = fn(&mut Vec<u8>);
    let breaks: [(Break, &str); 4] = [
        (|data| data[4] ^= 1, "another mint authority"),
        (|data| data[0] = 0, "another mint authority"),
        (|data| data[44] = 6, "6 decimals instead of 9"),
        (|data| data[46] = 1, "has a freeze authority"),
    ];
    for (broken, words) in breaks {
        let mut account = sound.clone();
        broken(&mut account.data);
        world.bank.set_account(&mint, account);
        assert_found(&mut world, &mint, words).await;
    }
    let mut account = sound.clone();
    account.owner = Pubkey::new_unique();
    world.bank.set_account(&mint, account);
    assert_found(&mut world, &mint, "not a mint of the SPL Token program").await;
}

#[tokio::test]
async fn configs_that_point_elsewhere_or_are_missing() {
    let mut world = World::new().await;
    let deployment = world.deployment;
    let (oracle, registry, token) = (
        deployment.oracle_config(),
        deployment.registry_config(),
        deployment.token_config(),
    );
    let elsewhere = Pubkey::new_unique();
    let sound = world.oracle_config().await;
    world
        .edit(&oracle, |config: &mut OracleConfig| {
            config.registry_program = elsewhere
        })
        .await;
    assert_found(&mut world, &oracle, "reports to another registry").await;
    world
        .edit(&oracle, |config: &mut OracleConfig| *config = sound)
        .await;

    let sound = world.registry_config().await;
    type Break<T> = fn(&mut T, Pubkey);
    let breaks: [(Break<RegistryConfig>, &str); 4] = [
        (
            |config, key| config.oracle_authority = key,
            "takes readings from",
        ),
        (|config, key| config.token_program = key, "mints with"),
        (
            |config, _| config.minimum_quality = Bps(10_001),
            "10001 bps",
        ),
        (
            |config, _| config.header.bump ^= 1,
            "does not have its bump",
        ),
    ];
    for (broken, words) in breaks {
        world
            .edit(&registry, |config| broken(config, elsewhere))
            .await;
        assert_found(&mut world, &registry, words).await;
        world
            .edit(&registry, |config: &mut RegistryConfig| *config = sound)
            .await;
    }

    let sound = world.token_config().await;
    let breaks: [(Break<TokenConfig>, &str); 4] = [
        (|config, key| config.registry_authority = key, "obeys"),
        (|config, key| config.mint = key, "mints"),
        (
            |config, _| config.mint_limit.burst = BaseUnits(1),
            "mint limit of 1 and 0",
        ),
        (
            |config, _| config.header.bump ^= 1,
            "does not have its bump",
        ),
    ];
    for (broken, words) in breaks {
        world.edit(&token, |config| broken(config, elsewhere)).await;
        assert_found(&mut world, &token, words).await;
        world
            .edit(&token, |config: &mut TokenConfig| *config = sound)
            .await;
    }

    // In other hands, too short, gone.
    let account = world
        .bank
        .account(&oracle)
        .await
        .expect("an answer")
        .expect("it");
    let mut foreign = account.clone();
    foreign.owner = elsewhere;
    world.bank.set_account(&oracle, foreign);
    assert_found(&mut world, &oracle, "belongs to the program").await;
    let mut short = account.clone();
    short.data.pop();
    world.bank.set_account(&oracle, short);
    assert_found(&mut world, &oracle, "has 655 bytes instead of 656").await;
    let mut world = World::uninitialized().await;
    let found = findings(&mut world).await;
    assert_eq!(found.len(), 4);
    assert!(found[0].1.contains("OracleConfig"), "{found:#?}");
    assert!(found
        .iter()
        .take(3)
        .all(|(_, text)| text.contains("does not exist")));
}

/// Anybody can have the system program make accounts for the registry program; they must not spoil the audit.
#[tokio::test]
async fn empty_accounts_of_strangers_are_no_findings() {
    let mut world = World::new().await;
    for space in [0, 280, 500] {
        let new = Keypair::new();
        let create = solana_system_interface::instruction::create_account(
            &world.payer.pubkey(),
            &new.pubkey(),
            10_000_000,
            space,
            &world.deployment.registry_program,
        );
        world.send(&[&new], create).await;
    }
    assert_eq!(world.audit().await.empty_accounts, 3);
}

/// A cluster where something is settled whenever the meters are read, as long as there is something.
struct Busy(Mutex<(World, Vec<TestMeter>)>);

impl Cluster for Busy {
    async fn account(&self, address: &Pubkey) -> anyhow::Result<Option<Account>> {
        self.0.lock().await.0.bank.account(address).await
    }

    async fn accounts(&self, addresses: &[Pubkey]) -> anyhow::Result<Vec<Option<Account>>> {
        self.0.lock().await.0.bank.accounts(addresses).await
    }

    async fn program_accounts(&self, program: &Pubkey) -> anyhow::Result<Vec<(Pubkey, Account)>> {
        let (world, meters) = &mut *self.0.lock().await;
        let accounts = world.bank.program_accounts(program).await;
        if let Some(meter) = meters.pop() {
            world.settle(&meter).await;
        }
        accounts
    }
}

#[tokio::test]
async fn settlements_during_an_audit_are_no_findings() {
    for count in [3, 25] {
        let mut world = World::new().await;
        let mut meters = Vec::new();
        for index in 0..count {
            let meter = world.active_meter(&format!("M-{index}")).await;
            world.report(&meter, 3_600, 10_000, 0).await;
            meters.push(meter);
        }
        let deployment = world.deployment;
        let cluster = Busy(Mutex::new((world, meters)));
        let report = audit(&cluster, &deployment).await;
        match count {
            3 => {
                let report = report.expect("a quiet moment");
                assert_eq!(report.findings, []);
                assert_eq!(report.settled_wh, 30_000);
            }
            _ => assert!(report
                .expect_err("too busy")
                .to_string()
                .contains("during each of 20 attempts")),
        }
    }
}

/// A cluster where somebody sends a lamport to the OracleConfig and burns a base unit whenever the meters are read.
struct Disturbed(Mutex<(World, TestMeter)>);

impl Cluster for Disturbed {
    async fn account(&self, address: &Pubkey) -> anyhow::Result<Option<Account>> {
        self.0.lock().await.0.bank.account(address).await
    }

    async fn accounts(&self, addresses: &[Pubkey]) -> anyhow::Result<Vec<Option<Account>>> {
        self.0.lock().await.0.bank.accounts(addresses).await
    }

    async fn program_accounts(&self, program: &Pubkey) -> anyhow::Result<Vec<(Pubkey, Account)>> {
        let (world, meter) = &mut *self.0.lock().await;
        let accounts = world.bank.program_accounts(program).await;
        let transfer = solana_system_interface::instruction::transfer(
            &world.payer.pubkey(),
            &world.deployment.oracle_config(),
            1,
        );
        let burn = spl_token::instruction::burn(
            &spl_token::ID,
            &meter.wallet,
            &world.deployment.mint(),
            &meter.owner.pubkey(),
            &[],
            1,
        );
        let disturbances = [transfer, burn.expect("an instruction")];
        world.send_all(&[&meter.owner], &disturbances).await;
        accounts
    }
}

#[tokio::test]
async fn lamports_and_burns_of_strangers_stop_no_audit() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    world.settle(&meter).await;
    let deployment = world.deployment;
    let cluster = Disturbed(Mutex::new((world, meter)));
    let report = audit(&cluster, &deployment).await.expect("an audit");
    assert_eq!(report.findings, []);
    assert_eq!(report.burned_otherwise(), 1);
}

/// The upgrade authority can have its own signature mint. It can't do it unnoticed.
#[tokio::test]
async fn grid_that_the_upgrade_authority_minted_by_hand_is_found() {
    use token_program::instruction::{mint_settled, set_registry_authority};
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (token, authority) = (world.deployment.token_program, world.authority.clone());
    let key = authority.pubkey();
    let registry = world.deployment.registry_config();
    let before = world.token_config().await.header.revision;
    world.forged = true;
    let instructions = [
        set_registry_authority(&token, &key, &key),
        mint_settled(&token, &key, &meter.wallet, Wh(1_000)),
        set_registry_authority(&token, &key, &registry),
    ];
    world.send_all(&[&authority], &instructions).await;
    assert_eq!(world.balance(&meter.wallet).await, 1_000_000_000);
    let config = world.deployment.token_config();
    assert_found(
        &mut world,
        &config,
        "has minted 1000 Wh, but the meters have settled 0 Wh",
    )
    .await;
    assert_eq!(world.token_config().await.header.revision, before + 2);
}
