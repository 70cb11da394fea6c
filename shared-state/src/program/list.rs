//! A list on the heap, with room for a header before it.

use core::{marker::PhantomData, mem::MaybeUninit};

use crate::{
    error::{cold_path, GridError, GridResult},
    wire::Args,
};

/// The most items that a list can be made for: no transaction has room for more.
const MAX_ITEMS: usize = 512;

/// What an item begins at a multiple of.
const WORD: usize = size_of::<u64>();

/// Items behind a header of `HEADER` bytes, in one piece of memory: a call's data or an event's. It never grows: a `Vec`
/// that does needs 128-bit arithmetic, and copies.
pub struct List<T, const HEADER: usize = 0> {
    words: Box<[MaybeUninit<u64>]>,
    /// Where the next item goes (bytes). All bytes between the header and here have been written.
    end: usize,
    items: PhantomData<T>,
}

impl<T: Args, const HEADER: usize> List<T, HEADER> {
    /// Where the items begin: the header ends there.
    const START: usize = HEADER.next_multiple_of(WORD);

    /// An empty list with room for `capacity` items.
    #[inline(always)]
    pub fn new(capacity: usize) -> Self {
        const { assert!(align_of::<T>() <= WORD && size_of::<T>().is_multiple_of(WORD)) };
        // The bound keeps the product small.
        let size = capacity.min(MAX_ITEMS).wrapping_mul(size_of::<T>());
        Self {
            words: Box::new_uninit_slice(size.wrapping_add(Self::START) / WORD),
            end: Self::START,
            items: PhantomData,
        }
    }

    /// The byte at `at`, as where an item is.
    #[inline(always)]
    fn at(&mut self, at: usize) -> *mut T {
        self.words.as_mut_ptr().cast::<u8>().wrapping_add(at).cast()
    }

    /// The place of the next item, if there is room.
    #[inline(always)]
    pub fn place(&mut self) -> Option<&mut MaybeUninit<T>> {
        if self.end >= self.words.len().wrapping_mul(WORD) {
            cold_path();
            return None;
        }
        // SAFETY: the room behind the header is a multiple of an item's size, and `end` goes up by that size, so where there
        // is room for a byte there is room for an item; it is a multiple of 8, which is an item's alignment or more.
        Some(unsafe { &mut *self.at(self.end).cast() })
    }

    /// Takes the next item's place up into the list.
    ///
    /// # Safety
    /// [`Self::place`] must have given a place, and an item must have been written there.
    #[inline(always)]
    pub unsafe fn extend(&mut self) {
        self.end = self.end.wrapping_add(size_of::<T>());
    }

    /// Appends an item; fails with [`GridError::TooManyAccounts`] if there is no room.
    #[inline(always)]
    pub fn push(&mut self, item: T) -> GridResult {
        self.place().ok_or(GridError::TooManyAccounts)?.write(item);
        // SAFETY: the item has just been written.
        unsafe { self.extend() };
        Ok(())
    }

    /// How many items there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.end.wrapping_sub(Self::START) / size_of::<T>()
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.end == Self::START
    }

    /// The item at `index`.
    #[inline(always)]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len() {
            return None;
        }
        let at = index.wrapping_mul(size_of::<T>()).wrapping_add(Self::START);
        // SAFETY: an item has been written there, since there are more than `index`.
        Some(unsafe { &mut *self.at(at) })
    }

    /// The item that was appended last.
    #[inline(always)]
    pub fn last_mut(&mut self) -> Option<&mut T> {
        if self.is_empty() {
            return None;
        }
        // SAFETY: an item has been written that ends at `end`.
        Some(unsafe { &mut *self.at(self.end.wrapping_sub(size_of::<T>())) })
    }

    /// The header and the items.
    #[inline(always)]
    pub fn with_header(&mut self, header: [u8; HEADER]) -> &[u8] {
        // SAFETY: there is room for the header before the items from the beginning; and then all bytes from there to `end`
        // have been written, because items have no uninitialized bytes.
        unsafe {
            let start = self.words.as_mut_ptr().cast::<u8>();
            let start = start.add(Self::START.wrapping_sub(HEADER));
            start.cast::<[u8; HEADER]>().write(header);
            let length = self.end.wrapping_sub(Self::START.wrapping_sub(HEADER));
            core::slice::from_raw_parts(start, length)
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
        assert_eq!(
            (list.last_mut().is_none(), list.place().is_some()),
            (true, true)
        );
        assert_eq!(list.with_header([1, 2, 3]), [1, 2, 3]);
        let nines = u64::from_le_bytes([9; 8]);
        assert_eq!(list.push(7), Ok(()));
        assert_eq!(list.push(nines), Ok(()));
        assert_eq!((list.len(), list.last_mut()), (2, Some(&mut nines.clone())));
        assert_eq!(list.get_mut(2), None);
        assert_eq!(list.push(1), Err(GridError::TooManyAccounts));
        *list.get_mut(0).expect("an item") += 1;
        let bytes = [4, 5, 6, 8, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9];
        assert_eq!(list.with_header([4, 5, 6]), bytes);
    }

    #[test]
    fn a_list_without_room_takes_nothing() {
        assert!(List::<u64>::new(0).push(1).is_err());
    }
}
