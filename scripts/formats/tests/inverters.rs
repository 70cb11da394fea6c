//! More small invented exports: inverters, loggers and portals.

mod common;

use common::summary;

const EXPORTS: &[(&str, &str, &str, &str)] = &[
    (
        "Tesla",
        "",
        "Date time,Home (kWh),From Powerwall (kWh),Solar Energy (kWh),From Grid (kWh),To Grid (kWh)\n2025-06-02T10:00:00+02:00,0.4,0.1,1.5,0.05,1.1\n2025-06-02T10:05:00+02:00,0.3,0.1,1.25,0,0.9\n2025-06-02T10:10:00+02:00,0.3,0.1,1.4,0,0.9\n2025-06-02T10:15:00+02:00,0.3,0.1,1.2,0.1,0.9\n",
        "3.8|0.15|4",
    ),
    (
        "Sense",
        "--timezone America/New_York --where 'Name=Total Usage' --interval start",
        "# This file contains interval Device usage\nDateTime,Device ID,Name,Device Type,Device Make,Device Model,Device Location,Avg Wattage,kWh\n2025-06-02 00:00:00,mains,Total Usage,,,,,250,0.25\n2025-06-02 00:00:00,a1,Fridge,Fridge,,,,50,0.05\n2025-06-02 01:00:00,mains,Total Usage,,,,,300,0.3\n2025-06-02 01:00:00,a1,Fridge,Fridge,,,,50,0.05\n2025-06-02 02:00:00,mains,Total Usage,,,,,280,0.28\n",
        "|0.83|3",
    ),
    (
        "FusionSolar",
        "--timezone Europe/Berlin",
        "Statistical Period,PV Yield (kWh),Inverter Yield (kWh),Export (kWh),Import (kWh),Self-consumption (kWh),Revenue (€)\n2025-06-01,30.5,30.1,20.25,2.5,10,3.1\n2025-06-02,28.5,28.1,19,3.5,9,3\n2025-06-03,12.5,12.1,5,6.5,7,1\n",
        "44.25|12.5|3",
    ),
    (
        "GoodWe, power and energy",
        "--timezone Europe/Amsterdam",
        "Date;PV (kWh);Sell (kWh);Buy (kWh);Consumption (kWh);Self-Use Ratio\n01.06.2025;20,1;12,2;3,3;11,2;39%\n02.06.2025;22,1;14,2;2,3;10,2;36%\n",
        "26.4|5.6|2",
    ),
    (
        "E-REDES, power of quarter hours",
        "--timezone Europe/Lisbon --interval end",
        "Data;Hora;Consumo registado (kW);Injeção registada (kW)\n2025/06/02;00:15;0,4;0\n2025/06/02;00:30;0,8;0\n2025/06/02;00:45;0,4;1,2\n2025/06/02;01:00;0,4;0,4\n",
        "0.4|0.5|4",
    ),
    (
        "Victron VRM, a zone under the header",
        "--timezone Europe/Amsterdam --interval start",
        "timestamp,Grid to consumers,Grid to battery,PV to grid,PV to consumers\nEurope/Amsterdam (+02:00),kWh,kWh,kWh,kWh\n2025-06-02 00:00:00,0.5,0,0,0\n2025-06-02 01:00:00,0.4,0,0,0\n2025-06-02 02:00:00,0.45,0,0,0\n2025-06-02 09:00:00,0.1,0,1.5,0.7\n",
        "1.5|1.45|4",
    ),
    (
        "inexogy",
        "--timezone Europe/Berlin",
        "Zeitstempel,Zählerstand Bezug (kWh),Zählerstand Einspeisung (kWh),Leistung (W)\n2025-06-02 00:00:00,1000.1234567,50.5,250\n2025-06-02 00:15:00,1000.1876543,50.5,250\n2025-06-02 00:30:00,1000.25,50.75,250\n2025-06-02 00:45:00,1000.3,50.75,250\n",
        "0.25|0.1765433|4",
    ),
    (
        "ioBroker, milliseconds",
        "--consumption val --unit kWh",
        "id;ts;val;ack;q\n0_userdata.0.meter;1748836800000;812.5;true;0\n0_userdata.0.meter;1748837700000;812.75;true;0\n0_userdata.0.meter;1748838600000;812.875;true;0\n",
        "|0.375|3",
    ),
    (
        "openHAB",
        "--generation value --unit Wh --timezone Europe/Berlin",
        "time,value\n\"2025-06-02 10:00:00.123\",5000123\n\"2025-06-02 10:15:00.321\",5000623\n\"2025-06-02 10:30:00.456\",5001123\n",
        "1||3",
    ),
    (
        "a portal with date from, time from, date to, time to, and peak columns",
        "--timezone Europe/Warsaw",
        "Data od;Godzina od;Data do;Godzina do;Pobrana [kWh];Oddana [kWh]\n2025-06-02;23:00;2025-06-03;00:00;1,5;0\n2025-06-03;00:00;2025-06-03;01:00;1,25;0,5\n",
        "0.5|2.75|2",
    ),
    (
        "ComEd, a line a day by hours",
        "--timezone America/Chicago",
        "ACCOUNT,METER,DATE,UNIT,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24\n1,999000001,06/13/2025,KWH,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,0.5\n1,999000001,06/14/2025,KWH,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,0.25\n",
        "|46.75|48",
    ),
    (
        "negative feed-in",
        "--timezone Europe/Zurich --interval start",
        "Zeit;Bezug (kWh);Rückspeisung (kWh)\n02.06.2025 00:00;0,5;0\n02.06.2025 00:15;0,4;-0,25\n02.06.2025 00:30;0,45;-1,5\n02.06.2025 00:45;0,2;-0,5\n",
        "2.25|1.55|4",
    ),
    (
        "hours beside quarters",
        "--timezone Europe/Vienna --interval start",
        "Zeit;Verbrauch 15 min (kWh);Verbrauch Stunde (kWh)\n02.06.2025 00:00;0,5;1,5\n02.06.2025 00:15;0,4;\n02.06.2025 00:30;0,4;\n02.06.2025 00:45;0,2;\n02.06.2025 01:00;0,1;0,1\n",
        "|1.6|5",
    ),
    (
        "a wide table of a day of 25 hours, by numbers",
        "--timezone Europe/Rome",
        "Data;H1;H2;H3;H4;H5;H6;H7;H8;H9;H10;H11;H12;H13;H14;H15;H16;H17;H18;H19;H20;H21;H22;H23;H24;H25\n25/10/2025;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;\n26/10/2025;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;0,5\n",
        "|48.5|49",
    ),
    (
        "an id spoilt by a spreadsheet, years of two digits, p.m.",
        "--timezone America/New_York --meter M",
        "Meter,Read Date,kWh Delivered,kWh Received\n8.71235E+17,6/13/25 11:45 PM,100.5,20\n8.71235E+17,6/14/25 11:45 PM,110.75,25\n8.71235E+17,6/15/25 11:45 PM,120,25.5\n",
        "5.5|19.5|3",
    ),
    (
        "quality by letters, tariffs in rows, a total in rows",
        "--timezone Europe/Madrid",
        "Contador;Registro;Fecha;Lectura (kWh)\n001234;Total 1.8.0;01/06/2025;1500\n001234;P1 1.8.1;01/06/2025;1000\n001234;P2 1.8.2;01/06/2025;500\n001234;Total 1.8.0;13/06/2025;1530,5\n001234;P1 1.8.1;13/06/2025;1020,5\n001234;P2 1.8.2;13/06/2025;510\n",
        "|30.5|2",
    ),
    (
        "Green Button of both directions, by links",
        "",
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><link rel=\"self\" href=\"/U/1/MeterReading/1\"/><link rel=\"related\" href=\"/ReadingType/1\"/><content><MeterReading/></content></entry><entry><link rel=\"self\" href=\"/U/1/MeterReading/2\"/><link rel=\"related\" href=\"/ReadingType/2\"/><content><MeterReading/></content></entry><entry><link rel=\"self\" href=\"/ReadingType/1\"/><content><ReadingType><flowDirection>1</flowDirection><powerOfTenMultiplier>-3</powerOfTenMultiplier><uom>72</uom></ReadingType></content></entry><entry><link rel=\"self\" href=\"/ReadingType/2\"/><content><ReadingType><flowDirection>19</flowDirection><powerOfTenMultiplier>-3</powerOfTenMultiplier><uom>72</uom></ReadingType></content></entry><entry><link rel=\"self\" href=\"/U/1/MeterReading/1/IntervalBlock/7\"/><content><IntervalBlock><interval><duration>3600</duration><start>1748836800</start></interval><IntervalReading><cost>5</cost><timePeriod><duration>3600</duration><start>1748836800</start></timePeriod><value>500250</value></IntervalReading></IntervalBlock></content></entry><entry><link rel=\"self\" href=\"/U/1/MeterReading/2/IntervalBlock/7\"/><content><IntervalBlock><IntervalReading><timePeriod><duration>3600</duration><start>1748836800</start></timePeriod><value>125</value></IntervalReading></IntervalBlock></content></entry></feed>",
        "0.000125|0.50025|1",
    ),
];

#[test]
fn exports_of_inverters_and_portals() {
    let mut wrong = Vec::new();
    for (name, flags, text, expected) in EXPORTS {
        let input = meter_formats::Input {
            name: "text.csv",
            bytes: text.as_bytes(),
            modified: None,
        };
        match meter_formats::read(&[input], &common::options(flags)) {
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
fn registers_that_could_be_intervals_are_settled_by_a_flag() {
    let text = "Datum;Wert Bezug (kWh)\n01.06.2025;20,5\n02.06.2025;22,5\n13.06.2025;25,5\n";
    let import = common::read_text(text, "--timezone Europe/Berlin");
    assert!(
        common::kinds(&import).contains(&meter_formats::DoubtKind::Interval),
        "{import}"
    );
    let import = common::read_text(text, "--timezone Europe/Berlin --registers --meter M");
    assert_eq!(summary(&import).split('|').nth(1), Some("5"));
    assert_eq!(import.doubts, [], "{import}");
}
