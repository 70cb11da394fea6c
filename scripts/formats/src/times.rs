//! Which columns hold the time, and what they say in each line.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime};

use crate::{
    options::{DateOrder, Format, IntervalTime, Options},
    report::{DoubtKind, Report},
    table::{Header, Row, Sheet, Table},
    time::{self, at, Date, EpochUnit, Stamp, YEARS},
    vocabulary,
    words::{self, has, plain},
    zone::Zone,
};

/// A time of a line.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum When {
    At(i64),
    Local(NaiveDateTime),
    /// A whole day.
    Day(NaiveDate),
    /// Hours and such since the day's beginning, as they elapse.
    Elapsed(NaiveDate, i64),
    /// A time of the day, on the start's day or the next.
    Clock(u32),
}

/// The columns of the time.
#[derive(Clone, Debug, Default)]
pub struct TimeColumns {
    /// One column, or date and time.
    pub start: Vec<usize>,
    /// The interval's end, if the table has it.
    pub end: Vec<usize>,
    /// A column of hours of the day, by number.
    pub hour: Option<usize>,
    /// Hours are counted from 1: hour 1 ends at 01:00.
    pub hours_from_one: bool,
    pub range: bool,
    /// What the time marks, if the table says it.
    pub marks: Option<IntervalTime>,
    pub order: Option<DateOrder>,
    /// A zone in the header.
    pub zone: Option<Zone>,
    /// Whole numbers are Unix seconds and nothing else.
    pub strict: bool,
    /// Units of numbers, and whether a line had no offset.
    pub units: BTreeSet<EpochUnit>,
    pub has_offsets: bool,
}

/// Lines that are looked at.
const SAMPLE: usize = 3000;

/// What a column's cells are, in terms of time.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeStats {
    pub filled: usize,
    pub dated: usize,
    pub with_time: usize,
    pub offset: usize,
    pub clock: usize,
    pub range: usize,
    pub hour: usize,
    pub zero_hours: usize,
    pub largest_hour: u32,
    pub last_moment: usize,
    /// How often the cell is another than in the line before.
    pub changes: usize,
}

pub fn stats(sheet: &Sheet, table: &Table, column: usize) -> TimeStats {
    let mut stats = TimeStats::default();
    let mut before = "";
    for row in table
        .rows
        .iter()
        .take(SAMPLE)
        .filter_map(|at| sheet.rows.get(*at))
    {
        let cell = table.cell(row, column);
        if cell.is_empty() {
            continue;
        }
        stats.filled += 1;
        stats.changes += usize::from(cell != before);
        before = cell;
        if let Ok(hour) = cell.parse::<u32>() {
            if hour <= 25 {
                stats.hour += 1;
                stats.zero_hours += usize::from(hour == 0);
                stats.largest_hour = stats.largest_hour.max(hour);
            }
        }
        if time::parse_range(cell).is_some() {
            stats.range += 1;
            stats.dated += 1;
        } else if let Some(stamp) = time::parse(cell) {
            stats.dated += usize::from(stamp.is_dated());
            stats.with_time +=
                usize::from(stamp.is_dated() && (stamp.time.is_some() || stamp.epoch.is_some()));
            stats.offset += usize::from(stamp.offset.is_some() || stamp.epoch.is_some());
            stats.clock += usize::from(!stamp.is_dated() && cell.contains([':', 'h', 'm', 'M']));
            stats.last_moment += usize::from(stamp.time == Some(86_400));
        }
    }
    stats
}

