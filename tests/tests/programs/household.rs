//! Half a year of a real household's meter (not part of the project; the test says so and stops where it is absent).

use std::path::Path;

use grid::{
    demo,
    readings::{parse_time, Row},
};
use shared_state::reading::Reading;

/// The household's half-hours as cumulative registers, its generation six times as much: a 6.2 kW roof.
fn household() -> Option<Vec<Row>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/real-data/ausgrid-customer12-2011H2.csv");
    let text = std::fs::read_to_string(file).ok()?;
    let (mut generation_register, mut consumption_register) = (0, 0);
    let mut rows = Vec::new();
    for (index, line) in text.lines().skip(1).enumerate() {
        let [start, consumption, generation] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("line {}: {line}", index + 2);
        };
        let start = parse_time(&format!("{}Z", start.replace(' ', "T"))).expect("a time");
        let mut push = |timestamp, generation_register, consumption_register| {
            rows.push(Row {
                line: index as u64 + 2,
                serial: "HOUSEHOLD-12".into(),
                reading: Reading {
                    timestamp,
                    generation_register,
                    consumption_register,
                },
            });
        };
        if index == 0 {
            push(start, 0, 0);
        }
        generation_register += 6 * generation.parse::<u64>().expect("watt-hours");
        consumption_register += consumption.parse::<u64>().expect("watt-hours");
        push(start + 1_800, generation_register, consumption_register);
    }
    Some(rows)
}

#[tokio::test]
async fn half_a_year_of_a_real_household() {
    let Some(rows) = household() else {
        println!("skipped: the household's data is not here");
        return;
    };
    let mut out = Vec::new();
    let summary = demo::run(&rows, &[], &mut out).await.expect("a run");
    let last = rows.last().expect("readings").reading;
    assert_eq!(
        (summary.meters, summary.accepted, summary.rejected),
        (1, 8_832, 0)
    );
    assert_eq!(
        summary.settled_wh,
        last.generation_register - last.consumption_register
    );
    assert_eq!(summary.supply, summary.settled_wh * 1_000_000);
}
