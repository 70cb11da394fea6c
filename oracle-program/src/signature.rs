//! Readings that a meter's device signed: the message, and the instruction that carries the signatures.
//!
//! The oracle doesn't verify signatures itself. The runtime's Ed25519 and Secp256r1 programs do, in the instructions right
//! before; the oracle reads those through the instructions sysvar, compares every byte but the signatures with what it must
//! be, and takes the readings out of the signed bytes.
//!
//! A message, the same for both kinds of key (numbers are little-endian):
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `GRID-READINGS-V1`: the purpose, so that a signature counts for nothing else |
//! | 32 | address of the registry program |
//! | 32 | meter id, zero-padded |
//! | 24 n | n readings, at least one: timestamp (`i64`), generation register (`u64`), consumption register (`u64`) |
//!
//! Ed25519 signs these bytes, P-256 their SHA-256. A P-256 signature is `r ‖ s`, with s at most half of the curve's order:
//! whoever has one with a higher s may put the order minus s in its place.
//!
//! An instruction with n signatures, at least one and at most 8 of the Secp256r1 program:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | n |
//! | 1 | zero |
//! | 14 n | per signature, seven `u16`: offset of the signature, its instruction (65535: this one), offset of the key, its instruction, offset of the message, its length, its instruction |
//! | | per signature: key (Ed25519 32, P-256 33 compressed), signature (64), message |

use shared_state::{
    reading::Reading,
    state::{DeviceKeyType, METER_ID_BYTES},
    wire::{self, Packed},
};
use solana_address::address_eq;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_sdk_ids::{ed25519_program, secp256r1_program};

/// What every message starts with.
pub const DOMAIN: &[u8; 16] = b"GRID-READINGS-V1";

/// Length of a message before its readings: domain, registry program, meter id.
pub const MESSAGE_HEADER: usize = DOMAIN.len() + 32 + METER_ID_BYTES;

/// In an offset table: "in this instruction".
const THIS_INSTRUCTION: u16 = u16::MAX;
const HEADER: usize = 2;
const SIGNATURE: usize = 64;
const OFFSETS: usize = 14;

/// The message that a device signs.
pub fn message(
    registry_program: &Pubkey,
    meter_id: &[u8; METER_ID_BYTES],
    readings: &[Reading],
) -> Vec<u8> {
    let mut message = DOMAIN.to_vec();
    message.extend_from_slice(registry_program.as_ref());
    message.extend_from_slice(meter_id);
    message.extend_from_slice(bytemuck::cast_slice(readings));
    message
}

/// Which of the runtime's programs verifies a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Ed25519, by keys of 32 bytes.
    Ed25519,
    /// ECDSA with P-256 and SHA-256, by compressed keys of 33 bytes.
    Secp256r1,
}

impl Scheme {
    /// The scheme that a program verifies, if it is one of the two.
    #[inline(always)]
    fn of_program(program: &Pubkey) -> Option<Self> {
        if address_eq(program, &ed25519_program::ID) {
            Some(Self::Ed25519)
        } else if address_eq(program, &secp256r1_program::ID) {
            Some(Self::Secp256r1)
        } else {
            None
        }
    }

    /// The program that verifies it.
    pub const fn program(self) -> Pubkey {
        match self {
            Self::Ed25519 => ed25519_program::ID,
            Self::Secp256r1 => secp256r1_program::ID,
        }
    }

    /// The scheme of a device's key, if it has one.
    pub const fn of_key(kind: DeviceKeyType) -> Option<Self> {
        match kind {
            DeviceKeyType::None => None,
            DeviceKeyType::Ed25519 => Some(Self::Ed25519),
            DeviceKeyType::P256Even | DeviceKeyType::P256Odd => Some(Self::Secp256r1),
        }
    }

    /// Length of a key.
    #[inline(always)]
    const fn key_length(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            Self::Secp256r1 => 33,
        }
    }
}

/// A message that a device has signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedMessage {
    /// The kind of the device's key, not [`DeviceKeyType::None`].
    pub key_type: DeviceKeyType,
    /// The device's key as it stands in its [`Meter`](shared_state::state::Meter).
    pub key: Pubkey,
    /// The signature.
    pub signature: [u8; SIGNATURE],
    /// The [`message`].
    pub message: Vec<u8>,
}

impl SignedMessage {
    /// The bytes that an instruction carries for it, beside the table's 14.
    fn entry(&self) -> Vec<u8> {
        let mut entry = Vec::new();
        if self.key_type != DeviceKeyType::Ed25519 {
            entry.push(self.key_type as u8);
        }
        entry.extend_from_slice(self.key.as_ref());
        entry.extend_from_slice(&self.signature);
        entry.extend_from_slice(&self.message);
        entry
    }
}

