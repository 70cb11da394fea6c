//! Transactions of other versions than legacy ones.

mod node;

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use gridtoken_tests::World;
use node::Tool;
use solana_program::pubkey::Pubkey;

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
