//! What the user says about a file where its content can't tell.

use clap::{Args, ValueEnum};

use crate::energy::Unit;

/// Flags of the commands that read meter files. All are optional: what a file says itself needs no flag.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "How to read the files")]
pub struct Options {
    /// Read the files as this format instead of recognizing it
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,

    /// Id of the meter, for files that name none (a file of several meters: leave out the others)
    #[arg(long, value_name = "ID")]
    pub meter: Option<String>,

    /// Column of the time, or date and time: names, numbers from 1 or JSON paths. For SML: the time of the capture
    #[arg(long, value_name = "COL[,COL]", value_delimiter = ',')]
    pub time: Vec<String>,

    /// Columns of generation (energy fed in), added: names, numbers, OBIS codes, JSON paths, or a row's register or entity
    #[arg(long, value_name = "COL[,COL]", value_delimiter = ',')]
    pub generation: Vec<String>,

    /// Columns of consumption (energy taken), added: names, numbers, OBIS codes, JSON paths, or a row's register or entity
    #[arg(long, value_name = "COL[,COL]", value_delimiter = ',')]
    pub consumption: Vec<String>,

    /// The meter has no consumption that counts: its register stays where it is
    #[arg(long, conflicts_with = "consumption")]
    pub no_consumption: bool,

    /// Only lines with this value in a column (COL=VALUE), or without it (COL!=VALUE); may be repeated
    #[arg(long = "where", value_name = "COL=VALUE")]
    pub filter: Vec<String>,

    /// Unit of the values
    #[arg(long, value_enum, value_name = "UNIT")]
    pub unit: Option<Unit>,

    /// Zone of local times: an IANA name (Europe/Vienna), UTC or an offset (+01:00)
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub timezone: Option<String>,

    /// The values are energy per interval, and the time marks its start or end
    #[arg(long, value_enum, value_name = "END", num_args = 0..=1, default_missing_value = "auto")]
    pub interval: Option<IntervalTime>,

    /// The values are registers: cumulative, whatever they look like
    #[arg(long, conflicts_with = "interval")]
    pub registers: bool,

    /// Keep the last reading of each period only, such as 15m, 1h, 1d
    #[arg(long, value_name = "PERIOD", value_parser = parse_period)]
    pub every: Option<u32>,

    /// Column that says whether a value was measured or estimated
    #[arg(long, value_name = "COL")]
    pub quality: Option<String>,

    /// Leave estimated and substituted values out
    #[arg(long)]
    pub measured_only: bool,

    /// The first line is no header
    #[arg(long)]
    pub no_header: bool,

    /// Order of day, month and year
    #[arg(long, value_enum, value_name = "ORDER")]
    pub dates: Option<DateOrder>,

    /// Decimal mark of the values, . or ,
    #[arg(long, value_name = "MARK", value_parser = parse_mark)]
    pub decimal: Option<char>,
}

/// A format that [`read`](crate::read) knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// GridToken's CSV: columns meter_id, timestamp, generation_register_wh, consumption_register_wh
    Grid,
    /// Tables with a line per reading, interval or day, in any dialect of CSV
    Csv,
    /// NEM12, Australia's interval meter data
    Nem12,
    /// Green Button (ESPI XML)
    GreenButton,
    /// DSMR P1 telegrams
    P1,
    /// SML captures
    Sml,
    /// JSON: one document, or one per line
    Json,
}

impl Format {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Format::Grid => "GridToken CSV",
            Format::Csv => "CSV",
            Format::Nem12 => "NEM12",
            Format::GreenButton => "Green Button (ESPI XML)",
            Format::P1 => "DSMR P1 telegrams",
            Format::Sml => "SML",
            Format::Json => "JSON",
        }
    }
}

/// Which end of an interval its time marks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum IntervalTime {
    /// The interval begins at the time
    Start,
    /// The interval ends at the time
    End,
    /// As the first and last time of a day show it: a day begins with an interval's start and ends with one's end
    Auto,
}

/// Order of the parts of a date.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum DateOrder {
    /// 31.12.2025
    Dmy,
    /// 12/31/2025
    Mdy,
    /// 25-12-31 (a year of four digits in front needs no flag)
    Ymd,
}

/// A period in seconds: a number and s, m, h or d.
fn parse_period(text: &str) -> Result<u32, String> {
    let usage = || format!("\"{text}\" is not a period such as 15m, 1h or 1d");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.strip_prefix(digits) {
        Some("s") => 1,
        Some("m" | "min") => 60,
        Some("h") => 3600,
        Some("d") => 86_400,
        _ => return Err(usage()),
    };
    let count: u32 = digits.parse().map_err(|_| usage())?;
    match count.checked_mul(seconds) {
        Some(period) if period > 0 && period <= 366 * 86_400 => Ok(period),
        _ => Err(usage()),
    }
}

fn parse_mark(text: &str) -> Result<char, String> {
    match text {
        "." | "point" => Ok('.'),
        "," | "comma" => Ok(','),
        _ => Err(format!("\"{text}\" is neither . nor ,")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn flags() {
        let parse = |line: &str| {
            <Command as clap::Parser>::try_parse_from(line.split(' '))
                .map(|command| command.options)
        };
        let options =
            parse("x --interval --unit kWh --generation 2.8.1,2.8.2 --every 15m --timezone +01:00")
                .expect("flags");
        assert_eq!(options.interval, Some(IntervalTime::Auto));
        assert_eq!(options.unit, Some(Unit::KWh));
        assert_eq!(options.generation, ["2.8.1", "2.8.2"]);
        assert_eq!(options.every, Some(900));
        assert!(parse("x --every 15").is_err());
        assert!(parse("x --every 4294967295d").is_err());
        assert!(parse("x --no-consumption --consumption 2").is_err());
    }
}
