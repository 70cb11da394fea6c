//! What the programs log: one `sol_log_data` field per event, made of 8 bytes of `sha256("event:<Name>")` and the Borsh
//! encoding of the fields. Indexers that decode Anchor events decode these.
//!
//! A line looks like `Program data: <base64>` between the `invoke` and `success` lines of the program that logged it: any
//! program may log such lines, so take only those of ours. [`Event::decode`] takes the decoded bytes.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use sha2_const_stable::Sha256;
use solana_program::{log::sol_log_data, pubkey::Pubkey};

use crate::{
    error::GridResult,
    program::List,
    quantity::{BaseUnits, Bps, Wh},
    state::Rules,
};

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
        sol_log_data(&[bytes]);
    }
}

/// An event of which a call logs many at once, as an event of its own whose one field is a Borsh `Vec` of them: to log each
/// would take more than a fifth of a reading's compute units, and most of a further meter's in a settlement.
pub trait ListedEvent: EventData {
    /// The list's name.
    const LIST_NAME: &'static str;
    /// What marks the list in the log.
    const LIST_DISCRIMINATOR: [u8; 8] = discriminator(Self::LIST_NAME);
}

impl ListedEvent for MeterReadingRecorded {
    const LIST_NAME: &'static str = "MeterReadingsRecorded";
}

impl ListedEvent for MeterBalanceSettled {
    const LIST_NAME: &'static str = "MeterBalancesSettled";
}

/// Events that are logged together.
pub struct EventList<T>(List<T, HEADER>);

/// Bytes before the first event of a list: discriminator and count.
const HEADER: usize = 12;

impl<T: ListedEvent> EventList<T> {
    /// An empty list with room for `capacity` events.
    #[inline(always)]
    pub fn new(capacity: usize) -> Self {
        Self(List::new(capacity))
    }

    /// Appends an event.
    #[inline(always)]
    pub fn push(&mut self, event: T) -> GridResult {
        self.0.push(event)
    }

    /// Logs them, if there are any.
    #[inline(always)]
    pub fn emit(&mut self) {
        if !self.0.is_empty() {
            sol_log_data(&[self.encode()]);
        }
    }

    #[inline(always)]
    fn encode(&mut self) -> &[u8] {
        let mut header = [0; HEADER];
        let (discriminator, count) = header.split_at_mut(8);
        discriminator.copy_from_slice(&T::LIST_DISCRIMINATOR);
        count.copy_from_slice(&(self.0.len() as u32).to_le_bytes());
        self.0.with_header(header)
    }
}

/// Declares the structs of the events in [`event_list`].
macro_rules! structs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
        #[repr(C)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl EventData for $name {
            const DISCRIMINATOR: [u8; 8] = discriminator(stringify!($name));
        }
    )*};
}

