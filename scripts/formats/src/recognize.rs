//! Which format a file has, and the way through it.

use crate::{
    decode, extract,
    grid_csv::COLUMNS,
    import::{FileUnderstood, Import, Readings},
    merge,
    options::{Format, Options},
    plausible,
    report::Report,
    series::{Series, MAX_POINTS},
    table,
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
        extract::check_id(meter, true)
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
    let text = decode::decode(input.bytes);
    let sheet = table::cut(&text.text);
    let format = options.format.unwrap_or_else(|| recognize(&sheet));
    let source = extract::Source {
        file,
        name: input.name,
        format,
        options,
        zone,
    };
    let tables = table::split(&sheet, options, format)
        .ok_or("no line in it begins with a date or a time: is it a meter's file?")?;
    let mut series = Vec::new();
    let mut understood = FileUnderstood {
        name: input.name.to_owned(),
        format: format.name().to_owned(),
        encoding: text.encoding.to_owned(),
        separator: Some(sheet.separator),
        ..FileUnderstood::default()
    };
    if text.damaged {
        report.note(format!(
            "{}: some bytes are no {} text",
            input.name, text.encoding
        ));
    }
    let mut failed = None;
    for table in &tables {
        match extract::read(&sheet, table, &source, report) {
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
        _ => Ok((series, understood)),
    }
}

/// The format of a text.
fn recognize(sheet: &table::Sheet) -> Format {
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
