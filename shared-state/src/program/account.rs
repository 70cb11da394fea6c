//! Accounts of our own types, checked: a processor that holds one can't have forgotten the check.
//!
//! | type | what it proves |
//! |---|---|
//! | [`Account<T>`] | owned by the given program, of type `T` (size, type and version byte), and nobody holds it for writing |
//! | [`AccountMut<T>`] | the same, writable, and nobody else holds it at all |
//!
//! A failed check logs the role of the account at fault (`account: <role>`) and returns the check's own error.
//! Addresses: accounts of our types exist only where an instruction of ours created them, at their derived address, because
//! nothing else writes to accounts that our programs own. So owner and type prove the address of a config, and a meter is
//! named by the `meter_id` inside it; searching for the address again would cost 1,500 units.
//!
//! **Who holds what.** An account that stands twice in an instruction is the same memory twice. The byte in which the loader
//! marks repeated accounts, and which it never looks at again, says who holds the account: 255 nobody, 0 one for writing,
//! 254 any number for reading. A mark for reading stays: nothing of ours reads an account and writes it afterwards.

use core::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use solana_account_view::{AccountView, NOT_BORROWED};
use solana_address::address_eq;
use solana_program::{log::sol_log, pubkey::Pubkey};

use super::{
    call::{Passed, PassedWritable},
    witness::writable,
};
use crate::{
    error::{GridError, GridResult},
    state::{AccountLayout, LAYOUT_VERSION},
};

/// Mark of an account that is held for writing.
const WRITING: u8 = 0;
/// Mark of an account that is held for reading.
const READING: u8 = 254;

/// `error`, after logging that the account in this role caused it.
#[cold]
#[inline(never)]
pub fn blame(role: &'static str, error: GridError) -> GridError {
    sol_log("account:");
    sol_log(role);
    error
}

/// Which error says that `got` accounts are not the `expected` number.
#[cold]
pub fn count_error(got: usize, expected: usize) -> GridError {
    if got < expected {
        GridError::NotEnoughAccounts
    } else {
        GridError::TooManyAccounts
    }
}

#[inline(always)]
fn check_layout<T: AccountLayout>(view: &AccountView, owner: &Pubkey) -> GridResult {
    if !address_eq(view.owner(), owner) {
        return Err(blame(T::NAME, GridError::WrongAccountOwner));
    }
    // SAFETY: the account's data starts here, and has `SIZE` bytes: that is compared first.
    let is_t = view.data_len() == T::SIZE
        && unsafe { view.data_ptr().cast::<[u8; 2]>().read() } == [T::TYPE as u8, LAYOUT_VERSION];
    if is_t {
        Ok(())
    } else {
        Err(blame(T::NAME, GridError::WrongAccountType))
    }
}

/// The mark that says who holds an account.
#[inline(always)]
fn mark(view: &AccountView) -> *mut u8 {
    // SAFETY: the view points to a live `RuntimeAccount`; no reference to the field is made.
    unsafe { &raw mut (*view.account_ptr().cast_mut()).borrow_state }
}

/// An account of type `T`, for reading.
pub struct Account<'a, T> {
    view: &'a AccountView,
    layout: PhantomData<T>,
}

impl<'a, T: AccountLayout> Account<'a, T> {
    /// Checks owner, size, type and version, and that nobody holds it for writing.
    #[inline(always)]
    pub fn new(view: &'a AccountView, owner: &Pubkey) -> GridResult<Self> {
        check_layout::<T>(view, owner)?;
        let mark = mark(view);
        // SAFETY: the mark is a byte of the account's that nothing else refers to.
        if unsafe { mark.read() } == WRITING {
            return Err(blame(T::NAME, GridError::AccountInUse));
        }
        // SAFETY: the same.
        unsafe { mark.write(READING) };
        Ok(Self {
            view,
            layout: PhantomData,
        })
    }

