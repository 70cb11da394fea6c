//! From a table's lines to series: times resolved, units known, each value with its direction.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};

use crate::{
    energy::{Energy, Unit},
    instants,
    lines::{Moment, Reader},
    number::{self},
    options::{Format, IntervalTime, Options},
    report::{DoubtKind, Place, Report},
    roles::{self, find_columns, Filter, Roles},
    series::{Key, Kind, Point, Series},
    skipped,
    table::{Sheet, Table},
    times::{TimeColumns, When},
    units::Units,
    values::{id_in, Choice, Value},
    vocabulary,
    wide::{self, Wide},
    words::{self, has, meaning, plain, Direction},
    zone::Zone,
};

/// What a file is, beside its cells.
pub struct Source<'a> {
    pub file: u16,
    pub name: &'a str,
    pub format: Format,
    pub options: &'a Options,
    /// The zone of local times, if the user named one.
    pub zone: Option<Zone>,
}

/// What was understood of a table.
#[derive(Clone, Debug, Default)]
pub struct Understanding {
    pub decimal: Option<char>,
    pub zone: String,
    pub units: BTreeSet<Unit>,
    pub columns: Vec<String>,
}

/// Reads a table. Err: it can't be read at all.
pub fn read(
    sheet: &Sheet,
    table: &Table,
    source: &Source<'_>,
    report: &mut Report,
) -> Result<(Vec<Series>, Understanding), String> {
    let options = source.options;
    let place = |line: u32| Place {
        file: source.file,
        line,
    };
    let column = |token: &str| find_columns(&table.headers, token).first().copied();
    let mut time = TimeColumns::find(sheet, table, options, source.format, &column, report)?;
    let is_time = |time: &TimeColumns, column: usize| {
        time.start.contains(&column) || time.end.contains(&column) || time.hour == Some(column)
    };
    let wide = wide::find(&table.headers);
    let mark = decimal_mark(
        sheet,
        table,
        &wide,
        &|column| is_time(&time, column),
        options,
        report,
    );
    let stats: Vec<roles::Stats> = (0..table.headers.len())
        .map(|column| roles::stats(sheet, table, column, mark))
        .collect();
    let roles = Roles::find(options, table, &time, &stats)?;
    let filters = options
        .filter
        .iter()
        .map(|text| Filter::parse(&table.headers, text))
        .collect::<Result<Vec<_>, _>>()?;
    for line in &table.other {
        let reason = "no time in it";
        match source.format {
            Format::Grid => report.lost(place(*line), reason),
            _ => report.skipped(place(*line), reason),
        }
    }
    let rows: Vec<usize> = table
        .rows
        .iter()
        .copied()
        .filter(|at| {
            sheet.rows.get(*at).is_some_and(|row| {
                let kept = filters.iter().all(|filter| filter.matches(table, row));
                if !kept {
                    report.skipped(place(row.line), "left out by --where");
                }
                kept
            })
        })
        .collect();
    let told = told_direction(table);
    let values = match &wide {
        Some(wide) => vec![wide_value(
            table, wide, &roles, &stats, options, told, source, report,
        )],
        None => {
            let order = by_time(sheet, table, &rows, &mut time, &roles, source.zone);
            Choice {
                sheet,
                table,
                stats: &stats,
                roles: &roles,
                options,
                is_time: &|column| is_time(&time, column),
                order: &order,
                mark,
                told,
                named: meaning(&plain(source.name).replace(|c: char| !c.is_alphabetic(), " "))
                    .direction,
                section: section(table, &time),
                read_dates: read_dates(table, &time),
                has_ends: !time.end.is_empty() || time.range || time.hour.is_some(),
            }
            .values(report)?
        }
    };
    let reader = Reader {
        sheet,
        table,
        source,
        roles: &roles,
        values: &values,
        mark,
        wide: wide.as_ref(),
        meter: file_meter(table),
    };
    let (moments, mut found, sequences) = reader.lines(&rows, &mut time, report)?;
    let zone = source.zone.or(time.zone);
    let local = moments
        .iter()
        .any(|moment| !matches!(moment.start, When::At(_)));
    if local && zone.is_none() {
        report.doubt(
            DoubtKind::Timezone,
            "the file has local times and doesn't say of which zone; read as UTC",
            "--timezone ZONE",
        );
    }
    let zone = zone.map(|zone| skipped::settle(zone, &moments, &mut found, report));
    let kind_of = |value: usize| values.get(value).map_or(Kind::Register, |value| value.kind);
    let marks = marks(
        &moments,
        &time,
        values.iter().any(|value| value.kind == Kind::Interval),
        options,
        report,
    );
    let times = resolve(&moments, zone.unwrap_or(Zone::utc()), marks, sheet, report);
    let units = Units {
        values: &values,
        unit_column: roles.unit.is_some(),
    }
    .settle(&found, &times, &moments, options, report);
    let mut series: BTreeMap<(usize, usize), Series> = BTreeMap::new();
    for one in &found {
        let (Some(moment), Some(value)) = (moments.get(one.moment), values.get(one.value)) else {
            continue;
        };
        let Some((instant, end)) = times.get(one.moment).copied().flatten() else {
            continue;
        };
        let Some((meter, register)) = sequences.get(moment.sequence) else {
            continue;
        };
        let Some(direction) = value.direction.or_else(|| meaning(register).direction) else {
            continue;
        };
        let unit = options
            .unit
            .or(one.unit)
            .or(value.unit)
            .or(units)
            .unwrap_or(Unit::Wh);
        let kind = kind_of(one.value);
        let energy =
            Energy::from_decimal(one.decimal, unit).and_then(|energy| match unit.is_power() {
                true => energy.over(end - instant),
                false => Some(energy),
            });
        let Some(energy) = energy else {
            report.lost(moment.place, "the value is above 2^64 Wh");
            continue;
        };
        let (start, end) = match kind {
            Kind::Register if marks == IntervalTime::End => (end, end),
            Kind::Register => (instant, instant),
            Kind::Interval => (instant, end),
        };
        let key = || Key {
            meter: value
                .meter
                .clone()
                .filter(|_| meter.is_empty())
                .unwrap_or_else(|| meter.clone()),
            direction,
            kind,
            channel: format!("{register}{}", value.channel),
        };
        series
            .entry((moment.sequence, one.value))
            .or_insert_with(|| Series {
                key: key(),
                points: Vec::new(),
            })
            .points
            .push(Point {
                start,
                end,
                energy,
                place: moment.place,
                estimated: one.estimated,
            });
    }
    let mut understanding = Understanding {
        decimal: Some(mark),
        zone: match (local, zone, time.has_offsets) {
            (true, Some(zone), _) => zone.name(),
            (true, None, _) => "unknown, read as UTC".into(),
            (false, _, true) => "offsets in the file".into(),
            (false, Some(_), false) if time.units.is_empty() => "UTC".into(),
            _ => time
                .units
                .iter()
                .map(|unit| unit.name())
                .collect::<Vec<_>>()
                .join(", "),
        },
        units: found
            .iter()
            .filter_map(|one| {
                options
                    .unit
                    .or(one.unit)
                    .or(values.get(one.value).and_then(|value| value.unit))
                    .or(units)
            })
            .collect(),
        columns: Vec::new(),
    };
    understanding.columns = describe(table, &time, &roles, &values, wide.as_ref(), marks);
    Ok((series.into_values().collect(), understanding))
}

