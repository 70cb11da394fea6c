use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

use super::header::{account_layout, Header};
use crate::error::{GridError, GridResult};

/// Length of a meter id.
pub const METER_ID_BYTES: usize = 32;

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

/// Running mean and mean deviation of a meter's power, in watts, for both directions.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, Pod, PartialEq, Zeroable,
)]
#[repr(C)]
pub struct PowerProfile {
    /// Mean generation (W).
    pub generation_mean_w: u32,
    /// Mean absolute deviation of the generation (W).
    pub generation_deviation_w: u32,
    /// Mean consumption (W).
    pub consumption_mean_w: u32,
    /// Mean absolute deviation of the consumption (W).
    pub consumption_deviation_w: u32,
}

/// What a meter's next reading is validated against: the end of a [`Meter`], byte for byte. In a batch, the oracle
/// carries it from one reading of a meter to the next one of the same meter.
#[derive(Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Track {
    /// Timestamp of the last accepted reading; the time of registration before the first one.
    pub last_reading_at: i64,
    /// Last accepted generation register (Wh).
    pub generation_register: u64,
    /// Last accepted consumption register (Wh).
    pub consumption_register: u64,
    /// Running mean and deviation of the power.
    pub profile: PowerProfile,
    /// Number of accepted readings.
    pub accepted_count: u64,
    /// Rated power of the generator (W).
    pub generation_capacity_w: u32,
    /// Rated power of the connection (W).
    pub consumption_capacity_w: u32,
    /// Quality in basis points.
    pub quality: u16,
    /// What the oracle has no use for.
    pub rest: [u8; 6],
}

/// A registered meter.
///
/// Seeds `["meter", meter_id]` of the registry-program. Status: a [`MeterStatus`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Meter {
    /// Type 3.
    pub header: Header,
    /// Serial number in UTF-8, zero-padded.
    pub meter_id: [u8; METER_ID_BYTES],
    /// Who the meter's surplus belongs to.
    pub owner: Pubkey,
    /// Who has been proposed as the next owner; zero if nobody.
    pub pending_owner: Pubkey,
    /// Who else may settle to the owner's account; zero if nobody.
    pub delegate: Pubkey,
    /// The device's Ed25519 key; zero if its readings are vouched for by the reporter alone.
    pub device_key: Pubkey,
    /// Energy generated since registration (Wh).
    pub total_generation: u64,
    /// Energy consumed since registration (Wh).
    pub total_consumption: u64,
    /// Net generation that has been settled, and so minted (Wh). Never goes down.
    pub settled_net_generation: u64,
    /// When the meter was registered (Unix seconds).
    pub registered_at: i64,
    /// Number of rejected readings.
    pub rejected_count: u64,
    /// Number of settlements.
    pub settlement_count: u64,
    /// Timestamp of the last accepted reading; the time of registration before the first one. From here on, a [`Track`].
    pub last_reading_at: i64,
    /// Last accepted generation register, as the meter sent it (Wh).
    pub generation_register: u64,
    /// Last accepted consumption register, as the meter sent it (Wh).
    pub consumption_register: u64,
    /// Running mean and deviation of the power.
    pub profile: PowerProfile,
    /// Number of accepted readings.
    pub accepted_count: u64,
    /// Rated power of the generator (W).
    pub generation_capacity_w: u32,
    /// Rated power of the connection (W).
    pub consumption_capacity_w: u32,
    /// Running average of the readings' scores in basis points.
    pub quality: u16,
    /// Why the last rejected reading was rejected: the code of its [`GridError`]; zero if none ever was.
    pub last_reject_reason: u8,
    /// Zero.
    pub reserved: [u8; 5],
}
account_layout!(Meter, 280);

/// Where the [`Track`] begins in a [`Meter`].
const TRACK: usize = core::mem::offset_of!(Meter, last_reading_at);
const _: () = {
    use core::mem::offset_of;
    assert!(TRACK + size_of::<Track>() == size_of::<Meter>());
    assert!(
        offset_of!(Meter, generation_register) - TRACK == offset_of!(Track, generation_register)
    );
    assert!(
        offset_of!(Meter, consumption_register) - TRACK == offset_of!(Track, consumption_register)
    );
    assert!(offset_of!(Meter, profile) - TRACK == offset_of!(Track, profile));
    assert!(offset_of!(Meter, accepted_count) - TRACK == offset_of!(Track, accepted_count));
    assert!(
        offset_of!(Meter, generation_capacity_w) - TRACK
            == offset_of!(Track, generation_capacity_w)
    );
    assert!(
        offset_of!(Meter, consumption_capacity_w) - TRACK
            == offset_of!(Track, consumption_capacity_w)
    );
    assert!(offset_of!(Meter, quality) - TRACK == offset_of!(Track, quality));
};

