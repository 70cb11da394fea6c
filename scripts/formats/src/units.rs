//! The unit of values whose file names none, and doubts about a unit that can't be.

use std::collections::BTreeMap;

use crate::{
    energy::{Energy, Unit},
    lines::{Found, Moment},
    options::Options,
    report::{DoubtKind, Report},
    series::Kind,
    values::Value,
};

/// First time and energy, last time and energy, sum, and length of all intervals.
type Span = (i64, Energy, i64, Energy, Energy, i64);

/// Units that the file doesn't name.
pub struct Units<'a> {
    pub values: &'a [Value],
    pub unit_column: bool,
}

impl Units<'_> {
    /// The unit of values that have none, by the mean power that it would mean; and doubts about those that have one.
    pub fn settle(
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
        let mut spans: BTreeMap<(usize, usize), Span> = BTreeMap::new();
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
