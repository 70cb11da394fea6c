//! Every command on a cluster, its bad inputs included.

mod node;

use gridtoken_client::cluster::Cluster;
use gridtoken_tests::{TestMeter, World, START};
use node::Tool;
use serde_json::{json, Value};
use shared_state::{
    quantity::Wh,
    state::{RegistryConfig, TokenConfig},
};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

/// A tool with a meter that has generated 10 kWh and consumed 0.5 in an hour, and its owner's keypair as "owner".
fn with_a_meter() -> (Tool, TestMeter) {
    let tool = Tool::new(World::new());
    let meter = productive_meter(&tool, "M-1");
    tool.keypair("owner", &meter.owner);
    (tool, meter)
}

fn productive_meter(tool: &Tool, serial: &str) -> TestMeter {
    tool.node.with(async |cluster| {
        let meter = cluster.world.active_meter(serial).await;
        cluster.world.report(&meter, 3_600, 10_000, 500).await;
        meter
    })
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "\"{part}\" is not in:\n{text}");
    }
}

#[test]
fn init_initializes_what_is_missing_and_checks_the_rest() {
    let tool = Tool::new(World::uninitialized());
    let deployment = tool.node.deployment();
    let [oracle, token] =
        [deployment.oracle_program, deployment.token_program].map(|key| key.to_string());
    let init = [
        "init",
        "--oracle-program",
        &oracle,
        "--token-program",
        &token,
    ];

    let stderr = tool.refuse_as("authority", &["init"]);
    assert_contains(
        &stderr,
        &["--oracle-program and --token-program", "RegistryConfig"],
    );

    let stderr = tool.refuse_as("reporter", &init);
    assert_contains(
        &stderr,
        &["only its upgrade authority can initialize the oracle program"],
    );

    let mut dry = init.to_vec();
    dry.push("--dry-run");
    let tried = tool.json_as("authority", &dry);
    assert_eq!(tried["initialized"].as_array().map(Vec::len), Some(3));
    assert_eq!(tried["initialized"][2]["transaction"]["dry_run"], true);
    let ran = tool.run_as("authority", &dry);
    assert_contains(
        &ran.stdout,
        &[
            "OracleInitialized authority=",
            "dry run, nothing was sent:",
            "compute units, fee",
        ],
    );
    assert!(tool.node.with(async |cluster| cluster.history.is_empty()));

    // One of them before, as after an interruption.
    let ran = tool.run_as("authority", &init);
    assert!(ran.success, "{}", ran.stderr);
    assert_contains(
        &ran.stdout,
        &["initialized, and every rule of the audit holds"],
    );
    let again = tool.run_as("authority", &["init"]);
    assert!(again.success, "{}", again.stderr);
    assert_contains(
        &again.stdout,
        &["initialized before, and every rule of the audit holds"],
    );
    assert_eq!(tool.node.with(async |cluster| cluster.history.len()), 3);

    // Twice the same program, one that isn't deployed, and an account that is no program.
    let stderr = tool.refuse_as(
        "authority",
        &[
            "init",
            "--oracle-program",
            &token,
            "--token-program",
            &token,
        ],
    );
    assert_contains(&stderr, &["must be three different ones"]);
    let nothing = Pubkey::new_unique().to_string();
    let stderr = tool.refuse_as(
        "authority",
        &[
            "init",
            "--oracle-program",
            &nothing,
            "--token-program",
            &token,
        ],
    );
    assert_contains(
        &stderr,
        &["the oracle program", "is not deployed on http://127.0.0.1"],
    );
    let mint = deployment.mint().to_string();
    let stderr = tool.refuse_as(
        "authority",
        &[
            "init",
            "--oracle-program",
            &oracle,
            "--token-program",
            &mint,
        ],
    );
    assert_contains(&stderr, &["is not a program of the upgradeable loader"]);
}

#[test]
fn init_finishes_what_was_interrupted() {
    let tool = Tool::new(async {
        let mut world = World::uninitialized().await;
        let [first, _, _] = world.initialize();
        let authority = world.authority.insecure_clone();
        world.send(&[&authority], first).await;
        world
    });
    let deployment = tool.node.deployment();
    let [oracle, token] =
        [deployment.oracle_program, deployment.token_program].map(|key| key.to_string());
    let done = tool.json_as(
        "authority",
        &[
            "init",
            "--oracle-program",
            &oracle,
            "--token-program",
            &token,
            "--minimum-quality",
            "7000",
        ],
    );
    let programs: Vec<&Value> = done["initialized"]
        .as_array()
        .expect("transactions")
        .iter()
        .map(|done| &done["program"])
        .collect();
    assert_eq!(programs, ["registry", "token"]);
    let status = tool.json_as("authority", &["status"]);
    assert_eq!(status["registry"]["minimum_quality"], 7_000);
}

#[test]
fn init_and_audit_name_a_config_that_points_elsewhere() {
    let tool = Tool::new(World::new());
    let deployment = tool.node.deployment();
    let elsewhere = Pubkey::new_unique();
    tool.node.with(async |cluster| {
        let address = deployment.token_config();
        let point = |config: &mut TokenConfig| config.registry_authority = elsewhere;
        cluster.world.edit(&address, point).await;
    });
    let problem = format!(
        "TokenConfig {}: obeys {elsewhere}, which is not this deployment's {}",
        deployment.token_config(),
        deployment.registry_config()
    );
    assert_contains(&tool.refuse_as("authority", &["init"]), &[&problem]);
    let ran = tool.run_as("authority", &["audit"]);
    assert!(!ran.success);
    assert_contains(&ran.stdout, &[&problem]);

    let gone = deployment.registry_config();
    tool.node.with(async |cluster| {
        let point = |config: &mut RegistryConfig| config.token_program = elsewhere;
        cluster.world.edit(&gone, point).await;
    });
    let stderr = tool.refuse_as("authority", &["settle", "--all"]);
    assert_contains(
        &stderr,
        &[&format!("the token program {elsewhere} is not initialized")],
    );
}

