//! Items behind a header, in one piece of memory: a call's data, or an event's.

use super::fixed_vec::{FixedVec, Place};
use crate::{
    error::GridResult,
    wire::{Args, Packed},
};

/// Items on the heap, and room for a header right before the first one.
pub struct HeadedList<T>(FixedVec<Packed<T>>);

impl<T: Args> HeadedList<T> {
    /// An empty list with room for `capacity` items.
    #[inline(always)]
    pub fn new(capacity: usize) -> GridResult<Self> {
        // The first place is the header's, which stands at its end.
        let mut places = FixedVec::new(capacity.wrapping_add(1));
        places.push(T::zeroed().into())?;
        Ok(Self(places))
    }

    /// The place of the next item.
    #[inline(always)]
    pub fn place(&mut self) -> GridResult<Place<'_, Packed<T>>> {
        self.0.place()
    }

    /// The item that was put last; zeros if there is none (and no header yet).
    #[inline(always)]
    pub fn last(&self) -> Packed<T> {
        match self.0.as_slice().last() {
            Some(item) => *item,
            None => T::zeroed().into(),
        }
    }

    /// How many items there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.0.as_slice().len().wrapping_sub(1)
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The header (no longer than an item) and the items.
    #[inline(always)]
    pub fn with_header<const HEADER: usize>(&mut self, header: &[u8; HEADER]) -> &[u8] {
        const { assert!(HEADER <= size_of::<T>()) };
        let places = self.0.as_mut_slice();
        let length = core::mem::size_of_val(places);
        // SAFETY: items have no uninitialized bytes and may have any, so they can be seen as bytes.
        let bytes =
            unsafe { core::slice::from_raw_parts_mut(places.as_mut_ptr().cast::<u8>(), length) };
        let (_, bytes) = bytes.split_at_mut(size_of::<T>() - HEADER);
        let (place, _) = bytes.split_at_mut(HEADER);
        place.copy_from_slice(header);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::GridError;

    #[test]
    fn the_header_and_the_items_in_one_piece() {
        let mut list = HeadedList::<u64>::new(2).expect("room");
        assert!(list.is_empty());
        assert_eq!(list.last().get(), 0);
        assert_eq!(list.with_header(&[1, 2, 3]), [1, 2, 3]);
        list.place().expect("room").put(7.into());
        list.place()
            .expect("room")
            .put(u64::from_le_bytes([9; 8]).into());
        assert_eq!(
            (list.len(), list.last().get()),
            (2, u64::from_le_bytes([9; 8]))
        );
        assert_eq!(list.place().err(), Some(GridError::TooManyAccounts));
        assert_eq!(
            list.with_header(&[4]),
            [4, 7, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]
        );
    }
}
