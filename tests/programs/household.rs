//! A month of a real household's meter: honest readings, and the same with faults put in. Where they come from:
//! `tests/data/README.md`.

use bytemuck::Zeroable;
use gridtoken_bank::demo::{self, Meters};
use gridtoken_client::readings::Row;
use oracle_program::rules;
use shared_state::{
    quantity::Wh,
    reading::Reading,
    state::{ReadingState, Rules},
};

/// Consumption and generation in each half-hour of July 2011 (Wh).
const HALF_HOURS: &str = include_str!("../data/household.csv");

/// 1 July 2011, 00:00.
const BEGINNING: i64 = 1_309_478_400;

/// The household's half-hours as cumulative registers, its generation six times as much: a 6.2 kW roof.
fn household() -> Vec<Row> {
    let row = |line, reading| Row {
        line,
        serial: "HOUSEHOLD-12".into(),
        reading,
        signature: None,
    };
    let mut reading = Reading {
        timestamp: BEGINNING,
        generation_register: Wh(0),
        consumption_register: Wh(0),
    };
    let mut rows = vec![row(1, reading)];
    for (line, text) in (1..).zip(HALF_HOURS.lines()).skip(1) {
        let (consumption, generation) = text.split_once(',').expect("two columns");
        reading.timestamp += 1_800;
        reading.generation_register.0 += 6 * generation.parse::<u64>().expect("watt-hours");
        reading.consumption_register.0 += consumption.parse::<u64>().expect("watt-hours");
        rows.push(row(line, reading));
    }
    rows
}

#[tokio::test]
async fn a_month_of_a_real_household() {
    let rows = household();
    let mut out = Vec::new();
    let summary = demo::run(&rows, &[], Meters::default(), &mut out)
        .await
        .expect("a run");
    let last = rows.last().expect("readings").reading;
    assert_eq!(
        (summary.meters, summary.accepted, summary.rejected),
        (1, 1_488, 0)
    );
    assert_eq!(
        summary.settled_wh,
        last.generation_register.0 - last.consumption_register.0
    );
    assert_eq!(summary.supply, summary.settled_wh * 1_000_000);
}

/// A roof of 6.2 kW and a connection of 15 kW.
const GENERATION_CAPACITY_W: u32 = 7_000;
const CONSUMPTION_CAPACITY_W: u32 = 15_000;

/// How many readings of a kind were rejected, flagged and passed.
#[derive(Debug, Default, Eq, PartialEq)]
struct Counts {
    rejected: u64,
    flagged: u64,
    passed: u64,
}

/// Judges readings in order, as the oracle does; each arrives at its time, unless it says otherwise. Counts the faulty
/// ones, which are marked, and the honest ones.
fn judge(readings: &[Injected]) -> (Counts, Counts) {
    let rules = Rules::default();
    let first = readings[0].reading;
    let mut state = ReadingState {
        last_reading_at: first.timestamp,
        generation_register: first.generation_register,
        consumption_register: first.consumption_register,
        generation_capacity_w: GENERATION_CAPACITY_W,
        consumption_capacity_w: CONSUMPTION_CAPACITY_W,
        ..ReadingState::zeroed()
    };
    let (mut faulty, mut honest) = (Counts::default(), Counts::default());
    for injected in &readings[1..] {
        let context = rules::Context::new(&rules, injected.arrives_at, false);
        let counts = if injected.is_faulty {
            &mut faulty
        } else {
            &mut honest
        };
        let outcome = match rules::judge(&context, &state, &injected.reading) {
            Ok(outcome) if outcome.flags != 0 => {
                counts.flagged += 1;
                outcome
            }
            Ok(outcome) => {
                counts.passed += 1;
                outcome
            }
            Err(refusal) => {
                counts.rejected += 1;
                rules::rejected(&state, injected.reading, refusal)
            }
        };
        state.apply(&outcome);
    }
    (faulty, honest)
}

#[derive(Clone, Copy)]
struct Injected {
    reading: Reading,
    arrives_at: i64,
    is_faulty: bool,
}

