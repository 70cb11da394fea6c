//! Tests of the deployable programs through BanksClient, one module per theme.

mod audit;
mod authorities;
mod bad_input;
mod batches;
mod configuration;
mod costs;
mod household;
mod initialize;
mod meter_life;
mod meters;
mod mint_limit;
mod minting;
mod oracle_admin;
mod readings;
mod retirement;
mod security_txt;
mod settle_many;
mod settlement;
mod signed;
mod unsettled_balance;

/// Every error of the programs is one that some test here expects.
#[test]
fn every_error_is_expected_by_a_test() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let mut tests = String::new();
    for file in std::fs::read_dir(folder).expect("the tests") {
        tests += &std::fs::read_to_string(file.expect("a file").path()).expect("text");
    }
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
