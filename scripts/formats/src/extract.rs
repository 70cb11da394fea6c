//! From a table's lines to series: times resolved, units known, each value with its direction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Datelike, NaiveDate};

use crate::{
    energy::{Decimal, Energy, Unit},
    instants,
    number::{self, Cell},
    options::{Format, IntervalTime, Options},
    report::{DoubtKind, Place, Report},
    roles::{self, find_columns, Filter, Roles},
    series::{Key, Kind, Point, Series, MAX_POINTS, MAX_SERIES},
    table::{Sheet, Table},
    times::{TimeColumns, When},
    values::{id_in, Choice, Value},
    wide::{self, Wide},
    words::{self, has, is_estimated, meaning, plain, Direction},
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

/// A line's time (or a cell's, in a wide table).
struct Moment {
    place: Place,
    row: usize,
    /// Index of its meter and register.
    sequence: usize,
    start: When,
    end: Option<When>,
}

struct Found {
    moment: usize,
    value: usize,
    decimal: Decimal,
    unit: Option<Unit>,
    estimated: bool,
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
    let (moments, found, sequences) = reader.lines(&rows, &mut time, report)?;
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
    for words in [words::POINT_ID, words::METER_ID] {
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

struct Reader<'a> {
    sheet: &'a Sheet,
    table: &'a Table,
    source: &'a Source<'a>,
    roles: &'a Roles,
    values: &'a [Value],
    mark: char,
    wide: Option<&'a Wide>,
    meter: Option<String>,
}

type Lines = (Vec<Moment>, Vec<Found>, Vec<(String, String)>);

impl Reader<'_> {
    fn lines(
        &self,
        rows: &[usize],
        time: &mut TimeColumns,
        report: &mut Report,
    ) -> Result<Lines, String> {
        let (mut moments, mut found) = (Vec::new(), Vec::new());
        let mut sequences: HashMap<(String, String), usize> = HashMap::new();
        let options = self.source.options;
        let ids: BTreeSet<&str> = rows
            .iter()
            .take(50_000)
            .filter_map(|at| self.sheet.rows.get(*at))
            .map(|row| self.cell(row, self.roles.meter))
            .collect();
        let selected = options.meter.as_deref().filter(|meter| ids.contains(meter));
        for at in rows {
            let Some(row) = self.sheet.rows.get(*at) else {
                continue;
            };
            let place = Place {
                file: self.source.file,
                line: row.line,
            };
            let id = self.cell(row, self.roles.meter);
            let meter = match (selected, &options.meter) {
                (Some(selected), _) if id != selected => {
                    report.skipped(place, "another meter");
                    continue;
                }
                (Some(selected), _) => selected.to_owned(),
                (None, Some(meter)) => meter.clone(),
                (None, None) if self.roles.meter.is_some() => id.to_owned(),
                (None, None) => self.meter.clone().unwrap_or_default(),
            };
            if let Err(reason) = check_id(&meter, self.roles.meter.is_some()) {
                report.lost(place, reason);
                continue;
            }
            let register = self.cell(row, self.roles.channel).to_owned();
            let (start, end) = match time.read(row, self.table) {
                Ok(times) => times,
                Err(reason) => {
                    report.lost(place, reason);
                    continue;
                }
            };
            let next = sequences.len();
            if next > MAX_SERIES {
                return Err(format!("more than {MAX_SERIES} meters and registers"));
            }
            let sequence = *sequences.entry((meter, register.clone())).or_insert(next);
            let quality = self.cell(row, self.roles.quality);
            let estimated = is_estimated(quality);
            let unit = self.roles.unit.map(|column| self.table.cell(row, column));
            let unit_named = unit.and_then(Unit::named);
            if unit.is_some_and(|unit| !unit.is_empty())
                && unit_named.is_none()
                && options.unit.is_none()
            {
                report.skipped(
                    place,
                    format!("the unit is {}, not energy", unit.unwrap_or("")),
                );
                continue;
            }
            let moment = moments.len();
            match self.wide {
                None => {
                    moments.push(Moment {
                        place,
                        row: *at,
                        sequence,
                        start,
                        end,
                    });
                    self.values_of(
                        row, moment, &register, unit_named, estimated, place, &mut found, report,
                    );
                }
                Some(wide) => {
                    let When::Day(date) = start else {
                        report.lost(place, "the day can't be read");
                        continue;
                    };
                    self.wide_values(
                        row,
                        wide,
                        date,
                        (sequence, *at, place),
                        (&register, unit_named, estimated),
                        (&mut moments, &mut found),
                        report,
                    );
                }
            }
            if moments.len() > MAX_POINTS || found.len() > MAX_POINTS {
                return Err(format!("more than {MAX_POINTS} values: split the file"));
            }
        }
        let mut names = vec![(String::new(), String::new()); sequences.len()];
        for (key, at) in sequences {
            if let Some(slot) = names.get_mut(at) {
                *slot = key;
            }
        }
        Ok((moments, found, names))
    }

    fn cell<'b>(&self, row: &'b crate::table::Row, column: Option<usize>) -> &'b str {
        column.map_or("", |column| self.table.cell(row, column))
    }

    #[allow(clippy::too_many_arguments)]
    fn values_of(
        &self,
        row: &crate::table::Row,
        moment: usize,
        register: &str,
        unit: Option<Unit>,
        estimated: bool,
        place: Place,
        found: &mut Vec<Found>,
        report: &mut Report,
    ) {
        let strict = self.source.format == Format::Grid;
        let mut any = false;
        let before = found.len();
        for (index, value) in self.values.iter().enumerate() {
            match &value.registers {
                Some(registers)
                    if !registers.iter().any(|wanted| {
                        row.cells.iter().any(|cell| number::bare(cell) == wanted)
                    }) =>
                {
                    continue
                }
                None if value.direction.is_none() && meaning(register).direction.is_none() => {
                    any = true;
                    report.skipped(
                        place,
                        format!(
                            "register {} is neither generation nor consumption",
                            short(register)
                        ),
                    );
                    continue;
                }
                None if value.direction.is_none() && meaning(register).not_meant => {
                    any = true;
                    report.skipped(
                        place,
                        format!(
                            "register {} is not the grid meter's energy",
                            short(register)
                        ),
                    );
                    continue;
                }
                _ => {}
            }
            any = true;
            match number::parse(self.table.cell(row, value.column), self.mark) {
                Cell::Number(decimal, own) => found.push(Found {
                    moment,
                    value: index,
                    decimal,
                    unit: own.or(unit),
                    estimated,
                }),
                Cell::Missing if strict => {
                    report.lost(place, format!("{} is missing", value.name));
                    found.truncate(before);
                    return;
                }
                Cell::Missing => {}
                Cell::Text => {
                    report.lost(place, format!("{} is no number", value.name));
                    if strict {
                        found.truncate(before);
                        return;
                    }
                }
            }
        }
        if !any {
            report.skipped(place, "another register");
        } else if found.len() == before {
            report.skipped(place, "no value");
        } else if self.source.options.measured_only && estimated {
            found.truncate(before);
            report.lost(place, "estimated (--measured-only)");
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn wide_values(
        &self,
        row: &crate::table::Row,
        wide: &Wide,
        date: NaiveDate,
        (sequence, at, place): (usize, usize, Place),
        (register, unit, estimated): (&str, Option<Unit>, bool),
        (moments, found): (&mut Vec<Moment>, &mut Vec<Found>),
        report: &mut Report,
    ) {
        let Some(value) = self.values.first() else {
            return;
        };
        if value.direction.is_none() && meaning(register).direction.is_none() {
            report.skipped(
                place,
                format!(
                    "register {} is neither generation nor consumption",
                    short(register)
                ),
            );
            return;
        }
        for slot in &wide.columns {
            let (start, end) = match slot.elapsed {
                true => (
                    When::Elapsed(date, slot.start.into()),
                    Some(When::Elapsed(date, i64::from(slot.start + wide.step))),
                ),
                false => match crate::time::at(date, slot.start) {
                    Some(local) => (When::Local(local), None),
                    None => continue,
                },
            };
            match number::parse(self.table.cell(row, slot.column), self.mark) {
                Cell::Number(decimal, own) => {
                    found.push(Found {
                        moment: moments.len(),
                        value: 0,
                        decimal,
                        unit: own.or(unit),
                        estimated,
                    });
                    moments.push(Moment {
                        place,
                        row: at,
                        sequence,
                        start,
                        end,
                    });
                }
                Cell::Missing => report.skipped(place, "an interval without a value"),
                Cell::Text => report.lost(place, "an interval's value is no number"),
            }
        }
    }
}

fn short(text: &str) -> String {
    format!("\"{}\"", text.chars().take(60).collect::<String>())
}

/// Whether a text can be a meter's id.
pub fn check_id(id: &str, required: bool) -> Result<(), String> {
    match () {
        () if id.is_empty() && !required => Ok(()),
        () if id.is_empty() => Err("no meter id".into()),
        () if id.len() > 128 => Err("a meter id of more than 128 bytes".into()),
        () if id.chars().any(|c| c.is_whitespace() || c.is_control()) => Err(format!(
            "meter id {} has blanks or control characters",
            short(id)
        )),
        () => Ok(()),
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

/// Units that the file doesn't name.
struct Units<'a> {
    values: &'a [Value],
    unit_column: bool,
}

impl Units<'_> {
    /// The unit of values that have none, by the mean power that it would mean; and doubts about those that have one.
    fn settle(
        &self,
        found: &[Found],
        times: &[Option<(i64, i64)>],
        moments: &[Moment],
        options: &Options,
        report: &mut Report,
    ) -> Option<Unit> {
        if options.unit.is_some() {
            return None;
        }
        // Per register and value: first, last (or sum), and the time between.
        let mut spans: BTreeMap<(usize, usize), (i64, Energy, i64, Energy, Energy, i64)> =
            BTreeMap::new();
        for one in found {
            let unit = one
                .unit
                .or(self.values.get(one.value).and_then(|value| value.unit))
                .unwrap_or(Unit::Wh);
            let (Some(Some((start, end))), Some(moment)) =
                (times.get(one.moment), moments.get(one.moment))
            else {
                continue;
            };
            let Some(energy) = Energy::from_decimal(one.decimal, unit).filter(|_| !unit.is_power())
            else {
                continue;
            };
            let entry = spans.entry((moment.sequence, one.value)).or_insert((
                *start,
                energy,
                *start,
                energy,
                Energy::ZERO,
                0,
            ));
            if *start < entry.0 {
                (entry.0, entry.1) = (*start, energy);
            }
            if *start >= entry.2 {
                (entry.2, entry.3) = (*start, energy);
            }
            entry.4 = entry.4.checked_add(energy).unwrap_or(entry.4);
            entry.5 += end - start;
        }
        let power =
            |value: usize, first: Energy, last: Energy, span: i64, sum: Energy, length: i64| {
                let (energy, seconds) = match self.values.get(value).map(|value| value.kind) {
                    Some(Kind::Interval) => (sum, length),
                    _ => (last.checked_sub(first).unwrap_or(Energy::ZERO), span),
                };
                (seconds > 0)
                    .then(|| energy.abs().about_mwh().saturating_mul(3600) / i128::from(seconds))
            };
        // Mean power in mW.
        let most = spans
            .iter()
            .filter_map(|((_, value), (start, first, end, last, sum, length))| {
                power(*value, *first, *last, end - start, *sum, *length)
            })
            .max()
            .unwrap_or(0);
        let unknown = !self.unit_column
            && self.values.iter().all(|value| value.unit.is_none())
            && found.iter().all(|one| one.unit.is_none());
        if unknown {
            let plausible =
                |factor: i128| (5_000..=50_000_000).contains(&most.saturating_mul(factor));
            let unit = match (plausible(1), plausible(1000)) {
                (_, false) => Unit::Wh,
                (false, true) => Unit::KWh,
                (true, true) => {
                    report.doubt(
                        DoubtKind::Unit,
                        "the file names no unit; read as Wh",
                        "--unit Wh or --unit kWh",
                    );
                    Unit::Wh
                }
            };
            if most > 0 {
                report.note(format!(
                    "the file names no unit: {}, by the mean power",
                    unit.name()
                ));
            }
            return Some(unit);
        }
        let wh = self.values.iter().all(|value| value.unit == Some(Unit::Wh));
        let watts = format!("{}.{}", most / 1000, most % 1000 / 100);
        if most > 0 && most < 5_000 {
            report.doubt(
                DoubtKind::Unit,
                format!("the mean power would be {watts} W: the values may be kWh"),
                "--unit kWh (or Wh)",
            );
        } else if most > 300_000_000 && !wh {
            report.doubt(
                DoubtKind::Unit,
                format!(
                    "the mean power would be {} kW: the values may be Wh",
                    most / 1_000_000
                ),
                "--unit Wh (or kWh)",
            );
        }
        None
    }
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
