//! Numbers, times and tables for people.

use std::io::Write;

use chrono::{DateTime, SecondsFormat};
use shared_state::{
    event::{Event, Field},
    quantity::GRID_DECIMALS,
    reading::flags,
    state::DeviceKeyType,
    GridError,
};
use solana_program::pubkey::Pubkey;

use crate::device::DeviceKey;

/// Base units of one GRID.
const GRID: u64 = 10u64.pow(GRID_DECIMALS as u32);

/// Watt-hours as kilowatt-hours.
pub fn kwh(wh: u64) -> String {
    format!("{}.{:03}", wh / 1_000, wh % 1_000)
}

/// Basis points as a percentage.
pub fn percent(bps: u16) -> String {
    format!("{}.{:02} %", bps / 100, bps % 100)
}

/// Base units as GRID, without trailing zeros.
pub fn grid(base_units: u64) -> String {
    decimal(base_units, GRID, GRID_DECIMALS.into())
}

/// Lamports as SOL.
pub fn sol(lamports: u64) -> String {
    decimal(lamports, 1_000_000_000, 9)
}

fn decimal(value: u64, one: u64, places: usize) -> String {
    let text = format!("{}.{:0places$}", value / one, value % one);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Base units of an amount of GRID, such as `15.5`.
pub fn parse_grid(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!("\"{text}\" is not an amount of GRID: give a number such as 15.5, with up to {GRID_DECIMALS} decimals")
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > GRID_DECIMALS.into() {
        return Err(wrong());
    }
    let fraction: u64 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    whole
        .parse::<u64>()
        .ok()
        .and_then(|whole| whole.checked_mul(GRID)?.checked_add(fraction))
        .ok_or_else(|| format!("{text} GRID is more than the token can count"))
}

/// A time as RFC 3339, for people.
pub fn format_time(seconds: i64) -> String {
    match DateTime::from_timestamp(seconds, 0) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::Secs, true),
        None => format!("{seconds} s"),
    }
}

/// How long ago a time is.
pub fn ago(time: i64, now: i64) -> String {
    let seconds = now.saturating_sub(time);
    let (count, unit) = match seconds {
        i64::MIN..0 => return "in the future".to_owned(),
        0..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "min"),
        7_200..172_800 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} ago")
}

/// The name of a reading's reject reason, which is an error of the programs.
pub fn reason_name(code: u64) -> String {
    error(code).map_or_else(|| format!("code {code}"), |error| format!("{error:?}"))
}

/// The same, and what to do.
pub fn reason(code: u64) -> String {
    let advice = error(code).map_or_else(String::new, |error| format!(": {error}"));
    reason_name(code) + &advice
}

fn error(code: u64) -> Option<GridError> {
    GridError::from_code(u32::try_from(code).ok()?)
}

/// A key, unless it is the one that stands for nobody.
pub fn someone(key: &Pubkey) -> Option<String> {
    (*key != Pubkey::default()).then(|| key.to_string())
}

/// What a reading's flags say.
pub fn flag_names(found: u8) -> String {
    let names = [
        (flags::GENERATION_ANOMALY, "unusual generation"),
        (flags::CONSUMPTION_ANOMALY, "unusual consumption"),
        (flags::GAP, "a gap before it"),
        (flags::LATE, "late"),
    ];
    let found: Vec<&str> = names
        .iter()
        .filter(|(flag, _)| found & flag != 0)
        .map(|(_, name)| *name)
        .collect();
    found.join(", ")
}

/// Zero-padded text.
pub fn text(bytes: &[u8]) -> String {
    let length = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    printable(&String::from_utf8_lossy(&bytes[..length]))
}

/// Text of somebody else's, without the control characters that a terminal would obey.
pub fn printable(text: &str) -> String {
    let shown = |char: char| if char.is_control() { '\u{FFFD}' } else { char };
    text.chars().map(shown).collect()
}

