//! Troubles of people who run meters, one file for each kind.

mod common;

use common::{kinds, options, read, read_text, summary, try_read};
use meter_formats::{to_grid_csv, DoubtKind, Input, Readings, RegistersAt};

/// Net energy in kWh of a file's readings in whole Wh, as it would be minted.
fn net(file: &str, flags: &str) -> String {
    let import = read(file, flags);
    assert_eq!(import.doubts, [], "{file} {flags}\n{import}");
    let readings = import.meters[0].registers(None).readings;
    let (first, last) = (
        readings.first().expect("a reading"),
        readings.last().expect("a reading"),
    );
    let wh =
        (last.generation - first.generation) as i64 - (last.consumption - first.consumption) as i64;
    format!("{}.{:03}", wh / 1000, wh.abs() % 1000)
}

#[test]
fn a_clear_day_in_any_dialect_has_the_same_energy() {
    assert_eq!(net("06-kwh-decimals.csv", "--unit kWh"), "43.876");
    assert_eq!(
        net("10-semicolon-decimal-comma.csv", "--unit kWh"),
        "43.876"
    );
    assert_eq!(net("16-utf16-bom.csv", ""), "43.876");
    assert_eq!(net("28-24-00.csv", ""), "43.876");
    assert_eq!(net("42-two-tariff-columns.csv", ""), "43.876");
    assert_eq!(
        net(
            "42-two-tariff-columns.csv",
            "--generation 2.8.1,2.8.2 --consumption 1.8.1,1.8.2"
        ),
        "43.876"
    );
    assert_eq!(net("45-interval-deltas.csv", "--interval"), "43.876");
    assert_eq!(net("08-kwh-whole.csv", "--unit kWh"), "176.000");
}

#[test]
fn the_doubled_hour_loses_no_reading() {
    assert_eq!(
        net("25-local-time-fall-back.csv", "--timezone Europe/Berlin"),
        "-1.273"
    );
    let import = read("25-local-time-fall-back.csv", "--timezone Europe/Berlin");
    let lines = common::bytes("25-local-time-fall-back.csv")
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .count()
        - 1;
    assert_eq!(import.meters[0].count(), lines);
    assert!(kinds(&read("25-local-time-fall-back.csv", "")).contains(&DoubtKind::Timezone));
}

#[test]
fn doubt_is_said() {
    assert_eq!(kinds(&read("06-kwh-decimals.csv", "")), [DoubtKind::Unit]);
    assert_eq!(kinds(&read("08-kwh-whole.csv", "")), [DoubtKind::Unit]);
    assert!(kinds(&read("45-interval-deltas.csv", "")).contains(&DoubtKind::Interval));
    let per_tariff = try_read("43-one-line-per-tariff.csv", "");
    assert!(
        per_tariff.is_err_and(|error| error.to_string().contains("another value at the same time"))
    );
}

#[test]
fn registers_that_step_stay_as_they_are() {
    for file in [
        "01-rollover-5-digit-kwh.csv",
        "04-replaced-starts-at-0.csv",
        "05-replaced-starts-higher.csv",
        "62-first-reading-zero.csv",
        "86-first-reading-zero-then-285-kwh.csv",
        "50-one-wh-jitter-at-night.csv",
        "57-every-10s.csv",
    ] {
        let import = read(file, "");
        assert_eq!(import.doubts, [], "{file}\n{import}");
        let text = String::from_utf8(common::bytes(file)).expect("UTF-8");
        assert_eq!(to_grid_csv(&import), text, "{file}");
    }
}

