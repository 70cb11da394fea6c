//! What the programs log: one `sol_log_data` field per event, made of 8 bytes of `sha256("event:<Name>")` and the Borsh
//! encoding of the fields. Indexers that decode Anchor events decode these.
//!
//! A line looks like `Program data: <base64>` between the `invoke` and `success` lines of the program that logged it;
//! [`Event::decode`] takes the decoded bytes.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use sha2_const_stable::Sha256;
use solana_program::pubkey::Pubkey;

use crate::state::Rules;

/// The first 8 bytes of `sha256("event:" + name)`.
const fn discriminator(name: &str) -> [u8; 8] {
    let hash = Sha256::new()
        .update(b"event:")
        .update(name.as_bytes())
        .finalize();
    [
        hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7],
    ]
}

/// A struct that can be logged: `repr(C)`, no padding, so that its Borsh bytes are its memory bytes.
pub trait EventData: Pod {
    /// What marks it in the log.
    const DISCRIMINATOR: [u8; 8];

    /// Logs it.
    #[inline(always)]
    fn emit(&self) {
        #[derive(Clone, Copy)]
        #[repr(C)]
        struct Logged<T>([u8; 8], T);
        let logged = Logged(Self::DISCRIMINATOR, *self);
        // SAFETY: `Logged` has no padding: `T` has none, and its alignment is at most 8.
        let bytes = unsafe {
            const { assert!(align_of::<Self>() <= 8) };
            core::slice::from_raw_parts((&raw const logged).cast::<u8>(), size_of::<Logged<Self>>())
        };
        solana_program::log::sol_log_data(&[bytes]);
    }
}

/// A field's value, for tools that show events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field<'a> {
    /// A number or a code.
    Number(u64),
    /// A time (Unix seconds).
    Time(i64),
    /// An address.
    Address(Pubkey),
    /// Zero-padded text: a meter id or a reference.
    Text(&'a [u8]),
    /// Validation rules.
    Rules(&'a Rules),
}

/// What can be a field of an event.
trait AsField {
    fn as_field(&self) -> Field<'_>;
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl AsField for $type {
            fn as_field(&self) -> Field<'_> {
                Field::Number((*self).into())
            }
        })*
    };
}
numbers!(u8 u16 u32 u64);

impl AsField for i64 {
    fn as_field(&self) -> Field<'_> {
        Field::Time(*self)
    }
}

impl AsField for Pubkey {
    fn as_field(&self) -> Field<'_> {
        Field::Address(*self)
    }
}

impl<const SIZE: usize> AsField for [u8; SIZE] {
    fn as_field(&self) -> Field<'_> {
        Field::Text(self)
    }
}

impl AsField for Rules {
    fn as_field(&self) -> Field<'_> {
        Field::Rules(self)
    }
}

/// What [`MeterReadingsRecorded`] says of each reading.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct MeterReadingRecorded {
    /// The meter.
    pub meter_id: [u8; 32],
    /// When the meter took it (Unix seconds).
    pub timestamp: i64,
    /// The generation register (Wh).
    pub generation_register: u64,
    /// The consumption register (Wh).
    pub consumption_register: u64,
    /// The meter's quality afterwards (bps).
    pub quality: u16,
    /// The reading's score (0-100).
    pub score: u8,
    /// What was unusual: see [`flags`].
    pub flags: u8,
    /// The reading's number among the meter's accepted ones, modulo 2^32.
    pub sequence: u32,
}

impl MeterReadingRecorded {
    fn fields(&self) -> Vec<(&'static str, Field<'_>)> {
        vec![
            ("meter_id", self.meter_id.as_field()),
            ("timestamp", self.timestamp.as_field()),
            ("generation_register", self.generation_register.as_field()),
            ("consumption_register", self.consumption_register.as_field()),
            ("quality", self.quality.as_field()),
            ("score", self.score.as_field()),
            ("flags", self.flags.as_field()),
            ("sequence", self.sequence.as_field()),
        ]
    }
}

