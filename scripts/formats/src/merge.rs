//! From series to meters: equal values once, energy once, tariffs and phases added, and what looks wrong.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    energy::Energy,
    import::{Interval, Meter, Reading, Readings},
    options::Options,
    report::{DoubtKind, Report},
    series::{Key, Kind, Point, Series},
    words::{meaning, Direction},
};

/// A direction of a meter: its channels.
type Channels = BTreeMap<String, Vec<Point>>;

/// Puts the series of all files together, by meter.
pub fn meters(series: Vec<Series>, options: &Options, report: &mut Report) -> Vec<Meter> {
    let mut by_key: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
    for one in series {
        by_key.entry(one.key).or_default().extend(one.points);
    }
    let mut by_meter: BTreeMap<String, BTreeMap<(Direction, Kind), Channels>> = BTreeMap::new();
    for (key, points) in by_key {
        let points = distinct(points, key.kind, report);
        if !points.is_empty() {
            by_meter
                .entry(key.meter)
                .or_default()
                .entry((key.direction, key.kind))
                .or_default()
                .insert(key.channel, points);
        }
    }
    by_meter
        .into_iter()
        .map(|(id, directions)| meter(id, directions, options, report))
        .collect()
}

/// A channel's values in the order of time: equal ones once, and no interval that others tell in parts.
fn distinct(mut points: Vec<Point>, kind: Kind, report: &mut Report) -> Vec<Point> {
    points.sort_by_key(|point| (point.start, point.end, point.energy, point.place));
    let mut out: Vec<Point> = Vec::with_capacity(points.len());
    let mut conflicts = 0usize;
    let mut first = None;
    for same_time in points.chunk_by(|a, b| (a.start, a.end) == (b.start, b.end)) {
        let energies: BTreeSet<Energy> = same_time.iter().map(|point| point.energy).collect();
        let Some(point) = same_time.first() else {
            continue;
        };
        if energies.len() > 1 {
            conflicts += 1;
            first = first.or(Some(*point));
            for point in same_time {
                report.lost(point.place, "another value at the same time");
            }
            continue;
        }
        for twice in same_time.iter().skip(1) {
            report.skipped(twice.place, "the same value twice");
        }
        out.push(*point);
    }
    if let Some(point) = first {
        let what = if kind == Kind::Register {
            "registers"
        } else {
            "energies"
        };
        report.doubt(
            DoubtKind::Conflict,
            format!("two {what} at the same time, {conflicts} time(s), first in line {}: left out, as they may be tariffs, directions or a repeated hour", point.place.line),
            "--generation, --consumption, --where or --timezone",
        );
    }
    if kind == Kind::Interval {
        out = finest(out, report);
    }
    out
}

/// Leaves out intervals that overlap with shorter ones: totals of hours or days beside quarters.
fn finest(points: Vec<Point>, report: &mut Report) -> Vec<Point> {
    let overlaps = points
        .iter()
        .zip(points.iter().skip(1))
        .any(|(a, b)| a.end > b.start);
    if !overlaps {
        return points;
    }
    let mut lengths: Vec<i64> = points.iter().map(|point| point.end - point.start).collect();
    lengths.sort_unstable();
    lengths.dedup();
    // Shortest first; each longer interval is kept where nothing shorter lies in it.
    let mut kept: BTreeMap<i64, Point> = BTreeMap::new();
    let mut partly = 0usize;
    let mut order: Vec<&Point> = points.iter().collect();
    order.sort_by_key(|point| (point.end - point.start, point.start));
    for point in order {
        let before = kept
            .range(..=point.start)
            .next_back()
            .map(|(_, other)| *other)
            .filter(|other| other.end > point.start);
        let inside = kept
            .range(point.start..point.end)
            .next()
            .map(|(_, other)| *other);
        match before.or(inside) {
            None => {
                kept.insert(point.start, *point);
            }
            Some(other) if (point.end - point.start) >= 2 * (other.end - other.start) => {
                report.skipped(point.place, "a total of shorter intervals");
            }
            Some(_) => {
                partly += 1;
                report.lost(point.place, "overlaps with another interval");
            }
        }
    }
    if partly > 0 {
        report.doubt(
            DoubtKind::Conflict,
            format!("{partly} interval(s) overlap with others: left out"),
            "--interval, --timezone or --where",
        );
    }
    kept.into_values().collect()
}

