//! Numbers in cells: decimal point or comma, thousands marks, units, and what stands for a missing value.

use crate::energy::{Decimal, Unit};

/// What a cell of a value column holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cell {
    /// Nothing, or a word for it.
    Missing,
    /// A number, and the unit that stands behind it.
    Number(Decimal, Option<Unit>),
    /// Anything else.
    Text,
}

const MISSING: [&str; 18] = [
    "",
    "-",
    "--",
    "---",
    "nan",
    "null",
    "none",
    "nil",
    "n/a",
    "na",
    "n.a.",
    "unavailable",
    "unknown",
    "undefined",
    "?",
    "#n/a",
    "nanstt",
    "missing",
];

/// The inside of a cell: blanks, the quotation marks of `="…"` and of `"…"` taken off.
pub fn bare(cell: &str) -> &str {
    let cell = cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    let cell = cell
        .strip_prefix('=')
        .filter(|rest| rest.starts_with('"'))
        .unwrap_or(cell);
    match cell
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(inside) => inside.trim(),
        None => cell,
    }
}

/// Whether a cell stands for a missing value.
pub fn is_missing(cell: &str) -> bool {
    let cell = bare(cell);
    cell.len() <= 12 && MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

fn is_group_mark(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}'
    )
}

/// Splits a cell into its number and the unit behind it. None where it isn't of that shape.
fn number_and_unit(cell: &str) -> Option<(&str, Option<Unit>)> {
    let first = cell.chars().next()?;
    if !(first.is_ascii_digit() || matches!(first, '-' | '+' | '.' | ',' | '\u{2212}')) {
        return None;
    }
    let end = cell
        .rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'))
        .map(|at| at + 1)?;
    match cell.get(end..)?.trim() {
        "" => Some((cell.get(..end)?, None)),
        unit => Some((cell.get(..end)?, Some(Unit::named(unit)?))),
    }
}

/// Reads a cell whose decimal mark is `mark`.
pub fn parse(cell: &str, mark: char) -> Cell {
    let cell = bare(cell);
    if is_missing(cell) {
        return Cell::Missing;
    }
    if cell.len() > 60 {
        return Cell::Text;
    }
    match number_and_unit(cell) {
        Some((number, unit)) => match decimal(number, mark) {
            Some(decimal) => Cell::Number(decimal, unit),
            None => Cell::Text,
        },
        None => Cell::Text,
    }
}

/// Reads a number without a unit: sign before or behind, groups of three, exponent.
pub fn decimal(text: &str, mark: char) -> Option<Decimal> {
    let (text, behind) = match text.strip_suffix('-') {
        Some(rest) => (rest.trim_end(), true),
        None => (text, false),
    };
    let (text, before) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    if behind && before {
        return None;
    }
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    if exponent.unsigned_abs() > 60 {
        return None;
    }
    let other = if mark == ',' { '.' } else { ',' };
    let (whole, fraction) = match mantissa.split_once(mark) {
        Some((whole, fraction)) => (whole, fraction),
        None => (mantissa, ""),
    };
    let whole = ungrouped(whole.trim_start(), other)?;
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // Loggers print floats with up to 20 digits; digits that don't fit into 36 say nothing more.
    let room = 36usize.checked_sub(whole.len())?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.get(..fraction.len().min(room))?;
    let digits: i128 = match format!("{whole}{fraction}").trim_start_matches('0') {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    Some(Decimal {
        digits: if behind || before { -digits } else { digits },
        exponent: exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?,
    })
}

/// The digits of a whole number, without the marks between its groups of three.
fn ungrouped(text: &str, mark: char) -> Option<String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.to_owned());
    }
    let found = text.chars().find(|c| !c.is_ascii_digit())?;
    if found != mark && !is_group_mark(found) {
        return None;
    }
    let mut groups = text.split(found);
    let first = groups.next()?;
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    if first.is_empty() || first.len() > 3 || !digits(first) {
        return None;
    }
    let mut whole = first.to_owned();
    for group in groups {
        if group.len() != 3 || !digits(group) {
            return None;
        }
        whole.push_str(group);
    }
    Some(whole)
}

/// What the cells say about the decimal mark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    pub mark: char,
    /// Whether another reading of the same cells is possible.
    pub doubtful: bool,
}

