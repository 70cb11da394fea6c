//! Which format a file has, and the way through it.

use crate::{
    decode, extract, green_button,
    grid_csv::COLUMNS,
    import::{FileUnderstood, Import, Readings},
    json, lines, merge, nem12,
    options::{Format, Options},
    p1, plausible,
    report::Report,
    series::{Series, MAX_POINTS},
    sml, table,
    words::plain,
    zone::Zone,
};

/// A file.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// For messages, and for a direction that nothing else tells.
    pub name: &'a str,
    pub bytes: &'a [u8],
    /// When it was last changed, in Unix seconds: the time of a capture that has none.
    pub modified: Option<i64>,
}

/// The largest file that is read.
pub const MAX_FILE_BYTES: usize = 128 << 20;

/// Why files can't be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// `--timezone`, `--where` or a column that isn't there.
    #[error("{file}: {reason}")]
    File { file: String, reason: String },
    #[error("{0}")]
    Options(String),
}

/// Reads files and puts their meters together.
pub fn read(inputs: &[Input<'_>], options: &Options) -> Result<Import, Error> {
    let zone = options
        .timezone
        .as_deref()
        .map(Zone::parse)
        .transpose()
        .map_err(|reason| Error::Options(format!("--timezone: {reason}")))?;
    if let Some(meter) = &options.meter {
        lines::check_id(meter, true)
            .map_err(|reason| Error::Options(format!("--meter: {reason}")))?;
    }
    let mut report = Report::default();
    let mut import = Import {
        every: options.every,
        ..Import::default()
    };
    let mut all: Vec<Series> = Vec::new();
    let mut points = 0usize;
    let mut signatures = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let error = |reason: String| Error::File {
            file: crate::report::printable(input.name),
            reason,
        };
        let file =
            u16::try_from(index).map_err(|_| Error::Options("more than 65,536 files".into()))?;
        if input.bytes.len() > MAX_FILE_BYTES {
            return Err(error(format!(
                "larger than {} MiB: split it",
                MAX_FILE_BYTES >> 20
            )));
        }
        let (series, understood) =
            file_series(input, file, options, zone, &mut report, &mut signatures).map_err(error)?;
        points = points.saturating_add(series.iter().map(|series| series.points.len()).sum());
        if points > MAX_POINTS {
            return Err(error(format!(
                "more than {MAX_POINTS} values: split the files"
            )));
        }
        all.extend(series);
        import.files.push(understood);
    }
    import.meters = merge::meters(all, options, &mut report);
    for meter in &mut import.meters {
        if let Readings::Registers { readings, .. } = &mut meter.readings {
            for reading in readings {
                reading.signature = signatures
                    .binary_search_by_key(&reading.place, |(place, _): &(_, String)| *place)
                    .ok()
                    .and_then(|at| signatures.get(at))
                    .map(|(_, signature)| signature.clone());
            }
        }
    }
    for meter in &import.meters {
        plausible::check(meter, options, &mut report);
    }
    import.left_out = report.take_left_out();
    if import.meters.is_empty() {
        let reasons: Vec<String> = import
            .left_out
            .iter()
            .take(3)
            .map(|group| format!("{} ({} lines)", group.reason, group.count))
            .collect();
        let reasons = if reasons.is_empty() {
            String::new()
        } else {
            format!(": {}", reasons.join("; "))
        };
        let file = inputs
            .first()
            .map_or(String::new(), |input| crate::report::printable(input.name));
        return Err(Error::File {
            file,
            reason: format!("no reading in it{reasons}"),
        });
    }
    import.doubts = report.doubts;
    import.notes = report.notes;
    Ok(import)
}

type Signatures = Vec<(crate::report::Place, String)>;

