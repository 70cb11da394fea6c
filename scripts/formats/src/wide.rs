//! Tables with a line a day and a column per interval.

use crate::{
    number,
    table::{Header, Table},
    time,
    words::plain,
};

/// The columns of a wide table.
#[derive(Clone, Debug, PartialEq)]
pub struct Wide {
    pub columns: Vec<Slot>,
    /// Length of an interval, in seconds.
    pub step: u32,
}

/// One interval's column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    pub column: usize,
    /// Seconds from the beginning of the day, by its clock (or elapsed).
    pub start: u32,
    /// Whether the columns are numbered through days of 23 and 25 hours.
    pub elapsed: bool,
}

/// What a header says of its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Label {
    Range(u32),
    Clock(u32),
    Number(u32),
}

fn label(name: &str) -> Option<Label> {
    let clock = |text: &str| {
        time::clock(text.trim())
            .filter(|(_, rest)| rest.trim().is_empty())
            .map(|(time, _)| time)
    };
    let words = [
        "kwh",
        "wh",
        "hour",
        "hora",
        "interval",
        "ora",
        "stunde",
        "uur",
        "heure",
        "period",
        "consumption",
        "energy",
        "value",
        "usage",
        "periodo",
        "int",
    ];
    let mut text = plain(name);
    for word in words {
        text = text.replace(word, " ");
    }
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    for mark in ["-", "–", " to ", " bis ", "/", "_"] {
        if let Some((from, to)) = text.split_once(mark) {
            if let (Some(from), Some(_)) = (clock(from), clock(to)) {
                return Some(Label::Range(from % 86_400));
            }
        }
    }
    if let Some(time) = clock(text) {
        return Some(Label::Clock(time));
    }
    let digits = text.trim_start_matches(['h', 'q', 'i', 'v', 'e', ' ', '.']);
    match digits.len() {
        1..=3 => digits.parse().ok().map(Label::Number),
        _ => None,
    }
}

/// Finds the columns of intervals. None if the table isn't wide.
pub fn find(headers: &[Header]) -> Option<Wide> {
    let labels: Vec<(usize, Label)> = headers
        .iter()
        .enumerate()
        .filter_map(|(column, header)| {
            Some((column, header.names.iter().find_map(|name| label(name))?))
        })
        .collect();
    let kind = |wanted: fn(&Label) -> bool| {
        labels
            .iter()
            .filter(|(_, label)| wanted(label))
            .copied()
            .collect::<Vec<_>>()
    };
    let ranges = kind(|label| matches!(label, Label::Range(_)));
    let clocks = kind(|label| matches!(label, Label::Clock(_)));
    let numbers = kind(|label| matches!(label, Label::Number(_)));
    let count = [ranges.len(), clocks.len(), numbers.len()]
        .into_iter()
        .max()?;
    let nominal = [288, 96, 48, 24]
        .into_iter()
        .find(|nominal| count >= *nominal)
        .or((count >= 23).then_some(24))?;
    let step = 86_400 / nominal as u32;
    let slot = |column, start, elapsed| Slot {
        column,
        start,
        elapsed,
    };
    let columns: Vec<Slot> = match () {
        () if ranges.len() == count => ranges
            .iter()
            .map(|(column, label)| slot(*column, start_of(label), false))
            .collect(),
        () if clocks.len() == count => {
            let ends = clocks
                .first()
                .is_some_and(|(_, label)| start_of(label) == step);
            clocks
                .iter()
                .map(|(column, label)| {
                    let time = start_of(label);
                    let start = if ends {
                        (time + 86_400 - step) % 86_400
                    } else {
                        time % 86_400
                    };
                    slot(*column, start, false)
                })
                .collect()
        }
        () => {
            let first = numbers.first().map_or(0, |(_, label)| start_of(label));
            if first > 1
                || !numbers
                    .iter()
                    .zip(first..)
                    .all(|((_, label), number)| start_of(label) == number)
            {
                return None;
            }
            let elapsed = count > nominal;
            numbers
                .iter()
                .zip(0u32..)
                .map(|((column, _), n)| slot(*column, n * step, elapsed))
                .collect()
        }
    };
    Some(Wide { columns, step })
}

fn start_of(label: &Label) -> u32 {
    match label {
        Label::Range(start) | Label::Clock(start) | Label::Number(start) => *start,
    }
}

impl Wide {
    /// Its values in some lines, to find the decimal mark and the unit.
    pub fn sample<'a>(
        &'a self,
        table: &'a Table,
        sheet: &'a crate::table::Sheet,
    ) -> impl Iterator<Item = &'a str> {
        table
            .rows
            .iter()
            .take(50)
            .filter_map(|at| sheet.rows.get(*at))
            .flat_map(|row| self.columns.iter().map(|slot| table.cell(row, slot.column)))
            .filter(|cell| !number::is_missing(cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(names: impl Iterator<Item = String>) -> Vec<Header> {
        names
            .map(|name| Header {
                names: vec![name],
                ..Header::default()
            })
            .collect()
    }

    #[test]
    fn labels_of_intervals() {
        let starts = |names: Vec<String>| {
            find(&headers(names.into_iter()))
                .map(|wide| (wide.columns.len(), wide.columns[1].start, wide.step))
        };
        let quarter = |n: u32| format!("{:02}:{:02}", n / 4, n % 4 * 15);
        assert_eq!(
            starts(
                (0..96)
                    .map(|n| format!("{}-{}", quarter(n), quarter(n + 1)))
                    .collect()
            ),
            Some((96, 900, 900))
        );
        assert_eq!(
            starts((1..=96).map(quarter).collect()),
            Some((96, 900, 900))
        );
        assert_eq!(
            starts((0..24).map(|n| format!("H{n:02}")).collect()),
            Some((24, 3600, 3600))
        );
        assert_eq!(
            starts((1..=25).map(|n| format!("Hour {n}")).collect()),
            Some((25, 3600, 3600))
        );
        assert_eq!(starts(vec!["a".into(), "12".into()]), None);
    }
}