/// Every event, for a macro that makes something of each.
macro_rules! event_list {
    ($generate:ident) => {
        $generate! {
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
                /// What a meter counts becomes claimable while its quality is at or above this.
                minimum_quality: Bps,
            }

            /// The registry's configuration changed.
            RegistryConfigChanged {
                /// Who changed it: the registry authority, or the upgrade authority.
                changed_by: Pubkey,
                /// Who may record readings from now on.
                oracle_authority: Pubkey,
                /// The program that mints from now on.
                token_program: Pubkey,
                /// What a meter counts from now on becomes claimable while its quality is at or above this.
                minimum_quality: Bps,
            }

            /// A meter was registered, or registered anew before its first accepted reading.
            MeterRegistered {
                /// The meter.
                meter_id: [u8; 32],
                /// Its owner.
                owner: Pubkey,
                /// Who else may settle to the owner's account; zero: nobody.
                delegate: Pubkey,
                /// Its device key; zero if it has none.
                device_key: Pubkey,
                /// Its generation register at that time: the baseline.
                generation_register: Wh,
                /// Its consumption register at that time: the baseline.
                consumption_register: Wh,
                /// The value at which its registers start again from zero; zero: never.
                register_modulus: Wh,
                /// Rated power of its generator (W).
                generation_capacity_w: u32,
                /// Rated power of its connection (W).
                consumption_capacity_w: u32,
                /// A [`DeviceKeyType`](crate::state::DeviceKeyType).
                device_key_type: u64,
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
                /// What was unsettled at that moment.
                unsettled: Wh,
            }

            /// A meter has another device. The totals go on from the new registers.
            DeviceReplaced {
                /// The meter.
                meter_id: [u8; 32],
                /// The new device's key; zero if it has none.
                device_key: Pubkey,
                /// The old device's last generation register.
                old_generation_register: Wh,
                /// The old device's last consumption register.
                old_consumption_register: Wh,
                /// The new device's generation register: the baseline.
                generation_register: Wh,
                /// The new device's consumption register: the baseline.
                consumption_register: Wh,
                /// The value at which the new device's registers start again from zero; zero: never.
                register_modulus: Wh,
                /// A [`DeviceKeyType`](crate::state::DeviceKeyType).
                device_key_type: u64,
            }

            /// A meter's registers were corrected downwards, and its totals with them.
            RegistersCorrected {
                /// The meter.
                meter_id: [u8; 32],
                /// The generation register before.
                old_generation_register: Wh,
                /// The consumption register before.
                old_consumption_register: Wh,
                /// The generation register from now on.
                generation_register: Wh,
                /// The consumption register from now on.
                consumption_register: Wh,
            }

            /// A register jumped, or went back further than it can have rolled over, and is held: readings that would count as much
            /// are refused until somebody has looked, or one that counts less is accepted. Logged when a hold begins and when it changes.
            RegisterHoldBegan {
                /// The meter.
                meter_id: [u8; 32],
                /// The generation register that is held; zero if it isn't. Of a register of zero, the modulus.
                held_generation_register: Wh,
                /// The consumption register that is held; zero if it isn't.
                held_consumption_register: Wh,
                /// When the earliest jump was read (Unix seconds).
                held_at: i64,
            }

            /// No register of the meter is held any more.
            RegisterHoldEnded {
                /// The meter.
                meter_id: [u8; 32],
                /// When the earliest jump had been read (Unix seconds).
                held_at: i64,
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

            /// A reading was accepted. Programs log all of a call in one `MeterReadingsRecorded`.
            MeterReadingRecorded {
                /// The meter.
                meter_id: [u8; 32],
                /// When the meter took it (Unix seconds).
                timestamp: i64,
                /// The generation register.
                generation_register: Wh,
                /// The consumption register.
                consumption_register: Wh,
                /// The meter's quality afterwards.
                quality: Bps,
                /// The reading's score (0-100).
                score: u8,
                /// What was unusual: see [`flags`](crate::reading::flags).
                flags: u8,
                /// The reading's number among the meter's accepted ones, modulo 2^32.
                sequence: u32,
            }

            /// A reading was rejected, and recorded as such.
            MeterReadingRejected {
                /// The meter.
                meter_id: [u8; 32],
                /// When the meter took it, by its own account (Unix seconds).
                timestamp: i64,
                /// The generation register that it sent.
                generation_register: Wh,
                /// The consumption register that it sent.
                consumption_register: Wh,
                /// The meter's quality afterwards.
                quality: Bps,
                /// Code of the [`RejectReason`](crate::reading::RejectReason).
                reason: u16,
                /// The reading's number among the meter's rejected ones, modulo 2^32.
                sequence: u32,
            }

            /// A meter's unsettled energy was settled. `SettleManyAndMintTokens` logs all of a call in one `MeterBalancesSettled`.
            MeterBalanceSettled {
                /// The meter.
                meter_id: [u8; 32],
                /// How much was settled.
                amount_settled: Wh,
                /// The meter's settled net generation afterwards.
                new_settled_total: Wh,
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
                /// How much.
                amount: BaseUnits,
                /// The mint's supply afterwards.
                new_total_supply: BaseUnits,
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
                /// How much may be minted at once; zero: no limit.
                burst: BaseUnits,
                /// And how much per second after that.
                rate_per_second: BaseUnits,
            }

            /// A holder burned GRID to claim the use of its energy.
            TokensRetired {
                /// Who held it.
                holder: Pubkey,
                /// On whose behalf it is claimed.
                beneficiary: Pubkey,
                /// How much.
                amount: BaseUnits,
                /// Retired since the beginning, this included, in whole watt-hours ...
                total_retired: Wh,
                /// ... and what is beside them, below a watt-hour.
                retired_beside: BaseUnits,
                /// The mint's supply afterwards.
                new_total_supply: BaseUnits,
                /// Which of the holder's receipts it has: see [`Retirement`](crate::state::Retirement).
                nonce: u64,
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
    };
}

event_list!(structs);

mod decode;
pub use decode::{Event, Field};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_are_logged_together_decode_one_by_one() {
        let items = [1, 2].map(|sequence| MeterReadingRecorded {
            sequence,
            ..MeterReadingRecorded::zeroed()
        });
        let mut list = EventList::new(2);
        for item in items {
            list.push(item).expect("room");
        }
        let data = list.encode();
        assert_eq!(Event::decode(data), items.map(Event::MeterReadingRecorded));
        assert_eq!(Event::decode(&data[..data.len() - 1]), []);

        let item = MeterBalanceSettled {
            amount_settled: Wh(7),
            ..MeterBalanceSettled::zeroed()
        };
        let mut list = EventList::new(1);
        list.push(item).expect("room");
        assert_eq!(
            Event::decode(list.encode()),
            [Event::MeterBalanceSettled(item)]
        );
    }

    #[test]
    fn discriminators_are_anchors() {
        let hash = solana_program::hash::hash(b"event:TokensMinted");
        assert_eq!(TokensMinted::DISCRIMINATOR, hash.to_bytes()[..8]);
    }
}
