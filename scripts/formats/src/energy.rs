//! Energy as it stands in a file: an exact decimal, never a floating-point number.

use std::fmt;

/// An amount of energy, in 10^-18 Wh: what remains exact for kWh with 21 decimals, which is more than any float that a
/// logger printed. May be negative.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Energy(i128);

/// Decimals of a watt-hour that are kept.
const DECIMALS: i32 = 18;
const WH: i128 = 10i128.pow(DECIMALS as u32);
/// The largest value that is accepted, as a register on the chain holds 64 bits of Wh.
const LARGEST: i128 = u64::MAX as i128 * WH;

/// A decimal number: `digits` × 10^`exponent`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decimal {
    pub digits: i128,
    pub exponent: i32,
}

impl Decimal {
    /// The whole number, if it is one.
    pub fn whole(self) -> Option<i128> {
        let power = 10i128.checked_pow(self.exponent.unsigned_abs())?;
        match self.exponent >= 0 {
            true => self.digits.checked_mul(power),
            false => (self.digits % power == 0).then_some(self.digits / power),
        }
    }
}

/// A unit of energy, or of the mean power over an interval.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, clap::ValueEnum)]
pub enum Unit {
    /// Watt-hours.
    #[value(name = "Wh", alias = "wh")]
    Wh,
    /// Kilowatt-hours.
    #[value(name = "kWh", alias = "kwh", alias = "KWH")]
    KWh,
    /// Megawatt-hours.
    #[value(name = "MWh", alias = "mwh", alias = "MWH")]
    MWh,
    /// Mean power in watts over each interval.
    #[value(name = "W", alias = "w")]
    W,
    /// Mean power in kilowatts over each interval.
    #[value(name = "kW", alias = "kw", alias = "KW")]
    KW,
}

impl Unit {
    /// The power of ten that leads to Wh (or W).
    fn exponent(self) -> i32 {
        match self {
            Unit::Wh | Unit::W => 0,
            Unit::KWh | Unit::KW => 3,
            Unit::MWh => 6,
        }
    }

    /// Whether it measures power, which becomes energy over an interval's length.
    pub fn is_power(self) -> bool {
        matches!(self, Unit::W | Unit::KW)
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Wh => "Wh",
            Unit::KWh => "kWh",
            Unit::MWh => "MWh",
            Unit::W => "W",
            Unit::KW => "kW",
        }
    }

    /// The unit that a text names, such as `kWh`, `KWH` or `[Wh]`.
    pub fn named(text: &str) -> Option<Unit> {
        let text = text.trim_matches(|c: char| !c.is_alphanumeric());
        Some(match text {
            "W" => Unit::W,
            "kW" | "KW" => Unit::KW,
            _ => match text.to_ascii_lowercase().as_str() {
                "wh" | "watthours" | "watt-hours" => Unit::Wh,
                "kwh" | "kilowatthours" | "kilowatt-hours" | "kwt" => Unit::KWh,
                "mwh" => Unit::MWh,
                _ => return None,
            },
        })
    }
}

impl Energy {
    pub const ZERO: Energy = Energy(0);

    /// Whole watt-hours.
    pub fn from_wh(wh: u64) -> Energy {
        Energy(i128::from(wh) * WH)
    }

    /// A decimal in a unit. None above 2^64 Wh; digits beyond the 18th decimal of a Wh are cut off.
    pub fn from_decimal(decimal: Decimal, unit: Unit) -> Option<Energy> {
        if decimal.digits == 0 {
            return Some(Energy(0));
        }
        let exponent = decimal
            .exponent
            .checked_add(unit.exponent())?
            .checked_add(DECIMALS)?;
        let value = match exponent >= 0 {
            true => decimal
                .digits
                .checked_mul(10i128.checked_pow(exponent.unsigned_abs())?)?,
            false => 10i128
                .checked_pow(exponent.unsigned_abs())
                .map_or(0, |power| decimal.digits / power),
        };
        (value.abs() <= LARGEST).then_some(Energy(value))
    }

    /// This power, as Wh of one hour, over a number of seconds.
    pub fn over(self, seconds: i64) -> Option<Energy> {
        Some(Energy(self.0.checked_mul(i128::from(seconds))? / 3600))
    }

    pub fn checked_add(self, other: Energy) -> Option<Energy> {
        self.0.checked_add(other.0).map(Energy)
    }

    pub fn checked_sub(self, other: Energy) -> Option<Energy> {
        self.0.checked_sub(other.0).map(Energy)
    }

    /// The absolute value.
    pub fn abs(self) -> Energy {
        Energy(self.0.saturating_abs())
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// A register in whole Wh, rounded down. None below 0 and above 2^64 − 1.
    pub fn floor_wh(self) -> Option<u64> {
        u64::try_from(self.0.div_euclid(WH)).ok()
    }

    /// Whole Wh for estimates (power, plausibility), rounded to zero.
    pub fn about_wh(self) -> i128 {
        self.0 / WH
    }

    /// Thousandths of a Wh for estimates, rounded to zero.
    pub fn about_mwh(self) -> i128 {
        self.0 / (WH / 1000)
    }

    /// Every digit, in kWh: `43.876`.
    pub fn kwh(self) -> String {
        decimal(self.0, DECIMALS as usize + 3)
    }
}

/// `value` with a decimal point `decimals` digits from the right, without trailing zeros.
fn decimal(value: i128, decimals: usize) -> String {
    let digits = format!("{:0>1$}", value.unsigned_abs(), decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    match fraction {
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    }
}

impl fmt::Display for Energy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kWh", self.kwh())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_stay_exact() {
        let parse = |digits, exponent, unit| {
            Energy::from_decimal(Decimal { digits, exponent }, unit).expect("in range")
        };
        assert_eq!(parse(12345678, -3, Unit::KWh).floor_wh(), Some(12_345_678));
        assert_eq!(parse(1, -21, Unit::KWh).kwh(), "0.000000000000000000001");
        assert_eq!(parse(-5, -1, Unit::Wh).kwh(), "-0.0005");
        assert_eq!(parse(7, 0, Unit::MWh).kwh(), "7000");
        assert_eq!(parse(-1, -1, Unit::Wh).floor_wh(), None);
        assert_eq!(
            parse(1, 0, Unit::KW).over(900),
            Some(parse(250, 0, Unit::Wh))
        );
        let over = Decimal {
            digits: 1,
            exponent: 20,
        };
        assert_eq!(Energy::from_decimal(over, Unit::Wh), None);
    }
}
