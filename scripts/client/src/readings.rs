//! CSV files of meter readings: `meter_id,timestamp,generation_register_wh,consumption_register_wh`, and a fifth column
//! `signature` where the meters' devices sign them.
//!
//! Timestamps are RFC 3339 (`2026-06-21T12:00:00Z`) or Unix seconds; registers are cumulative, in whole watt-hours;
//! signatures are in base58, as `grid readings sign` makes them.

use std::{fmt, fs::File, io::Read, path::Path, str::FromStr};

use anyhow::{bail, Context};
use chrono::DateTime;
use shared_state::{quantity::Wh, reading::Reading, state::meter_id};
use solana_signature::Signature;

use crate::format::printable;

/// The first line of a file.
pub const COLUMNS: [&str; 4] = [
    "meter_id",
    "timestamp",
    "generation_register_wh",
    "consumption_register_wh",
];

/// The fifth column of a signed file.
pub const SIGNATURE_COLUMN: &str = "signature";

/// A line of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Where it stands, from 1.
    pub line: u64,
    /// The meter's serial number.
    pub serial: String,
    /// What it says.
    pub reading: Reading,
    /// Its device's signature, in a signed file.
    pub signature: Option<Signature>,
}

/// A line that can't be used, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadLine {
    /// Where it stands, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, printable(&self.reason))
    }
}

/// Reads the file at a path, as [`read`] does. Fails at its first bad line if `strict`.
pub fn read_file(path: &Path, strict: bool) -> anyhow::Result<(Vec<Row>, Vec<BadLine>)> {
    let (rows, bad) = File::open(path)
        .map_err(anyhow::Error::from)
        .and_then(read)
        .with_context(|| path.display().to_string())?;
    if let (true, Some(first)) = (strict, bad.first()) {
        bail!("{}: {first}", path.display());
    }
    Ok((rows, bad))
}

/// Reads a file: its good lines in the order of their timestamps (lines of the same time in the file's order), and its
/// bad ones. Fails if the file can't be read or its columns are others than [`COLUMNS`].
pub fn read(input: impl Read) -> anyhow::Result<(Vec<Row>, Vec<BadLine>)> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(input);
    let columns = reader.headers()?;
    let signed = [&COLUMNS[..], &[SIGNATURE_COLUMN]].concat();
    let is_signed = columns == signed.as_slice();
    if columns != COLUMNS.as_slice() && !is_signed {
        bail!(
            "line 1: the columns must be {}, and {SIGNATURE_COLUMN} in a signed file, but are {}",
            COLUMNS.join(","),
            columns.iter().collect::<Vec<_>>().join(",")
        );
    }
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                // Everything up to the next quotation mark is in one field.
                if record.iter().any(|field| field.contains('\n')) {
                    bail!("line {line}: a quotation mark opens a field that does not end on this line");
                }
                match row(line, &record, is_signed) {
                    Ok(row) => rows.push(row),
                    Err(reason) => bad.push(BadLine { line, reason }),
                }
            }
            // Bytes that are not UTF-8; anything else is the file system's.
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                let line = error.position().map_or(0, csv::Position::line);
                bad.push(BadLine {
                    line,
                    reason: "not UTF-8 text".into(),
                });
            }
            Err(error) => return Err(error.into()),
        }
    }
    rows.sort_by_key(|row| row.reading.timestamp);
    Ok((rows, bad))
}

fn row(line: u64, record: &csv::StringRecord, is_signed: bool) -> Result<Row, String> {
    let mut fields: Vec<&str> = record.iter().collect();
    let signature = match is_signed {
        true if fields.len() == 5 => fields.pop(),
        true => return Err(format!("{} fields instead of 5", fields.len())),
        false => None,
    };
    let [serial, timestamp, generation, consumption] = fields[..] else {
        return Err(format!("{} fields instead of 4", fields.len()));
    };
    if meter_id(serial).is_err() {
        return Err(format!(
            "meter_id \"{serial}\" must not be empty nor contain spaces or control characters"
        ));
    }
    Ok(Row {
        line,
        serial: serial.to_owned(),
        reading: Reading {
            timestamp: parse_time(timestamp)?,
            generation_register: Wh(register(COLUMNS[2], generation)?),
            consumption_register: Wh(register(COLUMNS[3], consumption)?),
        },
        signature: signature
            .map(|text| {
                Signature::from_str(text).map_err(|_| {
                    format!(
                        "{SIGNATURE_COLUMN} \"{text}\" is not a signature of 64 bytes in base58"
                    )
                })
            })
            .transpose()?,
    })
}

fn register(column: &str, field: &str) -> Result<u64, String> {
    field.parse().map_err(|_| {
        format!("{column} \"{field}\" is not a whole number of watt-hours from 0 to 2^64 - 1")
    })
}

/// The years 2000 to 2100 in Unix seconds: no meter was read before, and a number outside is something else.
const YEARS: std::ops::Range<i64> = 946_684_800..4_133_980_800;

/// Why a number is no time, and what it may be.
fn not_seconds(field: &str, number: i64) -> String {
    let is_time = |seconds: i64| YEARS.contains(&seconds);
    let guess = if is_time(number / 1_000) {
        "milliseconds? Divide them by 1000"
    } else if is_time(number / 1_000_000) {
        "microseconds? Divide them by 1000000"
    } else if is_time(number / 1_000_000_000) {
        "nanoseconds? Divide them by 1000000000"
    } else if matches!(field.len(), 8 | 12 | 14)
        && (field.starts_with("19") || field.starts_with("20"))
    {
        "a date? Write it as in 2026-06-21T12:00:00Z"
    } else {
        "Unix seconds have ten digits now"
    };
    format!("timestamp \"{field}\" is not in the years 2000 to 2100: {guess}")
}

