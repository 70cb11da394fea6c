use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

use super::header::{account_layout, Header};
use crate::quantity::BaseUnits;

/// The receipt of a retirement: GRID that its holder burned to claim the use of its energy. Never changed or closed.
///
/// Seeds `["retirement", holder, nonce]` of the token-program, the nonce as a little-endian `u64`. Status: unused, zero.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Retirement {
    /// Type 5.
    pub header: Header,
    /// Who held the GRID.
    pub holder: Pubkey,
    /// On whose behalf it is claimed.
    pub beneficiary: Pubkey,
    /// How much.
    pub amount: BaseUnits,
    /// When (Unix seconds).
    pub retired_at: i64,
    /// What tells the holder's receipts apart: the holder's choice.
    pub nonce: u64,
    /// What it is claimed for, in the holder's words: zero-padded.
    pub reference: [u8; 64],
}
account_layout!(Retirement, 160);
