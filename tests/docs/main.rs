//! The documentation says what is there: its tables come from the IDLs and from the measured costs, its links and paths lead
//! somewhere, the tests that it names exist, and its vectors and figures are what the code makes.
//!
//! A table stands between `<!-- generated: WHAT -->` and `<!-- end -->`.
//! `UPDATE=1 cargo test -p gridtoken-tests --test docs tables` writes them anew.

mod tables;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use gridtoken_client::device::DeviceKey;
use oracle_program::{rules, signature};
use shared_state::{
    quantity::{Bps, Wh},
    reading::Reading,
    state::{meter_id, meter_name},
};
use solana_program::{hash::hash, pubkey::Pubkey};
use solana_signature::Signature;

/// What a page starts a table with, and ends it.
const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

/// The longest first page, in bytes: one that is read to its end.
const FIRST_PAGE: usize = 7_000;

#[test]
fn tables_are_what_the_idls_and_the_bench_say() {
    let mut stale = Vec::new();
    for page in pages() {
        let text = read(&page);
        let current = tables::regenerate(&text);
        if current != text {
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&page, current).expect("a page that can be written");
            } else {
                stale.push(page);
            }
        }
    }
    assert!(
        stale.is_empty(),
        "out of date: {stale:?}; UPDATE=1 cargo test -p gridtoken-tests --test docs tables"
    );
}

