//! The instruction with the signatures: each field of its table, its counts and its bytes. Where the runtime's program is
//! content, ours isn't.

use super::*;
use shared_state::reading::Reading;
use PrecompileError::{
    InvalidDataOffsets, InvalidInstructionDataSize, InvalidPublicKey, InvalidSignature,
};

/// The fields of a signature's entry in the table.
#[derive(Clone, Copy)]
enum Field {
    SignatureAt,
    SignatureIn,
    KeyAt,
    KeyIn,
    MessageAt,
    MessageLength,
    MessageIn,
}
use Field::*;

const TABLE: usize = 2;
const ENTRY: usize = 14;
const SIGNATURE: usize = 64;

/// Data of an instruction with one signature, and where its parts begin.
#[derive(Clone)]
struct Layout {
    instruction: Instruction,
    key: usize,
    signature: usize,
    message: usize,
}

impl Layout {
    fn new(signed: &SignedMessage) -> Self {
        let key = TABLE + ENTRY;
        let length = match scheme(signed) {
            Scheme::Ed25519 => 32,
            Scheme::Secp256r1 => 33,
        };
        Self {
            instruction: verify(std::slice::from_ref(signed)),
            key,
            signature: key + length,
            message: key + length + SIGNATURE,
        }
    }

    fn data(&self) -> &[u8] {
        &self.instruction.data
    }

    fn end(&self) -> usize {
        self.data().len()
    }

    fn message_length(&self) -> usize {
        self.end() - self.message
    }

    /// With another value in a field of the table.
    fn with(&self, field: Field, value: usize) -> Self {
        let at = TABLE + 2 * field as usize;
        let value = u16::try_from(value).expect("16 bits");
        self.changed(|data| data[at..at + 2].copy_from_slice(&value.to_le_bytes()))
    }

    fn changed(&self, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut changed = self.clone();
        change(&mut changed.instruction.data);
        changed
    }

    /// With a copy of a part behind everything.
    fn with_copy(&self, part: std::ops::Range<usize>) -> Self {
        self.changed(|data| data.extend_from_within(part))
    }
}

/// A world with one meter, a reading, and the instruction that verifies its signature.
async fn one(kind: fn(&str) -> SigningKey) -> (World, SigningMeter, Reading, Layout) {
    let (world, [meter]) = world_of(kind).await;
    let reading = world.reading(1_000, 500);
    let layout = Layout::new(&world.sign(&meter, &[reading]));
    (world, meter, reading, layout)
}

/// The runtime verifies what stands elsewhere, and reads it there; the oracle takes it from its one place only.
#[tokio::test]
async fn what_is_verified_must_stand_in_its_place() {
    for kind in KINDS {
        let (mut world, meter, _, good) = one(kind).await;
        let submit = world.submit_signed(true, &[&meter]);
        let Layout {
            key,
            signature,
            message,
            ..
        } = good;
        let end = good.end();
        let cases = [
            (
                "signature behind",
                good.with_copy(signature..message).with(SignatureAt, end),
            ),
            (
                "key behind",
                good.with_copy(key..signature).with(KeyAt, end),
            ),
            (
                "message behind",
                good.with_copy(message..end).with(MessageAt, end),
            ),
            // By their numbers, which say the same as 65535, or point to the same bytes in another instruction.
            (
                "signature in this one by its number",
                good.with(SignatureIn, 1),
            ),
            ("signature in another one", good.with(SignatureIn, 0)),
            ("key in this one by its number", good.with(KeyIn, 1)),
            ("key in another one", good.with(KeyIn, 0)),
            ("message in this one by its number", good.with(MessageIn, 1)),
            ("message in another one", good.with(MessageIn, 0)),
            ("the unused byte set", good.changed(|data| data[1] = 1)),
            ("a byte too many", good.changed(|data| data.push(0))),
            ("the same once more", good.with_copy(0..end)),
        ];
        for (what, changed) in cases {
            let instructions = [
                good.instruction.clone(),
                changed.instruction,
                submit.clone(),
            ];
            // Without our checks it would pass.
            verifies(&mut world, what, &instructions[..2]).await;
            refuse(&mut world, what, &instructions, GridError::SignatureLayout).await;
        }
        accept(&mut world, &[good.instruction, submit]).await;
    }
}

/// The device has signed bytes in which its own key and the table stand: a message that overlaps with them is verified, too.
#[tokio::test]
async fn a_message_that_overlaps_with_the_rest() {
    for kind in KINDS {
        let (mut world, meter, _, good) = one(kind).await;
        // From the first byte to the end of the key: whatever of it is signed is decided by what is signed.
        let overlapping = good.with(MessageAt, 0).with(MessageLength, good.signature);
        let signature = meter.device.sign(&overlapping.data()[..good.signature]);
        let overlapping = overlapping.changed(|data| {
            data[good.signature..good.message].copy_from_slice(signature.as_ref());
        });
        let submit = world.submit_signed(true, &[&meter]);
        let instructions = [overlapping.instruction, submit];
        verifies(&mut world, "overlapping", &instructions[..1]).await;
        refuse(
            &mut world,
            "overlapping",
            &instructions,
            GridError::SignatureLayout,
        )
        .await;
    }
}

