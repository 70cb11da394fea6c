use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

use super::{
    header::{account_layout, Header},
    reading_state::ReadingState,
    token_config::Room,
    METER_ID_BYTES,
};
use crate::{
    error::{ensure, GridError, GridResult},
    quantity::{next, Wh},
};

/// A meter's status: the status byte of its header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum MeterStatus {
    /// Registered, or switched off by its owner: takes no readings, can't be settled.
    Inactive = 0,
    /// Takes readings and can be settled.
    Active = 1,
    /// Stopped by the registry authority, which alone can lift it.
    Suspended = 2,
    /// Final. Takes no readings; what is unsettled stays claimable.
    Decommissioned = 3,
}

impl MeterStatus {
    /// The status of a byte, if there is one.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Inactive),
            1 => Some(Self::Active),
            2 => Some(Self::Suspended),
            3 => Some(Self::Decommissioned),
            _ => None,
        }
    }

    /// Whether the registry authority may change a meter from this status to `next`: to every other one, but nothing
    /// brings a decommissioned meter back.
    pub const fn authority_may_change_to(self, next: Self) -> bool {
        use MeterStatus::*;
        matches!(
            (self, next),
            (Inactive, Active | Suspended | Decommissioned)
                | (Active, Inactive | Suspended | Decommissioned)
                | (Suspended, Inactive | Active | Decommissioned)
        )
    }

    /// Whether the meter's owner may: deactivate and reactivate, nothing else.
    pub const fn owner_may_change_to(self, next: Self) -> bool {
        use MeterStatus::*;
        matches!((self, next), (Active, Inactive) | (Inactive, Active))
    }
}

/// What kind of key a meter's device signs with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum DeviceKeyType {
    /// None: the reporter vouches for the readings.
    None = 0,
    /// Ed25519, 32 bytes.
    Ed25519 = 1,
    /// P-256 (secp256r1): the x coordinate, of the point whose y is even. The number is the SEC1 prefix.
    P256Even = 2,
    /// P-256 (secp256r1): the x coordinate, of the point whose y is odd. The number is the SEC1 prefix.
    P256Odd = 3,
}

impl DeviceKeyType {
    /// The type of a byte, if there is one.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            1 => Some(Self::Ed25519),
            2 => Some(Self::P256Even),
            3 => Some(Self::P256Odd),
            _ => None,
        }
    }

    /// Checks what is cheap to check of a key: that its type exists, and that it is all zeros exactly if there is none.
    /// Whether it is a point on its curve, only tools check: no signature verifies by one that isn't.
    pub fn check(byte: u8, key: &Pubkey) -> GridResult {
        let kind = Self::from_byte(byte).ok_or(GridError::InvalidDeviceKey)?;
        let is_zero = *key == Pubkey::new_from_array([0; 32]);
        ensure(is_zero == (kind == Self::None), GridError::InvalidDeviceKey)
    }
}

/// A registered meter.
///
/// Seeds `["meter", meter_id]` of the registry-program. Status: a [`MeterStatus`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Meter {
    /// Type 3.
    pub header: Header,
    /// Serial number in ASCII graphic characters, zero-padded: see [`meter_id`](super::meter_id).
    pub meter_id: [u8; METER_ID_BYTES],
    /// Who the meter's surplus belongs to.
    pub owner: Pubkey,
    /// Who has been proposed as the next owner; zero if nobody.
    pub pending_owner: Pubkey,
    /// Who else may settle to the owner's account; zero if nobody.
    pub delegate: Pubkey,
    /// The device's key, of type `device_key_type`; zero if its readings are vouched for by the reporter alone.
    pub device_key: Pubkey,
    /// Energy generated since registration.
    pub total_generation: Wh,
    /// Energy consumed since registration.
    pub total_consumption: Wh,
    /// The highest net generation that an accepted reading has shown while the meter's quality was at or above the
    /// registry's minimum: so much can be claimed in all. Goes down only by a correction of registers.
    pub claimable_net_generation: Wh,
    /// Net generation that has been settled, and so minted. Never goes down.
    pub settled_net_generation: Wh,
    /// When the meter was registered (Unix seconds).
    pub registered_at: i64,
    /// Number of rejected readings.
    pub rejected_count: u64,
    /// Number of settlements.
    pub settlement_count: u64,
    /// A [`DeviceKeyType`].
    pub device_key_type: u8,
    /// Why the last rejected reading was rejected: the code of its [`RejectReason`](crate::reading::RejectReason); zero if
    /// none ever was.
    pub last_reject_reason: u8,
    /// Zero.
    pub reserved: [u8; 6],
    /// What the next reading is judged against.
    pub state: ReadingState,
}
account_layout!(Meter, 360);

