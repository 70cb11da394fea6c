//! Tables of any dialect: the separator, where the header stands, and tables that stand below or beside each other.

use csv::StringRecord;

use crate::{
    number::{self, bare},
    options::{Format, Options},
    time, vocabulary,
    words::{self, unit},
};

/// A line of a file, in cells.
#[derive(Clone, Debug)]
pub struct Row {
    /// From 1.
    pub line: u32,
    pub cells: StringRecord,
}

impl Row {
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", bare)
    }

    fn filled(&self) -> usize {
        self.cells
            .iter()
            .filter(|cell| !bare(cell).is_empty())
            .count()
    }
}

/// All lines of a file.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    pub rows: Vec<Row>,
    pub separator: char,
}

/// A column's header: its own cell, and the cells of the header's other lines above (or below, for units).
#[derive(Clone, Debug, Default)]
pub struct Header {
    pub names: Vec<String>,
    /// Number in the file, from 1.
    pub number: usize,
    /// Cells of lines over the header, such as a meter's id over a group of columns.
    pub over: Vec<String>,
}

impl Header {
    /// The name to show.
    pub fn name(&self) -> String {
        let named =
            |name: &&String| unit(name).is_none() || name.trim_start_matches(['[', '(']).len() > 5;
        match self.names.iter().find(named).or(self.names.first()) {
            Some(name) => name.clone(),
            None => format!("column {}", self.number),
        }
    }
}

/// A header with its data lines.
#[derive(Clone, Debug)]
pub struct Table {
    pub headers: Vec<Header>,
    /// Indices of the data lines in the sheet, and of each column in its cells.
    pub rows: Vec<usize>,
    pub columns: Vec<usize>,
    /// Lines before the header: a key and its value, or a text and nothing.
    pub facts: Vec<(String, String)>,
    /// Lines that are no data.
    pub other: Vec<u32>,
}

/// Cells that a line may have: a line a day of five minutes, with room.
const MAX_COLUMNS: usize = 1024;
/// Lines that are looked at to find columns.
const SAMPLE: usize = 2000;

/// Cuts a text into lines and cells.
pub fn cut(text: &str) -> Sheet {
    let (text, skipped, told) = match text.split_once('\n') {
        Some((first, rest))
            if first
                .trim_matches(['"', ' '])
                .to_lowercase()
                .starts_with("sep=") =>
        {
            (
                rest,
                1,
                first.trim_matches(['"', ' ']).chars().nth(4).or(Some('\t')),
            )
        }
        _ => (text, 0, None),
    };
    let separator = told
        .filter(char::is_ascii)
        .unwrap_or_else(|| find_separator(text));
    let rows = records(text, separator, true, skipped);
    // A quotation mark that nothing closes swallows the lines behind it: read again without quotation.
    let swallowed = |row: &Row| row.cells.iter().any(|cell| cell.matches('\n').count() > 3);
    let rows = match rows.iter().any(swallowed) {
        true => records(text, separator, false, skipped),
        false => rows,
    };
    Sheet { rows, separator }
}

fn records(text: &str, separator: char, quoting: bool, skipped: u32) -> Vec<Row> {
    let mut builder = csv::ReaderBuilder::new();
    builder.flexible(true).has_headers(false).quoting(quoting);
    let spaced: String;
    let text = match separator {
        ' ' => {
            spaced = text
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join("\t") + "\n")
                .collect();
            builder.delimiter(b'\t');
            &spaced
        }
        _ => {
            builder.delimiter(u8::try_from(separator).unwrap_or(b','));
            text
        }
    };
    builder
        .from_reader(text.as_bytes())
        .into_records()
        .map_while(Result::ok)
        .map(|cells| Row {
            line: cells
                .position()
                .and_then(|position| u32::try_from(position.line()).ok())
                .unwrap_or(u32::MAX)
                .saturating_add(skipped),
            cells: match cells.len() > MAX_COLUMNS {
                true => cells.iter().take(MAX_COLUMNS).collect(),
                false => cells,
            },
        })
        .collect()
}

