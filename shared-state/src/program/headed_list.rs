//! Items behind a header, in one piece of memory: a call's data, or an event's.

use bytemuck::NoUninit;

use super::fixed_vec::FixedVec;
use crate::error::GridResult;

/// Items of `SIZE` bytes on the heap, and room for a header right before the first one.
pub struct HeadedList<const SIZE: usize>(FixedVec<[u8; SIZE]>);

impl<const SIZE: usize> HeadedList<SIZE> {
    /// An empty list with room for `capacity` items.
    #[inline(always)]
    pub fn new(capacity: usize) -> GridResult<Self> {
        // The first place is the header's, which stands at its end.
        let mut places = FixedVec::new(capacity.wrapping_add(1));
        places.push([0; SIZE])?;
        Ok(Self(places))
    }

    /// Appends an item of `SIZE` bytes (another size doesn't compile).
    #[inline(always)]
    pub fn push<T: NoUninit>(&mut self, item: T) -> GridResult {
        const { assert!(size_of::<T>() == SIZE) };
        // SAFETY: both have the same size, checked above, and `T` has no uninitialized bytes.
        self.0.push(unsafe { core::mem::transmute_copy(&item) })
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

    /// The header (at most `SIZE` bytes) and the items.
    #[inline(always)]
    pub fn with_header<const HEADER: usize>(&mut self, header: &[u8; HEADER]) -> &[u8] {
        const { assert!(HEADER <= SIZE) };
        let bytes = self.0.as_mut_slice().as_flattened_mut();
        let (_, bytes) = bytes.split_at_mut(SIZE - HEADER);
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
        let mut list = HeadedList::<8>::new(2).expect("room");
        assert!(list.is_empty());
        assert_eq!(list.with_header(&[1, 2, 3]), [1, 2, 3]);
        list.push(7u64).expect("room");
        list.push([9u8; 8]).expect("room");
        assert_eq!(list.len(), 2);
        assert_eq!(list.push(0u64), Err(GridError::TooManyAccounts));
        assert_eq!(
            list.with_header(&[4]),
            [4, 7, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]
        );
    }
}
