use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

use super::header::{account_layout, governed, Header};
use crate::{
    error::{ensure, GridError, GridResult},
    units::BASE_UNITS_PER_WH,
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
    /// How much may be minted at once (base units).
    pub burst: u64,
    /// How fast the bucket empties (base units per second).
    pub rate_per_second: u64,
    /// How full the bucket was at `updated_at` (base units).
    pub level: u64,
    /// When `level` was brought up to date last (Unix seconds).
    pub updated_at: i64,
}

impl MintLimit {
    /// Whether these can be set: both zero, or a burst that lets at least a watt-hour through and a rate.
    pub const fn is_valid(burst: u64, rate_per_second: u64) -> bool {
        (burst == 0 && rate_per_second == 0) || (burst >= BASE_UNITS_PER_WH && rate_per_second > 0)
    }

    /// Whether there is a limit.
    #[inline(always)]
    pub fn is_set(&self) -> bool {
        self.burst != 0
    }

    /// How full the bucket is (base units). A clock that went back empties nothing.
    pub fn level_at(&self, now: i64) -> u64 {
        let elapsed = now.saturating_sub(self.updated_at);
        match (
            u64::try_from(elapsed),
            self.level.checked_div(self.rate_per_second),
        ) {
            (Ok(elapsed), Some(seconds_left)) if elapsed <= seconds_left => {
                // The product is at most `level`, because `elapsed` is at most `level / rate_per_second`.
                self.level
                    .wrapping_sub(elapsed.wrapping_mul(self.rate_per_second))
            }
            (Ok(_), Some(_)) => 0,
            _ => self.level,
        }
    }

    /// How much may be minted now (base units).
    pub fn available_at(&self, now: i64) -> u64 {
        if self.is_set() {
            self.burst.saturating_sub(self.level_at(now))
        } else {
            u64::MAX
        }
    }

    /// Counts an amount that is about to be minted, or fails with [`GridError::MintLimitExceeded`]. For a limit that is
    /// set.
    pub fn take(&mut self, amount: u64, now: i64) -> GridResult {
        let level = self.level_at(now);
        ensure(
            amount <= self.burst.saturating_sub(level),
            GridError::MintLimitExceeded,
        )?;
        self.level = level.saturating_add(amount);
        self.updated_at = self.updated_at.max(now);
        Ok(())
    }

    /// Sets other figures. What is in the bucket stays in it, so nobody gets a full burst anew by a change; what is minted
    /// while there is no limit doesn't get in, and nothing gets out.
    pub fn change(&mut self, burst: u64, rate_per_second: u64, now: i64) {
        *self = Self {
            burst,
            rate_per_second,
            level: self.level_at(now),
            updated_at: self.updated_at.max(now),
        };
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
    /// Minted since the beginning (base units).
    pub total_minted: u64,
    /// Retired since the beginning (base units).
    pub total_retired: u64,
    /// How fast GRID may be minted.
    pub mint_limit: MintLimit,
}
account_layout!(TokenConfig, 184);
governed!(TokenConfig);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(burst: u64, rate_per_second: u64) -> MintLimit {
        MintLimit {
            burst,
            rate_per_second,
            ..MintLimit::default()
        }
    }

    #[test]
    fn a_burst_then_the_rate() {
        let mut limit = limit(10_000_000, 1_000_000);
        assert_eq!(
            limit.take(10_000_001, 100),
            Err(GridError::MintLimitExceeded)
        );
        assert_eq!(limit.take(10_000_000, 100), Ok(()));
        assert_eq!(limit.take(1, 100), Err(GridError::MintLimitExceeded));
        assert_eq!(limit.available_at(103), 3_000_000);
        assert_eq!(
            limit.take(3_000_001, 103),
            Err(GridError::MintLimitExceeded)
        );
        assert_eq!(limit.take(3_000_000, 103), Ok(()));
        // A clock that goes back gives nothing, and what it takes back is not given twice.
        assert_eq!(limit.available_at(50), 0);
        assert_eq!(limit.take(0, 50), Ok(()));
        assert_eq!(limit.available_at(103), 0);
        assert_eq!(limit.available_at(112), 9_000_000);
        assert_eq!(limit.available_at(i64::MAX), 10_000_000);
    }

    #[test]
    fn which_figures_make_sense() {
        for (burst, rate, valid) in [
            (0, 0, true),
            (BASE_UNITS_PER_WH, 1, true),
            (u64::MAX, u64::MAX, true),
            (0, 1, false),
            (BASE_UNITS_PER_WH, 0, false),
            (BASE_UNITS_PER_WH - 1, 1, false),
        ] {
            assert_eq!(MintLimit::is_valid(burst, rate), valid, "{burst}, {rate}");
        }
    }

    #[test]
    fn a_change_keeps_what_is_in_the_bucket() {
        let mut limit = limit(10_000_000, 1_000_000);
        limit.take(8_000_000, 100).expect("room");
        limit.change(5_000_000, 500_000, 101);
        assert_eq!(limit.available_at(101), 0);
        assert_eq!(limit.available_at(105), 0);
        assert_eq!(limit.available_at(106), 500_000);
        // Off and on again.
        limit.change(0, 0, 107);
        assert_eq!(limit.available_at(107), u64::MAX);
        limit.change(5_000_000, 500_000, 200);
        assert_eq!(limit.available_at(200), 1_000_000);
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
                let amount = if modest { limit.available_at(now).saturating_add(wish % 2) } else { wish };
                // The exact bucket: its clock never goes back, and a refusal changes nothing.
                let elapsed = u64::try_from(now.saturating_sub(latest)).unwrap_or(0);
                let left = exact.saturating_sub(u128::from(elapsed) * u128::from(rate));
                let fits = left + u128::from(amount) <= u128::from(burst);
                prop_assert_eq!(limit.take(amount, now).is_ok(), fits);
                if fits {
                    exact = left + u128::from(amount);
                    latest = latest.max(now);
                    minted.push((latest, u128::from(amount)));
                }
                prop_assert_eq!(u128::from(limit.level_at(latest)), exact);
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
