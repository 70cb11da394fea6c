//! Files of readings on their way to a cluster that loses, delays and refuses transactions.

mod node;

use std::{
    fmt::Write,
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use gridtoken_client::readings::COLUMNS;
use gridtoken_tests::{World, START};
use node::{Arrival, Tool};
use serde_json::{json, Value};
use shared_state::{
    quantity::{Bps, Wh},
    state::{meter_id, Meter},
};
use solana_keypair::Keypair;
use solana_signer::Signer;

const NOT_NEWER: &str = "not newer than the meter's last reading";
const DAY: i64 = 86_400;
const STEP: i64 = 900;

/// A P-256 key as OpenSSL writes it, and its public half.
const P256_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsYCqv2gh7IrfddZr
szeXtQv/+K75xc9tslCpyoEcfn6hRANCAAQdFAuNorPMRsUydEX+gjZSZ7dGOG9h
nx5N6/jLNBhLxwAafCmuEvXVIflPC/85wgZ+gEHhQ0t2MfMx6cif/Noy
-----END PRIVATE KEY-----
";
const P256_PUBLIC: &str = "021d140b8da2b3cc46c5327445fe82365267b746386f619f1e4debf8cb34184bc7";

/// A tool and active meters M-0, M-1, ... that were registered a day ago.
fn a_day_later(meters: usize) -> Tool {
    let tool = Tool::new(async {
        let mut world = World::new().await;
        for index in 0..meters {
            world.active_meter(&format!("M-{index}")).await;
        }
        world.pass_time(DAY).await;
        world
    });
    // A blockhash is valid for 150 blocks: here, for a few seconds.
    tool.node.with(async |cluster| cluster.blocks = 20);
    tool
}

/// A file's first line.
fn header() -> String {
    COLUMNS.join(",") + "\n"
}

/// A file of readings of these meters: a kilowatt-hour more in each of the last intervals of the day.
fn readings(meters: usize, intervals: i64) -> String {
    let mut file = header();
    for step in 1..=intervals {
        for meter in 0..meters {
            let time = START + DAY + (step - intervals) * STEP;
            writeln!(file, "M-{meter},{time},{},{}", step * 1_000, step * 10).expect("a string");
        }
    }
    file
}

fn meter(tool: &Tool, serial: &str) -> Meter {
    let address = tool
        .node
        .deployment()
        .meter(&meter_id(serial).expect("an id"));
    tool.node
        .with(async |cluster| cluster.world.read(&address).await)
}

/// Asserts how many readings each of the first meters has accepted, whatever was recorded as rejected.
fn assert_accepted(tool: &Tool, expected: &[u64]) {
    for (index, expected) in expected.iter().enumerate() {
        let meter = meter(tool, &format!("M-{index}"));
        assert_eq!(meter.state.accepted_count, *expected, "M-{index}");
    }
}

/// Asserts how many readings each of the first meters has accepted and rejected.
fn assert_counts(tool: &Tool, expected: &[(u64, u64)]) {
    for (index, expected) in expected.iter().enumerate() {
        let meter = meter(tool, &format!("M-{index}"));
        assert_eq!(
            (meter.state.accepted_count, meter.rejected_count),
            *expected,
            "M-{index}"
        );
    }
}

/// How many lines were skipped.
fn skipped(done: &Value) -> u64 {
    let reasons = done["skipped"].as_object().expect("reasons");
    reasons
        .values()
        .filter_map(|lines| lines["count"].as_u64())
        .sum()
}

/// Starts a submission in the background.
fn start(tool: &Tool, file: &str) -> Child {
    let [reporter, payer] = ["reporter", "payer"].map(|name| tool.path(name));
    tool.command(&[
        "--url",
        &tool.node.url,
        "--keypair",
        reporter.to_str().expect("a path"),
        "--fee-payer",
        payer.to_str().expect("a path"),
        "readings",
        "submit",
        file,
    ])
    .stdout(Stdio::null())
    .spawn()
    .expect("the tool")
}

/// Waits for something that must happen soon.
fn wait_until(tool: &Tool, what: impl Fn(&node::FakeCluster) -> bool) {
    let began = Instant::now();
    while !tool.node.with(async |cluster| what(cluster)) {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "it did not happen"
        );
        sleep(Duration::from_millis(20));
    }
}

