//! A meter reading, as gateways send it and the oracle passes it on.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};

use crate::state::PowerProfile;

/// What a meter says: its cumulative registers at a time.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Reading {
    /// When the meter took it (Unix seconds).
    pub timestamp: i64,
    /// Cumulative generation or export (Wh), OBIS 2.8.0.
    pub generation_register: u64,
    /// Cumulative consumption or import (Wh), OBIS 1.8.0.
    pub consumption_register: u64,
}

/// What the oracle makes of a reading, for the registry to record.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct ReadingOutcome {
    /// The reading itself.
    pub reading: Reading,
    /// The meter's running mean and deviation afterwards; unchanged by a rejected reading.
    pub profile: PowerProfile,
    /// The meter's quality afterwards (bps).
    pub quality: u16,
    /// Why it was rejected: the code of a [`GridError`](crate::error::GridError). Zero: it was accepted.
    pub reason: u8,
    /// Its score (0-100); zero if it was rejected.
    pub score: u8,
    /// What was unusual: [`event::flags`](crate::event::flags).
    pub flags: u32,
}

/// Reason of an accepted reading.
pub const ACCEPTED: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::assert_borsh_is_memory;

    #[test]
    fn borsh_bytes_are_memory_bytes() {
        assert_borsh_is_memory::<Reading>();
        assert_borsh_is_memory::<ReadingOutcome>();
    }
}