impl Meter {
    /// Generation minus consumption since registration, at least zero (Wh).
    #[inline(always)]
    pub fn net_generation(&self) -> u64 {
        excess(self.total_generation, self.total_consumption)
    }

    /// Net generation that has not been settled yet (Wh). Zero while consumption has eaten up what was settled before.
    #[inline(always)]
    pub fn unsettled(&self) -> u64 {
        excess(self.net_generation(), self.settled_net_generation)
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

    /// What the next reading is validated against.
    #[inline(always)]
    pub fn track(&self) -> &Track {
        // SAFETY: the last bytes of a meter are a `Track` (asserted above), at a multiple of 8.
        unsafe { &*(&raw const *self).byte_add(TRACK).cast::<Track>() }
    }
}

/// `a - b`, at least zero. (Not `saturating_sub`: what the compiler makes of it takes six units more.)
#[inline(always)]
fn excess(a: u64, b: u64) -> u64 {
    if a > b {
        a.wrapping_sub(b)
    } else {
        0
    }
}

/// The meter id of a serial number: UTF-8, 1 to 32 bytes without spaces and control characters, zero-padded.
pub fn meter_id(serial: &str) -> GridResult<[u8; METER_ID_BYTES]> {
    let mut id = [0; METER_ID_BYTES];
    id.get_mut(..serial.len())
        .ok_or(GridError::InvalidMeterId)?
        .copy_from_slice(serial.as_bytes());
    meter_name(&id)?;
    Ok(id)
}

/// The serial number of a meter id; fails with [`GridError::InvalidMeterId`] if it isn't UTF-8, is empty, or has
/// anything behind its zero padding, or contains a space or control character (a meter must not get a second account
/// under a name that looks the same).
pub fn meter_name(id: &[u8; METER_ID_BYTES]) -> GridResult<&str> {
    let length = id
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(METER_ID_BYTES);
    let (name, padding) = id.split_at(length);
    let is_blank = |byte: &u8| *byte <= b' ' || *byte == 0x7F;
    if name.is_empty() || name.iter().any(is_blank) || padding.iter().any(|byte| *byte != 0) {
        return Err(GridError::InvalidMeterId);
    }
    core::str::from_utf8(name).map_err(|_| GridError::InvalidMeterId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::AccountLayout;

    fn meter(generation: u64, consumption: u64, settled: u64) -> Meter {
        Meter {
            total_generation: generation,
            total_consumption: consumption,
            settled_net_generation: settled,
            ..Meter::zeroed()
        }
    }

    #[test]
    fn unsettled_is_what_net_generation_has_gained_since_the_last_settlement() {
        assert_eq!(meter(1_000_000, 300_000, 400_000).unsettled(), 300_000);
        assert_eq!(meter(800_000, 250_000, 550_000).unsettled(), 0);
    }

    #[test]
    fn the_track_is_the_end_of_the_meter() {
        let mut bytes = [0u8; Meter::SIZE];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = place as u8;
        }
        let meter: Meter = bytemuck::pod_read_unaligned(&bytes);
        let track = meter.track();
        assert_eq!(bytemuck::bytes_of(track), &bytes[TRACK..]);
        assert_eq!(track.last_reading_at, meter.last_reading_at);
        assert_eq!(track.profile, meter.profile);
        assert_eq!(track.quality, meter.quality);
    }

    #[test]
    fn unsettled_never_underflows() {
        assert_eq!(meter(100, 200, 0).unsettled(), 0);
        assert_eq!(meter(300, 200, 150).unsettled(), 0);
        assert_eq!(meter(u64::MAX, 0, 0).unsettled(), u64::MAX);
        assert_eq!(meter(0, u64::MAX, u64::MAX).unsettled(), 0);
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
    fn meter_ids() {
        let id = meter_id("ISK-42").expect("valid");
        assert_eq!(&id[..7], b"ISK-42\0");
        assert_eq!(meter_name(&id), Ok("ISK-42"));
        assert!(meter_id(&"x".repeat(32)).is_ok());
        for bad in [
            "",
            &"x".repeat(33),
            "a\0b",
            "a ",
            " a",
            "a\n",
            "a\tb",
            "a\x7F",
        ] {
            assert_eq!(meter_id(bad), Err(GridError::InvalidMeterId), "{bad:?}");
        }
        let mut id = [0xFF; 32];
        assert_eq!(meter_name(&id), Err(GridError::InvalidMeterId));
        id = [0; 32];
        id[5] = b'x';
        assert_eq!(meter_name(&id), Err(GridError::InvalidMeterId));
    }
}