/// Lets a submission send transactions that are kept back, and kills it.
fn killed_submission(tool: &Tool, file: &str, transactions: usize) {
    tool.node.with(async |cluster| cluster.hold = true);
    let mut child = start(tool, file);
    wait_until(tool, |cluster| cluster.held.len() >= transactions);
    child.kill().expect("it was running");
    child.wait().expect("its end");
    tool.node.with(async |cluster| cluster.hold = false);
}

#[test]
fn a_file_is_sent_in_large_batches_and_not_a_second_time() {
    let tool = a_day_later(20);
    let file = tool.file("day.csv", &readings(20, 10));
    let done = tool.json_as("reporter", &["readings", "submit", &file]);
    assert_eq!(
        (&done["accepted"], &done["rejected"]),
        (&json!(200), &json!({}))
    );
    assert_counts(&tool, &[(10, 0); 20]);
    // Some 28 readings of three meters fit into each; the rest of a meter goes when its first ones have arrived.
    let transactions = done["transactions"].as_u64().expect("a number");
    assert!((7..=10).contains(&transactions), "{done}");
    let fees = tool.node.with(async |cluster| {
        let sizes = cluster
            .history
            .iter()
            .map(|done| bincode::serialize(&done.transaction).expect("bytes").len());
        let largest = sizes.max().expect("transactions");
        assert!((1_180..=1_232).contains(&largest), "{largest}");
        cluster.history.len() as u64 * 10_000
    });
    assert_eq!(done["fee_lamports"], fees);

    let again = tool.json_as("reporter", &["readings", "submit", &file]);
    assert_eq!(
        (
            &again["accepted"],
            &again["skipped"][NOT_NEWER]["count"],
            &again["transactions"]
        ),
        (&json!(0), &json!(200), &json!(0))
    );
    assert_counts(&tool, &[(10, 0); 20]);
    let shown = tool
        .run_as("reporter", &["readings", "submit", &file])
        .stdout;
    assert!(
        shown.contains("200 skipped: not newer than the meter's last reading: line 2, "),
        "{shown}"
    );
}