/// Readings were accepted: one event for all of a call, because an event each would take more than a fifth of a
/// reading's compute units. Its one field is a Borsh `Vec<MeterReadingRecorded>`, so decoders of Anchor events can read
/// it too. Programs write it with a [`HeadedList`](crate::program::HeadedList).
pub struct MeterReadingsRecorded;

impl MeterReadingsRecorded {
    /// What marks it in the log.
    pub const DISCRIMINATOR: [u8; 8] = discriminator("MeterReadingsRecorded");
    /// Bytes before the first reading: discriminator and count.
    pub const HEADER: usize = 12;

    /// Those bytes.
    #[inline(always)]
    pub fn header(count: usize) -> [u8; Self::HEADER] {
        let mut header = [0; Self::HEADER];
        let (discriminator, rest) = header.split_at_mut(8);
        discriminator.copy_from_slice(&Self::DISCRIMINATOR);
        rest.copy_from_slice(&(count as u32).to_le_bytes());
        header
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
            #[repr(C)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

            impl EventData for $name {
                const DISCRIMINATOR: [u8; 8] = discriminator(stringify!($name));
            }
        )*

        /// Any event of the three programs.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $name($name),)*
            /// A reading was accepted: one item of a [`MeterReadingsRecorded`].
            MeterReadingRecorded(MeterReadingRecorded),
        }

        impl Event {
            /// The names of all events as programs log them: [`MeterReadingsRecorded`] in place of its items.
            pub const NAMES: &[&str] = &[$(stringify!($name),)* "MeterReadingsRecorded"];

            /// Decodes a log field: the items of a [`MeterReadingsRecorded`], or any other event by itself. Nothing for
            /// other programs' data.
            pub fn decode(data: &[u8]) -> Vec<Self> {
                Self::try_decode(data).unwrap_or_default()
            }

            fn try_decode(data: &[u8]) -> Option<Vec<Self>> {
                let (discriminator, fields) = data.split_first_chunk::<8>()?;
                if *discriminator == MeterReadingsRecorded::DISCRIMINATOR {
                    let items = Vec::try_from_slice(fields).ok()?;
                    return Some(items.into_iter().map(Self::MeterReadingRecorded).collect());
                }
                $(if *discriminator == $name::DISCRIMINATOR {
                    return Some(vec![Self::$name($name::try_from_slice(fields).ok()?)]);
                })*
                None
            }

            /// The event's name.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                    Self::MeterReadingRecorded(_) => "MeterReadingRecorded",
                }
            }

            /// Its fields in order, with their names.
            pub fn fields(&self) -> Vec<(&'static str, Field<'_>)> {
                match self {
                    $(Self::$name(event) => vec![$((stringify!($field), event.$field.as_field())),*],)*
                    Self::MeterReadingRecorded(event) => event.fields(),
                }
            }
        }

        #[cfg(test)]
        mod layout {
            use super::*;

            #[test]
            fn borsh_bytes_are_memory_bytes() {
                $(crate::wire::assert_borsh_is_memory::<$name>();)*
            }

            #[test]
            fn every_event_decodes_to_itself() {
                $({
                    let event = $name::zeroed();
                    let mut data = $name::DISCRIMINATOR.to_vec();
                    data.extend(bytemuck::bytes_of(&event));
                    assert_eq!(Event::decode(&data), [Event::$name(event)]);
                    assert_eq!(Event::$name(event).fields().len(), [$(stringify!($field)),*].len());
                    data.pop();
                    assert_eq!(Event::decode(&data), []);
                })*
            }
        }
    };
}