/// The instruction that verifies these signatures, which are all of `scheme`. It must be no longer than a transaction.
pub fn precompile(scheme: Scheme, signed: &[SignedMessage]) -> Instruction {
    let mut data = vec![signed.len() as u8, 0];
    let mut at = HEADER + signed.len() * OFFSETS;
    for signed in signed {
        for field in offsets(scheme, at, signed.message.len()) {
            data.extend_from_slice(&field.to_le_bytes());
        }
        at += signed.entry().len();
    }
    for signed in signed {
        data.extend(signed.entry());
    }
    Instruction::new_with_bytes(scheme.program(), &data, Vec::new())
}

/// The table's entry for a signature whose key stands at `at`, within 64 KiB.
#[inline(always)]
fn offsets(scheme: Scheme, at: usize, message: usize) -> [u16; 7] {
    let signature = at.wrapping_add(scheme.key_length());
    [
        signature as u16,
        THIS_INSTRUCTION,
        at as u16,
        THIS_INSTRUCTION,
        signature.wrapping_add(SIGNATURE) as u16,
        message as u16,
        THIS_INSTRUCTION,
    ]
}

/// The signatures of one instruction.
pub struct Signatures<'a> {
    scheme: Scheme,
    count: usize,
    data: &'a [u8],
    table: &'a [[u8; OFFSETS]],
    /// Where the next key stands.
    at: usize,
}

/// A signature that the runtime has verified: by which key, of which message.
#[derive(Clone, Copy)]
pub struct Verified<'a> {
    scheme: Scheme,
    key: &'a [u8],
    message: &'a [u8],
}

impl<'a> Signatures<'a> {
    /// The signatures of an instruction of this program with this data: `None` if it isn't one that verifies any.
    #[inline(always)]
    pub fn new(program: &Pubkey, data: &'a [u8]) -> Option<Self> {
        let scheme = Scheme::of_program(program)?;
        let ([count, _], rest) = data.split_first_chunk::<HEADER>()?;
        let count = usize::from(*count);
        let table = rest.get(..count.wrapping_mul(OFFSETS))?;
        Some(Self {
            scheme,
            count,
            data,
            table: table.as_chunks().0,
            at: table.len().wrapping_add(HEADER),
        })
    }

    /// How many there are.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.count
    }

    /// How long the instruction's data is.
    #[inline(always)]
    pub fn length(&self) -> usize {
        self.data.len()
    }

    /// Whether there is no further one.
    #[inline(always)]
    pub fn is_used_up(&self) -> bool {
        self.table.is_empty()
    }

    /// The next one: `None` if it isn't laid out as [`precompile`] does it. Behind the last one there must be nothing.
    #[inline(always)]
    pub fn take_next(&mut self) -> Option<Verified<'a>> {
        let (found, table) = self.table.split_first()?;
        // The sixth field is the message's length; all others follow from it.
        let [.., low, high, _, _] = found;
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let expected: [u8; OFFSETS] = bytemuck::cast(offsets(self.scheme, self.at, length));
        let rest = self.data.get(self.at..)?;
        let (key, rest) = rest.split_at_checked(self.scheme.key_length())?;
        let (_, rest) = rest.split_at_checked(SIGNATURE)?;
        let (message, rest) = rest.split_at_checked(length)?;
        let is_good = found == &expected
            && self.data.get(1) == Some(&0)
            && (!table.is_empty() || rest.is_empty());
        if !is_good {
            return None;
        }
        self.table = table;
        self.at = self.data.len().wrapping_sub(rest.len());
        Some(Verified {
            scheme: self.scheme,
            key,
            message,
        })
    }
}

impl<'a> Verified<'a> {
    /// The readings in the message: their bytes, 24 each, at least one. `None` if the message isn't as long as that takes.
    #[inline(always)]
    pub fn readings(&self) -> Option<&'a [Packed<Reading>]> {
        let readings = wire::items(self.message.get(MESSAGE_HEADER..)?)?;
        (!readings.is_empty()).then_some(readings)
    }

    /// Whether the signature is by this key, and the message for this purpose, registry and meter.
    #[inline(always)]
    pub fn is_of(
        &self,
        key_type: u8,
        key: &Pubkey,
        registry_program: &Pubkey,
        meter_id: &[u8; METER_ID_BYTES],
    ) -> bool {
        let (found_type, found_key) = match (self.scheme, self.key) {
            (Scheme::Ed25519, key) => (DeviceKeyType::Ed25519 as u8, key),
            (Scheme::Secp256r1, [prefix, key @ ..]) => (*prefix, key),
            (Scheme::Secp256r1, []) => return false,
        };
        let Some((domain, rest)) = self.message.split_first_chunk::<16>() else {
            return false;
        };
        let Some((registry, rest)) = rest.split_first_chunk::<32>() else {
            return false;
        };
        found_type == key_type
            && is(found_key, key.as_array())
            && u128::from_le_bytes(*domain) == const { u128::from_le_bytes(*DOMAIN) }
            && address_eq(&Pubkey::new_from_array(*registry), registry_program)
            && is(rest, meter_id)
    }
}

