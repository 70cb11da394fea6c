//! A meter reading, as gateways send it and the oracle passes it on.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};

use crate::{
    error::GridError,
    quantity::{Bps, Wh},
    state::PowerProfile,
};

/// What a meter says: its cumulative registers at a time.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Reading {
    /// When the meter took it (Unix seconds).
    pub timestamp: i64,
    /// Cumulative generation or export, OBIS 2.8.0.
    pub generation_register: Wh,
    /// Cumulative consumption or import, OBIS 1.8.0.
    pub consumption_register: Wh,
}

/// What the oracle makes of a reading, for the registry to record.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct ReadingOutcome {
    /// The reading itself.
    pub reading: Reading,
    /// The meter's running mean and deviation afterwards; unchanged by a rejected reading.
    pub profile: PowerProfile,
    /// The meter's quality afterwards.
    pub quality: Bps,
    /// Why it was rejected: the code of a [`RejectReason`]. Zero: it was accepted.
    pub reason: u8,
    /// Its score (0-100); zero if it was rejected.
    pub score: u8,
    /// What was unusual: bits of [`flags`].
    pub flags: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

impl ReadingOutcome {
    /// Reason of an accepted reading.
    pub const ACCEPTED: u8 = 0;

    /// Whether the reading was accepted.
    #[inline(always)]
    pub fn is_accepted(&self) -> bool {
        self.reason == Self::ACCEPTED
    }
}

/// Bits of [`ReadingOutcome::flags`]. The first four are also those of
/// [`MeterReadingRecorded`](crate::event::MeterReadingRecorded).
pub mod flags {
    /// The generation is far from the meter's mean.
    pub const GENERATION_ANOMALY: u8 = 1;
    /// The consumption is far from the meter's mean.
    pub const CONSUMPTION_ANOMALY: u8 = 2;
    /// More than two expected intervals since the last reading.
    pub const GAP: u8 = 4;
    /// The reading arrived late.
    pub const LATE: u8 = 8;

    /// All flags that an accepted reading can have.
    pub const OF_ACCEPTED: u8 = GENERATION_ANOMALY | CONSUMPTION_ANOMALY | GAP | LATE;

    /// Rejected: the generation register jumped, and is held.
    pub const GENERATION_HELD: u8 = 16;
    /// Rejected: the consumption register jumped, and is held.
    pub const CONSUMPTION_HELD: u8 = 32;
    /// Rejected: it cost the meter quality.
    pub const CHARGED: u8 = 64;
    /// In a call to the registry: of the same meter as the outcome before.
    pub const SAME_METER: u8 = 128;
}

/// Declares [`RejectReason`] and its codes: those of the [`GridError`]s of the same names.
macro_rules! reject_reasons {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Why a reading is rejected, and recorded as such. The codes are those of [`GridError`], so that a transaction
        /// that insists on good readings fails with the same ones.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[repr(u8)]
        pub enum RejectReason {
            $($(#[$doc])* $name = GridError::$name as u8,)*
        }

        impl RejectReason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The reason of a code, if there is one.
            pub const fn from_code(code: u8) -> Option<Self> {
                $(if code == Self::$name as u8 {
                    return Some(Self::$name);
                })*
                None
            }
        }

        impl From<RejectReason> for GridError {
            fn from(reason: RejectReason) -> Self {
                match reason {
                    $(RejectReason::$name => Self::$name,)*
                }
            }
        }
    };
}

reject_reasons! {
    /// The meter takes no readings.
    MeterNotActive,
    /// Not after the last accepted reading, or the registration.
    ReadingNotNewer,
    /// Too far ahead of the cluster's clock.
    ReadingInFuture,
    /// Older than the oracle takes readings.
    ReadingTooOld,
    /// Too soon after the last accepted reading.
    ReadingTooSoon,
    /// The generation register went back.
    GenerationRegisterBackwards,
    /// The consumption register went back.
    ConsumptionRegisterBackwards,
    /// More generation than the rated power allows.
    GenerationAboveRatedPower,
    /// More consumption than the rated power allows.
    ConsumptionAboveRatedPower,
    /// The meter has a device key, and the reading isn't signed by it.
    UnsignedReading,
    /// A register jumped further than any meter can count, and is held.
    RegisterJumped,
    /// A register at or above the value at which it starts again from zero.
    RegisterBeyondModulus,
}

impl RejectReason {
    /// The code that is stored and logged.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether it says something about the meter, and so costs it quality. The others say something about the gateway, the
    /// oracle or the way in between: readings that were sent twice, too often, too early, too late or without their signature.
    /// What costs quality is never from the future: a charge's timestamp is what the next one must be newer than.
    pub const fn costs_quality(self) -> bool {
        match self {
            Self::GenerationRegisterBackwards
            | Self::ConsumptionRegisterBackwards
            | Self::GenerationAboveRatedPower
            | Self::ConsumptionAboveRatedPower
            | Self::RegisterJumped
            | Self::RegisterBeyondModulus => true,
            Self::MeterNotActive
            | Self::ReadingInFuture
            | Self::ReadingNotNewer
            | Self::ReadingTooOld
            | Self::ReadingTooSoon
            | Self::UnsignedReading => false,
        }
    }

    /// Whether the same reading may be accepted when it is sent again later, with nothing else changed but the time or
    /// what an operator can switch.
    pub const fn may_pass_later(self) -> bool {
        match self {
            Self::MeterNotActive | Self::ReadingInFuture | Self::UnsignedReading => true,
            // A changed rated power lets the same reading pass.
            Self::GenerationAboveRatedPower
            | Self::ConsumptionAboveRatedPower
            | Self::RegisterJumped => true,
            Self::ReadingNotNewer
            | Self::ReadingTooOld
            | Self::ReadingTooSoon
            | Self::GenerationRegisterBackwards
            | Self::ConsumptionRegisterBackwards
            | Self::RegisterBeyondModulus => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::assert_borsh_is_memory;

    #[test]
    fn borsh_bytes_are_memory_bytes() {
        assert_borsh_is_memory::<Reading>();
        assert_borsh_is_memory::<ReadingOutcome>();
    }

    #[test]
    fn a_reason_has_the_code_of_its_error() {
        for reason in RejectReason::ALL {
            assert_eq!(u32::from(reason.code()), GridError::from(*reason).code());
            assert_eq!(RejectReason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(RejectReason::from_code(ReadingOutcome::ACCEPTED), None);
        assert_eq!(RejectReason::from_code(GridError::OraclePaused as u8), None);
    }
}
