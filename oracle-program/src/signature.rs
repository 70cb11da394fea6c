//! Readings that a meter's device signed: the message, and the Ed25519 program's instruction that carries the signatures.
//!
//! The oracle doesn't verify signatures itself. The runtime's Ed25519 program does, in the instruction right before; the
//! oracle reads that instruction through the instructions sysvar and compares every byte but the signatures with what
//! it must be. Its data, for n readings:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | n |
//! | 1 | zero |
//! | 14 n | per reading, seven `u16`: offset of the signature, its instruction (65535: this one), offset of the public key, its instruction, offset of the message, its length, its instruction |
//! | 199 n | per reading: public key (32), signature (64), message (103) |

use shared_state::{reading::Reading, state::METER_ID_BYTES, wire::Packed};
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_sdk_ids::ed25519_program;

/// What every message starts with: the purpose, so that a signature counts for nothing else.
pub const DOMAIN: &[u8; 15] = b"GRID-READING-V1";

/// Length of a message: domain, registry program, meter id, reading.
pub const MESSAGE: usize = DOMAIN.len() + 32 + METER_ID_BYTES + size_of::<Reading>();

/// In an offset table: "in this instruction".
const THIS_INSTRUCTION: u16 = u16::MAX;
const HEADER: usize = 2;
const KEY: usize = 32;
const SIGNATURE: usize = 64;
const ENTRY: usize = KEY + SIGNATURE + MESSAGE;
const OFFSETS: usize = 14;

/// The message that a device signs.
#[inline(always)]
pub fn message(
    registry_program: &Pubkey,
    meter_id: &[u8; METER_ID_BYTES],
    reading: &Reading,
) -> [u8; MESSAGE] {
    let mut message = [0; MESSAGE];
    let (domain, rest) = message.split_at_mut(DOMAIN.len());
    let (registry, rest) = rest.split_at_mut(32);
    let (id, fields) = rest.split_at_mut(METER_ID_BYTES);
    domain.copy_from_slice(DOMAIN);
    registry.copy_from_slice(registry_program.as_ref());
    id.copy_from_slice(meter_id);
    fields.copy_from_slice(bytemuck::bytes_of(reading));
    message
}

/// A device's key, its signature and the message that it signed.
pub type Signed = (Pubkey, [u8; SIGNATURE], [u8; MESSAGE]);

/// The Ed25519 program's instruction that verifies these signatures: one per reading, in order. (A transaction has room
/// for a handful.)
pub fn precompile(signed: &[Signed]) -> Instruction {
    let count = signed.len() as u8;
    let mut data = vec![count, 0];
    for index in 0..count {
        for field in offsets(count, index) {
            data.extend_from_slice(&field.to_le_bytes());
        }
    }
    for (key, signature, message) in signed {
        data.extend_from_slice(key.as_ref());
        data.extend_from_slice(signature);
        data.extend_from_slice(message);
    }
    Instruction::new_with_bytes(ed25519_program::ID, &data, Vec::new())
}

/// The offset table's entry for one of `count` signatures.
#[inline(always)]
fn offsets(count: u8, index: u8) -> [u16; 7] {
    // 256 entries and their table take 54,530 bytes at most.
    let key = HEADER as u32 + u32::from(count) * OFFSETS as u32 + u32::from(index) * ENTRY as u32;
    let signature = key + KEY as u32;
    let message = signature + SIGNATURE as u32;
    [
        signature as u16,
        THIS_INSTRUCTION,
        key as u16,
        THIS_INSTRUCTION,
        message as u16,
        MESSAGE as u16,
        THIS_INSTRUCTION,
    ]
}

/// Data of an Ed25519 instruction whose count, padding, offset table and length are what [`precompile`] makes.
#[derive(Clone, Copy)]
pub struct Signatures<'a> {
    entries: &'a [[u8; ENTRY]],
}

impl<'a> Signatures<'a> {
    /// Checks everything but the entries; `None` if anything differs.
    #[inline(always)]
    pub fn new(data: &'a [u8], count: usize) -> Option<Self> {
        let ([found_count, padding], rest) = data.split_first_chunk::<HEADER>()?;
        let (table, entries) = rest.split_at_checked(usize::from(*found_count) * OFFSETS)?;
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        let (table, _) = table.as_chunks::<OFFSETS>();
        let is_expected = usize::from(*found_count) == count
            && *padding == 0
            && entries.len() == count
            && rest.is_empty()
            && table.iter().enumerate().all(|(index, found)| {
                let expected = offsets(*found_count, index as u8);
                same(found, &bytemuck::cast::<[u16; 7], [u8; OFFSETS]>(expected))
            });
        is_expected.then_some(Self { entries })
    }

