//! Energy per interval into registers that go on from a meter's last reading.

use crate::{
    energy::Energy,
    import::{rfc3339, Interval, Reading},
    report::Place,
};

/// A meter's registers at its last reading, in whole Wh.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RegistersAt {
    /// Unix seconds.
    pub timestamp: i64,
    pub generation: u64,
    pub consumption: u64,
}

/// A reading in whole Wh, as the chain takes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WhReading {
    /// Unix seconds.
    pub timestamp: i64,
    pub generation: u64,
    pub consumption: u64,
    pub place: Place,
    pub signature: Option<String>,
}

/// Readings of a meter, and what didn't become one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Joined {
    pub readings: Vec<WhReading>,
    /// Intervals that ended at or before the last reading: they are on the chain.
    pub known: usize,
    /// Intervals that begin before the last reading and end after it: their energy can't be split, and is lost.
    pub straddling: Vec<Place>,
    /// Registers that are negative or above 2^64 − 1 Wh.
    pub out_of_range: Vec<Place>,
}

impl Joined {
    pub(crate) fn from_registers(readings: &[Reading]) -> Joined {
        let mut joined = Joined::default();
        for reading in readings {
            joined.push(
                reading.timestamp,
                reading.generation,
                reading.consumption,
                reading.place,
                reading.signature.clone(),
            );
        }
        joined
    }

    fn push(
        &mut self,
        timestamp: i64,
        generation: Energy,
        consumption: Energy,
        place: Place,
        signature: Option<String>,
    ) {
        match (generation.floor_wh(), consumption.floor_wh()) {
            (Some(generation), Some(consumption)) => self.readings.push(WhReading {
                timestamp,
                generation,
                consumption,
                place,
                signature,
            }),
            _ => self.out_of_range.push(place),
        }
    }

    /// Keeps the last reading of each period of `seconds`, counted from 1970: a reading at a period's beginning ends the
    /// one before. The first reading, from which the others count, stays.
    pub fn thin(&mut self, seconds: u32) {
        let period = |at: i64| (at - 1).div_euclid(i64::from(seconds.max(1)));
        let mut kept: Vec<WhReading> = Vec::new();
        for reading in std::mem::take(&mut self.readings) {
            let first = kept.len() < 2;
            match kept.last_mut() {
                Some(last) if !first && period(last.timestamp) == period(reading.timestamp) => {
                    *last = reading
                }
                _ => kept.push(reading),
            }
        }
        self.readings = kept;
    }

    /// What there is to say about the intervals that are no readings.
    pub fn notes(&self, base: Option<RegistersAt>) -> Vec<String> {
        let mut notes = Vec::new();
        let at = base.map_or(String::new(), |base| rfc3339(base.timestamp));
        if self.known > 0 {
            notes.push(format!(
                "{} interval(s) up to the last reading at {at} are counted already",
                self.known
            ));
        }
        if !self.straddling.is_empty() {
            notes.push(format!(
                "{} interval(s) begin before the last reading at {at} and end after it: left out",
                self.straddling.len()
            ));
        }
        if !self.out_of_range.is_empty() {
            notes.push(format!(
                "{} reading(s) would have a register below 0 or above 2^64 Wh: left out",
                self.out_of_range.len()
            ));
        }
        notes
    }
}

/// Registers at the end of each interval, summed onto those of the meter's last reading, or from 0 with a reading at the
/// begin of the first interval.
///
/// Intervals that end at or before `base` are counted already and add nothing, so a file that is joined twice adds its
/// energy once. One that straddles `base` is left out. Energies add up exactly; registers are the sum rounded down.
pub fn onto(base: Option<RegistersAt>, intervals: &[Interval]) -> Joined {
    let mut joined = Joined::default();
    let mut sorted: Vec<&Interval> = intervals.iter().collect();
    sorted.sort_by_key(|interval| (interval.end, interval.start));
    let mut generation = Energy::from_wh(base.map_or(0, |base| base.generation));
    let mut consumption = Energy::from_wh(base.map_or(0, |base| base.consumption));
    if let (None, Some(first)) = (base, sorted.iter().min_by_key(|interval| interval.start)) {
        joined.push(first.start, generation, consumption, first.place, None);
    }
    for same_end in sorted.chunk_by(|a, b| a.end == b.end) {
        let mut place = None;
        for interval in same_end {
            match base {
                Some(base) if interval.end <= base.timestamp => {
                    joined.known += 1;
                    continue;
                }
                Some(base) if interval.start < base.timestamp => {
                    joined.straddling.push(interval.place);
                    continue;
                }
                _ => {}
            }
            let sums = generation
                .checked_add(interval.generation.unwrap_or(Energy::ZERO))
                .zip(consumption.checked_add(interval.consumption.unwrap_or(Energy::ZERO)));
            match sums {
                Some(sums) => (generation, consumption) = sums,
                None => joined.out_of_range.push(interval.place),
            }
            place = Some((interval.end, interval.place));
        }
        if let Some((end, place)) = place {
            joined.push(end, generation, consumption, place, None);
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::{Decimal, Unit};

    fn quarter(n: i64, wh_tenths: i128) -> Interval {
        let energy = Energy::from_decimal(
            Decimal {
                digits: wh_tenths,
                exponent: -1,
            },
            Unit::Wh,
        );
        Interval {
            start: n * 900,
            end: (n + 1) * 900,
            generation: energy,
            consumption: None,
            place: Place::default(),
        }
    }

    #[test]
    fn fractions_are_carried_and_nothing_counts_twice() {
        let intervals: Vec<Interval> = (0..10).map(|n| quarter(n, 14)).collect();
        let joined = onto(None, &intervals);
        assert_eq!(joined.readings.len(), 11);
        let last = joined.readings.last().expect("a reading");
        assert_eq!((last.timestamp, last.generation), (9000, 14));
        let base = RegistersAt {
            timestamp: last.timestamp,
            generation: last.generation,
            consumption: 5,
        };
        let again = onto(Some(base), &intervals);
        assert_eq!((again.readings.len(), again.known), (0, 10));
        let half = onto(
            Some(RegistersAt {
                timestamp: 4500,
                ..base
            }),
            &intervals,
        );
        assert_eq!(
            half.readings
                .last()
                .map(|reading| (reading.generation, reading.consumption)),
            Some((21, 5))
        );
        let straddled = onto(
            Some(RegistersAt {
                timestamp: 4501,
                ..base
            }),
            &intervals,
        );
        assert_eq!(
            (
                straddled.known,
                straddled.straddling.len(),
                straddled.readings.len()
            ),
            (5, 1, 4)
        );
    }

    #[test]
    fn thinned_to_the_last_of_each_period() {
        let mut joined = onto(None, &(0..8).map(|n| quarter(n, 10)).collect::<Vec<_>>());
        joined.thin(3600);
        let times: Vec<i64> = joined
            .readings
            .iter()
            .map(|reading| reading.timestamp)
            .collect();
        assert_eq!(times, [0, 3600, 7200]);
    }
}
