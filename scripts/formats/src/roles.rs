//! Which columns name the meter, the register, the unit and the quality, and how columns are named by flags.

use std::collections::BTreeMap;

use crate::{
    energy::{Decimal, Unit},
    number::{self, Cell},
    options::Options,
    table::{Header, Row, Sheet, Table},
    times::TimeColumns,
    vocabulary,
    words::{self, has, kind, meaning, plain, Direction},
};

/// Lines that are looked at.
const SAMPLE: usize = 5000;

/// What a column's cells are.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub missing: usize,
    pub numbers: usize,
    pub texts: usize,
    /// The numbers in the order of the file.
    pub values: Vec<Decimal>,
    /// A unit behind the numbers.
    pub unit: Option<Unit>,
    /// Distinct texts, up to a limit.
    pub distinct: BTreeMap<String, usize>,
    /// Numbers and texts of which one has an exponent: an id spoilt by a spreadsheet.
    pub exponents: usize,
}

/// Distinct texts that are kept of a column.
const DISTINCT: usize = 64;

pub fn stats(sheet: &Sheet, table: &Table, column: usize, mark: char) -> Stats {
    let mut stats = Stats::default();
    for row in table
        .rows
        .iter()
        .take(SAMPLE)
        .filter_map(|at| sheet.rows.get(*at))
    {
        let cell = table.cell(row, column);
        match number::parse(cell, mark) {
            Cell::Missing => {
                stats.missing += 1;
                continue;
            }
            Cell::Number(value, unit) => {
                stats.numbers += 1;
                stats.values.push(value);
                stats.unit = stats.unit.or(unit);
                stats.exponents += usize::from(cell.contains(['E', 'e']));
            }
            Cell::Text => stats.texts += 1,
        }
        if stats.distinct.len() <= DISTINCT {
            *stats.distinct.entry(cell.to_owned()).or_default() += 1;
        }
    }
    stats
}

impl Stats {
    pub fn is_numeric(&self) -> bool {
        self.numbers > 0 && self.numbers * 10 >= (self.numbers + self.texts) * 7
    }
}

/// The columns beside times and values.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    pub meter: Option<usize>,
    /// The register, direction, tariff or entity of each line.
    pub channel: Option<usize>,
    pub unit: Option<usize>,
    pub quality: Option<usize>,
    pub signature: Option<usize>,
}

/// A column by its name, its number from 1, an OBIS code in its name, or a part of the name that no other has.
pub fn find_columns(headers: &[Header], token: &str) -> Vec<usize> {
    let wanted = plain(token.trim());
    let every = |is: &dyn Fn(&Header) -> bool| -> Vec<usize> {
        headers
            .iter()
            .enumerate()
            .filter(|(_, header)| is(header))
            .map(|(column, _)| column)
            .collect()
    };
    let named = every(&|header| header.names.iter().any(|name| plain(name) == wanted));
    if !named.is_empty() {
        return named;
    }
    if let Ok(number) = token.trim().parse::<usize>() {
        return every(&|header| header.number == number);
    }
    if let Some(code) = words::obis(token) {
        let coded = every(&|header| {
            header
                .names
                .iter()
                .any(|name| words::obis(name) == Some(code))
        });
        if !coded.is_empty() {
            return coded;
        }
    }
    let without_unit = |name: &str| plain(name.split(['(', '[']).next().unwrap_or(name));
    let bare = every(&|header| header.names.iter().any(|name| without_unit(name) == wanted));
    if !bare.is_empty() {
        return bare;
    }
    let within = every(&|header| {
        header
            .names
            .iter()
            .any(|name| plain(name).contains(&wanted))
    });
    match within.len() {
        1 => within,
        _ => Vec::new(),
    }
}

impl Roles {
    pub fn find(
        options: &Options,
        table: &Table,
        time: &TimeColumns,
        all: &[Stats],
    ) -> Result<Roles, String> {
        let mut roles = Roles::default();
        let is_time = |column: usize| {
            time.start.contains(&column) || time.end.contains(&column) || time.hour == Some(column)
        };
        let text = |column: usize| {
            table
                .headers
                .get(column)
                .map_or(String::new(), |header| plain(&header.names.join(" ")))
        };
        let free = |column: usize| !is_time(column);
        let columns = 0..table.headers.len();
        let filled = |column: usize| {
            all.get(column)
                .is_some_and(|stats| stats.numbers + stats.texts > 0)
        };
        roles.signature = columns.clone().find(|column| text(*column) == "signature");
        let looks_like_id = |column: &usize| {
            all.get(*column).is_some_and(|stats| {
                stats.distinct.len() <= DISTINCT
                    && stats.exponents == 0
                    && stats.distinct.keys().all(|cell| {
                        cell.len() >= 2
                            && !cell.contains([',', ';'])
                            && (cell.bytes().any(|b| b.is_ascii_digit()) || cell.len() > 2)
                    })
            })
        };
        roles.meter = [
            vocabulary::POINT_ID,
            vocabulary::METER_ID,
            vocabulary::DEVICE_ID,
        ]
        .iter()
        .find_map(|words| {
            columns.clone().find(|column| {
                let header = text(*column);
                free(*column)
                    && filled(*column)
                    && has(&header, words)
                    && words::kind(&header) != words::Kind::Unit
                    && meaning(&header).unit.is_none()
                    && !has(
                        &header,
                        &[
                            "type",
                            "typ",
                            "reading",
                            "stand",
                            "status",
                            "interval",
                            "zahlerstand",
                            "meterstand",
                            "name",
                            "register",
                            "value",
                            "timezone",
                        ],
                    )
                    && (looks_like_id(column) || header == "meter id")
            })
        });
        if roles.meter.is_none() {
            roles.meter = columns.clone().find(|column| text(*column) == "meter id");
        }
        roles.unit = columns.clone().find(|column| {
            free(*column)
                && all.get(*column).is_some_and(|stats| {
                    stats.texts > 0
                        && stats.numbers == 0
                        && stats.distinct.keys().all(|cell| cell.len() <= 12)
                        && stats
                            .distinct
                            .keys()
                            .any(|cell| Unit::named(cell).is_some())
                })
        });
        roles.quality = match &options.quality {
            Some(token) => Some(
                *find_columns(&table.headers, token)
                    .first()
                    .ok_or_else(|| format!("--quality: there is no column \"{token}\""))?,
            ),
            None => columns.clone().find(|column| {
                free(*column)
                    && roles.meter != Some(*column)
                    && kind(&text(*column)) == words::Kind::Quality
                    && all
                        .get(*column)
                        .is_some_and(|stats| stats.texts >= stats.numbers && stats.texts > 0)
            }),
        };
        roles.channel = channel_column(table, all, &roles, is_time);
        Ok(roles)
    }