/// An event's fields as JSON, named and encoded as in the documentation: addresses in base58, P-256 keys in hexadecimal digits (SEC1),
/// meter ids and references as text, everything else as numbers.
pub fn event_json(event: &Event) -> serde_json::Map<String, serde_json::Value> {
    let mut fields = serde_json::Map::new();
    for (name, field) in event.fields() {
        let value = match field {
            Field::Number(number) => number.into(),
            Field::Time(time) => time.into(),
            Field::Address(address) => address.to_string().into(),
            Field::Text(bytes) => text(bytes).into(),
            Field::Rules(rules) => rules_json(rules),
        };
        fields.insert(name.to_owned(), value);
    }
    if let Some(device) = device(event).filter(DeviceKey::is_some) {
        fields.insert("device_key".to_owned(), device.to_string().into());
    }
    fields
}

/// The device key in an event: 32 bytes alone don't say of which kind it is.
fn device(event: &Event) -> Option<DeviceKey> {
    let (key, kind) = match event {
        Event::MeterRegistered(event) => (event.device_key, event.device_key_type),
        Event::DeviceReplaced(event) => (event.device_key, event.device_key_type),
        _ => return None,
    };
    let kind = DeviceKeyType::from_byte(u8::try_from(kind).ok()?)?;
    Some(DeviceKey { kind, key })
}

/// Validation rules as JSON.
pub fn rules_json(rules: &shared_state::state::Rules) -> serde_json::Value {
    serde_json::json!({
        "max_future_skew": rules.max_future_skew,
        "max_age": rules.max_age,
        "min_interval": rules.min_interval,
        "expected_interval": rules.expected_interval,
        "late_after": rules.late_after,
        "anomaly_threshold": rules.anomaly_threshold,
        "anomaly_floor": rules.anomaly_floor.0,
        "anomaly_warm_up": rules.anomaly_warm_up,
        "power_tolerance": rules.power_tolerance.0,
        "jump_factor": rules.jump_factor,
    })
}

/// An event on one line.
pub fn event_line(event: &Event) -> String {
    let mut line = event.name().to_owned();
    for (name, field) in event.fields() {
        let value = match (name, field) {
            ("reason", Field::Number(code)) => reason_name(code),
            ("device_key", _) => {
                device(event).map_or_else(|| "unknown".to_owned(), |key| key.to_string())
            }
            (_, Field::Number(number)) => number.to_string(),
            (_, Field::Time(time)) => format_time(time),
            (_, Field::Address(address)) => address.to_string(),
            (_, Field::Text(bytes)) => text(bytes),
            (_, Field::Rules(rules)) => rules_json(rules).to_string(),
        };
        line.push_str(&format!(" {name}={value}"));
    }
    line
}

/// Writes rows with aligned columns: the first and last to the left, the others to the right.
pub fn write_table(out: &mut (impl Write + ?Sized), rows: &[Vec<String>]) -> std::io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |cell: &String| cell.chars().count();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .map(|row| width(&row[column]))
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in rows {
        write!(out, "  ")?;
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match column {
                0 => write!(out, " {cell:width$}")?,
                last if last + 1 == columns => write!(out, "  {cell}")?,
                _ => write!(out, "  {cell:>width$}")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(kwh(15_500), "15.500");
        assert_eq!(grid(15_500_000_000), "15.5");
        assert_eq!(grid(0), "0");
        assert_eq!(grid(1), "0.000000001");
        assert_eq!(percent(9_805), "98.05 %");
        assert_eq!(ago(0, 119), "119 s ago");
        assert_eq!(ago(0, 172_800), "2 days ago");
        assert_eq!(ago(5, 0), "in the future");
    }

    #[test]
    fn amounts_of_grid() {
        assert_eq!(parse_grid("15.5"), Ok(15_500_000_000));
        assert_eq!(parse_grid("0.000000001"), Ok(1));
        assert_eq!(parse_grid("7"), Ok(7_000_000_000));
        assert_eq!(parse_grid("18446744073.709551615"), Ok(u64::MAX));
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "0.0000000001",
            "1.5.5",
        ] {
            assert!(parse_grid(bad).is_err(), "{bad}");
        }
        assert!(parse_grid("18446744073.709551616").is_err());
        assert!(parse_grid("99999999999999999999").is_err());
    }

    #[test]
    fn text_that_would_move_the_cursor() {
        assert_eq!(text(b"Caf\xC3\xA9\x1B[2J\0\0"), "Café\u{FFFD}[2J");
        assert_eq!(text(&[0; 8]), "");
    }
}