fn file_series(
    input: &Input<'_>,
    file: u16,
    options: &Options,
    zone: Option<Zone>,
    report: &mut Report,
    signatures: &mut Signatures,
) -> Result<(Vec<Series>, FileUnderstood), String> {
    let mut understood = FileUnderstood {
        name: input.name.to_owned(),
        ..FileUnderstood::default()
    };
    if options.format == Some(Format::Sml) || (options.format.is_none() && sml::is_sml(input.bytes))
    {
        understood.fixed(Format::Sml, "binary", "the capture's", "Wh");
        let series = sml::read(input.bytes, file, options, input.modified, report)?;
        return Ok((series, understood));
    }
    let decode::Text {
        text,
        encoding,
        damaged,
    } = decode::decode(input.bytes);
    if damaged {
        report.note(format!("{}: some bytes are no {encoding} text", input.name));
    }
    if input.bytes.starts_with(b"PK\x03\x04") || input.bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0])
    {
        return Err("a spreadsheet: save it as CSV".into());
    }
    let format = options.format.unwrap_or_else(|| recognize(&text));
    understood.fixed(format, encoding, "", "");
    match format {
        Format::Sml => {
            let bytes = sml::from_hex(&text).ok_or("no SML in it")?;
            understood.fixed(format, "hexadecimal digits", "the capture's", "Wh");
            Ok((
                sml::read(&bytes, file, options, input.modified, report)?,
                understood,
            ))
        }
        Format::GreenButton => {
            understood.fixed(format, encoding, "Unix seconds", "Wh");
            Ok((
                green_button::read(&text, file, options, report)?,
                understood,
            ))
        }
        Format::P1 => {
            understood.fixed(format, encoding, "Central Europe's, with season", "kWh");
            Ok((p1::read(&text, file, options, zone, report)?, understood))
        }
        Format::Nem12 => {
            understood.fixed(format, encoding, "market time, +10:00", "by register");
            Ok((
                nem12::read(&table::cut(&text), file, options, report)?,
                understood,
            ))
        }
        Format::Json => {
            let sheet = json::sheet(&text)?;
            tables(
                &sheet, input, file, format, options, zone, report, signatures, understood,
            )
        }
        Format::Grid | Format::Csv => {
            let sheet = table::cut(&text);
            let sheet = table::upright(&sheet).unwrap_or(sheet);
            understood.separator = Some(sheet.separator);
            tables(
                &sheet, input, file, format, options, zone, report, signatures, understood,
            )
        }
    }
}

/// Reads a sheet's tables.
#[allow(clippy::too_many_arguments)]
fn tables(
    sheet: &table::Sheet,
    input: &Input<'_>,
    file: u16,
    format: Format,
    options: &Options,
    zone: Option<Zone>,
    report: &mut Report,
    signatures: &mut Signatures,
    mut understood: FileUnderstood,
) -> Result<(Vec<Series>, FileUnderstood), String> {
    let source = extract::Source {
        file,
        name: input.name,
        format,
        options,
        zone,
    };
    let tables = table::split(sheet, options, format)
        .ok_or("no line in it has a date or a time: is it a meter's file?")?;
    let mut series = Vec::new();
    let mut failed = None;
    for table in &tables {
        match extract::read(sheet, table, &source, report) {
            Ok((found, understanding)) => {
                series.extend(found);
                understood.decimal_mark = understanding.decimal;
                understood.zone = understanding.zone;
                understood.unit = understanding
                    .units
                    .iter()
                    .map(|unit| unit.name())
                    .collect::<Vec<_>>()
                    .join(", ");
                for column in understanding.columns {
                    if !understood.columns.contains(&column) {
                        understood.columns.push(column);
                    }
                }
            }
            Err(reason) => failed = Some(reason),
        }
        if let Some(column) = table
            .headers
            .iter()
            .position(|header| plain(&header.name()) == "signature")
        {
            for row in table.rows.iter().filter_map(|at| sheet.rows.get(*at)) {
                let signature = table.cell(row, column);
                if !signature.is_empty() {
                    signatures.push((
                        crate::report::Place {
                            file,
                            line: row.line,
                        },
                        signature.to_owned(),
                    ));
                }
            }
        }
    }
    match (failed, series.is_empty()) {
        (Some(reason), true) => Err(reason),
        (Some(reason), false) => {
            report.note(format!("a table was left out: {reason}"));
            Ok((series, understood))
        }
        (None, _) => Ok((series, understood)),
    }
}

/// The format of a text.
fn recognize(text: &str) -> Format {
    if json::is_json(text) {
        return Format::Json;
    }
    if green_button::is_green_button(text) {
        return Format::GreenButton;
    }
    if p1::is_p1(text) {
        return Format::P1;
    }
    if sml::from_hex(text).is_some() {
        return Format::Sml;
    }
    let head: String = text
        .lines()
        .take(20)
        .map(|line| format!("{line}\n"))
        .collect();
    let sheet = table::cut(&head);
    if nem12::is_nem12(&sheet) {
        return Format::Nem12;
    }
    let header = sheet
        .rows
        .iter()
        .find(|row| row.cells.iter().any(|cell| !cell.trim().is_empty()));
    let has = |column: &str| {
        header.is_some_and(|row| {
            row.cells
                .iter()
                .any(|cell| crate::number::bare(cell).eq_ignore_ascii_case(column))
        })
    };
    match COLUMNS.iter().all(|column| has(column)) {
        true => Format::Grid,
        false => Format::Csv,
    }
}