/// A time as RFC 3339 or Unix seconds, in the years 2000 to 2100.
pub fn parse_time(field: &str) -> Result<i64, String> {
    if let Ok(seconds) = field.parse::<i64>() {
        return if YEARS.contains(&seconds) {
            Ok(seconds)
        } else {
            Err(not_seconds(field, seconds))
        };
    }
    let time = DateTime::parse_from_rfc3339(field).map_err(|_| {
        format!("timestamp \"{field}\" is neither RFC 3339 (2026-06-21T12:00:00Z) nor Unix seconds")
    })?;
    match time.timestamp() {
        seconds if YEARS.contains(&seconds) => Ok(seconds),
        _ => Err(format!(
            "timestamp \"{field}\" is not in the years 2000 to 2100"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: &str) -> String {
        format!("{}\n{lines}", COLUMNS.join(","))
    }

    #[test]
    fn lines_of_any_order_and_both_time_formats() {
        let text = file("B,2026-01-01T00:15:00+00:00,7,8\nA,1767225600,5,6\n A , 2026-01-01T01:15:00+01:00 ,1,2\n");
        let (rows, bad) = read(text.as_bytes()).expect("a file");
        assert_eq!(bad, []);
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.line, row.serial.as_str(), row.reading.timestamp))
            .collect();
        assert_eq!(
            found,
            [
                (3, "A", 1_767_225_600),
                (2, "B", 1_767_226_500),
                (4, "A", 1_767_226_500)
            ]
        );
        assert_eq!(rows[0].reading.generation_register, Wh(5));
        assert_eq!(rows[0].reading.consumption_register, Wh(6));
    }

    #[test]
    fn a_bad_line_is_named_and_the_rest_goes_on() {
        let long = "x y";
        let text = file(&format!(
            "A,1000000001,2\nA,1000000001,2,3\nA,yesterday,2,3\nA,1000000001,-2,3\nA,1000000001,2,3.5\n{long},1000000001,2,3\n,1000000001,2,3\nA,1000000002,18446744073709551616,3\nA,1000000002,2,3\n"
        ));
        let (rows, bad) = read(text.as_bytes()).expect("a file");
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 10]);
        assert_eq!(
            bad.iter().map(|bad| bad.line).collect::<Vec<_>>(),
            [2, 4, 5, 6, 7, 8, 9]
        );
        assert_eq!(bad[0].to_string(), "line 2: 3 fields instead of 4");
        assert!(bad[1]
            .reason
            .starts_with("timestamp \"yesterday\" is neither"));
        assert!(bad[2].reason.starts_with("generation_register_wh \"-2\""));
        assert!(bad[3].reason.starts_with("consumption_register_wh \"3.5\""));
        assert!(bad[4].reason.starts_with("meter_id"));
    }

    #[test]
    fn bytes_that_are_no_text_are_a_bad_line() {
        let mut text = file("A,1000000001,2,3\n").into_bytes();
        text.extend(b"\xFF\xFE,1,2,3\nA,1000000002,2,3\n");
        let (rows, bad) = read(&text[..]).expect("a file");
        assert_eq!((rows.len(), bad.len()), (2, 1));
        assert_eq!(bad[0].to_string(), "line 3: not UTF-8 text");
    }

    #[test]
    fn a_quotation_mark_that_swallows_lines_is_refused() {
        let text = file("A,1000000001,2,3\n\"A,1000000002,2,3\nA,1000000003,2,3\n");
        let error = read(text.as_bytes()).expect_err("a quotation mark");
        assert!(error.to_string().starts_with("line 3: a quotation mark"));
        let (rows, bad) =
            read(file("\"A\",\"1000000001\",2,3\n").as_bytes()).expect("quoted fields");
        assert_eq!((rows.len(), bad.len()), (1, 0));
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_printed() {
        let text = file("A\x1B[2J,1,2,3\nA,\u{9B}2J,2,3\nA\u{9B}J,1,2,3\n");
        let (rows, bad) = read(text.as_bytes()).expect("a file");
        assert_eq!((rows.len(), bad.len()), (0, 3));
        assert!(bad
            .iter()
            .all(|bad| !bad.to_string().contains(char::is_control)));
    }

    #[test]
    fn other_columns_are_refused() {
        let error = read("meter,time\nA,1\n".as_bytes()).expect_err("other columns");
        assert!(error
            .to_string()
            .starts_with("line 1: the columns must be meter_id,"));
        assert!(read("".as_bytes()).is_err());
    }

    #[test]
    fn numbers_that_are_no_times_of_a_meter() {
        assert_eq!(parse_time("946684800"), Ok(946_684_800));
        assert_eq!(parse_time("2099-12-31T23:59:59Z"), Ok(4_102_444_799));
        for (field, guess) in [
            ("1767225600000", "milliseconds?"),
            ("1767225600000000", "microseconds?"),
            ("1767225600000000000", "nanoseconds?"),
            ("20260101", "a date?"),
            ("20260101001500", "a date?"),
            ("946684799", "ten digits"),
            ("0", "ten digits"),
            ("-5", "ten digits"),
            ("1970-01-01T00:00:00Z", "not in the years 2000 to 2100"),
        ] {
            let error = parse_time(field).expect_err("no time");
            assert!(error.contains(guess), "{field}: {error}");
        }
    }
}