impl TimeColumns {
    /// Finds the columns. Err: the table has none.
    pub fn find(
        sheet: &Sheet,
        table: &Table,
        options: &Options,
        format: Format,
        find_column: &dyn Fn(&str) -> Option<usize>,
        report: &mut Report,
    ) -> Result<TimeColumns, String> {
        let all: Vec<TimeStats> = (0..table.headers.len())
            .map(|column| stats(sheet, table, column))
            .collect();
        let text = |column: usize| {
            table
                .headers
                .get(column)
                .map_or(String::new(), |header| plain(&header.names.join(" ")))
        };
        let mostly = |part: usize, stats: &TimeStats| part > 0 && part * 10 >= stats.filled * 7;
        let is_hour_header = |column: usize| {
            has(
                &text(column),
                &[
                    "hora", "hour", "stunde", "std", "uur", "heure", "ora", "time", "zeit", "tijd",
                    "period", "periodo", "he", "h", "timme", "tunti", "godzina",
                ],
            )
        };
        let mut found = TimeColumns {
            strict: format == Format::Grid,
            ..TimeColumns::default()
        };
        if !options.time.is_empty() {
            for token in &options.time {
                found.start.push(
                    find_column(token)
                        .ok_or_else(|| format!("--time: there is no column \"{token}\""))?,
                );
            }
            if let [_, second] = found.start[..] {
                if all
                    .get(second)
                    .is_some_and(|stats| mostly(stats.hour, stats) && stats.clock == 0)
                {
                    found.hour = found.start.pop();
                }
            }
            if found.start.len() > 2 {
                return Err("--time takes one column, or the date's and the time's".into());
            }
        } else if let Some(column) = find_column("timestamp").filter(|_| found.strict) {
            found.start = vec![column];
        } else {
            let dated: Vec<usize> = (0..all.len())
                .filter(|column| {
                    all.get(*column).is_some_and(|stats| {
                        mostly(stats.dated, stats)
                            && stats.filled * 2 > table.rows.len().min(SAMPLE)
                    })
                })
                .filter(|column| !is_id(table.headers.get(*column)))
                .collect();
            let is = |column: &usize, words: &[&str]| has(&text(*column), words);
            let stat = |column: &usize| all.get(*column).copied().unwrap_or_default();
            // A time that is the same in every line is none of the values'.
            let varies = |column: &&usize| stat(column).changes > 1;
            let any_varies = dated.iter().any(|column| varies(&column));
            let (instants, days): (Vec<usize>, Vec<usize>) = dated
                .iter()
                .filter(|column| !any_varies || varies(column))
                .partition(|column| stat(column).with_time + stat(column).range > 0);
            let clocks: Vec<usize> = (0..all.len())
                .filter(|column| {
                    mostly(stat(column).clock, &stat(column)) && stat(column).dated == 0
                })
                .collect();
            let pick = |columns: &[usize], words: &[&str], not: &[&str]| {
                columns
                    .iter()
                    .find(|column| is(column, words) && !is(column, not))
                    .copied()
            };
            let utc_first = |columns: &[usize]| {
                let utc = |column: &&usize| {
                    is(column, &["utc", "gmt"]) || stat(column).offset * 2 > stat(column).filled
                };
                let timely = |column: &&usize| {
                    !is(
                        column,
                        &[
                            "created",
                            "received",
                            "updated",
                            "exported",
                            "modified",
                            "import",
                            "lastupdated",
                        ],
                    )
                };
                let words = |column: &&usize| {
                    words::kind(&text(**column)) == words::Kind::Time && timely(column)
                };
                columns
                    .iter()
                    .filter(utc)
                    .find(words)
                    .or(columns.iter().find(utc))
                    .or(columns.iter().find(words))
                    .or(columns.first())
                    .copied()
            };
            if let Some(column) = instants.iter().find(|column| stat(column).range > 0) {
                found.start = vec![*column];
                found.range = true;
            } else if !instants.is_empty() {
                let start = pick(&instants, vocabulary::START, vocabulary::END);
                let end = pick(&instants, vocabulary::END, vocabulary::START);
                match (start, end) {
                    (Some(start), Some(end)) => {
                        // From, From (UTC), To, To (UTC): those of UTC.
                        let of = |wanted: &[&str], not: &[&str], or: usize| {
                            let columns: Vec<usize> = instants
                                .iter()
                                .filter(|column| is(column, wanted) && !is(column, not))
                                .copied()
                                .collect();
                            utc_first(&columns).unwrap_or(or)
                        };
                        found.start = vec![of(vocabulary::START, vocabulary::END, start)];
                        found.end = vec![of(vocabulary::END, vocabulary::START, end)];
                    }
                    _ => found.start = utc_first(&instants).into_iter().collect(),
                }
            } else if !days.is_empty() && !clocks.is_empty() {
                let day = pick(&days, vocabulary::START, vocabulary::END).or(days.first().copied());
                let end_day =
                    pick(&days, vocabulary::END, vocabulary::START).filter(|end| Some(*end) != day);
                let clock =
                    pick(&clocks, vocabulary::START, vocabulary::END).or(clocks.first().copied());
                let end_clock = pick(&clocks, vocabulary::END, vocabulary::START)
                    .filter(|end| Some(*end) != clock);
                found.start = day.into_iter().chain(clock).collect();
                found.end = match (end_day, end_clock) {
                    (Some(day), Some(clock)) => vec![day, clock],
                    (None, Some(clock)) => vec![clock],
                    _ => vec![],
                };
            } else if !days.is_empty() {
                let day = pick(&days, vocabulary::START, vocabulary::END).or(days.first().copied());
                found.start = day.into_iter().collect();
                let end =
                    pick(&days, vocabulary::END, vocabulary::START).filter(|end| Some(*end) != day);
                found.hour = (0..all.len()).find(|column| {
                    let stats = stat(column);
                    stats.hour == stats.filled
                        && stats.hour > 0
                        && stats.largest_hour >= 20
                        && is_hour_header(*column)
                });
                if found.hour.is_none() {
                    found.end = end.into_iter().collect();
                }
            } else {
                return Err("no column of dates or times: --time".into());
            }
        }
        let first = found.start.first().copied().unwrap_or(0);
        if let Some(hour) = found.hour {
            let stats = all.get(hour).copied().unwrap_or_default();
            found.hours_from_one = stats.zero_hours == 0;
            found.marks = Some(IntervalTime::Start);
        }
        let marker = found
            .start
            .iter()
            .map(|column| text(*column))
            .collect::<Vec<_>>()
            .join(" ");
        let sees_end_of_day = found
            .start
            .iter()
            .any(|column| all.get(*column).is_some_and(|stats| stats.last_moment > 0));
        found.marks = found.marks.or(
            match (
                has(&marker, vocabulary::START),
                has(&marker, vocabulary::END),
            ) {
                _ if !found.end.is_empty() || found.range => Some(IntervalTime::Start),
                (true, false) => Some(IntervalTime::Start),
                (false, true) => Some(IntervalTime::End),
                _ if sees_end_of_day => Some(IntervalTime::End),
                _ => None,
            },
        );
        let header = table
            .headers
            .get(first)
            .map_or(String::new(), |header| header.names.join(" "));
        found.zone = zone_in(&header);
        found.order = find_order(sheet, table, &found, options, report);
        Ok(found)
    }

