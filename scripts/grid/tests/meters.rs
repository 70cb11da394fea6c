//! Meters on a cluster: how they are registered, what goes wrong with them, and what mends it.

mod node;

use std::fmt::Write;

use gridtoken_client::readings::COLUMNS;
use gridtoken_tests::{World, START};
use node::{Ran, Tool};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

const HOUR: i64 = 3_600;

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "\"{part}\" is not in:\n{text}");
    }
}

/// Arguments that register a meter of 10 kW with these registers.
fn registration<'a>(serial: &'a str, owner: &'a str, registers: [&'a str; 2]) -> Vec<&'a str> {
    vec![
        "meter",
        "register",
        serial,
        "--activate",
        "--owner",
        owner,
        "--generation-capacity",
        "10000",
        "--consumption-capacity",
        "10000",
        "--generation-register",
        registers[0],
        "--consumption-register",
        registers[1],
    ]
}

/// A tool with a meter M-1 of 10 kW at these registers, and its owner's keypair as "owner".
fn with_a_meter(registers: [&str; 2], further: &[&str]) -> Tool {
    let tool = Tool::new(World::new());
    let owner = Keypair::new();
    tool.keypair("owner", &owner);
    let owner = owner.pubkey().to_string();
    let mut arguments = registration("M-1", &owner, registers);
    arguments.extend(further);
    tool.json_as("authority", &arguments);
    tool
}

/// Lets an hour pass, and submits these registers of M-1.
fn read(tool: &Tool, generation: u64, consumption: u64) -> Ran {
    let now = tool.node.with(async |cluster| {
        cluster.world.pass_time(HOUR).await;
        cluster.world.now
    });
    let mut file = COLUMNS.join(",") + "\n";
    writeln!(file, "M-1,{now},{generation},{consumption}").expect("a string");
    let file = tool.file("reading.csv", &file);
    tool.run_as("reporter", &["readings", "submit", &file])
}

/// The same for a reading that must be accepted.
fn accept(tool: &Tool, generation: u64, consumption: u64) {
    let ran = read(tool, generation, consumption);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stderr, ran.stdout);
    assert_contains(&ran.stdout, &["1 accepted"]);
}

fn show(tool: &Tool) -> Value {
    tool.json_as("payer", &["meter", "show", "M-1"])
}

fn shown(tool: &Tool) -> String {
    tool.run_as("payer", &["meter", "show", "M-1"]).stdout
}

/// Runs a command that the tool has told, as the registry authority.
fn do_as_told(tool: &Tool, text: &str, beginning: &str) -> Value {
    let at = text.find(beginning).expect("a command");
    let line = text[at..].lines().next().expect("a line");
    let line = line.split(", and send").next().expect("a command");
    let arguments: Vec<&str> = line.split(' ').skip(1).collect();
    tool.json_as("authority", &arguments)
}

#[test]
fn what_a_registration_can_say() {
    let tool = Tool::new(World::new());
    let [owner, delegate] = [(); 2].map(|()| Keypair::new().pubkey().to_string());
    let key = "021d140b8da2b3cc46c5327445fe82365267b746386f619f1e4debf8cb34184bc7";
    let mut register = registration("M-1", &owner, ["1000", "2000"]);
    register.extend(["--delegate", &delegate, "--device-key", key]);
    register.extend(["--register-digits", "6", "--register-unit", "kWh"]);
    let done = tool.json_as("authority", &register);
    let event = &done["events"][0];
    assert_eq!(event["delegate"], delegate);
    assert_eq!(event["register_modulus"], 1_000_000_000);
    assert_eq!(
        (&event["device_key_type"], &event["device_key"]),
        (&json!(2), &json!(key))
    );
    assert_contains(
        &tool.run_as("payer", &["events", "M-1"]).stdout,
        &[&format!(
            "MeterRegistered meter_id=M-1 owner={owner} delegate={delegate} device_key={key}"
        )],
    );
    let meter = show(&tool);
    assert_eq!(meter["delegate"], delegate);
    assert_eq!(meter["register_modulus"], 1_000_000_000);
    assert_eq!(
        (&meter["device_key"], &meter["device_key_type"]),
        (&json!(key), &json!(2))
    );
    assert_contains(
        &shown(&tool),
        &["consumption 2000 Wh; from 0 again at 1000000000 Wh", key],
    );

    // Anew, with another owner and modulus: it goes on counting its changes.
    let other = Keypair::new().pubkey().to_string();
    let mut register = registration("M-1", &other, ["1000", "2000"]);
    register.extend(["--register-modulus", "4294967296"]);
    tool.json_as("authority", &register);
    let meter = show(&tool);
    assert_eq!(
        (
            &meter["owner"],
            &meter["register_modulus"],
            &meter["device_key"]
        ),
        (&json!(other), &json!(4_294_967_296u64), &Value::Null)
    );

    for (further, problem) in [
        (&["--register-digits", "6"][..], "--register-unit"),
        (
            &["--register-digits", "0", "--register-unit", "kWh"],
            "0 digits",
        ),
        (
            &["--register-digits", "20", "--register-unit", "kWh"],
            "20 digits",
        ),
        (&["--register-modulus", "1000"], "RegisterBeyondModulus"),
        (
            &["--device-key", "02ff"],
            "neither an Ed25519 key in base58",
        ),
    ] {
        let mut register = registration("M-2", &owner, ["1000", "2000"]);
        register.extend(further);
        assert_contains(&tool.refuse_as("authority", &register), &[problem]);
    }
    let off_curve = format!("02{}", "ff".repeat(32));
    let mut register = registration("M-2", &owner, ["1000", "2000"]);
    register.extend(["--device-key", &off_curve]);
    assert_contains(
        &tool.refuse_as("authority", &register),
        &["not a point on the curve P-256"],
    );
}

