//! Dates and times in cells, in the forms of many countries and programs.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::{number::bare, options::DateOrder, zone::offset};

/// 2000-01-01 and 2100-01-01 in Unix seconds: a time outside is none of a meter's.
pub const YEARS: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// A date as it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Date {
    /// Year, month and day are certain.
    Known(NaiveDate),
    /// Three numbers whose order isn't: the file's other dates tell it.
    Parts(u16, u16, u16),
}

impl Date {
    pub fn resolve(self, order: DateOrder) -> Option<NaiveDate> {
        let (year, month, day) = match self {
            Date::Known(date) => return Some(date),
            Date::Parts(a, b, c) => match order {
                DateOrder::Dmy => (c, b, a),
                DateOrder::Mdy => (c, a, b),
                DateOrder::Ymd => (a, b, c),
            },
        };
        let year = if year < 100 {
            2000 + i32::from(year)
        } else {
            i32::from(year)
        };
        NaiveDate::from_ymd_opt(year, month.into(), day.into())
    }
}

/// What a cell says about time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stamp {
    pub date: Option<Date>,
    /// Seconds of the day; 86,400 for 24:00.
    pub time: Option<u32>,
    /// Seconds east of UTC.
    pub offset: Option<i32>,
    /// An instant by number.
    pub epoch: Option<Epoch>,
    /// 8 digits without separators: a date, if nothing else.
    pub compact: bool,
}

/// A time counted from 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Epoch {
    /// Unix seconds.
    pub seconds: i64,
    /// What was counted.
    pub unit: EpochUnit,
}

/// What an [`Epoch`] counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum EpochUnit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl EpochUnit {
    pub fn name(self) -> &'static str {
        match self {
            EpochUnit::Seconds => "Unix seconds",
            EpochUnit::Milliseconds => "milliseconds since 1970",
            EpochUnit::Microseconds => "microseconds since 1970",
            EpochUnit::Nanoseconds => "nanoseconds since 1970",
        }
    }
}

impl Stamp {
    /// Whether it names a point in time, perhaps by the day only.
    pub fn is_dated(&self) -> bool {
        self.date.is_some() || self.epoch.is_some()
    }
}

/// A local time from a date and the seconds of the day.
pub fn at(date: NaiveDate, seconds: u32) -> Option<NaiveDateTime> {
    match seconds {
        86_400 => date.succ_opt()?.and_hms_opt(0, 0, 0),
        _ => Some(date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0)?)),
    }
}

/// Reads a cell that holds one time. None if it holds anything else.
pub fn parse(cell: &str) -> Option<Stamp> {
    let cell = bare(cell);
    if cell.len() > 64 || !cell.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if cell
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        if let Some(stamp) = by_number(cell) {
            return Some(stamp);
        }
    }
    let mut rest = weekday(cell);
    let mut stamp = Stamp::default();
    if let Some((date, after)) = date(rest) {
        stamp.date = Some(date);
        rest = after.trim_start_matches([' ', ',', 'T', 't', '\u{a0}', '_']);
        for word in ["um ", "at ", "- ", "kl. ", "kl ", "om "] {
            rest = rest.strip_prefix(word).unwrap_or(rest);
        }
        // 26/10/2025:02:00 and 2025-10-26-02:00.
        if let Some(after) = rest.strip_prefix([':', '-']) {
            if clock(after).is_some() {
                rest = after;
            }
        }
        rest = weekday(rest.trim_start());
        if rest.is_empty() {
            return Some(stamp);
        }
    }
    let (time, after) = match clock(rest) {
        Some(found) => found,
        None if stamp.date.is_some() => {
            // A date with a zone, or with a remark in brackets.
            stamp.offset = Some(zone_suffix(rest)?);
            return Some(stamp);
        }
        None => return None,
    };
    stamp.time = Some(time);
    let after = after.trim();
    if !after.is_empty() {
        stamp.offset = Some(zone_suffix(after)?);
    }
    Some(stamp)
}

