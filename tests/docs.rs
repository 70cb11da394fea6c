//! The documentation says what is there: its tables come from the IDLs and from the measured costs, its links and paths lead
//! somewhere, the tests that it names exist, and its vectors are what the code makes.
//!
//! A table stands between `<!-- generated: WHAT -->` and `<!-- end -->`. `UPDATE=1 cargo test -p gridtoken-tests --test docs`
//! writes them anew.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use gridtoken_client::device::DeviceKey;
use oracle_program::signature;
use serde_json::Value;
use shared_state::{
    quantity::Wh,
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
        let current = regenerate(&text);
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

// --- Tables ----------------------------------------------------------------------------------------------------------

/// A page with its tables as they must be.
fn regenerate(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (what, after) = after.split_once(" -->").expect("an end of the mark");
        let (_, after) = after.split_once(END).expect(END);
        let words: Vec<&str> = what.split(' ').collect();
        let table = match words[..] {
            ["instructions", program] => instructions(&Idl::read(program)),
            ["accounts", program] => accounts(&Idl::read(program)),
            ["events", program] => events(&Idl::read(program)),
            ["types"] => types(),
            ["errors"] => errors(&Idl::read("registry")),
            ["costs"] => costs(),
            ["scale"] => scale(),
            _ => panic!("{what}: nothing makes such a table"),
        };
        let _ = write!(
            out,
            "{before}{BEGIN}{what} -->\n\n{}\n\n{END}",
            table.trim_end()
        );
        rest = after;
    }
    out + rest
}

/// A program's IDL.
struct Idl(Value);

impl Idl {
    fn read(program: &str) -> Self {
        let path = root().join(format!("{program}-program/idl.json"));
        Self(serde_json::from_str(&read(&path)).expect("JSON"))
    }

    fn list(&self, key: &str) -> &[Value] {
        list(&self.0, key)
    }

    fn fields(&self, wanted: &str) -> &[Value] {
        list(&self.named_type(wanted)["type"], "fields")
    }

    fn named_type(&self, wanted: &str) -> &Value {
        let mut types = self.list("types").iter();
        types.find(|found| found["name"] == wanted).expect(wanted)
    }

