//! Transactions of other versions than legacy ones.

mod node;

use std::{
    fmt::Write,
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use gridtoken_client::readings::COLUMNS;
use gridtoken_tests::{World, START};
use node::Tool;
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_message::VersionedMessage;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

const DAY: i64 = 86_400;

/// A tool, and four reporters that were added one after the other: the second in a transaction of version 1, the third in
/// one of version 2.
fn with_versions() -> (Tool, [String; 4]) {
    let tool = Tool::new(World::new());
    let reporters = [(); 4].map(|()| Pubkey::new_unique().to_string());
    for reporter in &reporters {
        tool.json_as("authority", &["reporter", "add", reporter]);
    }
    tool.node.with(async |cluster| {
        let last = cluster.history.len() - 4;
        for (index, version) in [(1, 1), (2, 2)] {
            let signature = cluster.history[last + index].transaction.signatures[0];
            cluster.versions.insert(signature.to_string(), version);
        }
    });
    (tool, reporters)
}

/// Anybody can send a transaction that names our programs, in a version that comes tomorrow: the events behind it are shown.
#[test]
fn events_go_on_behind_a_transaction_that_can_not_be_read() {
    let (tool, reporters) = with_versions();
    let ran = tool.run_as("payer", &["events"]);
    assert!(ran.success, "{}", ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ran.stdout);
    for (line, reporter) in lines.iter().zip([0, 1, 3].map(|index| &reporters[index])) {
        assert!(line.contains(reporter), "{line}");
    }
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("passed over: the transaction "));
    assert!(ran
        .stderr
        .contains("of a version that this tool can't read"));
}