#[test]
fn owners_that_are_no_wallet_need_force() {
    let tool = Tool::new(World::new());
    let deployment = tool.node.deployment();
    let token_account = tool.node.with(async |cluster| {
        let account = Keypair::new().pubkey();
        let (_, wallet) = cluster.world.owner().await;
        let bank = &mut cluster.world.bank;
        let copy = gridtoken_client::cluster::Cluster::account(bank, &wallet).await;
        bank.set_account(&account, copy.expect("an answer").expect("an account"));
        account
    });
    let state = Keypair::new().pubkey();
    tool.node.with(async |cluster| {
        let account = solana_account::Account::new(1_000_000, 8, &deployment.oracle_program);
        cluster.world.bank.set_account(&state, account);
    });
    let derived = deployment.registry_config();
    for (owner, problem) in [
        (derived, "its address is off the curve".to_owned()),
        (token_account, "it is a token account".to_owned()),
        (spl_token::ID, "it is a program".to_owned()),
        (
            state,
            format!(
                "it is an account of the program {}",
                deployment.oracle_program
            ),
        ),
    ] {
        let owner = owner.to_string();
        let register = registration("M-1", &owner, ["0", "0"]);
        let stderr = tool.refuse_as("authority", &register);
        assert_contains(&stderr, &["is no wallet", &problem, "--force"]);
    }
    let derived = derived.to_string();
    let mut register = registration("M-1", &derived, ["0", "0"]);
    register.push("--force");
    tool.json_as("authority", &register);
    // A wallet that nobody has sent anything yet is one.
    let wallet = Keypair::new().pubkey().to_string();
    tool.json_as("authority", &registration("M-2", &wallet, ["0", "0"]));
}