    /// Whether the signature at `index` is by this key and of the [`message`] of this registry, meter and reading.
    #[inline(always)]
    pub fn is_of(
        &self,
        index: usize,
        key: &Pubkey,
        registry_program: &Pubkey,
        meter_id: &[u8; METER_ID_BYTES],
        reading: &Packed<Reading>,
    ) -> bool {
        let Some(entry) = self.entries.get(index) else {
            return false;
        };
        let (found_key, rest) = entry.split_at(KEY);
        let (_, message) = rest.split_at(SIGNATURE);
        let (domain, rest) = message.split_at(DOMAIN.len());
        let (found_registry, rest) = rest.split_at(KEY);
        let (found_id, fields) = rest.split_at(METER_ID_BYTES);
        is(found_key, key.as_array())
            && is(domain, DOMAIN)
            && is(found_registry, registry_program.as_array())
            && is(found_id, meter_id)
            && reading
                .bytes()
                .first_chunk::<{ size_of::<Reading>() }>()
                .is_some_and(|reading| is(fields, reading))
    }
}

/// Whether a slice is these bytes.
#[inline(always)]
fn is<const N: usize>(found: &[u8], expected: &[u8; N]) -> bool {
    found
        .first_chunk()
        .is_some_and(|chunk| same(chunk, expected))
        && found.len() == N
}

/// Whether both are the same, compared eight bytes at a time: the programs' `memcmp` goes byte by byte.
#[inline(always)]
pub(crate) fn same<const N: usize>(a: &[u8; N], b: &[u8; N]) -> bool {
    const { assert!(N >= 8) };
    let (a_words, _) = a.as_chunks::<8>();
    let (b_words, _) = b.as_chunks::<8>();
    let word = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
    // What is left of a word at the end is in the last eight bytes.
    a_words.iter().zip(b_words).all(|(a, b)| word(a) == word(b))
        && a.last_chunk().map(word) == b.last_chunk().map(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: Reading = Reading {
        timestamp: 0x0102_0304,
        generation_register: 5,
        consumption_register: 6,
    };

    #[test]
    fn the_message_is_the_contracts() {
        let (registry, id) = (Pubkey::new_from_array([7; 32]), [8; 32]);
        let mut expected = b"GRID-READING-V1".to_vec();
        expected.extend([7; 32]);
        expected.extend([8; 32]);
        expected.extend(0x0102_0304i64.to_le_bytes());
        expected.extend(5u64.to_le_bytes());
        expected.extend(6u64.to_le_bytes());
        assert_eq!(message(&registry, &id, &READING)[..], expected);
    }

    #[test]
    fn each_byte_makes_a_difference() {
        let bytes = [7; 15];
        assert!(same(&bytes, &bytes) && is(&bytes, &bytes));
        for at in 0..15 {
            let mut changed = bytes;
            changed[at] ^= 0x80;
            assert!(
                !same(&bytes, &changed) && !is(&bytes, &changed),
                "byte {at}"
            );
        }
        assert!(!is(&bytes[..14], &bytes) && !is(&[7; 16], &bytes));
    }

    #[test]
    fn every_byte_but_the_signatures_is_compared() {
        let (registry, id) = (Pubkey::new_from_array([7; 32]), [8; 32]);
        let message = message(&registry, &id, &READING);
        let keys = [
            Pubkey::new_from_array([1; 32]),
            Pubkey::new_from_array([2; 32]),
        ];
        let signed = keys.map(|key| (key, [3; 64], message));
        let data = precompile(&signed).data;
        let is_good = |data: &[u8]| {
            Signatures::new(data, 2).is_some_and(|signatures| {
                (0..2).all(|index| {
                    signatures.is_of(index, &keys[index], &registry, &id, &READING.into())
                })
            })
        };
        assert!(is_good(&data));
        for at in 0..data.len() {
            let mut changed = data.clone();
            changed[at] ^= 1;
            let entry = (at.saturating_sub(HEADER + 2 * OFFSETS)) % ENTRY;
            let is_signature =
                at >= HEADER + 2 * OFFSETS && (KEY..KEY + SIGNATURE).contains(&entry);
            assert_eq!(is_good(&changed), is_signature, "byte {at}");
            assert!(!is_good(&data[..at]), "cut at {at}");
        }
        let mut longer = data.clone();
        longer.push(0);
        assert!(!is_good(&longer));
        assert!(Signatures::new(&data, 1).is_none() && Signatures::new(&data, 3).is_none());
        let signatures = Signatures::new(&data, 2).expect("as made");
        assert!(!signatures.is_of(2, &keys[0], &registry, &id, &READING.into()));
    }
}
