//! Green Button: ESPI XML, an Atom feed of reading types and blocks of interval readings.

use std::collections::{BTreeMap, HashMap};

use quick_xml::{
    events::{BytesStart, Event},
    Reader, XmlVersion,
};

use crate::{
    energy::{Decimal, Energy, Unit},
    number,
    options::Options,
    report::{DoubtKind, Place, Report},
    series::{Key, Kind, Point, Series, MAX_POINTS},
    time::YEARS,
    words::Direction,
};

/// What a ReadingType says; absent elements are None.
#[derive(Clone, Debug, Default)]
struct ReadingType {
    flow: Option<i64>,
    power_of_ten: Option<i32>,
    unit: Option<i64>,
    accumulation: Option<i64>,
    length: Option<i64>,
    commodity: Option<i64>,
}

/// A block of readings, with the links of its entry.
#[derive(Default)]
struct Block {
    links: Vec<String>,
    /// The reading type last before it in the file.
    before: Option<usize>,
    readings: Vec<Raw>,
}

/// A reading as it is written.
#[derive(Clone, Copy, Default)]
struct Raw {
    start: Option<i64>,
    duration: Option<i64>,
    value: Option<Decimal>,
    quality: Option<i64>,
    number: u32,
}

#[derive(Default)]
struct Entry {
    itself: Option<String>,
    links: Vec<String>,
}

/// Whether a text is ESPI.
pub fn is_green_button(text: &str) -> bool {
    let head: String = text.chars().take(20_000).collect();
    let trimmed = head.trim_start();
    trimmed.starts_with('<')
        && (head.contains("naesb.org/espi")
            || head.contains("IntervalBlock")
            || head.contains("IntervalReading"))
}

/// Elements deeper than these are none of ESPI's.
const MAX_DEPTH: usize = 64;

/// Reads a feed. A damaged end loses only what stands there.
pub fn read(
    text: &str,
    file: u16,
    options: &Options,
    report: &mut Report,
) -> Result<Vec<Series>, String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().trim_text(true);
    reader.config_mut().check_end_names = false;
    let mut feed = Feed::default();
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(Event::Start(element)) => feed.open(&element)?,
            Ok(Event::Empty(element)) => {
                feed.open(&element)?;
                feed.close();
            }
            Ok(Event::Text(content)) => feed
                .text
                .push_str(&content.xml_content(XmlVersion::default())),
            Ok(Event::End(_)) => feed.close(),
            Ok(_) => {}
            Err(error) => {
                let at = usize::try_from(reader.error_position()).unwrap_or(0);
                let line = text
                    .get(..at.min(text.len()))
                    .map_or(0, |before| before.matches('\n').count());
                report.lost(
                    Place {
                        file,
                        line: u32::try_from(line + 1).unwrap_or(u32::MAX),
                    },
                    format!("the XML is damaged: {error}"),
                );
                break;
            }
        }
        if feed.count > MAX_POINTS {
            return Err(format!("more than {MAX_POINTS} values: split the file"));
        }
    }
    feed.series(file, options, report)
}

#[derive(Default)]
struct Feed {
    path: Vec<String>,
    text: String,
    entry: Entry,
    types: Vec<ReadingType>,
    /// Reading types by their own link, and meter readings' links to them.
    by_link: HashMap<String, usize>,
    meter_readings: HashMap<String, Vec<String>>,
    blocks: Vec<Block>,
    raw: Raw,
    kind: Option<i64>,
    /// Kinds of service by the usage point's link: 0 is electricity.
    services: HashMap<String, i64>,
    count: usize,
    seen: u32,
}