#[test]
fn bad_readings_are_recorded_with_their_lines_and_cost_the_others_nothing() {
    let tool = a_day_later(3);
    let end = START + DAY;
    let now = end + 60;
    tool.node
        .with(async |cluster| cluster.world.set_time(now).await);
    let mut file = readings(3, 4);
    // Lines 14 to 16: at the end, more than M-0 can have generated, a register of M-1 that goes back, and a line twice.
    for (meter, generation) in [(0, 7_000), (1, 5)] {
        writeln!(file, "M-{meter},{now},{generation},50").expect("a string");
    }
    writeln!(file, "M-2,{end},4000,40").expect("a string");
    let path = tool.file("bad.csv", &file);

    let done = tool.submit(&path, 1);
    assert_eq!(done["accepted"], 12);
    assert_eq!(
        done["rejected"],
        json!({
            "GenerationAboveRatedPower": { "count": 1, "first_lines": [14] },
            "GenerationRegisterBackwards": { "count": 1, "first_lines": [15] },
        })
    );
    assert_eq!(
        done["skipped"],
        json!({ "twice in the file": { "count": 1, "first_lines": [16] } })
    );
    assert_eq!(done["failed_transactions"], 0);
    assert_counts(&tool, &[(4, 1), (4, 1), (4, 0)]);
    // What mends them, with arguments that can be used.
    let remedies = |meter: &str| done["remedies"][meter].to_string();
    assert!(
        remedies("M-0").contains("grid meter limits M-0 --generation-capacity 180000"),
        "{done}"
    );
    assert!(
        remedies("M-1")
            .contains("grid meter correct M-1 --generation-register 5 --consumption-register 40"),
        "{done}"
    );
    assert_eq!(done["remedies"]["M-2"], Value::Null);
    let shown = tool.run_as("payer", &["meter", "show", "M-1"]).stdout;
    assert!(
        shown.contains("grid meter correct M-1 --generation-register 5"),
        "{shown}"
    );
    let quality = meter(&tool, "M-0").state.quality;

    // A second time they are recorded again, and cost no quality.
    let again = tool.submit(&path, 1);
    assert_eq!(
        (&again["accepted"], &json!(skipped(&again))),
        (&json!(0), &json!(13))
    );
    assert_counts(&tool, &[(4, 2), (4, 2), (4, 0)]);
    assert_eq!(meter(&tool, "M-0").state.quality, quality);

    let later = file + &format!("M-0,{},5000,60\n", end + 600);
    tool.node
        .with(async |cluster| cluster.world.set_time(end + 600).await);
    let path = tool.file("later.csv", &later);
    let shown = tool.run_as("reporter", &["readings", "submit", &path]);
    assert!(
        shown.stdout.contains("1 accepted") && !shown.stdout.contains("about M-0"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stderr.contains("error: 2 lines were rejected"),
        "{}",
        shown.stderr
    );
    assert_counts(&tool, &[(5, 3), (4, 3), (4, 0)]);
}

#[test]
fn what_gets_lost_is_sent_again() {
    let tool = a_day_later(40);
    let file = tool.file("day.csv", &readings(40, 2));
    // So many that some are sent anew with another blockhash, others again as they are.
    tool.node.with(async |cluster| cluster.lose = 5);
    let done = tool.json_as("reporter", &["readings", "submit", &file]);
    assert_eq!(done["accepted"], 80);
    assert_counts(&tool, &[(2, 0); 40]);
    tool.node.with(async |cluster| {
        assert_eq!(cluster.lose, 0);
        assert!(cluster.history.iter().all(|done| done.error.is_none()));
        assert!(cluster.calls["sendTransaction"] > cluster.history.len() as u64 + 4);
    });

    // Slower blocks: it is sent again before its blockhash expires.
    let tool = a_day_later(1);
    tool.node.with(async |cluster| {
        cluster.blocks = 1;
        cluster.lose = 1;
    });
    let file = tool.file("day.csv", &readings(1, 2));
    let done = tool.json_as("reporter", &["readings", "submit", &file]);
    assert_eq!(
        (&done["accepted"], &done["transactions"]),
        (&json!(2), &json!(1))
    );
}

#[test]
fn killed_while_transactions_are_on_their_way_and_started_again() {
    for arrival in [Arrival::Before, Arrival::After] {
        let tool = a_day_later(12);
        tool.node.with(async |cluster| cluster.blocks = 2);
        let file = tool.file("day.csv", &readings(12, 12));
        killed_submission(&tool, &file, 3);
        tool.node.with(async |cluster| {
            cluster.arrival = arrival;
            // Another blockhash, so that no transaction is the same as one that was sent before.
            cluster.pass_blocks(60);
        });
        let done = tool.json_as("reporter", &["readings", "submit", &file]);
        assert_accepted(&tool, &[12; 12]);
        let (accepted, before) = (&done["accepted"], json!(skipped(&done)));
        assert_eq!(
            accepted.as_u64().zip(before.as_u64()).map(|(a, b)| a + b),
            Some(144),
            "{arrival:?} {done}"
        );
        assert_eq!(done["rejected"], json!({}));
        tool.node
            .with(async |cluster| assert!(cluster.held.is_empty()));
        // What arrives twice is recorded as such, and costs nothing.
        let twice: u64 = (0..12)
            .map(|index| meter(&tool, &format!("M-{index}")).rejected_count)
            .sum();
        assert!(twice > 0, "{arrival:?}: nothing arrived twice");
    }
}

#[test]
fn killed_while_a_bad_reading_is_on_its_way_and_started_again() {
    let tool = a_day_later(1);
    let file = header() + &format!("M-0,{},90000000,0\n", START + DAY);
    let file = tool.file("bad.csv", &file);
    killed_submission(&tool, &file, 1);
    tool.node.with(async |cluster| cluster.pass_blocks(60));
    // It takes no more time than a good one.
    let began = Instant::now();
    tool.submit(&file, 1);
    assert!(began.elapsed() < Duration::from_secs(10));
    let quality = meter(&tool, "M-0").state.quality;
    // The first one arrives now, and is charged no more.
    tool.node.with(async |cluster| cluster.release().await);
    assert_counts(&tool, &[(0, 2)]);
    assert_eq!(meter(&tool, "M-0").state.quality, quality);
}

#[test]
fn two_reporters_with_the_same_file() {
    let tool = a_day_later(4);
    let other = Keypair::new();
    tool.keypair("other", &other);
    tool.json_as(
        "authority",
        &["reporter", "add", &other.pubkey().to_string()],
    );
    let file = tool.file("day.csv", &readings(4, 60));
    let mut child = start(&tool, &file);
    let done = tool.json_as("other", &["readings", "submit", &file]);
    assert!(child.wait().expect("its end").success());
    assert_accepted(&tool, &[60; 4]);
    assert_eq!(done["rejected"], json!({}));
}

#[test]
fn what_can_not_succeed_is_not_sent_and_said() {
    let tool = a_day_later(3);
    tool.json_as("authority", &["meter", "suspend", "M-1"]);
    let end = START + DAY;
    let lines = format!(
        "M-0,{end},1,0\nM-1,{end},1,0\nX-1,{end},1,0\nM-2,{},1,0\nM-2,soon,1,0\nM-0,{},1,0\nM-0,{end},2,0\nM-0,{end},1,0\n",
        end + 61,
        START - 1,
    );
    let file = tool.file("some.csv", &(header() + &lines));
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(!ran.success);
    for part in [
        "1 accepted",
        "1 not sent: lines that can't be used: line 6",
        "1 not sent: the meter M-1 is not active, send them when it is (grid meter show M-1): line 3",
        "1 not sent: the meter X-1 is not registered: line 4",
        "1 not sent: from the future, of which the oracle takes 60 s: check the clock that they were taken by: line 5",
        "1 not sent: the time of another line of its meter, with other registers: line 8",
        "1 skipped: twice in the file: line 9",
        "1 skipped: from before the meter's registration: line 7",
    ] {
        assert!(ran.stdout.contains(part), "{part}\n{}", ran.stdout);
    }
    assert!(
        ran.stderr.contains("skipped line 6: timestamp \"soon\""),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("error: 5 lines were not sent, for the reasons above"),
        "{}",
        ran.stderr
    );
    assert_counts(&tool, &[(1, 0), (0, 0), (0, 0)]);

    let strict = tool.refuse_as("reporter", &["readings", "submit", "--strict", &file]);
    assert!(
        strict.contains("some.csv: line 6: timestamp \"soon\""),
        "{strict}"
    );
    let file = tool.file(
        "strict.csv",
        &(header() + &lines.replace("M-2,soon,1,0\n", "")),
    );
    let strict = tool.refuse_as("reporter", &["readings", "submit", "--strict", &file]);
    assert!(
        strict.contains("line 3: the meter M-1 is not active"),
        "{strict}"
    );

    // Older than the oracle takes.
    tool.node
        .with(async |cluster| cluster.world.set_time(end + 8 * DAY).await);
    let file = tool.file("old.csv", &(header() + &format!("M-2,{},1,0\n", end + 60)));
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("1 skipped: older than the oracle takes readings; nothing is lost, because registers are cumulative"),
        "{}",
        ran.stdout
    );
    assert_counts(&tool, &[(1, 0), (0, 0), (0, 0)]);
}