/// Of a total and its parts, or a day's line and others, those that count.
fn once(channels: Channels, direction: Direction, report: &mut Report) -> Channels {
    let is_total = |channel: &str| {
        let meaning = meaning(channel);
        meaning.total && meaning.part.is_none()
    };
    let is_part = |channel: &str| meaning(channel).part.is_some();
    let totals = channels.keys().filter(|channel| is_total(channel)).count();
    let parts = channels.keys().filter(|channel| is_part(channel)).count();
    if totals == 1 && parts > 0 {
        report.note(format!(
            "{}: the total is taken, not its tariffs or phases as well",
            direction.name()
        ));
        return channels
            .into_iter()
            .filter(|(channel, _)| is_total(channel))
            .collect();
    }
    // Consumption for house and grid, as rows: the grid's meter.
    let level = channels
        .keys()
        .filter_map(|channel| meaning(channel).level)
        .max();
    let other = channels
        .keys()
        .any(|channel| meaning(channel).level < level && !is_part(channel));
    if level.is_some()
        && other
        && channels
            .keys()
            .all(|channel| meaning(channel).direction.is_some())
    {
        report.note(format!(
            "{}: the grid's meter is taken, not the house's load or production",
            direction.name()
        ));
        return channels
            .into_iter()
            .filter(|(channel, _)| meaning(channel).level == level)
            .collect();
    }
    if channels.len() > 1 && parts < channels.len() && totals < channels.len() {
        let names: Vec<&str> = channels.keys().map(String::as_str).take(10).collect();
        report.doubt(
            DoubtKind::Columns,
            format!(
                "{} is added up from several registers: {}",
                direction.name(),
                names.join(", ")
            ),
            format!("{} REGISTER or --where COL=VALUE", direction.flag()),
        );
    }
    channels
}

fn meter(
    id: String,
    mut directions: BTreeMap<(Direction, Kind), Channels>,
    options: &Options,
    report: &mut Report,
) -> Meter {
    let wanted = if options.interval.is_some() {
        Kind::Interval
    } else {
        Kind::Register
    };
    for direction in [Direction::Generation, Direction::Consumption] {
        let both = [Kind::Register, Kind::Interval]
            .map(|kind| directions.contains_key(&(direction, kind)));
        if both == [true, true] {
            directions.retain(|(of, kind), _| *of != direction || *kind == wanted);
            report.note(format!(
                "{}: registers and intervals; {} taken",
                direction.name(),
                if wanted == Kind::Register {
                    "registers"
                } else {
                    "intervals"
                }
            ));
        }
    }
    let kinds: BTreeSet<Kind> = directions.keys().map(|(_, kind)| *kind).collect();
    if kinds.len() > 1 {
        report.doubt(DoubtKind::Interval, "one direction has registers and the other energy per interval: only the registers are taken", "--interval");
        directions.retain(|(_, kind), _| *kind == wanted);
    }
    let kind = directions.keys().next().map_or(wanted, |(_, kind)| *kind);
    let mut of = |direction| match directions.remove(&(direction, kind)) {
        Some(channels) => once(channels, direction, report),
        None => Channels::new(),
    };
    let (mut generation, mut consumption) = (of(Direction::Generation), of(Direction::Consumption));
    if options.no_consumption {
        consumption.clear();
    }
    negative(&mut generation, &mut consumption, kind, report);
    let totals = [&generation, &consumption].map(|channels| total(channels, kind));
    let readings = match kind {
        Kind::Register => registers(&generation, &consumption, report),
        Kind::Interval => intervals(&generation, &consumption),
    };
    let estimated = |channels: &Channels| {
        channels
            .values()
            .flatten()
            .filter(|point| point.estimated)
            .count()
    };
    let [generation_total, consumption_total] = totals;
    Meter {
        id,
        generation: generation_total,
        consumption: consumption_total,
        estimated: estimated(&generation) + estimated(&consumption),
        readings,
    }
}