#[test]
fn status_says_who_may_do_what() {
    let (tool, _) = with_a_meter();
    let deployment = tool.node.deployment();
    let (authority, reporter) = tool.node.with(async |cluster| {
        (
            cluster.world.authority.pubkey().to_string(),
            cluster.world.reporter.pubkey().to_string(),
        )
    });
    let status = tool.json_as("payer", &["status"]);
    assert_eq!(
        status["oracle"]["program"],
        deployment.oracle_program.to_string()
    );
    assert_eq!(status["oracle"]["reporters"], json!([reporter]));
    assert_eq!(status["oracle"]["active"], true);
    for program in ["oracle", "registry", "token"] {
        assert_eq!(status[program]["authority"], authority);
        assert_eq!(status[program]["upgrade_authority"], authority);
        assert_eq!(status[program]["pending_authority"], Value::Null);
    }
    assert_eq!(status["token"]["minting_enabled"], true);
    assert_eq!(status["token"]["mint_limit"], Value::Null);
    assert_eq!(
        (&status["meters"], &status["minted_wh"]),
        (&json!(1), &json!(0))
    );
    let shown = tool.run_as("payer", &["status"]).stdout;
    assert_contains(
        &shown,
        &[
            "takes readings",
            "enabled, without limit",
            "min_interval        60 s",
            "jump_factor         2 times what the rated power allows",
            &reporter,
            "supply 0",
        ],
    );
}

#[test]
fn a_meters_life() {
    let tool = Tool::new(World::new());
    let [owner, buyer, device] = [(); 3].map(|()| Keypair::new());
    tool.keypair("owner", &owner);
    tool.keypair("buyer", &buyer);
    let device = tool.keypair("device", &device);
    let owner = owner.pubkey().to_string();
    let register = [
        "meter",
        "register",
        "M-1",
        "--owner",
        &owner,
        "--generation-capacity",
        "6000",
        "--consumption-capacity",
        "9000",
        "--generation-register",
        "1000",
        "--consumption-register",
        "2000",
    ];
    let stderr = tool.refuse_as("reporter", &register);
    assert_contains(&stderr, &["not authorized", "Unauthorized, code 0"]);
    let done = tool.json_as("authority", &register);
    assert_eq!(done["events"][0]["event"], "MeterRegistered");
    assert_eq!(done["events"][0]["meter_id"], "M-1");
    assert_eq!(done["events"][0]["generation_register"], 1_000);
    // It can be put right until a reading is accepted.
    tool.json_as("authority", &register);

    let status = || tool.json_as("payer", &["meter", "show", "M-1"])["status"].clone();
    assert_eq!(status(), "inactive");
    for (command, expected) in [
        ("activate", "active"),
        ("suspend", "suspended"),
        ("deactivate", "inactive"),
        ("activate", "active"),
    ] {
        tool.json_as("authority", &["meter", command, "M-1"]);
        assert_eq!(status(), expected);
    }
    assert_contains(
        &tool.refuse_as("authority", &["meter", "activate", "M-1"]),
        &["M-1 is active already", "there is nothing to change"],
    );
    assert_contains(
        &tool.refuse_as("owner", &["meter", "suspend", "M-1"]),
        &["InvalidStatusTransition"],
    );

    tool.json_as(
        "authority",
        &[
            "meter",
            "limits",
            "M-1",
            "--generation-capacity",
            "7000",
            "--consumption-capacity",
            "8000",
        ],
    );
    tool.json_as(
        "authority",
        &[
            "meter",
            "replace-device",
            "M-1",
            "--generation-register",
            "5",
            "--consumption-register",
            "6",
            "--device-key",
            &device,
        ],
    );
    let shown = tool.json_as("payer", &["meter", "show", "M-1"]);
    assert_eq!(shown["generation_capacity_w"], 7_000);
    assert_eq!(
        (
            &shown["generation_register"],
            &shown["consumption_register"]
        ),
        (&json!(5), &json!(6))
    );
    assert!(shown["device_key"].is_string());

    let buyer_key = buyer.pubkey().to_string();
    tool.json_as("owner", &["meter", "delegate", "M-1", &buyer_key]);
    assert_eq!(
        tool.json_as("payer", &["meter", "show", "M-1"])["delegate"],
        buyer_key
    );
    tool.json_as("owner", &["meter", "delegate", "M-1", "--none"]);
    assert_eq!(
        tool.json_as("payer", &["meter", "show", "M-1"])["delegate"],
        Value::Null
    );

    tool.json_as("owner", &["meter", "transfer", "M-1", &buyer_key]);
    tool.json_as("owner", &["meter", "transfer", "M-1", "--cancel"]);
    assert_contains(
        &tool.refuse_as("buyer", &["meter", "accept", "M-1"]),
        &["Unauthorized"],
    );
    tool.json_as("owner", &["meter", "transfer", "M-1", &buyer_key]);
    tool.json_as("buyer", &["meter", "accept", "M-1"]);
    assert_eq!(
        tool.json_as("payer", &["meter", "show", "M-1"])["owner"],
        buyer_key
    );
    assert_contains(
        &tool.refuse_as("owner", &["meter", "transfer", "M-1", &owner]),
        &["Unauthorized"],
    );

    tool.json_as("authority", &["meter", "decommission", "M-1"]);
    assert_eq!(status(), "decommissioned");
    assert_contains(
        &tool.refuse_as("authority", &["meter", "activate", "M-1"]),
        &["InvalidStatusTransition"],
    );
    assert_contains(
        &tool.refuse_as("authority", &["meter", "show", "M-2"]),
        &["the meter M-2 is not registered with", "grid meter list"],
    );
    assert_contains(
        &tool.refuse_as("authority", &["meter", "show", "with space"]),
        &["invalid meter id"],
    );
}

