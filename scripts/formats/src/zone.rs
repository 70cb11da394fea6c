//! Zones, and local times into instants: the hour that comes twice, and the one that is missing.

use chrono::{
    Datelike, Duration, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeZone,
};
use chrono_tz::Tz;

/// The zone of a file's local times.
#[derive(Clone, Copy, Debug)]
pub enum Zone {
    Named(Tz),
    Fixed(FixedOffset),
}

/// A local time as an instant, in Unix seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Instant {
    One(i64),
    /// The hour that comes twice, when the clocks go back.
    Twice {
        first: i64,
        second: i64,
    },
    /// The hour that is missing, when they go forward: as if they hadn't yet.
    Missing(i64),
}

impl Instant {
    pub fn first(self) -> i64 {
        match self {
            Instant::One(at) | Instant::Missing(at) | Instant::Twice { first: at, .. } => at,
        }
    }
}

impl Zone {
    pub fn utc() -> Zone {
        Zone::Named(Tz::UTC)
    }

    /// An IANA name, `UTC`, or an offset such as `+01:00`.
    pub fn parse(text: &str) -> Result<Zone, String> {
        let text = text.trim();
        if matches!(text, "Z" | "z" | "utc") {
            return Ok(Zone::utc());
        }
        if text.starts_with(['+', '-']) {
            return offset(text)
                .and_then(FixedOffset::east_opt)
                .map(Zone::Fixed)
                .ok_or_else(|| format!("\"{text}\" is no offset from UTC such as +01:00"));
        }
        text.parse().map(Zone::Named).map_err(|_| {
            format!(
                "\"{text}\" is neither an IANA zone (Europe/Vienna), UTC nor an offset (+01:00)"
            )
        })
    }

    pub fn name(self) -> String {
        match self {
            Zone::Named(zone) => zone.name().to_owned(),
            Zone::Fixed(offset) => offset.to_string(),
        }
    }

    /// When a local time is. None outside the calendar.
    pub fn instant(self, local: NaiveDateTime) -> Option<Instant> {
        match self {
            Zone::Fixed(offset) => Some(Instant::One(
                local.and_utc().timestamp() - i64::from(offset.local_minus_utc()),
            )),
            Zone::Named(zone) => match zone.offset_from_local_datetime(&local) {
                LocalResult::Single(offset) => Some(Instant::One(
                    local.and_utc().timestamp() - i64::from(offset.fix().local_minus_utc()),
                )),
                LocalResult::Ambiguous(a, b) => {
                    let at = |offset: chrono_tz::TzOffset| {
                        local.and_utc().timestamp() - i64::from(offset.fix().local_minus_utc())
                    };
                    let (a, b) = (at(a), at(b));
                    Some(Instant::Twice {
                        first: a.min(b),
                        second: a.max(b),
                    })
                }
                LocalResult::None => {
                    let before = local.checked_sub_signed(Duration::hours(3))?;
                    let before = zone.offset_from_local_datetime(&before).earliest()?;
                    Some(Instant::Missing(
                        local.and_utc().timestamp() - i64::from(before.fix().local_minus_utc()),
                    ))
                }
            },
        }
    }

    /// Standard time of the year of a local time, as a fixed offset. None for a zone that is one.
    pub fn standard(self, local: NaiveDateTime) -> Option<Zone> {
        let Zone::Named(zone) = self else {
            return None;
        };
        let offset = |month| {
            let noon = NaiveDate::from_ymd_opt(local.year(), month, 1)?.and_hms_opt(12, 0, 0)?;
            Some(zone.offset_from_utc_datetime(&noon).fix().local_minus_utc())
        };
        FixedOffset::east_opt(offset(1)?.min(offset(7)?)).map(Zone::Fixed)
    }

    /// When a day begins.
    pub fn midnight(self, date: NaiveDate) -> Option<i64> {
        self.instant(date.and_hms_opt(0, 0, 0)?).map(Instant::first)
    }

    /// The local time at an instant.
    pub fn local(self, at: i64) -> Option<NaiveDateTime> {
        let utc = chrono::DateTime::from_timestamp(at, 0)?.naive_utc();
        let offset = match self {
            Zone::Fixed(offset) => offset,
            Zone::Named(zone) => zone.offset_from_utc_datetime(&utc).fix(),
        };
        utc.checked_add_signed(Duration::seconds(i64::from(offset.local_minus_utc())))
    }
}

/// Seconds east of UTC: `+01:00`, `+0100`, `-5`.
pub fn offset(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let rest = text.get(1..)?;
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (hours, minutes.get(..2)?),
        None if rest.len() == 4 => (rest.get(..2)?, rest.get(2..)?),
        None if rest.len() <= 2 => (rest, "0"),
        None => return None,
    };
    if !hours
        .bytes()
        .chain(minutes.bytes())
        .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// What [`resolve`] had to decide.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Resolved {
    /// Times of a doubled hour that are in the file once only, and were taken as the first.
    pub once: usize,
    /// Times of a missing hour.
    pub missing: usize,
}

