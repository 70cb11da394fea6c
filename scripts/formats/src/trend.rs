//! Registers or energy per interval, by how the values move.

use std::collections::BTreeMap;

use crate::{
    energy::Decimal,
    number::{self, Cell},
    series::Kind,
    values::Choice,
    words::{plain, Meaning},
};

/// A decimal as a number of 10^-6, for comparisons.
fn micro(value: Decimal) -> i128 {
    let exponent = value.exponent.saturating_add(6);
    let power = 10i128
        .checked_pow(exponent.unsigned_abs().min(38))
        .unwrap_or(i128::MAX);
    match exponent >= 0 {
        true => value.digits.saturating_mul(power),
        false => value.digits / power,
    }
    .clamp(-(1 << 100), 1 << 100)
}

/// The values of one meter and register.
struct Group {
    first: i128,
    last: i128,
    least: i128,
    most: i128,
    way: i128,
    sum: i128,
    count: u32,
    /// Steps down, and where they led.
    drops: Vec<(i128, i128)>,
}

impl Choice<'_> {
    /// Registers never fall, and what they rise by is all that they move; intervals go up and down.
    pub fn kind(&self, column: usize, meaning: &Meaning) -> (Kind, bool, i128) {
        let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
        for row in self.order.iter().filter_map(|at| self.sheet.rows.get(*at)) {
            let Cell::Number(value, _) = number::parse(self.table.cell(row, column), self.mark)
            else {
                continue;
            };
            let value = micro(value);
            let of =
                |column: Option<usize>| column.map_or("", |column| self.table.cell(row, column));
            let group = groups
                .entry((of(self.roles.meter), of(self.roles.channel)))
                .or_insert(Group {
                    first: value,
                    last: value,
                    least: value,
                    most: value,
                    way: 0,
                    sum: 0,
                    count: 0,
                    drops: Vec::new(),
                });
            if value < group.last {
                group.drops.push((group.last - value, value));
            }
            group.way += (value - group.last).abs();
            group.last = value;
            group.least = group.least.min(value);
            group.most = group.most.max(value);
            group.sum += value;
            group.count += 1;
        }
        let longest = groups
            .values()
            .max_by_key(|group| (group.most != group.least, group.count));
        let Some(group) = longest else {
            return (Kind::Interval, false, 0);
        };
        let range = group.most - group.least;
        let sums: i128 = groups.values().map(|group| group.sum).sum();
        let steps: i128 = groups.values().map(|group| group.last - group.first).sum();
        // How the values look: None if they don't tell.
        let high = group.least > range;
        // A register falls by a few watt-hours, or to the bottom when it is replaced or rolls over.
        let falls = group
            .drops
            .iter()
            .filter(|(drop, to)| *drop * 50 > range && (*to - group.least) * 20 > range)
            .count();
        let rises = group.way > group.drops.iter().map(|(drop, _)| *drop).sum();
        let looks = match group.count {
            _ if range == 0 => None,
            0..=1 => None,
            2..=3 => {
                let far = group.least > range.saturating_mul(10);
                (group.last > group.first && far).then_some(Kind::Register)
            }
            _ if !rises => Some(Kind::Interval),
            _ if group.way * 2 <= range * 3 && falls * 100 <= group.drops.len().max(1) => {
                Some(Kind::Register)
            }
            _ => Some(Kind::Interval),
        };
        // Home Assistant calls any sensor's value its state; those of energy count up.
        let state = (plain(&self.name(column)) == "state").then_some(true);
        let read = self.read_dates.then_some(true);
        let words = meaning
            .register
            .or(state)
            .or(read)
            .map(|register| match register {
                true => Kind::Register,
                false => Kind::Interval,
            });
        let forced = self.options.interval.is_some() || self.has_ends;
        let (kind, doubtful) = match (words, looks) {
            (None, None) => (Kind::Interval, range != 0),
            (Some(words), None) => (words, false),
            (None, Some(Kind::Register)) if high || group.count >= 12 => (Kind::Register, false),
            (None, Some(Kind::Register)) => (Kind::Interval, true),
            (None, Some(looks)) => (looks, false),
            (Some(words), Some(looks)) if words == looks => (words, false),
            (Some(Kind::Register), Some(_)) => (Kind::Register, true),
            (Some(Kind::Interval), Some(looks)) if high || group.count >= 24 => (looks, false),
            (Some(Kind::Interval), Some(_)) => (Kind::Interval, false),
        };
        // With --interval a column of registers is one only if it says so and moves like one.
        let sure = words == Some(Kind::Register) && looks == Some(Kind::Register);
        let (kind, doubtful) = match () {
            () if self.options.registers => (Kind::Register, false),
            () if forced && !sure => (Kind::Interval, false),
            () => (kind, doubtful),
        };
        (
            kind,
            doubtful,
            if kind == Kind::Register { steps } else { sums },
        )
    }
}
