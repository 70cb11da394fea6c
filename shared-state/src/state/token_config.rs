use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

use super::header::{account_layout, governed, Header};
use crate::{
    error::{ensure, GridError, GridResult},
    quantity::{BaseUnits, Wh},
};

/// TokenConfig status: nothing is minted.
pub const MINTING_DISABLED: u8 = 0;
/// TokenConfig status: settlements mint.
pub const MINTING_ENABLED: u8 = 1;

/// A leaky bucket that bounds how fast GRID is minted: what is minted fills it, time empties it, and it never holds more
/// than `burst`. So in any `t` seconds, however they are chosen, at most `burst + rate_per_second * t` is minted while
/// the limit stays as it is. All zero: no limit.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, Pod, PartialEq, Zeroable,
)]
#[repr(C)]
pub struct MintLimit {
    /// How much may be minted at once.
    pub burst: BaseUnits,
    /// How fast the bucket empties, per second.
    pub rate_per_second: BaseUnits,
    /// How full the bucket was at `updated_at`.
    pub level: BaseUnits,
    /// When `level` was brought up to date last (Unix seconds).
    pub updated_at: i64,
}

impl MintLimit {
    /// Whether these can be set: both zero, or a burst that lets at least a watt-hour through and a rate.
    pub const fn is_valid(burst: BaseUnits, rate_per_second: BaseUnits) -> bool {
        (burst.0 == 0 && rate_per_second.0 == 0)
            || (burst.0 >= BaseUnits::PER_WH && rate_per_second.0 > 0)
    }

    /// Whether there is a limit.
    #[inline(always)]
    pub fn is_set(&self) -> bool {
        self.burst != BaseUnits::ZERO
    }

    /// How full the bucket is. A clock that went back empties nothing.
    pub fn level_at(&self, now: i64) -> BaseUnits {
        let elapsed = now.saturating_sub(self.updated_at);
        match (
            u64::try_from(elapsed),
            self.level.0.checked_div(self.rate_per_second.0),
        ) {
            (Ok(elapsed), Some(seconds_left)) if elapsed <= seconds_left => {
                // The product is at most `level`, because `elapsed` is at most `level / rate_per_second`.
                let drained = elapsed.wrapping_mul(self.rate_per_second.0);
                self.level.beyond(BaseUnits(drained))
            }
            (Ok(_), Some(_)) => BaseUnits::ZERO,
            _ => self.level,
        }
    }

    /// How much may be minted now; `None` if there is no limit.
    pub fn available_at(&self, now: i64) -> Option<BaseUnits> {
        self.is_set().then(|| self.burst.beyond(self.level_at(now)))
    }

    /// Counts an amount that is about to be minted, or fails with [`GridError::MintLimitExceeded`]. For a limit that is
    /// set.
    pub fn take(&mut self, amount: BaseUnits, now: i64) -> GridResult {
        let level = self.level_at(now);
        ensure(
            amount <= self.burst.beyond(level),
            GridError::MintLimitExceeded,
        )?;
        self.level = level.plus(amount)?;
        self.updated_at = self.updated_at.max(now);
        Ok(())
    }

    /// Sets other figures, from now on. What is in the bucket stays in it as far as the new burst goes: a smaller one is
    /// used up at most, and recovers at the new rate.
    pub fn change(&mut self, burst: BaseUnits, rate_per_second: BaseUnits, now: i64) {
        *self = Self {
            burst,
            rate_per_second,
            level: self.level_at(now).min(burst),
            updated_at: now,
        };
    }
}

/// How much the token lets a settlement mint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room {
    /// That much more.
    pub left: Wh,
    /// The error once nothing is left.
    pub bound: GridError,
}

impl Room {
    /// Takes what has been settled, which is at most what is left.
    #[inline(always)]
    pub fn take(&mut self, energy: Wh) -> GridResult {
        let left = self.left.minus(energy);
        self.left = left.ok_or(GridError::ArithmeticOverflow)?;
        Ok(())
    }
}

/// The token's configuration, and the mint authority of GRID.
///
/// Seeds `["token"]` of the token-program. Status: [`MINTING_ENABLED`] or [`MINTING_DISABLED`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct TokenConfig {
    /// Type 4.
    pub header: Header,
    /// Who may switch minting off and on and limit it; can't mint.
    pub authority: Pubkey,
    /// Who has been proposed as the next authority; zero if nobody.
    pub pending_authority: Pubkey,
    /// Whose signature mints: the address of the RegistryConfig.
    pub registry_authority: Pubkey,
    /// The GRID mint.
    pub mint: Pubkey,
    /// Energy that has been minted since the beginning: all of it, retired or not, so it never ends.
    pub total_minted: Wh,
    /// Retired since the beginning, in whole watt-hours ...
    pub total_retired: Wh,
    /// ... and what is beside them, below a watt-hour.
    pub retired_beside: BaseUnits,
    /// How fast GRID may be minted.
    pub mint_limit: MintLimit,
}
account_layout!(TokenConfig, 192);
governed!(TokenConfig);

