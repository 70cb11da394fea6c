//! NEM12, the interval meter data of Australia's market: a 200 record says meter, direction, unit and interval length, a
//! 300 record has a day's values. Times are market time, UTC+10:00 all year.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{
    energy::{Energy, Unit},
    lines::check_id,
    number::{self, Cell},
    options::Options,
    report::{Place, Report},
    series::{Key, Kind, Point, Series, MAX_POINTS},
    table::Sheet,
    words::Direction,
};

/// Market time, in seconds east of UTC.
const EAST: i64 = 36_000;

/// A 200 record.
struct Block {
    key: Key,
    unit: Unit,
    /// Length of an interval, in seconds.
    step: i64,
}

/// Whether a sheet is NEM12.
pub fn is_nem12(sheet: &Sheet) -> bool {
    let mut rows = sheet.rows.iter().filter(|row| !row.cell(0).is_empty());
    let first = rows.next();
    first.is_some_and(|row| row.cell(0) == "100" && row.cell(1).eq_ignore_ascii_case("NEM12"))
        || (first.is_some_and(|row| row.cell(0) == "200" && row.cells.len() >= 9)
            && rows.next().is_some_and(|row| row.cell(0) == "300"))
}

/// Reads the records.
pub fn read(
    sheet: &Sheet,
    file: u16,
    options: &Options,
    report: &mut Report,
) -> Result<Vec<Series>, String> {
    let mut series: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
    let mut block: Option<Block> = None;
    // The day that following 400 records are about: its key, the index of its first value, and their number.
    let mut day: Option<(Key, usize, usize)> = None;
    let mut qualities: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = 0usize;
    if options.timezone.is_some() {
        report.note("NEM12 is in market time (UTC+10:00): --timezone is not needed and not used");
    }
    for row in &sheet.rows {
        let place = Place {
            file,
            line: row.line,
        };
        match row.cell(0) {
            "200" => {
                day = None;
                block = match details(row, options) {
                    Ok(block) => Some(block),
                    Err(reason) => {
                        report.skipped(place, reason);
                        None
                    }
                };
            }
            "300" => {
                day = None;
                let Some(block) = &block else {
                    report.skipped(place, "a day of a register that isn't the meter's energy");
                    continue;
                };
                let Some(date) = date(row.cell(1)) else {
                    report.lost(place, "the day can't be read");
                    continue;
                };
                let values = usize::try_from(86_400 / block.step).unwrap_or(0);
                let quality = row.cell(2 + values).to_ascii_uppercase();
                let points = series.entry(block.key.clone()).or_default();
                let before = points.len();
                let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() - EAST;
                for (n, column) in (0i64..).zip(2..2 + values) {
                    let start = midnight + n * block.step;
                    match number::parse(row.cell(column), '.') {
                        Cell::Number(decimal, _) => match Energy::from_decimal(decimal, block.unit)
                        {
                            Some(energy) => points.push(Point {
                                start,
                                end: start + block.step,
                                energy,
                                place,
                                estimated: is_estimated(&quality),
                            }),
                            None => report.lost(place, "a value is above 2^64 Wh"),
                        },
                        Cell::Missing => report.lost(place, "an interval without a value"),
                        Cell::Text => report.lost(place, "a value is no number"),
                    }
                }
                count += points.len() - before;
                if count > MAX_POINTS {
                    return Err(format!("more than {MAX_POINTS} values: split the file"));
                }
                *qualities
                    .entry(quality.chars().take(3).collect())
                    .or_default() += points.len() - before;
                day =
                    (points.len() - before == values).then(|| (block.key.clone(), before, values));
            }
            "400" => {
                // Quality of a part of the day, which the 300 record calls V.
                let number = |column: usize| row.cell(column).parse::<usize>().ok();
                if let (Some((key, first, values)), Some(from), Some(to)) =
                    (&day, number(1), number(2))
                {
                    let quality = row.cell(3).to_ascii_uppercase();
                    if from >= 1 && to >= from && to <= *values {
                        if let Some(part) = series
                            .get_mut(key)
                            .and_then(|points| points.get_mut(first + from - 1..first + to))
                        {
                            *qualities.entry("V".into()).or_default() = qualities
                                .get("V")
                                .map_or(0, |count| count.saturating_sub(part.len()));
                            *qualities
                                .entry(quality.chars().take(3).collect())
                                .or_default() += part.len();
                            part.iter_mut()
                                .for_each(|point| point.estimated = is_estimated(&quality));
                        }
                    }
                }
            }
            "100" | "500" | "900" | "" => {}
            _ => report.skipped(place, "no record of NEM12"),
        }
    }
    if options.measured_only {
        for points in series.values_mut() {
            points.retain(|point| {
                if point.estimated {
                    report.lost(point.place, "estimated (--measured-only)");
                }
                !point.estimated
            });
        }
    }
    let said: Vec<String> = qualities
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(quality, count)| {
            format!(
                "{} {count}",
                if quality.is_empty() { "none" } else { quality }
            )
        })
        .collect();
    report.note(format!(
        "quality of the values (A actual, S and F substituted, E estimated): {}",
        said.join(", ")
    ));
    Ok(series
        .into_iter()
        .map(|(key, points)| Series { key, points })
        .collect())
}

/// A quality flag of the kinds S, F and E.
fn is_estimated(quality: &str) -> bool {
    quality.starts_with(['S', 'F', 'E'])
}

fn details(row: &crate::table::Row, options: &Options) -> Result<Block, String> {
    let suffix = row.cell(4).to_ascii_uppercase();
    let direction = match suffix.chars().next() {
        Some('E') => Direction::Consumption,
        Some('B') => Direction::Generation,
        _ => {
            return Err(format!(
                "register {} is not active energy",
                suffix.chars().take(8).collect::<String>()
            ))
        }
    };
    let unit = Unit::named(row.cell(7))
        .filter(|unit| !unit.is_power())
        .ok_or_else(|| {
            format!(
                "the unit is {}",
                row.cell(7).chars().take(12).collect::<String>()
            )
        })?;
    let minutes: i64 = row.cell(8).parse().unwrap_or(0);
    if !matches!(minutes, 1 | 5 | 10 | 15 | 30 | 60) {
        return Err("the interval length is none of 5, 15, 30 and 60 minutes".into());
    }
    let meter = options
        .meter
        .clone()
        .unwrap_or_else(|| row.cell(1).to_owned());
    check_id(&meter, true)?;
    Ok(Block {
        key: Key {
            meter,
            direction,
            kind: Kind::Interval,
            channel: format!("{suffix} {}", row.cell(6)),
        },
        unit,
        step: minutes * 60,
    })
}

fn date(cell: &str) -> Option<NaiveDate> {
    crate::time::parse(cell)?
        .date?
        .resolve(crate::options::DateOrder::Ymd)
}