/// What the runtime's programs refuse themselves, whatever comes after them.
#[tokio::test]
async fn what_can_not_be_verified() {
    for kind in KINDS {
        let (mut world, meter, _, good) = one(kind).await;
        let submit = world.submit_signed(false, &[&meter]);
        let (end, length) = (good.end(), good.message_length());
        let key_length = good.signature - good.key;
        // The bytes of a signature are no point in the one case, and another key in the other.
        let no_key = match meter.device {
            SigningKey::Ed25519(_) => InvalidSignature,
            SigningKey::P256(_) => InvalidPublicKey,
        };
        let cases = [
            (
                "signature over the key",
                good.with(SignatureAt, good.key),
                InvalidSignature,
            ),
            (
                "key over the signature",
                good.with(KeyAt, good.signature),
                no_key,
            ),
            (
                "message over the key",
                good.with(MessageAt, good.key),
                InvalidSignature,
            ),
            (
                "signature past the end",
                good.with(SignatureAt, end - SIGNATURE + 1),
                InvalidDataOffsets,
            ),
            (
                "signature far away",
                good.with(SignatureAt, 65_535),
                InvalidDataOffsets,
            ),
            (
                "key past the end",
                good.with(KeyAt, end - key_length + 1),
                InvalidDataOffsets,
            ),
            ("key far away", good.with(KeyAt, 65_535), InvalidDataOffsets),
            (
                "message past the end",
                good.with(MessageAt, good.message + 1),
                InvalidDataOffsets,
            ),
            (
                "message far away",
                good.with(MessageAt, 65_535),
                InvalidDataOffsets,
            ),
            (
                "message longer than the data",
                good.with(MessageLength, length + 1),
                InvalidDataOffsets,
            ),
            (
                "message as long as can be",
                good.with(MessageLength, 65_535),
                InvalidDataOffsets,
            ),
            (
                "message shorter than what is signed",
                good.with(MessageLength, length - 1),
                InvalidSignature,
            ),
            ("no message", good.with(MessageLength, 0), InvalidSignature),
            (
                "signature in no instruction",
                good.with(SignatureIn, 2),
                InvalidDataOffsets,
            ),
            (
                "key in no instruction",
                good.with(KeyIn, 2),
                InvalidDataOffsets,
            ),
            (
                "message in no instruction",
                good.with(MessageIn, 2),
                InvalidDataOffsets,
            ),
            // The submission's data are two bytes.
            (
                "signature in the submission",
                good.with(SignatureIn, 1),
                InvalidDataOffsets,
            ),
            (
                "key in the submission",
                good.with(KeyIn, 1),
                InvalidDataOffsets,
            ),
            (
                "message in the submission",
                good.with(MessageIn, 1),
                InvalidDataOffsets,
            ),
            (
                "no signature",
                good.changed(|data| data[0] = 0),
                InvalidInstructionDataSize,
            ),
            (
                "two of one",
                good.changed(|data| data[0] = 2),
                InvalidDataOffsets,
            ),
            (
                "255 of one",
                good.changed(|data| data[0] = 255),
                InvalidInstructionDataSize,
            ),
            (
                "cut in the table",
                good.changed(|data| data.truncate(TABLE + ENTRY - 1)),
                InvalidInstructionDataSize,
            ),
            (
                "cut in the key",
                good.changed(|data| data.truncate(good.signature - 1)),
                InvalidDataOffsets,
            ),
            (
                "cut in the signature",
                good.changed(|data| data.truncate(good.message - 1)),
                InvalidDataOffsets,
            ),
            (
                "cut in the message",
                good.changed(|data| data.truncate(end - 1)),
                InvalidDataOffsets,
            ),
            (
                "one byte",
                good.changed(|data| data.truncate(1)),
                InvalidInstructionDataSize,
            ),
            (
                "nothing",
                good.changed(Vec::clear),
                InvalidInstructionDataSize,
            ),
            (
                "another signature",
                good.changed(|data| data[good.signature + 40] ^= 1),
                InvalidSignature,
            ),
            (
                "another reading",
                good.changed(|data| data[end - 1] ^= 1),
                InvalidSignature,
            ),
        ];
        for (what, changed, error) in cases {
            let instructions = [changed.instruction, submit.clone()];
            refuse_precompile(&mut world, what, &instructions, 0, error).await;
        }
    }
}

