//! Which columns hold the energy: of several, the grid's meter, the registers, and no energy twice.

use std::collections::BTreeSet;

use crate::{
    energy::Unit,
    options::Options,
    report::{DoubtKind, Report},
    roles::{find_columns, Roles, Stats},
    series::Kind,
    table::{Header, Sheet, Table},
    words::{has, meaning, plain, Direction, Level, Meaning, Part},
};

/// A column of values.
#[derive(Clone, Debug)]
pub struct Value {
    pub column: usize,
    /// None: the line's register tells.
    pub direction: Option<Direction>,
    pub kind: Kind,
    pub unit: Option<Unit>,
    /// Its tariff or phase.
    pub channel: String,
    /// A meter's id in its header.
    pub meter: Option<String>,
    /// Only lines whose register is one of these.
    pub registers: Option<Vec<String>>,
    pub name: String,
}

/// What is known of a column before one is chosen.
#[derive(Clone, Debug)]
struct Candidate {
    column: usize,
    meaning: Meaning,
    kind: Kind,
    /// Whether header and values disagree on registers or intervals, or neither says.
    doubtful: bool,
    numbers: usize,
    /// Sum of intervals, or last minus first register, to tell columns of the same energy.
    total: i128,
}

/// Everything that the choice depends on.
pub struct Choice<'a> {
    pub sheet: &'a Sheet,
    pub table: &'a Table,
    pub stats: &'a [Stats],
    pub roles: &'a Roles,
    pub options: &'a Options,
    pub is_time: &'a dyn Fn(usize) -> bool,
    /// The data lines in the order of their time.
    pub order: &'a [usize],
    pub mark: char,
    /// Direction by the lines before the header, and by the file's name.
    pub told: Option<Direction>,
    pub named: Option<Direction>,
    /// Direction by the time's header, as of `Energy Received time period`.
    pub section: Option<Direction>,
    /// Whether the lines have a start and an end: their values are no registers.
    pub has_ends: bool,
    /// Whether the time is that of a reading, as of `Read Date`.
    pub read_dates: bool,
}

/// What all lines of a header say together.
pub fn header_meaning(header: &Header) -> Meaning {
    let mut all = Meaning::default();
    for name in &header.names {
        let one = meaning(name);
        all.direction = all.direction.or(one.direction);
        all.level = all.level.max(one.level);
        all.not_meant |= one.not_meant;
        all.register = all.register.or(one.register);
        all.total |= one.total;
        all.saldo |= one.saldo;
        all.part = all.part.or(one.part);
        all.unit = all.unit.or(one.unit);
        all.obis |= one.obis;
    }
    all
}

