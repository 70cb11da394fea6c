//! JSON into a table: a document or a line for each message. Each object of the lists in it is a line, its values by
//! their paths (`ENERGY.Total`) and those of what it lies in are the cells.
//!
//! Numbers are kept as they are written: they never become floats.

use std::collections::{BTreeMap, HashMap};

use csv::StringRecord;
use serde_json::value::RawValue;

use crate::table::{Row, Sheet};

/// Depth of objects and lists that is followed.
const MAX_DEPTH: usize = 24;
/// Lines that a document may become.
const MAX_ROWS: usize = 2_000_000;
/// Columns that are kept.
const MAX_COLUMNS: usize = 256;

/// Whether a text is JSON, or has a JSON object in each line.
pub fn is_json(text: &str) -> bool {
    let trimmed = text.trim_start();
    if trimmed.starts_with(['{', '[']) {
        let first = trimmed.lines().next().unwrap_or("");
        return serde_json::from_str::<&RawValue>(first).is_ok()
            || serde_json::from_str::<&RawValue>(text).is_ok();
    }
    // A topic or a time before each message.
    let mut lines = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(5)
        .peekable();
    lines.peek().is_some() && lines.all(|line| message(line).is_some())
}

/// What stands before a message, and the message.
fn message(line: &str) -> Option<(&str, &RawValue)> {
    let at = line.find('{')?;
    let value = serde_json::from_str(line.get(at..)?.trim()).ok()?;
    Some((line.get(..at)?.trim(), value))
}

/// Cells by their path.
type Cells = Vec<(String, String)>;

#[derive(Default)]
struct Lines {
    columns: HashMap<String, usize>,
    names: Vec<String>,
    rows: Vec<(u32, Vec<(usize, String)>)>,
    too_many: bool,
}

/// The table of a text: its first line has the paths. Err: too much of it.
pub fn sheet(text: &str) -> Result<Sheet, String> {
    let mut lines = Lines::default();
    match serde_json::from_str::<&RawValue>(text) {
        Ok(document) => lines.take(document.get(), "", &Vec::new(), 1, 0, true),
        Err(_) => {
            for (number, line) in (1u32..).zip(text.lines()) {
                if line.trim().is_empty() {
                    continue;
                }
                match message(line).or_else(|| {
                    serde_json::from_str(line.trim())
                        .ok()
                        .map(|value| ("", value))
                }) {
                    Some((before, value)) => {
                        lines.take(value.get(), "", &prefix(before), number, 0, true)
                    }
                    // A line that is no JSON stays a line without a time.
                    None => lines.push(
                        number,
                        vec![("text".into(), line.chars().take(200).collect())],
                    ),
                }
            }
        }
    }
    if lines.too_many {
        return Err(format!("more than {MAX_ROWS} lines: split the file"));
    }
    let mut rows = vec![Row {
        line: 0,
        cells: StringRecord::from(lines.names.clone()),
    }];
    for (line, cells) in lines.rows {
        let mut all = vec![""; lines.names.len()];
        for (column, value) in &cells {
            if let Some(slot) = all.get_mut(*column) {
                *slot = value;
            }
        }
        rows.push(Row {
            line,
            cells: StringRecord::from(all),
        });
    }
    Ok(Sheet {
        rows,
        separator: ' ',
    })
}

/// The topic and the time that a client wrote before a message.
fn prefix(before: &str) -> Cells {
    let mut cells = Cells::new();
    for word in before.split_whitespace() {
        let path = match crate::time::parse(word.trim_end_matches(':'))
            .is_some_and(|stamp| stamp.is_dated())
        {
            true => "received",
            false => "topic",
        };
        if !cells.iter().any(|(known, _)| known == path) {
            cells.push((path.into(), word.trim_end_matches(':').to_owned()));
        }
    }
    cells
}

/// A value's text, if it is no object and no list.
fn scalar(raw: &str) -> Option<String> {
    match raw.bytes().next()? {
        b'{' | b'[' => None,
        b'"' => serde_json::from_str(raw).ok(),
        b'n' => Some(String::new()),
        _ => Some(raw.to_owned()),
    }
}

impl Lines {
    fn push(&mut self, line: u32, cells: Cells) {
        if self.rows.len() >= MAX_ROWS {
            self.too_many = true;
            return;
        }
        let mut row = Vec::with_capacity(cells.len());
        for (path, value) in cells {
            let next = self.names.len();
            let column = match self.columns.get(&path) {
                Some(column) => *column,
                None if next >= MAX_COLUMNS => continue,
                None => {
                    self.names.push(path.clone());
                    self.columns.insert(path, next);
                    next
                }
            };
            row.push((column, value));
        }
        self.rows.push((line, row));
    }

