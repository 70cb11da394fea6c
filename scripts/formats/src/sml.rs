//! SML captures, as German meters send: list entries of an OBIS code, a unit, a scaler and a value, within frames of an
//! escape sequence and a checksum.
//!
//! Only the entries are looked for: captures begin and end anywhere, and meters differ in what surrounds them.

use std::collections::BTreeMap;

use crate::{
    energy::{Decimal, Energy, Unit},
    lines::check_id,
    options::Options,
    report::{DoubtKind, Place, Report},
    series::{Key, Kind, Point, Series, MAX_POINTS},
    time,
    words::Direction,
};

const ESCAPE: [u8; 4] = [0x1b; 4];
/// The code of Wh.
const WATT_HOURS: i128 = 30;
const BEGIN: [u8; 8] = [0x1b, 0x1b, 0x1b, 0x1b, 1, 1, 1, 1];

/// Whether bytes are SML, as they are or in hexadecimal digits.
pub fn is_sml(bytes: &[u8]) -> bool {
    find(bytes.get(..bytes.len().min(4096)).unwrap_or(bytes), &BEGIN).is_some()
}

/// The bytes of a capture written in hexadecimal digits. None if it is none.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let start = text.trim_start();
    let head: String = start
        .chars()
        .take(64)
        .filter(char::is_ascii_hexdigit)
        .collect();
    if !head.to_ascii_lowercase().starts_with("1b1b1b1b01010101") {
        return None;
    }
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks_exact(2)
        .map(|pair| u8::try_from(pair.first()? * 16 + pair.get(1)?).ok())
        .collect()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Reads all frames. `modified` is when the file was last changed.
pub fn read(
    bytes: &[u8],
    file: u16,
    options: &Options,
    modified: Option<i64>,
    report: &mut Report,
) -> Result<Vec<Series>, String> {
    let given = match options.time.first() {
        Some(text) => {
            let stamp = time::parse(text)
                .ok_or_else(|| format!("--time: \"{text}\" is no time (2026-06-21T12:00:00Z)"))?;
            let local = stamp
                .date
                .and_then(|date| date.resolve(crate::options::DateOrder::Dmy))
                .and_then(|date| time::at(date, stamp.time.unwrap_or(0)));
            let at = stamp.epoch.map(|epoch| epoch.seconds).or(local
                .map(|local| local.and_utc().timestamp() - i64::from(stamp.offset.unwrap_or(0))));
            Some(at.ok_or_else(|| format!("--time: \"{text}\" is no time"))?)
        }
        None => None,
    };
    let mut series: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
    let mut rest = bytes;
    let mut number = 0u32;
    let mut count = 0usize;
    // Frames without a time of their own: the last of them was sent at the capture's end.
    while let Some(at) = find(rest, &BEGIN) {
        number += 1;
        let place = Place { file, line: number };
        rest = rest.get(at + BEGIN.len()..).unwrap_or(&[]);
        let (frame, length, sound) = unescaped(rest);
        rest = rest.get(length..).unwrap_or(&[]);
        if !sound {
            report.lost(place, "the frame's checksum doesn't fit");
            continue;
        }
        let entries = entries(&frame);
        let meter = options.meter.clone().or(entries.meter).unwrap_or_default();
        if let Err(reason) = check_id(&meter, false) {
            report.lost(place, reason);
            continue;
        }
        if entries.registers.is_empty() {
            report.skipped(place, "a frame without a register of energy");
            continue;
        }
        let Some(at) = given.or(entries.time).or(modified) else {
            return Err("the capture has no time: --time 2026-06-21T12:00:00Z".into());
        };
        if let Some(unit) = entries.unit {
            report.doubt(DoubtKind::Unit, format!("a register's unit has the code {unit} instead of {WATT_HOURS} (Wh); read as Wh"), "");
        }
        if given.is_none() && entries.time.is_none() {
            report.doubt(
                DoubtKind::Timezone,
                "the capture has no time; read as sent when the file was last changed",
                "--time 2026-06-21T12:00:00Z",
            );
        }
        for (direction, tariff, energy) in entries.registers {
            let channel = if tariff == 0 {
                String::new()
            } else {
                format!("Tariff({tariff})")
            };
            let key = Key {
                meter: meter.clone(),
                direction,
                kind: Kind::Register,
                channel,
            };
            let points = series.entry(key).or_default();
            // Without times of their own, the last frame counts.
            if entries.time.is_none() {
                count -= points.len();
                points.clear();
            }
            points.push(Point {
                start: at,
                end: at,
                energy,
                place,
                estimated: false,
            });
            count += 1;
        }
        if count > MAX_POINTS {
            return Err(format!("more than {MAX_POINTS} values: split the file"));
        }
    }
    Ok(series
        .into_iter()
        .map(|(key, points)| Series { key, points })
        .collect())
}