#[test]
fn submissions_that_can_not_begin() {
    let tool = a_day_later(1);
    let file = tool.file("day.csv", &readings(1, 1));
    let stderr = tool.refuse_as("authority", &["readings", "submit", &file]);
    assert!(
        stderr.contains("is not a reporter of this oracle"),
        "{stderr}"
    );
    let stderr = tool.refuse_as("reporter", &["readings", "submit", "/nowhere.csv"]);
    assert!(stderr.contains("/nowhere.csv: No such file"), "{stderr}");
    let columns = tool.file("columns.csv", "meter,when\nA,1\n");
    let stderr = tool.refuse_as("reporter", &["readings", "submit", &columns]);
    assert!(
        stderr.contains("line 1: the columns must be meter_id"),
        "{stderr}"
    );
    let empty = tool.file("empty.csv", &header());
    let stderr = tool.refuse_as("reporter", &["readings", "submit", &empty]);
    assert!(stderr.contains("the file has no readings"), "{stderr}");
    tool.json_as("authority", &["oracle", "pause"]);
    let stderr = tool.refuse_as("reporter", &["readings", "submit", &file]);
    assert!(stderr.contains("the oracle is paused"), "{stderr}");
    tool.json_as("authority", &["oracle", "resume"]);
    // A payer without SOL: refused before anything is sent, and said.
    let reporter = tool.path("reporter");
    let ran = tool.run(&[
        "--url",
        &tool.node.url,
        "--keypair",
        reporter.to_str().expect("a path"),
        "readings",
        "submit",
        &file,
    ]);
    assert!(!ran.success);
    assert!(
        ran.stderr
            .contains("the fee payer has no SOL on this cluster"),
        "{}",
        ran.stderr
    );
    assert_counts(&tool, &[(0, 0)]);
}

