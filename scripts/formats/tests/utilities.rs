//! Small invented exports in the forms of utilities, inverters and loggers, with the flags that their users would need.

mod common;

use common::{read_text, summary};

/// A name, flags, the file, and generation|consumption|readings.
const EXPORTS: &[(&str, &str, &str, &str)] = &[
    (
        "PG&E",
        "--timezone America/Los_Angeles",
        "Name,A CUSTOMER\nAddress,\"1 MAIN ST, TOWN CA\"\nAccount Number,1234567890\nService,Service 1\n\nTYPE,DATE,START TIME,END TIME,IMPORT (kWh),EXPORT (kWh),COST,NOTES\nElectric usage,2025-11-02,00:00,00:59,0.5,0.1,$0.10,\nElectric usage,2025-11-02,01:00,01:59,0.5,0.1,$0.10,\nElectric usage,2025-11-02,01:00,01:59,0.25,0.1,$0.10,\nElectric usage,2025-11-02,02:00,02:59,0.5,0.3,$0.10,\n",
        "0.6|1.75|4",
    ),
    (
        "PG&E, usage and units",
        "--timezone America/Los_Angeles",
        "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES\nElectric usage,2025-06-02,00:00,00:14,0.12,kWh,$0.02,\nElectric usage,2025-06-02,00:15,00:29,0.13,kWh,$0.02,\nElectric usage,2025-06-02,00:30,00:44,-0.05,kWh,$0.02,\n",
        "0.05|0.25|3",
    ),
    (
        "SCE",
        "--timezone America/Los_Angeles",
        "Energy Usage Information\n\"For location: 1 MAIN ST\"\n\nEnergy Delivered time period,Usage(Real energy in kilowatt-hours),Reading quality\n\"2025-03-01 00:00:00 to 2025-03-01 00:15:00\",\"0.050\",\"\"\n\"2025-03-01 00:15:00 to 2025-03-01 00:30:00\",\"0.060\",\"\"\n\nEnergy Received time period,Usage(Real energy in kilowatt-hours),Reading quality\n\"2025-03-01 00:00:00 to 2025-03-01 00:15:00\",\"0.010\",\"\"\n\"2025-03-01 00:15:00 to 2025-03-01 00:30:00\",\"0.000\",\"\"\n",
        "0.01|0.11|2",
    ),
    (
        "SDG&E",
        "--timezone America/Los_Angeles",
        "Meter Number,Date,Start Time,Duration,Consumption,Generation,Net\n01234567,9/14/2025,12:00 AM,15,0.1500,0.0000,0.1500\n01234567,9/14/2025,12:15 AM,15,0.1300,0.0200,0.1100\n01234567,9/14/2025,12:30 AM,15,0.1400,0.0000,0.1400\n",
        "0.02|0.42|3",
    ),
    (
        "Octopus",
        "",
        "Consumption (kWh), Estimated Cost Inc. Tax (p), Start, End\n0.101,2.5,2025-03-30T00:00:00Z,2025-03-30T00:30:00Z\n0.202,5.0,2025-03-30T00:30:00Z,2025-03-30T02:00:00+01:00\n",
        "|0.303|2",
    ),
    (
        "n3rgy",
        "--timezone UTC --interval start",
        "timestamp (UTC),energyConsumption (kWh)\n2025-03-30 00:00,0.101\n2025-03-30 00:30,0.099\n2025-03-30 01:00,0.2\n2025-03-30 01:30,0.05\n",
        "|0.45|4",
    ),
    (
        "Datadis",
        "--timezone Europe/Madrid",
        "CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion;Energia_vertida_kWh\nES0021000000000001AA0F;2025/03/29;23:00;0,311;Real;0,000\nES0021000000000001AA0F;2025/03/29;24:00;0,289;Real;0,000\nES0021000000000001AA0F;2025/03/30;01:00;0,3;Real;0,250\n",
        "0.25|0.9|3",
    ),
    (
        "i-DE, hours by number on the day of 25",
        "--timezone Europe/Madrid",
        "CUPS;FECHA;HORA;AE_kWh;AS_KWh;R1;R2;R3;R4;METODO\nES0021000000000001AA0F;26/10/2025;1;0,5;0;0;0;0;0;R\nES0021000000000001AA0F;26/10/2025;2;0,4;0;0;0;0;0;R\nES0021000000000001AA0F;26/10/2025;3;0,3;0;0;0;0;0;R\nES0021000000000001AA0F;26/10/2025;24;0,2;0,1;0;0;0;0;R\nES0021000000000001AA0F;26/10/2025;25;0,2;0;0;0;0;0;R\n",
        "0.1|1.6|5",
    ),
    (
        "Fronius Solar.web",
        "--timezone Europe/Vienna --interval start",
        "Datum und Uhrzeit;Energie ins Netz eingespeist;Energie vom Netz bezogen;Direkt verbraucht;Produktion\n[dd.MM.yyyy HH:mm];[Wh];[Wh];[Wh];[Wh]\n02.06.2025 10:00;120,5;3;40;160,5\n02.06.2025 10:05;110,25;2,5;42;152,25\n02.06.2025 10:10;130;1;40;170\n",
        "0.36075|0.0065|3",
    ),
    (
        "Elhub",
        "",
        "Fra;Til;KWH 60 Forbruk;KWH 60 Produksjon\n2025-06-02T00:00:00+02:00;2025-06-02T01:00:00+02:00;1,234;0\n2025-06-02T01:00:00+02:00;2025-06-02T02:00:00+02:00;1,1;0,5\n",
        "0.5|2.334|2",
    ),
    (
        "Eloverblik",
        "--timezone Europe/Copenhagen",
        "MålepunktsID;Fra_dato;Til_dato;Mængde;Måleenhed;Kvalitet;Type\n571313100000000001;02-06-2025 00:00:00;02-06-2025 01:00:00;0,456;KWH;Målt;Forbrug\n571313100000000001;02-06-2025 01:00:00;02-06-2025 02:00:00;0,4;KWH;Estimeret;Forbrug\n",
        "|0.856|2",
    ),
    (
        "Datahub of Finland",
        "--consumption Quantity",
        "MeteringPointGSRN;Product Type;Resolution;Unit Type;Reading Type;Start Time;Quantity;Quality\n643000000000000001;8716867000030;PT1H;kWh;BN01;2025-06-01T21:00:00Z;0,300000;OK\n643000000000000001;8716867000030;PT1H;kWh;BN01;2025-06-01T22:00:00Z;0,250000;OK\n643000000000000001;8716867000030;PT1H;kWh;BN01;2025-06-01T23:00:00Z;0,310000;OK\n643000000000000001;8716867000030;PT1H;kWh;BN01;2025-06-02T00:00:00Z;0,200000;OK\n",
        "|1.06|4",
    ),
    (
        "Powercor, a line a day with its direction",
        "--timezone Australia/Brisbane",
        "NMI,METER SERIAL NUMBER,CON/GEN,DATE,ESTIMATED?,00:00 - 00:30,00:30 - 01:00,01:00 - 01:30,01:30 - 02:00,02:00 - 02:30,02:30 - 03:00,03:00 - 03:30,03:30 - 04:00,04:00 - 04:30,04:30 - 05:00,05:00 - 05:30,05:30 - 06:00,06:00 - 06:30,06:30 - 07:00,07:00 - 07:30,07:30 - 08:00,08:00 - 08:30,08:30 - 09:00,09:00 - 09:30,09:30 - 10:00,10:00 - 10:30,10:30 - 11:00,11:00 - 11:30,11:30 - 12:00,12:00 - 12:30,12:30 - 13:00,13:00 - 13:30,13:30 - 14:00,14:00 - 14:30,14:30 - 15:00,15:00 - 15:30,15:30 - 16:00,16:00 - 16:30,16:30 - 17:00,17:00 - 17:30,17:30 - 18:00,18:00 - 18:30,18:30 - 19:00,19:00 - 19:30,19:30 - 20:00,20:00 - 20:30,20:30 - 21:00,21:00 - 21:30,21:30 - 22:00,22:00 - 22:30,22:30 - 23:00,23:00 - 23:30,23:30 - 00:00\n60010000001,1234567,Consumption,02/06/2025,No,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1\n60010000001,1234567,Generation,02/06/2025,No,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0.2,0.2,0.2,0.2,0.2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n",
        "1|4.8|48",
    ),
    (
        "SolarEdge, JSON",
        "--timezone Europe/Berlin",
        r#"{"energyDetails":{"timeUnit":"QUARTER_OF_AN_HOUR","unit":"Wh","meters":[{"type":"FeedIn","values":[{"date":"2025-06-02 10:00:00","value":120.5},{"date":"2025-06-02 10:15:00","value":90.0},{"date":"2025-06-02 10:30:00","value":95.0}]},{"type":"Purchased","values":[{"date":"2025-06-02 10:00:00","value":1.25},{"date":"2025-06-02 10:15:00"},{"date":"2025-06-02 10:30:00","value":3}]}]}}"#,
        "0.3055|0.00425|3",
    ),
    (
        "Octopus, JSON",
        "",
        r#"{"count":2,"next":null,"results":[{"consumption":0.063,"interval_start":"2025-05-19T00:30:00+01:00","interval_end":"2025-05-19T01:00:00+01:00"},{"consumption":0.071,"interval_start":"2025-05-19T00:00:00+01:00","interval_end":"2025-05-19T00:30:00+01:00"}]}"#,
        "|0.134|2",
    ),
    (
        "Tibber, JSON",
        "",
        r#"{"data":{"viewer":{"homes":[{"consumption":{"nodes":[{"from":"2025-06-02T00:00:00.000+02:00","to":"2025-06-02T01:00:00.000+02:00","cost":0.31,"unitPrice":0.3,"unitPriceVAT":0.05,"consumption":1.021,"consumptionUnit":"kWh"},{"from":"2025-06-02T01:00:00.000+02:00","to":"2025-06-02T02:00:00.000+02:00","cost":0.2,"unitPrice":0.3,"unitPriceVAT":0.05,"consumption":0.701,"consumptionUnit":"kWh"}]}}]}}}"#,
        "|1.722|2",
    ),
    (
        "Tasmota over MQTT",
        "--timezone Europe/Berlin --consumption ENERGY.Total",
        "tele/plug/SENSOR {\"Time\":\"2025-06-02T10:00:00\",\"ENERGY\":{\"TotalStartTime\":\"2024-01-01T00:00:00\",\"Total\":812.345,\"Yesterday\":1.2,\"Today\":0.5,\"Power\":120}}\ntele/plug/SENSOR {\"Time\":\"2025-06-02T10:05:00\",\"ENERGY\":{\"TotalStartTime\":\"2024-01-01T00:00:00\",\"Total\":812.355,\"Yesterday\":1.2,\"Today\":0.51,\"Power\":120}}\n",
        "|0.01|2",
    ),
    (
        "a smart meter's portal, before and after a community's share",
        "--timezone Europe/Vienna --interval start",
        "Zeitstempel;Gesamtverbrauch lt. Messung [kWh];Anteil gemeinschaftliche Erzeugung [kWh];Eigendeckung gemeinschaftliche Erzeugung [kWh];Restnetzbezug [kWh]\n02.06.2025 00:00;0,4;0,1;0,1;0,3\n02.06.2025 00:15;0,2;0,1;0,1;0,1\n02.06.2025 00:30;0,25;0;0;0,25\n02.06.2025 00:45;0,2;0;0;0,2\n",
        "|1.05|4",
    ),
    (
        "OBIS codes as columns, newest first, thousands dots",
        "--timezone Europe/Zurich",
        "Datum;Zeit;1-0:1.8.1 [kWh];1-0:1.8.2 [kWh];1-0:2.8.0 [kWh];1-0:16.7.0 [kW]\n03.06.2025;00:00;12.346,5;4.000,25;1.001,0;0,3\n02.06.2025;00:00;12.345,0;4.000,00;1.000,5;0,3\n01.06.2025;00:00;12.344,5;3.999,75;999,5;0,3\n",
        "1.5|2.5|3",
    ),
    (
        "a load profile in kW",
        "--timezone Europe/Berlin --consumption 2 --interval end",
        "Zeit;Wirkleistung Bezug [kW]\n02.06.2025 00:15;4,0\n02.06.2025 00:30;2,0\n02.06.2025 00:45;2,0\n02.06.2025 01:00;4,4\n",
        "|3.1|4",
    ),
    (
        "Enedis",
        "--timezone Europe/Paris --consumption Valeur --interval end",
        "Identifiant PRM;Type de donnees;Date de debut;Date de fin;Grandeur physique;Grandeur metier;Etape metier;Unite\n14200000000001;Courbe de charge;02/06/2025;03/06/2025;Puissance active;Consommation;Brute;W\nHorodate;Valeur\n2025-06-02T00:30:00+02:00;420\n2025-06-02T01:00:00+02:00;380\n2025-06-02T01:30:00+02:00;400\n2025-06-02T02:00:00+02:00;400\n",
        "|0.8|4",
    ),
    (
        "Home Assistant's energy dashboard",
        "",
        "entity_id,type,unit,2025-06-02T08:00:00.000Z,2025-06-02T09:00:00.000Z,2025-06-02T10:00:00.000Z\nsensor.grid_import,grid_consumption,kWh,0.5,0.25,\nsensor.grid_export,grid_return,kWh,0,0.125,1.5\n",
        "1.625|0.75|3",
    ),
    (
        "InfluxDB's command line",
        "--consumption value --unit kWh",
        "name,time,value\nenergy,1748836800000000000,5021.118\nenergy,1748840400000000000,5021.7\nenergy,1748844000000000000,5022.2\n",
        "|1.082|3",
    ),
    (
        "months",
        "--timezone Europe/Oslo",
        "Måned;Forbruk (kWh)\n01.01.2025;1 234,5\n01.02.2025;1 100,25\n01.03.2025;900\n",
        "|3234.75|3",
    ),
    (
        "Slovenia",
        "--timezone Europe/Ljubljana --interval end",
        "Časovna značka;Energija A+;Energija A-;Energija R+;Energija R-;Blok\n2025-06-02 00:15:00;0.1;0;0.01;0;4\n2025-06-02 00:30:00;0.12;0.5;0.01;0;4\n2025-06-02 00:45:00;0.09;0;0.01;0;4\n2025-06-02 01:00:00;0.1;0;0.01;0;4\n",
        "0.5|0.41|4",
    ),
    (
        "rows of two registers by OBIS code",
        "--timezone Europe/Berlin",
        "Zählernummer;OBIS;Zeitpunkt;Zählerstand;Einheit;Status\n1EMH0000000001;1-0:1.8.0;02.06.2025 00:00;1000,5;kWh;W\n1EMH0000000001;1-0:2.8.0;02.06.2025 00:00;500;kWh;W\n1EMH0000000001;1-0:1.8.0;03.06.2025 00:00;1003,5;kWh;W\n1EMH0000000001;1-0:2.8.0;03.06.2025 00:00;510;kWh;W\n",
        "10|3|2",
    ),
    (
        "Emporia",
        "--interval start",
        "Time Bucket (UTC),Mains_A (kWh),Mains_B (kWh)\n06/02/2025 00:00:00,0.5,0.4\n06/02/2025 01:00:00,0.3,0.2\n06/13/2025 02:00:00,0.1,0.2\n",
        "|1.7|3",
    ),
    (
        "tabs, quality and a total line",
        "--timezone Europe/Stockholm --interval start",
        "Tid\tFörbrukning (kWh)\tKvalitet\n2025-06-02 00:00\t0,5\tUppmätt\n2025-06-02 01:00\t0,25\tUppmätt\n2025-06-02 02:00\t0,5\tBeräknad\nSumma\t1,25\t\n",
        "|1.25|3",
    ),
];