impl Meter {
    /// Generation minus consumption since registration, at least zero.
    #[inline(always)]
    pub fn net_generation(&self) -> Wh {
        self.total_generation.beyond(self.total_consumption)
    }

    /// Net generation that has not been settled yet, whether it can be claimed or not. Zero while consumption has eaten up
    /// what was settled before.
    #[inline(always)]
    pub fn unsettled(&self) -> Wh {
        self.net_generation().beyond(self.settled_net_generation)
    }

    /// The part of [`Self::unsettled`] that can be claimed: what was counted while the quality was good enough, and has not
    /// been consumed since.
    #[inline(always)]
    pub fn claimable(&self) -> Wh {
        let net = self.net_generation().min(self.claimable_net_generation);
        net.beyond(self.settled_net_generation)
    }

    /// How much a settlement settles now, at most what the token has `room` for, or why nothing: the one rule of what can
    /// be claimed.
    #[inline(always)]
    pub fn settleable(&self, room: &Room) -> GridResult<Wh> {
        ensure(self.can_settle(), GridError::MeterNotActive)?;
        // `Self::claimable`, step by step: what the compiler makes of differences of at least zero takes 18 units more.
        let net = self.total_generation.minus(self.total_consumption);
        let vouched = net.map(|net| net.min(self.claimable_net_generation));
        let claimable = vouched.and_then(|net| net.minus(self.settled_net_generation));
        let claimable = match claimable {
            Some(claimable) if claimable > Wh::ZERO => claimable,
            _ => return Err(self.why_nothing_is_claimable()),
        };
        if room.left == Wh::ZERO {
            return Err(room.bound);
        }
        Ok(claimable.min(room.left))
    }

    #[cold]
    fn why_nothing_is_claimable(&self) -> GridError {
        if self.unsettled() == Wh::ZERO {
            GridError::InsufficientBalance
        } else {
            GridError::QualityTooLow
        }
    }

    /// Advances what has been settled by `energy`, which [`Self::settleable`] has given.
    #[inline(always)]
    pub fn settle(&mut self, energy: Wh) -> GridResult {
        self.settled_net_generation = self.settled_net_generation.plus(energy)?;
        self.settlement_count = next(self.settlement_count)?;
        Ok(())
    }

    /// The status; an unknown byte, which no instruction writes, counts as suspended.
    #[inline(always)]
    pub fn status(&self) -> MeterStatus {
        MeterStatus::from_byte(self.header.status).unwrap_or(MeterStatus::Suspended)
    }

    /// Whether the meter takes readings.
    #[inline(always)]
    pub fn is_active(&self) -> bool {
        self.header.status == MeterStatus::Active as u8
    }

