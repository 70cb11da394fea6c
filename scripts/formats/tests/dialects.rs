//! Files in the form of real exports: the exact sums, counts and spans.

mod common;

use common::{read, summary};

/// Files, flags, and generation|consumption|readings|first|last.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("dsmr-reader.csv", "--meter M", "5.545|9.822|25|2025-10-25T20:00:00Z|2025-10-26T22:00:00Z"),
    ("homewizard.csv", "--timezone Europe/Amsterdam", "1.137|2.976|18|2025-03-29T23:45:00Z|2025-03-30T04:30:00Z"),
    ("fluvius.csv", "--timezone Europe/Brussels", "0|2.214|12|2025-10-25T23:30:00Z|2025-10-26T02:45:00Z"),
    ("fluvius-nl.csv", "--timezone Europe/Brussels", "0.876|3.188|11|2025-06-04T04:00:00Z|2025-06-04T07:00:00Z"),
    ("liander.csv", "--timezone Europe/Amsterdam --where meternummer=E0099000000000001", "35.141|111.8|13|2025-10-19T22:00:00Z|2025-11-01T23:00:00Z"),
    ("enphase.csv", "--timezone Europe/Amsterdam --interval start", "8.622|6.611|18|2025-10-25T22:00:00Z|2025-10-26T16:00:00Z"),
    (
        "enphase.csv",
        "--timezone Europe/Amsterdam --generation 'Energy Produced (Wh)' --consumption 'Energy Consumed (Wh)'",
        "11.976|9.965|18|2025-10-25T22:00:00Z|2025-10-26T16:00:00Z",
    ),
    ("myenergi-zappi.csv", "--interval start", "|29.98208|16|2025-07-01T06:00:00Z|2025-07-01T22:00:00Z"),
    ("shelly-em3-phaseA.csv", "--interval start", "0.08348|0.56095|18|2025-03-29T23:00:00Z|2025-03-31T12:00:00Z"),
    ("shelly-em3-phaseB.csv", "--interval start", "0.10315|0.55423|18|2025-03-29T23:00:00Z|2025-03-31T12:00:00Z"),
    ("shelly-em3-phaseC.csv", "--interval start", "0.12446|0.5432|18|2025-03-29T23:00:00Z|2025-03-31T12:00:00Z"),
    (
        "shelly-em3-phaseA.csv+dialects/shelly-em3-phaseB.csv+dialects/shelly-em3-phaseC.csv",
        "--interval start",
        "0.31109|1.65838|18|2025-03-29T23:00:00Z|2025-03-31T12:00:00Z",
    ),
    ("grafana.csv", "--generation 2 --timezone Europe/Amsterdam", "9||15|2026-03-28T21:00:00Z|2026-03-29T12:00:00Z"),
    ("influxdb-chronograf.csv", "--generation 2", "9.5||15|2026-03-28T21:00:00Z|2026-03-29T14:00:00Z"),
    (
        "sma.csv",
        "--timezone Europe/Amsterdam --generation Metering.TotWhOut --no-consumption",
        "126.055||10|2025-10-19T22:00:00Z|2025-10-30T23:00:00Z",
    ),
    (
        "sma-5min.csv",
        "--timezone Europe/Amsterdam --generation Metering.TotWhOut --no-consumption",
        "1.627||13|2025-06-02T07:00:00Z|2025-06-02T08:05:00Z",
    ),
    ("isolarcloud.csv", "--timezone Europe/Berlin", "57.1|53.4|12|2025-10-19T22:00:00Z|2025-10-31T23:00:00Z"),
    (
        "isolarcloud.csv",
        "--timezone Europe/Berlin --generation PV --consumption Load",
        "245.9|242.2|12|2025-10-19T22:00:00Z|2025-10-31T23:00:00Z",
    ),
    ("metern-7import2025.csv", "--timezone Europe/Rome", "|55.014|13|2025-03-23T23:00:00Z|2025-04-06T22:00:00Z"),
    ("metern-8export2025.csv", "--timezone Europe/Rome", "123.121||13|2025-03-23T23:00:00Z|2025-04-06T22:00:00Z"),
    (
        "metern-7import2025.csv+dialects/metern-8export2025.csv",
        "--timezone Europe/Rome",
        "123.121|55.014|13|2025-03-23T23:00:00Z|2025-04-06T22:00:00Z",
    ),
    ("two-column.csv", "--consumption 2 --unit kWh", "|5.899|15|2025-10-25T22:00:00Z|2025-10-26T13:00:00Z"),
    ("two-column.csv", "--consumption 2", "|5.899|15|2025-10-25T22:00:00Z|2025-10-26T13:00:00Z"),
    ("two-column-wh.csv", "--generation 2", "34.902||16|2025-06-02T04:00:00Z|2025-06-02T19:00:00Z"),
    ("home-assistant.csv", "--meter M", "1.96|2.949|22|2025-10-25T22:00:00Z|2025-10-26T02:32:00Z"),
    (
        "home-assistant.csv",
        "--meter M --generation sensor.meter_energy_export --consumption sensor.meter_energy_import --unit kWh",
        "1.96|2.949|22|2025-10-25T22:00:00Z|2025-10-26T02:32:00Z",
    ),
    ("wienernetze.csv", "--timezone Europe/Vienna", "|2.313|14|2025-03-30T00:00:00Z|2025-03-30T04:00:00Z"),
    ("wienernetze-einspeisung.csv", "--timezone Europe/Vienna", "3.609||14|2025-10-25T23:30:00Z|2025-10-26T03:00:00Z"),
    ("netznoe-v2.csv", "--timezone Europe/Vienna --interval end", "|8.23|15|2025-03-29T23:45:00Z|2025-03-30T03:45:00Z"),
    ("kaerntennetz.csv", "--timezone Europe/Vienna --interval start", "|3.682|15|2025-03-30T00:00:00Z|2025-03-30T04:00:00Z"),
    ("kaerntennetz-utf16.csv", "--timezone Europe/Vienna --interval start", "|3.682|15|2025-03-30T00:00:00Z|2025-03-30T04:00:00Z"),
    ("stromnetzgraz-v2.csv", "", "|2.903|16|2025-10-25T23:30:00Z|2025-10-26T03:30:00Z"),
    ("stromnetzgraz-v2.csv", "--interval end", "|2.504|13|2025-10-25T23:30:00Z|2025-10-26T03:30:00Z"),
    ("stromnetzgraz-v2.csv", "--consumption 'Verbrauch Gesamt - 1.8.0' --interval end", "|2.504|13|2025-10-25T23:30:00Z|2025-10-26T03:30:00Z"),
    ("stromnetzgraz-v2-comma.csv", "", "|2.784|16|2025-03-29T23:30:00Z|2025-03-30T03:30:00Z"),
    ("stromnetzgraz-v2-comma.csv", "--interval end", "|2.711|13|2025-03-29T23:30:00Z|2025-03-30T03:30:00Z"),
    ("salzburgnetz.csv", "--timezone Europe/Vienna --interval start", "|4.126|17|2025-03-30T00:00:00Z|2025-03-30T04:30:00Z"),
    ("tinetz.csv", "--timezone Europe/Vienna", "|4.368|20|2025-10-25T23:00:00Z|2025-10-26T04:00:00Z"),
    ("stadtwerke-klagenfurt.csv", "--timezone Europe/Vienna --interval start", "|1.818|15|2025-01-31T21:00:00Z|2025-02-01T01:00:00Z"),
    ("enel.csv", "--timezone Europe/Rome", "|161.663|763|2025-03-25T23:00:00Z|2025-04-02T22:00:00Z"),
];