/// Two times in one cell: `2025-03-01 00:00 to 2025-03-01 00:15`, `26.10.2025 00:00 - 00:15`, `…/…`.
pub fn parse_range(cell: &str) -> Option<(Stamp, Stamp)> {
    let cell = bare(cell);
    if cell.len() > 120 {
        return None;
    }
    for mark in [
        " to ", " - ", " – ", " — ", " bis ", " tot ", " a ", " au ", "/", "--", " до ", "–", "-",
    ] {
        for (at, _) in cell.match_indices(mark) {
            let (Some(left), Some(right)) = (cell.get(..at), cell.get(at + mark.len()..)) else {
                continue;
            };
            if let (Some(left), Some(right)) = (parse(left), parse(right)) {
                if left.time.is_some() && right.time.is_some() && left.date.is_some() {
                    return Some((left, right));
                }
            }
        }
    }
    None
}

/// Digits alone: Unix time, or a date without separators.
fn by_number(cell: &str) -> Option<Stamp> {
    let (whole, fraction) = cell.split_once('.').unwrap_or((cell, ""));
    if fraction.contains('.') || whole.is_empty() {
        return None;
    }
    let digits = |from: usize, to: usize| whole.get(from..to)?.parse::<u32>().ok();
    let compact_date = || {
        let year = i32::try_from(digits(0, 4)?).ok()?;
        (2000..2100).contains(&year).then_some(())?;
        NaiveDate::from_ymd_opt(year, digits(4, 6)?, digits(6, 8)?)
    };
    let compact = |time: Option<u32>, compact| {
        Some(Stamp {
            date: Some(Date::Known(compact_date()?)),
            time,
            compact,
            ..Stamp::default()
        })
    };
    if fraction.is_empty() {
        let stamp = match whole.len() {
            8 => compact(None, true),
            12 => {
                hms(digits(8, 10)?, digits(10, 12)?, 0).and_then(|time| compact(Some(time), false))
            }
            14 => hms(digits(8, 10)?, digits(10, 12)?, digits(12, 14)?)
                .and_then(|time| compact(Some(time), false)),
            _ => None,
        };
        if stamp.is_some() {
            return stamp;
        }
    }
    let number: i64 = whole.parse().ok()?;
    let (divisor, unit) = match whole.len() {
        9 | 10 => (1, EpochUnit::Seconds),
        12 | 13 => (1_000, EpochUnit::Milliseconds),
        15 | 16 => (1_000_000, EpochUnit::Microseconds),
        18 | 19 => (1_000_000_000, EpochUnit::Nanoseconds),
        _ => return None,
    };
    let seconds = number / divisor;
    YEARS.contains(&seconds).then_some(Stamp {
        epoch: Some(Epoch { seconds, unit }),
        ..Stamp::default()
    })
}

fn hms(hours: u32, minutes: u32, seconds: u32) -> Option<u32> {
    let time = hours * 3600 + minutes * 60 + seconds;
    (hours <= 24 && minutes < 60 && seconds < 60 && time <= 86_400).then_some(time)
}

/// Takes a weekday off the front: `Mon`, `Sonntag,`.
fn weekday(text: &str) -> &str {
    let letters = text
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(letters);
    let known = |days: &[&str]| {
        let word = word.to_lowercase();
        days.iter().any(|day| word.starts_with(day))
    };
    let days = [
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo", "di", "mi", "do", "fr", "sa", "so",
        "lun", "mar", "mer", "jeu", "ven", "sam", "dim", "gio", "sab", "dom", "maa", "din", "woe",
        "don", "vri", "zat", "zon", "man", "tir", "ons", "tor", "lor", "son", "tis", "fre",
    ];
    match word.chars().count() {
        2.. if month(word).is_none() && known(&days) => rest.trim_start_matches(['.', ',', ' ']),
        _ => text,
    }
}

