//! What all formats are read into: series of registers or interval energies.

use crate::{energy::Energy, report::Place, words::Direction};

/// Whether values are registers or energy per interval.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A counter's value at an instant.
    Register,
    /// The energy between two instants.
    Interval,
}

/// One value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Point {
    /// Unix seconds. A register has start = end.
    pub start: i64,
    pub end: i64,
    pub energy: Energy,
    pub place: Place,
    pub estimated: bool,
}

/// What tells series apart.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    /// Empty where the file names none.
    pub meter: String,
    pub direction: Direction,
    pub kind: Kind,
    /// Tariff, phase, entity: series of the same meter and direction are added.
    pub channel: String,
}

/// The values of one counter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Series {
    pub key: Key,
    pub points: Vec<Point>,
}

/// The values that all files together may have.
pub const MAX_POINTS: usize = 4_000_000;
/// The meters and channels that they may have.
pub const MAX_SERIES: usize = 20_000;
