//! Words in headers and cells: what utilities, inverters and loggers call things, in a dozen languages.

use crate::{energy::Unit, vocabulary::*};

/// Lower case without accents and doubled blanks: `Zählerstand (kWh)` becomes `zahlerstand (kwh)`.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().take(300).flat_map(char::to_lowercase) {
        let folded = match c {
            'ä' | 'á' | 'à' | 'â' | 'å' | 'ã' | 'ą' | 'ā' => 'a',
            'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ě' | 'ė' | 'ē' => 'e',
            'í' | 'ì' | 'î' | 'ï' | 'ī' => 'i',
            'ö' | 'ó' | 'ò' | 'ô' | 'ø' | 'õ' | 'ő' => 'o',
            'ü' | 'ú' | 'ù' | 'û' | 'ů' | 'ű' | 'ū' => 'u',
            'ç' | 'č' | 'ć' => 'c',
            'ñ' | 'ń' | 'ň' => 'n',
            'š' | 'ś' => 's',
            'ž' | 'ź' | 'ż' => 'z',
            'ł' => 'l',
            'ř' => 'r',
            'ý' => 'y',
            'ß' => 's',
            '\u{300}'..='\u{36f}' => continue,
            '_' | '\u{a0}' | '\n' | '\t' => ' ',
            c => c,
        };
        if folded == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        out.push(folded);
    }
    out.truncate(out.trim_end().len());
    out
}

/// Letters and digits only, for words that are written together, apart or with hyphens.
fn joined(plain: &str) -> String {
    plain.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether one of the words stands in a text that is [`plain`]. A word of up to three letters, or written with a blank
/// in front, must stand alone.
pub fn has(plain: &str, words: &[&str]) -> bool {
    let joined = joined(plain);
    let alone = |word: &str| {
        plain
            .split(|c: char| !c.is_alphanumeric())
            .any(|token| token == word)
    };
    words
        .iter()
        .any(|word| match (word.len(), word.strip_prefix(' ')) {
            (_, Some(word)) => alone(word),
            (0..=3, None) => alone(word),
            _ => joined.contains(word),
        })
}

/// Where the energy goes, as the grid's meter sees it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// Fed into the grid (or produced).
    Generation,
    /// Taken from the grid (or used).
    Consumption,
}

impl Direction {
    pub fn name(self) -> &'static str {
        match self {
            Direction::Generation => "generation",
            Direction::Consumption => "consumption",
        }
    }

    pub fn flag(self) -> &'static str {
        match self {
            Direction::Generation => "--generation",
            Direction::Consumption => "--consumption",
        }
    }
}

/// Which meter would count it: the grid's is wanted where a file has several.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// The house's load, or the PV plant's production.
    House,
    /// Not said.
    Plain,
    /// The meter between house and grid.
    Grid,
}

/// What a header or a row's register says about values.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Meaning {
    pub direction: Option<Direction>,
    pub level: Option<Level>,
    /// Battery, self-consumption, a community's share, power, money, gas …
    pub not_meant: bool,
    /// Registers (true) or energy per interval (false), if the words say so.
    pub register: Option<bool>,
    pub total: bool,
    pub saldo: bool,
    pub part: Option<Part>,
    pub unit: Option<Unit>,
    /// An OBIS code's group C and E.
    pub obis: bool,
}

/// A part of a direction's energy, that is to be added to the other parts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Part {
    Tariff(u8),
    Phase(u8),
}

/// The unit of energy in a text: `(kWh)`, `[Wh]`, `energy_kwh`, `Usage(Real energy in kilowatt-hours)`.
pub fn unit(text: &str) -> Option<Unit> {
    let tokens = || text.split(|c: char| !(c.is_alphanumeric() || c == '-'));
    let energy = tokens().find_map(|token| match Unit::named(token) {
        Some(unit) if !unit.is_power() => Some(unit),
        _ => None,
    });
    if energy.is_some() {
        return energy;
    }
    let joined = joined(&plain(text));
    for (word, unit) in [
        ("kilowatthour", Unit::KWh),
        ("megawatthour", Unit::MWh),
        ("watthour", Unit::Wh),
        ("kwh", Unit::KWh),
        ("mwh", Unit::MWh),
    ] {
        if joined.contains(word) {
            return Some(unit);
        }
    }
    let wh = tokens().any(|token| token.ends_with("Wh") && token.len() > 2);
    if wh {
        return Some(Unit::Wh);
    }
    // Power only where the unit stands in brackets or at the end.
    let bracket = text.rfind(['(', '[']).and_then(|at| text.get(at..))?;
    match Unit::named(bracket) {
        Some(unit) if unit.is_power() => Some(unit),
        _ => None,
    }
}

