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
use shared_state::state::{meter_id, Meter};
use solana_keypair::Keypair;
use solana_signer::Signer;

const NOT_NEWER: &str = "not newer than the meter's last reading";
const DAY: i64 = 86_400;
const STEP: i64 = 900;

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

/// Asserts how many readings each of the first meters has accepted and rejected.
fn assert_counts(tool: &Tool, expected: &[(u64, u64)]) {
    for (index, expected) in expected.iter().enumerate() {
        let meter = meter(tool, &format!("M-{index}"));
        assert_eq!(
            (meter.accepted_count, meter.rejected_count),
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
fn bad_readings_are_recorded_once_with_their_lines_and_cost_the_others_nothing() {
    let tool = a_day_later(3);
    let (end, mut file) = (START + DAY, readings(3, 4));
    // Lines 14 to 16: at the end, a spike of M-0, a register of M-1 that goes back, and a line that is there twice.
    for (meter, generation) in [(0, 90_000_000), (1, 5)] {
        writeln!(file, "M-{meter},{},{generation},50", end + 30).expect("a string");
    }
    writeln!(file, "M-2,{end},4000,40").expect("a string");
    let path = tool.file("bad.csv", &file);
    tool.node
        .with(async |cluster| cluster.world.set_time(end + 30).await);
    // Below the minimum interval they would be too soon.
    tool.node
        .with(async |cluster| cluster.world.set_time(end + 60).await);
    let file = file.replace(&(end + 30).to_string(), &(end + 60).to_string());
    tool.file("bad.csv", &file);

    let done = tool.json_as(
        "reporter",
        &[
            "--with-compute-unit-price",
            "1000",
            "readings",
            "submit",
            &path,
        ],
    );
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
    let quality = meter(&tool, "M-0").quality;

    // A second time, they are found among the meters' transactions.
    let again = tool.json_as("reporter", &["readings", "submit", &path]);
    assert_eq!(
        (
            &again["accepted"],
            &again["rejected"],
            &json!(skipped(&again))
        ),
        (&json!(0), &json!({}), &json!(15))
    );
    assert_counts(&tool, &[(4, 1), (4, 1), (4, 0)]);
    assert_eq!(meter(&tool, "M-0").quality, quality);

    let later = file + &format!("M-0,{},5000,60\n", end + 600);
    tool.node
        .with(async |cluster| cluster.world.set_time(end + 600).await);
    let path = tool.file("later.csv", &later);
    let shown = tool.run_as("reporter", &["readings", "submit", &path]);
    assert!(shown.success, "{}", shown.stderr);
    assert!(
        shown.stdout.contains("1 accepted") && shown.stdout.contains("0 rejected"),
        "{}",
        shown.stdout
    );
    assert_counts(&tool, &[(5, 1), (4, 1), (4, 0)]);
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
        assert_counts(&tool, &[(12, 0); 12]);
        let (accepted, before) = (&done["accepted"], json!(skipped(&done)));
        assert_eq!(
            accepted.as_u64().zip(before.as_u64()).map(|(a, b)| a + b),
            Some(144),
            "{arrival:?} {done}"
        );
        assert_eq!(done["rejected"], json!({}));
        let failed = tool.node.with(async |cluster| {
            assert!(cluster.held.is_empty());
            cluster
                .history
                .iter()
                .filter(|done| done.error.is_some())
                .count()
        });
        assert!(failed > 0, "{arrival:?}: nothing arrived twice");
    }
}

#[test]
fn killed_while_a_bad_reading_is_on_its_way_and_started_again() {
    let tool = a_day_later(1);
    let file = header() + &format!("M-0,{},90000000,0\n", START + DAY);
    let file = tool.file("bad.csv", &file);
    killed_submission(&tool, &file, 1);
    tool.node.with(async |cluster| cluster.blocks = 2);
    // It arrives while the second submission waits for the end of its blockhash.
    let mut child = start(&tool, &file);
    let asked = |cluster: &node::FakeCluster| cluster.calls["getBlockHeight"];
    let before = tool.node.with(async |cluster| asked(cluster));
    wait_until(&tool, |cluster| asked(cluster) > before + 4);
    assert!(
        child.try_wait().expect("a state").is_none(),
        "it did not wait"
    );
    tool.node.with(async |cluster| {
        cluster.release().await;
        cluster.blocks = 200;
    });
    assert!(child.wait().expect("its end").success());
    assert_counts(&tool, &[(0, 1)]);
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
    assert_counts(&tool, &[(60, 0); 4]);
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
        "1 not sent: from the future, of which the oracle takes 60 s: line 5",
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

    // Older than the oracle takes: sending it would only cost the meter quality.
    tool.node
        .with(async |cluster| cluster.world.set_time(end + 8 * DAY).await);
    let file = tool.file("old.csv", &(header() + &format!("M-2,{},1,0\n", end + 60)));
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(
        ran.stdout
            .contains("1 not sent: older than the 604800 s that the oracle takes: line 2"),
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
    assert!(stderr.contains("no usable reading"), "{stderr}");
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
    let tried = tool.json_as("reporter", &["--dry-run", "readings", "submit", &file]);
    assert_eq!(
        (&tried["accepted"], &tried["dry_run"]),
        (&json!(6), &json!(true))
    );
    assert_eq!(
        tried["rejected"]["GenerationAboveRatedPower"]["first_lines"],
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
    tool.node
        .with(async |cluster| cluster.world.set_time(START).await);
    tool.register("S-1", &Keypair::new().pubkey(), &["--device-key", &key]);
    tool.node
        .with(async |cluster| cluster.world.set_time(START + DAY).await);
    let plain = readings(1, 10).replace("M-0", "S-1");
    let file = tool.file("plain.csv", &plain);
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(
        ran.stdout
            .contains("10 not sent: the meter S-1 signs its readings, send a signed file"),
        "{}",
        ran.stdout
    );

    let signed = tool.run_as("device", &["readings", "sign", &file]);
    assert!(signed.success, "{}", signed.stderr);
    assert!(signed.stdout.starts_with(
        "meter_id,timestamp,generation_register_wh,consumption_register_wh,signature\nS-1,"
    ));
    let file = tool.file("signed.csv", &signed.stdout);
    let done = tool.json_as("reporter", &["readings", "submit", &file]);
    assert_eq!(
        (&done["accepted"], &done["transactions"]),
        (&json!(10), &json!(4))
    );
    assert_eq!(meter(&tool, "S-1").accepted_count, 10);

    // Another register under the old signature, another device's key, a meter without one, no signature at all.
    let lines: Vec<&str> = signed.stdout.lines().collect();
    let forged = format!(
        "{}\n{}\n",
        lines[0],
        lines[10].replace(",10000,", ",10001,")
    );
    let file = tool.file(
        "forged.csv",
        &forged.replace("2026-01-02T00:00:00Z", "2026-01-02T00:01:00Z"),
    );
    tool.node
        .with(async |cluster| cluster.world.set_time(START + DAY + 60).await);
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(
        ran.stdout
            .contains("not sent: the signature is not by the device of S-1"),
        "{}",
        ran.stdout
    );
    let unkeyed = signed.stdout.replace("S-1", "M-0");
    let file = tool.file("unkeyed.csv", &unkeyed);
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(
        ran.stdout
            .contains("10 not sent: the meter M-0 has no device key"),
        "{}",
        ran.stdout
    );
    let file = tool.file(
        "none.csv",
        &format!("{}\nS-1,{},1,2,soon\n", lines[0], START),
    );
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(ran.stderr.contains("no usable reading"), "{}", ran.stderr);

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
                meter.accepted_count = 1_000;
                meter.quality = 8_500;
                meter.profile.generation_mean_w = 1;
                meter.profile.consumption_mean_w = 1;
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
    let done = tool.json_as("reporter", &["readings", "submit", &file]);
    assert_eq!(done["accepted"], 36);
    assert_eq!(done["rejected"]["GenerationAboveRatedPower"]["count"], 54);
    tool.node.with(async |cluster| {
        let mut dearest = 0;
        for done in &cluster.history {
            assert_eq!(done.error, None, "{:?}", done.logs);
            let limit = u64::from(u32::from_le_bytes(
                done.transaction.message.instructions[0].data[1..5]
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
    assert_counts(&tool, &[(40, 0), (0, 0)]);

    tool.json_as("authority", &["meter", "activate", "M-1"]);
    tool.json_as("reporter", &["readings", "submit", &file]);
    assert_counts(&tool, &[(40, 0), (40, 0)]);
}

#[test]
fn what_was_rejected_for_a_passing_reason_is_sent_again() {
    let tool = a_day_later(1);
    let end = START + DAY;
    // Recorded as rejected while the meter was suspended, by another tool.
    tool.json_as("authority", &["meter", "suspend", "M-0"]);
    let reading = shared_state::reading::Reading {
        timestamp: end - 900,
        generation_register: 1_000,
        consumption_register: 0,
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
    let done = tool.json_as("reporter", &["readings", "submit", &file]);
    assert_eq!(
        (&done["accepted"], skipped(&done)),
        (&json!(1), 0),
        "{done}"
    );
    assert_eq!(done["rejected"]["GenerationAboveRatedPower"]["count"], 1);
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
    // The first question for the height is not repeated: nothing has begun.
    let stderr = tool.refuse_as("reporter", &["readings", "submit", &file]);
    assert!(stderr.contains("503"), "{stderr}");
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
fn a_meter_that_is_suspended_while_it_waits_keeps_its_readings_too() {
    let tool = a_day_later(1);
    let end = START + DAY;
    let lines = format!("M-0,{},1000,0\nM-0,{end},90000000,0\n", end - 900);
    let file = tool.file("bad.csv", &(header() + &lines));
    tool.node.with(async |cluster| cluster.blocks = 1);
    let mut child = start(&tool, &file);
    let asked = |cluster: &node::FakeCluster| cluster.calls.get("getBlockHeight").copied();
    wait_until(&tool, |cluster| asked(cluster) > Some(4));
    tool.node.with(async |cluster| {
        cluster.suspend("M-0").await;
        cluster.pass_blocks(1_000);
    });
    assert!(!child.wait().expect("its end").success());
    assert_counts(&tool, &[(0, 0)]);
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
