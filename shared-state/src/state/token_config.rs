use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

use super::header::{account_layout, governed, Header};

/// TokenConfig status: nothing is minted.
pub const MINTING_DISABLED: u8 = 0;
/// TokenConfig status: settlements mint.
pub const MINTING_ENABLED: u8 = 1;

/// A leaky bucket that bounds how fast GRID is minted. All zero: no limit.
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
    /// When something was minted last (Unix seconds).
    pub updated_at: i64,
}

/// The token's configuration, and the mint authority of GRID.
///
/// Seeds `["token"]` of the token-program. Status: [`MINTING_ENABLED`] or [`MINTING_DISABLED`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct TokenConfig {
    /// Type 4.
    pub header: Header,
    /// Who may switch minting off and on; can't mint.
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