/// An OBIS code in a text: groups C, D and E of `1-0:1.8.0`, `1.8.0*255`, `1-1:1.29.0`.
pub fn obis(text: &str) -> Option<(u8, u8, u8)> {
    for token in text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ':' | '-' | '*'))) {
        let code = token.rsplit(':').next().unwrap_or(token);
        let code = code.split('*').next().unwrap_or(code).trim_matches('-');
        let mut groups = code.split('.');
        let (c, d, e) = (groups.next(), groups.next(), groups.next());
        if let (Some(c), Some(d)) = (c, d) {
            let parse = |text: &str| (text.len() <= 3).then(|| text.parse::<u8>().ok()).flatten();
            let rest = groups.next();
            let rest_ok = rest.is_none_or(|rest| rest == "255" || rest == "0");
            if let (Some(c), Some(d), Some(e), true) =
                (parse(c), parse(d), e.and_then(parse), rest_ok)
            {
                if matches!(d, 4..=10 | 29) && c != 0 {
                    return Some((c, d, e));
                }
            }
        }
    }
    None
}

/// Interprets the text of a header or of a row's register.
pub fn meaning(text: &str) -> Meaning {
    let mut found = Meaning {
        unit: unit(text),
        ..Meaning::default()
    };
    if let Some((c, d, e)) = obis(text) {
        found.obis = true;
        let (direction, phase) = match c {
            1 | 21 | 41 | 61 => (Some(Direction::Consumption), c / 20),
            2 | 22 | 42 | 62 => (Some(Direction::Generation), c / 20),
            _ => (None, 0),
        };
        found.direction = direction;
        found.saldo = c == 16 || c == 15;
        found.not_meant = direction.is_none() || matches!(d, 4..=7 | 10);
        found.level = Some(Level::Grid);
        let plain = plain(text);
        found.register = match d {
            8 if has(&plain, &["verbrauch", "delta", "lastgang", "lastprofil"])
                && !has(&plain, &["stand", "zahlerstand"]) =>
            {
                Some(false)
            }
            8 => Some(true),
            _ => Some(false),
        };
        found.part = match (phase, e) {
            (0, 1..=9) => Some(Part::Tariff(e)),
            (0, _) => None,
            (phase, _) => Some(Part::Phase(phase)),
        };
        found.total = phase == 0 && e == 0;
        return found;
    }
    let plain = plain(text);
    found.total = has(&plain, TOTAL);
    found.part = part(&plain);
    let is_energy = found.unit.is_some_and(|unit| !unit.is_power());
    found.not_meant = has(&plain, NOT_GRID) || (!is_energy && has(&plain, NOT_ENERGY));
    found.register = match (has(&plain, REGISTER), has(&plain, INTERVAL)) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        _ => None,
    };
    let signed = |sign: char| {
        let upper = text.to_uppercase();
        [
            format!("A{sign}"),
            format!("{sign}A"),
            format!("P{sign}"),
            format!("{sign}P"),
        ]
        .iter()
        .any(|code| {
            upper
                .split(|c: char| {
                    c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | ';' | '_')
                })
                .any(|token| token == code)
        })
    };
    let (direction, level) = match () {
        () if signed('-') => (Direction::Generation, Level::Grid),
        () if signed('+') => (Direction::Consumption, Level::Grid),
        () if has(&plain, EXPORT) => (Direction::Generation, Level::Grid),
        () if has(&plain, IMPORT) => (Direction::Consumption, Level::Grid),
        () if has(&plain, &["received"]) => (Direction::Generation, Level::Grid),
        () if has(&plain, HOUSE_LOAD) => (Direction::Consumption, Level::House),
        () if has(&plain, CONSUMED) && !has(&plain, PRODUCED) => {
            (Direction::Consumption, Level::Plain)
        }
        () if has(&plain, PRODUCED)
            && has(
                &plain,
                &[
                    "pv", "solar", "produced", "yield", "ertrag", "opwek", "inverter",
                ],
            ) =>
        {
            (Direction::Generation, Level::House)
        }
        () if has(&plain, PRODUCED) => (Direction::Generation, Level::Plain),
        () => match nem_or_tariff(text) {
            Some(direction) => (direction, Level::Grid),
            None => {
                found.saldo = has(&plain, SALDO);
                return found;
            }
        },
    };
    // In several languages "net" is the grid.
    found.saldo = level != Level::Grid && has(&plain, SALDO);
    found.direction = Some(direction);
    found.level = Some(level);
    found
}