    /// The times of a line: what its time marks, and the end where a column has it.
    pub fn read(&mut self, row: &Row, table: &Table) -> Result<(When, Option<When>), String> {
        let cell = |columns: &[usize], at: usize| {
            columns
                .get(at)
                .map_or("", |column| table.cell(row, *column))
        };
        let first = cell(&self.start, 0);
        if self.range {
            let (from, to) = time::parse_range(first).ok_or_else(|| unreadable(first))?;
            return Ok((self.when(from, first)?, Some(self.when(to, first)?)));
        }
        let mut stamp = self.stamp(first)?;
        if let Some(column) = self.hour {
            let hour = table.cell(row, column);
            let hour: i64 = hour
                .parse()
                .ok()
                .filter(|hour| *hour <= 25)
                .ok_or_else(|| format!("\"{hour}\" is no hour"))?;
            let Some(date) = stamp
                .date
                .and_then(|date| date.resolve(self.order.unwrap_or(DateOrder::Dmy)))
            else {
                return Err(unreadable(first));
            };
            let from_one = i64::from(self.hours_from_one);
            return Ok((
                When::Elapsed(date, (hour - from_one) * 3600),
                Some(When::Elapsed(date, (hour - from_one + 1) * 3600)),
            ));
        }
        if self.start.len() > 1 {
            let second = cell(&self.start, 1);
            let clock = self.clock(second)?;
            if stamp.time.is_none() || stamp.time == Some(0) {
                stamp.time = clock.time;
            }
            stamp.offset = stamp.offset.or(clock.offset);
        }
        let start = self.when(stamp, first)?;
        let last = cell(&self.end, 0);
        let end = match self.end.len() {
            0 => None,
            _ if last.is_empty() => None,
            1 => match time::parse(last) {
                Some(stamp) if !stamp.is_dated() => stamp.time.map(When::Clock),
                Some(stamp) => Some(self.when(stamp, last)?),
                None => return Err(unreadable(last)),
            },
            _ => {
                let mut stamp = self.stamp(last)?;
                stamp.time = self.clock(cell(&self.end, 1))?.time;
                Some(self.when(stamp, last)?)
            }
        };
        Ok((start, end))
    }

