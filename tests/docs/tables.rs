//! The tables that are made: from the IDLs, and from what the bench measured.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{read, root, rows_below, BEGIN, END};

/// A page with its tables as they must be.
pub fn regenerate(text: &str) -> String {
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