    /// [`Self::new`] for an account that a called program will write to.
    #[inline(always)]
    pub fn passed_writable(view: &'a AccountView, owner: &Pubkey) -> GridResult<Self> {
        let account = Self::new(view, owner)?;
        writable(view, T::NAME)?;
        Ok(account)
    }

    /// The account's address.
    #[inline(always)]
    pub fn address(&self) -> &'a Pubkey {
        self.view.address()
    }
}

impl<T: AccountLayout> Deref for Account<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `new` checked that the data has the size of `T`; it starts at a multiple of 8, which is the
        // alignment of every layout or more; and every bit pattern is a `T`. The mark keeps others from writing.
        unsafe { &*self.view.data_ptr().cast::<T>() }
    }
}

/// An account of type `T` that nobody else holds while this lives: an [`Account`] or another [`AccountMut`] of it, which the
/// same address twice in an instruction would give, fails with [`GridError::AccountInUse`].
pub struct AccountMut<'a, T> {
    view: &'a AccountView,
    layout: PhantomData<T>,
}

impl<'a, T: AccountLayout> AccountMut<'a, T> {
    /// Checks owner, size, type, version and that it is writable, and takes it.
    #[inline(always)]
    pub fn new(view: &'a AccountView, owner: &Pubkey) -> GridResult<Self> {
        check_layout::<T>(view, owner)?;
        writable(view, T::NAME)?;
        let mark = mark(view);
        // SAFETY: the mark is a byte of the account's that nothing else refers to.
        if unsafe { mark.read() } != NOT_BORROWED {
            return Err(blame(T::NAME, GridError::AccountInUse));
        }
        // SAFETY: the same.
        unsafe { mark.write(WRITING) };
        Ok(Self {
            view,
            layout: PhantomData,
        })
    }

    /// The account's address.
    #[inline(always)]
    pub fn address(&self) -> &'a Pubkey {
        self.view.address()
    }
}

impl<T: AccountLayout> AccountMut<'_, T> {
    /// Counts an administrative change of the account.
    pub fn revise(&mut self) {
        let header = self.header_mut();
        header.revision = header.revision.wrapping_add(1);
    }
}

impl<T> Drop for AccountMut<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: as in `new`.
        unsafe { mark(self.view).write(NOT_BORROWED) };
    }
}

impl<T: AccountLayout> Deref for AccountMut<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: as for `Account`; nobody else holds the account.
        unsafe { &*self.view.data_ptr().cast::<T>() }
    }
}

impl<T: AccountLayout> DerefMut for AccountMut<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `Account`; nobody else holds the account.
        unsafe { &mut *self.view.data_ptr().cast_mut().cast::<T>() }
    }
}

impl<T> Passed for Account<'_, T> {
    #[inline(always)]
    fn view(&self) -> &AccountView {
        self.view
    }
}
impl<T> Passed for AccountMut<'_, T> {
    #[inline(always)]
    fn view(&self) -> &AccountView {
        self.view
    }
}
impl<T> PassedWritable for AccountMut<'_, T> {}

#[cfg(test)]
pub(super) mod tests {
    use solana_account_view::RuntimeAccount;

    use super::*;
    use crate::quantity::Bps;
    use crate::state::{AccountType, Header, Meter, RegistryConfig};

    const OWNER: Pubkey = Pubkey::new_from_array([8; 32]);

    /// An account in memory as the runtime lays it out.
    #[repr(C)]
    pub struct InMemory<const N: usize> {
        pub account: RuntimeAccount,
        pub data: [u64; N],
    }

    impl<const N: usize> InMemory<N> {
        pub fn new(account_type: u8, version: u8) -> Self {
            let mut bytes = vec![0; N * 8];
            bytes[..2].copy_from_slice(&[account_type, version]);
            Self::of(OWNER, &bytes)
        }

