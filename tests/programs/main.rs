//! Tests of the deployable programs through BanksClient, one module per theme.

use std::path::Path;

mod audit;
mod authorities;
mod bad_input;
mod batches;
mod claimable;
mod configuration;
mod corrections;
mod costs;
mod delegates;
mod false_registers;
mod histories;
mod holds;
mod household;
mod initialize;
mod meter_cases;
mod meter_life;
mod meters;
mod mint_limit;
mod minting;
mod oracle_admin;
mod quality;
mod readings;
mod recording;
mod registrations;
mod retirement;
mod revisions;
mod rollover;
mod security_txt;
mod settle_many;
mod settlement;
mod signed;
mod unsettled_balance;
mod widths;

/// Every error of the programs is one that some test here expects.
#[test]
fn every_error_is_expected_by_a_test() {
    let tests = source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("programs"));
    // What no transaction can bring about, and why.
    let unreachable = [
        "AccountInUse", // no instruction takes two accounts of one type for writing at the same time
        "SysvarUnavailable", // every cluster has a clock and a rent
    ];
    for error in (0..400).filter_map(shared_state::GridError::from_code) {
        let name = format!("{error:?}");
        let expected =
            tests.contains(&format!("GridError::{name}")) || tests.contains(&format!("({name})"));
        assert_eq!(!expected, unreachable.contains(&name.as_str()), "{name}");
    }
}

/// The text of all files in a folder and the folders in it.
fn source(folder: &Path) -> String {
    let mut text = String::new();
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        text += &match path.is_dir() {
            true => source(&path),
            false => std::fs::read_to_string(&path).expect("text"),
        };
    }
    text
}