#[test]
fn whoever_follows_goes_on_too() {
    let (tool, reporters) = with_versions();
    let mut child = tool
        .command(&["--url", &tool.node.url, "events", "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    for index in [0, 1, 3] {
        assert!(next().contains(&reporters[index]));
    }
    let new = Pubkey::new_unique().to_string();
    tool.json_as("authority", &["reporter", "add", &new]);
    assert!(next().contains(&new));
    child.kill().expect("it was running");
    let mut said = String::new();
    let mut errors = child.stderr.take().expect("its errors");
    errors.read_to_string(&mut said).expect("text");
    let _ = child.wait();
    // Once, not at every look.
    assert_eq!(said.matches("passed over").count(), 1, "{said}");
}

/// A tool and active meters M-0, M-1, ... that were registered a day ago, on a cluster that has activated version 1.
fn a_day_later(meters: usize) -> Tool {
    let tool = Tool::new(async {
        let mut world = World::new().await;
        for index in 0..meters {
            world.active_meter(&format!("M-{index}")).await;
        }
        world.pass_time(DAY).await;
        world
    });
    tool.node.with(async |cluster| cluster.has_version_1 = true);
    tool
}

/// A file of a reading of each of these meters.
fn one_of_each(meters: usize, generation: u64) -> String {
    let mut file = COLUMNS.join(",") + "\n";
    for meter in 0..meters {
        writeln!(file, "M-{meter},{},{generation},10", START + DAY).expect("a string");
    }
    file
}

/// How many readings went in each transaction of version 1 and in each legacy one, and the bytes of the longest log.
fn batches(tool: &Tool) -> ([Vec<usize>; 2], usize) {
    tool.node.with(async |cluster| {
        let mut batches = [Vec::new(), Vec::new()];
        let mut longest = 0;
        for done in &cluster.history {
            let message = &done.transaction.message;
            let version = usize::from(!matches!(message, VersionedMessage::V1(_)));
            // The oracle's instruction is the last; its four accounts beside the meters.
            let submit = message.instructions().last().expect("an instruction");
            batches[version].push(submit.accounts.len() - 4);
            longest = longest.max(done.logs.iter().map(String::len).sum());
        }
        batches.iter_mut().for_each(|batches| batches.sort());
        (batches, longest)
    })
}

/// So many that the log shows what became of each, even if all of their registers jump.
#[test]
fn a_batch_of_version_1_is_as_large_as_its_log() {
    for (generation, accepted) in [(1_000, 60), (900_000_000, 0)] {
        let tool = a_day_later(60);
        let file = tool.file("readings.csv", &one_of_each(60, generation));
        let done = tool.submit(&file, i32::from(accepted == 0));
        assert_eq!(done["accepted"], accepted, "{done}");
        if accepted == 0 {
            assert_eq!(done["rejected"]["RegisterJumped"]["count"], 60, "{done}");
        }
        let ([version_1, legacy], longest) = batches(&tool);
        assert_eq!((version_1, legacy), (vec![18, 42], vec![]));
        assert!(longest < 10_000, "{longest}");
    }
}

#[test]
fn a_cluster_without_version_1_gets_legacy_transactions() {
    let tool = a_day_later(40);
    tool.node
        .with(async |cluster| cluster.has_version_1 = false);
    let file = tool.file("readings.csv", &one_of_each(40, 1_000));
    let ran = tool.run_as("reporter", &["readings", "submit", &file]);
    assert!(ran.stdout.contains("40 accepted"), "{}", ran.stdout);
    // None of version 1 was tried.
    assert!(!ran.stderr.contains("version"), "{}", ran.stderr);
    let ([version_1, legacy], _) = batches(&tool);
    assert_eq!((version_1, legacy.iter().sum::<usize>()), (vec![], 40));
    assert!(legacy.iter().all(|count| *count <= 16), "{legacy:?}");
}

/// Not every node is of the cluster's newest release.
#[test]
fn a_node_that_takes_no_version_1_gets_legacy_transactions() {
    let tool = a_day_later(60);
    tool.node
        .with(async |cluster| cluster.takes_version_1 = false);
    let file = tool.file("readings.csv", &one_of_each(60, 1_000));
    for command in [
        &["readings", "submit", &file, "--dry-run"][..],
        &["readings", "submit", &file],
    ] {
        let ran = tool.run_as("reporter", command);
        assert!(ran.success, "{}\n{}", ran.stderr, ran.stdout);
        let told = "the node takes no transactions of version 1, so legacy ones go";
        assert_eq!(ran.stderr.matches(told).count(), 1, "{}", ran.stderr);
    }
    let ([version_1, legacy], _) = batches(&tool);
    assert_eq!((version_1, legacy.iter().sum::<usize>()), (vec![], 60));
}

/// A day under one signature takes a transaction of version 1.
#[test]
fn a_days_readings_under_one_signature() {
    let tool = a_day_later(0);
    let device = Keypair::new();
    let key = tool.keypair("device", &device);
    tool.node
        .with(async |cluster| cluster.world.set_time(START).await);
    tool.register("S-1", &Keypair::new().pubkey(), &["--device-key", &key]);
    tool.node.with(async |cluster| {
        cluster.world.set_time(START + DAY).await;
        cluster.history.clear();
    });
    let mut plain = COLUMNS.join(",") + "\n";
    for step in 1..=96 {
        let time = START + step * 900;
        writeln!(plain, "S-1,{time},{},{step}", step * 1_000).expect("a string");
    }
    let plain = tool.file("plain.csv", &plain);
    let sign = ["readings", "sign", "--per-signature", "96", &plain];
    let signed = tool.run_as("device", &sign);
    assert!(signed.success, "{}", signed.stderr);
    let file = tool.file("signed.csv", &signed.stdout);

    let submit = |tool: &Tool, takes: bool, code| -> Value {
        tool.node
            .with(async |cluster| cluster.takes_version_1 = takes);
        tool.submit(&file, code)
    };
    let done = submit(&tool, false, 1);
    assert_eq!(
        (&done["accepted"], &done["transactions"]),
        (&json!(0), &json!(0)),
        "{done}"
    );
    assert!(
        done["not_sent"].to_string().contains("sign fewer at once"),
        "{done}"
    );
    let done = submit(&tool, true, 0);
    assert_eq!(
        (&done["accepted"], &done["transactions"]),
        (&json!(96), &json!(1)),
        "{done}"
    );
}
