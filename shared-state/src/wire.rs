//! Instruction data: one byte of tag, then Borsh.
//!
//! The arguments of every instruction are `repr(C)` structs without padding, so that programs read the Borsh bytes in
//! place. [`args`] reads one such struct, [`list`] a Borsh `Vec` of them.

use bytemuck::{AnyBitPattern, NoUninit};

use crate::error::{GridError, GridResult};

/// Declares the instructions' tags as an enum, so that a program's dispatch has to match every one.
#[macro_export]
macro_rules! tags {
    ($(#[$doc:meta])* $($name:ident = $tag:expr,)*) => {
        $(#[$doc])*
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[repr(u8)]
        pub enum Tag {
            $($name = $tag,)*
        }

        impl Tag {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The tag of a byte, or `InvalidInstructionData`.
            #[inline(always)]
            pub fn from_byte(byte: u8) -> $crate::GridResult<Self> {
                $(if byte == Self::$name as u8 {
                    return Ok(Self::$name);
                })*
                Err($crate::GridError::InvalidInstructionData)
            }
        }
    };
}

/// Arguments whose Borsh bytes are their memory bytes: every struct that follows a tag is one.
pub trait Args: AnyBitPattern + NoUninit {}
impl<T: AnyBitPattern + NoUninit> Args for T {}

/// Splits instruction data into its tag and its arguments.
#[inline(always)]
pub fn tag(data: &[u8]) -> GridResult<(u8, &[u8])> {
    match data {
        [tag, rest @ ..] => Ok((*tag, rest)),
        [] => Err(GridError::InvalidInstructionData),
    }
}

/// Reads arguments of exactly one `T`.
#[inline(always)]
pub fn args<T: Args>(data: &[u8]) -> GridResult<T> {
    if data.len() != size_of::<T>() {
        return Err(GridError::InvalidInstructionData);
    }
    // SAFETY: the length was just checked, `read_unaligned` needs no alignment, and every bit pattern is a `T`.
    Ok(unsafe { data.as_ptr().cast::<T>().read_unaligned() })
}

/// Checks that an instruction without arguments has none.
#[inline(always)]
pub fn no_args(data: &[u8]) -> GridResult {
    if data.is_empty() {
        Ok(())
    } else {
        Err(GridError::InvalidInstructionData)
    }
}

/// A Borsh `bool`: one byte, 0 or 1.
#[inline(always)]
pub fn boolean(byte: u8) -> GridResult<bool> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(GridError::InvalidInstructionData),
    }
}

/// A `T` where it stands in instruction data: at any address.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub struct Packed<T>(T);

impl<T: Args> Packed<T> {
    /// The `T`.
    #[inline(always)]
    pub fn get(&self) -> T {
        self.0
    }

    /// The bytes that it is made of.
    #[inline(always)]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: a `T` has no uninitialized bytes, and this one no alignment.
        unsafe { core::slice::from_raw_parts((&raw const self.0).cast(), size_of::<T>()) }
    }
}

impl<T> From<T> for Packed<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// Bytes as many `T` as they are: `None` if they aren't a multiple of a `T`'s.
#[inline(always)]
pub fn items<T: Args>(bytes: &[u8]) -> Option<&[Packed<T>]> {
    let count = bytes.len() / size_of::<T>();
    let is_whole = bytes.len() == count.wrapping_mul(size_of::<T>());
    // SAFETY: there are that many; a `Packed<T>` needs no alignment, and every bit pattern is one.
    is_whole.then(|| unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), count) })
}

/// A Borsh `Vec<T>` read in place: a `u32` count, then exactly that many `T`, and nothing else.
#[inline(always)]
pub fn list<T: Args>(data: &[u8]) -> GridResult<&[Packed<T>]> {
    if data.len() < 4 {
        return Err(GridError::InvalidInstructionData);
    }
    let (count, items) = data.split_at(4);
    let count = u32::from_le_bytes([count[0], count[1], count[2], count[3]]) as usize;
    // A 32-bit count of items of less than 64 bytes: the product is exact in 64 bits.
    const { assert!(usize::BITS == 64 && size_of::<T>() <= 64) };
    if items.len() != count.wrapping_mul(size_of::<T>()) {
        return Err(GridError::InvalidInstructionData);
    }
    // SAFETY: the length was just checked; a `Packed<T>` needs no alignment, and every bit pattern is one.
    Ok(unsafe { core::slice::from_raw_parts(items.as_ptr().cast(), count) })
}

/// Tests of a program's instruction module: what Borsh writes is what the program reads in place.
#[doc(hidden)]
pub fn assert_borsh_is_memory<T: Args + borsh::BorshSerialize>() {
    let mut bytes = vec![0u8; size_of::<T>()];
    for round in 0..64u32 {
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = (place as u32)
                .wrapping_mul(0x9E37_79B1)
                .wrapping_add(round.wrapping_mul(0x85EB_CA6B))
                .rotate_left(round % 32) as u8;
        }
        let value: T = bytemuck::pod_read_unaligned(&bytes);
        assert_eq!(borsh::to_vec(&value).ok().as_ref(), Some(&bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn args_take_exactly_their_size() {
        assert_eq!(args::<u64>(&7u64.to_le_bytes()), Ok(7));
        for length in [0, 7, 9] {
            assert_eq!(
                args::<u64>(&vec![0; length]),
                Err(GridError::InvalidInstructionData)
            );
        }
    }

    #[test]
    fn lists_read_what_borsh_writes() {
        let values = vec![1u64, u64::MAX, 3];
        let bytes = borsh::to_vec(&values).expect("to memory");
        let found = list::<u64>(&bytes).expect("a list");
        assert_eq!(found.iter().map(Packed::get).collect::<Vec<_>>(), values);
        assert_eq!(found[2].bytes(), &bytes[20..]);
        for cut in 0..bytes.len() {
            assert!(list::<u64>(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(list::<u64>(&longer).is_err());
    }

    #[test]
    fn a_count_beyond_the_data_is_refused() {
        let mut bytes = u32::MAX.to_le_bytes().to_vec();
        bytes.extend([0; 8]);
        assert!(list::<u64>(&bytes).is_err());
        assert!(list::<u64>(&0u32.to_le_bytes()).is_ok_and(|list| list.is_empty()));
    }

    #[test]
    fn booleans_are_zero_or_one() {
        assert_eq!(boolean(0), Ok(false));
        assert_eq!(boolean(1), Ok(true));
        assert_eq!(boolean(2), Err(GridError::InvalidInstructionData));
    }
}