/// `E1`, `B1`, `IN`, `OUT`, `AE`, `AS` and the registers of Dutch exports.
fn nem_or_tariff(text: &str) -> Option<Direction> {
    let upper = text.trim().to_uppercase();
    let first = upper.split([' ', '_', '(', '[']).next().unwrap_or("");
    Some(match first {
        "E1" | "E2" | "E3" | "E4" | "E5" | "IN" | "AE" | "READING1" | "READING2" | "USAGE1"
        | "USAGE2" | "VERBR" => Direction::Consumption,
        "B1" | "B2" | "B3" | "OUT" | "AS" | "READING3" | "READING4" | "USAGE3" | "USAGE4" => {
            Direction::Generation
        }
        _ => return None,
    })
}

fn part(plain: &str) -> Option<Part> {
    let tokens = || {
        plain
            .split(|c: char| !c.is_alphanumeric())
            .filter(|token| !token.is_empty())
    };
    let token = |words: &[&str]| tokens().any(|token| words.contains(&token));
    for (number, words) in [
        (1, &["l1", "phase1", "phasea"][..]),
        (2, &["l2", "phase2", "phaseb"]),
        (3, &["l3", "phase3", "phasec"]),
    ] {
        if token(words) {
            return Some(Part::Phase(number));
        }
    }
    // (A), (B), (C): in brackets only, as A+ and B1 are directions.
    for (number, words) in [
        (1, ["(a)", "phase a"]),
        (2, ["(b)", "phase b"]),
        (3, ["(c)", "phase c"]),
    ] {
        if words.iter().any(|word| plain.contains(word)) {
            return Some(Part::Phase(number));
        }
    }
    for (number, words) in [
        (
            1,
            &[
                "t1", "ht", "f1", "p1", "reading1", "usage1", "tariff1", "tarif1", "hp", "vt",
            ][..],
        ),
        (
            2,
            &[
                "t2", "nt", "f2", "p2", "reading2", "usage2", "tariff2", "tarif2", "hc", "mt",
            ],
        ),
        (3, &["t3", "f3", "p3", "reading3", "usage3", "tariff3"]),
        (4, &["t4", "p4", "reading4", "usage4"]),
        (5, &["p5"]),
        (6, &["p6"]),
    ] {
        if token(words) {
            return Some(Part::Tariff(number));
        }
    }
    let numbered = |number: char| {
        let joined = joined(plain);
        [
            "electricity",
            "tariff",
            "rate",
            "tarief",
            "tarif",
            "register",
            "delivered",
            "returned",
        ]
        .iter()
        .any(|word| joined.contains(&format!("{word}{number}")))
    };
    // Mains_A, mains_b (kWh).
    let last = plain
        .split(['(', '['])
        .next()
        .unwrap_or(plain)
        .trim()
        .rsplit([' ', '-'])
        .next();
    if let (Some(at), true) = (
        last.and_then(|last| ["a", "b", "c"].iter().position(|phase| *phase == last)),
        plain.len() > 3,
    ) {
        return u8::try_from(at + 1).ok().map(Part::Phase);
    }
    if let Some(number) = (1..=4).find(|number| numbered(char::from(b'0' + number))) {
        return Some(Part::Tariff(number));
    }
    let words: [(u8, &[&str]); 3] = [
        (3, &["shoulder", "llano", "superoffpeak", "midpeak"]),
        (
            2,
            &[
                "niedertarif",
                "lowtariff",
                "offpeak",
                "nacht",
                "night",
                "nuit",
                "low",
                "laag",
                "creuse",
                "valle",
                "dal",
                "daluren",
                "noc",
            ],
        ),
        (
            1,
            &[
                "hochtarif",
                "hightariff",
                "peak",
                "dag",
                " day",
                "normal",
                "hoog",
                "pleine",
                "punta",
                " jour",
                "piek",
                "tag",
            ],
        ),
    ];
    words
        .iter()
        .find(|(_, words)| has(plain, words))
        .map(|(number, _)| Part::Tariff(*number))
}

/// What a column is for, as far as its header tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Time,
    Quality,
    Unit,
    Other,
}

