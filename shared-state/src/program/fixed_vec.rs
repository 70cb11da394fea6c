//! A list on the heap that never grows.

use core::mem::MaybeUninit;

use super::input::MAX_ACCOUNTS;
use crate::error::{fail, GridError, GridResult};

/// A list with room for as many items as it was made for. (A growing `Vec` needs 128-bit arithmetic, which the programs'
/// target does not have, and copies.)
pub struct FixedVec<T> {
    items: Box<[MaybeUninit<T>]>,
    len: usize,
}

impl<T: Copy> FixedVec<T> {
    /// An empty list with room for `capacity` items, at most one more than an instruction has accounts.
    #[inline(always)]
    pub fn new(capacity: usize) -> Self {
        Self {
            items: Box::new_uninit_slice(capacity.min(MAX_ACCOUNTS + 1)),
            len: 0,
        }
    }

    /// Appends an item; fails with [`GridError::TooManyAccounts`] if there is no room.
    #[inline(always)]
    pub fn push(&mut self, item: T) -> GridResult {
        self.place()?.put(item);
        Ok(())
    }

    /// The place of the next item, so that it can be made right there; fails with [`GridError::TooManyAccounts`] if there
    /// is no room.
    #[inline(always)]
    pub fn place(&mut self) -> GridResult<Place<'_, T>> {
        match self.items.get_mut(self.len) {
            Some(slot) => Ok(Place {
                slot,
                len: &mut self.len,
            }),
            None => Err(fail(GridError::TooManyAccounts)),
        }
    }

    /// The items so far, to be changed.
    #[inline(always)]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as for `as_slice`.
        unsafe { core::slice::from_raw_parts_mut(self.items.as_mut_ptr().cast(), self.len) }
    }

    /// The items so far.
    #[inline(always)]
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: `Place::put` has written the first `len` items, and `len` never exceeds the room.
        unsafe { core::slice::from_raw_parts(self.items.as_ptr().cast(), self.len) }
    }
}

/// A place in a [`FixedVec`], to be filled. Dropped without that, nothing is appended.
pub struct Place<'a, T> {
    slot: &'a mut MaybeUninit<T>,
    len: &'a mut usize,
}

impl<T> Place<'_, T> {
    /// Appends the item.
    #[inline(always)]
    pub fn put(self, item: T) {
        self.slot.write(item);
        // There was room, so this is no more than the capacity.
        *self.len = self.len.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_as_many_as_it_was_made_for() {
        let mut list = FixedVec::new(2);
        assert!(list.as_slice().is_empty());
        assert_eq!(list.push(7u64), Ok(()));
        assert_eq!(list.push(8), Ok(()));
        assert_eq!(list.push(9), Err(GridError::TooManyAccounts));
        assert_eq!(list.as_slice(), [7, 8]);

        let mut list = FixedVec::new(1);
        assert!(list.place().is_ok());
        assert!(list.as_slice().is_empty());
        list.place().expect("room").put(7u64);
        assert_eq!(list.as_slice(), [7]);
        assert!(list.place().is_err());
    }
}