#[test]
fn a_dry_run_tries_everything_and_sends_nothing() {
    let tool = a_day_later(2);
    let bad = format!("M-1,{},90000000,50\n", START + DAY + 60);
    tool.node
        .with(async |cluster| cluster.world.set_time(START + DAY + 60).await);
    let file = tool.file("day.csv", &(readings(2, 3) + &bad));
    let dry = ["--dry-run", "--output", "json", "readings", "submit", &file];
    let tried = tool.run_as("reporter", &dry);
    assert_eq!(tried.code, Some(1));
    let tried: Value = serde_json::from_str(&tried.stdout).expect("JSON");
    assert_eq!(
        (&tried["accepted"], &tried["dry_run"]),
        (&json!(6), &json!(true))
    );
    assert_eq!(
        tried["rejected"]["RegisterJumped"]["first_lines"],
        json!([8])
    );
    assert!(tried["compute_units"].as_u64() > Some(2_000));
    assert_counts(&tool, &[(0, 0), (0, 0)]);
    let shown = tool
        .run_as("reporter", &["--dry-run", "readings", "submit", &file])
        .stdout;
    assert!(
        shown.contains("6 would be accepted") && shown.contains("dry run: nothing was sent"),
        "{shown}"
    );
}

#[test]
fn a_device_signs_its_readings() {
    let tool = a_day_later(1);
    let device = Keypair::new();
    let key = tool.keypair("device", &device);
    let p256 = tool.file("device.pem", P256_KEY);
    tool.node
        .with(async |cluster| cluster.world.set_time(START).await);
    tool.register("S-1", &Keypair::new().pubkey(), &["--device-key", &key]);
    tool.register("S-2", &Keypair::new().pubkey(), &["--device-key", &p256]);
    tool.node
        .with(async |cluster| cluster.world.set_time(START + DAY).await);
    let shown = tool.json_as("payer", &["meter", "show", "S-2"]);
    assert_eq!(shown["device_key"], P256_PUBLIC);

    for (serial, signer, transactions) in [("S-1", "device", 3), ("S-2", "device.pem", 3)] {
        let plain = readings(1, 50).replace("M-0", serial);
        let file = tool.file("plain.csv", &plain);
        let ran = tool.run_as("reporter", &["readings", "submit", &file]);
        assert!(
            ran.stdout.contains(&format!(
                "50 not sent: the meter {serial} signs its readings, send a signed file"
            )),
            "{}",
            ran.stdout
        );
        let signed = tool.run_as(signer, &["readings", "sign", &file]);
        assert!(signed.success, "{}", signed.stderr);
        let first = format!("meter_id,timestamp,generation_register_wh,consumption_register_wh,signature\n{serial},");
        assert!(signed.stdout.starts_with(&first));
        let signatures: std::collections::BTreeSet<&str> = signed
            .stdout
            .lines()
            .skip(1)
            .filter_map(|line| line.rsplit(',').next())
            .collect();
        assert_eq!(signatures.len(), 3, "20, 20 and 10 readings");
        let file = tool.file("signed.csv", &signed.stdout);
        let done = tool.submit(&file, 0);
        assert_eq!(
            (&done["accepted"], &done["transactions"]),
            (&json!(50), &json!(transactions)),
            "{done}"
        );
        assert_eq!(meter(&tool, serial).state.accepted_count, 50);
        // A second time, nothing is sent.
        let again = tool.submit(&file, 0);
        assert_eq!(again["transactions"], 0);
    }

    // Several signatures go in one transaction; those of the two kinds in two.
    tool.node
        .with(async |cluster| cluster.world.set_time(START + DAY + 240).await);
    let mut file = String::new();
    for (serial, signer) in [("S-1", "device"), ("S-2", "device.pem")] {
        let mut plain = header();
        for step in 1..=3 {
            let time = START + DAY + step * 60;
            writeln!(plain, "{serial},{time},{},500", 50_000 + step).expect("a string");
        }
        let plain = tool.file("plain.csv", &plain);
        let each = ["readings", "sign", "--per-signature", "1", &plain];
        let signed = tool.run_as(signer, &each).stdout;
        let skip = if file.is_empty() { 0 } else { 1 };
        for line in signed.lines().skip(skip) {
            file += &format!("{line}\n");
        }
    }
    let done = tool.submit(&tool.file("each.csv", &file), 0);
    assert_eq!(
        (&done["accepted"], &done["transactions"]),
        (&json!(6), &json!(2)),
        "{done}"
    );
}