/// Negative feed-in, and balances in one column.
fn negative(
    generation: &mut Channels,
    consumption: &mut Channels,
    kind: Kind,
    report: &mut Report,
) {
    let count = |channels: &Channels| {
        let points = channels.values().flatten();
        let negative = points
            .clone()
            .filter(|point| point.energy.is_negative())
            .count();
        let positive = points
            .filter(|point| !point.energy.is_negative() && !point.energy.is_zero())
            .count();
        (negative, positive)
    };
    for (direction, channels) in [
        (Direction::Generation, &mut *generation),
        (Direction::Consumption, &mut *consumption),
    ] {
        match count(channels) {
            (0, _) => {}
            (_, 0) => {
                report.note(format!(
                    "{} is written with a minus, which is left out",
                    direction.name()
                ));
                channels
                    .values_mut()
                    .flatten()
                    .for_each(|point| point.energy = point.energy.abs());
            }
            (negative, _) => report.doubt(
                DoubtKind::Negative,
                format!("{negative} value(s) of {} are negative", direction.name()),
                "",
            ),
        }
    }
    if kind == Kind::Interval && generation.is_empty() && count(consumption).0 > 0 {
        report.note("negative consumption is taken as generation");
        for (channel, points) in consumption.iter_mut() {
            let (out, kept): (Vec<Point>, Vec<Point>) =
                points.iter().partition(|point| point.energy.is_negative());
            *points = kept;
            generation.insert(
                channel.clone(),
                out.into_iter()
                    .map(|point| Point {
                        energy: point.energy.abs(),
                        ..point
                    })
                    .collect(),
            );
        }
    }
}

/// Sum of the intervals, or last minus first of each register. None where the direction isn't in the file.
fn total(channels: &Channels, kind: Kind) -> Option<Energy> {
    if channels.is_empty() {
        return None;
    }
    channels
        .values()
        .try_fold(Energy::ZERO, |sum, points| match kind {
            Kind::Interval => points
                .iter()
                .try_fold(sum, |sum, point| sum.checked_add(point.energy)),
            Kind::Register => match (points.first(), points.last()) {
                (Some(first), Some(last)) => {
                    sum.checked_add(last.energy.checked_sub(first.energy)?)
                }
                _ => Some(sum),
            },
        })
}

/// Registers by time: each with the latest value of every channel, from the time on that all have one.
fn registers(generation: &Channels, consumption: &Channels, report: &mut Report) -> Readings {
    let channels: Vec<(Direction, &Vec<Point>)> = generation
        .values()
        .map(|points| (Direction::Generation, points))
        .chain(
            consumption
                .values()
                .map(|points| (Direction::Consumption, points)),
        )
        .collect();
    let mut events: Vec<(i64, usize, Point)> = channels
        .iter()
        .enumerate()
        .flat_map(|(channel, (_, points))| {
            points
                .iter()
                .map(move |point| (point.start, channel, *point))
        })
        .collect();
    events.sort_by_key(|(at, channel, _)| (*at, *channel));
    let mut latest: Vec<Option<Energy>> = vec![None; channels.len()];
    let mut readings = Vec::new();
    let mut instants = 0;
    for same_time in events.chunk_by(|a, b| a.0 == b.0) {
        instants += 1;
        for (_, channel, point) in same_time {
            if let Some(slot) = latest.get_mut(*channel) {
                *slot = Some(point.energy);
            }
        }
        let Some((at, _, point)) = same_time.first() else {
            continue;
        };
        if latest.iter().any(Option::is_none) {
            report.lost(point.place, "no value of every register yet");
            continue;
        }
        let sum = |wanted: Direction| {
            channels
                .iter()
                .zip(&latest)
                .filter(|((direction, _), _)| *direction == wanted)
                .try_fold(Energy::ZERO, |sum, (_, energy)| sum.checked_add((*energy)?))
        };
        match (sum(Direction::Generation), sum(Direction::Consumption)) {
            (Some(generation), Some(consumption)) => readings.push(Reading {
                timestamp: *at,
                generation,
                consumption,
                place: point.place,
                signature: None,
            }),
            _ => report.lost(point.place, "the registers' sum is too large"),
        }
    }
    Readings::Registers { readings, instants }
}

/// Intervals by time, both directions of the same interval together.
fn intervals(generation: &Channels, consumption: &Channels) -> Readings {
    let mut by_time: BTreeMap<(i64, i64), Interval> = BTreeMap::new();
    for (direction, channels) in [
        (Direction::Generation, generation),
        (Direction::Consumption, consumption),
    ] {
        for point in channels.values().flatten() {
            let interval = by_time.entry((point.start, point.end)).or_insert(Interval {
                start: point.start,
                end: point.end,
                generation: None,
                consumption: None,
                place: point.place,
            });
            let slot = match direction {
                Direction::Generation => &mut interval.generation,
                Direction::Consumption => &mut interval.consumption,
            };
            *slot = slot
                .unwrap_or(Energy::ZERO)
                .checked_add(point.energy)
                .or(*slot);
        }
    }
    Readings::Intervals(by_time.into_values().collect())
}
