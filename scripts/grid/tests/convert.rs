//! `grid readings convert`.

use std::{path::Path, process::Command};

fn convert(arguments: &[&str]) -> (bool, String, String) {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/tests");
    let output = Command::new(env!("CARGO_BIN_EXE_grid"))
        .current_dir(samples)
        .args(["readings", "convert"])
        .args(arguments)
        .output()
        .expect("the tool");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn a_utilitys_file_becomes_gridtokens() {
    let (success, stdout, stderr) =
        convert(&["files/10-semicolon-decimal-comma.csv", "--unit", "kWh"]);
    assert!(success, "{stderr}");
    let mut lines = stdout.lines();
    let header = "meter_id,timestamp,generation_register_wh,consumption_register_wh";
    assert_eq!(lines.next(), Some(header));
    let registers = |line: &str| -> Vec<i64> {
        line.split(',')
            .skip(2)
            .map(|wh| wh.parse().expect("Wh"))
            .collect()
    };
    let first = registers(lines.next().expect("a line"));
    let last = registers(lines.last().expect("a line"));
    // 43.876 kWh net.
    assert_eq!((last[0] - first[0]) - (last[1] - first[1]), 43_876);
}

#[test]
fn nothing_is_written_while_something_is_in_doubt() {
    let (success, stdout, stderr) = convert(&["files/08-kwh-whole.csv"]);
    assert!(!success && stdout.is_empty(), "{stdout}");
    assert!(stderr.contains("--unit"), "{stderr}");
    assert!(stderr.contains("error: something is in doubt"), "{stderr}");
}
