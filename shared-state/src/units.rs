//! Watt-hours, GRID and the conversions between them.
//!
//! 1 GRID = 1 kWh = 10^9 base units, so one watt-hour is 10^6 base units.

use crate::error::{fail, GridError, GridResult};

/// Decimals of the GRID mint.
pub const GRID_DECIMALS: u8 = 9;

/// Base units of GRID per watt-hour.
pub const BASE_UNITS_PER_WH: u64 = 1_000_000;

/// 100 % in basis points.
pub const FULL_BPS: u16 = 10_000;

/// The largest rated power that a meter can have: 1 GW. It bounds every product in the validation rules.
pub const MAX_CAPACITY_W: u32 = 1_000_000_000;

/// The most energy that one mint can be asked for: more does not fit into base units.
pub const MAX_MINTABLE_WH: u64 = u64::MAX / BASE_UNITS_PER_WH;

const _: () = assert!(BASE_UNITS_PER_WH * 1_000 == 10u64.pow(GRID_DECIMALS as u32));

/// Base units of GRID for an amount of energy. Fails with [`GridError::ArithmeticOverflow`] above
/// [`MAX_MINTABLE_WH`] (18.4 TWh).
#[inline(always)]
pub fn wh_to_base_units(energy_wh: u64) -> GridResult<u64> {
    if energy_wh > MAX_MINTABLE_WH {
        return Err(fail(GridError::ArithmeticOverflow));
    }
    // The bound above keeps the product in range. (`checked_mul` would need 128-bit arithmetic, which the programs'
    // target does not have.)
    Ok(energy_wh.wrapping_mul(BASE_UNITS_PER_WH))
}

/// Whole watt-hours of an amount of GRID, and the base units that are left over.
pub const fn base_units_to_wh(base_units: u64) -> (u64, u64) {
    (
        base_units / BASE_UNITS_PER_WH,
        base_units % BASE_UNITS_PER_WH,
    )
}

/// `a + b`, or [`GridError::ArithmeticOverflow`].
#[inline(always)]
pub fn add(a: u64, b: u64) -> GridResult<u64> {
    // Not `checked_add`: what the compiler makes of it takes four units more.
    let sum = a.wrapping_add(b);
    if sum < a {
        return Err(fail(GridError::ArithmeticOverflow));
    }
    Ok(sum)
}

/// `a + b` for totals of energy: [`GridError::ArithmeticOverflow`] if either is 2^63 or more, which no meter will ever see.
/// Takes three units less than [`add`].
#[inline(always)]
pub fn add_energy(a: u64, b: u64) -> GridResult<u64> {
    if ((a | b) as i64) < 0 {
        return Err(fail(GridError::ArithmeticOverflow));
    }
    Ok(a.wrapping_add(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_and_a_half_kwh() {
        assert_eq!(wh_to_base_units(15_500), Ok(15_500_000_000));
        assert_eq!(base_units_to_wh(15_500_000_000), (15_500, 0));
    }

    #[test]
    fn borders() {
        assert_eq!(wh_to_base_units(0), Ok(0));
        assert_eq!(
            wh_to_base_units(MAX_MINTABLE_WH),
            MAX_MINTABLE_WH
                .checked_mul(BASE_UNITS_PER_WH)
                .ok_or(GridError::ArithmeticOverflow)
        );
        assert_eq!(
            wh_to_base_units(MAX_MINTABLE_WH + 1),
            Err(GridError::ArithmeticOverflow)
        );
        assert_eq!(add(u64::MAX, 1), Err(GridError::ArithmeticOverflow));
        assert_eq!(add(u64::MAX - 1, 1), Ok(u64::MAX));
        let most = u64::MAX / 2;
        assert_eq!(add_energy(most, most), Ok(u64::MAX - 1));
        for (a, b) in [(most + 1, 0), (0, most + 1), (u64::MAX, u64::MAX)] {
            assert_eq!(add_energy(a, b), Err(GridError::ArithmeticOverflow));
        }
        assert_eq!(base_units_to_wh(1_999_999), (1, 999_999));
    }
}