/// Finds the decimal mark of a file's values. `separator` is what stands between its cells.
pub fn find_mark<'a>(cells: impl Iterator<Item = &'a str>, separator: char) -> Mark {
    // Certain and uncertain evidence for the point and for the comma.
    let (mut point, mut comma, mut point_maybe, mut comma_maybe) = (0u32, 0u32, 0u32, 0u32);
    let mut small_whole = 0u32;
    for cell in cells {
        let cell = bare(cell);
        if cell.len() > 60 {
            continue;
        }
        let Some((number, _)) = number_and_unit(cell) else {
            continue;
        };
        let marks: Vec<char> = number.chars().filter(|c| matches!(c, '.' | ',')).collect();
        let number = number.trim_matches(['-', '+', '\u{2212}']);
        match marks[..] {
            [] => {
                if number.len() <= 3 && number.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
                    small_whole += 1;
                }
            }
            [mark] => {
                let (before, after) = number.split_once(mark).unwrap_or(("", ""));
                let certain = after.len() != 3
                    || before.is_empty()
                    || before.starts_with('0')
                    || before.len() > 3;
                match (mark, certain) {
                    ('.', true) => point += 1,
                    ('.', false) => point_maybe += 1,
                    (_, true) => comma += 1,
                    (_, false) => comma_maybe += 1,
                }
            }
            [.., before, last] if before == last => match last {
                '.' => comma += 1,
                _ => point += 1,
            },
            [.., last] => match last {
                '.' => point += 1,
                _ => comma += 1,
            },
        }
    }
    let sure = |mark| Mark {
        mark,
        doubtful: false,
    };
    match (point, comma) {
        (0, 0) => match (point_maybe, comma_maybe) {
            (0, 0) => sure('.'),
            // 1.234 beside 987: thousands, unless a decimal that happens to have three digits.
            (_, 0) if small_whole > 0 => Mark {
                mark: ',',
                doubtful: true,
            },
            (_, 0) => sure('.'),
            (0, _) if separator == ',' => Mark {
                mark: '.',
                doubtful: small_whole == 0,
            },
            (0, _) if small_whole > 0 => Mark {
                mark: '.',
                doubtful: true,
            },
            (0, _) => sure(','),
            _ => Mark {
                mark: ',',
                doubtful: true,
            },
        },
        (point, comma) if comma > point => Mark {
            mark: ',',
            doubtful: point > 0,
        },
        (_, comma) => Mark {
            mark: '.',
            doubtful: comma > 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, mark: char) -> Option<(i128, i32)> {
        match parse(text, mark) {
            Cell::Number(decimal, _) => Some((decimal.digits, decimal.exponent)),
            _ => None,
        }
    }

    #[test]
    fn numbers_of_many_countries() {
        assert_eq!(number("1.234,56", ','), Some((123_456, -2)));
        assert_eq!(number("1,234.56", '.'), Some((123_456, -2)));
        assert_eq!(number("1 234,5", ','), Some((12_345, -1)));
        assert_eq!(number("1'234.5", '.'), Some((12_345, -1)));
        assert_eq!(number(".415", '.'), Some((415, -3)));
        assert_eq!(number("0,12-", ','), Some((-12, -2)));
        assert_eq!(number("-0.5", '.'), Some((-5, -1)));
        assert_eq!(number("1.5e-3", '.'), Some((15, -4)));
        assert_eq!(number("=\"12\"", '.'), Some((12, 0)));
        assert_eq!(number("12.34.56", '.'), None);
        assert_eq!(number("2025-01-01", '.'), None);
        assert_eq!(number("1,23", '.'), None);
        assert_eq!(number("-", '.'), None);
        let wh = parse("0.25 kWh", '.');
        assert!(matches!(wh, Cell::Number(_, Some(Unit::KWh))));
        assert_eq!(parse("12 m3", '.'), Cell::Text);
        assert_eq!(parse("NaN", '.'), Cell::Missing);
    }

    #[test]
    fn the_mark_is_found() {
        let find = |cells: &[&str], separator| find_mark(cells.iter().copied(), separator);
        assert_eq!(find(&["0,274", "1,000"], ';').mark, ',');
        assert_eq!(find(&["12345,678"], ';').mark, ',');
        assert_eq!(find(&["1.234,5", "1.000"], ';').mark, ',');
        assert_eq!(find(&["1,234", "1,999", "2"], ',').mark, '.');
        assert!(find(&["1.234", "987"], ';').doubtful);
        assert_eq!(find(&["1.234", "1.500"], ';').mark, '.');
    }
}