    /// The directions that the lines' registers name.
    pub fn directions(&self, all: &[Stats]) -> Vec<Direction> {
        let mut directions: Vec<Direction> = self
            .channel
            .and_then(|column| all.get(column))
            .into_iter()
            .flat_map(|stats| {
                stats
                    .distinct
                    .keys()
                    .filter_map(|cell| meaning(cell).direction)
            })
            .collect();
        directions.sort();
        directions.dedup();
        directions
    }
}

/// The column whose texts name directions, tariffs, registers or entities.
fn channel_column(
    table: &Table,
    all: &[Stats],
    roles: &Roles,
    is_time: impl Fn(usize) -> bool,
) -> Option<usize> {
    let taken = |column: usize| {
        is_time(column) || [roles.unit, roles.quality, roles.signature].contains(&Some(column))
    };
    let mut best: Option<(usize, usize)> = None;
    for (column, stats) in all.iter().enumerate() {
        // A meter's id is one, unless its texts are entities such as sensor.energy_export.
        let is_meter = roles.meter == Some(column);
        if taken(column)
            || stats.distinct.len() > DISTINCT
            || stats.is_numeric()
                && !stats
                    .distinct
                    .keys()
                    .all(|cell| words::obis(cell).is_some())
        {
            continue;
        }
        let known = stats.distinct.keys().filter(|cell| {
            let meaning = meaning(cell);
            meaning.direction.is_some() && (cell.len() > 1) && !looks_like_address(cell)
        });
        let directions: std::collections::BTreeSet<Direction> = known
            .clone()
            .filter_map(|cell| meaning(cell).direction)
            .collect();
        let count = known.count();
        let header = table
            .headers
            .get(column)
            .map_or(String::new(), |header| plain(&header.names.join(" ")));
        let names = has(
            &header,
            &[
                "register",
                "obis",
                "direction",
                "richtung",
                "type",
                "typ",
                "entity",
                "entityid",
                "tariff",
                "energierichtung",
                "con/gen",
                "congen",
                "channel",
                "kanal",
                "suffix",
                "name",
                "sensor",
                "measure",
                "topic",
            ],
        );
        let score = match (count, directions.len()) {
            (0, _)
                if names
                    && stats.distinct.len() > 1
                    && stats.texts > 0
                    && has(
                        &header,
                        &["register", "obis", "entity", "entityid", "tariff", "suffix"],
                    ) =>
            {
                1
            }
            (0, _) => continue,
            (_, 2..) => 10,
            _ if names => 5,
            _ => 2,
        };
        let score = if is_meter && score < 10 { 0 } else { score };
        if score > best.map_or(0, |(score, _)| score) {
            best = Some((score, column));
        }
    }
    best.map(|(_, column)| column)
}

/// Free text such as an address or a product's name says nothing of a direction.
fn looks_like_address(cell: &str) -> bool {
    cell.split_whitespace().count() > 6
}

/// Whether a line has what `--where` wants.
pub struct Filter {
    column: usize,
    value: String,
    negated: bool,
}

impl Filter {
    pub fn parse(headers: &[Header], text: &str) -> Result<Filter, String> {
        let (column, value) = text
            .split_once('=')
            .ok_or_else(|| format!("--where \"{text}\" is not COL=VALUE"))?;
        let (column, negated) = match column.strip_suffix('!') {
            Some(column) => (column, true),
            None => (column, false),
        };
        match find_columns(headers, column)[..] {
            [column, ..] => Ok(Filter {
                column,
                value: plain(value),
                negated,
            }),
            [] => Err(format!("--where: there is no column \"{column}\"")),
        }
    }

    pub fn matches(&self, table: &Table, row: &Row) -> bool {
        (plain(table.cell(row, self.column)) == self.value) != self.negated
    }
}
