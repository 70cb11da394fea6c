//! What was understood of a file, what was left out of it, and what is in doubt.

use std::{collections::BTreeMap, fmt};

/// A place in the input files.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// Index of the file.
    pub file: u16,
    /// Line in it, from 1 (telegram or entry where the format has no lines).
    pub line: u32,
}

/// Something in a file that can be read in more than one way. The readings follow the likeliest (or the safest: what
/// mints nothing); nothing should be submitted before the user has settled it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Doubt {
    pub kind: DoubtKind,
    /// What is in doubt, and how it was read.
    pub text: String,
    /// The flag that settles it. Empty: none does; the user looks and confirms.
    pub flag: String,
}

/// What a [`Doubt`] is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum DoubtKind {
    /// The file doesn't name the meter.
    Meter,
    /// The zone of local times is unknown, or a time doesn't exist in it.
    Timezone,
    /// Day and month can't be told apart.
    DateOrder,
    /// A point or comma may mark decimals or thousands.
    DecimalMark,
    /// Wh or kWh.
    Unit,
    /// Generation or consumption.
    Direction,
    /// Which of several columns.
    Columns,
    /// Registers or energy per interval, and which end the time marks.
    Interval,
    /// Two values of the same quantity at the same time, or intervals that overlap.
    Conflict,
    /// Generation by night, or import and export swapped.
    Swapped,
    /// A register that goes both ways.
    Saldo,
    /// Negative values.
    Negative,
    /// Ids that a spreadsheet has rounded.
    Ids,
    /// There is no consumption.
    NoConsumption,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.flag.as_str() {
            "" => Ok(()),
            flag => write!(f, " ({flag} settles it)"),
        }
    }
}

/// Lines that are not in the readings, for one reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeftOut {
    pub reason: String,
    /// How many lines.
    pub count: usize,
    /// Where the first of them stand.
    pub places: Vec<Place>,
    /// Whether energy is missing because of it: false for lines that are no readings, or count elsewhere.
    pub loses: bool,
}

/// Lines named for each reason.
const NAMED: usize = 10;
/// Reasons kept apart; further ones are put together.
const REASONS: usize = 60;

/// Collects notes, doubts and lines left out.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub doubts: Vec<Doubt>,
    /// Facts worth saying that leave nothing open.
    pub notes: Vec<String>,
    left_out: BTreeMap<String, LeftOut>,
}

impl Report {
    pub fn doubt(&mut self, kind: DoubtKind, text: impl Into<String>, flag: impl Into<String>) {
        let doubt = Doubt {
            kind,
            text: printable(&text.into()),
            flag: flag.into(),
        };
        if self.doubts.len() < 100 && !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    pub fn note(&mut self, text: impl Into<String>) {
        let text = printable(&text.into());
        if self.notes.len() < 100 && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// A line whose reading is lost.
    pub fn lost(&mut self, place: Place, reason: impl Into<String>) {
        self.leave_out(place, reason.into(), true);
    }

    /// A line that is no reading, or whose energy counts elsewhere.
    pub fn skipped(&mut self, place: Place, reason: impl Into<String>) {
        self.leave_out(place, reason.into(), false);
    }

    fn leave_out(&mut self, place: Place, reason: String, loses: bool) {
        let mut reason = printable(&reason);
        if self.left_out.len() >= REASONS && !self.left_out.contains_key(&reason) {
            reason = "other reasons".into();
        }
        let entry = self.left_out.entry(reason.clone()).or_insert(LeftOut {
            reason,
            count: 0,
            places: Vec::new(),
            loses,
        });
        entry.count += 1;
        entry.loses |= loses;
        if entry.places.len() < NAMED {
            entry.places.push(place);
        }
    }

    /// The lines left out, by reason, in the order of their first line.
    pub fn take_left_out(&mut self) -> Vec<LeftOut> {
        let mut groups: Vec<LeftOut> = std::mem::take(&mut self.left_out).into_values().collect();
        groups.sort_by_key(|group| group.places.first().copied());
        groups
    }
}

/// A text without what a terminal would obey, cut to a sensible length.
pub fn printable(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(400)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(400).is_some() {
        out.push('…');
    }
    out
}