    /// How many bytes a type takes, if they are always as many.
    fn size(&self, kind: &Value) -> Option<usize> {
        match kind.as_str() {
            Some("u8" | "bool") => Some(1),
            Some("u16") => Some(2),
            Some("u32") => Some(4),
            Some("u64" | "i64") => Some(8),
            Some("pubkey") => Some(32),
            Some(other) => panic!("{other}: of what size?"),
            None if kind["array"].is_array() => {
                let count = kind["array"][1].as_u64().expect("a length") as usize;
                Some(self.size(&kind["array"][0])? * count)
            }
            None if kind["vec"].is_null() => self
                .fields(kind["defined"]["name"].as_str().expect("a type"))
                .iter()
                .map(|field| self.size(&field["type"]))
                .sum(),
            None => None,
        }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn name(value: &Value) -> &str {
    value["name"].as_str().expect("a name")
}

/// What is said of something, as one line of a table.
fn docs(value: &Value) -> String {
    let lines = list(value, "docs").iter().filter_map(Value::as_str);
    lines.collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// `MintSettled` of `mint_settled`.
fn pascal(snake: &str) -> String {
    snake
        .split('_')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

fn show(kind: &Value) -> String {
    match kind.as_str() {
        Some(simple) => simple.into(),
        None if kind["array"].is_array() => {
            format!("[{}; {}]", show(&kind["array"][0]), kind["array"][1])
        }
        None if kind["vec"].is_null() => kind["defined"]["name"].as_str().expect("a type").into(),
        None => format!("Vec\\<{}\\>", show(&kind["vec"])),
    }
}

/// Names with their types: those of a type stand together.
fn show_fields(fields: &[Value]) -> String {
    let mut out = String::new();
    for (index, field) in fields.iter().enumerate() {
        let _ = match index {
            0 => write!(out, "{}", name(field)),
            _ => write!(out, ", {}", name(field)),
        };
        let next = fields.get(index + 1);
        if next.is_none_or(|next| next["type"] != field["type"]) {
            let _ = write!(out, ": {}", show(&field["type"]));
        }
    }
    out
}

fn show_account(account: &Value) -> String {
    let flags = match (
        account["signer"] == Value::Bool(true),
        account["writable"] == Value::Bool(true),
    ) {
        (true, true) => "**sw** ",
        (true, false) => "**s** ",
        (false, true) => "**w** ",
        (false, false) => "",
    };
    format!("{flags}{}", name(account))
}

fn instructions(idl: &Idl) -> String {
    let mut out = "| tag | instruction | arguments | accounts |\n|--:|---|---|---|\n".to_owned();
    for instruction in idl.list("instructions") {
        let tag = &instruction["discriminator"][0];
        let arguments = show_fields(list(instruction, "args"));
        let accounts = list(instruction, "accounts").iter().map(show_account);
        let accounts: Vec<String> = accounts.collect();
        let _ = writeln!(
            out,
            "| {tag} | **{}**: {} | {arguments} | {} |",
            pascal(name(instruction)),
            docs(instruction),
            accounts.join(", ")
        );
    }
    out
}

fn accounts(idl: &Idl) -> String {
    let mut out = String::new();
    for account in idl.list("accounts") {
        let described = idl.named_type(name(account));
        let discriminator = &account["discriminator"];
        let start = list(account, "discriminator").len();
        let kind = serde_json::json!({ "defined": { "name": name(account) } });
        let size = idl.size(&kind).expect("a fixed size") + start;
        let _ = writeln!(
            out,
            "**{}**, {size} bytes, the first two {discriminator}. {}\n",
            name(account),
            docs(described)
        );
        fields_at(idl, idl.fields(name(account)), start, &mut out);
        out.push('\n');
    }
    out
}

fn fields_at(idl: &Idl, fields: &[Value], start: usize, out: &mut String) {
    let mut at = Some(start);
    out.push_str("| at | field | what |\n|--:|---|---|\n");
    for field in fields {
        let place = at.map_or_else(String::new, |at| at.to_string());
        let _ = writeln!(
            out,
            "| {place} | {}: {} | {} |",
            name(field),
            show(&field["type"]),
            docs(field)
        );
        at = at.and_then(|at| Some(at + idl.size(&field["type"])?));
    }
}

fn events(idl: &Idl) -> String {
    let mut out = "| event | fields |\n|---|---|\n".to_owned();
    for event in idl.list("events") {
        let described = idl.named_type(name(event));
        let mut fields = show_fields(idl.fields(name(event)));
        // What a list is of, unless it is an event of its own.
        for field in idl.fields(name(event)) {
            if let Some(item) = field["type"]["vec"]["defined"]["name"].as_str() {
                if !idl.list("events").iter().any(|event| name(event) == item) {
                    let _ = write!(fields, "; each: {}", show_fields(idl.fields(item)));
                }
            }
        }
        let _ = writeln!(
            out,
            "| **{}**: {} | {fields} |",
            name(event),
            docs(described)
        );
    }
    out
}

/// The types of all programs that are neither accounts nor events, each once.
fn types() -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut out = String::new();
    for program in ["oracle", "registry", "token"] {
        let idl = Idl::read(program);
        for key in ["accounts", "events"] {
            seen.extend(idl.list(key).iter().map(|other| name(other).to_owned()));
        }
        for described in idl.list("types") {
            let name = name(described);
            // The one event that is never logged by itself is described beside its list.
            if seen.iter().any(|other| other == name) || name == "MeterReadingRecorded" {
                continue;
            }
            let _ = writeln!(out, "**{name}**. {}\n", docs(described));
            fields_at(&idl, idl.fields(name), 0, &mut out);
            out.push('\n');
            seen.push(name.to_owned());
        }
    }
    out
}

fn errors(idl: &Idl) -> String {
    let mut out = "| code | error | what to do |\n|--:|---|---|\n".to_owned();
    for error in idl.list("errors") {
        let text = error["msg"].as_str().expect("a text");
        let _ = writeln!(out, "| {} | {} | {text} |", error["code"], name(error));
    }
    out
}

// --- Costs -----------------------------------------------------------------------------------------------------------

/// A measured transaction.
struct Cost {
    units: u64,
    cost: u64,
}

/// What the bench measured: instruction, case, and how many readings or meters that is.
const COSTS: [(&str, &str, u64); 9] = [
    ("SubmitReadings", "1 reading", 1),
    ("SubmitReadings", "16 meters, legacy transaction", 16),
    (
        "SubmitReadings",
        "38 meters, v0 transaction and lookup table",
        38,
    ),
    ("SubmitSignedReadings", "1 reading", 1),
    ("SubmitSignedReadings", "3 readings", 3),
    ("SettleAndMintTokens", "no mint limit", 1),
    ("SettleManyAndMintTokens", "20 meters", 20),
    ("SettleManyAndMintTokens", "26 meters", 26),
    ("RegisterMeter", "bump found at once", 1),
];

fn measured(instruction: &str, case: &str) -> Cost {
    let page = read(&root().join("tests/bench/costs.md"));
    let rows = rows_below(
        &page,
        "| program | instruction | case | compute units | ceiling | accounts | bytes | cost units |",
    );
    let row = rows
        .iter()
        .find(|row| row[1] == instruction && row[2] == case)
        .unwrap_or_else(|| panic!("{instruction}, {case}: not in costs.md"));
    let number = |at: usize| row[at].replace(',', "").parse().expect("a number");
    Cost {
        units: number(3),
        cost: number(row.len() - 1),
    }
}

fn costs() -> String {
    let mut out = "| transaction | compute units | each |\n|---|--:|--:|\n".to_owned();
    for (instruction, case, count) in COSTS {
        let Cost { units, .. } = measured(instruction, case);
        let each = match count {
            1 => String::new(),
            count => thousands(units.div_ceil(count)),
        };
        let _ = writeln!(
            out,
            "| {instruction}, {case} | {} | {each} |",
            thousands(units)
        );
    }
    out
}

/// Cost units of a block, and of those the part that transactions may have that write to the same account; blocks a second.
const BLOCK: u64 = 100_000_000;
const ACCOUNT: u64 = 40_000_000;
const BLOCKS: f64 = 2.5;

fn scale() -> String {
    let mut out =
        "| | limited by | a second | meters, at one each per |\n|---|---|--:|---|\n".to_owned();
    for (what, instruction, case, count, limit, by, (period, seconds)) in [
        (
            "readings, v0 transaction and lookup table",
            "SubmitReadings",
            "38 meters, v0 transaction and lookup table",
            38,
            BLOCK,
            "the block",
            ("15 minutes", 900),
        ),
        (
            "readings, legacy transaction",
            "SubmitReadings",
            "16 meters, legacy transaction",
            16,
            BLOCK,
            "the block",
            ("15 minutes", 900),
        ),
        (
            "readings of one gateway that pays itself",
            "SubmitReadings",
            "38 meters, v0 transaction and lookup table",
            38,
            ACCOUNT,
            "its own account",
            ("15 minutes", 900),
        ),
        (
            "settlements one by one",
            "SettleAndMintTokens",
            "no mint limit",
            1,
            ACCOUNT,
            "GRID mint and TokenConfig",
            ("day", 86_400),
        ),
        (
            "settlements, 26 meters of an owner",
            "SettleManyAndMintTokens",
            "26 meters",
            26,
            ACCOUNT,
            "GRID mint and TokenConfig",
            ("day", 86_400),
        ),
    ] {
        let Cost { cost, .. } = measured(instruction, case);
        let a_second = (count * limit) as f64 / cost as f64 * BLOCKS;
        let rounded = (a_second / 100.0).floor() as u64 * 100;
        let millions = rounded * seconds / 1_000_000;
        let _ = writeln!(
            out,
            "| {what} | {by} | {} | {period}: {} million |",
            thousands(rounded),
            thousands(millions)
        );
    }
    out
}

/// `12,345`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