/// The character that cuts most lines into the same number of cells.
fn find_separator(text: &str) -> char {
    let mut best = (0, ' ');
    for separator in [';', '\t', '|', ','] {
        let mut counts: std::collections::BTreeMap<usize, usize> =
            std::collections::BTreeMap::new();
        let mut lines = 0;
        for line in text
            .lines()
            .take(400)
            .filter(|line| !line.trim().is_empty())
        {
            lines += 1;
            let mut quoted = false;
            let count = line
                .chars()
                .take(100_000)
                .filter(|c| {
                    quoted ^= *c == '"';
                    !quoted && *c == separator
                })
                .count();
            *counts.entry(count).or_default() += 1;
        }
        let cut: usize = counts
            .iter()
            .filter(|(count, _)| **count > 0)
            .map(|(_, lines)| lines)
            .sum();
        let most = counts
            .iter()
            .filter(|(count, _)| **count > 0)
            .map(|(_, lines)| *lines)
            .max()
            .unwrap_or(0);
        // A comma is often a decimal mark; the others are rarely anything else.
        let score = match separator {
            ',' => most * 2 + cut,
            _ if cut * 2 > lines => most * 3 + cut + lines,
            _ => most * 2 + cut,
        };
        if score > best.0 {
            best = (score, separator);
        }
    }
    best.1
}

/// Whether a cell names a day or an instant.
fn is_dated(cell: &str) -> bool {
    time::parse(cell).is_some_and(|stamp| stamp.is_dated()) || time::parse_range(cell).is_some()
}

/// Whether a cell holds a date that is more than digits.
fn is_written_date(cell: &str) -> bool {
    let is_number = cell
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && cell.matches('.').count() < 2;
    !is_number && is_dated(cell)
}

/// The column with most times, and whether its lines are data.
fn time_column(sheet: &Sheet, options: &Options) -> Option<usize> {
    let rows = || sheet.rows.iter().take(SAMPLE);
    if let Some(token) = options.time.first() {
        let wanted = words::plain(token);
        let named = rows().find_map(|row| {
            row.cells
                .iter()
                .position(|cell| words::plain(bare(cell)) == wanted)
        });
        let numbered = token
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        if let Some(column) = named.or(numbered) {
            return Some(column);
        }
    }
    let width = rows().map(|row| row.cells.len()).max().unwrap_or(0);
    let best = |is: fn(&str) -> bool, words: &[&str]| {
        let mut best: Option<(usize, usize)> = None;
        for column in 0..width {
            let mut distinct = std::collections::HashSet::new();
            let mut count = 0;
            let mut bonus = 0;
            for row in rows() {
                let cell = row.cell(column);
                if is(cell) {
                    count += 1;
                    if distinct.len() < SAMPLE {
                        distinct.insert(cell);
                    }
                } else if bonus == 0 && !words.is_empty() && words::has(&words::plain(cell), words)
                {
                    bonus = 1;
                }
            }
            // An id that looks like a time is the same in every line.
            if !words.is_empty() && count > 3 && distinct.len() < 2 {
                continue;
            }
            let count = count * (1 + bonus);
            if count > best.map_or(0, |(most, _)| most) {
                best = Some((count, column));
            }
        }
        best
    };
    let written = best(is_written_date, &[]);
    let numbers = best(
        is_dated,
        &["time", "timestamp", "zeit", "date", "datum", "ts", "epoch"],
    );
    match (written, numbers) {
        (Some((count, column)), Some((more, _))) if count * 4 >= more => Some(column),
        (_, Some((_, column))) => Some(column),
        (written, None) => written.map(|(_, column)| column),
    }
}

/// A sheet with a column for each time, turned so that each value has a line. None if it is none.
pub fn upright(sheet: &Sheet) -> Option<Sheet> {
    let (at, header) = sheet
        .rows
        .iter()
        .take(50)
        .enumerate()
        .find(|(_, row)| row.filled() > 2)?;
    let times: Vec<usize> = (0..header.cells.len())
        .filter(|column| is_written_date(header.cell(*column)))
        .collect();
    let first = *times.first()?;
    let next = sheet.rows.get(at + 1)?;
    let rest = times.len() + first;
    if times.len() < 2 || rest < header.filled() || next.cells.iter().any(is_written_date) {
        return None;
    }
    let line = |row: &Row, time: &str, value: &str| Row {
        line: row.line,
        cells: (0..first)
            .map(|column| row.cell(column))
            .chain([time, value])
            .collect(),
    };
    let mut rows = vec![line(header, "time", "value")];
    for row in sheet.rows.iter().skip(at + 1) {
        for column in &times {
            if !row.cell(*column).is_empty() {
                rows.push(line(row, header.cell(*column), row.cell(*column)));
            }
        }
    }
    Some(Sheet {
        rows,
        separator: sheet.separator,
    })
}

