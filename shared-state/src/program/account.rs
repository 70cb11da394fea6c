//! Checked accounts: a processor that holds one of these types can't have forgotten the check.
//!
//! | type or function | what it proves |
//! |---|---|
//! | [`Account<T>`] | owned by the given program, of type `T` (size, type and version byte), and nobody holds it for writing |
//! | [`AccountMut<T>`] | the same, writable, and nobody else holds it for writing |
//! | [`signer`] | signed |
//! | [`writable`] | writable |
//! | [`program`] | has the address of the program that the caller expects |
//! | [`TokenAccount`] | an initialized account of the SPL Token program, for this mint |
//!
//! A failed check logs the role of the account at fault (`account: <role>`) and returns the check's own error.
//! Addresses: accounts of our types exist only where an `Initialize` or `RegisterMeter` created them, at their derived
//! address, because nothing else writes to accounts that our programs own. So owner and type prove the address of a
//! config, and a meter is named by the `meter_id` inside it; searching for the address again would cost 1,500 units.

use core::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use solana_account_view::{AccountView, NOT_BORROWED};
use solana_address::address_eq;
use solana_program::{log::sol_log, pubkey::Pubkey};
use spl_token::solana_program::program_pack::Pack;

use crate::{
    error::{fail, GridError, GridResult},
    state::{AccountLayout, LAYOUT_VERSION},
};

/// Logs which account is at fault and passes the error on.
#[cold]
#[inline(never)]
fn log_role(role: &&'static str, error: GridError) -> GridError {
    sol_log("account:");
    sol_log(role);
    fail(error)
}

/// [`blame`] for the checks of every account: a function for each error, so that the compiler doesn't load their codes
/// before the checks.
#[cold]
#[inline(never)]
fn blame_layout<const CODE: u32>(role: &&'static str) -> GridError {
    log_role(
        role,
        GridError::from_code(CODE).unwrap_or(GridError::WrongAccountType),
    )
}

/// `error`, after logging that the account in this role caused it.
#[inline(always)]
pub fn blame(role: &'static str, error: GridError) -> GridError {
    log_role(&role, error)
}

/// Checks that an account signed.
#[inline(always)]
pub fn signer<'a>(view: &'a AccountView, role: &'static str) -> GridResult<&'a Pubkey> {
    if view.is_signer() {
        Ok(view.address())
    } else {
        Err(blame(role, GridError::MissingSignature))
    }
}

/// Checks that an account is writable.
#[inline(always)]
pub fn writable(view: &AccountView, role: &'static str) -> GridResult {
    if view.is_writable() {
        Ok(())
    } else {
        Err(blame_layout::<{ GridError::AccountNotWritable.code() }>(
            &role,
        ))
    }
}

/// Checks that an account is the program that is expected.
#[inline(always)]
pub fn program(view: &AccountView, expected: &Pubkey, role: &'static str) -> GridResult {
    if address_eq(view.address(), expected) {
        Ok(())
    } else {
        Err(blame(role, GridError::WrongProgram))
    }
}

/// Whether a stored key is all zeros, which stands for none.
#[inline(always)]
pub fn is_zero(key: &Pubkey) -> bool {
    address_eq(key, &Pubkey::new_from_array([0; 32]))
}

/// Checks that a key that is about to be stored isn't all zeros.
#[inline(always)]
pub fn nonzero(key: &Pubkey) -> GridResult {
    if is_zero(key) {
        Err(GridError::ZeroAddress)
    } else {
        Ok(())
    }
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
        return Err(blame_layout::<{ GridError::WrongAccountOwner.code() }>(
            &T::NAME,
        ));
    }
    // SAFETY: the account's data starts here, and has `SIZE` bytes: that is compared first.
    let is_t = view.data_len() == T::SIZE
        && unsafe { view.data_ptr().cast::<[u8; 2]>().read() } == [T::TYPE as u8, LAYOUT_VERSION];
    if is_t {
        Ok(())
    } else {
        Err(blame_layout::<{ GridError::WrongAccountType.code() }>(
            &T::NAME,
        ))
    }
}

/// Checks that no [`AccountMut`] holds the account.
#[inline(always)]
fn check_free<T: AccountLayout>(view: &AccountView) -> GridResult {
    if view.is_borrowed() {
        Err(blame_layout::<{ GridError::AccountInUse.code() }>(&T::NAME))
    } else {
        Ok(())
    }
}

