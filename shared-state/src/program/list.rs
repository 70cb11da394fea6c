//! A list on the heap, with room for a header before it.

use core::{marker::PhantomData, mem::MaybeUninit};

use crate::{
    error::{GridError, GridResult},
    wire::Args,
};

/// The most items that a list can be made for: no transaction has room for more.
const MAX_ITEMS: usize = 512;

/// Items behind a header of `HEADER` bytes, in one piece of memory: a call's data or an event's. It never grows: a `Vec`
/// that does needs 128-bit arithmetic, and copies.
pub struct List<T, const HEADER: usize = 0> {
    bytes: Box<[MaybeUninit<u8>]>,
    /// Where the next item goes. All bytes between the header and here have been written.
    end: usize,
    items: PhantomData<T>,
}

impl<T: Args, const HEADER: usize> List<T, HEADER> {
    /// An empty list with room for `capacity` items.
    #[inline(always)]
    pub fn new(capacity: usize) -> Self {
        // The bound keeps the product small.
        let size = capacity.min(MAX_ITEMS).wrapping_mul(size_of::<T>());
        Self {
            bytes: Box::new_uninit_slice(size.wrapping_add(HEADER)),
            end: HEADER,
            items: PhantomData,
        }
    }

    /// Appends an item; fails with [`GridError::TooManyAccounts`] if there is no room.
    #[inline(always)]
    pub fn push(&mut self, item: T) -> GridResult {
        if self.end >= self.bytes.len() {
            return Err(GridError::TooManyAccounts);
        }
        // SAFETY: the room behind the header is a multiple of an item's size, and `end` goes up by that size, so where there
        // is room for a byte there is room for an item.
        unsafe {
            let place = self.bytes.as_mut_ptr().add(self.end);
            place.cast::<T>().write_unaligned(item);
        }
        self.end = self.end.wrapping_add(size_of::<T>());
        Ok(())
    }

    /// How many items there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.end.wrapping_sub(HEADER) / size_of::<T>()
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.end == HEADER
    }

    /// The item at `index`.
    #[inline(always)]
    pub fn get(&self, index: usize) -> Option<T> {
        if index >= self.len() {
            return None;
        }
        let start = index.wrapping_mul(size_of::<T>()).wrapping_add(HEADER);
        // SAFETY: `push` has written an item there, since there are more than `index`.
        Some(unsafe {
            let place = self.bytes.as_ptr().add(start);
            place.cast::<T>().read_unaligned()
        })
    }

    /// The item that was appended last.
    #[inline(always)]
    pub fn last(&self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let start = self.end.wrapping_sub(size_of::<T>());
        // SAFETY: `push` has written an item that ends at `end`.
        Some(unsafe {
            let place = self.bytes.as_ptr().add(start);
            place.cast::<T>().read_unaligned()
        })
    }

    /// The header and the items.
    #[inline(always)]
    pub fn with_header(&mut self, header: [u8; HEADER]) -> &[u8] {
        // SAFETY: there is room for the header from the beginning; and then all bytes up to `end` have been written, because
        // items have no uninitialized bytes.
        unsafe {
            let start = self.bytes.as_mut_ptr().cast::<u8>();
            start.cast::<[u8; HEADER]>().write(header);
            core::slice::from_raw_parts(start, self.end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_and_the_items_in_one_piece() {
        let mut list = List::<u64, 3>::new(2);
        assert!(list.is_empty());
        assert_eq!((list.last(), list.get(0)), (None, None));
        assert_eq!(list.with_header([1, 2, 3]), [1, 2, 3]);
        let nines = u64::from_le_bytes([9; 8]);
        assert_eq!(list.push(7), Ok(()));
        assert_eq!(list.push(nines), Ok(()));
        assert_eq!((list.len(), list.last()), (2, Some(nines)));
        assert_eq!((list.get(0), list.get(2)), (Some(7), None));
        assert_eq!(list.push(1), Err(GridError::TooManyAccounts));
        let bytes = [4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9];
        assert_eq!(list.with_header([4, 5, 6]), bytes);
    }

    #[test]
    fn a_list_without_room_takes_nothing() {
        assert!(List::<u64>::new(0).push(1).is_err());
    }
}