    /// Takes a value at a path, within objects whose values are `outer`.
    fn take(&mut self, raw: &str, path: &str, outer: &Cells, line: u32, depth: usize, top: bool) {
        if depth > MAX_DEPTH || self.too_many {
            return;
        }
        if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(raw) {
            self.list(&list, path, outer, line, depth);
        } else if let Ok(object) = serde_json::from_str::<BTreeMap<String, &RawValue>>(raw) {
            let mut cells = outer.clone();
            let mut lists = Vec::new();
            flatten(&object, path, &mut cells, &mut lists, depth);
            match lists.is_empty() {
                true => self.push(line, cells),
                false => {
                    let before = self.rows.len();
                    for (path, raw) in &lists {
                        self.take(raw, path, &cells, line, depth + 1, false);
                    }
                    // Lists of nothing that makes a line.
                    if self.rows.len() == before && top {
                        self.push(line, cells);
                    }
                }
            }
        }
    }

    fn list(&mut self, list: &[&RawValue], path: &str, outer: &Cells, line: u32, depth: usize) {
        let scalars: Option<Vec<String>> = list.iter().map(|raw| scalar(raw.get())).collect();
        match scalars {
            // [time, value]: a line of its own if it lies in a list.
            Some(values) if !values.is_empty() && path.ends_with("[]") => {
                let columns = outer
                    .iter()
                    .find(|(path, _)| path.ends_with("columns"))
                    .map(|(_, names)| names.clone());
                let names: Vec<String> = columns.map_or(Vec::new(), |names| {
                    names.split('\u{1f}').map(str::to_owned).collect()
                });
                let own = values.into_iter().enumerate().map(|(n, value)| {
                    (
                        names
                            .get(n)
                            .cloned()
                            .unwrap_or_else(|| format!("{}", n + 1)),
                        value,
                    )
                });
                let mut cells: Cells = outer
                    .iter()
                    .filter(|(path, _)| !path.ends_with("columns"))
                    .cloned()
                    .collect();
                cells.extend(own);
                self.push(line, cells);
            }
            Some(_) => {}
            None => {
                // A document's lines are counted by its entries.
                for (number, raw) in (1u32..).zip(list) {
                    let line = if depth == 0 || line == 1 {
                        number
                    } else {
                        line
                    };
                    self.take(
                        raw.get(),
                        &format!("{}[]", path.trim_end_matches("[]")),
                        outer,
                        line,
                        depth + 1,
                        false,
                    );
                }
            }
        }
    }
}

/// An object's values by path, and the lists in it.
fn flatten(
    object: &BTreeMap<String, &RawValue>,
    path: &str,
    cells: &mut Cells,
    lists: &mut Vec<(String, String)>,
    depth: usize,
) {
    // What lies in a list is named from there on.
    let path = if path.ends_with("[]") { "" } else { path };
    for (key, raw) in object {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let raw = raw.get();
        if let Some(value) = scalar(raw) {
            cells.push((path, value));
        } else if raw.starts_with('{') {
            if let (true, Ok(inner)) = (
                depth < MAX_DEPTH,
                serde_json::from_str::<BTreeMap<String, &RawValue>>(raw),
            ) {
                flatten(&inner, &path, cells, lists, depth + 1);
            }
        } else if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(raw) {
            let names: Option<Vec<String>> = list.iter().map(|raw| scalar(raw.get())).collect();
            match names {
                // The names of the columns of lists beside it.
                Some(names) if key == "columns" => cells.push((path, names.join("\u{1f}"))),
                Some(_) => {}
                None => lists.push((path, raw.to_owned())),
            }
        }
        if cells.len() > MAX_COLUMNS {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<String> {
        let sheet = sheet(text).expect("a table");
        sheet
            .rows
            .iter()
            .map(|row| row.cells.iter().collect::<Vec<_>>().join("|"))
            .collect()
    }

    #[test]
    fn documents_and_lines() {
        assert_eq!(
            rows("{\"a\":1.50,\"b\":{\"c\":\"x\"}}\n{\"a\":2}\n"),
            ["a|b.c", "1.50|x", "2|"]
        );
        let nested = r#"{"unit":"Wh","meters":[{"type":"FeedIn","values":[{"date":"d1","value":1},{"date":"d2"}]}]}"#;
        assert_eq!(
            rows(nested),
            ["type|unit|date|value", "FeedIn|Wh|d1|1", "FeedIn|Wh|d2|"].map(|row| row
                .replace("type|unit", "unit|type")
                .replace("FeedIn|Wh", "Wh|FeedIn"))
        );
        assert_eq!(
            rows(r#"[[1782000000000, 5.25],[1782000900000, 6]]"#),
            ["1|2", "1782000000000|5.25", "1782000900000|6"]
        );
        assert_eq!(
            rows(r#"{"series":[{"columns":["time","v"],"values":[["t",1]]}]}"#),
            ["time|v", "t|1"]
        );
        assert_eq!(
            rows("tele/x/SENSOR {\"E\":1}\n"),
            ["topic|E", "tele/x/SENSOR|1"]
        );
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(500) + &"]".repeat(500);
        assert!(sheet(&deep).is_ok());
        let objects = "{\"a\":[".repeat(60) + "1" + &"]}".repeat(60);
        assert!(sheet(&objects).is_ok());
    }
}