#[test]
fn signed_files_that_are_not_right() {
    let tool = a_day_later(1);
    let key = tool.keypair("device", &Keypair::new());
    tool.node
        .with(async |cluster| cluster.world.set_time(START).await);
    tool.register("S-1", &Keypair::new().pubkey(), &["--device-key", &key]);
    tool.node
        .with(async |cluster| cluster.world.set_time(START + DAY).await);
    let plain = readings(1, 10).replace("M-0", "S-1");
    let file = tool.file("plain.csv", &plain);
    let signed = tool.run_as("device", &["readings", "sign", &file]).stdout;
    let lines: Vec<&str> = signed.lines().collect();

    // Another register under the old signature, and one line less under it.
    for forged in [
        signed.replace(",10000,", ",10001,"),
        signed.replace(&format!("{}\n", lines[5]), ""),
    ] {
        let file = tool.file("forged.csv", &forged);
        let ran = tool.run_as("reporter", &["readings", "submit", &file]);
        assert_eq!(ran.code, Some(1));
        assert!(
            ran.stdout
                .contains("not sent: the signature is not by the device of S-1"),
            "{}",
            ran.stdout
        );
    }
    // More than a transaction has room for.
    let many = tool.file("many.csv", &readings(1, 40).replace("M-0", "S-1"));
    let many = tool.run_as(
        "device",
        &["readings", "sign", "--per-signature", "40", &many],
    );
    let file = tool.file("many.csv", &many.stdout);
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(
        ran.stdout.contains(
            "40 not sent: its signature covers 40 readings, more than a transaction has room for"
        ),
        "{}",
        ran.stdout
    );
    // A meter without a key, no signature at all.
    let file = tool.file("unkeyed.csv", &signed.replace("S-1", "M-0"));
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(
        ran.stdout
            .contains("10 not sent: the meter M-0 has no device key"),
        "{}",
        ran.stdout
    );
    let none = format!("{}\nS-1,{},1,2,soon\n", lines[0], START);
    let ran = tool.run_as(
        "reporter",
        &["readings", "submit", &tool.file("none.csv", &none)],
    );
    assert!(
        ran.stderr
            .contains("line 2: signature \"soon\" is not a signature of 64 bytes in base58"),
        "{}",
        ran.stderr
    );
    assert_eq!(meter(&tool, "S-1").rejected_count, 0);

    let two = tool.file("two.csv", &readings(2, 1));
    let stderr = tool.refuse_as("device", &["readings", "sign", &two]);
    assert!(
        stderr.contains("line 3: M-1 is another meter than M-0"),
        "{stderr}"
    );
    let bad = tool.file("bad.csv", &(plain + "S-1,soon,1,2\n"));
    let ran = tool.run_as("device", &["readings", "sign", &bad]);
    assert!(
        !ran.success && ran.stderr.contains("1 lines were not signed"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_largest_batches_stay_within_their_limit_of_compute_units() {
    // The most expensive accepted readings are unusual in every way; the most expensive rejected ones have an event each.
    let tool = a_day_later(20);
    tool.node.with(async |cluster| {
        for index in 0..20 {
            let address = cluster
                .world
                .deployment
                .meter(&meter_id(&format!("M-{index}")).expect("an id"));
            let seasoned = |meter: &mut Meter| {
                meter.state.accepted_count = 1_000;
                meter.state.quality = Bps(8_500);
                meter.state.profile.generation_mean_w = 1;
                meter.state.profile.consumption_mean_w = 1;
            };
            cluster.world.edit(&address, seasoned).await;
        }
    });
    let mut file = header();
    for step in 0..36 {
        // Unusual, late and after a gap; and beyond the rated power.
        let time = START + 4_000 + step * 2_000;
        writeln!(
            file,
            "M-0,{time},{},{}",
            (step + 1) * 50_000,
            (step + 1) * 50_000
        )
        .expect("a string");
        writeln!(file, "M-1,{time},9000000000,0").expect("a string");
    }
    for meter in 2..20 {
        writeln!(file, "M-{meter},{},20000000,0", START + 4_000).expect("a string");
    }
    let file = tool.file("dear.csv", &file);
    let done = tool.submit(&file, 1);
    assert_eq!(done["accepted"], 36);
    assert_eq!(done["rejected"]["RegisterJumped"]["count"], 54);
    tool.node.with(async |cluster| {
        let mut dearest = 0;
        for done in &cluster.history {
            assert_eq!(done.error, None, "{:?}", done.logs);
            let limit = u64::from(u32::from_le_bytes(
                done.transaction.message.instructions()[0].data[1..5]
                    .try_into()
                    .expect("four bytes"),
            ));
            dearest = dearest.max(done.units * 100 / limit);
        }
        // Neither close to the limit nor a limit that is out of all proportion, which would cost a priority fee.
        assert!((60..=95).contains(&dearest), "{dearest} % of the limit");
    });
}

#[test]
fn json_says_the_same_as_the_table() {
    let tool = a_day_later(1);
    let file = tool.file("day.csv", &readings(1, 2));
    let ran = tool.run_as(
        "reporter",
        &["--output", "json", "readings", "submit", &file],
    );
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["accepted"], 2);
    assert_eq!(
        json["flagged"].as_object().map(|flags| flags.len()),
        Some(1),
        "{json}"
    );
}

#[test]
fn a_meter_that_is_suspended_meanwhile_keeps_its_readings_for_later() {
    let tool = a_day_later(2);
    let file = tool.file("day.csv", &readings(2, 40));
    tool.node.with(async |cluster| cluster.hold = true);
    let child = tool
        .command(&[
            "--url",
            &tool.node.url,
            "--keypair",
            tool.path("reporter").to_str().expect("a path"),
            "--fee-payer",
            tool.path("payer").to_str().expect("a path"),
            "--output",
            "json-compact",
            "readings",
            "submit",
            &file,
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tool");
    wait_until(&tool, |cluster| !cluster.held.is_empty());
    tool.node.with(async |cluster| {
        cluster.suspend("M-1").await;
        cluster.hold = false;
        cluster.release().await;
    });
    let output = child.wait_with_output().expect("its end");
    assert!(!output.status.success());
    let done: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let reason = "the meter M-1 is not active, send them when it is (grid meter show M-1)";
    assert_eq!(done["not_sent"][reason]["count"], 40, "{done}");
    assert_accepted(&tool, &[40, 0]);

    tool.json_as("authority", &["meter", "activate", "M-1"]);
    tool.json_as("reporter", &["readings", "submit", &file]);
    assert_accepted(&tool, &[40, 40]);
}

#[test]
fn what_was_rejected_for_a_passing_reason_is_sent_again() {
    let tool = a_day_later(1);
    let end = START + DAY;
    // Recorded as rejected while the meter was suspended, by another tool.
    tool.json_as("authority", &["meter", "suspend", "M-0"]);
    let reading = shared_state::reading::Reading {
        timestamp: end - 900,
        generation_register: Wh(1_000),
        consumption_register: Wh(0),
    };
    let deployment = tool.node.deployment();
    let submit = tool.node.with(async |cluster| {
        let reporter = cluster.world.reporter.insecure_clone();
        let meter = deployment.meter(&meter_id("M-0").expect("an id"));
        let submit = deployment.submit_readings(&reporter.pubkey(), false, &[(meter, reading)]);
        cluster.world.send(&[&reporter], submit).await
    });
    assert_eq!(submit.events()[0].name(), "MeterReadingRejected");
    tool.json_as("authority", &["meter", "activate", "M-0"]);
    let lines = format!("M-0,{},1000,0\nM-0,{end},90000000,0\n", end - 900);
    let file = tool.file("day.csv", &(header() + &lines));
    let done = tool.submit(&file, 1);
    assert_eq!(
        (&done["accepted"], skipped(&done)),
        (&json!(1), 0),
        "{done}"
    );
    assert_eq!(done["rejected"]["RegisterJumped"]["count"], 1);
    assert_counts(&tool, &[(1, 2)]);
}

#[test]
fn lamports_at_a_meters_address_are_no_meter() {
    let tool = a_day_later(1);
    tool.node.with(async |cluster| {
        let address = cluster
            .world
            .deployment
            .meter(&meter_id("X-1").expect("an id"));
        cluster.world.fund(&address);
    });
    let file = tool.file(
        "day.csv",
        &(readings(1, 1) + &format!("X-1,{},1,0\n", START + DAY)),
    );
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(
        ran.stdout.contains("1 accepted"),
        "{}\n{}",
        ran.stdout,
        ran.stderr
    );
    assert!(
        ran.stdout
            .contains("1 not sent: the meter X-1 is not registered"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_node_that_fails_now_and_then_or_takes_no_transactions() {
    let tool = a_day_later(3);
    let file = tool.file("day.csv", &readings(3, 40));
    let methods = [
        "getLatestBlockhash",
        "sendTransaction",
        "getBlockHeight",
        "getSignatureStatuses",
        "getTransaction",
    ];
    tool.node
        .with(async |cluster| cluster.failures = methods.map(|method| (method, 503)).to_vec());
    let done = tool.json_as("reporter", &["readings", "submit", &file]);
    assert_eq!((&done["accepted"], &done["left"]), (&json!(120), &json!(0)));
    assert_counts(&tool, &[(40, 0); 3]);
    tool.node
        .with(async |cluster| assert!(cluster.failures.is_empty(), "{:?}", cluster.failures));

    let tool = a_day_later(1);
    let file = tool.file("day.csv", &readings(1, 2));
    tool.node
        .with(async |cluster| cluster.failures.push(("sendTransaction", 403)));
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(
        ran.stderr.contains("the node did not take the transaction") && ran.stderr.contains("403"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("2 left: start again"), "{}", ran.stdout);
}

#[test]
fn exit_codes_tell_what_is_missing() {
    let tool = a_day_later(1);
    let end = START + DAY;
    // Lines closer together than the oracle takes them are thinned, also on a second try.
    let mut file = header();
    for step in 0..5 {
        let time = end - 200 + step * 30;
        writeln!(file, "M-0,{time},{},0", 100 + step).expect("a string");
    }
    let file = tool.file("thin.csv", &file);
    let done = tool.submit(&file, 0);
    assert_eq!(
        (&done["accepted"], skipped(&done)),
        (&json!(3), 2),
        "{done}"
    );
    let again = tool.submit(&file, 0);
    assert_eq!((&again["accepted"], skipped(&again)), (&json!(0), 5));
    assert_counts(&tool, &[(3, 0)]);

    // Lines that can't be used, also when no other is left: each is named.
    let file = tool.file(
        "bad.csv",
        &(header() + "M-0,1767225600000,1,0\nM-0,soon,1,0\n"),
    );
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("skipped line 2: timestamp \"1767225600000\" is not in the years 2000 to 2100: milliseconds?")
            && ran.stderr.contains("skipped line 3"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stdout
            .contains("2 not sent: lines that can't be used: line 2, 3"),
        "{}",
        ran.stdout
    );
    let ran = tool.run_as("reporter", &["readings", "submit"]);
    assert_eq!(ran.code, Some(2));
    let reporter = tool.path("reporter");
    let reporter = reporter.to_str().expect("a path");
    let nowhere = ["--url", "http://127.0.0.1:9", "--keypair", reporter];
    let ran = tool.run(&[&nowhere[..], &["readings", "submit", &file]].concat());
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
}

#[test]
fn long_serial_numbers_are_submitted_under_their_ids() {
    let tool = a_day_later(0);
    let serials = [
        "DE0001234567890123456789012345678",
        "550E8400-E29B-41D4-A716-446655440000",
    ];
    tool.node
        .with(async |cluster| cluster.world.set_time(START).await);
    for serial in serials {
        tool.register(serial, &Keypair::new().pubkey(), &[]);
    }
    tool.node
        .with(async |cluster| cluster.world.set_time(START + DAY).await);
    let mut file = header();
    for serial in serials {
        writeln!(file, "{serial},{},1000,0", START + DAY).expect("a string");
    }
    let done = tool.submit(&tool.file("long.csv", &file), 0);
    assert_eq!(done["accepted"], 2);
    // Either form shows the meter.
    for name in [serials[0], "#D4a9wLr9xg3Hu3XgaJhy2npL72Lu8ux"] {
        let shown = tool.json_as("payer", &["meter", "show", name]);
        assert_eq!(shown["meter_id"], "#D4a9wLr9xg3Hu3XgaJhy2npL72Lu8ux");
        assert_eq!(shown["accepted_count"], 1);
    }
    let shown = tool.run_as("payer", &["meter", "show", serials[1]]).stdout;
    assert!(
        shown.contains(
            "550E8400-E29B-41D4-A716-446655440000 (550e8400e29b41d4a716446655440000 on the chain)"
        ),
        "{shown}"
    );
    let listed = tool.json_as("payer", &["meter", "list", serials[1]]);
    assert_eq!(listed[0]["meter_id"], "550e8400e29b41d4a716446655440000");
}

#[test]
fn a_dry_run_that_ends_early_says_what_is_left() {
    let tool = a_day_later(1);
    let file = tool.file("day.csv", &readings(1, 60));
    tool.node
        .with(async |cluster| cluster.failures.push(("simulateTransaction", 503)));
    let ran = tool.run_as("reporter", &["--dry-run", "readings", "submit", &file]);
    assert!(!ran.success);
    assert!(
        ran.stdout.contains("60 left: start again"),
        "{}",
        ran.stdout
    );
}