/// An account of type `T`, for reading.
pub struct Account<'a, T> {
    view: &'a AccountView,
    layout: PhantomData<T>,
}

impl<'a, T: AccountLayout> Account<'a, T> {
    /// Checks owner, size, type and version.
    #[inline(always)]
    pub fn new(view: &'a AccountView, owner: &Pubkey) -> GridResult<Self> {
        check_layout::<T>(view, owner)?;
        check_free::<T>(view)?;
        Ok(Self {
            view,
            layout: PhantomData,
        })
    }

    /// The account itself, to pass it on in a call.
    #[inline(always)]
    pub fn view(&self) -> &'a AccountView {
        self.view
    }
}

impl<T: AccountLayout> Deref for Account<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `new` checked that the data has the size of `T`; it starts at a multiple of 8, which is the
        // alignment of every layout or more; and every bit pattern is a `T`.
        unsafe { &*self.view.data_ptr().cast::<T>() }
    }
}

/// An account of type `T`, for reading and writing.
///
/// While it lives, another [`Account`] or [`AccountMut`] for the same account (which the same address twice in an
/// instruction would give) fails with [`GridError::AccountInUse`]: the loader's marker byte of the account says that it is taken.
pub struct AccountMut<'a, T> {
    view: &'a AccountView,
    layout: PhantomData<T>,
}

impl<'a, T: AccountLayout> AccountMut<'a, T> {
    /// Checks owner, size, type, version and that it is writable, and takes it.
    #[inline(always)]
    pub fn new(view: &'a AccountView, owner: &Pubkey) -> GridResult<Self> {
        check_layout::<T>(view, owner)?;
        Self::take(view)
    }

    /// For an account that this instruction has just created with the size of `T`, or whose layout it has just checked.
    #[inline(always)]
    pub(super) fn take(view: &'a AccountView) -> GridResult<Self> {
        writable(view, T::NAME)?;
        check_free::<T>(view)?;
        // SAFETY: the view points to a live `RuntimeAccount`; the byte is only read by `is_borrowed`.
        unsafe { (*view.account_ptr().cast_mut()).borrow_state = 0 };
        Ok(Self {
            view,
            layout: PhantomData,
        })
    }

    /// The account itself, to pass it on in a call.
    #[inline(always)]
    pub fn view(&self) -> &'a AccountView {
        self.view
    }
}

impl<T> Drop for AccountMut<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: as in `take`.
        unsafe { (*self.view.account_ptr().cast_mut()).borrow_state = NOT_BORROWED };
    }
}

impl<T: AccountLayout> Deref for AccountMut<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: as for `Account`; there is no other `AccountMut` of the account.
        unsafe { &*self.view.data_ptr().cast::<T>() }
    }
}

impl<T: AccountLayout> DerefMut for AccountMut<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `Account`; there is no other `AccountMut` of the account, and none of our instructions takes
        // accounts of one type both for reading and for writing, so no `Account` of it that was made before either.
        unsafe { &mut *self.view.data_ptr().cast_mut().cast::<T>() }
    }
}

/// A token account of the SPL Token program, for reading: initialized, and for the given mint. (Layout: mint at 0, owner
/// at 32, amount at 64, state at 108, as in `spl_token::state::Account`.)
pub struct TokenAccount<'a> {
    view: &'a AccountView,
    role: &'static str,
}

impl<'a> TokenAccount<'a> {
    /// Checks program, size, state and mint.
    #[inline(always)]
    pub fn new(view: &'a AccountView, mint: &Pubkey, role: &'static str) -> GridResult<Self> {
        const STATE: usize = 108;
        let is_token_account = address_eq(view.owner(), &spl_token::ID)
            && view.data_len() == spl_token::state::Account::LEN
            // SAFETY: the length was just compared.
            && unsafe { view.data_ptr().add(STATE).read() } != 0;
        if !is_token_account {
            return Err(blame(role, GridError::NotATokenAccount));
        }
        // SAFETY: the same; an address has an alignment of one.
        if !address_eq(unsafe { &*view.data_ptr().cast::<Pubkey>() }, mint) {
            return Err(blame(role, GridError::WrongTokenAccountMint));
        }
        Ok(Self { view, role })
    }