/// Both numbers s and order - s are right by the mathematics; only the lower one is taken.
#[tokio::test]
async fn a_signature_has_one_form_only() {
    let (mut world, meter, _, good) = one(device::p256).await;
    let submit = world.submit_signed(true, &[&meter]);
    let high = good.changed(|data| {
        let bytes = &mut data[good.signature..good.message];
        let signature = p256::ecdsa::Signature::from_slice(bytes).expect("a signature");
        let (r, s) = (signature.r(), signature.s());
        let high = p256::ecdsa::Signature::from_scalars(*r, -*s).expect("a signature");
        bytes.copy_from_slice(&high.to_bytes());
    });
    let instructions = [high.instruction, submit];
    refuse_precompile(&mut world, "high s", &instructions, 0, InvalidSignature).await;

    // Ed25519: s plus the group's order.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (mut world, meter, _, good) = one(device::ed25519).await;
    let submit = world.submit_signed(true, &[&meter]);
    let high = good.changed(|data| {
        let mut carry = 0;
        for (byte, order) in data[good.signature + 32..good.message]
            .iter_mut()
            .zip(ORDER)
        {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
    });
    let instructions = [high.instruction, submit];
    refuse_precompile(&mut world, "high s", &instructions, 0, InvalidSignature).await;
}

/// The first byte of a P-256 key says which of two points it is.
#[tokio::test]
async fn the_prefix_of_a_compressed_key() {
    let (mut world, meter, _, good) = one(device::p256).await;
    let submit = world.submit_signed(true, &[&meter]);
    let prefix = meter.device.public().kind as u8;
    for (prefix, error) in [
        (prefix ^ 1, InvalidSignature),
        (0, InvalidPublicKey),
        (1, InvalidPublicKey),
        // What a key of 65 bytes begins with, and its "hybrid" forms.
        (4, InvalidPublicKey),
        (6, InvalidPublicKey),
        (7, InvalidPublicKey),
    ] {
        let changed = good.changed(|data| data[good.key] = prefix);
        let instructions = [changed.instruction, submit.clone()];
        let what = format!("prefix {prefix}");
        refuse_precompile(&mut world, &what, &instructions, 0, error).await;
    }
}

/// None, which only Ed25519's program takes; and more than Secp256r1's does.
#[tokio::test]
async fn how_many_signatures() {
    for kind in KINDS {
        let (mut world, [meter]) = world_of(kind).await;
        let short = device::signed(&meter.device, Vec::new());
        let scheme = scheme(&short);
        let none = precompile(scheme, &[]);
        let submit = world.submit_signed(true, &[&meter]);
        let instructions = [none, submit];
        match scheme {
            Scheme::Ed25519 => {
                verifies(&mut world, "none", &instructions[..1]).await;
                refuse(
                    &mut world,
                    "none",
                    &instructions,
                    GridError::SignaturesMissing,
                )
                .await;
            }
            Scheme::Secp256r1 => {
                let error = InvalidInstructionDataSize;
                refuse_precompile(&mut world, "none", &instructions, 0, error).await;
            }
        }
        for (count, is_taken) in [(8, true), (9, scheme == Scheme::Ed25519)] {
            let signed = vec![short.clone(); count];
            let submit = world.submit_signed(true, &vec![&meter; count]);
            let instructions = [precompile(scheme, &signed), submit];
            if is_taken {
                // That many are verified; these are empty messages.
                let error = GridError::SignatureMismatch;
                refuse(&mut world, "empty messages", &instructions, error).await;
            } else {
                let error = InvalidInstructionDataSize;
                refuse_precompile(&mut world, "nine", &instructions, 0, error).await;
            }
        }
    }
}

/// Two entries of a table: each field of the second one follows from the first.
#[tokio::test]
async fn the_second_signature_of_an_instruction() {
    for kind in KINDS {
        let (mut world, [first, second]) = world_of(kind).await;
        let reading = world.reading(1_000, 500);
        let signed = [
            world.sign(&first, &[reading]),
            world.sign(&second, &[reading]),
        ];
        let good = verify(&signed);
        let submit = world.submit_signed(true, &[&first, &second]);
        let first_entry = TABLE..TABLE + ENTRY;
        let second_entry = TABLE + ENTRY..TABLE + 2 * ENTRY;
        // Both entries verify the one signature; and the entries the wrong way round.
        let twice = {
            let mut twice = good.clone();
            twice
                .data
                .copy_within(first_entry.clone(), second_entry.start);
            twice
        };
        let swapped = {
            let mut swapped = good.clone();
            swapped.data[first_entry.clone()].copy_from_slice(&good.data[second_entry.clone()]);
            swapped.data[second_entry].copy_from_slice(&good.data[first_entry]);
            swapped
        };
        for (what, changed) in [("one verified twice", twice), ("swapped entries", swapped)] {
            let instructions = [changed, submit.clone()];
            verifies(&mut world, what, &instructions[..1]).await;
            refuse(&mut world, what, &instructions, GridError::SignatureLayout).await;
        }
        accept(&mut world, &[good, submit]).await;
    }
}
