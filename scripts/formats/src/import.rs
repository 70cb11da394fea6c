//! The result of reading files: meters with their readings, and a description for people.

use std::fmt;

use chrono::{DateTime, SecondsFormat};

use crate::{
    energy::Energy,
    join::{onto, Joined, RegistersAt},
    options::Format,
    report::{printable, Doubt, LeftOut, Place},
};

/// Registers of a meter at a time, exact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reading {
    /// Unix seconds.
    pub timestamp: i64,
    /// Zero where the file has no such direction: see [`Meter::generation`].
    pub generation: Energy,
    pub consumption: Energy,
    pub place: Place,
    /// The device's signature, of a signed GridToken CSV.
    pub signature: Option<String>,
}

/// The energy of an interval, exact. A direction that the file doesn't have for it is None.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Interval {
    /// Unix seconds, the end not included.
    pub start: i64,
    pub end: i64,
    pub generation: Option<Energy>,
    pub consumption: Option<Energy>,
    pub place: Place,
}

/// A meter's values, in the order of time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Readings {
    Registers {
        readings: Vec<Reading>,
        /// Instants with a value of any register, of which the first may lack another.
        instants: usize,
    },
    Intervals(Vec<Interval>),
}

/// A meter of the files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Meter {
    /// As the file or `--meter` names it; empty if neither does.
    pub id: String,
    /// Generation over the whole file: the sum of its intervals, or last minus first register. None: the file has none.
    pub generation: Option<Energy>,
    pub consumption: Option<Energy>,
    /// Values that were not measured.
    pub estimated: usize,
    pub readings: Readings,
}

impl Meter {
    /// Intervals with a value, or instants with a register.
    pub fn count(&self) -> usize {
        match &self.readings {
            Readings::Registers { instants, .. } => *instants,
            Readings::Intervals(intervals) => intervals.len(),
        }
    }

    /// Begin of the first interval and end of the last one, or first and last instant.
    pub fn span(&self) -> Option<(i64, i64)> {
        match &self.readings {
            Readings::Registers { readings, .. } => {
                Some((readings.first()?.timestamp, readings.last()?.timestamp))
            }
            Readings::Intervals(intervals) => Some((
                intervals.first()?.start,
                intervals.iter().map(|one| one.end).max()?,
            )),
        }
    }

    /// Its registers in whole Wh, for a meter whose last reading on the chain is `base`: intervals are summed onto it, and
    /// a direction that the file doesn't have stays where it is.
    pub fn registers(&self, base: Option<RegistersAt>) -> Joined {
        let mut joined = match &self.readings {
            Readings::Intervals(intervals) => return onto(base, intervals),
            Readings::Registers { readings, .. } => Joined::from_registers(readings),
        };
        if let Some(base) = base {
            for reading in &mut joined.readings {
                if self.generation.is_none() {
                    reading.generation = base.generation;
                }
                if self.consumption.is_none() {
                    reading.consumption = base.consumption;
                }
            }
        }
        joined
    }
}

/// What was understood of a file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FileUnderstood {
    pub name: String,
    /// Format, and what it consists of.
    pub format: String,
    pub encoding: String,
    pub separator: Option<char>,
    pub decimal_mark: Option<char>,
    pub zone: String,
    pub unit: String,
    /// Columns, and what each was taken as.
    pub columns: Vec<String>,
}

impl FileUnderstood {
    /// Of a format that leaves nothing else open.
    pub(crate) fn fixed(&mut self, format: Format, encoding: &str, zone: &str, unit: &str) {
        self.format = format.name().to_owned();
        self.encoding = encoding.to_owned();
        self.zone = zone.to_owned();
        self.unit = unit.to_owned();
    }
}

/// Files, read.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// Ordered by id.
    pub meters: Vec<Meter>,
    pub files: Vec<FileUnderstood>,
    /// What can be read in more than one way.
    pub doubts: Vec<Doubt>,
    /// What was decided by something other than a guess.
    pub notes: Vec<String>,
    pub left_out: Vec<LeftOut>,
    /// Thinned to the last reading of each period of so many seconds.
    pub every: Option<u32>,
}

/// A time as RFC 3339.
pub fn rfc3339(seconds: i64) -> String {
    match DateTime::from_timestamp(seconds, 0) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::Secs, true),
        None => format!("{seconds} s"),
    }
}

impl Import {
    /// What was understood, for people: several lines.
    pub fn understood(&self) -> String {
        self.to_string()
    }

    /// A place as `line 12`, or `file:12` where there are several files.
    fn place(&self, place: Place) -> String {
        match self.files.get(usize::from(place.file)) {
            Some(file) if self.files.len() > 1 => {
                format!("{}:{}", printable(&file.name), place.line)
            }
            _ => place.line.to_string(),
        }
    }
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            write!(
                f,
                "{}: {}, {}",
                printable(&file.name),
                file.format,
                file.encoding
            )?;
            if let Some(separator) = file.separator {
                let name = match separator {
                    '\t' => "tabs".to_owned(),
                    ' ' => "blanks".to_owned(),
                    separator => format!("\"{separator}\""),
                };
                write!(f, ", separated by {name}")?;
            }
            if let Some(mark) = file.decimal_mark {
                write!(f, ", decimals behind \"{mark}\"")?;
            }
            writeln!(f)?;
            writeln!(f, "  times: {}; unit: {}", file.zone, file.unit)?;
            for column in &file.columns {
                writeln!(f, "  {}", printable(column))?;
            }
        }
        for meter in &self.meters {
            let id = if meter.id.is_empty() {
                "(no id)".to_owned()
            } else {
                printable(&meter.id)
            };
            let what = match meter.readings {
                Readings::Registers { .. } => "readings",
                Readings::Intervals(_) => "intervals",
            };
            write!(f, "meter {id}: {} {what}", meter.count())?;
            if let Some((first, last)) = meter.span() {
                write!(f, ", {} to {}", rfc3339(first), rfc3339(last))?;
            }
            let total = |energy: Option<Energy>| {
                energy.map_or("none".to_owned(), |energy| energy.to_string())
            };
            writeln!(
                f,
                ", generation {}, consumption {}",
                total(meter.generation),
                total(meter.consumption)
            )?;
            if meter.estimated > 0 {
                writeln!(
                    f,
                    "  of which {} values are estimated or substituted, and counted",
                    meter.estimated
                )?;
            }
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        for group in &self.left_out {
            let places: Vec<String> = group
                .places
                .iter()
                .map(|place| self.place(*place))
                .collect();
            let more = if group.count > places.len() {
                ", …"
            } else {
                ""
            };
            let lines = if group.count == 1 { "line" } else { "lines" };
            writeln!(
                f,
                "left out, {} {lines}: {} ({}{more})",
                group.count,
                group.reason,
                places.join(", ")
            )?;
        }
        for doubt in &self.doubts {
            writeln!(f, "doubt: {doubt}")?;
        }
        Ok(())
    }
}