#[test]
fn register_and_activate_in_one_transaction_with_its_fee_shown() {
    let tool = Tool::new(World::new());
    let price = ["--with-compute-unit-price", "1000000"];
    let done = tool.register("M-1", &Keypair::new().pubkey(), &price);
    let names: Vec<&Value> = done["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| &event["event"])
        .collect();
    assert_eq!(names, ["MeterRegistered", "MeterStatusChanged"]);
    // Two signatures, and one lamport for each unit of the limit: what it took, a tenth, and up to 1,000 more.
    let units = done["compute_units"].as_u64().expect("units");
    let priority = done["fee_lamports"].as_u64().expect("a fee") - 10_000;
    assert!(
        (units..=units + units / 10 + 1_001).contains(&priority),
        "{done}"
    );
}

#[test]
fn what_owners_ask_first() {
    let (tool, meter) = with_a_meter();
    let shown = tool.run_as("payer", &["meter", "show", "M-1"]).stdout;
    assert_contains(
        &shown,
        &[
            "M-1, active",
            "claimable now   9.5 GRID (9.500 kWh)",
            "(0 s ago), of 1",
            "rejected        none",
        ],
    );
    // A reading that goes back, and a pause of minting.
    tool.node.with(async |cluster| {
        let world = &mut cluster.world;
        world.pass_time(900).await;
        let (key, now) = (world.reporter.insecure_clone(), world.now);
        let reading = shared_state::reading::Reading {
            timestamp: now,
            generation_register: Wh(5_000),
            consumption_register: Wh(600),
        };
        let submit =
            world
                .deployment
                .submit_readings(&key.pubkey(), false, &[(meter.address, reading)]);
        world.send(&[&key], submit).await;
    });
    tool.json_as("authority", &["minting", "disable"]);
    let shown = tool.run_as("payer", &["meter", "show", "M-1"]).stdout;
    assert_contains(
        &shown,
        &[
            "claimable now   nothing",
            "not yet         9.500 kWh: minting is disabled",
            "(15 min ago), of 1",
            "1 readings, the last one for GenerationRegisterBackwards: the generation register went backwards: ",
        ],
    );
    let shown = tool.json_as("payer", &["meter", "show", "M-1"]);
    assert_eq!(
        (&shown["claimable_wh"], &shown["unsettled_wh"]),
        (&json!(0), &json!(9_500))
    );
    assert_eq!(shown["last_reject"]["code"], 105);
}

#[test]
fn list_all_meters_or_an_owners() {
    let (tool, meter) = with_a_meter();
    productive_meter(&tool, "A-2");
    let all = tool.json_as("payer", &["meter", "list"]);
    let names: Vec<&Value> = all
        .as_array()
        .expect("meters")
        .iter()
        .map(|meter| &meter["meter_id"])
        .collect();
    assert_eq!(names, ["A-2", "M-1"]);
    let owner = meter.owner.pubkey().to_string();
    let owners = tool.json_as("payer", &["meter", "list", "--owner", &owner]);
    assert_eq!(owners.as_array().map(Vec::len), Some(1));
    assert_eq!(owners[0]["meter_id"], "M-1");
    let shown = tool.run_as("payer", &["meter", "list"]).stdout;
    assert_contains(&shown, &["A-2", "9.500 kWh", "2 meters"]);
}

#[test]
fn reporters_come_and_go_and_the_oracle_pauses() {
    let tool = Tool::new(World::new());
    let gateway = Keypair::new();
    let file = tool.keypair("gateway", &gateway);
    assert_contains(
        &tool.refuse_as("gateway", &["reporter", "add", &file]),
        &["Unauthorized"],
    );
    let done = tool.json_as("authority", &["reporter", "add", &file]);
    assert_eq!(done["events"][0]["event"], "ReporterAdded");
    assert_eq!(done["events"][0]["reporter"], gateway.pubkey().to_string());
    assert_contains(
        &tool.refuse_as("authority", &["reporter", "add", &file]),
        &["ReporterAlreadyListed"],
    );
    tool.json_as(
        "authority",
        &["reporter", "remove", &gateway.pubkey().to_string()],
    );
    assert_contains(
        &tool.refuse_as("authority", &["reporter", "remove", &file]),
        &["ReporterNotListed"],
    );
    assert_contains(
        &tool.refuse_as("authority", &["reporter", "add", "nobody"]),
        &["neither an address in base58 nor the file of a keypair"],
    );

    tool.json_as("authority", &["oracle", "pause"]);
    assert_eq!(
        tool.json_as("payer", &["status"])["oracle"]["active"],
        false
    );
    assert_contains(
        &tool.refuse_as("gateway", &["oracle", "resume"]),
        &["Unauthorized"],
    );
    tool.json_as("authority", &["oracle", "resume"]);
    assert_eq!(tool.json_as("payer", &["status"])["oracle"]["active"], true);
}

#[test]
fn rules_and_the_minimum_quality_change_one_by_one() {
    let tool = Tool::new(World::new());
    let before = tool.json_as("payer", &["status"])["oracle"]["rules"].clone();
    let done = tool.json_as(
        "authority",
        &[
            "oracle",
            "rules",
            "--min-interval",
            "30",
            "--anomaly-floor",
            "700",
        ],
    );
    assert_eq!(done["events"][0]["event"], "RulesChanged");
    let mut expected = before.clone();
    expected["min_interval"] = json!(30);
    expected["anomaly_floor"] = json!(700);
    assert_eq!(
        tool.json_as("payer", &["status"])["oracle"]["rules"],
        expected
    );
    assert_contains(
        &tool.refuse_as("authority", &["oracle", "rules", "--max-age", "1"]),
        &["InvalidRules"],
    );
    assert_contains(
        &tool.refuse_as("authority", &["oracle", "rules"]),
        &["required"],
    );
    assert_contains(
        &tool.refuse_as("payer", &["oracle", "rules", "--max-age", "90000"]),
        &["Unauthorized"],
    );

    tool.json_as("authority", &["registry", "minimum-quality", "6000"]);
    assert_eq!(
        tool.json_as("payer", &["status"])["registry"]["minimum_quality"],
        6_000
    );
    assert_contains(
        &tool.refuse_as("authority", &["registry", "minimum-quality", "10001"]),
        &["10001 is not in 0..=10000"],
    );
    assert_contains(
        &tool.refuse_as("payer", &["registry", "minimum-quality", "1"]),
        &["NotUpgradeAuthority"],
    );
}

#[test]
fn an_owner_settles_into_a_token_account_that_is_made_on_the_way() {
    let tool = Tool::new(World::new());
    // Registered by the tool, so its owner has no token account yet.
    let owner = Keypair::new();
    tool.keypair("owner", &owner);
    let owner = owner.pubkey();
    let deployment = tool.node.deployment();
    tool.register("M-1", &owner, &[]);
    let id = shared_state::state::meter_id("M-1").expect("an id");
    tool.node.with(async |cluster| {
        let world = &mut cluster.world;
        world.pass_time(3_600).await;
        let (key, now) = (world.reporter.insecure_clone(), world.now);
        let reading = shared_state::reading::Reading {
            timestamp: now,
            generation_register: Wh(15_500),
            consumption_register: Wh(0),
        };
        let submit =
            deployment.submit_readings(&key.pubkey(), true, &[(deployment.meter(&id), reading)]);
        world.send(&[&key], submit).await;
    });
    let balance = tool.json_as("owner", &["balance"]);
    assert_eq!(balance["token_account_exists"], false);
    assert_eq!(balance["claimable_wh"], 15_500);
    assert_contains(
        &tool.run_as("owner", &["balance"]).stdout,
        &[
            "0 GRID in",
            "which the first settlement makes",
            "15.500 kWh unsettled at 1 meters, 15.5 GRID of it claimable now",
        ],
    );

    let tried = tool.run_as("owner", &["settle", "M-1", "--dry-run"]);
    assert!(tried.success, "{}", tried.stderr);
    assert_contains(
        &tried.stdout,
        &[
            "MeterBalanceSettled meter_id=M-1 amount_settled=15500",
            "TokensMinted",
            "dry run, nothing was sent",
        ],
    );
    assert_eq!(tool.json_as("owner", &["balance"])["balance"], 0);

    // With too little for the token account's rent.
    let poor = Keypair::new();
    let poor_key = tool.keypair("poor", &poor);
    let few = solana_account::Account::new(1_500_000, 0, &solana_sdk_ids::system_program::ID);
    tool.node
        .with(async |cluster| cluster.world.bank.set_account(&poor.pubkey(), few));
    let owner_file = tool.path("owner");
    let owner_file = owner_file.to_str().expect("a path");
    let ran = tool.run(&[
        "-u",
        &tool.node.url,
        "-k",
        owner_file,
        "--fee-payer",
        &poor_key,
        "settle",
        "M-1",
    ]);
    assert_contains(
        &ran.stderr,
        &["the payer has too little SOL for the rent of a new account, send it some"],
    );

    let settled = tool.run_as("owner", &["settle", "M-1"]);
    assert!(settled.success, "{}", settled.stderr);
    assert_contains(
        &settled.stdout,
        &["15.500 kWh of 1 meter: 15.5 GRID to the new token account"],
    );
    let balance = tool.json_as("owner", &["balance"]);
    assert_eq!(
        (&balance["balance"], &balance["unsettled_wh"]),
        (&json!(15_500_000_000u64), &json!(0))
    );
    assert_contains(
        &tool.refuse_as("owner", &["settle", "M-1"]),
        &[
            "nothing to settle: wait for more production",
            "InsufficientBalance, code 1",
        ],
    );
    assert_contains(
        &tool.refuse_as("payer", &["settle", "M-1"]),
        &["is neither the owner of M-1"],
    );
    tool.json_as("payer", &["audit"]);
}

#[test]
fn settle_all_of_several_owners_as_their_delegate() {
    let (tool, first) = with_a_meter();
    let second = productive_meter(&tool, "M-2");
    // 30 meters of one owner: more than fit into a transaction.
    let many = tool.node.with(async |cluster| {
        let world = &mut cluster.world;
        let owner = world.active_meter("N-0").await.owner;
        let mut meters = Vec::new();
        for index in 1..=30 {
            meters.push(world.meter_of(&owner, &format!("N-{index}")).await);
        }
        for meter in &meters {
            world.report(meter, 900, 100 + meters.len() as u64, 0).await;
        }
        owner
    });
    tool.keypair("many", &many);
    let settled = tool.json_as("many", &["settle", "--all"]);
    let transactions = settled.as_array().expect("transactions");
    assert_eq!(transactions.len(), 2);
    let meters: u64 = transactions
        .iter()
        .filter_map(|done| done["meters"].as_u64())
        .sum();
    assert_eq!(meters, 30);

    tool.keypair("second", &second.owner);
    let delegate = Keypair::new();
    tool.keypair("delegate", &delegate);
    let key = delegate.pubkey().to_string();
    tool.json_as("owner", &["meter", "delegate", "M-1", &key]);
    tool.json_as("second", &["meter", "delegate", "M-2", &key]);
    let settled = tool.json_as("delegate", &["settle", "--all"]);
    let mut to: Vec<&str> = settled
        .as_array()
        .expect("transactions")
        .iter()
        .filter_map(|done| done["token_account"].as_str())
        .collect();
    to.sort_unstable();
    let mut wallets = [first.wallet.to_string(), second.wallet.to_string()];
    wallets.sort_unstable();
    assert_eq!(to, wallets);

    let nothing = tool.run_as("delegate", &["settle", "--all"]);
    assert!(nothing.success);
    assert_contains(&nothing.stdout, &["nothing to settle:"]);
    assert_eq!(tool.json_as("delegate", &["settle", "--all"]), json!([]));
    tool.json_as("payer", &["audit"]);
}

#[test]
fn a_settlement_says_which_meters_it_passed_over_and_why() {
    let tool = Tool::new(World::new());
    let owner = tool.node.with(async |cluster| {
        let world = &mut cluster.world;
        let meter = world.active_meter("M-1").await;
        world.meter_of(&meter.owner, "M-2").await;
        let third = world.meter_of(&meter.owner, "M-3").await;
        world.report(&meter, 3_600, 10_000, 500).await;
        world.report(&third, 3_600, 5_000, 0).await;
        meter.owner
    });
    tool.keypair("owner", &owner);
    // 9,500 Wh are claimable; the limit leaves 9,000 of them.
    tool.json_as(
        "authority",
        &["minting", "limit", "--burst", "9", "--per-second", "0.001"],
    );
    let settled = tool.run_as("owner", &["settle", "M-1", "M-2", "M-3", "M-1"]);
    assert!(settled.success, "{}", settled.stderr);
    assert_contains(
        &settled.stdout,
        &[
            "9.000 kWh of 1 meter: 9 GRID",
            "M-2 was passed over: nothing to settle",
            "M-3 was passed over: the mint limit is used up",
        ],
    );
    assert_contains(
        &tool.refuse_as("owner", &["settle", "M-3"]),
        &["MintLimitExceeded", "account: TokenConfig"],
    );
    tool.json_as("authority", &["minting", "limit", "--none"]);
    tool.json_as("owner", &["settle", "M-3"]);
}

#[test]
fn minting_is_switched_and_limited_by_its_authority_alone() {
    let (tool, _) = with_a_meter();
    assert_contains(
        &tool.refuse_as("owner", &["minting", "disable"]),
        &["Unauthorized"],
    );
    tool.json_as("authority", &["minting", "disable"]);
    assert_contains(
        &tool.refuse_as("owner", &["settle", "M-1"]),
        &[
            "minting is disabled: wait for the token authority",
            "MintingDisabled, code 3",
        ],
    );
    assert_contains(
        &tool.refuse_as("owner", &["settle", "--all"]),
        &[
            "left out: M-1: minting is disabled: wait for the token authority",
            "nothing can be settled now",
            "MintingDisabled, code 3",
        ],
    );
    tool.json_as("authority", &["minting", "enable"]);
    let done = tool.json_as(
        "authority",
        &["minting", "limit", "--burst", "1.5", "--per-second", "0.25"],
    );
    assert_eq!(done["events"][0]["burst"], 1_500_000_000);
    assert_eq!(done["events"][0]["rate_per_second"], 250_000_000);
    let limit = &tool.json_as("payer", &["status"])["token"]["mint_limit"];
    assert_eq!(limit["available"], 1_500_000_000);
    assert_contains(
        &tool.refuse_as(
            "authority",
            &["minting", "limit", "--burst", "0.0001", "--per-second", "1"],
        ),
        &["InvalidMintLimit"],
    );
    assert_contains(
        &tool.refuse_as(
            "authority",
            &["minting", "limit", "--burst", "ten", "--per-second", "1"],
        ),
        &["\"ten\" is not an amount of GRID"],
    );
    for arguments in [
        &["minting", "limit"][..],
        &["minting", "limit", "--burst", "1"],
    ] {
        assert_contains(&tool.refuse_as("authority", arguments), &["required"]);
    }
}

#[test]
fn a_holder_retires_some_and_then_all() {
    let (tool, _) = with_a_meter();
    assert_contains(
        &tool.refuse_as("payer", &["retire", "1"]),
        &["has no GRID: its token account"],
    );
    tool.json_as("owner", &["settle", "M-1"]);
    let done = tool.json_as(
        "owner",
        &["retire", "1.25", "--reference", "heat pump, 2026"],
    );
    let event = &done["events"][0];
    assert_eq!(
        (&event["event"], &event["amount"]),
        (&json!("TokensRetired"), &json!(1_250_000_000))
    );
    assert_eq!(event["reference"], "heat pump, 2026");
    assert_eq!(event["beneficiary"], event["holder"]);
    assert_contains(
        &tool.refuse_as("owner", &["retire", "9"]),
        &["NotEnoughTokens"],
    );
    assert_contains(
        &tool.refuse_as("owner", &["retire", "0"]),
        &["InvalidAmount"],
    );
    assert_contains(
        &tool.refuse_as("owner", &["retire", "1e3"]),
        &["is not an amount of GRID"],
    );
    let long = "x".repeat(65);
    assert_contains(
        &tool.refuse_as("owner", &["retire", "1", "--reference", &long]),
        &["room for 64"],
    );
    // Twice the same at once: two transactions, not one.
    tool.json_as("owner", &["retire", "1"]);
    tool.json_as("owner", &["retire", "1"]);
    let beneficiary = Pubkey::new_unique().to_string();
    let done = tool.json_as("owner", &["retire", "ALL", "--beneficiary", &beneficiary]);
    assert_eq!(done["events"][0]["amount"], 6_250_000_000u64);
    assert_eq!(done["events"][0]["beneficiary"], beneficiary);
    let audit = tool.json_as("payer", &["audit"]);
    assert_eq!(
        (&audit["supply"], &audit["retired"]),
        (&json!(0), &json!({ "wh": 9_500, "base_units_beside": 0 }))
    );
}

#[test]
fn authorities_are_handed_over_in_two_steps() {
    let tool = Tool::new(World::new());
    let next = Keypair::new();
    let file = tool.keypair("next", &next);
    for program in ["oracle", "registry", "token"] {
        assert_contains(
            &tool.refuse_as("next", &["authority", "accept", program]),
            &["Unauthorized"],
        );
        tool.json_as("authority", &["authority", "propose", program, &file]);
        let status = tool.json_as("payer", &["status"]);
        assert_eq!(
            status[program]["pending_authority"],
            next.pubkey().to_string()
        );
        tool.json_as("authority", &["authority", "propose", program, "--cancel"]);
        assert_contains(
            &tool.refuse_as("next", &["authority", "accept", program]),
            &["Unauthorized"],
        );
        tool.json_as("authority", &["authority", "propose", program, &file]);
        let done = tool.json_as("next", &["authority", "accept", program]);
        assert_eq!(done["events"][0]["event"], "AuthorityChanged");
        assert_eq!(
            tool.json_as("payer", &["status"])[program]["authority"],
            next.pubkey().to_string()
        );
        assert_contains(
            &tool.refuse_as("authority", &["authority", "propose", program, &file]),
            &["Unauthorized"],
        );
    }
    tool.json_as("next", &["minting", "disable"]);
    assert_contains(
        &tool.refuse_as("authority", &["authority", "propose", "mint", &file]),
        &["invalid value 'mint'"],
    );
}

#[test]
fn events_are_those_of_the_deployment_oldest_first() {
    let (tool, meter) = with_a_meter();
    let other = Pubkey::new_unique().to_string();
    tool.json_as("owner", &["settle", "M-1"]);
    tool.json_as("authority", &["reporter", "add", &other]);
    tool.json_as("owner", &["retire", "1"]);
    // A transaction that fails on the chain has a log, but has changed nothing.
    let cluster = &tool.node;
    cluster.with(async |cluster| {
        let mut copy = cluster.history[0].clone();
        copy.transaction.signatures[0] = [7; 64].into();
        let error = Some(solana_transaction::TransactionError::InvalidAccountIndex);
        cluster.history.push(node::Processed { error, ..copy });
        // Another program that names ours, and logs what looks like our event.
        let mut foreign = cluster.history[0].clone();
        let program = Pubkey::new_unique();
        foreign.transaction.signatures[0] = [8; 64].into();
        foreign
            .logs
            .retain(|line| line.starts_with("Program data: "));
        foreign
            .logs
            .insert(0, format!("Program {program} invoke [1]"));
        cluster.history.push(foreign);
    });
    let ran = tool.run_as("payer", &["events"]);
    assert!(ran.success, "{}", ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", ran.stdout);
    assert_contains(
        lines[0],
        &["2026-01-01T01:00:00Z registry MeterBalanceSettled meter_id=M-1 amount_settled=9500"],
    );
    assert_contains(lines[1], &["token TokensMinted", "amount=9500000000"]);
    assert_contains(lines[2], &["oracle ReporterAdded", &other]);
    assert_contains(lines[3], &["token TokensRetired", "amount=1000000000"]);

    let ran = tool.run_as("payer", &["--output", "json-compact", "events", "M-1"]);
    let event: Value = serde_json::from_str(ran.stdout.trim()).expect("one line of JSON");
    assert_eq!(event["events"][0]["event"], "MeterBalanceSettled");
    assert_eq!(event["events"][0]["program"], "registry");
    assert_eq!(event["block_time"], START + 3_600);
    // The limit counts it, although it has none of our events.
    cluster.with(async |cluster| cluster.history.pop());
    let ran = tool.run_as("payer", &["events", "--limit", "1"]);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    assert_contains(&ran.stdout, &["TokensRetired"]);
    assert_contains(
        &tool.refuse_as("payer", &["events", "M-2"]),
        &["the meter M-2 is not registered"],
    );
    drop(meter);
}

#[test]
fn events_are_followed() {
    use std::io::{BufRead, BufReader};
    let (tool, _) = with_a_meter();
    let mut child = tool
        .command(&["--url", &tool.node.url, "events", "--follow"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the tool");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    for _ in 0..2 {
        let reporter = Pubkey::new_unique().to_string();
        tool.json_as("authority", &["reporter", "add", &reporter]);
        let line = lines.next().expect("a line").expect("text");
        assert_contains(&line, &["ReporterAdded", &reporter]);
    }
    child.kill().expect("it was running");
    let _ = child.wait();
}

#[test]
fn the_solana_clis_configuration_counts() {
    let (tool, _) = with_a_meter();
    let keypair = tool.path("payer");
    let config = |url: &str| {
        format!(
            "---\njson_rpc_url: \"{url}\"\nwebsocket_url: \"\"\nkeypair_path: {}\ncommitment: confirmed\n",
            keypair.display()
        )
    };
    // In its place, and where the flag says.
    std::fs::create_dir_all(tool.path(".config/solana/cli")).expect("a folder");
    tool.file(".config/solana/cli/config.yml", &config(&tool.node.url));
    let ran = tool.run(&["balance"]);
    assert!(ran.success, "{}", ran.stderr);
    let elsewhere = tool.file("elsewhere.yml", &config("http://127.0.0.1:9"));
    let ran = tool.run(&["-C", &elsewhere, "balance"]);
    assert!(!ran.success);
    assert_contains(
        &ran.stderr,
        &[
            "no deployment on http://127.0.0.1:9",
            "asking http://127.0.0.1:9",
        ],
    );
    // A flag counts more than the file.
    let ran = tool.run(&["-C", &elsewhere, "-u", &tool.node.url, "balance"]);
    assert!(ran.success, "{}", ran.stderr);

    let broken = tool.file("broken.yml", "json_rpc_url: [");
    for path in [&broken[..], "/nowhere/config.yml"] {
        let ran = tool.run(&["-C", path, "balance"]);
        assert!(!ran.success);
        assert_contains(
            &ran.stderr,
            &[path, "can't be used as the solana CLI's configuration"],
        );
    }
}

#[test]
fn wrong_clusters_keys_and_payers_are_named() {
    let (tool, _) = with_a_meter();
    let nothing = Pubkey::new_unique().to_string();
    let ran = tool.run_as("owner", &["--registry", &nothing, "settle", "--all"]);
    assert_contains(
        &ran.stderr,
        &[&format!(
            "no deployment on {}: {nothing} is not an initialized registry program",
            tool.node.url
        )],
    );
    let ran = tool.run(&["--url", "nowhere", "status"]);
    assert_contains(&ran.stderr, &["\"nowhere\" is neither a URL"]);
    let output = tool
        .command(&["--url", &tool.node.url, "status"])
        .env_remove("GRID_REGISTRY")
        .output()
        .expect("the tool");
    assert_contains(
        &String::from_utf8_lossy(&output.stderr),
        &["which deployment? Name its registry program with --registry"],
    );

    let owner = tool.path("owner");
    let owner = owner.to_str().expect("a path");
    let ran = tool.run(&[
        "--url",
        &tool.node.url,
        "--keypair",
        "/nowhere/id.json",
        "settle",
        "--all",
    ]);
    assert_contains(
        &ran.stderr,
        &[
            "the keypair /nowhere/id.json does not exist",
            "--keypair",
            "solana-keygen new",
        ],
    );
    let text = tool.file("text.json", "not a key");
    let ran = tool.run(&[
        "--url",
        &tool.node.url,
        "--keypair",
        owner,
        "--fee-payer",
        &text,
        "settle",
        "--all",
    ]);
    assert_contains(
        &ran.stderr,
        &[&text, "is not the file of a keypair", "--fee-payer"],
    );
    // The owner has no SOL.
    let ran = tool.run(&["--url", &tool.node.url, "--keypair", owner, "settle", "M-1"]);
    assert_contains(
        &ran.stderr,
        &[
            "with the fee payer",
            "the fee payer has no SOL on this cluster, send it some",
        ],
    );
}

#[test]
fn shells_complete_the_commands() {
    let (tool, _) = with_a_meter();
    for shell in ["bash", "zsh", "fish"] {
        let ran = tool.run(&["completions", shell]);
        assert!(ran.success);
        assert_contains(&ran.stdout, &["replace-device", "json-compact"]);
    }
}

#[test]
fn an_account_that_is_no_meter_and_a_sum_that_does_not_add_up_are_findings() {
    let (tool, meter) = with_a_meter();
    tool.node.with(async |cluster| {
        let edit = |meter: &mut shared_state::state::Meter| meter.settled_net_generation = Wh(7);
        cluster.world.edit(&meter.address, edit).await;
        assert!(cluster.world.bank.account(&meter.address).await.is_ok());
    });
    let ran = tool.run_as("payer", &["--output", "json", "audit"]);
    assert!(!ran.success);
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        report["findings"].as_array().map(Vec::len),
        Some(2),
        "{report}"
    );
    assert_eq!(report["settled_wh"], 7);
    assert_contains(&ran.stderr, &["the audit found something"]);
}

#[test]
fn whatever_happens_on_the_way_nothing_is_executed_twice() {
    let (tool, meter) = with_a_meter();
    tool.json_as("owner", &["settle", "M-1"]);
    let balance = || {
        tool.node
            .with(async |cluster| cluster.world.balance(&meter.wallet).await)
    };
    assert_eq!(balance(), 9_500_000_000);

    // The answer gets lost, those to the first questions after it too, and the node forgets statuses.
    tool.node.with(async |cluster| {
        cluster.failures = vec![
            ("sendTransaction", 504),
            ("getBlockHeight", 503),
            ("getSignatureStatuses", 503),
        ];
        cluster.forgetful = true;
        cluster.blocks = 60;
    });
    let done = tool.json_as("owner", &["retire", "1"]);
    assert_eq!(done["events"][0]["amount"], 1_000_000_000);
    assert_eq!(balance(), 8_500_000_000);
    tool.node
        .with(async |cluster| assert!(cluster.failures.is_empty(), "{:?}", cluster.failures));

    // Somebody on the way sends it twice.
    tool.node.with(async |cluster| cluster.double = 1);
    tool.json_as("owner", &["retire", "1"]);
    assert_eq!(balance(), 7_500_000_000);

    // The transaction gets lost.
    tool.node.with(async |cluster| cluster.lose = 100);
    let stderr = tool.refuse_as("owner", &["retire", "1"]);
    assert_contains(
        &stderr,
        &[
            "the transaction",
            "got lost and can't be executed any more: try again",
        ],
    );
    assert_eq!(balance(), 7_500_000_000);

    // The node takes it, and refuses to.
    tool.node.with(async |cluster| {
        cluster.lose = 0;
        cluster.forgetful = false;
        cluster.failures = vec![("sendTransaction", 403)];
    });
    let stderr = tool.refuse_as("owner", &["retire", "1"]);
    assert_contains(&stderr, &["the node did not take the transaction", "403"]);
    tool.node.with(async |cluster| cluster.blocks = 1);
}

#[test]
fn lamports_at_an_address_are_no_account() {
    let (tool, _) = with_a_meter();
    let owner = Keypair::new();
    tool.keypair("other", &owner);
    let serial = "N-1";
    let deployment = tool.node.deployment();
    let wallet = deployment.grid_account(&owner.pubkey());
    tool.node.with(async |cluster| {
        let world = &mut cluster.world;
        let args = World::registration(serial, &owner.pubkey());
        let meter = world.register(args, owner.insecure_clone(), wallet).await;
        world.report(&meter, 3_600, 1_000, 0).await;
        world.fund(&wallet);
    });
    assert_eq!(
        tool.json_as("other", &["balance"])["token_account_exists"],
        false
    );
    assert_contains(&tool.refuse_as("other", &["retire", "1"]), &["has no GRID"]);
    let settled = tool.json_as("other", &["settle", serial]);
    assert_eq!(settled[0]["token_account_created"], true);
    assert_eq!(
        tool.json_as("other", &["balance"])["balance"],
        1_000_000_000
    );

    let prefunded = deployment.meter(&shared_state::state::meter_id("X-1").expect("an id"));
    tool.node
        .with(async |cluster| cluster.world.fund(&prefunded));
    assert_contains(
        &tool.refuse_as("owner", &["meter", "show", "X-1"]),
        &["the meter X-1 is not registered"],
    );
}

#[test]
fn a_priority_fee_is_that_of_the_limit_that_is_set() {
    let (tool, _) = with_a_meter();
    let base = &["--with-compute-unit-price", "1000000"][..];
    let dry = tool.json_as("owner", &[base, &["settle", "M-1", "--dry-run"]].concat());
    let done = tool.json_as("owner", &[base, &["settle", "M-1"]].concat());
    let fee = |value: &Value| {
        value[0]["transaction"]["fee_lamports"]
            .as_u64()
            .expect("a fee")
    };
    let units = |value: &Value| {
        value[0]["transaction"]["compute_units"]
            .as_u64()
            .expect("units")
    };
    assert_eq!(units(&dry), units(&done));
    // The real one has up to 1,000 units more, so that no two are equal.
    assert!(
        (fee(&dry)..fee(&dry) + 1_000).contains(&fee(&done)),
        "{} {}",
        fee(&dry),
        fee(&done)
    );
    assert!(fee(&dry) < 10_000 + 6_000, "{}", fee(&dry));
}

#[test]
fn many_meters_change_their_status_in_several_transactions() {
    let tool = Tool::new(async {
        let mut world = World::new().await;
        let first = world.active_meter("M-0").await;
        for index in 1..20 {
            world.meter_of(&first.owner, &format!("M-{index}")).await;
        }
        world
    });
    let names: Vec<String> = (0..20).map(|index| format!("M-{index}")).collect();
    let mut arguments = vec!["meter", "suspend", "M-0"];
    arguments.extend(names.iter().map(String::as_str));
    let done = tool.json_as("authority", &arguments);
    let changed: usize = done
        .as_array()
        .expect("transactions")
        .iter()
        .filter_map(|done| done["events"].as_array())
        .map(Vec::len)
        .sum();
    assert_eq!(changed, 20);
    let stderr = tool.refuse_as(
        "authority",
        &[
            "meter",
            "replace-device",
            "M-1",
            "--generation-register",
            "1",
            "--consumption-register",
            "2",
        ],
    );
    assert_contains(&stderr, &["--device-key"]);
    assert_contains(
        &tool.refuse_as("payer", &["events", "--limit", "0"]),
        &["0 is not in 1.."],
    );
}

#[test]
fn nobody_hears_of_a_reader_who_has_seen_enough() {
    let (tool, _) = with_a_meter();
    let mut command = tool.command(&["--url", &tool.node.url, "meter", "list"]);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the tool");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert!(!output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn init_changes_nothing_beside_a_config_that_points_elsewhere() {
    let elsewhere = Pubkey::new_unique();
    let tool = Tool::new(async {
        let mut world = World::uninitialized().await;
        let right = world.deployment;
        world.deployment.token_program = elsewhere;
        let [_, registry, _] = world.initialize();
        world.deployment = right;
        let authority = world.authority.insecure_clone();
        world.send(&[&authority], registry).await;
        world
    });
    let deployment = tool.node.deployment();
    let [oracle, token] =
        [deployment.oracle_program, deployment.token_program].map(|key| key.to_string());
    let init = [
        "init",
        "--oracle-program",
        &oracle,
        "--token-program",
        &token,
    ];
    let stderr = tool.refuse_as("authority", &init);
    let problem = format!("mints with {elsewhere}, which is not this deployment's {token}");
    assert_contains(&stderr, &["this deployment is not sound", &problem]);
    assert!(tool.node.with(async |cluster| cluster.history.is_empty()));
}

/// Somebody can fill a log until an event no longer fits: the transaction is named all the same.
#[test]
fn a_log_that_was_cut_off_is_named_though_no_event_is_left_in_it() {
    let (tool, _meter) = with_a_meter();
    let other = Pubkey::new_unique().to_string();
    tool.json_as("authority", &["reporter", "add", &other]);
    tool.json_as("owner", &["settle", "M-1"]);
    tool.node.with(async |cluster| {
        // What a validator keeps of a log of more than 10,000 bytes, when the event stood at its end.
        let transaction = &mut cluster.history[0];
        transaction.logs = vec![
            format!("Program {} invoke [1]", spl_token::ID),
            format!("Program {} success", spl_token::ID),
            "Log truncated".to_owned(),
        ];
    });
    let ran = tool.run_as("payer", &["events"]);
    assert!(ran.success, "{}", ran.stderr);
    assert!(ran.stdout.contains("was cut off"), "{}", ran.stdout);
    let ran = tool.run_as("payer", &["--output", "json-compact", "events"]);
    let is_named = ran.stdout.contains("\"log_truncated\":true");
    assert!(is_named, "{}", ran.stdout);
}
