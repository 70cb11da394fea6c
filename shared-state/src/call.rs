//! The calls between the programs: what one encodes, the other decodes, here beside each other.

use core::mem::MaybeUninit;

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

use crate::{
    error::GridResult,
    program::List,
    quantity::Wh,
    reading::ReadingOutcome,
    wire::{self, Packed},
};

/// The registry's `RecordReadings`, which the oracle calls: a tag and a Borsh `Vec<ReadingOutcome>`.
pub struct RecordReadings;

impl RecordReadings {
    /// The instruction's tag.
    pub const TAG: u8 = 3;

    /// Tag and number of outcomes.
    const HEADER: usize = 5;

    /// A list with room for that many outcomes, to be encoded.
    #[inline(always)]
    pub fn list(capacity: usize) -> OutcomeList {
        OutcomeList(List::new(capacity))
    }

    /// The outcomes in the instruction's arguments.
    #[inline(always)]
    pub fn decode(data: &[u8]) -> GridResult<&[Packed<ReadingOutcome>]> {
        wire::list(data)
    }
}

/// Outcomes on their way to the registry.
pub struct OutcomeList(List<ReadingOutcome, { RecordReadings::HEADER }>);

impl OutcomeList {
    /// Appends an outcome.
    #[inline(always)]
    pub fn push(&mut self, outcome: ReadingOutcome) -> GridResult {
        self.0.push(outcome)
    }

    /// The place of the next outcome, if there is room.
    #[inline(always)]
    pub fn place(&mut self) -> Option<&mut MaybeUninit<ReadingOutcome>> {
        self.0.place()
    }

    /// Takes the next outcome's place up into the list.
    ///
    /// # Safety
    /// [`Self::place`] must have given a place, and an outcome must have been written there.
    #[inline(always)]
    pub unsafe fn extend(&mut self) {
        // SAFETY: as promised.
        unsafe { self.0.extend() };
    }

    /// The outcome that was appended last.
    #[inline(always)]
    pub fn last_mut(&mut self) -> Option<&mut ReadingOutcome> {
        self.0.last_mut()
    }

    /// The instruction's data.
    #[inline(always)]
    pub fn encode(&mut self) -> &[u8] {
        let mut header = [RecordReadings::TAG; RecordReadings::HEADER];
        let (_, count) = header.split_at_mut(1);
        count.copy_from_slice(&(self.0.len() as u32).to_le_bytes());
        self.0.with_header(header)
    }
}

/// The token program's `MintSettled`, which the registry calls.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct MintSettled {
    /// How much energy was settled.
    pub energy: Wh,
}

impl MintSettled {
    /// The instruction's tag.
    pub const TAG: u8 = 1;

    /// The instruction's data.
    #[inline(always)]
    pub fn encode(self) -> [u8; 9] {
        let mut data = [Self::TAG; 9];
        let (_, energy) = data.split_at_mut(1);
        energy.copy_from_slice(&self.energy.0.to_le_bytes());
        data
    }

    /// The call of the instruction's arguments.
    #[inline(always)]
    pub fn decode(data: &[u8]) -> GridResult<Self> {
        wire::args(data)
    }
}

/// Arguments of `ProposeAuthority`, which all three programs have.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct ProposeAuthority {
    /// Who may accept; zero withdraws the proposal.
    pub proposed: Pubkey,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::GridError;

    #[test]
    fn recorded_readings_arrive_as_they_were_sent() {
        let outcomes = [1u8, 2].map(|reason| ReadingOutcome {
            reason,
            ..ReadingOutcome::zeroed()
        });
        let mut list = RecordReadings::list(2);
        assert_eq!(list.last_mut(), None);
        for outcome in outcomes {
            assert_eq!(list.push(outcome), Ok(()));
            assert_eq!(list.last_mut(), Some(&mut outcome.clone()));
        }
        assert_eq!(list.push(outcomes[0]), Err(GridError::TooManyAccounts));
        let data = list.encode();
        let borsh = borsh::to_vec(&(RecordReadings::TAG, outcomes.to_vec()));
        assert_eq!(data, borsh.expect("to memory"));
        let decoded = RecordReadings::decode(&data[1..]).expect("a list");
        let decoded: Vec<_> = decoded.iter().map(Packed::get).collect();
        assert_eq!(decoded, outcomes);
    }

    #[test]
    fn a_settlement_arrives_as_it_was_sent() {
        let call = MintSettled { energy: Wh(0x0123) };
        let data = call.encode();
        assert_eq!(MintSettled::decode(&data[1..]), Ok(call));
        assert_eq!(
            data[..],
            borsh::to_vec(&(MintSettled::TAG, call)).expect("to memory")
        );
        assert!(MintSettled::decode(&data).is_err());
    }
}