#[test]
fn exports_of_the_world() {
    let mut wrong = Vec::new();
    for (name, flags, text, expected) in EXPORTS {
        let flags = flags.replace("--no-generation", "");
        let input = meter_formats::Input {
            name: "text.csv",
            bytes: text.as_bytes(),
            modified: None,
        };
        match meter_formats::read(&[input], &common::options(&flags)) {
            Err(error) => wrong.push(format!("{name}: {error}")),
            Ok(import) => {
                let found = summary(&import);
                if !found.starts_with(&format!("{expected}|")) {
                    wrong.push(format!("{name}: {found} instead of {expected}\n{import}"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_mains_phase_that_nothing_names_needs_a_flag() {
    let text = "Zeit;Wert\n02.06.2025 00:00;0,5\n02.06.2025 00:15;0,3\n02.06.2025 00:30;0,4\n02.06.2025 00:45;0,2\n";
    let import = read_text(text, "--timezone Europe/Berlin --interval start");
    assert!(common::kinds(&import).contains(&meter_formats::DoubtKind::Direction));
    let import = read_text(text, "--timezone Europe/Berlin --interval start --generation Wert --no-consumption --meter M --unit kWh");
    assert_eq!(import.doubts, [], "{import}");
}

#[test]
fn a_clock_that_keeps_standard_time_loses_no_value() {
    let hours = |value: &str| {
        let lines: Vec<String> = (0..6)
            .map(|hour| {
                format!(
                    "2025-03-30 {hour:02}:00;{}\n",
                    if hour == 2 { value } else { "0,5" }
                )
            })
            .collect();
        format!("Start;Verbrauch (kWh)\n{}", lines.concat())
    };
    let import = read_text(&hours("0,25"), "--timezone Europe/Berlin");
    assert_eq!(
        summary(&import),
        "|2.75|6|2025-03-29T23:00:00Z|2025-03-30T05:00:00Z",
        "{import}"
    );
    assert!(
        import
            .doubts
            .iter()
            .any(|doubt| doubt.flag == "--timezone +01:00"),
        "{import}"
    );
    // A zero there only fills the table.
    let import = read_text(&hours("0"), "--timezone Europe/Berlin");
    assert_eq!(
        summary(&import),
        "|2.5|5|2025-03-29T23:00:00Z|2025-03-30T04:00:00Z",
        "{import}"
    );
}
