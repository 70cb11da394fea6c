//! DSMR P1 telegrams, one or a log of them: `/…` to `!`, a line for each value by its OBIS code.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{
    energy::{Energy, Unit},
    lines::check_id,
    number,
    options::Options,
    report::{DoubtKind, Place, Report},
    series::{Key, Kind, Point, Series, MAX_POINTS},
    words::Direction,
    zone::Zone,
};

/// Lines of a telegram; more is none.
const MAX_LINES: usize = 500;

/// Whether a text has telegrams.
pub fn is_p1(text: &str) -> bool {
    let mut identified = false;
    let mut coded = 0;
    for line in text.lines().take(300) {
        let line = payload(line);
        identified |= line.starts_with('/') && line.len() >= 5 && !line.starts_with("//");
        coded += usize::from(object(line).is_some());
    }
    identified && coded >= 2
}

/// A line without what a logger put before it.
fn payload(line: &str) -> &str {
    let line = line.trim();
    match (
        line.starts_with('/') || line.starts_with('!'),
        line.find("-0:").or(line.find("-1:")).or(line.find("-3:")),
    ) {
        (true, _) | (_, None) => line,
        (false, Some(at)) => at
            .checked_sub(1)
            .and_then(|at| line.get(at..))
            .unwrap_or(line),
    }
}

/// Code and value of `1-0:1.8.1(004938.271*kWh)`; of several values the last.
fn object(line: &str) -> Option<(&str, &str)> {
    let (code, rest) = line.split_once('(')?;
    let (medium, rest_of_code) = code.split_once('-')?;
    if medium.len() != 1 || !rest_of_code.contains(':') || code.len() > 24 {
        return None;
    }
    Some((code, rest.strip_suffix(')')?))
}

/// A telegram under way.
#[derive(Default)]
struct Telegram {
    line: u32,
    timestamp: Option<String>,
    meter: Option<String>,
    registers: Vec<(Direction, u8, Energy)>,
    lines: usize,
    text: Vec<u8>,
}

/// Reads all telegrams.
pub fn read(
    text: &str,
    file: u16,
    options: &Options,
    zone: Option<Zone>,
    report: &mut Report,
) -> Result<Vec<Series>, String> {
    let mut series: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
    let mut telegram: Option<Telegram> = None;
    let mut count = 0usize;
    for (number, line) in (1u32..).zip(text.lines()) {
        let place = Place { file, line: number };
        let line = payload(line);
        if line.starts_with('/') {
            if let Some(begun) = telegram.replace(Telegram {
                line: number,
                ..Telegram::default()
            }) {
                report.lost(
                    Place {
                        file,
                        line: begun.line,
                    },
                    "a telegram without an end",
                );
            }
            append(telegram.as_mut(), line);
            continue;
        }
        let Some(begun) = telegram.as_mut() else {
            if !line.is_empty() {
                report.skipped(place, "not within a telegram");
            }
            continue;
        };
        if let Some(checksum) = line.strip_prefix('!') {
            begun.text.push(b'!');
            if let Some(done) = telegram.take() {
                let place = Place {
                    file,
                    line: done.line,
                };
                match finish(done, checksum.trim(), options, zone, report) {
                    Ok(points) => {
                        count += points.len();
                        for (key, at, energy) in points {
                            series.entry(key).or_default().push(Point {
                                start: at,
                                end: at,
                                energy,
                                place,
                                estimated: false,
                            });
                        }
                    }
                    Err(reason) => report.lost(place, reason),
                }
            }
            if count > MAX_POINTS {
                return Err(format!("more than {MAX_POINTS} values: split the file"));
            }
            continue;
        }
        begun.lines += 1;
        if begun.lines > MAX_LINES {
            report.lost(
                Place {
                    file,
                    line: begun.line,
                },
                "a telegram without an end",
            );
            telegram = None;
            continue;
        }
        append(telegram.as_mut(), line);
        if let (Some(begun), Some((code, value))) = (telegram.as_mut(), object(line)) {
            begun.take(code, value);
        }
    }
    if let Some(begun) = telegram {
        report.lost(
            Place {
                file,
                line: begun.line,
            },
            "a telegram without an end",
        );
    }
    Ok(series
        .into_iter()
        .map(|(key, points)| Series { key, points })
        .collect())
}

fn append(telegram: Option<&mut Telegram>, line: &str) {
    if let Some(telegram) = telegram {
        telegram.text.extend(line.as_bytes());
        telegram.text.extend(b"\r\n");
    }
}

impl Telegram {
    fn take(&mut self, code: &str, value: &str) {
        let (device, register) = code.split_once(':').unwrap_or(("", code));
        let mut groups = register.split('.');
        match (device, register) {
            ("0-0", "1.0.0") => self.timestamp = Some(value.to_owned()),
            // Belgium's meters name the metering point there.
            ("0-0", "96.1.1") => self.meter = Some(value.to_owned()),
            ("0-0", "96.1.4") if self.meter.is_none() => {}
            ("0-0", "42.0.0") | ("1-0", "0.0.0" | "96.1.0") if self.meter.is_none() => {
                self.meter = Some(value.to_owned())
            }
            _ if device == "1-0" => {
                let mut next = || groups.next().and_then(|group| group.parse::<u8>().ok());
                let direction = match (next(), next()) {
                    (Some(1), Some(8)) => Direction::Consumption,
                    (Some(2), Some(8)) => Direction::Generation,
                    _ => return,
                };
                let (number, unit) = value.split_once('*').unwrap_or((value, "kWh"));
                let energy = number::decimal(number.trim(), '.')
                    .zip(Unit::named(unit))
                    .and_then(|(decimal, unit)| Energy::from_decimal(decimal, unit));
                if let (Some(tariff), Some(energy)) = (next(), energy) {
                    self.registers.push((direction, tariff, energy));
                }
            }
            _ => {}
        }
    }
}