/// Local times of one series, in the order of the file, as instants. `same(i, j)` says whether lines i and j are equal
/// in everything.
///
/// The doubled hour is told apart by order: of two equal times the first is the earlier (or the later, in a file that
/// begins with the newest), whether the two hours follow one another or are interleaved.
pub fn resolve(
    zone: Zone,
    locals: &[NaiveDateTime],
    same: impl Fn(usize, usize) -> bool,
) -> (Vec<Option<i64>>, Resolved) {
    let steps = |sign: fn(&NaiveDateTime, &NaiveDateTime) -> bool| {
        locals
            .iter()
            .zip(locals.iter().skip(1))
            .filter(|(a, b)| sign(a, b))
            .count()
    };
    let newest_first = steps(|a, b| a > b) > steps(|a, b| a < b);
    let mut resolved = Resolved::default();
    let mut doubled: Vec<(usize, i64, i64)> = Vec::new();
    let mut out: Vec<Option<i64>> = Vec::with_capacity(locals.len());
    for (index, local) in locals.iter().enumerate() {
        let instant = zone.instant(*local);
        match instant {
            Some(Instant::Twice { first, second }) => doubled.push((index, first, second)),
            Some(Instant::Missing(_)) => resolved.missing += 1,
            _ => {}
        }
        out.push(instant.map(Instant::first));
    }
    if newest_first {
        doubled.reverse();
    }
    // The lines of one change of the clocks: those whose two candidates lie within a few hours of each other.
    let mut windows: Vec<Vec<(usize, i64, i64)>> = Vec::new();
    let mut window_of: std::collections::HashMap<i64, usize> = std::collections::HashMap::new();
    for entry in doubled {
        let day = entry.1.div_euclid(86_400);
        let at = *window_of.entry(day).or_insert_with(|| {
            windows.push(Vec::new());
            windows.len() - 1
        });
        if let Some(window) = windows.get_mut(at) {
            window.push(entry);
        }
    }
    for window in windows {
        resolve_window(&window, &same, &mut out, &mut resolved);
    }
    (out, resolved)
}

/// The lines of one doubled hour, in the order of time.
fn resolve_window(
    window: &[(usize, i64, i64)],
    same: &impl Fn(usize, usize) -> bool,
    out: &mut [Option<i64>],
    resolved: &mut Resolved,
) {
    let mut by_time: std::collections::BTreeMap<i64, Vec<usize>> =
        std::collections::BTreeMap::new();
    for (position, (_, first, _)) in window.iter().enumerate() {
        by_time.entry(*first).or_default().push(position);
    }
    let step_back = window
        .iter()
        .zip(window.iter().skip(1))
        .position(|(a, b)| a.1 > b.1)
        .map(|position| position + 1);
    let singles = by_time
        .values()
        .filter(|positions| positions.len() == 1)
        .count();
    let equal = |a: &usize, b: &usize| match (window.get(*a), window.get(*b)) {
        (Some(a), Some(b)) => same(a.0, b.0),
        _ => false,
    };
    for positions in by_time.values() {
        let later: Vec<bool> = match positions[..] {
            [position] => {
                let later = step_back.is_some_and(|at| position >= at);
                if step_back.is_none() {
                    resolved.once += 1;
                }
                vec![later]
            }
            // A line repeated, in a file that otherwise has the hour once.
            [a, b] if step_back.is_none() && singles > by_time.len() / 2 && equal(&a, &b) => {
                vec![false, false]
            }
            _ => {
                let half = positions.len().div_ceil(2);
                (0..positions.len()).map(|n| n >= half).collect()
            }
        };
        for (position, later) in positions.iter().zip(later) {
            if let Some((index, first, second)) = window.get(*position) {
                if let Some(slot) = out.get_mut(*index) {
                    *slot = Some(if later { *second } else { *first });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(&format!("2025-10-26 {text}"), "%Y-%m-%d %H:%M")
            .expect("a time")
    }

    fn minutes(times: &[&str]) -> (Vec<i64>, Resolved) {
        let locals: Vec<_> = times.iter().map(|time| at(time)).collect();
        let vienna = Zone::parse("Europe/Vienna").expect("a zone");
        let (out, resolved) = resolve(vienna, &locals, |_, _| true);
        let start = vienna.midnight(at("00:00").date()).expect("midnight");
        (
            out.iter()
                .map(|at| (at.expect("an instant") - start) / 60)
                .collect(),
            resolved,
        )
    }

    #[test]
    fn the_doubled_hour_is_told_apart_by_order() {
        let one_after_the_other = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"];
        assert_eq!(
            minutes(&one_after_the_other).0,
            [90, 120, 150, 180, 210, 240]
        );
        let interleaved = ["01:30", "02:00", "02:00", "02:30", "02:30", "03:00"];
        assert_eq!(minutes(&interleaved).0, [90, 120, 180, 150, 210, 240]);
        let newest_first = ["03:00", "02:30", "02:00", "02:30", "02:00", "01:30"];
        assert_eq!(minutes(&newest_first).0, [240, 210, 180, 150, 120, 90]);
        let a_line_is_missing = ["01:30", "02:00", "02:30", "02:30", "03:00"];
        assert_eq!(minutes(&a_line_is_missing).0, [90, 120, 150, 210, 240]);
        let (_, resolved) = minutes(&["01:00", "02:00", "03:00"]);
        assert_eq!(resolved.once, 1);
        let repeated = ["02:00", "02:15", "02:15", "02:30", "02:45"];
        assert_eq!(minutes(&repeated).0, [120, 135, 135, 150, 165]);
    }

    #[test]
    fn offsets() {
        assert_eq!(offset("+01:00"), Some(3600));
        assert_eq!(offset("-0930"), Some(-34_200));
        assert_eq!(offset("+1"), Some(3600));
        assert_eq!(offset("+25:00"), None);
        assert_eq!(offset("+1é:00"), None);
        assert!(Zone::parse("Europe/Wien").is_err());
    }
}