/// The table's lines in the order of their time, of each meter and register by itself.
fn by_time(
    sheet: &Sheet,
    table: &Table,
    rows: &[usize],
    time: &mut TimeColumns,
    roles: &Roles,
    zone: Option<Zone>,
) -> Vec<usize> {
    let mut groups: BTreeMap<(&str, &str), Vec<(When, usize)>> = BTreeMap::new();
    for at in rows.iter().take(20_000) {
        let Some(row) = sheet.rows.get(*at) else {
            continue;
        };
        let cell = |column: Option<usize>| column.map_or("", |column| table.cell(row, column));
        if let Ok((start, _)) = time.read(row, table) {
            groups
                .entry((cell(roles.meter), cell(roles.channel)))
                .or_default()
                .push((start, *at));
        }
    }
    let mut order = Vec::new();
    for group in groups.into_values() {
        let whens: Vec<_> = group.iter().map(|(when, _)| (*when, None)).collect();
        let zone = zone.unwrap_or(Zone::utc());
        let (times, _) = instants::resolve(zone, &whens, IntervalTime::Start, |_, _| false);
        let mut timed: Vec<(Option<(i64, i64)>, usize)> = times
            .into_iter()
            .zip(group.iter().map(|(_, at)| *at))
            .collect();
        // A file that begins with the newest keeps the order of equal times when it is turned round.
        if timed.first() > timed.last() {
            timed.reverse();
        }
        timed.sort_by_key(|(at, _)| *at);
        order.extend(timed.into_iter().map(|(_, row)| row));
    }
    order
}

fn decimal_mark(
    sheet: &Sheet,
    table: &Table,
    wide: &Option<Wide>,
    is_time: &dyn Fn(usize) -> bool,
    options: &Options,
    report: &mut Report,
) -> char {
    if let Some(mark) = options.decimal {
        return mark;
    }
    let narrow = table
        .rows
        .iter()
        .take(5000)
        .filter_map(|at| sheet.rows.get(*at))
        .flat_map(|row| {
            (0..table.headers.len())
                .filter(|column| !is_time(*column))
                .map(|column| table.cell(row, column))
        });
    let plausible = |cell: &&str| {
        words::obis(cell).is_none()
            && !crate::time::parse(cell).is_some_and(|stamp| stamp.is_dated())
    };
    let found = match wide {
        Some(wide) => number::find_mark(wide.sample(table, sheet), sheet.separator),
        None => number::find_mark(narrow.filter(plausible), sheet.separator),
    };
    if found.doubtful {
        report.doubt(DoubtKind::DecimalMark, format!("points or commas in the values may mark decimals or thousands; decimals are read behind \"{}\"", found.mark), "--decimal . or --decimal ,");
    }
    found.mark
}