    fn clock(&self, cell: &str) -> Result<Stamp, String> {
        match time::parse(cell) {
            Some(stamp) if stamp.time.is_some() => Ok(stamp),
            // 0015 and 1430.
            _ if (3..=4).contains(&cell.len()) => {
                let (hours, minutes) = cell.split_at_checked(cell.len() - 2).unwrap_or(("", ""));
                time::clock(&format!("{hours}:{minutes}"))
                    .map(|(time, _)| Stamp {
                        time: Some(time),
                        ..Stamp::default()
                    })
                    .ok_or_else(|| unreadable(cell))
            }
            _ => Err(unreadable(cell)),
        }
    }

    fn stamp(&self, cell: &str) -> Result<Stamp, String> {
        if self.strict {
            if let Ok(seconds) = cell.parse::<i64>() {
                return match YEARS.contains(&seconds) {
                    true => Ok(Stamp {
                        epoch: Some(time::Epoch {
                            seconds,
                            unit: EpochUnit::Seconds,
                        }),
                        ..Stamp::default()
                    }),
                    false => Err(out_of_range(cell)),
                };
            }
        }
        match time::parse(cell) {
            Some(stamp) if stamp.is_dated() => Ok(stamp),
            _ => Err(unreadable(cell)),
        }
    }

    fn when(&mut self, stamp: Stamp, cell: &str) -> Result<When, String> {
        if let Some(epoch) = stamp.epoch {
            self.units.insert(epoch.unit);
            return Ok(When::At(epoch.seconds));
        }
        let Some(date) = stamp.date else {
            return match stamp.time {
                Some(time) => Ok(When::Clock(time)),
                None => Err(unreadable(cell)),
            };
        };
        let date = date
            .resolve(self.order.unwrap_or(DateOrder::Dmy))
            .ok_or_else(|| unreadable(cell))?;
        let Some(seconds) = stamp.time else {
            return Ok(When::Day(date));
        };
        let local = at(date, seconds).ok_or_else(|| unreadable(cell))?;
        let when = match (stamp.offset, self.zone) {
            (Some(offset), _) => {
                self.has_offsets = true;
                When::At(local.and_utc().timestamp() - i64::from(offset))
            }
            (None, Some(Zone::Fixed(offset))) => {
                When::At(local.and_utc().timestamp() - i64::from(offset.local_minus_utc()))
            }
            (None, Some(Zone::Named(chrono_tz::Tz::UTC))) => When::At(local.and_utc().timestamp()),
            (None, _) => When::Local(local),
        };
        let seconds = match when {
            When::At(seconds) => seconds,
            _ => local.and_utc().timestamp(),
        };
        match YEARS.contains(&seconds) {
            true => Ok(when),
            false => Err(format!("\"{cell}\" is not between 2000 and 2100")),
        }
    }
}