/// The month that a word names in one of a dozen languages.
fn month(word: &str) -> Option<u16> {
    let word = crate::words::plain(word);
    const MONTHS: [&[&str]; 12] = [
        &["jan", "jän", "gen", "ene", "tammi", "styc"],
        &["feb", "fev", "fév", "helmi", "lut"],
        &["mar", "mär", "maer", "mrt", "maart", "maalis", "mrz"],
        &["apr", "avr", "abr", "huhti", "kwi"],
        &["may", "mai", "maj", "mei", "mag", "touko"],
        &["jun", "juin", "giu", "kesa", "cze"],
        &["jul", "juil", "lug", "heina", "lip"],
        &["aug", "aou", "ago", "elo", "sie"],
        &["sep", "set", "syys", "wrz"],
        &["oct", "okt", "ott", "out", "loka", "paz"],
        &["nov", "marras", "lis"],
        &["dec", "dez", "dic", "des", "joulu", "gru"],
    ];
    if word.chars().count() < 3 {
        return None;
    }
    // Juin and juillet before jun.
    if word.starts_with("juil") {
        return Some(7);
    }
    (1..)
        .zip(MONTHS)
        .find(|(_, names)| names.iter().any(|name| word.starts_with(name)))
        .map(|(number, _)| number)
}

/// Digits at the front of a text: their value and how many there are.
fn leading(text: &str) -> Option<(u32, usize)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    match length {
        1..=4 => Some((text.get(..length)?.parse().ok()?, length)),
        _ => None,
    }
}

/// A date at the front of a text.
fn date(text: &str) -> Option<(Date, &str)> {
    // October 26, 2025.
    if text.starts_with(char::is_alphabetic) {
        let end = text.find(|c: char| !c.is_alphabetic())?;
        let month = month(text.get(..end)?)?;
        let rest = text.get(end..)?.trim_start_matches(['.', ' ', '-', '/']);
        let (day, length) = leading(rest)?;
        let rest = rest.get(length..)?;
        let rest = ["st", "nd", "rd", "th"]
            .iter()
            .find_map(|ending| rest.strip_prefix(ending))
            .unwrap_or(rest);
        let rest = rest.trim_start_matches([',', ' ', '-', '/', '.']);
        let (year, length) = leading(rest)?;
        return Some((known(year, month, day)?, rest.get(length..)?));
    }
    let (first, length) = leading(text)?;
    let rest = text.get(length..)?;
    // 20250324T0015 and 20250324 00:15.
    if length == 4 && rest.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let separator = rest.chars().next()?;
    let after = rest.trim_start_matches([separator, ' ']);
    if !matches!(separator, '-' | '/' | '.' | ' ' | '\u{a0}') {
        return None;
    }
    // 26-Oct-25, 26. Oktober 2025.
    if after.starts_with(char::is_alphabetic) {
        let end = after
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(after.len());
        let month = month(after.get(..end)?)?;
        let rest = after
            .get(end..)?
            .trim_start_matches(['.', ' ', '-', '/', ',']);
        let (year, length) = leading(rest)?;
        return Some((known(year, month, first)?, rest.get(length..)?));
    }
    if separator == ' ' || separator == '\u{a0}' {
        return None;
    }
    let (second, length_2) = leading(after)?;
    let rest = after.get(length_2..)?.strip_prefix(separator)?.trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if !matches!(digits, 1 | 2 | 4) {
        return None;
    }
    let (third, length_3) = leading(rest)?;
    let rest = rest.get(length_3..)?;
    // 31.12.2025. with a point behind.
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    if length == 4 {
        return Some((known(first, u16::try_from(second).ok()?, third)?, rest));
    }
    if length > 2 || length_2 > 2 || digits == 1 {
        return None;
    }
    let (a, b, c) = (first as u16, second as u16, third as u16);
    let possible = |date: Date, order| date.resolve(order).is_some();
    let parts = Date::Parts(a, b, c);
    if separator == '.' && digits == 4 {
        return parts
            .resolve(DateOrder::Dmy)
            .map(|date| (Date::Known(date), rest));
    }
    (possible(parts, DateOrder::Dmy)
        || possible(parts, DateOrder::Mdy)
        || possible(parts, DateOrder::Ymd))
    .then_some((parts, rest))
}

