//! Measures what every instruction costs on the deployable programs, and rewrites the tables and plots in `tests/bench/`.
//!
//! `bench` measures, prints each figure with its change against the committed table, and rewrites the files; `bench
//! --check` fails instead if they would change, or if a figure is above its ceiling. Compute units are deterministic: the
//! same programs give the same figures on every machine.

mod cases;
mod growth;
mod measure;
mod signed;
mod version_1;

use std::{fmt::Write, path::Path, process::ExitCode};

use gridtoken_bank::embedded::program_folder;
use measure::Row;
use shared_state::state::{AccountLayout, Meter, OracleConfig, RegistryConfig, TokenConfig};
use solana_program::rent::Rent;

/// The most that an instruction may take, for those that run all the time: a hundredth above the last figure. Rejections and
/// signed readings take more than they did, because jumps are told apart and readings are taken out of the signed bytes.
const CEILINGS: [(&str, &str, u64); 13] = [
    ("SettleAndMintTokens", "no mint limit", 3_310),
    ("SettleAndMintTokens", "with a mint limit", 3_670),
    ("SettleManyAndMintTokens", "20 meters", 6_760),
    ("SubmitReadings", "1 reading", 2_350),
    ("SubmitReadings", "12 meters", 7_510),
    ("SubmitReadings", "16 meters, legacy transaction", 9_390),
    (
        "SubmitReadings",
        "38 meters, v0 transaction and lookup table",
        19_710,
    ),
    ("SubmitReadings", "36 readings of one meter", 22_250),
    ("SubmitReadings", "1 reading, unusual in every way", 2_670),
    ("SubmitReadings", "1 reading, rejected and recorded", 2_560),
    ("SubmitSignedReadings", "1 reading", 2_890),
    ("SubmitSignedReadings", "3 readings", 4_610),
    ("RegisterMeter", "bump found at once", 4_160),
];

fn main() -> ExitCode {
    if std::env::var_os("RUST_LOG").is_none() {
        std::env::set_var("RUST_LOG", "off");
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("error: bench takes --check or nothing, got: {arguments:?}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (rows, growth) = runtime.block_on(async { (cases::all().await, growth::all().await) });
    let mut files = vec![("costs.md", table(&rows) + &sizes() + &growth.text)];
    files.extend(growth.plots);

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench");
    let committed = std::fs::read_to_string(folder.join("costs.md")).unwrap_or_default();
    let mut failed = false;
    for row in &rows {
        let change = match before(&committed, row) {
            Some(before) if before == row.units => "unchanged".into(),
            Some(before) => format!("{:+}", row.units as i64 - before as i64),
            None => "new".into(),
        };
        println!(
            "{:8} {:24} {:44} {:>6} CU  {change}",
            row.program, row.instruction, row.case, row.units
        );
        let ceiling = CEILINGS
            .iter()
            .find(|(instruction, case, _)| *instruction == row.instruction && *case == row.case);
        if let Some((_, _, ceiling)) = ceiling {
            if row.units > *ceiling {
                eprintln!(
                    "error: {} ({}) takes {} CU, more than its ceiling of {ceiling}: make it cheaper, or raise the ceiling in tests/bench/src/main.rs and say why",
                    row.instruction, row.case, row.units
                );
                failed = true;
            }
        }
    }
    for (instruction, case, _) in CEILINGS {
        if !rows
            .iter()
            .any(|row| row.instruction == instruction && row.case == case)
        {
            eprintln!("error: there is a ceiling for {instruction} ({case}), but no such figure");
            failed = true;
        }
    }
    for (name, content) in files {
        let path = folder.join(name);
        if check {
            if std::fs::read_to_string(&path).ok().as_ref() != Some(&content) {
                eprintln!("error: tests/bench/{name} is out of date: run scripts/bench and commit what it writes (with Debian's compiler: programs that cargo build-sbf has built have other sizes and figures)");
                failed = true;
            }
        } else if let Err(error) =
            std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, content))
        {
            eprintln!("error: {}: {error}", path.display());
            failed = true;
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// How a row begins in the table.
fn key(row: &Row) -> String {
    format!("| {} | {} | {} | ", row.program, row.instruction, row.case)
}

/// A row's units in an earlier table.
fn before(table: &str, row: &Row) -> Option<u64> {
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix(&key(row)))?;
    line.split(' ').next()?.replace(',', "").parse().ok()
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "# What it costs\n\nWritten by `scripts/bench`; `.ci/run` fails when it is out of date or a figure is above its ceiling.\n\n\
         Each figure is that of a whole transaction on SBPF v3 (compute units that it consumed), with as few signers as it needs: who acts \
         also pays. Accounts: how many different ones it names. Cost units: what the transaction takes of a block, by the \
         cluster's cost model: 720 for each signature (2,400 for each that the Ed25519 program verifies, 4,800 for the Secp256r1 program), 300 for each \
         account that it locks for writing, a quarter for each byte of instruction data, 8 for each 32 KiB of loaded \
         accounts and programs, and the compute units. RecordReadings and MintSettled are in the figures of the submissions and settlements, which alone can call them.\n\n\
         | program | instruction | case | compute units | ceiling | accounts | bytes | cost units |\n|---|---|---|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let ceiling = CEILINGS
            .iter()
            .find(|(instruction, case, _)| *instruction == row.instruction && *case == row.case)
            .map_or(String::new(), |(_, _, ceiling)| number(*ceiling));
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "{}{} | {ceiling} | {} | {} | {} |",
            key(row),
            number(row.units),
            row.accounts,
            number(row.bytes),
            number(row.cost_units)
        );
    }
    text
}

/// Sizes and rents of the programs and accounts.
fn sizes() -> String {
    let mut text = String::from(
        "\n## Sizes and rents\n\nThe rent is what the cluster keeps while the account exists (SOL). A program's is that of its ProgramData account, which the \
         loader makes as large as the program; deploying it takes as much again for a while, in a buffer.\n\n| account | bytes | rent (SOL) |\n|---|--:|--:|\n",
    );
    let folder = program_folder().expect("the programs' folder");
    let rent = |bytes: usize| {
        let lamports = Rent::default().minimum_balance(bytes);
        format!(
            "{}.{:09}",
            lamports / 1_000_000_000,
            lamports % 1_000_000_000
        )
    };
    for program in ["oracle_program", "registry_program", "token_program"] {
        let file = folder.join(format!("{program}.so"));
        let bytes = std::fs::metadata(file).expect("the program").len();
        let loaded = bytes as usize + 45;
        let _ = writeln!(
            text,
            "| {program}.so | {} | {} |",
            number(bytes),
            rent(loaded)
        );
    }
    for (account, bytes) in [
        ("OracleConfig", OracleConfig::SIZE),
        ("RegistryConfig", RegistryConfig::SIZE),
        ("TokenConfig", TokenConfig::SIZE),
        ("Meter", Meter::SIZE),
    ] {
        let _ = writeln!(text, "| {account} | {bytes} | {} |", rent(bytes));
    }
    text
}

/// A number with its thousands separated.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
