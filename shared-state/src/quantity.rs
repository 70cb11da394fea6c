//! Energy, tokens, power and ratios: each a type, so that no number can be taken for another.
//!
//! 1 GRID = 1 kWh = 10^9 base units, so one watt-hour is 10^6 base units.
//!
//! **Arithmetic on chain.** The programs' target has no 128-bit arithmetic, and `checked_mul` of two `u64` needs it: so
//! products are bounded beforehand and then `wrapping_mul`. `checked_add` and `saturating_sub` exist, but the compiler
//! makes six to nine instructions of them where a sum and a comparison are three. The functions here are written for
//! that; all other code uses them, or says why a sum can't overflow.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};

use crate::error::{GridError, GridResult};

/// Decimals of the GRID mint.
pub const GRID_DECIMALS: u8 = 9;

/// The largest rated power that a meter can have: 1 GW. It bounds every product in the validation rules.
pub const MAX_CAPACITY_W: u32 = 1_000_000_000;

/// Declares a quantity: a number with a unit.
macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident($number:ty)) => {
        $(#[$doc])*
        #[derive(
            BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, Ord, PartialEq,
            PartialOrd, Pod, Zeroable,
        )]
        #[repr(transparent)]
        pub struct $name(pub $number);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

quantity! {
    /// Energy in watt-hours.
    Wh(u64)
}

quantity! {
    /// GRID in base units of 10^-9.
    BaseUnits(u64)
}

quantity! {
    /// A ratio in basis points: 10,000 is 100 %.
    Bps(u16)
}

/// Differences of a quantity of 64 bits.
macro_rules! differences {
    ($name:ident) => {
        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// `self - other`, at least zero.
            #[inline(always)]
            pub fn beyond(self, other: Self) -> Self {
                if self.0 > other.0 {
                    Self(self.0.wrapping_sub(other.0))
                } else {
                    Self::ZERO
                }
            }

            /// `self - other`, if that isn't negative.
            #[inline(always)]
            pub fn minus(self, other: Self) -> Option<Self> {
                (self.0 >= other.0).then(|| Self(self.0.wrapping_sub(other.0)))
            }
        }
    };
}
differences!(Wh);
differences!(BaseUnits);

impl Wh {
    /// `self + other`, or [`GridError::ArithmeticOverflow`] if either is 2^63 Wh or more, which nothing will ever count: so
    /// it takes two comparisons less.
    #[inline(always)]
    pub fn plus(self, other: Self) -> GridResult<Self> {
        if ((self.0 | other.0) as i64) < 0 {
            return Err(GridError::ArithmeticOverflow);
        }
        Ok(Self(self.0.wrapping_add(other.0)))
    }

    /// The most energy whose GRID a 64-bit supply can hold: 18.4 TWh.
    pub const MOST_IN_SUPPLY: Self = Self(u64::MAX / BaseUnits::PER_WH);

    /// GRID for this energy: the one conversion. Fails with [`GridError::ArithmeticOverflow`] above
    /// [`Self::MOST_IN_SUPPLY`].
    #[inline(always)]
    pub fn to_base_units(self) -> GridResult<BaseUnits> {
        if self > Self::MOST_IN_SUPPLY {
            return Err(GridError::ArithmeticOverflow);
        }
        Ok(BaseUnits(self.0.wrapping_mul(BaseUnits::PER_WH)))
    }
}

impl BaseUnits {
    /// `self + other`, or [`GridError::ArithmeticOverflow`].
    #[inline(always)]
    pub fn plus(self, other: Self) -> GridResult<Self> {
        let sum = self.0.wrapping_add(other.0);
        if sum < self.0 {
            return Err(GridError::ArithmeticOverflow);
        }
        Ok(Self(sum))
    }

    /// Base units of a watt-hour.
    pub const PER_WH: u64 = 1_000_000;

    /// The largest supply of an SPL token.
    pub const MAX: Self = Self(u64::MAX);

    /// Whole watt-hours of this GRID.
    pub const fn to_wh(self) -> Wh {
        Wh(self.0 / Self::PER_WH)
    }

    /// What is left of it beside the whole watt-hours.
    pub const fn beside_wh(self) -> Self {
        Self(self.0 % Self::PER_WH)
    }
}

impl Bps {
    /// 100 %.
    pub const FULL: Self = Self(10_000);
}

const _: () = assert!(BaseUnits::PER_WH * 1_000 == 10u64.pow(GRID_DECIMALS as u32));

/// The next value of a counter, or [`GridError::ArithmeticOverflow`].
#[inline(always)]
pub fn next(count: u64) -> GridResult<u64> {
    let next = count.wrapping_add(1);
    if next == 0 {
        return Err(GridError::ArithmeticOverflow);
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_and_a_half_kwh() {
        assert_eq!(Wh(15_500).to_base_units(), Ok(BaseUnits(15_500_000_000)));
        assert_eq!(BaseUnits(15_500_000_000).to_wh(), Wh(15_500));
    }

    #[test]
    fn borders() {
        let most = Wh::MOST_IN_SUPPLY;
        assert_eq!(most, Wh(18_446_744_073_709));
        assert_eq!(Wh::ZERO.to_base_units(), Ok(BaseUnits(0)));
        assert_eq!(
            most.to_base_units(),
            Ok(BaseUnits(18_446_744_073_709_000_000))
        );
        assert_eq!(
            Wh(most.0 + 1).to_base_units(),
            Err(GridError::ArithmeticOverflow)
        );
        let overflow = GridError::ArithmeticOverflow;
        assert_eq!(BaseUnits(u64::MAX).plus(BaseUnits(1)), Err(overflow));
        let most = BaseUnits(u64::MAX);
        assert_eq!(BaseUnits(u64::MAX - 1).plus(BaseUnits(1)), Ok(most));
        let half = u64::MAX / 2;
        assert_eq!(Wh(half).plus(Wh(half)), Ok(Wh(u64::MAX - 1)));
        for (a, b) in [(half + 1, 0), (0, half + 1), (u64::MAX, u64::MAX)] {
            assert_eq!(Wh(a).plus(Wh(b)), Err(overflow));
        }
        assert_eq!(Wh(3).beyond(Wh(5)), Wh(0));
        assert_eq!(Wh(5).beyond(Wh(3)), Wh(2));
        assert_eq!(Wh(3).minus(Wh(5)), None);
        assert_eq!(Wh(5).minus(Wh(5)), Some(Wh(0)));
        let uneven = BaseUnits(1_999_999);
        assert_eq!(
            (uneven.to_wh(), uneven.beside_wh()),
            (Wh(1), BaseUnits(999_999))
        );
        assert_eq!(next(u64::MAX), Err(GridError::ArithmeticOverflow));
        assert_eq!(next(u64::MAX - 1), Ok(u64::MAX));
    }
}