/// Whether the time's header is that of readings.
fn read_dates(table: &Table, time: &TimeColumns) -> bool {
    let header = time
        .start
        .first()
        .and_then(|column| table.headers.get(*column));
    let words = [
        "readdate",
        "readingdate",
        "ablese",
        "readtime",
        "lecturefecha",
        "dateofread",
    ];
    header.is_some_and(|header| has(&plain(&header.name()), &words))
}

/// A direction in the header of the time.
fn section(table: &Table, time: &TimeColumns) -> Option<Direction> {
    let header = plain(&table.headers.get(*time.start.first()?)?.name());
    let words = ["delivered", "received", "imported", "exported"];
    has(&header, &words)
        .then(|| meaning(&header).direction)
        .flatten()
}

/// A direction in the lines before the header, if they agree.
fn told_direction(table: &Table) -> Option<Direction> {
    let over = table
        .headers
        .iter()
        .flat_map(|header| header.over.iter())
        .filter_map(|text| meaning(text).direction);
    let told: BTreeSet<Direction> = table
        .facts
        .iter()
        .filter_map(|(key, value)| {
            meaning(value).direction.or_else(|| {
                if value.is_empty() {
                    meaning(key).direction
                } else {
                    None
                }
            })
        })
        .chain(over)
        .collect();
    match told.iter().collect::<Vec<_>>()[..] {
        [direction] => Some(*direction),
        _ => None,
    }
}

/// A meter's id in the lines before the header.
fn file_meter(table: &Table) -> Option<String> {
    let good = |value: &str| {
        (4..=64).contains(&value.len())
            && value.bytes().any(|byte| byte.is_ascii_digit())
            && !value.contains([' ', '.', ':'])
    };
    for words in [vocabulary::POINT_ID, vocabulary::METER_ID] {
        for (key, value) in &table.facts {
            if has(&plain(key), words) && good(value) {
                return Some(value.clone());
            }
        }
    }
    table
        .facts
        .iter()
        .find_map(|(key, value)| id_in(value, 16).or_else(|| id_in(key, 16)))
}

#[allow(clippy::too_many_arguments)]
fn wide_value(
    table: &Table,
    wide: &Wide,
    roles: &Roles,
    stats: &[roles::Stats],
    options: &Options,
    told: Option<Direction>,
    source: &Source<'_>,
    report: &mut Report,
) -> Value {
    let first = wide.columns.first().map_or(0, |slot| slot.column);
    let by_rows = roles.directions(stats);
    let direction = match (options.generation.first(), options.consumption.first()) {
        _ if !by_rows.is_empty() => None,
        (Some(_), None) => Some(Direction::Generation),
        (None, Some(_)) => Some(Direction::Consumption),
        _ => {
            let named = meaning(&plain(source.name)).direction;
            if told.is_none() {
                let by = if named.is_some() {
                    "by the file's name"
                } else {
                    "the safer of both"
                };
                let direction = named.unwrap_or(Direction::Consumption);
                report.doubt(
                    DoubtKind::Direction,
                    format!("the file doesn't say whether its intervals are generation or consumption; taken as {} ({by})", direction.name()),
                    "--generation all or --consumption all",
                );
            }
            Some(told.or(named).unwrap_or(Direction::Consumption))
        }
    };
    let unit = table.headers.get(first).and_then(|header| {
        header
            .names
            .iter()
            .chain(&header.over)
            .find_map(|name| words::unit(name))
    });
    let told_unit = table
        .facts
        .iter()
        .find_map(|(key, value)| words::unit(value).or_else(|| words::unit(key)));
    Value {
        column: first,
        direction,
        kind: Kind::Interval,
        unit: options.unit.or(unit).or(told_unit),
        channel: String::new(),
        meter: None,
        registers: None,
        name: format!(
            "{} columns of {} minutes",
            wide.columns.len(),
            wide.step / 60
        ),
    }
}