#[test]
fn exports_come_out_to_the_exact_sum() {
    let mut wrong = Vec::new();
    for (files, flags, expected) in EXPECTED {
        let import = match common::try_read(&format!("dialects/{files}"), flags) {
            Ok(import) => import,
            Err(error) => {
                wrong.push(format!("{files} {flags}\n  {error}"));
                continue;
            }
        };
        let found = summary(&import);
        if found != *expected {
            wrong.push(format!(
                "{files} {flags}\n  found    {found}\n  expected {expected}\n{import}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn meter_ids_are_found() {
    for (file, id) in [
        ("fluvius.csv", "541234567890123456"),
        ("myenergi-zappi.csv", "90000001"),
        ("sma.csv", "9900000001"),
        ("sma-5min.csv", "9900000001"),
        ("wienernetze.csv", "AT0010000000000000000000000000001"),
        (
            "wienernetze-einspeisung.csv",
            "AT0010000000000000000000000000002",
        ),
        ("kaerntennetz.csv", "AT0070000000000000000000000000001"),
        ("tinetz.csv", "AT0050000000000000000000000000001"),
        (
            "stadtwerke-klagenfurt.csv",
            "AT0071000000000000000000000000001",
        ),
        ("enphase.csv", ""),
    ] {
        let import = read(&format!("dialects/{file}"), "");
        let ids: Vec<&str> = import
            .meters
            .iter()
            .map(|meter| meter.id.as_str())
            .collect();
        assert_eq!(ids, [id], "{file}\n{import}");
    }
}