        /// An account of this owner with this data, 8 bytes for each of N.
        pub fn of(owner: Pubkey, bytes: &[u8]) -> Self {
            let mut data = [0; N];
            for (word, bytes) in data.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_ne_bytes(*bytes);
            }
            Self {
                account: RuntimeAccount {
                    borrow_state: NOT_BORROWED,
                    is_writable: 1,
                    owner,
                    data_len: (N * 8) as u64,
                    ..RuntimeAccount::default()
                },
                data,
            }
        }

        pub fn view(&mut self) -> AccountView {
            // SAFETY: the account and its data lie behind each other, as in the runtime's input.
            unsafe { AccountView::new_unchecked((&raw mut *self).cast()) }
        }
    }

    #[test]
    fn each_part_of_the_layout_is_checked() {
        let mut good = InMemory::<45>::new(3, 1);
        assert!(Account::<Meter>::new(&good.view(), &OWNER).is_ok());
        assert_eq!(
            Account::<Meter>::new(&good.view(), &Pubkey::default()).err(),
            Some(GridError::WrongAccountOwner)
        );
        for mut bad in [InMemory::<45>::new(2, 1), InMemory::<45>::new(3, 2)] {
            let error = Account::<Meter>::new(&bad.view(), &OWNER).err();
            assert_eq!(error, Some(GridError::WrongAccountType));
        }
        let (mut long, mut short) = (InMemory::<46>::new(3, 1), InMemory::<44>::new(3, 1));
        for view in [long.view(), short.view()] {
            let error = Account::<Meter>::new(&view, &OWNER).err();
            assert_eq!(error, Some(GridError::WrongAccountType));
        }
        let mut empty = InMemory::<0>::of(OWNER, &[]);
        let error = Account::<Meter>::new(&empty.view(), &OWNER).err();
        assert_eq!(error, Some(GridError::WrongAccountType));
    }

    #[test]
    fn an_account_is_held_for_writing_only_once() {
        let mut memory = InMemory::<18>::new(2, 1);
        let first = memory.view();
        let second = first;
        let held = AccountMut::<RegistryConfig>::new(&first, &OWNER);
        assert!(held.is_ok());
        assert_eq!(
            AccountMut::<RegistryConfig>::new(&second, &OWNER).err(),
            Some(GridError::AccountInUse)
        );
        assert_eq!(
            Account::<RegistryConfig>::new(&second, &OWNER).err(),
            Some(GridError::AccountInUse)
        );
        drop(held);
        assert!(AccountMut::<RegistryConfig>::new(&second, &OWNER).is_ok());
    }

    #[test]
    fn an_account_that_is_read_is_never_held_for_writing() {
        let mut memory = InMemory::<18>::new(2, 1);
        let first = memory.view();
        let second = first;
        let read = Account::<RegistryConfig>::new(&first, &OWNER);
        assert!(read.is_ok());
        assert!(Account::<RegistryConfig>::new(&second, &OWNER).is_ok());
        assert_eq!(
            AccountMut::<RegistryConfig>::new(&second, &OWNER).err(),
            Some(GridError::AccountInUse)
        );
    }

    #[test]
    fn what_is_written_is_in_the_account() {
        let mut memory = InMemory::<18>::new(2, 1);
        let view = memory.view();
        let mut config = AccountMut::<RegistryConfig>::new(&view, &OWNER).expect("a config");
        config.header = Header::new(AccountType::RegistryConfig, 7, 0);
        config.minimum_quality = Bps(1_234);
        drop(config);
        assert_eq!(memory.data[0], u64::from_le_bytes([2, 1, 7, 0, 0, 0, 0, 0]));
        assert_eq!(memory.data[17] & 0xFFFF, 1_234);
    }

    #[test]
    fn a_read_only_account_is_not_for_writing() {
        let mut memory = InMemory::<18>::new(2, 1);
        memory.account.is_writable = 0;
        let error = AccountMut::<RegistryConfig>::new(&memory.view(), &OWNER).err();
        assert_eq!(error, Some(GridError::AccountNotWritable));
    }
}