/// Registers of a telegram: tariffs, or the total where it has no tariffs.
fn finish(
    telegram: Telegram,
    checksum: &str,
    options: &Options,
    zone: Option<Zone>,
    report: &mut Report,
) -> Result<Vec<(Key, i64, Energy)>, String> {
    if checksum.len() == 4 {
        let told = u16::from_str_radix(checksum, 16).map_err(|_| "the checksum is no number")?;
        // A log may have been stored with other line ends.
        let unix: Vec<u8> = telegram
            .text
            .iter()
            .copied()
            .filter(|byte| *byte != b'\r')
            .collect();
        if crc16(&telegram.text) != told && crc16(&unix) != told {
            let blank = with_blank_line(&telegram.text);
            if blank.is_none_or(|text| crc16(&text) != told) {
                return Err("the checksum doesn't fit".into());
            }
        }
    }
    let timestamp = telegram
        .timestamp
        .ok_or("no time: telegrams before DSMR 4 have none")?;
    let at = instant(&timestamp, zone, report)?;
    let meter = match (&options.meter, telegram.meter) {
        (Some(meter), _) => meter.clone(),
        (None, Some(id)) => from_hex(&id),
        (None, None) => String::new(),
    };
    check_id(&meter, false)?;
    let tariffs = |direction: Direction| {
        telegram
            .registers
            .iter()
            .any(|(of, tariff, _)| *of == direction && *tariff > 0)
    };
    let points: Vec<(Key, i64, Energy)> = telegram
        .registers
        .iter()
        .filter(|(direction, tariff, _)| (*tariff > 0) == tariffs(*direction))
        .map(|(direction, tariff, energy)| {
            let channel = if *tariff == 0 {
                String::new()
            } else {
                format!("Tariff({tariff})")
            };
            (
                Key {
                    meter: meter.clone(),
                    direction: *direction,
                    kind: Kind::Register,
                    channel,
                },
                at,
                *energy,
            )
        })
        .collect();
    match points.is_empty() {
        true => Err("no register of energy".into()),
        false => Ok(points),
    }
}

/// The empty line behind the identification, where a log lost it.
fn with_blank_line(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.windows(2).position(|pair| pair == b"\r\n")?;
    let mut out = text.get(..end)?.to_vec();
    out.extend(b"\r\n\r\n");
    out.extend(text.get(end + 2..)?);
    Some(out)
}

/// `260621020000S`: local time of Central Europe, S in summer and W in winter.
fn instant(text: &str, zone: Option<Zone>, report: &mut Report) -> Result<i64, String> {
    let unreadable = || "the time can't be read".to_owned();
    if text.len() < 12 || !text.is_ascii() {
        return Err(unreadable());
    }
    let (digits, letter) = text.split_at(12);
    let part = |at: usize| {
        digits
            .get(at..at + 2)
            .and_then(|part| part.parse::<u32>().ok())
            .ok_or_else(unreadable)
    };
    let year = i32::try_from(part(0)?).map_err(|_| unreadable())? + 2000;
    let local = NaiveDate::from_ymd_opt(year, part(2)?, part(4)?)
        .and_then(|date| date.and_hms_opt(part(6).ok()?, part(8).ok()?, part(10).ok()?))
        .ok_or_else(unreadable)?;
    let utc = local.and_utc().timestamp();
    match (letter, zone) {
        ("S", _) => Ok(utc - 7200),
        ("W", _) => Ok(utc - 3600),
        (_, Some(zone)) => zone
            .instant(local)
            .map(crate::zone::Instant::first)
            .ok_or_else(unreadable),
        (_, None) => {
            report.doubt(
                DoubtKind::Timezone,
                "the telegrams' times have no season; read as UTC",
                "--timezone ZONE",
            );
            Ok(utc)
        }
    }
}

/// An equipment id is ASCII in hexadecimal digits: E0043006998765431 as 4530303433….
fn from_hex(id: &str) -> String {
    let decoded: Option<Vec<u8>> = (0..id.len())
        .step_by(2)
        .map(|at| {
            id.get(at..at + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        })
        .collect();
    match decoded {
        Some(bytes) if id.len() >= 8 && bytes.iter().all(u8::is_ascii_graphic) => {
            bytes.into_iter().map(char::from).collect()
        }
        _ => id.to_owned(),
    }
}

/// CRC-16 with the polynomial x^16 + x^15 + x^2 + 1, least significant bit first.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| match crc & 1 {
            1 => (crc >> 1) ^ 0xA001,
            _ => crc >> 1,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum() {
        assert_eq!(crc16(b"123456789"), 0xBB3D);
    }

    #[test]
    fn a_wrong_checksum_loses_the_telegram() {
        let body = "/ABC5TEST\r\n\r\n0-0:1.0.0(260621020000S)\r\n1-0:1.8.0(000001.000*kWh)\r\n!";
        let read = |checksum: u16| {
            let mut report = Report::default();
            let series = read(
                &format!("{body}{checksum:04X}\r\n"),
                0,
                &Options::default(),
                None,
                &mut report,
            )
            .expect("telegrams");
            (series.len(), report.take_left_out().len())
        };
        let right = crc16(body.as_bytes());
        assert_eq!(read(right), (1, 0));
        assert_eq!(read(right ^ 1), (0, 1));
    }

    #[test]
    fn ids() {
        assert_eq!(
            from_hex("4530303433303036393938373635343331"),
            "E0043006998765431"
        );
        assert_eq!(from_hex("12é"), "12é");
    }
}