/// Whether a slice begins with these bytes.
#[inline(always)]
fn is(found: &[u8], expected: &[u8; 32]) -> bool {
    let (expected, _) = expected.as_chunks::<8>();
    let (found, _) = found.as_chunks::<8>();
    found.len() >= expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(found, expected)| u64::from_le_bytes(*found) == u64::from_le_bytes(*expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_state::quantity::Wh;

    const REGISTRY: Pubkey = Pubkey::new_from_array([7; 32]);
    const ID: [u8; 32] = [8; 32];

    fn readings() -> [Reading; 2] {
        [5, 6].map(|timestamp| Reading {
            timestamp,
            generation_register: Wh(0x0102_0304),
            consumption_register: Wh(9),
        })
    }

    fn signed(key_type: DeviceKeyType) -> SignedMessage {
        SignedMessage {
            key_type,
            key: Pubkey::new_from_array([key_type as u8 + 40; 32]),
            signature: [3; SIGNATURE],
            message: message(&REGISTRY, &ID, &readings()),
        }
    }

    /// Whether the oracle takes these bytes for the two signatures of these kinds of key.
    fn is_good(scheme: Scheme, data: &[u8], kinds: [DeviceKeyType; 2]) -> bool {
        let Some(mut found) = Signatures::new(&scheme.program(), data) else {
            return false;
        };
        found.count() == 2
            && kinds.iter().all(|kind| {
                let key = signed(*kind).key;
                found.take_next().is_some_and(|found| {
                    let found_readings = found.readings().unwrap_or_default();
                    found.is_of(*kind as u8, &key, &REGISTRY, &ID)
                        && found_readings.iter().map(Packed::get).eq(readings())
                })
            })
    }

    #[test]
    fn the_message_is_the_contracts() {
        let mut expected = b"GRID-READINGS-V1".to_vec();
        expected.extend([7; 32]);
        expected.extend([8; 32]);
        for timestamp in [5i64, 6] {
            expected.extend(timestamp.to_le_bytes());
            expected.extend(0x0102_0304u64.to_le_bytes());
            expected.extend(9u64.to_le_bytes());
        }
        assert_eq!(message(&REGISTRY, &ID, &readings()), expected);
    }

    #[test]
    fn every_byte_but_the_signatures_and_the_readings_is_compared() {
        use DeviceKeyType::*;
        for (scheme, kinds) in [
            (Scheme::Ed25519, [Ed25519, Ed25519]),
            (Scheme::Secp256r1, [P256Odd, P256Even]),
        ] {
            let data = precompile(scheme, &kinds.map(signed)).data;
            assert!(is_good(scheme, &data, kinds));
            let entries = HEADER + 2 * OFFSETS;
            let entry = (data.len() - entries) / 2;
            let signature = scheme.key_length()..scheme.key_length() + SIGNATURE;
            for at in 0..data.len() {
                let mut changed = data.clone();
                changed[at] ^= 1;
                let is_signature = at >= entries && signature.contains(&((at - entries) % entry));
                assert_eq!(is_good(scheme, &changed, kinds), is_signature, "byte {at}");
                assert!(!is_good(scheme, &data[..at], kinds), "cut at {at}");
            }
            let mut longer = data.clone();
            longer.push(0);
            assert!(!is_good(scheme, &longer, kinds));
            let other = match scheme {
                Scheme::Ed25519 => Scheme::Secp256r1,
                Scheme::Secp256r1 => Scheme::Ed25519,
            };
            assert!(!is_good(other, &data, kinds));
            assert!(Signatures::new(&REGISTRY, &data).is_none());
        }
    }

    #[test]
    fn messages_of_other_lengths_have_no_readings() {
        let whole = message(&REGISTRY, &ID, &readings());
        for length in 0..=whole.len() {
            let verified = Verified {
                scheme: Scheme::Ed25519,
                key: &[],
                message: &whole[..length],
            };
            let count = verified.readings().map(<[_]>::len);
            let expected = match length {
                104 => Some(1),
                128 => Some(2),
                _ => None,
            };
            assert_eq!(count, expected, "{length} bytes");
        }
    }
}