/// Finds the tables of a sheet. None if no line has a time.
pub fn split(sheet: &Sheet, options: &Options, format: Format) -> Option<Vec<Table>> {
    let time = time_column(sheet, options)?;
    let strict = format == Format::Grid;
    let is_data = |row: &Row| is_dated(row.cell(time)) && row.filled() > 1;
    let mut tables: Vec<Table> = Vec::new();
    // Lines since the last data line.
    let mut pending: Vec<usize> = Vec::new();
    for (index, row) in sheet.rows.iter().enumerate() {
        let header_given = strict && tables.is_empty() && index > 0 && row.filled() > 1;
        if !is_data(row) && !header_given {
            match tables.last_mut() {
                Some(table)
                    if row.filled() > 0 && (strict || !is_headerlike(row, table.columns.len())) =>
                {
                    table.other.push(row.line);
                }
                None if pending.len() > 500 => {}
                _ => pending.push(index),
            }
            continue;
        }
        let starts = tables.is_empty()
            || pending
                .iter()
                .filter_map(|at| sheet.rows.get(*at))
                .any(|row| row.filled() > 0);
        if starts {
            tables.push(table(sheet, &pending, row, options));
        }
        pending.clear();
        if let Some(table) = tables.last_mut() {
            table.rows.push(index);
        }
    }
    if tables.is_empty() {
        return None;
    }
    // Lines behind the last data line.
    if let Some(table) = tables.last_mut() {
        table.other.extend(
            pending
                .iter()
                .filter_map(|at| sheet.rows.get(*at))
                .filter(|row| row.filled() > 0)
                .map(|row| row.line),
        );
    }
    Some(
        tables
            .into_iter()
            .flat_map(|table| beside(sheet, table))
            .collect(),
    )
}

/// Whether a line within the data is the header of another table.
fn is_headerlike(row: &Row, width: usize) -> bool {
    let number = |cell: &str| {
        matches!(number::parse(cell, '.'), number::Cell::Number(..))
            || matches!(number::parse(cell, ','), number::Cell::Number(..))
    };
    row.filled() >= 2 && row.filled() * 2 > width && !row.cells.iter().any(number)
}