    /// The account itself, to pass it on in a call.
    #[inline(always)]
    pub fn view(&self) -> &'a AccountView {
        self.view
    }

    /// Who the account belongs to.
    #[inline(always)]
    pub fn owner(&self) -> &'a Pubkey {
        // SAFETY: `new` checked the length; an address has an alignment of one.
        unsafe { &*self.view.data_ptr().add(32).cast::<Pubkey>() }
    }

    /// Checks that the account belongs to `owner`.
    #[inline(always)]
    pub fn belongs_to(&self, owner: &Pubkey) -> GridResult {
        if address_eq(self.owner(), owner) {
            Ok(())
        } else {
            Err(blame(self.role, GridError::WrongTokenAccountOwner))
        }
    }

    /// Checks that the account holds at least `amount` base units.
    #[inline(always)]
    pub fn holds(&self, amount: u64) -> GridResult {
        // SAFETY: `new` checked the length.
        if unsafe { self.view.data_ptr().add(64).cast::<u64>().read_unaligned() } >= amount {
            Ok(())
        } else {
            Err(blame(self.role, GridError::NotEnoughTokens))
        }
    }
}

#[cfg(test)]
mod tests {
    use solana_account_view::RuntimeAccount;

    use super::*;
    use crate::state::{AccountType, Header, Meter, RegistryConfig};

    const OWNER: Pubkey = Pubkey::new_from_array([8; 32]);

    /// An account in memory as the runtime lays it out.
    #[repr(C)]
    struct InMemory<const N: usize> {
        account: RuntimeAccount,
        data: [u64; N],
    }

    impl<const N: usize> InMemory<N> {
        fn new(account_type: u8, version: u8) -> Self {
            let mut data = [0; N];
            data[0] = u64::from_le_bytes([account_type, version, 0, 0, 0, 0, 0, 0]);
            Self {
                account: RuntimeAccount {
                    borrow_state: NOT_BORROWED,
                    is_writable: 1,
                    owner: OWNER,
                    data_len: (N * 8) as u64,
                    ..RuntimeAccount::default()
                },
                data,
            }
        }

        fn view(&mut self) -> AccountView {
            // SAFETY: the account and its data lie behind each other, as in the runtime's input.
            unsafe { AccountView::new_unchecked((&raw mut *self).cast()) }
        }
    }

    #[test]
    fn each_part_of_the_layout_is_checked() {
        let mut good = InMemory::<35>::new(3, 1);
        assert!(Account::<Meter>::new(&good.view(), &OWNER).is_ok());
        assert_eq!(
            Account::<Meter>::new(&good.view(), &Pubkey::default()).err(),
            Some(GridError::WrongAccountOwner)
        );
        for mut bad in [InMemory::<35>::new(2, 1), InMemory::<35>::new(3, 2)] {
            let error = Account::<Meter>::new(&bad.view(), &OWNER).err();
            assert_eq!(error, Some(GridError::WrongAccountType));
        }
        let (mut long, mut short) = (InMemory::<36>::new(3, 1), InMemory::<34>::new(3, 1));
        for view in [long.view(), short.view()] {
            let error = Account::<Meter>::new(&view, &OWNER).err();
            assert_eq!(error, Some(GridError::WrongAccountType));
        }
        let mut empty = InMemory::<0>::new_empty();
        let error = Account::<Meter>::new(&empty.view(), &OWNER).err();
        assert_eq!(error, Some(GridError::WrongAccountType));
    }

    impl InMemory<0> {
        fn new_empty() -> Self {
            Self {
                account: RuntimeAccount {
                    owner: OWNER,
                    ..RuntimeAccount::default()
                },
                data: [],
            }
        }
    }

    #[test]
    fn an_account_is_held_for_writing_only_once() {
        let mut memory = InMemory::<18>::new(2, 1);
        let (first, second) = (memory.view(), memory.view());
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
    fn what_is_written_is_in_the_account() {
        let mut memory = InMemory::<18>::new(2, 1);
        let view = memory.view();
        let mut config = AccountMut::<RegistryConfig>::new(&view, &OWNER).expect("a config");
        config.header = Header::new(AccountType::RegistryConfig, 7, 0);
        config.minimum_quality = 1_234;
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