    /// Whether the owner may settle: the meter is active, or decommissioned with something left.
    #[inline(always)]
    pub fn can_settle(&self) -> bool {
        self.is_active() || self.header.status == MeterStatus::Decommissioned as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(generation: u64, consumption: u64, settled: u64) -> Meter {
        Meter {
            total_generation: Wh(generation),
            total_consumption: Wh(consumption),
            claimable_net_generation: Wh(u64::MAX),
            settled_net_generation: Wh(settled),
            ..Meter::zeroed()
        }
    }

    #[test]
    fn unsettled_is_what_net_generation_has_gained_since_the_last_settlement() {
        assert_eq!(meter(1_000_000, 300_000, 400_000).unsettled(), Wh(300_000));
        assert_eq!(meter(800_000, 250_000, 550_000).unsettled(), Wh(0));
    }

    #[test]
    fn unsettled_never_underflows() {
        assert_eq!(meter(100, 200, 0).unsettled(), Wh(0));
        assert_eq!(meter(300, 200, 150).unsettled(), Wh(0));
        assert_eq!(meter(u64::MAX, 0, 0).unsettled(), Wh(u64::MAX));
        assert_eq!(meter(0, u64::MAX, u64::MAX).unsettled(), Wh(0));
    }

    #[test]
    fn transitions() {
        use MeterStatus::*;
        let all = [Inactive, Active, Suspended, Decommissioned];
        for from in all {
            assert_eq!(MeterStatus::from_byte(from as u8), Some(from));
            for to in all {
                let authority = from != to && from != Decommissioned;
                assert_eq!(
                    from.authority_may_change_to(to),
                    authority,
                    "{from:?} to {to:?}"
                );
                let owner = matches!((from, to), (Active, Inactive) | (Inactive, Active));
                assert_eq!(from.owner_may_change_to(to), owner, "{from:?} to {to:?}");
            }
        }
        assert_eq!(MeterStatus::from_byte(4), None);
        assert_eq!(
            Meter {
                header: Header {
                    status: 9,
                    ..Header::zeroed()
                },
                ..Meter::zeroed()
            }
            .status(),
            Suspended
        );
    }

    #[test]
    fn what_can_be_claimed_is_bounded_by_what_was_vouched_for_and_what_is_left() {
        let room = |left| Room {
            left: Wh(left),
            bound: GridError::MintLimitExceeded,
        };
        let meter = |status: MeterStatus, claimable, net, settled| Meter {
            header: Header {
                status: status as u8,
                ..Header::zeroed()
            },
            claimable_net_generation: Wh(claimable),
            ..meter(net, 0, settled)
        };
        use MeterStatus::*;
        let all = room(u64::MAX);
        for (status, claimable, net, settled, room, expected) in [
            (Active, 100, 100, 40, &all, Ok(Wh(60))),
            // Counted while the quality was too low.
            (Active, 70, 100, 40, &all, Ok(Wh(30))),
            (Active, 40, 100, 40, &all, Err(GridError::QualityTooLow)),
            // Consumed since.
            (Active, 100, 70, 40, &all, Ok(Wh(30))),
            (
                Active,
                100,
                40,
                40,
                &all,
                Err(GridError::InsufficientBalance),
            ),
            (
                Active,
                100,
                30,
                40,
                &all,
                Err(GridError::InsufficientBalance),
            ),
            (Active, 100, 100, 40, &room(59), Ok(Wh(59))),
            (
                Active,
                100,
                100,
                40,
                &room(0),
                Err(GridError::MintLimitExceeded),
            ),
            (Decommissioned, 100, 100, 40, &all, Ok(Wh(60))),
            (
                Suspended,
                100,
                100,
                40,
                &all,
                Err(GridError::MeterNotActive),
            ),
            (Inactive, 100, 100, 40, &all, Err(GridError::MeterNotActive)),
        ] {
            let meter = meter(status, claimable, net, settled);
            assert_eq!(
                meter.settleable(room),
                expected,
                "{status:?} {claimable} {net} {settled}"
            );
        }
    }

    #[test]
    fn device_keys() {
        let (zero, key) = (Pubkey::default(), Pubkey::new_from_array([1; 32]));
        for kind in 0..=4 {
            let is_known = kind <= 3;
            assert_eq!(
                DeviceKeyType::check(kind, &key).is_ok(),
                is_known && kind != 0
            );
            assert_eq!(DeviceKeyType::check(kind, &zero).is_ok(), kind == 0);
        }
    }
}