fn known(year: u32, month: u16, day: u32) -> Option<Date> {
    let year = if year < 100 { year + 2000 } else { year };
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month.into(), day).map(Date::Known)
}

/// A time of the day at the front of a text, 12 or 24 hours.
pub fn clock(text: &str) -> Option<(u32, &str)> {
    let (hours, length) = leading(text)?;
    if length > 2 {
        return None;
    }
    let mut rest = text.get(length..)?;
    let mut fields = [0u32; 2];
    let mut found = 0;
    for field in &mut fields {
        let separator = rest.chars().next();
        if !matches!(separator, Some(':' | '.' | 'h')) {
            break;
        }
        let after = rest.get(1..)?;
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits != 2 {
            break;
        }
        *field = after.get(..2)?.parse().ok()?;
        found += 1;
        rest = after.get(2..)?;
    }
    if found == 2 {
        if let Some(after) = rest.strip_prefix(['.', ',', ':']) {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                rest = after.get(digits..)?;
            }
        }
    }
    let lower: String = rest
        .trim_start()
        .chars()
        .take(4)
        .collect::<String>()
        .to_lowercase();
    let half = ["am", "a.m.", "a. m", "vorm", "a"]
        .iter()
        .zip(["pm", "p.m.", "p. m", "nach", "p"]);
    let mut hours = hours;
    let mut has_half = false;
    for (am, pm) in half {
        let (is_am, is_pm) = (lower.starts_with(am), lower.starts_with(pm));
        // A bare letter must stand alone: "a" of a zone's name is none.
        if (is_am || is_pm) && (am.len() > 1 || lower.len() == 1) {
            if !(1..=12).contains(&hours) {
                // 13:00 PM and 00:30 AM are written by programs that mix both.
                if hours > 24 {
                    return None;
                }
            } else {
                hours = hours % 12 + if is_pm { 12 } else { 0 };
            }
            let blanks = rest.len() - rest.trim_start().len();
            rest = rest.get(blanks + am.len().min(lower.len())..)?;
            rest = rest.trim_start_matches(['.', 'm', ' ']);
            has_half = true;
            break;
        }
    }
    if found == 0 && !has_half {
        return None;
    }
    let rest = match (has_half, rest.trim_start().to_lowercase().as_str()) {
        (false, "h" | "uhr" | "hrs") => "",
        _ => rest,
    };
    let [minutes, seconds] = fields;
    Some((hms(hours, minutes, seconds)?, rest))
}