impl Choice<'_> {
    /// Chooses the columns. Err: there is none.
    pub fn values(&self, report: &mut Report) -> Result<Vec<Value>, String> {
        let candidates: Vec<Candidate> = (0..self.table.headers.len())
            .filter_map(|column| self.candidate(column))
            .collect();
        let row_directions = self.roles.directions(self.stats);
        let mut chosen: Vec<Value> = Vec::new();
        let explicit = [
            (Direction::Generation, &self.options.generation),
            (Direction::Consumption, &self.options.consumption),
        ];
        for (direction, tokens) in explicit {
            for token in tokens.iter() {
                chosen.extend(self.named(token, direction, &candidates)?);
            }
        }
        let taken: BTreeSet<usize> = chosen
            .iter()
            .filter(|value| value.registers.is_none())
            .map(|value| value.column)
            .collect();
        let by_rows = chosen.iter().any(|value| value.registers.is_some());
        let told_by_rows = self.told_by_rows(&candidates, &row_directions);
        if let Some(column) = told_by_rows.filter(|_| taken.is_empty()) {
            // Directions that no flag names are taken from the lines.
            if let Some(candidate) = candidates
                .iter()
                .find(|candidate| candidate.column == column)
            {
                if !by_rows {
                    chosen.push(self.value(candidate, None));
                }
            }
        } else if !by_rows {
            for (direction, tokens) in explicit {
                let off = direction == Direction::Consumption && self.options.no_consumption;
                if !tokens.is_empty() || off {
                    continue;
                }
                let of: Vec<&Candidate> = candidates
                    .iter()
                    .filter(|one| {
                        one.meaning.direction == Some(direction)
                            && !one.meaning.not_meant
                            && !one.meaning.saldo
                            && !taken.contains(&one.column)
                    })
                    .collect();
                let of = self.best(of, direction, report);
                chosen.extend(of.into_iter().map(|one| self.value(one, Some(direction))));
            }
        }
        if chosen.is_empty() {
            chosen = self.unnamed(&candidates, report)?;
        }
        self.agree(&mut chosen, &candidates, report);
        Ok(chosen)
    }

    /// One kind for all columns: of those that are sure, and not of those that never moved. Says what stays in doubt.
    fn agree(&self, chosen: &mut [Value], candidates: &[Candidate], report: &mut Report) {
        let of = |value: &Value| candidates.iter().find(|one| one.column == value.column);
        let kinds = |is: &dyn Fn(&Candidate) -> bool| -> BTreeSet<Kind> {
            let kept = chosen.iter().filter(|value| of(value).is_some_and(is));
            kept.map(|value| value.kind).collect()
        };
        let sure = kinds(&|one| one.total != 0 && !one.doubtful);
        let moving = kinds(&|one| one.total != 0);
        let agreed_surely = sure.len() == 1;
        let agreed = [sure, moving]
            .iter()
            .find(|kinds| kinds.len() == 1)
            .and_then(|kinds| kinds.first().copied());
        for value in chosen.iter_mut() {
            let Some(one) = of(value) else {
                continue;
            };
            let told = agreed_surely && one.meaning.register != Some(true);
            if let Some(kind) = agreed {
                value.kind = kind;
            }
            let name = &value.name;
            if one.meaning.saldo {
                report.doubt(
                    DoubtKind::Saldo,
                    format!("\"{name}\" is the balance of both directions"),
                    "--generation COL and --consumption COL",
                );
            } else if one.doubtful && !told {
                let text = match value.kind {
                    Kind::Register => format!("\"{name}\" is read as a register, but its values go up and down as energy per interval does"),
                    Kind::Interval => format!("\"{name}\" is read as energy per interval, but may be a register"),
                };
                report.doubt(DoubtKind::Interval, text, "--interval or --registers");
            }
        }
    }

    fn candidate(&self, column: usize) -> Option<Candidate> {
        let stats = self.stats.get(column)?;
        let header = self.table.headers.get(column)?;
        let roles = [
            self.roles.meter,
            self.roles.channel,
            self.roles.unit,
            self.roles.quality,
            self.roles.signature,
        ];
        if !stats.is_numeric() || (self.is_time)(column) || roles.contains(&Some(column)) {
            return None;
        }
        let mut meaning = header_meaning(header);
        if meaning.level != Some(Level::Grid) {
            meaning.direction = self.section.or(meaning.direction);
        }
        let text = plain(&header.names.join(" "));
        let ids = [
            "number",
            "nummer",
            "nr",
            "id",
            "code",
            "zip",
            "plz",
            "postcode",
            "latitude",
            "longitude",
            "kundennummer",
            "anlage",
        ];
        if meaning.direction.is_none() && meaning.unit.is_none() && has(&text, &ids) {
            return None;
        }
        // The same long number in every line is an id.
        let long =
            |cell: &String| cell.len() >= 8 && cell.bytes().all(|byte| byte.is_ascii_digit());
        if meaning.unit.is_none() && stats.distinct.len() == 1 && stats.distinct.keys().all(long) {
            return None;
        }
        let (kind, doubtful, total) = self.kind(column, &meaning);
        Some(Candidate {
            column,
            meaning,
            kind,
            doubtful,
            numbers: stats.numbers,
            total,
        })
    }

    /// The column whose direction each line's register tells.
    fn told_by_rows(&self, candidates: &[Candidate], directions: &[Direction]) -> Option<usize> {
        self.roles.channel?;
        if directions.is_empty() {
            return None;
        }
        let meant = || candidates.iter().filter(|one| !one.meaning.not_meant);
        let headed: BTreeSet<Direction> = meant().filter_map(|one| one.meaning.direction).collect();
        if headed.len() == 2 || (headed.len() == 1 && directions.len() == 1) {
            return None;
        }
        let best = meant().max_by_key(|one| {
            (
                one.meaning.unit.is_some(),
                one.meaning.direction.is_some(),
                value_word(self.name(one.column)),
                one.numbers,
            )
        })?;
        Some(best.column)
    }

    pub fn name(&self, column: usize) -> String {
        self.table
            .headers
            .get(column)
            .map_or(String::new(), Header::name)
    }

    /// The columns, or the lines' registers, that a flag names.
    fn named(
        &self,
        token: &str,
        direction: Direction,
        candidates: &[Candidate],
    ) -> Result<Vec<Value>, String> {
        let columns = find_columns(&self.table.headers, token);
        let numeric: Vec<&Candidate> = candidates
            .iter()
            .filter(|one| columns.contains(&one.column))
            .collect();
        match numeric[..] {
            [] => {}
            [one] => return Ok(vec![self.value(one, Some(direction))]),
            // A name that several columns have: the one with most values, or the finest.
            _ => {
                let one = numeric
                    .iter()
                    .max_by_key(|one| (one.numbers, std::cmp::Reverse(one.column)));
                return Ok(one
                    .map(|one| self.value(one, Some(direction)))
                    .into_iter()
                    .collect());
            }
        }
        let wanted = plain(token);
        for (column, stats) in self.stats.iter().enumerate() {
            let equal = |is: &dyn Fn(&str) -> bool| -> Vec<String> {
                stats
                    .distinct
                    .keys()
                    .filter(|cell| is(cell))
                    .cloned()
                    .collect()
            };
            let mut registers = equal(&|cell| plain(cell) == wanted);
            if registers.is_empty() && crate::words::obis(token).is_some() {
                registers = equal(&|cell| crate::words::obis(cell) == crate::words::obis(token));
            }
            if registers.is_empty() {
                continue;
            }
            if Some(column) != self.roles.channel
                && stats.is_numeric()
                && crate::words::obis(token).is_none()
            {
                continue;
            }
            let value = candidates
                .iter()
                .filter(|one| !one.meaning.not_meant)
                .max_by_key(|one| {
                    (
                        one.meaning.unit.is_some(),
                        value_word(self.name(one.column)),
                        one.numbers,
                    )
                });
            if let Some(one) = value {
                let mut value = self.value(one, Some(direction));
                value.registers = Some(registers);
                return Ok(vec![value]);
            }
        }
        // A column without a number in it is there, but has nothing to add.
        if !columns.is_empty() {
            return Ok(Vec::new());
        }
        Err(format!(
            "{}: there is no column or register \"{token}\"; there are: {}",
            direction.flag(),
            self.names()
        ))
    }

    /// The columns' names, for messages.
    fn names(&self) -> String {
        let names: Vec<String> = self
            .table
            .headers
            .iter()
            .map(|header| format!("\"{}\"", header.name()))
            .take(40)
            .collect();
        names.join(", ")
    }

    /// Of the columns of a direction, those that together are its energy, once.
    fn best<'b>(
        &self,
        mut of: Vec<&'b Candidate>,
        direction: Direction,
        report: &mut Report,
    ) -> Vec<&'b Candidate> {
        let left_out = |report: &mut Report, all: &[&Candidate], kept: &[&Candidate], why: &str| {
            let names = |set: &[&Candidate], inside: bool| {
                let names: Vec<String> = set
                    .iter()
                    .filter(|one| kept.iter().any(|kept| kept.column == one.column) == inside)
                    .map(|one| format!("\"{}\"", self.name(one.column)))
                    .collect();
                names.join(", ")
            };
            if kept.len() < all.len() {
                report.note(format!(
                    "{}: {} taken, not {} ({why})",
                    direction.name(),
                    names(all, true),
                    names(all, false)
                ));
            }
        };
        let keep = |of: Vec<&'b Candidate>,
                    report: &mut Report,
                    why: &str,
                    is: &dyn Fn(&Candidate) -> bool| {
            let kept: Vec<&Candidate> = of.iter().filter(|one| is(one)).copied().collect();
            if kept.is_empty() {
                return of;
            }
            left_out(report, &of, &kept, why);
            kept
        };
        let fullest = of.iter().map(|one| one.numbers).max().unwrap_or(0);
        of = keep(of, report, "hardly any values", &|one| {
            one.numbers * 4 > fullest
        });
        let level = of.iter().filter_map(|one| one.meaning.level).max();
        of = keep(
            of,
            report,
            "the grid's meter before the house's load or production",
            &|one| one.meaning.level == level,
        );
        let wanted = if self.options.interval.is_some() {
            Kind::Interval
        } else {
            Kind::Register
        };
        of = keep(
            of,
            report,
            "registers before intervals; --interval for those",
            &|one| one.kind == wanted,
        );
        if of.len() < 2 {
            return of;
        }
        // Columns of different meters are added up meter by meter.
        let ids: BTreeSet<Option<String>> =
            of.iter().map(|one| self.header_meter(one.column)).collect();
        if ids.len() == of.len() && !ids.contains(&None) {
            return of;
        }
        let parts: Vec<&&Candidate> = of.iter().filter(|one| one.meaning.part.is_some()).collect();
        let distinct: BTreeSet<Option<Part>> = parts.iter().map(|one| one.meaning.part).collect();
        if parts.len() == of.len() && distinct.len() == of.len() {
            let tariff = |one: &Candidate| matches!(one.meaning.part, Some(Part::Tariff(_)));
            if of.iter().any(|one| tariff(one)) {
                of = keep(of, report, "tariffs, not phases as well", &tariff);
            }
            return of;
        }
        // A total beside its parts; the same energy twice.
        let whole = of
            .iter()
            .find(|one| one.meaning.part.is_none() && one.meaning.total)
            .or_else(|| {
                of.iter().find(|one| {
                    let others: i128 = of
                        .iter()
                        .filter(|other| other.column != one.column)
                        .map(|other| other.total)
                        .sum();
                    one.total == others && one.total != 0 && of.len() > 2
                })
            });
        if let Some(whole) = whole.copied() {
            return keep(of, report, "the total, not its parts as well", &|one| {
                one.column == whole.column
            });
        }
        let same = of
            .iter()
            .all(|one| of.first().is_some_and(|first| first.total == one.total));
        let unparted: Vec<&&Candidate> =
            of.iter().filter(|one| one.meaning.part.is_none()).collect();
        if !same && parts.is_empty() && unparted.len() > 1 {
            let names: Vec<String> = of
                .iter()
                .map(|one| format!("\"{}\"", self.name(one.column)))
                .collect();
            report.doubt(
                DoubtKind::Columns,
                format!(
                    "several columns may be the {}: {}; the first is taken",
                    direction.name(),
                    names.join(", ")
                ),
                format!("{} COL", direction.flag()),
            );
        }
        let finest = of
            .iter()
            .max_by_key(|one| {
                (
                    one.meaning.part.is_none(),
                    one.numbers,
                    std::cmp::Reverse(one.column),
                )
            })
            .copied();
        match finest {
            Some(finest) => keep(of, report, "the same energy twice", &|one| {
                one.column == finest.column
            }),
            None => of,
        }
    }

    /// Columns that no word gives a direction.
    fn unnamed(&self, candidates: &[Candidate], report: &mut Report) -> Result<Vec<Value>, String> {
        let rank = |one: &&Candidate| {
            let energy = one.meaning.unit.is_some_and(|unit| !unit.is_power());
            (
                !one.meaning.not_meant,
                energy,
                !one.meaning.saldo,
                value_word(self.name(one.column)),
                one.kind == Kind::Register && self.options.interval.is_none(),
                one.numbers,
                std::cmp::Reverse(one.column),
            )
        };
        let best = candidates.iter().max_by_key(rank).ok_or_else(|| {
            format!(
                "no column of energy among {}: --generation, --consumption",
                self.names()
            )
        })?;
        let is_power = best.meaning.unit.is_some_and(Unit::is_power);
        if best.meaning.not_meant && !is_power {
            return Err(format!(
                "no column of the grid's energy among {}: --generation, --consumption",
                self.names()
            ));
        }
        let alike: Vec<&Candidate> = candidates
            .iter()
            .filter(|one| {
                one.meaning.not_meant == best.meaning.not_meant
                    && one.meaning.unit == best.meaning.unit
                    && one.kind == best.kind
                    && value_word(self.name(one.column)) == value_word(self.name(best.column))
            })
            .collect();
        let parts: BTreeSet<Option<Part>> = alike.iter().map(|one| one.meaning.part).collect();
        let meters: BTreeSet<Option<String>> = alike
            .iter()
            .map(|one| self.header_meter(one.column))
            .collect();
        let several = alike.len() > 1
            && ((parts.len() == alike.len() && !parts.contains(&None))
                || (meters.len() == alike.len() && !meters.contains(&None)));
        let taken = if several { alike } else { vec![best] };
        let names: Vec<String> = taken
            .iter()
            .map(|one| format!("\"{}\"", self.name(one.column)))
            .collect();
        let names = names.join(", ");
        let direction = match (self.told, self.named) {
            (Some(direction), _) => direction,
            (None, Some(direction)) => {
                report.doubt(
                    DoubtKind::Direction,
                    format!(
                        "{names} is taken as {}, by the file's name",
                        direction.name()
                    ),
                    "--generation COL or --consumption COL",
                );
                direction
            }
            (None, None) => {
                let more = if !several
                    && candidates
                        .iter()
                        .filter(|one| {
                            one.meaning.unit == best.meaning.unit && !one.meaning.not_meant
                        })
                        .count()
                        > 1
                {
                    ", and other columns are like it"
                } else {
                    ""
                };
                report.doubt(DoubtKind::Direction, format!("the file doesn't say whether {names} is generation or consumption; taken as consumption{more}"), "--generation COL or --consumption COL");
                Direction::Consumption
            }
        };
        Ok(taken
            .into_iter()
            .map(|one| self.value(one, Some(direction)))
            .collect())
    }

    /// A meter's id in a column's header, or over it.
    fn header_meter(&self, column: usize) -> Option<String> {
        let header = self.table.headers.get(column)?;
        header
            .names
            .iter()
            .find_map(|name| id_in(name, 13))
            .or_else(|| header.over.iter().find_map(|name| id_in(name, 16)))
            .or_else(|| {
                (header.names.len() > 2)
                    .then(|| header.names.iter().find_map(|name| id_in(name, 8)))
                    .flatten()
            })
    }

    fn value(&self, one: &Candidate, direction: Option<Direction>) -> Value {
        let name = self.name(one.column);
        let stats = self.stats.get(one.column);
        let over = self
            .table
            .headers
            .get(one.column)
            .and_then(|header| header.over.iter().find_map(|text| crate::words::unit(text)));
        Value {
            column: one.column,
            direction,
            kind: one.kind,
            unit: self
                .options
                .unit
                .or(stats.and_then(|stats| stats.unit))
                .or(one.meaning.unit)
                .or(over)
                .or(self.table.told_unit()),
            channel: one
                .meaning
                .part
                .map_or(String::new(), |part| format!("{part:?}")),
            meter: self.header_meter(one.column),
            registers: None,
            name,
        }
    }
}

/// Whether a header is a word for values of any kind.
fn value_word(name: String) -> bool {
    has(
        &plain(&name),
        &[
            "value", "wert", "waarde", "valeur", "valor", "valore", "volume", "quantity", "menge",
            "mangde", "maengde", "state", "energy", "energie", "energia", "kwh", "varde", "verdi",
            "maara", "leistung", "wh", "mean",
        ],
    )
}

/// A metering point's id in a text: at least `length` letters and digits, of which eight or more are digits.
pub fn id_in(text: &str, length: usize) -> Option<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .find(|token| {
            token.len() >= length && token.bytes().filter(u8::is_ascii_digit).count() >= 8
        })
        .map(str::to_owned)
}