fn is_id(header: Option<&Header>) -> bool {
    header.is_some_and(|header| {
        let text = plain(&header.names.join(" "));
        has(&text, vocabulary::POINT_ID) && words::kind(&text) != words::Kind::Time
    })
}

fn unreadable(cell: &str) -> String {
    match cell {
        "" => "no time".into(),
        _ if cell
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-') =>
        {
            out_of_range(cell)
        }
        _ => "the time can't be read".into(),
    }
}

/// Why a whole number is no time.
fn out_of_range(cell: &str) -> String {
    let hint = match cell.len() {
        8 => " (a date?)",
        12 | 13 => " (milliseconds?)",
        15 | 16 => " (microseconds?)",
        18 | 19 => " (nanoseconds?)",
        _ => "",
    };
    format!("the time is not between 2000 and 2100 in Unix seconds{hint}")
}

/// The zone that a header names: `Date/time UTC`, `Time (UTC+01:00)`, `Timestamp [Europe/Berlin]`.
fn zone_in(header: &str) -> Option<Zone> {
    for token in header
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | ',' | ';' | '_'))
    {
        let upper = token.to_uppercase();
        if let Some(rest) = upper.strip_prefix("UTC").or(upper.strip_prefix("GMT")) {
            return match rest {
                "" => Some(Zone::utc()),
                offset => Zone::parse(offset).ok(),
            };
        }
        if token.contains('/') && token.is_ascii() {
            if let Ok(zone) = Zone::parse(token) {
                return Some(zone);
            }
        }
    }
    None
}

/// Tells day and month apart by all dates of the table.
fn find_order(
    sheet: &Sheet,
    table: &Table,
    columns: &TimeColumns,
    options: &Options,
    report: &mut Report,
) -> Option<DateOrder> {
    if options.dates.is_some() {
        return options.dates;
    }
    let first = *columns.start.first()?;
    let mut parts: BTreeSet<(u16, u16, u16)> = BTreeSet::new();
    let mut has_half = false;
    for row in table.rows.iter().filter_map(|at| sheet.rows.get(*at)) {
        let cell = table.cell(row, first);
        let stamp = time::parse(cell).or_else(|| time::parse_range(cell).map(|(from, _)| from));
        if let Some(Date::Parts(a, b, c)) = stamp.and_then(|stamp| stamp.date) {
            parts.insert((a, b, c));
            has_half |= cell.contains(['M', 'm']);
        }
        if parts.len() > 4000 {
            break;
        }
    }
    if parts.is_empty() {
        return None;
    }
    // The order in which most dates exist, and lie closest together.
    let orders = [DateOrder::Dmy, DateOrder::Mdy, DateOrder::Ymd];
    let mut ranked: Vec<(usize, i64, DateOrder)> = orders
        .iter()
        .filter_map(|order| {
            let dates: Vec<NaiveDate> = parts
                .iter()
                .filter_map(|(a, b, c)| Date::Parts(*a, *b, *c).resolve(*order))
                .filter(|date| (2000..2100).contains(&chrono::Datelike::year(date)))
                .collect();
            let span = dates
                .iter()
                .max()?
                .signed_duration_since(*dates.iter().min()?)
                .num_days();
            Some((parts.len() - dates.len(), span, *order))
        })
        .collect();
    ranked.sort_by_key(|(bad, span, _)| (*bad, *span));
    let (bad, span, order) = *ranked.first()?;
    let rivals: Vec<_> = ranked
        .iter()
        .skip(1)
        .filter(|(other, reach, _)| *other == bad && *reach < span.max(1) * 2)
        .collect();
    if rivals.is_empty() {
        return Some(order);
    }
    if has_half {
        return Some(DateOrder::Mdy);
    }
    let order = if ranked
        .iter()
        .any(|(other, _, order)| *other == bad && *order == DateOrder::Dmy)
    {
        DateOrder::Dmy
    } else {
        order
    };
    report.doubt(
        DoubtKind::DateOrder,
        "day and month of the dates can't be told apart; read with the day first",
        "--dates dmy or --dates mdy",
    );
    Some(order)
}