/// Faults are put into the readings after the warm-up, from `change`: what becomes of a reading (at this index), given
/// the one before.
fn inject(
    rows: &[Row],
    change: impl Fn(usize, Reading, Reading) -> Option<(Reading, bool)>,
) -> Vec<Injected> {
    let mut readings = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let arrives_at = row.reading.timestamp;
        let before = rows[index.saturating_sub(1)].reading;
        let (reading, is_faulty) = match change(index, before, row.reading) {
            Some(changed) if index > 200 => changed,
            _ => (row.reading, false),
        };
        readings.push(Injected {
            reading,
            arrives_at,
            is_faulty,
        });
    }
    readings
}

/// Every 50th reading with at least this much generation (Wh).
fn every_50th(index: usize, before: Reading, now: Reading, least: u64) -> bool {
    index.is_multiple_of(50) && now.generation_register.0 - before.generation_register.0 >= least
}

#[test]
fn honest_readings_are_rarely_flagged_and_never_rejected() {
    let rows = household();
    let (faulty, honest) = judge(&inject(&rows, |_, _, _| None));
    assert_eq!(faulty, Counts::default());
    println!("honest: {honest:?}");
    // 1.68 %: below the aim of 2.
    assert_eq!(
        honest,
        Counts {
            rejected: 0,
            flagged: 25,
            passed: 1_463
        }
    );
}

/// The table in the README.
#[test]
fn injected_faults() {
    let rows = household();
    let spike = inject(&rows, |index, before, now| {
        let generated = now.generation_register.0 - before.generation_register.0;
        let generation_register = Wh(before.generation_register.0 + 10 * generated);
        every_50th(index, before, now, 100).then_some((
            Reading {
                generation_register,
                ..now
            },
            true,
        ))
    });
    let stuck = inject(&rows, |index, _, now| {
        // From one midnight to the next, once a week; the reading that catches up is the 48th.
        let since = index % 336;
        let stuck = rows[index - since].reading.generation_register;
        match since {
            1..=47 => Some((
                Reading {
                    generation_register: stuck,
                    ..now
                },
                true,
            )),
            48 => Some((now, true)),
            _ => None,
        }
    });
    let swap = inject(&rows, |index, _, now| {
        let swapped = Reading {
            generation_register: now.consumption_register,
            consumption_register: now.generation_register,
            ..now
        };
        (index.is_multiple_of(50)).then_some((swapped, true))
    });
    let replay = inject(&rows, |index, before, _| {
        (index.is_multiple_of(50)).then_some((before, true))
    });
    let ahead = inject(&rows, |index, _, now| {
        let timestamp = now.timestamp + 3_600;
        (index.is_multiple_of(50)).then_some((Reading { timestamp, ..now }, true))
    });
    let behind = inject(&rows, |index, _, now| {
        let timestamp = now.timestamp - 3_600;
        (index.is_multiple_of(50)).then_some((Reading { timestamp, ..now }, true))
    });
    let inflated = inject(&rows, |index, _, now| {
        let start = rows[200].reading.generation_register;
        let since = now.generation_register.beyond(start).0;
        let generation_register = Wh(start.0 + since * 13 / 10);
        (index > 200).then_some((
            Reading {
                generation_register,
                ..now
            },
            true,
        ))
    });
    let mut table = Vec::new();
    for (name, readings) in [
        ("10x spike of the generation", spike),
        ("generation register stuck for a day", stuck),
        ("registers swapped", swap),
        ("reading sent again", replay),
        ("clock an hour ahead", ahead),
        ("clock an hour behind", behind),
        ("generation inflated by 30 %", inflated),
    ] {
        let (faulty, honest) = judge(&readings);
        println!("{name}: {faulty:?}; honest ones beside: {honest:?}");
        table.push((
            name,
            faulty.rejected,
            faulty.flagged,
            faulty.passed,
            honest.rejected,
        ));
    }
    // Fault, rejected, flagged, passed; honest readings that were rejected after it.
    let expected = [
        ("10x spike of the generation", 5, 1, 2, 75),
        // What it has missed comes back as a jump, and is held until somebody looks; here nobody does.
        ("generation register stuck for a day", 145, 1, 46, 960),
        ("registers swapped", 25, 0, 0, 0),
        ("reading sent again", 25, 0, 0, 0),
        ("clock an hour ahead", 25, 0, 0, 0),
        ("clock an hour behind", 25, 0, 0, 0),
        ("generation inflated by 30 %", 0, 28, 1_260, 0),
    ];
    assert_eq!(table, expected);
}
