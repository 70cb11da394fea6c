//! The instants of a series: starts and ends of its intervals, with zones, missing ends and inclusive ends.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{
    extract::next_day,
    options::IntervalTime,
    time,
    times::When,
    zone::{Instant, Resolved, Zone},
};

/// A time before its zone is known, in Unix seconds as if local times were UTC.
pub fn approximate(when: When) -> i64 {
    let midnight = |date: NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    match when {
        When::At(at) => at,
        When::Local(local) => local.and_utc().timestamp(),
        When::Day(date) => midnight(date),
        When::Elapsed(date, seconds) => midnight(date) + seconds,
        When::Clock(seconds) => i64::from(seconds),
    }
}

/// The length of most steps, in seconds.
fn usual_step(starts: &[Option<i64>]) -> i64 {
    let mut sorted: Vec<i64> = starts.iter().flatten().copied().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for (a, b) in sorted.iter().zip(sorted.iter().skip(1)) {
        *counts.entry(b - a).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(step, count)| (*count, std::cmp::Reverse(*step)))
        .map_or(3600, |(step, _)| step)
}

/// Days between dates: 1, or the least gap where no two days follow one another.
fn usual_days(of: &[(When, Option<When>)]) -> i64 {
    let mut days: Vec<NaiveDate> = of
        .iter()
        .filter_map(|(start, _)| match start {
            When::Day(date) => Some(*date),
            _ => None,
        })
        .collect();
    days.sort_unstable();
    days.dedup();
    let gaps = days
        .iter()
        .zip(days.iter().skip(1))
        .map(|(a, b)| b.signed_duration_since(*a).num_days());
    gaps.min().unwrap_or(1).clamp(1, 31)
}

/// Start and end of each line of one meter and register, in the order of the file. None: out of range, or an end that
/// isn't after its start. `same` says whether two lines are equal.
pub fn resolve(
    zone: Zone,
    of: &[(When, Option<When>)],
    marks: IntervalTime,
    same: impl Fn(usize, usize) -> bool,
) -> (Vec<Option<(i64, i64)>>, Resolved) {
    let (mut indices, mut locals) = (Vec::new(), Vec::new());
    for (index, (start, _)) in of.iter().enumerate() {
        if let When::Local(local) = start {
            indices.push(index);
            locals.push(*local);
        }
    }
    let equal = |a: usize, b: usize| match (indices.get(a), indices.get(b)) {
        (Some(a), Some(b)) => same(*a, *b),
        _ => false,
    };
    let (resolved, said) = crate::zone::resolve(zone, &locals, equal);
    let mut starts: Vec<Option<i64>> = of
        .iter()
        .map(|(start, _)| match start {
            When::At(at) => Some(*at),
            When::Day(date) => zone.midnight(*date),
            When::Elapsed(date, seconds) => zone.midnight(*date).map(|at| at + seconds),
            When::Local(_) | When::Clock(_) => None,
        })
        .collect();
    for (index, at) in indices.iter().zip(resolved) {
        if let Some(slot) = starts.get_mut(*index) {
            *slot = at;
        }
    }
    let step = usual_step(&starts);
    let days = usual_days(of);
    let backwards = marks == IntervalTime::End;
    let mut out: Vec<Option<(i64, i64)>> = of
        .iter()
        .zip(&starts)
        .map(|((when, end), start)| {
            let start = (*start)?;
            match (end, when) {
                (Some(end), _) => explicit_end(zone, start, *end).map(|end| (start, end)),
                (None, When::Day(date)) if backwards => Some((
                    zone.midnight(date.checked_sub_signed(chrono::Duration::days(days))?)?,
                    start,
                )),
                (None, When::Day(date)) => Some((start, zone.midnight(next_day(*date, days)?)?)),
                (None, _) if backwards => Some((start - step, start)),
                (None, _) => Some((start, start + step)),
            }
        })
        .collect();
    include_ends(of, &mut out);
    for slot in &mut out {
        *slot = slot.filter(|(start, end)| {
            end > start && end - start <= 400 * 86_400 && time::YEARS.contains(start)
        });
    }
    (out, said)
}

/// The end that a column names: of two candidates the first behind the start.
fn explicit_end(zone: Zone, start: i64, end: When) -> Option<i64> {
    let after = |local| match zone.instant(local)? {
        Instant::Twice { first, second } => [first, second].into_iter().find(|at| *at > start),
        instant => Some(instant.first()).filter(|at| *at > start),
    };
    match end {
        When::At(at) => Some(at),
        When::Local(local) => after(local).or_else(|| zone.instant(local).map(Instant::first)),
        When::Day(date) => zone.midnight(date),
        When::Elapsed(date, seconds) => Some(zone.midnight(date)? + seconds),
        When::Clock(seconds) => {
            let date = zone.local(start)?.date();
            let today = time::at(date, seconds).and_then(after);
            today.or_else(|| time::at(date.succ_opt()?, seconds).and_then(after))
        }
    }
}

/// Ends such as 23:59:59, 00:14 or the same day are part of their interval.
fn include_ends(of: &[(When, Option<When>)], out: &mut [Option<(i64, i64)>]) {
    let explicit = |index: usize| of.get(index).is_some_and(|(_, end)| end.is_some());
    let day_ends = of.iter().any(|(_, end)| matches!(end, Some(When::Day(_))));
    let mut lengths: Vec<i64> = Vec::new();
    for (index, slot) in out.iter().enumerate() {
        if let (true, Some((start, end))) = (explicit(index), slot) {
            lengths.push(end - start);
        }
    }
    let most = |is: fn(i64) -> bool| {
        lengths.iter().filter(|length| is(**length)).count() * 2 > lengths.len()
    };
    let more = match () {
        () if lengths.is_empty() => 0,
        () if most(|length| length % 60 == 59) => 1,
        () if most(|length| length % 300 == 240) => 60,
        () if day_ends && lengths.contains(&0) => 86_400,
        () => 0,
    };
    for (index, slot) in out.iter_mut().enumerate() {
        if let (true, Some((_, end))) = (explicit(index), slot) {
            *end += more;
        }
    }
}