events! {
    // all programs: of which one, the log says

    /// A program's authority proposed another one.
    AuthorityProposed {
        /// The authority.
        authority: Pubkey,
        /// Who may accept; zero: nobody any more.
        proposed: Pubkey,
    }

    /// A program has another authority.
    AuthorityChanged {
        /// The old authority.
        old_authority: Pubkey,
        /// The new one, which accepted.
        new_authority: Pubkey,
    }

    // oracle-program

    /// The oracle exists.
    OracleInitialized {
        /// Who may change its configuration.
        authority: Pubkey,
        /// The program that keeps the meters.
        registry_program: Pubkey,
    }

    /// A gateway may submit readings from now on.
    ReporterAdded {
        /// The gateway's key.
        reporter: Pubkey,
        /// How many reporters there are now.
        reporter_count: u64,
    }

    /// A gateway may no longer submit readings.
    ReporterRemoved {
        /// The gateway's key.
        reporter: Pubkey,
        /// How many reporters there are now.
        reporter_count: u64,
    }

    /// The oracle's validation rules changed.
    RulesChanged {
        /// Who changed them.
        changed_by: Pubkey,
        /// The rules from now on.
        rules: Rules,
    }

    /// The oracle was paused or resumed.
    OracleActiveChanged {
        /// Who switched it.
        changed_by: Pubkey,
        /// 1 active, 0 paused.
        active: u8,
    }

    // registry-program

    /// The registry exists.
    RegistryInitialized {
        /// Who registers meters and may change its configuration.
        authority: Pubkey,
        /// Who may record readings.
        oracle_authority: Pubkey,
        /// The program that mints.
        token_program: Pubkey,
        /// Minimum quality for a settlement (bps).
        minimum_quality: u16,
    }

    /// The registry's configuration changed.
    RegistryConfigChanged {
        /// Who changed it: the registry authority, or the upgrade authority.
        changed_by: Pubkey,
        /// Who may record readings from now on.
        oracle_authority: Pubkey,
        /// The program that mints from now on.
        token_program: Pubkey,
        /// Minimum quality for a settlement from now on (bps).
        minimum_quality: u16,
    }

    /// A meter was registered.
    MeterRegistered {
        /// The meter.
        meter_id: [u8; 32],
        /// Its owner.
        owner: Pubkey,
        /// Its device key; zero if it has none.
        device_key: Pubkey,
        /// Its generation register at that time: the baseline (Wh).
        generation_register: u64,
        /// Its consumption register at that time: the baseline (Wh).
        consumption_register: u64,
        /// Rated power of its generator (W).
        generation_capacity_w: u32,
        /// Rated power of its connection (W).
        consumption_capacity_w: u32,
    }

    /// A meter's status changed.
    MeterStatusChanged {
        /// The meter.
        meter_id: [u8; 32],
        /// Who changed it.
        changed_by: Pubkey,
        /// The old [`MeterStatus`](crate::state::MeterStatus).
        old_status: u8,
        /// The new one.
        new_status: u8,
    }

    /// Another key may settle a meter to its owner's account.
    DelegateChanged {
        /// The meter.
        meter_id: [u8; 32],
        /// Who may from now on; zero: nobody.
        delegate: Pubkey,
    }

    /// A meter's owner proposed another one.
    MeterOwnerProposed {
        /// The meter.
        meter_id: [u8; 32],
        /// Its owner.
        owner: Pubkey,
        /// Who may accept; zero: nobody any more.
        proposed: Pubkey,
    }

    /// A meter has another owner. What was unsettled goes with it; the old delegate is gone.
    MeterOwnerChanged {
        /// The meter.
        meter_id: [u8; 32],
        /// The old owner.
        old_owner: Pubkey,
        /// The new one, which accepted.
        new_owner: Pubkey,
        /// What was unsettled at that moment (Wh).
        unsettled: u64,
    }

    /// A meter has another device. The totals go on from the new registers.
    DeviceReplaced {
        /// The meter.
        meter_id: [u8; 32],
        /// The new device's key; zero if it has none.
        device_key: Pubkey,
        /// The old device's last generation register (Wh).
        old_generation_register: u64,
        /// The old device's last consumption register (Wh).
        old_consumption_register: u64,
        /// The new device's generation register: the baseline (Wh).
        generation_register: u64,
        /// The new device's consumption register: the baseline (Wh).
        consumption_register: u64,
    }

    /// A meter has other rated powers.
    MeterLimitsChanged {
        /// The meter.
        meter_id: [u8; 32],
        /// Rated power of its generator (W).
        generation_capacity_w: u32,
        /// Rated power of its connection (W).
        consumption_capacity_w: u32,
    }

    /// A reading was rejected, and recorded as such.
    MeterReadingRejected {
        /// The meter.
        meter_id: [u8; 32],
        /// When the meter took it, by its own account (Unix seconds).
        timestamp: i64,
        /// The generation register that it sent (Wh).
        generation_register: u64,
        /// The consumption register that it sent (Wh).
        consumption_register: u64,
        /// The meter's quality afterwards (bps).
        quality: u16,
        /// Code of the [`GridError`](crate::error::GridError) that says why.
        reason: u16,
        /// The reading's number among the meter's rejected ones, modulo 2^32.
        sequence: u32,
    }

    /// A meter's unsettled energy was settled.
    MeterBalanceSettled {
        /// The meter.
        meter_id: [u8; 32],
        /// How much was settled (Wh).
        amount_settled: u64,
        /// The meter's settled net generation afterwards (Wh).
        new_settled_total: u64,
    }

    // token-program

    /// The token exists.
    TokenInitialized {
        /// Who may switch minting off and on.
        authority: Pubkey,
        /// Whose signature mints.
        registry_authority: Pubkey,
        /// The GRID mint.
        mint: Pubkey,
    }

    /// GRID was minted.
    TokensMinted {
        /// The token account that received it.
        recipient: Pubkey,
        /// How much (base units).
        amount: u64,
        /// The mint's supply afterwards (base units).
        new_total_supply: u64,
    }

    /// Minting was switched off or on.
    MintingEnabledChanged {
        /// Who switched it.
        changed_by: Pubkey,
        /// 1 on, 0 off.
        enabled: u8,
    }

    /// How fast GRID may be minted changed.
    MintLimitChanged {
        /// Who changed it.
        changed_by: Pubkey,
        /// How much may be minted at once (base units); zero: no limit.
        burst: u64,
        /// And how much per second after that (base units).
        rate_per_second: u64,
    }

    /// A holder burned GRID to claim the use of its energy.
    TokensRetired {
        /// Who held it.
        holder: Pubkey,
        /// On whose behalf it is claimed.
        beneficiary: Pubkey,
        /// How much (base units).
        amount: u64,
        /// Retired since the beginning, this included (base units).
        total_retired: u64,
        /// The mint's supply afterwards (base units).
        new_total_supply: u64,
        /// What it is claimed for, in the holder's words: zero-padded.
        reference: [u8; 64],
    }

    /// Somebody else's signature mints.
    RegistryAuthorityChanged {
        /// The upgrade authority, which changed it.
        changed_by: Pubkey,
        /// Whose signature minted before.
        old_registry_authority: Pubkey,
        /// Whose signature mints from now on.
        new_registry_authority: Pubkey,
    }
}

/// Bits of [`MeterReadingRecorded::flags`].
pub mod flags {
    /// The generation is far from the meter's mean.
    pub const GENERATION_ANOMALY: u8 = 1;
    /// The consumption is far from the meter's mean.
    pub const CONSUMPTION_ANOMALY: u8 = 2;
    /// More than two expected intervals since the last reading.
    pub const GAP: u8 = 4;
    /// The reading arrived late.
    pub const LATE: u8 = 8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_recorded_together_decode_one_by_one() {
        crate::wire::assert_borsh_is_memory::<MeterReadingRecorded>();
        let items = [1, 2].map(|sequence| MeterReadingRecorded {
            sequence,
            ..MeterReadingRecorded::zeroed()
        });
        let mut data = MeterReadingsRecorded::header(2).to_vec();
        data.extend(bytemuck::cast_slice(&items));
        assert_eq!(Event::decode(&data), items.map(Event::MeterReadingRecorded));
        data.pop();
        assert_eq!(Event::decode(&data), []);
    }

    #[test]
    fn discriminators_are_anchors() {
        let hash = solana_program::hash::hash(b"event:TokensMinted");
        assert_eq!(TokensMinted::DISCRIMINATOR, hash.to_bytes()[..8]);
    }
}