/// A frame's content without escapes, its length, and whether its checksum fits. A checksum of 0 is none: some loggers
/// write frames without.
fn unescaped(bytes: &[u8]) -> (Vec<u8>, usize, bool) {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if bytes.get(at..at + 4) != Some(&ESCAPE[..]) {
            out.push(*byte);
            at += 1;
            continue;
        }
        match bytes.get(at + 4) {
            Some(0x1b) => {
                out.extend(ESCAPE);
                at += 8;
            }
            Some(0x1a) => {
                let told = match bytes.get(at + 6..at + 8) {
                    Some([low, high]) => u16::from_le_bytes([*low, *high]),
                    _ => 0,
                };
                let mut covered = BEGIN.to_vec();
                covered.extend(bytes.get(..at + 6).unwrap_or(&[]));
                let end = (at + 8).min(bytes.len());
                return (out, end, told == 0 || told == crc16(&covered));
            }
            // The next frame begins, or rubbish.
            _ => return (out, at, true),
        }
    }
    (out, at, true)
}

#[derive(Default)]
struct Entries {
    /// A unit that isn't Wh.
    unit: Option<i128>,
    meter: Option<String>,
    time: Option<i64>,
    registers: Vec<(Direction, u8, Energy)>,
}

/// A value of the kind that entries are made of.
#[derive(Clone, Copy, Debug)]
enum Item<'a> {
    Absent,
    Bytes(&'a [u8]),
    Number(i128),
    List(usize),
}

/// The item at the front of some bytes, and the rest.
fn item(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let first = *bytes.first()?;
    let (kind, mut length, mut used) = (first & 0x70, usize::from(first & 0x0f), 1);
    let mut byte = first;
    while byte & 0x80 != 0 {
        byte = *bytes.get(used)?;
        length = (length << 4) | usize::from(byte & 0x0f);
        used += 1;
        if used > 4 {
            return None;
        }
    }
    if kind == 0x70 {
        return Some((Item::List(length), bytes.get(used..)?));
    }
    let content = bytes.get(used..used.max(length))?;
    let rest = bytes.get(used.max(length)..)?;
    let number = |signed: bool| {
        let negative = signed && content.first().is_some_and(|byte| byte & 0x80 != 0);
        (content.len() <= 8).then(|| {
            content
                .iter()
                .fold(if negative { -1i128 } else { 0 }, |value, byte| {
                    (value << 8) | i128::from(*byte)
                })
        })
    };
    let item = match kind {
        _ if content.is_empty() => Item::Absent,
        0x00 => Item::Bytes(content),
        0x50 => Item::Number(number(true)?),
        0x60 => Item::Number(number(false)?),
        _ => Item::Absent,
    };
    Some((item, rest))
}

/// Takes the items of a value that may be a list: the numbers in it.
fn skip(bytes: &[u8], depth: usize) -> Option<(Vec<i128>, &[u8])> {
    let (first, mut rest) = item(bytes)?;
    match first {
        Item::Number(number) => Some((vec![number], rest)),
        Item::List(length) if depth < 4 && length < 16 => {
            let mut numbers = Vec::new();
            for _ in 0..length {
                let (more, after) = skip(rest, depth + 1)?;
                numbers.extend(more);
                rest = after;
            }
            Some((numbers, rest))
        }
        Item::List(_) => None,
        _ => Some((Vec::new(), rest)),
    }
}