#[test]
fn a_false_baseline_is_held_and_put_right() {
    let tool = with_a_meter(["0", "0"], &[]);
    let ran = read(&tool, 285_000, 40_000);
    assert_eq!(ran.code, Some(1));
    let command = "grid meter replace-device M-1 --generation-register 285000 --consumption-register 40000 --no-device-key";
    assert_contains(
        &ran.stdout,
        &[
            "RegisterJumped: line 2",
            "what to do about M-1:",
            "if the registers that it was registered with (0 and 0 Wh) were false",
            command,
        ],
    );
    let meter = show(&tool);
    assert_eq!(
        meter["held"],
        json!({
            "generation_register": 285_000,
            "consumption_register": 40_000,
            "held_at": START + HOUR,
        })
    );
    assert_contains(
        &shown(&tool),
        &[
            "held            generation 285000 Wh after 0 Wh, consumption 40000 Wh after 0 Wh since 2026-01-01T01:00:00Z (0 s ago)",
            command,
        ],
    );
    let status = tool.json_as("payer", &["status"]);
    assert_eq!(
        (&status["meters"], &status["held_meters"]),
        (&json!(1), &json!(1))
    );
    assert_contains(
        &tool.run_as("payer", &["status"]).stdout,
        &["1, 1 of them with a held register"],
    );
    assert_contains(
        &tool.run_as("payer", &["meter", "list"]).stdout,
        &["active, held"],
    );
    let events = tool.run_as("payer", &["events", "M-1"]).stdout;
    assert_contains(
        &events,
        &["RegisterHoldBegan meter_id=M-1 held_generation_register=285000"],
    );

    let done = do_as_told(&tool, &ran.stdout, "grid meter replace-device");
    let names: Vec<&Value> = done["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| &event["event"])
        .collect();
    assert_eq!(names, ["RegisterHoldEnded", "DeviceReplaced"]);
    accept(&tool, 287_000, 40_100);
    let meter = show(&tool);
    assert_eq!(
        (
            &meter["held"],
            &meter["total_generation"],
            &meter["remedies"]
        ),
        (&Value::Null, &json!(2_000), &json!([]))
    );
}

#[test]
fn a_false_reading_is_corrected() {
    let tool = with_a_meter(["1000", "1000"], &[]);
    // 8 kWh that were never produced, then the true register.
    accept(&tool, 9_000, 1_000);
    let ran = read(&tool, 1_500, 1_100);
    assert_contains(
        &ran.stdout,
        &[
            "GenerationRegisterBackwards: line 2",
            "if the last reading, 9000 Wh at 2026-01-01T01:00:00Z, was false: grid meter correct M-1 --generation-register 1500 --consumption-register 1000",
            "if another device is in its place: grid meter replace-device M-1 --generation-register 1500 --consumption-register 1100 --no-device-key",
        ],
    );
    let correct = ["meter", "correct", "M-1"];
    let with = |registers: [&'static str; 2]| {
        let mut arguments = correct.to_vec();
        arguments.extend(["--generation-register", registers[0]]);
        arguments.extend(["--consumption-register", registers[1]]);
        arguments
    };
    assert_contains(
        &tool.refuse_as("owner", &with(["1500", "1000"])),
        &["Unauthorized"],
    );
    assert_contains(
        &tool.refuse_as("authority", &with(["9001", "1000"])),
        &["InvalidCorrection"],
    );
    let done = do_as_told(&tool, &ran.stdout, "grid meter correct");
    assert_eq!(done["events"][0]["event"], "RegistersCorrected");
    assert_eq!(done["events"][0]["old_generation_register"], 9_000);
    let meter = show(&tool);
    assert_eq!(
        (&meter["total_generation"], &meter["generation_register"]),
        (&json!(500), &json!(1_500))
    );
    accept(&tool, 1_600, 1_100);
}

#[test]
fn registers_that_start_again_from_zero() {
    let tool = with_a_meter(["99995000", "50"], &[]);
    accept(&tool, 99_998_000, 50);
    let ran = read(&tool, 1_000, 60);
    assert_contains(
        &ran.stdout,
        &["the registers seem to have started again from zero at 100000000 Wh (5 digits of kWh)"],
    );
    assert_contains(
        &shown(&tool),
        &["--generation-register 99998000 --consumption-register 50 --register-modulus 100000000 --no-device-key"],
    );
    do_as_told(&tool, &ran.stdout, "grid meter replace-device");
    accept(&tool, 1_500, 60);
    let meter = show(&tool);
    // 3,000 up to the first reading, 3,500 from it to the last one.
    assert_eq!(meter["total_generation"], 6_500);
    // Another device keeps the modulus, if nothing else is said.
    let replace = ["meter", "replace-device", "M-1", "--no-device-key"];
    let registers = ["--generation-register", "5", "--consumption-register", "6"];
    tool.json_as("authority", &[&replace[..], &registers].concat());
    assert_eq!(show(&tool)["register_modulus"], 100_000_000);
    let never = ["--register-modulus", "0"];
    tool.json_as("authority", &[&replace[..], &registers, &never].concat());
    assert_eq!(show(&tool)["register_modulus"], 0);
}

#[test]
fn a_rated_power_that_is_too_low_is_put_right() {
    let tool = with_a_meter(["0", "0"], &[]);
    accept(&tool, 1_000, 0);
    let ran = read(&tool, 16_000, 0);
    assert_contains(
        &ran.stdout,
        &["GenerationAboveRatedPower: line 2", "otherwise leave it"],
    );
    do_as_told(&tool, &ran.stdout, "grid meter limits");
    let meter = show(&tool);
    assert_eq!(
        (
            &meter["generation_capacity_w"],
            &meter["consumption_capacity_w"]
        ),
        (&json!(15_000), &json!(10_000))
    );
    accept(&tool, 17_000, 0);
    assert_eq!(show(&tool)["total_generation"], 17_000);
}

#[test]
fn what_is_claimable_and_what_not_yet() {
    let tool = with_a_meter(["0", "0"], &[]);
    accept(&tool, 9_000, 0);
    // Below the minimum from here on; what has been counted stays claimable.
    let minimum = ["registry", "minimum-quality", "9000"];
    assert_contains(
        &tool.refuse_as("authority", &minimum),
        &["QualityOutOfReach", "say that all meters sign"],
    );
    let all = [&minimum[..], &["--all-meters-sign"]].concat();
    tool.json_as("authority", &all);
    accept(&tool, 11_000, 0);
    let meter = show(&tool);
    assert_eq!(
        (&meter["claimable_wh"], &meter["unsettled_wh"]),
        (&json!(9_000), &json!(11_000))
    );
    let waiting = &meter["not_yet_claimable"][0];
    assert_eq!(
        (&waiting["wh"], &waiting["error"]),
        (&json!(2_000), &json!("QualityTooLow"))
    );
    assert_contains(
        &shown(&tool),
        &[
            "claimable now   9 GRID (9.000 kWh)",
            "not yet         2.000 kWh: nothing is claimable yet: what was counted at too low a quality",
        ],
    );
    let balance = tool.json_as("owner", &["balance"]);
    assert_eq!(
        (&balance["claimable_wh"], &balance["unsettled_wh"]),
        (&json!(9_000), &json!(11_000))
    );
    // And what the mint limit leaves.
    let limit = ["minting", "limit", "--burst", "4", "--per-second", "0.001"];
    tool.json_as("authority", &limit);
    assert_contains(
        &tool.run_as("owner", &["balance"]).stdout,
        &[
            "11.000 kWh unsettled at 1 meters, 4 GRID of it claimable now",
            "2.000 kWh not yet claimable: nothing is claimable yet",
            "5.000 kWh not yet claimable: the mint limit is used up",
        ],
    );
    tool.json_as("authority", &["meter", "suspend", "M-1"]);
    let balance = tool.json_as("owner", &["balance"]);
    let waiting = &balance["not_yet_claimable"];
    assert_eq!(
        (&waiting[0]["error"], &waiting[0]["wh"], &waiting[1]),
        (&json!("MeterNotActive"), &json!(11_000), &Value::Null)
    );
}

#[test]
fn the_jump_factor_is_a_rule() {
    let tool = with_a_meter(["0", "0"], &[]);
    let rules = ["oracle", "rules", "--jump-factor"];
    tool.json_as("authority", &[&rules[..], &["10"]].concat());
    assert_eq!(
        tool.json_as("payer", &["status"])["oracle"]["rules"]["jump_factor"],
        10
    );
    assert_contains(
        &tool.refuse_as("authority", &[&rules[..], &["0"]].concat()),
        &["InvalidRules"],
    );
    let ran = read(&tool, 60_000, 0);
    assert_contains(&ran.stdout, &["GenerationAboveRatedPower"]);
}

#[test]
fn a_retirement_leaves_a_receipt() {
    let tool = with_a_meter(["0", "0"], &[]);
    accept(&tool, 9_000, 0);
    tool.json_as("owner", &["settle", "M-1"]);
    let beneficiary = Pubkey::new_unique().to_string();
    let retire = [
        "retire",
        "1.5",
        "--nonce",
        "2026",
        "--reference",
        "heat pump",
        "--beneficiary",
        &beneficiary,
    ];
    let done = tool.json_as("owner", &retire);
    assert_eq!(done["events"][0]["nonce"], 2_026);
    let receipt = done["retirement"].as_str().expect("an address").to_owned();
    assert_contains(
        &tool.refuse_as("owner", &retire),
        &["AlreadyInitialized", "account: Retirement"],
    );
    let ran = tool.run_as("owner", &["retire", "2"]);
    assert_contains(&ran.stdout, &["receipt ", "grid retirement show "]);

    let found = tool.json_as("payer", &["retirement", "show", &receipt]);
    assert_eq!(found["amount"], 1_500_000_000);
    assert_eq!(found["retired_at"], START + HOUR);
    assert_eq!(
        (&found["beneficiary"], &found["reference"]),
        (&json!(beneficiary), &json!("heat pump"))
    );
    assert_contains(
        &tool
            .run_as("payer", &["retirement", "show", &receipt])
            .stdout,
        &["amount          1.5 GRID", "reference       heat pump"],
    );
    let listed = tool.json_as("owner", &["retirement", "list"]);
    let amounts: Vec<u64> = listed
        .as_array()
        .expect("receipts")
        .iter()
        .filter_map(|receipt| receipt["amount"].as_u64())
        .collect();
    assert_eq!(amounts.iter().sum::<u64>(), 3_500_000_000);
    assert_eq!(amounts.len(), 2);
    assert_eq!(tool.json_as("payer", &["retirement", "list"]), json!([]));
    let mint = tool.node.deployment().mint().to_string();
    assert_contains(
        &tool.refuse_as("payer", &["retirement", "show", &mint]),
        &["is not a Retirement"],
    );
}

#[test]
fn a_delegate_that_was_registered_settles_to_the_owner() {
    let delegate = Keypair::new();
    let key = delegate.pubkey().to_string();
    let tool = with_a_meter(["0", "0"], &["--delegate", &key]);
    tool.keypair("delegate", &delegate);
    accept(&tool, 9_000, 0);
    tool.json_as("delegate", &["settle", "--all"]);
    assert_eq!(
        tool.json_as("owner", &["balance"])["balance"],
        9_000_000_000u64
    );
}