/// A table from the lines before its first data line.
fn table(sheet: &Sheet, pending: &[usize], first: &Row, options: &Options) -> Table {
    let lines: Vec<&Row> = pending
        .iter()
        .filter_map(|at| sheet.rows.get(*at))
        .collect();
    let most = lines
        .iter()
        .rev()
        .take(12)
        .map(|row| row.filled())
        .max()
        .unwrap_or(0);
    let mut stack: Vec<&Row> = Vec::new();
    if !options.no_header {
        for row in lines.iter().rev() {
            let base = stack
                .first()
                .map_or(usize::MAX / 4, |row: &&Row| row.filled());
            let enough = row.filled() > 0
                && row.filled() <= base * 2 + 1
                && (row.filled() * 2 > most
                    || (stack.is_empty() && row.filled() * 3 > first.filled()));
            match enough && stack.len() < 8 {
                true => stack.push(row),
                false => break,
            }
        }
    }
    let before = lines
        .get(..lines.len().saturating_sub(stack.len()))
        .unwrap_or(&[]);
    let width = stack
        .iter()
        .map(|row| row.cells.len())
        .chain([first.cells.len()])
        .max()
        .unwrap_or(0);
    let headers = (0..width)
        .map(|column| Header {
            names: stack
                .iter()
                .map(|row| row.cell(column).to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            number: column + 1,
            over: before
                .iter()
                .filter(|row| row.filled() > 1 && row.cells.len() >= width)
                .filter_map(|row| {
                    (0..=column)
                        .rev()
                        .map(|left| row.cell(left))
                        .find(|cell| !cell.is_empty())
                })
                .map(str::to_owned)
                .collect(),
        })
        .collect();
    let mut facts: Vec<(String, String)> = before
        .iter()
        .filter(|row| row.filled() > 0)
        .map(|row| {
            let mut cells = row.cells.iter().map(bare).filter(|cell| !cell.is_empty());
            let key = cells.next().unwrap_or("");
            match (cells.next(), key.split_once(": ")) {
                (None, Some((key, value))) => (key.to_owned(), value.to_owned()),
                (value, _) => (key.to_owned(), value.unwrap_or("").to_owned()),
            }
        })
        .collect();
    // A line of keys over a line of their values.
    for (keys, values) in before.iter().zip(before.iter().skip(1)) {
        if keys.filled() > 2 && keys.cells.len() == values.cells.len() {
            let pairs = keys.cells.iter().zip(values.cells.iter());
            facts.extend(pairs.map(|(key, value)| (bare(key).to_owned(), bare(value).to_owned())));
        }
    }
    Table {
        headers,
        rows: Vec::new(),
        columns: (0..width).collect(),
        facts,
        other: Vec::new(),
    }
}

/// Cuts a table whose header is the same group of columns several times.
fn beside(sheet: &Sheet, table: Table) -> Vec<Table> {
    let names: Vec<String> = table
        .headers
        .iter()
        .map(|header| words::plain(&header.name()))
        .collect();
    let width = names
        .iter()
        .rposition(|name| !name.starts_with("column "))
        .map_or(0, |last| last + 1);
    let row = |at: &usize| sheet.rows.get(*at);
    let group = (2..=width / 2).find(|group| {
        width % group == 0
            && names
                .iter()
                .take(width)
                .zip(names.iter().take(width).skip(*group))
                .all(|(a, b)| a == b)
            && (0..width / group).all(|n| {
                table
                    .rows
                    .iter()
                    .take(20)
                    .filter_map(row)
                    .any(|row| is_dated(row.cell(n * group)))
            })
    });
    let Some(group) = group else {
        return vec![table];
    };
    (0..width / group)
        .map(|n| {
            let columns = n * group..(n + 1) * group;
            Table {
                headers: table.headers.get(columns.clone()).unwrap_or(&[]).to_vec(),
                rows: table
                    .rows
                    .iter()
                    .filter(|at| {
                        row(at).is_some_and(|row| {
                            columns.clone().any(|column| !row.cell(column).is_empty())
                        })
                    })
                    .copied()
                    .collect(),
                columns: columns.collect(),
                facts: table.facts.clone(),
                other: if n == 0 {
                    table.other.clone()
                } else {
                    Vec::new()
                },
            }
        })
        .collect()
}

impl Table {
    /// The unit in the lines before the header.
    pub fn told_unit(&self) -> Option<crate::energy::Unit> {
        self.facts.iter().find_map(|(key, value)| {
            let named = words::has(&words::plain(key), vocabulary::UNIT_COLUMN);
            named.then(|| crate::energy::Unit::named(value)).flatten()
        })
    }

    /// A cell of one of its lines.
    pub fn cell<'a>(&self, row: &'a Row, column: usize) -> &'a str {
        self.columns
            .get(column)
            .map_or("", |column| row.cell(*column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<Table> {
        super::split(&cut(text), &Options::default(), Format::Csv).expect("tables")
    }

    #[test]
    fn separators() {
        assert_eq!(cut("a;b\n1,5;2\n1,5;3\n").separator, ';');
        assert_eq!(cut("a,b\n1,5\n").separator, ',');
        assert_eq!(cut("sep=|\na|b\n").separator, '|');
        assert_eq!(cut("\"a,b\"\t1\n\"c,d\"\t2\n").separator, '\t');
    }

    #[test]
    fn a_header_behind_a_preamble() {
        let tables = split(
            "Kunde;1;\nBeginn;29.03.2025;\n;;\nDatum;Zeit;kWh\n30.03.2025;01:00;0,1\nSumme;;0,1\n",
        );
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].headers[2].name(), "kWh");
        assert_eq!(tables[0].facts[0], ("Kunde".into(), "1".into()));
        assert_eq!(tables[0].rows.len(), 1);
        assert_eq!(tables[0].other, [6]);
    }

    #[test]
    fn tables_below_and_beside_each_other() {
        let below =
            split("Delivered,Usage\n2025-01-01 00:00,1\nReceived,Usage\n2025-01-01 00:00,2\n");
        assert_eq!(below.len(), 2);
        assert_eq!(below[1].headers[0].name(), "Received");
        let beside =
            split("FROM;VALUE;FROM;VALUE\n01.01.2025;9;01.01.2025 00:00;4\n;;01.01.2025 01:00;5\n");
        assert_eq!(beside.len(), 2);
        assert_eq!(beside[0].rows.len(), 1);
        assert_eq!(beside[1].rows.len(), 2);
    }

    #[test]
    fn an_open_quotation_mark_swallows_nothing() {
        let sheet = cut("a,b\n\"1,2\n3,4\n5,6\n7,8\n9,10\n");
        assert_eq!(sheet.rows.len(), 6);
    }
}