/// All list entries: seven items, of which the first is an OBIS code.
fn entries(frame: &[u8]) -> Entries {
    let mut found = Entries::default();
    for at in 0..frame.len() {
        let Some([0x77, 0x07, code @ ..]) = frame.get(at..at + 8) else {
            continue;
        };
        let Some((value, scaler, unit, seconds)) = entry(frame.get(at + 8..).unwrap_or(&[])) else {
            continue;
        };
        let &[a, _, c, d, e, _] = code else { continue };
        match (a, c, d, e) {
            (1, 1 | 2, 8, tariff) => {
                let direction = if c == 1 {
                    Direction::Consumption
                } else {
                    Direction::Generation
                };
                if let Item::Number(digits) = value {
                    found.unit = found.unit.or(unit.filter(|unit| *unit != WATT_HOURS));
                    let energy = Energy::from_decimal(
                        Decimal {
                            digits,
                            exponent: scaler,
                        },
                        Unit::Wh,
                    );
                    found
                        .registers
                        .extend(energy.map(|energy| (direction, tariff, energy)));
                }
                // Seconds since 1970 on meters with a clock; seconds since their start on others.
                found.time = found
                    .time
                    .or(seconds.filter(|seconds| time::YEARS.contains(seconds)));
            }
            (1, 0 | 96, 0..=1, 0 | 9) | (1, 96, 50, _) => {
                if let (Item::Bytes(bytes), None) = (value, &found.meter) {
                    found.meter = Some(id(bytes));
                }
            }
            _ => {}
        }
    }
    // The total, where a meter has it, and not its tariffs as well.
    for direction in [Direction::Generation, Direction::Consumption] {
        if found
            .registers
            .iter()
            .any(|(of, tariff, _)| *of == direction && *tariff == 0)
        {
            found
                .registers
                .retain(|(of, tariff, _)| *of != direction || *tariff == 0);
        }
    }
    found
}

type Entry<'a> = (Item<'a>, i32, Option<i128>, Option<i64>);

/// Status, time, unit, scaler and value behind an entry's code.
fn entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let (_, rest) = skip(bytes, 0)?;
    let (times, rest) = skip(rest, 0)?;
    let (units, rest) = skip(rest, 0)?;
    let (scalers, rest) = skip(rest, 0)?;
    let (value, _) = item(rest)?;
    let scaler = scalers.first().copied().unwrap_or(0);
    // Scalers are signed bytes; -12 to 12 are plausible.
    let scaler = i32::try_from(scaler)
        .ok()
        .filter(|scaler| scaler.abs() <= 12)?;
    let seconds = times
        .last()
        .and_then(|seconds| i64::try_from(*seconds).ok());
    Some((value, scaler, units.first().copied(), seconds))
}

/// A meter's id: text, or a server id of ten bytes such as `0A 01 45 4D 48 …` as `1EMH…`.
fn id(bytes: &[u8]) -> String {
    if bytes.iter().all(u8::is_ascii_graphic) {
        return bytes.iter().copied().map(char::from).collect();
    }
    match bytes {
        [0x0a, medium, a, b, c, block, number @ ..]
            if number.len() == 4 && [a, b, c].iter().all(|byte| byte.is_ascii_uppercase()) =>
        {
            let number = number
                .iter()
                .fold(0u64, |value, byte| (value << 8) | u64::from(*byte));
            format!(
                "{medium:X}{}{}{}{block:02X}{number:08}",
                char::from(*a),
                char::from(*b),
                char::from(*c)
            )
        }
        _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// CRC-16/X-25, as the frames' checksum.
fn crc16(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0xffffu16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| match crc & 1 {
            1 => (crc >> 1) ^ 0x8408,
            _ => crc >> 1,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_and_ids() {
        assert_eq!(crc16(b"123456789"), 0x906e);
        assert_eq!(
            id(&[0x0a, 1, b'E', b'M', b'H', 0, 0, 0xbc, 0x61, 0x4e]),
            "1EMH0012345678"
        );
    }

    #[test]
    fn a_wrong_checksum_loses_the_frame() {
        let body = [
            0x77, 7, 1, 0, 1, 8, 0, 255, 1, 1, 0x62, 30, 0x52, 0xff, 0x62, 100, 1, 0,
        ];
        let frame = |crc: Option<u16>| {
            let mut bytes = BEGIN.to_vec();
            bytes.extend(body);
            bytes.extend([0x1b, 0x1b, 0x1b, 0x1b, 0x1a, 0]);
            let told = crc.unwrap_or_else(|| crc16(&bytes));
            bytes.extend(told.to_le_bytes());
            bytes
        };
        let registers = |bytes: &[u8]| {
            let mut report = Report::default();
            let series = read(
                bytes,
                0,
                &Options::default(),
                Some(1_782_000_000),
                &mut report,
            )
            .expect("frames");
            series
                .iter()
                .flat_map(|series| series.points.iter().map(|point| point.energy.kwh()))
                .collect::<Vec<_>>()
        };
        assert_eq!(registers(&frame(None)), ["0.01"]);
        assert_eq!(registers(&frame(Some(1))), Vec::<String>::new());
    }
}
