//! A table's lines as times and values, each of a meter and a register.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use crate::{
    energy::{Decimal, Unit},
    extract::Source,
    number::{self, Cell},
    options::Format,
    report::{Place, Report},
    roles::Roles,
    series::{MAX_POINTS, MAX_SERIES},
    table::{Sheet, Table},
    times::{TimeColumns, When},
    values::Value,
    wide::Wide,
    words::{is_estimated, meaning},
};

/// A line's time (or a cell's, in a wide table).
pub struct Moment {
    pub place: Place,
    pub row: usize,
    /// Index of its meter and register.
    pub sequence: usize,
    pub start: When,
    pub end: Option<When>,
}

/// A value of a line.
pub struct Found {
    pub moment: usize,
    pub value: usize,
    pub decimal: Decimal,
    pub unit: Option<Unit>,
    pub estimated: bool,
}

/// Reads a table's lines.
pub struct Reader<'a> {
    pub sheet: &'a Sheet,
    pub table: &'a Table,
    pub source: &'a Source<'a>,
    pub roles: &'a Roles,
    pub values: &'a [Value],
    pub mark: char,
    pub wide: Option<&'a Wide>,
    pub meter: Option<String>,
}

/// Times, values, and the meter and register of each sequence.
pub type Lines = (Vec<Moment>, Vec<Found>, Vec<(String, String)>);

impl Reader<'_> {
    pub fn lines(
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
