//! The tool as its users call it.

use std::{
    io::Write,
    process::{Command, Output},
};

/// A file in the system's temporary folder that is removed with this value.
struct TemporaryFile(std::path::PathBuf);

impl TemporaryFile {
    fn new(name: &str, content: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("gridtoken-bank-{}-{name}", std::process::id()));
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(content.as_bytes()))
            .expect("a temporary file");
        Self(path)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn bank(arguments: &[&str]) -> (Output, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gridtoken-bank"))
        .args(arguments)
        .output()
        .expect("the tool");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

const HEADER: &str = "meter_id,timestamp,generation_register_wh,consumption_register_wh\n";

#[test]
fn the_sample_ends_with_grid_in_wallets_and_a_supply_that_is_equal() {
    let (output, stdout, stderr) = bank(&["demo"]);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stdout.contains("6 meters registered; 567 readings accepted (1 flagged), 3 rejected"),
        "{stdout}"
    );
    for reason in [
        "line 247: FAULTY-006 rejected: RegisterJumped",
        "line 319: FAULTY-006 rejected: GenerationRegisterBackwards",
        "line 367: FAULTY-006 rejected: ReadingNotNewer",
    ] {
        assert!(stdout.contains(reason), "{reason}\n{stdout}");
    }
    assert!(stdout.contains("SOLAR-003"));
    assert!(stdout.trim_end().ends_with(": all rules hold"), "{stdout}");
}

#[test]
fn a_meter_whose_registers_went_back_is_told_what_mends_it() {
    let file = TemporaryFile::new(
        "back.csv",
        &format!("{HEADER}A,1767225600,1000,500\nA,1767232800,8500,2500\nA,1767236400,40,2600\n"),
    );
    let (output, stdout, stderr) = bank(&["demo", file.0.to_str().expect("a path")]);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stdout.contains("A: if another device is in its place: grid meter replace-device A --generation-register 40 --consumption-register 2600 --no-device-key"),
        "{stdout}"
    );
}

#[test]
fn fifteen_and_a_half_kilowatt_hours_in_unix_time() {
    // Baseline 1,000 Wh; 2 hours later 17,500 more generated and 2,000 consumed.
    let file = TemporaryFile::new(
        "units.csv",
        &format!("{HEADER}A,1767225600,1000,500\nA,1767232800,18500,2500\n"),
    );
    let (output, stdout, stderr) = bank(&["demo", file.0.to_str().expect("a path")]);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stdout.contains("17.500 kWh  2.000 kWh  15.500 kWh  15.5 "),
        "{stdout}"
    );
    assert!(stdout.contains(
        "1 meters have settled 15500 Wh x 10^6 = 15500000000; minted 15500000000, retired 0, otherwise burned 0, supply 15500000000: all rules hold"
    ));
}

#[test]
fn a_bad_line_is_skipped_unless_strict() {
    let file = TemporaryFile::new(
        "bad.csv",
        &format!("{HEADER}A,1767225600,0,0\nA,soon,5,5\nA,1767229200,1000,0\n"),
    );
    let path = file.0.to_str().expect("a path");
    let (output, stdout, _) = bank(&["demo", path]);
    assert!(output.status.success());
    assert!(
        stdout.starts_with("skipped line 3: timestamp \"soon\" is neither RFC 3339"),
        "{stdout}"
    );
    assert!(stdout.contains("1 readings accepted"));

    let (output, stdout, stderr) = bank(&["demo", "--strict", path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains("bad.csv: line 3: timestamp \"soon\""),
        "{stderr}"
    );
    assert_eq!(stdout, "");
}

#[test]
fn files_that_can_not_be_used_are_named() {
    let (output, _, stderr) = bank(&["demo", "/nowhere/readings.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.starts_with("error: /nowhere/readings.csv: No such file"),
        "{stderr}"
    );

    let file = TemporaryFile::new("columns.csv", "meter,when\nA,1\n");
    let path = file.0.to_str().expect("a path");
    let (_, _, stderr) = bank(&["demo", path]);
    assert!(
        stderr.contains("line 1: the columns must be meter_id,timestamp,"),
        "{stderr}"
    );

    let file = TemporaryFile::new("empty.csv", HEADER);
    let path = file.0.to_str().expect("a path");
    let (output, _, stderr) = bank(&["demo", path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("no usable reading"), "{stderr}");
}

#[test]
fn without_programs_it_says_how_to_build_them() {
    let output = Command::new(env!("CARGO_BIN_EXE_gridtoken-bank"))
        .arg("demo")
        .env("SBF_OUT_DIR", "/nowhere")
        .output()
        .expect("the tool");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains("build the programs with scripts/build-sbf"),
        "{stderr}"
    );
}

#[test]
fn a_demo_needs_a_clock_that_it_can_set() {
    let (output, _, stderr) = bank(&["demo", "--url", "localhost"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("--url"), "{stderr}");
    let (_, stdout, _) = bank(&["demo", "--help"]);
    assert!(
        stdout.contains("sets its bank's clock") && stdout.contains("grid init"),
        "{stdout}"
    );
}

#[test]
fn a_load_of_some_meters_loses_no_reading_and_mints_what_was_settled() {
    let (output, stdout, stderr) = bank(&[
        "load",
        "--meters",
        "21",
        "--reporters",
        "3",
        "--hours",
        "18",
        "--interval",
        "30",
    ]);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stdout.starts_with("21 meters of 6 owners registered"),
        "{stdout}"
    );
    assert!(
        stdout.contains("756 readings accepted, 0 rejected"),
        "{stdout}"
    );
    assert!(stdout.trim_end().ends_with(": all rules hold"), "{stdout}");
    for arguments in [
        ["--meters", "0"],
        ["--reporters", "17"],
        ["--hours", "0"],
        ["--interval", "61"],
    ] {
        let (output, _, stderr) = bank(&["load", arguments[0], arguments[1]]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr.contains(arguments[0]), "{stderr}");
    }
}