impl Feed {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        let name = element.local_name().as_ref().to_owned();
        self.text.clear();
        match name.as_str() {
            "entry" => self.entry = Entry::default(),
            "link" => {
                let (mut rel, mut href) = (String::new(), String::new());
                for attribute in element.attributes().flatten() {
                    let value = attribute.value.to_string();
                    match attribute.key.local_name().as_ref() {
                        "rel" => rel = value,
                        "href" => href = value,
                        _ => {}
                    }
                }
                match rel.as_str() {
                    "self" => self.entry.itself = Some(href),
                    _ if self.entry.links.len() < 100 => self.entry.links.push(href),
                    _ => {}
                }
            }
            "ReadingType" => self.types.push(ReadingType::default()),
            "IntervalBlock" => {
                let links = self
                    .entry
                    .itself
                    .iter()
                    .chain(&self.entry.links)
                    .cloned()
                    .collect();
                self.blocks.push(Block {
                    links,
                    before: self.types.len().checked_sub(1),
                    readings: Vec::new(),
                });
            }
            "IntervalReading" => {
                self.seen = self.seen.saturating_add(1);
                self.raw = Raw {
                    number: self.seen,
                    ..Raw::default()
                };
            }
            _ => {}
        }
        if self.path.len() >= MAX_DEPTH {
            return Err("the XML is too deep".into());
        }
        self.path.push(name);
        Ok(())
    }

    fn within(&self, name: &str) -> bool {
        self.path.iter().any(|element| element == name)
    }

    fn close(&mut self) {
        let Some(name) = self.path.pop() else { return };
        let text = std::mem::take(&mut self.text);
        let number = || text.trim().parse::<i64>().ok();
        match name.as_str() {
            "ReadingType" => {
                if let (Some(link), Some(at)) =
                    (&self.entry.itself, self.types.len().checked_sub(1))
                {
                    self.by_link.insert(link.clone(), at);
                }
            }
            "MeterReading" => {
                if let Some(link) = &self.entry.itself {
                    self.meter_readings
                        .insert(link.clone(), self.entry.links.clone());
                }
            }
            "UsagePoint" => {
                if let (Some(link), Some(kind)) = (&self.entry.itself, self.kind.take()) {
                    self.services.insert(link.clone(), kind);
                }
            }
            "kind" if self.within("ServiceCategory") => self.kind = number(),
            "IntervalReading" => {
                if let Some(block) = self.blocks.last_mut() {
                    block.readings.push(self.raw);
                    self.count += 1;
                }
            }
            "duration" if self.within("IntervalReading") => self.raw.duration = number(),
            "start" if self.within("IntervalReading") => self.raw.start = number(),
            "value" if self.within("IntervalReading") => {
                self.raw.value = number::decimal(text.trim(), '.')
            }
            "quality" if self.within("IntervalReading") => self.raw.quality = number(),
            _ if self.within("ReadingType") => {
                if let Some(reading_type) = self.types.last_mut() {
                    match name.as_str() {
                        "flowDirection" => reading_type.flow = number(),
                        "powerOfTenMultiplier" => {
                            reading_type.power_of_ten =
                                number().and_then(|power| i32::try_from(power).ok())
                        }
                        "uom" => reading_type.unit = number(),
                        "accumulationBehaviour" => reading_type.accumulation = number(),
                        "intervalLength" => reading_type.length = number(),
                        "commodity" => reading_type.commodity = number(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// The reading type of a block: by the links of its entry and of the meter reading, else the one before it.
    fn type_of(&self, block: &Block) -> Option<usize> {
        if self.types.len() == 1 {
            return Some(0);
        }
        // …/MeterReading/01/IntervalBlock/173 belongs to …/MeterReading/01.
        let reading = self
            .meter_readings
            .iter()
            .filter(|(link, _)| {
                block.links.iter().any(|own| {
                    own.starts_with(link.as_str())
                        && own
                            .get(link.len()..)
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
            })
            .max_by_key(|(link, _)| link.len());
        reading
            .and_then(|(_, links)| {
                links
                    .iter()
                    .find_map(|link| self.by_link.get(link).copied())
            })
            .or(block.before)
            .or((!self.types.is_empty()).then_some(0))
    }

    fn series(
        self,
        file: u16,
        options: &Options,
        report: &mut Report,
    ) -> Result<Vec<Series>, String> {
        let mut series: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
        let meter = options.meter.clone().unwrap_or_default();
        for block in &self.blocks {
            let reading_type = self
                .type_of(block)
                .and_then(|at| self.types.get(at))
                .cloned()
                .unwrap_or_default();
            let first = Place {
                file,
                line: block.readings.first().map_or(0, |raw| raw.number),
            };
            let service = block.links.iter().find_map(|own| {
                self.services
                    .iter()
                    .find(|(link, _)| own.starts_with(link.as_str()))
                    .map(|(_, kind)| *kind)
            });
            if service.is_some_and(|kind| kind != 0)
                || !matches!(reading_type.unit, None | Some(72))
            {
                report.skipped(
                    first,
                    format!(
                        "a block of readings that are no energy of electricity (unit {})",
                        reading_type.unit.unwrap_or(72)
                    ),
                );
                continue;
            }
            if reading_type.unit.is_none() {
                report.doubt(
                    DoubtKind::Unit,
                    "the feed names no unit; read as Wh",
                    "--unit Wh",
                );
            }
            let direction = match reading_type.flow {
                Some(1) => Direction::Consumption,
                Some(19) => Direction::Generation,
                Some(4) => {
                    report.doubt(
                        DoubtKind::Saldo,
                        "the readings are net of both directions; taken as consumption",
                        "--generation or --consumption",
                    );
                    Direction::Consumption
                }
                _ if !options.generation.is_empty() && options.consumption.is_empty() => {
                    Direction::Generation
                }
                _ => {
                    if options.consumption.is_empty() {
                        report.doubt(
                            DoubtKind::Direction,
                            "the feed has no flow direction; taken as consumption",
                            "--generation all or --consumption all",
                        );
                    }
                    Direction::Consumption
                }
            };
            // 3 cumulative, 1 bulk quantity, 9 and others: registers; 4 delta data, and none: intervals.
            let kind = match reading_type.accumulation {
                Some(1 | 3) if options.interval.is_none() => Kind::Register,
                _ => Kind::Interval,
            };
            let unit = options.unit.unwrap_or(Unit::Wh);
            let power = reading_type.power_of_ten.unwrap_or(0);
            for raw in &block.readings {
                let place = Place {
                    file,
                    line: raw.number,
                };
                let Some(start) = raw.start.filter(|start| YEARS.contains(start)) else {
                    report.lost(place, "a reading without a time between 2000 and 2100");
                    continue;
                };
                let Some(value) = raw.value else {
                    report.lost(place, "a reading without a value");
                    continue;
                };
                let value = Decimal {
                    exponent: value.exponent.saturating_add(power),
                    ..value
                };
                let Some(energy) = Energy::from_decimal(value, unit) else {
                    report.lost(place, "the value is above 2^64 Wh");
                    continue;
                };
                let length = raw
                    .duration
                    .filter(|length| *length > 0)
                    .or(reading_type.length)
                    .filter(|length| (1..=400 * 86_400).contains(length));
                let end = match (kind, length) {
                    (Kind::Register, _) => start,
                    (Kind::Interval, Some(length)) => start + length,
                    (Kind::Interval, None) => {
                        report.lost(place, "a reading without a duration");
                        continue;
                    }
                };
                // 0 and 17 to 19 are valid; 7 to 13 were edited or estimated.
                let estimated = raw.quality.is_some_and(|quality| matches!(quality, 7..=13));
                if estimated && options.measured_only {
                    report.lost(place, "estimated (--measured-only)");
                    continue;
                }
                let key = Key {
                    meter: meter.clone(),
                    direction,
                    kind,
                    channel: String::new(),
                };
                series.entry(key).or_default().push(Point {
                    start,
                    end,
                    energy,
                    place,
                    estimated,
                });
            }
        }
        Ok(series
            .into_iter()
            .map(|(key, points)| Series { key, points })
            .collect())
    }
}
