//! Names of meters: from a serial number of any length to the 32 bytes on chain.

use solana_program::{hash::hash, pubkey::Pubkey};

use crate::error::{GridError, GridResult};

/// Length of a meter id.
pub const METER_ID_BYTES: usize = 32;

/// What a hashed id starts with.
const HASHED: u8 = b'#';

/// Lengths of a UUID's groups of hexadecimal digits.
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// The meter id of a serial number, zero-padded. The same in every language:
///
/// * a UUID (groups of 8, 4, 4, 4 and 12 hexadecimal digits with hyphens between): its digits in lower case
/// * 1 to 32 ASCII graphic characters (0x21 to 0x7E): as they are, so an id can be given in this form too
/// * anything else, longer or with other characters: `#` and the first 31 characters of the base58 of the SHA-256 of its
///   UTF-8 bytes
///
/// Fails with [`GridError::InvalidMeterId`] where it is empty, or contains blanks or control characters: those are
/// mistakes, which no meter has on its plate.
pub fn meter_id(serial: &str) -> GridResult<[u8; METER_ID_BYTES]> {
    if serial.is_empty() || serial.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(GridError::InvalidMeterId);
    }
    let mut id = [0; METER_ID_BYTES];
    if is_uuid(serial) {
        let digits = serial.bytes().filter(|byte| *byte != b'-');
        for (place, digit) in id.iter_mut().zip(digits) {
            *place = digit.to_ascii_lowercase();
        }
    } else if serial.len() <= METER_ID_BYTES && serial.bytes().all(|byte| byte.is_ascii_graphic()) {
        for (place, byte) in id.iter_mut().zip(serial.bytes()) {
            *place = byte;
        }
    } else {
        let base58 = Pubkey::new_from_array(hash(serial.as_bytes()).to_bytes()).to_string();
        for (place, byte) in id
            .iter_mut()
            .zip([HASHED].into_iter().chain(base58.bytes()))
        {
            *place = byte;
        }
    }
    Ok(id)
}

fn is_uuid(serial: &str) -> bool {
    let mut groups = serial.split('-');
    let is_group = |length: &usize| {
        groups.next().is_some_and(|group| {
            group.len() == *length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    UUID_GROUPS.iter().all(is_group) && groups.next().is_none()
}

/// The characters of a meter id. Fails with [`GridError::InvalidMeterId`] if it is empty, has anything behind its zero
/// padding, or anything but ASCII graphic characters before it: so no two ids look the same.
pub fn meter_name(id: &[u8; METER_ID_BYTES]) -> GridResult<&str> {
    let length = id
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(METER_ID_BYTES);
    let (name, padding) = id.split_at(length);
    let is_good = !name.is_empty()
        && name.iter().all(u8::is_ascii_graphic)
        && padding.iter().all(|byte| *byte == 0);
    if is_good {
        core::str::from_utf8(name).map_err(|_| GridError::InvalidMeterId)
    } else {
        Err(GridError::InvalidMeterId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(serial: &str) -> GridResult<String> {
        let id = meter_id(serial)?;
        meter_name(&id).map(str::to_string)
    }

    /// Vectors for other languages; the same stand in the documentation.
    #[test]
    fn vectors() {
        for (serial, expected) in [
            ("ISK-42", "ISK-42"),
            ("x", "x"),
            (
                "1EMH0012345678901234567890123456",
                "1EMH0012345678901234567890123456",
            ),
            (
                "550E8400-E29B-41D4-A716-446655440000",
                "550e8400e29b41d4a716446655440000",
            ),
            ("DE0001234567890123456789012345678", VECTORS[0]),
            ("4530303433303036393938373635343331", VECTORS[1]),
            ("Zähler-1", VECTORS[2]),
            // Almost a UUID.
            ("550E8400-E29B-41D4-A716-44665544000g", VECTORS[3]),
        ] {
            assert_eq!(name(serial).as_deref(), Ok(expected), "{serial}");
            // What is on the chain is its own id.
            assert_eq!(name(expected).as_deref(), Ok(expected));
        }
    }

    const VECTORS: [&str; 4] = [
        "#D4a9wLr9xg3Hu3XgaJhy2npL72Lu8ux",
        "#23oMHjRrQFgZtbxKWcTP5yobLsNZ6jq",
        "#BZxG82j2MvhXK6b94a3dGaPjZHVXVu6",
        "#F9XuUDkUajzT7unRCTCdJCboJLsBzN9",
    ];

    #[test]
    fn mistakes() {
        for bad in [
            "", "a\0b", "a ", " a", "a\n", "a\tb", "a\x7F", "a\u{A0}b", "a\u{85}",
        ] {
            assert_eq!(meter_id(bad), Err(GridError::InvalidMeterId), "{bad:?}");
        }
        let with = |bytes: &[u8]| {
            let mut id = [0; METER_ID_BYTES];
            id[..bytes.len()].copy_from_slice(bytes);
            id
        };
        for bad in [
            &b""[..],
            b"\0x",
            b"a b",
            b"a\x7F",
            b"a\x80",
            "ä".as_bytes(),
            b"a\0b",
            b"a\x1F",
        ] {
            let error = Err(GridError::InvalidMeterId);
            assert_eq!(meter_name(&with(bad)), error, "{bad:?}");
        }
        assert_eq!(meter_name(&[b'~'; 32]).map(str::len), Ok(32));
        assert_eq!(meter_name(&with(b"!")), Ok("!"));
    }
}
