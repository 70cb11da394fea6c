//! Reading the files in `tests/files` with flags, as a command would.
#![allow(dead_code)]

use clap::Parser;
use meter_formats::{rfc3339, DoubtKind, Error, Import, Input, Options};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: Options,
}

/// Flags as on a command line.
pub fn options(flags: &str) -> Options {
    let words = std::iter::once("convert".to_owned()).chain(split(flags));
    Command::try_parse_from(words).expect("flags").options
}

/// Words between blanks, with single quotes around those that contain some.
fn split(flags: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, part) in flags.split('\'').enumerate() {
        match n % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

pub fn bytes(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/files/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Reads files of `tests/files`, separated by `+`.
pub fn try_read(files: &str, flags: &str) -> Result<Import, Error> {
    let files: Vec<(&str, Vec<u8>)> = files.split('+').map(|name| (name, bytes(name))).collect();
    let inputs: Vec<Input> = files
        .iter()
        .map(|(name, bytes)| Input {
            name,
            bytes,
            modified: None,
        })
        .collect();
    meter_formats::read(&inputs, &options(flags))
}

pub fn read(files: &str, flags: &str) -> Import {
    try_read(files, flags).unwrap_or_else(|error| panic!("{error}"))
}

/// Reads a text.
pub fn read_text(text: &str, flags: &str) -> Import {
    let input = Input {
        name: "text.csv",
        bytes: text.as_bytes(),
        modified: None,
    };
    meter_formats::read(&[input], &options(flags)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// `generation|consumption|readings|first|last` of the only meter; totals in kWh, empty for none.
pub fn summary(import: &Import) -> String {
    let [meter] = &import.meters[..] else {
        let ids: Vec<&str> = import
            .meters
            .iter()
            .map(|meter| meter.id.as_str())
            .collect();
        return format!("{} meters: {}", ids.len(), ids.join(", "));
    };
    let total =
        |energy: Option<meter_formats::Energy>| energy.map_or(String::new(), |energy| energy.kwh());
    let (first, last) = meter.span().expect("readings");
    format!(
        "{}|{}|{}|{}|{}",
        total(meter.generation),
        total(meter.consumption),
        meter.count(),
        rfc3339(first),
        rfc3339(last)
    )
}

pub fn kinds(import: &Import) -> Vec<DoubtKind> {
    let mut kinds: Vec<DoubtKind> = import.doubts.iter().map(|doubt| doubt.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}
