//! What looks wrong although it can be read: generation by night, directions swapped.

use crate::{
    energy::Energy,
    import::{Interval, Meter, Readings},
    options::Options,
    report::{DoubtKind, Report},
};

/// Looks at a meter's values.
pub fn check(meter: &Meter, options: &Options, report: &mut Report) {
    let name = if meter.id.is_empty() {
        "the meter"
    } else {
        &meter.id
    };
    if meter.id.is_empty() {
        report.doubt(DoubtKind::Meter, "the file names no meter", "--meter ID");
    } else if looks_rounded(&meter.id) {
        report.doubt(
            DoubtKind::Ids,
            format!("meter id {name} looks as if a spreadsheet had rounded it"),
            "--meter ID",
        );
    }
    if meter.consumption.is_none() && !options.no_consumption {
        report.doubt(
            DoubtKind::NoConsumption,
            format!("{name} has no consumption: its register would stay where it is"),
            "--no-consumption",
        );
    }
    let (generation, consumption) = profiles(meter);
    if let Some(generation) = generation {
        let idle = |profile: &[i128; 24]| longest_idle(profile);
        let swapped = consumption.is_some_and(|consumption| idle(&consumption) >= 5);
        if idle(&generation) < 3 {
            let text = match swapped {
                true => format!("{name} generates at all hours and consumes only by day: generation and consumption look swapped"),
                false => format!("{name} generates at all hours, also by night"),
            };
            report.doubt(
                DoubtKind::Swapped,
                text,
                if swapped {
                    "--generation COL --consumption COL"
                } else {
                    ""
                },
            );
        }
    }
}

/// `8.71235E+17`, as spreadsheets write long numbers.
fn looks_rounded(id: &str) -> bool {
    match id.split_once(['E', 'e']) {
        Some((mantissa, exponent)) => {
            exponent.starts_with('+')
                && exponent.bytes().skip(1).all(|byte| byte.is_ascii_digit())
                && mantissa.contains(['.', ','])
                && mantissa
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
        }
        None => false,
    }
}

type Profile = Option<[i128; 24]>;

/// Energy by hour of the day (UTC), in Wh, of both directions. None unless a day and more is known hour by hour.
fn profiles(meter: &Meter) -> (Profile, Profile) {
    let intervals: Vec<Interval> = match &meter.readings {
        Readings::Intervals(intervals) => intervals.clone(),
        Readings::Registers { readings, .. } => readings
            .iter()
            .zip(readings.iter().skip(1))
            .map(|(a, b)| Interval {
                start: a.timestamp,
                end: b.timestamp,
                generation: b.generation.checked_sub(a.generation),
                consumption: b.consumption.checked_sub(a.consumption),
                place: b.place,
            })
            .collect(),
    };
    let long = intervals
        .iter()
        .any(|interval| interval.end - interval.start > 3600);
    let covered: std::collections::BTreeSet<i64> = intervals
        .iter()
        .map(|interval| interval.start.rem_euclid(86_400) / 3600)
        .collect();
    if long || covered.len() < 24 {
        return (None, None);
    }
    let profile = |energy: fn(&Interval) -> Option<Energy>| {
        let mut hours = [0i128; 24];
        for interval in &intervals {
            let hour = usize::try_from(interval.start.rem_euclid(86_400) / 3600).unwrap_or(0);
            if let Some(slot) = hours.get_mut(hour) {
                *slot = slot.saturating_add(energy(interval).map_or(0, Energy::about_wh));
            }
        }
        (hours.iter().sum::<i128>() > 100).then_some(hours)
    };
    (
        profile(|interval| interval.generation),
        profile(|interval| interval.consumption),
    )
}

/// The longest run of hours, around midnight too, with less than 0.5 % of the day's energy each.
fn longest_idle(profile: &[i128; 24]) -> usize {
    let total: i128 = profile.iter().sum();
    let (mut longest, mut run) = (0, 0);
    for energy in profile.iter().chain(profile) {
        run = if energy * 200 < total { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest.min(24)
}