#[test]
fn numbers_that_are_no_unix_seconds_are_refused_with_a_hint() {
    for (file, hint) in [
        ("29-milliseconds.csv", "(milliseconds?)"),
        ("31-yyyymmdd-daily.csv", "(a date?)"),
    ] {
        let error = try_read(file, "").expect_err("refused").to_string();
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn meter_ids_of_any_kind_but_without_blanks() {
    let import = read("58-meter-ids.csv", "");
    let ids: Vec<&str> = import
        .meters
        .iter()
        .map(|meter| meter.id.as_str())
        .collect();
    assert!(
        ids.contains(&"DE0001234567890000000000000012345")
            && ids.contains(&"c0ffee00-0000-4000-8000-000000000001")
            && ids.contains(&"Zähler-ÄÖÜ")
            && ids.contains(&"0100")
    );
    assert_eq!(ids.len(), 9);
    assert!(import.left_out[0].reason.contains("blanks") && import.left_out[0].loses);
    assert_eq!(import.left_out[0].count, 3);
}

#[test]
fn dsmr_p1() {
    let import = read("80-dsmr-p1.log", "");
    assert_eq!(import.meters[0].id, "E0043006998765431");
    assert_eq!(
        summary(&import),
        "0|0.312|6|2026-06-21T00:00:00Z|2026-06-21T01:15:00Z"
    );
    assert_eq!(import.doubts, []);
    let Readings::Registers { readings, .. } = &import.meters[0].readings else {
        panic!("registers")
    };
    assert_eq!(
        (readings[0].generation.kwh(), readings[0].consumption.kwh()),
        ("12345.678".into(), "9876.542".into())
    );
}

#[test]
fn nem12() {
    let import = read("81-nem12.csv", "");
    assert_eq!(import.meters[0].id, "6001000001");
    assert_eq!(
        summary(&import),
        "53.475|9.599|96|2026-06-20T14:00:00Z|2026-06-21T14:00:00Z"
    );
    assert_eq!(import.doubts, []);
    assert!(
        import
            .notes
            .iter()
            .any(|note| note.contains("A 184") && note.contains("S14 8")),
        "{import}"
    );
    assert_eq!(import.meters[0].estimated, 8);
    assert_eq!(
        read("81-nem12.csv", "--measured-only").meters[0].count(),
        92
    );
}

#[test]
fn green_button() {
    let import = read("82-green-button.xml", "--meter M-1 --no-consumption");
    assert_eq!(
        summary(&import),
        "0||7|2026-06-21T00:00:00Z|2026-06-21T01:45:00Z"
    );
    assert_eq!(import.doubts, []);
    assert!(kinds(&read("82-green-button.xml", "")).contains(&DoubtKind::Meter));
}

#[test]
fn sml() {
    let bytes = common::bytes("83-sml-capture.bin");
    let capture = |bytes: &[u8], flags: &str, modified| {
        meter_formats::read(
            &[Input {
                name: "capture.bin",
                bytes,
                modified,
            }],
            &options(flags),
        )
    };
    let import =
        capture(&bytes, "--time 2026-06-21T12:00:00Z --meter M-1", None).expect("a capture");
    let Readings::Registers { readings, .. } = &import.meters[0].readings else {
        panic!("registers")
    };
    assert_eq!(
        (readings[0].generation.kwh(), readings[0].consumption.kwh()),
        ("12345.6789".into(), "10098.2394".into())
    );
    assert_eq!(readings[0].timestamp, 1_782_043_200);
    assert!(capture(&bytes, "", None)
        .expect_err("no time")
        .to_string()
        .contains("--time"));
    assert!(
        kinds(&capture(&bytes, "", Some(1_782_043_200)).expect("a capture"))
            .contains(&DoubtKind::Timezone)
    );
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
    assert_eq!(
        capture(hex.as_bytes(), "--time 2026-06-21T12:00:00Z", None)
            .expect("hexadecimal")
            .meters[0]
            .count(),
        1
    );
}

#[test]
fn json_lines() {
    for flags in [
        "",
        "--time ts --generation 2.8.0 --consumption 1.8.0 --unit kWh",
    ] {
        let import = read("84-mqtt-json-lines.jsonl", flags);
        assert_eq!(
            summary(&import),
            "0|0.312|6|2026-06-21T00:00:00Z|2026-06-21T01:15:00Z"
        );
        assert_eq!(import.meters[0].id, "M-1");
        assert_eq!(import.doubts, [], "{import}");
    }
}

#[test]
fn home_assistant_history() {
    let import = read(
        "85-homeassistant-history.csv",
        "--meter M-1 --generation sensor.export_total",
    );
    assert_eq!(
        summary(&import),
        "0||8|2026-06-21T00:00:00Z|2026-06-21T01:45:00Z"
    );
    assert!(kinds(&import).contains(&DoubtKind::NoConsumption));
    assert!(!kinds(&read(
        "85-homeassistant-history.csv",
        "--meter M-1 --no-consumption"
    ))
    .contains(&DoubtKind::NoConsumption));
}

#[test]
fn signatures_pass_through_and_columns_may_be_in_any_order() {
    let text = "Signature,consumption_register_wh,generation_register_wh,timestamp,other,METER_ID\nabc,1,1000,1782000000,x,A\nabd,2,2000,1782003600,y,A\n";
    let import = read_text(text, "");
    assert_eq!(
        to_grid_csv(&import),
        "meter_id,timestamp,generation_register_wh,consumption_register_wh,signature\nA,2026-06-21T00:00:00Z,1000,1,abc\nA,2026-06-21T01:00:00Z,2000,2,abd\n"
    );
}

#[test]
fn an_interval_file_joined_twice_adds_nothing() {
    let import = read("45-interval-deltas.csv", "--interval end");
    let base = RegistersAt {
        timestamp: 1_782_000_000,
        generation: 500,
        consumption: 70,
    };
    let joined = import.meters[0].registers(Some(base));
    let last = joined.readings.last().expect("a reading");
    assert_eq!(
        (last.generation, last.consumption),
        (500 + 53_475, 70 + 9_599)
    );
    let again = import.meters[0].registers(Some(RegistersAt {
        timestamp: last.timestamp,
        generation: last.generation,
        consumption: last.consumption,
    }));
    assert_eq!(again.readings, []);
}

#[test]
fn bad_lines_are_named_and_the_rest_is_read() {
    let text = "meter_id,timestamp,generation_register_wh,consumption_register_wh\nA,1782000000,1000,1\nA,yesterday,1,2\nA,1782003600,x,2\nA,1782003600,2000\nA,1782007200,3000,5\n";
    let import = read_text(text, "");
    assert_eq!(import.meters[0].count(), 2);
    let lines: Vec<u32> = import
        .left_out
        .iter()
        .flat_map(|group| group.places.iter().map(|place| place.line))
        .collect();
    assert_eq!(lines, [3, 4, 5], "{import}");
    assert!(import.left_out.iter().all(|group| group.loses));
}