pub fn kind(header: &str) -> Kind {
    let plain = plain(header);
    match () {
        () if has(&plain, UNIT_COLUMN) && unit(header).is_none() => Kind::Unit,
        () if has(&plain, QUALITY) => Kind::Quality,
        () if has(&plain, TIME) || has(&plain, START) || has(&plain, END) => Kind::Time,
        () => Kind::Other,
    }
}

/// Whether a cell of a quality column says that its value was not measured.
pub fn is_estimated(cell: &str) -> bool {
    let cell = cell.trim();
    let plain = plain(cell);
    matches!(
        plain.as_str(),
        "e" | "s" | "f" | "c" | "true" | "yes" | "l2" | "l3" | "ew"
    ) || has(&plain, ESTIMATED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(text: &str) -> Option<Direction> {
        meaning(text).direction
    }

    #[test]
    fn directions_in_many_languages() {
        for header in [
            "Import T1 kWh",
            "Netzbezug [Wh]",
            "Afname Nacht",
            "Offtake Day",
            "Energia prelevata",
            "Consumo_kWh",
            "KWH 60 Forbruk",
            "1-0:1.8.0",
            "Energy Consumed (Wh)",
            "Imported from Grid (Wh)",
            "Purchased Energy(kWh)",
            "Load(kWh)",
            "A+",
            "Verbrauch (kWh)",
            "E1",
            "AE_kWh",
            "sensor.meter_energy_import",
            "Lieferrichtung: Bezug",
            "Energie soutirée",
            "Electricity 1 (Dutch Users: Low Tariff)",
            "usage",
        ] {
            assert_eq!(direction(header), Some(Direction::Consumption), "{header}");
        }
        for header in [
            "Export T1 kWh",
            "Einspeisung",
            "Injectie Nacht",
            "Injection Night",
            "Teruglevering",
            "Energie ins Netz eingespeist",
            "AS_kWh",
            "Exported to Grid (Wh)",
            "Feed-in(kWh)",
            "PV(kWh)",
            "A-",
            "2.8.0",
            "B1",
            "Metering.TotWhOut",
            "KWH 60 Produksjon",
            "Einspeiser",
            "Electricity 1 Returned (Dutch Users: Low Tariff)",
            "Returned energy Wh (A)",
            "sensor.meter_energy_export",
            "generation_register_wh",
        ] {
            assert_eq!(direction(header), Some(Direction::Generation), "{header}");
        }
        for header in ["Datum", "Status", "VALUE", "kWh"] {
            assert_eq!(direction(header), None, "{header}");
        }
    }

    #[test]
    fn units_and_parts() {
        assert_eq!(unit("Lastgänge (4,126 kWh)"), Some(Unit::KWh));
        assert_eq!(unit("generation_register_wh"), Some(Unit::Wh));
        assert_eq!(unit("consumptionKWh"), Some(Unit::KWh));
        assert_eq!(unit("[Wh]"), Some(Unit::Wh));
        assert_eq!(unit("Leistung [kW]"), Some(Unit::KW));
        assert_eq!(unit("white"), None);
        assert_eq!(meaning("2.8.2").part, Some(Part::Tariff(2)));
        assert_eq!(meaning("Active energy Wh (B)").part, Some(Part::Phase(2)));
        assert_eq!(meaning("Import T2 kWh").part, Some(Part::Tariff(2)));
        assert_eq!(
            meaning("Electricity 2 (Dutch Users: Normal Tariff)").part,
            Some(Part::Tariff(2))
        );
        assert_eq!(meaning("Off-Peak kWh").part, Some(Part::Tariff(2)));
        for energy in [
            "generation_register_wh",
            "Imported from Grid (Wh)",
            "Energy generated",
            "Levering til net",
            "counter kWh",
        ] {
            assert!(
                !meaning(energy).not_meant && !meaning(energy).saldo,
                "{energy}"
            );
        }
        for other in [
            "Eigenverbrauch (kWh)",
            "Battery Charge (kWh)",
            "Cost",
            "Leistung",
            "Anteil Gemeinschaft [kWh]",
            "R+ kvarh",
            "Gas",
        ] {
            assert!(meaning(other).not_meant, "{other}");
        }
        assert_eq!(
            meaning("Electricity 1 (Dutch Users: Low Tariff)").part,
            Some(Part::Tariff(1))
        );
        assert_eq!(obis("1-1:1.29.0"), Some((1, 29, 0)));
        assert_eq!(obis("26.10.2025"), None);
    }
}