/// Which end of an interval the times mark.
fn marks(
    moments: &[Moment],
    time: &TimeColumns,
    intervals: bool,
    options: &Options,
    report: &mut Report,
) -> IntervalTime {
    match options.interval {
        Some(IntervalTime::Start) => return IntervalTime::Start,
        Some(IntervalTime::End) => return IntervalTime::End,
        _ => {}
    }
    if let Some(marks) = time.marks {
        return if intervals {
            marks
        } else {
            IntervalTime::Start
        };
    }
    let clocked: Vec<i64> = moments
        .iter()
        .filter(|moment| moment.end.is_none() && !matches!(moment.start, When::Day(_)))
        .map(|moment| instants::approximate(moment.start))
        .collect();
    if clocked.is_empty() || !intervals {
        return IntervalTime::Start;
    }
    let (first, last) = (
        clocked.iter().min().copied().unwrap_or(0),
        clocked.iter().max().copied().unwrap_or(0),
    );
    let midnight = |at: i64| at.rem_euclid(86_400) == 0;
    let inferred = match (midnight(first), midnight(last)) {
        (false, true) => IntervalTime::End,
        _ => IntervalTime::Start,
    };
    if options.interval.is_none() {
        let end = if inferred == IntervalTime::End {
            "end"
        } else {
            "start"
        };
        report.doubt(DoubtKind::Interval, format!("the values are energy per interval, and the file doesn't say which end of it the time marks; read as the {end}"), "--interval start or --interval end");
    }
    inferred
}

/// Starts and ends of all moments; of registers both are the same time.
fn resolve(
    moments: &[Moment],
    zone: Zone,
    marks: IntervalTime,
    sheet: &Sheet,
    report: &mut Report,
) -> Vec<Option<(i64, i64)>> {
    let mut by_sequence: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, moment) in moments.iter().enumerate() {
        by_sequence.entry(moment.sequence).or_default().push(index);
    }
    let mut times = vec![None; moments.len()];
    for sequence in by_sequence.values() {
        let of: Vec<(When, Option<When>)> = sequence
            .iter()
            .filter_map(|at| moments.get(*at))
            .map(|moment| (moment.start, moment.end))
            .collect();
        let row = |at: usize| {
            sequence
                .get(at)
                .and_then(|at| moments.get(*at))
                .and_then(|moment| sheet.rows.get(moment.row))
        };
        let same =
            |a: usize, b: usize| row(a).map(|row| &row.cells) == row(b).map(|row| &row.cells);
        let (resolved, said) = instants::resolve(zone, &of, marks, same);
        if said.once > 0 {
            report.note(format!("{} time(s) of the hour that comes twice are in the file once: taken as the first of both", said.once));
        }
        if said.missing > 0 {
            report.note(format!(
                "{} time(s) of the hour that the clocks skip: taken as if they hadn't yet",
                said.missing
            ));
        }
        for (at, time) in sequence.iter().zip(resolved) {
            if let Some(slot) = times.get_mut(*at) {
                *slot = time;
            }
            if time.is_none() {
                if let Some(moment) = moments.get(*at) {
                    report.lost(
                        moment.place,
                        "the interval's end isn't after its start, or a time is out of range",
                    );
                }
            }
        }
    }
    times
}

fn describe(
    table: &Table,
    time: &TimeColumns,
    roles: &Roles,
    values: &[Value],
    wide: Option<&Wide>,
    marks: IntervalTime,
) -> Vec<String> {
    let name = |column: usize| {
        table
            .headers
            .get(column)
            .map_or(String::new(), |header| format!("\"{}\"", header.name()))
    };
    let names = |columns: &[usize]| {
        columns
            .iter()
            .map(|column| name(*column))
            .collect::<Vec<_>>()
            .join(" and ")
    };
    let mut out = vec![format!("time: {}", names(&time.start))];
    if !time.end.is_empty() {
        out.push(format!("end: {}", names(&time.end)));
    }
    for (what, column) in [
        ("hour", time.hour),
        ("meter", roles.meter),
        ("register", roles.channel),
        ("unit", roles.unit),
        ("quality", roles.quality),
    ] {
        if let Some(column) = column {
            out.push(format!("{what}: {}", name(column)));
        }
    }
    for value in values {
        let kind = match value.kind {
            Kind::Register => "registers".to_owned(),
            Kind::Interval if !time.end.is_empty() || time.hour.is_some() || wide.is_some() => {
                "energy per interval".to_owned()
            }
            Kind::Interval => format!(
                "energy per interval, time at its {}",
                if marks == IntervalTime::End {
                    "end"
                } else {
                    "start"
                }
            ),
        };
        let direction = value
            .direction
            .map_or("generation or consumption by register", Direction::name);
        out.push(format!("{direction}: \"{}\" ({kind})", value.name));
    }
    out
}

/// The next month's first day, or the day that is `days` later.
pub fn next_day(date: NaiveDate, days: i64) -> Option<NaiveDate> {
    match days {
        28..=31 if date.day() == 1 => date.checked_add_months(chrono::Months::new(1)),
        _ => date.checked_add_signed(chrono::Duration::days(days)),
    }
}