#[test]
fn links_and_paths_lead_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = read(&page);
        for link in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().expect("a folder").join(path),
            };
            let is_good = target.exists()
                && (anchor.is_empty() || headings(&read(&target)).iter().any(|a| a == anchor));
            if !is_good {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
        for path in paths(&text) {
            let is_here = page.parent().expect("a folder").join(path).exists();
            if !is_here && !root().join(path).exists() {
                dead.push(format!("{}: {path}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn the_tests_that_are_named_exist() {
    let mut code = String::new();
    for file in files(&root(), "rs") {
        code += &read(&file);
    }
    let page = read(&root().join("tests/README.md"));
    let is_test = |name: &&str| {
        let is_snake = |c: char| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit();
        name.matches('_').count() >= 2 && name.chars().all(is_snake)
    };
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(named.len() > 20, "the page of promises names its tests");
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !code.contains(&format!("fn {name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_first_page_is_short() {
    let length = read(&root().join("README.md")).len();
    assert!(length <= FIRST_PAGE, "{length} bytes");
}

#[test]
fn the_ids_in_the_vectors() {
    let page = read(&root().join("registry-program/README.md"));
    let rows = rows_below(&page, "| serial number | id |");
    assert!(rows.len() >= 8, "the vectors");
    for row in rows {
        let [serial, expected] = row[..] else {
            panic!("{row:?}")
        };
        let id = meter_id(serial).expect(serial);
        assert_eq!(meter_name(&id), Ok(expected), "{serial}");
    }
}

#[test]
fn the_signatures_in_the_vectors() {
    let page = read(&root().join("oracle-program/README.md"));
    let values: BTreeMap<&str, &str> = rows_below(&page, "| vector | value |")
        .into_iter()
        .map(|row| (row[0], row[1]))
        .collect();
    let reading = |timestamp, generation, consumption| Reading {
        timestamp,
        generation_register: Wh(generation),
        consumption_register: Wh(consumption),
    };
    let registry = Pubkey::from_str(values["registry program"]).expect("an address");
    let message = signature::message(
        &registry,
        &meter_id(values["meter id"]).expect("an id"),
        &[
            reading(1_800_000_000, 1_060, 2_010),
            reading(1_800_000_900, 1_310, 2_020),
        ],
    );
    assert_eq!(hex(&message), values["message"]);
    let digest = hash(&message).to_bytes();
    assert_eq!(hex(&digest), values["SHA-256 of the message"]);
    for kind in ["Ed25519", "P-256"] {
        let key = DeviceKey::parse(values[&*format!("{kind} key")]).expect("a key");
        let text = values[&*format!("{kind} signature")];
        let bytes: Vec<u8> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits"))
            .collect();
        let signature = Signature::try_from(bytes).expect("64 bytes");
        assert_eq!(key.verify(&message, &signature), Some(signature), "{kind}");
    }
}

#[test]
fn the_table_of_recoveries() {
    let page = read(&root().join("oracle-program/README.md"));
    let header = "| quality now | to 50 % | to 70 % | to 80 % | to 85 % | signed: to 50 % | to 85 % | to 100 % |";
    let goals = [
        (5_000, 85),
        (7_000, 85),
        (8_000, 85),
        (8_500, 85),
        (5_000, 100),
        (8_500, 100),
        (10_000, 100),
    ];
    let rows = rows_below(&page, header);
    assert!(!rows.is_empty(), "{header}");
    for row in rows {
        let percent = row[0].split(' ').next().expect("a number");
        let percent: f64 = percent.parse().expect("a number");
        let expected = goals.map(|(goal, score)| {
            let mut quality = Bps((percent * 100.0).round() as u16);
            let mut readings = 0;
            while quality < Bps(goal) {
                quality = rules::quality::average(quality, score);
                readings += 1;
            }
            readings.to_string()
        });
        assert_eq!(row[1..], expected, "{}", row[0]);
    }
}

/// As `programs/household.rs` finds them, in the same order.
#[test]
fn the_table_of_injected_faults() {
    let code = read(&root().join("tests/programs/household.rs"));
    let (_, found) = code.split_once("let expected = [").expect("the figures");
    let (found, _) = found.split_once("];").expect("their end");
    let found: Vec<Vec<String>> = found
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("(\""))
        .map(|line| {
            let (_, figures) = line.rsplit_once('"').expect("a name");
            let figures = figures.trim_end_matches("),").split(',').skip(1);
            figures
                .map(|figure| figure.trim().replace('_', ""))
                .collect()
        })
        .collect();
    let page = read(&root().join("oracle-program/README.md"));
    let header = "| fault | faulty readings | rejected | flagged | pass | true readings rejected after them |";
    let table: Vec<Vec<String>> = rows_below(&page, header)
        .into_iter()
        .map(|row| {
            row[2..]
                .iter()
                .map(|figure| figure.replace(',', ""))
                .collect()
        })
        .collect();
    assert_eq!(table, found);
}

// --- Pages and files -------------------------------------------------------------------------------------------------

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the repository")
        .to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page of the documentation.
fn pages() -> Vec<PathBuf> {
    files(&root(), "md")
}

/// The files with this ending in a folder and those in it, without what is built and hidden.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The targets of a page's links that lead into the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
}

/// What a page names by its path, from the root of the repository or its own folder.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    const FOLDERS: [&str; 6] = [
        "scripts/",
        "shared-state/",
        "oracle-program/",
        "registry-program/",
        "token-program/",
        "tests/",
    ];
    text.split(|c: char| c.is_whitespace() || "`()[]|,;:'\"=#".contains(c))
        .map(|word| word.trim_start_matches("./").trim_end_matches('.'))
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| !word.contains(['*', '{', '<', '$', '\\']))
}

/// The anchors that a page's headings make.
fn headings(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        in_code ^= line.starts_with("```");
        let heading = line.trim_start_matches('#');
        if in_code || heading.len() == line.len() {
            continue;
        }
        let anchor = heading.trim().to_lowercase().replace(' ', "-");
        let is_kept = |c: &char| c.is_alphanumeric() || "-_".contains(*c);
        found.push(anchor.chars().filter(is_kept).collect());
    }
    found
}

/// The cells of the table that follows this header, without their backticks.
fn rows_below<'a>(page: &'a str, header: &str) -> Vec<Vec<&'a str>> {
    let (_, table) = page.split_once(header).expect(header);
    let is_row = |line: &&str| line.starts_with('|');
    table
        .lines()
        .skip(2)
        .take_while(is_row)
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().trim_matches('`')).collect()
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