/// Seconds east of UTC from what stands behind a time.
fn zone_suffix(text: &str) -> Option<i32> {
    let text = text.trim();
    let text = text
        .split_once(['[', '('])
        .map_or(text, |(before, inside)| match before.trim() {
            "" => inside.trim_end_matches([']', ')']),
            before => before,
        });
    let upper = text.trim().to_ascii_uppercase();
    let named = match upper.as_str() {
        "Z" | "UTC" | "GMT" | "WET" | "ETC/UTC" => 0,
        "BST" | "CET" | "MEZ" | "WEST" | "WESZ" => 3600,
        "CEST" | "MESZ" | "EET" | "OEZ" | "SAST" => 7200,
        "EEST" | "OESZ" => 10_800,
        "AST" | "EDT" => -14_400,
        "EST" | "CDT" => -18_000,
        "CST" | "MDT" => -21_600,
        "MST" | "PDT" => -25_200,
        "PST" => -28_800,
        "HST" => -36_000,
        "AWST" => 28_800,
        "ACST" => 34_200,
        "AEST" => 36_000,
        "ACDT" => 37_800,
        "AEDT" => 39_600,
        "NZST" => 43_200,
        "NZDT" => 46_800,
        _ => {
            let text = upper
                .strip_prefix("UTC")
                .or(upper.strip_prefix("GMT"))
                .unwrap_or(&upper);
            return offset(text.trim());
        }
    };
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(cell: &str) -> Option<String> {
        let stamp = parse(cell)?;
        let date = stamp.date?.resolve(DateOrder::Dmy)?;
        let time = at(date, stamp.time.unwrap_or(0))?;
        Some(match stamp.offset {
            Some(offset) => format!("{time} {offset}"),
            None => time.to_string(),
        })
    }

    #[test]
    fn dates_and_times_of_many_countries() {
        for (cell, expected) in [
            ("2025-10-26T02:00:00+01:00", "2025-10-26 02:00:00 3600"),
            ("2025-10-26T02:00:00.000Z", "2025-10-26 02:00:00 0"),
            ("2025-10-26 02:00:00+00", "2025-10-26 02:00:00 0"),
            ("26.10.2025 02:00", "2025-10-26 02:00:00"),
            ("26/10/2025 2:00 PM", "2025-10-26 14:00:00"),
            ("26/10/2025 12:15:00 a.m.", "2025-10-26 00:15:00"),
            ("26-10-25", "2025-10-26 00:00:00"),
            ("26-Oct-25 24:00", "2025-10-27 00:00:00"),
            ("26. Oktober 2025 14:15 Uhr", "2025-10-26 14:15:00"),
            ("Oct 26, 2025 2:00 pm", "2025-10-26 14:00:00"),
            ("Sun Oct 26, 2025", "2025-10-26 00:00:00"),
            ("20251026", "2025-10-26 00:00:00"),
            ("202510260215", "2025-10-26 02:15:00"),
            ("2025-10-26 02:00 CEST", "2025-10-26 02:00:00 7200"),
            ("2025-10-26 02:00:00 +0200", "2025-10-26 02:00:00 7200"),
            ("2025/10/26 02.00", "2025-10-26 02:00:00"),
            ("26 mars 2025 14h30", "2025-03-26 14:30:00"),
        ] {
            assert_eq!(local(cell).as_deref(), Some(expected), "{cell}");
        }
        for cell in [
            "0.274",
            "9120.551",
            "1.8.0",
            "12",
            "AT0010000",
            "1.234.567",
            "2025-13-01",
            "99/99/2025",
            "3E5",
            "G0099",
        ] {
            assert_eq!(local(cell), None, "{cell}");
        }
    }

    #[test]
    fn numbers_that_are_times() {
        let epoch = |cell: &str| parse(cell).and_then(|stamp| stamp.epoch);
        let seconds = |cell: &str| epoch(cell).map(|epoch| (epoch.seconds, epoch.unit));
        assert_eq!(
            seconds("1761429600"),
            Some((1_761_429_600, EpochUnit::Seconds))
        );
        assert_eq!(
            seconds("1761429600.5"),
            Some((1_761_429_600, EpochUnit::Seconds))
        );
        assert_eq!(
            seconds("1782000000000"),
            Some((1_782_000_000, EpochUnit::Milliseconds))
        );
        assert_eq!(
            seconds("1782000000000000000"),
            Some((1_782_000_000, EpochUnit::Nanoseconds))
        );
        assert_eq!(seconds("9900000001"), None);
    }

    #[test]
    fn ranges() {
        let (from, to) =
            parse_range("2017-03-01 00:00:00 to 2017-03-01 00:15:00").expect("a range");
        assert_eq!((from.time, to.time), (Some(0), Some(900)));
        let (from, to) = parse_range("26.10.2025 23:45 - 00:00").expect("a range");
        assert_eq!((from.time, to.time, to.date), (Some(85_500), Some(0), None));
        assert!(parse_range("2017-03-01").is_none());
    }
}