impl TokenConfig {
    /// How much a settlement may mint beside a supply of `supply`, in whole watt-hours: what the mint limit leaves, and what
    /// fits into the supply, which ends at 2^64 base units. Fails with [`GridError::MintingDisabled`]. `now` is asked only
    /// if there is a limit.
    #[inline(always)]
    pub fn room(
        &self,
        supply: BaseUnits,
        now: impl FnOnce() -> GridResult<i64>,
    ) -> GridResult<Room> {
        ensure(
            self.header.status == MINTING_ENABLED,
            GridError::MintingDisabled,
        )?;
        let fits = Room {
            left: supply.left_in_supply().to_wh(),
            bound: GridError::SupplyFull,
        };
        if self.mint_limit.is_set() {
            self.limited(fits, now()?)
        } else {
            Ok(fits)
        }
    }

    #[cold]
    fn limited(&self, fits: Room, now: i64) -> GridResult<Room> {
        match self.mint_limit.available_at(now).map(BaseUnits::to_wh) {
            Some(left) if left < fits.left => Ok(Room {
                left,
                bound: GridError::MintLimitExceeded,
            }),
            _ => Ok(fits),
        }
    }

    /// Counts GRID that is retired.
    pub fn retire(&mut self, amount: BaseUnits) -> GridResult {
        let beside = self.retired_beside.plus(amount.beside_wh())?;
        let retired = self.total_retired.plus(amount.to_wh())?;
        self.total_retired = retired.plus(beside.to_wh())?;
        self.retired_beside = beside.beside_wh();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(burst: u64, rate_per_second: u64) -> MintLimit {
        MintLimit {
            burst: BaseUnits(burst),
            rate_per_second: BaseUnits(rate_per_second),
            ..MintLimit::default()
        }
    }

    #[test]
    fn a_burst_then_the_rate() {
        let mut limit = limit(10_000_000, 1_000_000);
        assert_eq!(
            limit.take(BaseUnits(10_000_001), 100),
            Err(GridError::MintLimitExceeded)
        );
        assert_eq!(limit.take(BaseUnits(10_000_000), 100), Ok(()));
        assert_eq!(
            limit.take(BaseUnits(1), 100),
            Err(GridError::MintLimitExceeded)
        );
        assert_eq!(limit.available_at(103), Some(BaseUnits(3_000_000)));
        assert_eq!(
            limit.take(BaseUnits(3_000_001), 103),
            Err(GridError::MintLimitExceeded)
        );
        assert_eq!(limit.take(BaseUnits(3_000_000), 103), Ok(()));
        // A clock that goes back gives nothing, and what it takes back is not given twice.
        assert_eq!(limit.available_at(50), Some(BaseUnits(0)));
        assert_eq!(limit.take(BaseUnits(0), 50), Ok(()));
        assert_eq!(limit.available_at(103), Some(BaseUnits(0)));
        assert_eq!(limit.available_at(112), Some(BaseUnits(9_000_000)));
        assert_eq!(limit.available_at(i64::MAX), Some(BaseUnits(10_000_000)));
    }

    #[test]
    fn which_figures_make_sense() {
        let wh = BaseUnits::PER_WH;
        for (burst, rate, valid) in [
            (0, 0, true),
            (wh, 1, true),
            (u64::MAX, u64::MAX, true),
            (0, 1, false),
            (wh, 0, false),
            (wh - 1, 1, false),
        ] {
            let is_valid = MintLimit::is_valid(BaseUnits(burst), BaseUnits(rate));
            assert_eq!(is_valid, valid, "{burst}, {rate}");
        }
    }

    #[test]
    fn a_change_keeps_what_is_in_the_bucket_as_far_as_the_new_burst_goes() {
        let mut limit = limit(10_000_000, 1_000_000);
        limit.take(BaseUnits(8_000_000), 100).expect("room");
        // 7,000,000 are in it; the new burst is used up, and recovers at once.
        limit.change(BaseUnits(5_000_000), BaseUnits(500_000), 101);
        assert_eq!(limit.available_at(101), Some(BaseUnits(0)));
        assert_eq!(limit.available_at(102), Some(BaseUnits(500_000)));
        limit.change(BaseUnits(20_000_000), BaseUnits(500_000), 103);
        assert_eq!(limit.available_at(103), Some(BaseUnits(16_000_000)));
        // Off and on again.
        limit.change(BaseUnits(0), BaseUnits(0), 107);
        assert_eq!(limit.available_at(107), None);
        limit.change(BaseUnits(5_000_000), BaseUnits(500_000), 200);
        assert_eq!(limit.available_at(200), Some(BaseUnits(5_000_000)));
        // A clock that was ahead when the limit was changed is no longer when it is changed again.
        limit.change(BaseUnits(5_000_000), BaseUnits(500_000), 1_000_000);
        limit.change(BaseUnits(5_000_000), BaseUnits(500_000), 300);
        limit.take(BaseUnits(5_000_000), 300).expect("room");
        assert_eq!(limit.available_at(301), Some(BaseUnits(500_000)));
    }

    #[test]
    fn the_room_is_what_the_limit_leaves_and_what_fits_into_the_supply() {
        let config = |burst| TokenConfig {
            header: Header {
                status: MINTING_ENABLED,
                ..Header::zeroed()
            },
            mint_limit: limit(burst, 1),
            ..TokenConfig::zeroed()
        };
        let supply_full = |left| Room {
            left: Wh(left),
            bound: GridError::SupplyFull,
        };
        let limited = |left| Room {
            left: Wh(left),
            bound: GridError::MintLimitExceeded,
        };
        let most = Wh::MOST_IN_SUPPLY.0;
        let full = most * 1_000_000;
        for (burst, supply, expected) in [
            (0, 0, supply_full(most)),
            (0, 1_000_000, supply_full(most - 1)),
            (0, u64::MAX - 1_000_000, supply_full(1)),
            (0, u64::MAX - 999_999, supply_full(0)),
            (0, full, supply_full(0)),
            (0, u64::MAX, supply_full(0)),
            (7_999_999, 0, limited(7)),
            (7_000_000, full - 7_000_000, supply_full(7)),
            (7_000_000, full - 6_000_000, supply_full(6)),
            (7_000_000, full - 8_000_000, limited(7)),
        ] {
            let room = config(burst).room(BaseUnits(supply), || Ok(0));
            assert_eq!(room, Ok(expected), "{burst}, {supply}");
        }
        let disabled = TokenConfig::zeroed().room(BaseUnits(0), || Ok(0));
        assert_eq!(disabled, Err(GridError::MintingDisabled));
    }

    #[test]
    fn retired_base_units_add_up_to_watt_hours() {
        let mut config = TokenConfig::zeroed();
        for (amount, wh, beside) in [
            (999_999, 0, 999_999),
            (1, 1, 0),
            (2_500_000, 3, 500_000),
            (u64::MAX, 18_446_744_073_713, 51_615),
        ] {
            assert_eq!(config.retire(BaseUnits(amount)), Ok(()));
            let found = (config.total_retired, config.retired_beside);
            assert_eq!(found, (Wh(wh), BaseUnits(beside)), "{amount}");
        }
    }

    proptest! {
        /// The worst case, as documented: in any window of `t` seconds at most burst + rate * t; and nobody is refused
        /// what an exact bucket would allow.
        #[test]
        fn never_more_than_the_burst_and_the_rate(
            burst in prop_oneof![1_000_000..50_000_000u64, any::<u64>().prop_map(|burst| burst.max(1_000_000))],
            rate in prop_oneof![1..3_000_000u64, 1..=u64::MAX],
            wishes in prop::collection::vec((prop_oneof![-5..40i64, any::<i32>().prop_map(i64::from)], any::<u64>(), any::<bool>()), 1..40),
        ) {
            let mut limit = limit(burst, rate);
            let mut now = 1_000i64;
            let mut latest = 0;
            let mut exact = 0u128;
            let mut minted: Vec<(i64, u128)> = Vec::new();
            for (step, wish, modest) in wishes {
                now = now.saturating_add(step);
                // Half of the wishes are what fits exactly, or one unit more.
                let available = limit.available_at(now).map_or(u64::MAX, |available| available.0);
                let amount = if modest { available.saturating_add(wish % 2) } else { wish };
                // The exact bucket: its clock never goes back, and a refusal changes nothing.
                let elapsed = u64::try_from(now.saturating_sub(latest)).unwrap_or(0);
                let left = exact.saturating_sub(u128::from(elapsed) * u128::from(rate));
                let fits = left + u128::from(amount) <= u128::from(burst);
                prop_assert_eq!(limit.take(BaseUnits(amount), now).is_ok(), fits);
                if fits {
                    exact = left + u128::from(amount);
                    latest = latest.max(now);
                    minted.push((latest, u128::from(amount)));
                }
                prop_assert_eq!(u128::from(limit.level_at(latest).0), exact);
            }
            for (index, (start, _)) in minted.iter().enumerate() {
                let mut sum = 0;
                for (end, amount) in &minted[index..] {
                    sum += amount;
                    let bound = u128::from(burst) + u128::from(rate) * u128::from(end.abs_diff(*start));
                    prop_assert!(sum <= bound, "{sum} in {start}..{end}, more than {bound}");
                }
            }
        }
    }
}
