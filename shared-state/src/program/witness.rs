//! Accounts of other programs and their roles, checked: constructing one of these types is the check, so a function that
//! takes one can't be called without it.
//!
//! Values are read out by copy: no reference into an account's data gets out, so none can be alive while a call changes it.

use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::system_program;
use spl_token::solana_program::program_pack::Pack;

use super::{
    account::blame,
    call::{Passed, PassedWritable},
};
use crate::{
    error::{ensure, GridError, GridResult},
    quantity::BaseUnits,
};

/// Checks that an account is writable.
#[inline(always)]
pub(super) fn writable(view: &AccountView, role: &'static str) -> GridResult {
    if view.is_writable() {
        Ok(())
    } else {
        Err(blame(role, GridError::AccountNotWritable))
    }
}

/// An account that signed.
#[derive(Clone, Copy)]
pub struct Signer<'a>(&'a AccountView);

impl<'a> Signer<'a> {
    /// Checks that it signed.
    #[inline(always)]
    pub fn new(view: &'a AccountView, role: &'static str) -> GridResult<Self> {
        if view.is_signer() {
            Ok(Self(view))
        } else {
            Err(blame(role, GridError::MissingSignature))
        }
    }

    /// The key that signed.
    #[inline(always)]
    pub fn key(&self) -> &'a Pubkey {
        self.0.address()
    }

    /// Whether this key signed.
    #[inline(always)]
    pub fn is(&self, key: &Pubkey) -> bool {
        address_eq(self.key(), key)
    }

    /// Checks that this key signed.
    #[inline(always)]
    pub fn must_be(&self, key: &Pubkey) -> GridResult {
        ensure(self.is(key), GridError::Unauthorized)
    }
}

/// An account that pays rent: it signed, is writable, and belongs to the system program.
pub struct Payer<'a>(&'a AccountView);

impl<'a> Payer<'a> {
    /// Checks all of that.
    pub fn new(view: &'a AccountView) -> GridResult<Self> {
        Signer::new(view, "payer")?;
        writable(view, "payer")?;
        if *view.owner() != system_program::ID {
            return Err(blame("payer", GridError::WrongAccountOwner));
        }
        Ok(Self(view))
    }

    /// Checks that it holds at least `lamports`.
    pub(super) fn holds(&self, lamports: u64) -> GridResult {
        if self.0.lamports() >= lamports {
            Ok(())
        } else {
            Err(blame("payer", GridError::InsufficientFunds))
        }
    }
}

/// The program that is expected.
#[derive(Clone, Copy)]
pub struct Program<'a>(&'a AccountView);

impl<'a> Program<'a> {
    /// Checks the address.
    #[inline(always)]
    pub fn new(view: &'a AccountView, expected: &Pubkey, role: &'static str) -> GridResult<Self> {
        if address_eq(view.address(), expected) {
            Ok(Self(view))
        } else {
            Err(blame(role, GridError::WrongProgram))
        }
    }

    /// The system program.
    pub fn system(view: &'a AccountView) -> GridResult<Self> {
        Self::new(view, &system_program::ID, "system program")
    }

    /// The SPL Token program.
    #[inline(always)]
    pub fn spl_token(view: &'a AccountView) -> GridResult<Self> {
        Self::new(view, &spl_token::ID, "SPL Token program")
    }

    /// Its address.
    #[inline(always)]
    pub fn address(&self) -> &'a Pubkey {
        self.0.address()
    }
}

/// The GRID mint: writable, unless it was made by [`Self::readonly`], in which case the runtime refuses calls that change it.
pub struct Mint<'a>(&'a AccountView);

impl<'a> Mint<'a> {
    /// Where the supply is stored, as in `spl_token::state::Mint`.
    const SUPPLY: usize = 36;

    /// Checks that it is the mint that the TokenConfig names, and writable.
    #[inline(always)]
    pub fn new(view: &'a AccountView, expected: &Pubkey) -> GridResult<Self> {
        let mint = Self::readonly(view, expected)?;
        writable(view, "GRID mint")?;
        Ok(mint)
    }

    /// Checks that it is writable and of a mint's size: whether it is GRID's, the called program checks.
    #[inline(always)]
    pub fn passed(view: &'a AccountView) -> GridResult<Self> {
        if view.data_len() != spl_token::state::Mint::LEN {
            return Err(blame("GRID mint", GridError::WrongMint));
        }
        writable(view, "GRID mint")?;
        Ok(Self(view))
    }

    /// Checks that it is the mint that the TokenConfig names.
    #[inline(always)]
    pub fn readonly(view: &'a AccountView, expected: &Pubkey) -> GridResult<Self> {
        if !address_eq(view.address(), expected) || view.data_len() != spl_token::state::Mint::LEN {
            return Err(blame("GRID mint", GridError::WrongMint));
        }
        Ok(Self(view))
    }

    /// Its address.
    #[inline(always)]
    pub fn address(&self) -> &'a Pubkey {
        self.0.address()
    }

    /// The supply at the moment.
    #[inline(always)]
    pub fn supply(&self) -> BaseUnits {
        // SAFETY: `new` checked the length.
        let place = unsafe { self.0.data_ptr().add(Self::SUPPLY) };
        // SAFETY: the same.
        BaseUnits(unsafe { place.cast::<u64>().read_unaligned() })
    }
}

/// An account that is writable, and otherwise left to the called program to check.
pub struct Writable<'a>(&'a AccountView);

impl<'a> Writable<'a> {
    /// Checks that it is writable.
    #[inline(always)]
    pub fn new(view: &'a AccountView, role: &'static str) -> GridResult<Self> {
        writable(view, role)?;
        Ok(Self(view))
    }

    /// Its address.
    #[inline(always)]
    pub fn address(&self) -> &'a Pubkey {
        self.0.address()
    }
}

/// An account that is left to the called program to check.
pub struct Unchecked<'a>(pub &'a AccountView);

/// Where a token account's fields are stored, as in `spl_token::state::Account`.
mod layout {
    pub const MINT: usize = 0;
    pub const OWNER: usize = 32;
    pub const AMOUNT: usize = 64;
    /// A `u32`: 0 none, 1 some.
    pub const DELEGATE: usize = 72;
    pub const STATE: usize = 108;
    /// A `u32`: 0 none, 1 some.
    pub const CLOSE_AUTHORITY: usize = 129;
}

/// A token account of the SPL Token program: writable, initialized, and for the given mint.
pub struct TokenAccount<'a> {
    view: &'a AccountView,
    role: &'static str,
}

impl<'a> TokenAccount<'a> {
    /// Checks that it is writable, the program, size, state and mint.
    #[inline(always)]
    pub fn new(view: &'a AccountView, mint: &Pubkey, role: &'static str) -> GridResult<Self> {
        writable(view, role)?;
        let account = Self { view, role };
        let is_token_account = address_eq(view.owner(), &spl_token::ID)
            && view.data_len() == spl_token::state::Account::LEN
            && account.read::<{ layout::STATE }, u8>() != 0;
        if !is_token_account {
            return Err(blame(role, GridError::NotATokenAccount));
        }
        if !account.is_key_at::<{ layout::MINT }>(mint) {
            return Err(blame(role, GridError::WrongTokenAccountMint));
        }
        Ok(account)
    }

    /// Its address.
    #[inline(always)]
    pub fn address(&self) -> &'a Pubkey {
        self.view.address()
    }

    /// Whether it belongs to `owner`.
    #[inline(always)]
    pub fn belongs_to(&self, owner: &Pubkey) -> bool {
        self.is_key_at::<{ layout::OWNER }>(owner)
    }

    /// The error that it doesn't belong to whom it must.
    #[cold]
    pub fn wrong_owner(&self) -> GridError {
        blame(self.role, GridError::WrongTokenAccountOwner)
    }

    /// Checks that nobody but its owner has power over it: no close authority, no SPL delegate.
    pub fn must_be_plain(&self) -> GridResult {
        let options = self.read::<{ layout::DELEGATE }, u32>()
            | self.read::<{ layout::CLOSE_AUTHORITY }, u32>();
        if options == 0 {
            Ok(())
        } else {
            Err(blame(self.role, GridError::TokenAccountNotPlain))
        }
    }

    /// Checks that the account holds at least this much.
    #[inline(always)]
    pub fn must_hold(&self, amount: BaseUnits) -> GridResult {
        if self.read::<{ layout::AMOUNT }, u64>() >= amount.0 {
            Ok(())
        } else {
            Err(blame(self.role, GridError::NotEnoughTokens))
        }
    }

    /// A number in the data. Used in `new` only behind the check of the length.
    #[inline(always)]
    fn read<const AT: usize, T: bytemuck::Pod>(&self) -> T {
        const { assert!(AT + size_of::<T>() <= spl_token::state::Account::LEN) };
        // SAFETY: the length has been checked, and the place is within it.
        unsafe { self.view.data_ptr().add(AT).cast::<T>().read_unaligned() }
    }

    #[inline(always)]
    fn is_key_at<const AT: usize>(&self, key: &Pubkey) -> bool {
        const { assert!(AT + size_of::<Pubkey>() <= spl_token::state::Account::LEN) };
        // SAFETY: as above; an address has an alignment of one, and the reference ends here.
        address_eq(
            unsafe { &*self.view.data_ptr().add(AT).cast::<Pubkey>() },
            key,
        )
    }
}

impl Passed for Signer<'_> {
    #[inline(always)]
    fn view(&self) -> &AccountView {
        self.0
    }
}
impl Passed for Payer<'_> {
    #[inline(always)]
    fn view(&self) -> &AccountView {
        self.0
    }
}
impl PassedWritable for Payer<'_> {}
impl Passed for Program<'_> {
    #[inline(always)]
    fn view(&self) -> &AccountView {
        self.0
    }
}
impl Passed for Mint<'_> {
    #[inline(always)]
    fn view(&self) -> &AccountView {
        self.0
    }
}
impl PassedWritable for Mint<'_> {}
impl Passed for Unchecked<'_> {
    #[inline(always)]
    fn view(&self) -> &AccountView {
        self.0
    }
}
impl Passed for Writable<'_> {
    #[inline(always)]
    fn view(&self) -> &AccountView {
        self.0
    }
}
impl PassedWritable for Writable<'_> {}
impl Passed for TokenAccount<'_> {
    #[inline(always)]
    fn view(&self) -> &AccountView {
        self.view
    }
}
impl PassedWritable for TokenAccount<'_> {}

/// Whether a stored key is all zeros, which stands for none.
#[inline(always)]
pub fn is_zero(key: &Pubkey) -> bool {
    address_eq(key, &NOBODY)
}

/// The key that stands for none.
pub const NOBODY: Pubkey = Pubkey::new_from_array([0; 32]);

/// Checks that a key that is about to be stored isn't all zeros.
#[inline(always)]
pub fn nonzero(key: &Pubkey) -> GridResult {
    ensure(!is_zero(key), GridError::ZeroAddress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::account::tests::InMemory;
    use solana_program::program_option::COption;
    use spl_token::state::{Account, AccountState};

    const MINT: Pubkey = Pubkey::new_from_array([3; 32]);
    const HOLDER: Pubkey = Pubkey::new_from_array([4; 32]);

    fn token_account() -> Account {
        Account {
            mint: MINT,
            owner: HOLDER,
            amount: 77,
            state: AccountState::Initialized,
            ..Account::default()
        }
    }

    /// 165 bytes and 3 of padding.
    fn in_memory(account: Account) -> InMemory<21> {
        let mut bytes = [0; 168];
        account.pack_into_slice(&mut bytes[..Account::LEN]);
        let mut memory = InMemory::<21>::of(spl_token::ID, &bytes);
        memory.account.data_len = Account::LEN as u64;
        memory
    }

    #[test]
    fn a_token_account_is_read_as_the_spl_token_program_writes_it() {
        let mut memory = in_memory(token_account());
        let view = memory.view();
        let account = TokenAccount::new(&view, &MINT, "recipient").expect("a token account");
        assert!(account.belongs_to(&HOLDER) && !account.belongs_to(&MINT));
        assert_eq!(account.must_hold(BaseUnits(77)), Ok(()));
        assert_eq!(
            account.must_hold(BaseUnits(78)),
            Err(GridError::NotEnoughTokens)
        );
        assert_eq!(account.must_be_plain(), Ok(()));
        let other = TokenAccount::new(&view, &HOLDER, "recipient").err();
        assert_eq!(other, Some(GridError::WrongTokenAccountMint));
    }

    #[test]
    fn somebody_elses_power_over_a_token_account_is_seen() {
        for powers in [
            Account {
                delegate: COption::Some(MINT),
                ..token_account()
            },
            Account {
                close_authority: COption::Some(MINT),
                ..token_account()
            },
        ] {
            let mut memory = in_memory(powers);
            let view = memory.view();
            let account = TokenAccount::new(&view, &MINT, "recipient").expect("a token account");
            assert_eq!(
                account.must_be_plain(),
                Err(GridError::TokenAccountNotPlain)
            );
        }
    }

    #[test]
    fn an_uninitialized_account_is_no_token_account() {
        let mut memory = in_memory(Account {
            state: AccountState::Uninitialized,
            ..token_account()
        });
        let error = TokenAccount::new(&memory.view(), &MINT, "recipient").err();
        assert_eq!(error, Some(GridError::NotATokenAccount));
        let mut short = InMemory::<21>::of(spl_token::ID, &[0; 168]);
        let error = TokenAccount::new(&short.view(), &MINT, "recipient").err();
        assert_eq!(error, Some(GridError::NotATokenAccount));
    }

    #[test]
    fn the_supply_is_where_the_spl_token_program_puts_it() {
        let mint = spl_token::state::Mint {
            mint_authority: COption::None,
            supply: 0x0123_4567_89AB_CDEF,
            decimals: 9,
            is_initialized: true,
            freeze_authority: COption::None,
        };
        let mut bytes = [0; 88];
        mint.pack_into_slice(&mut bytes[..spl_token::state::Mint::LEN]);
        let mut memory = InMemory::<11>::of(spl_token::ID, &bytes);
        memory.account.data_len = spl_token::state::Mint::LEN as u64;
        let view = memory.view();
        let found = Mint::new(&view, view.address()).expect("the mint");
        assert_eq!(found.supply(), BaseUnits(mint.supply));
        let error = Mint::new(&view, &HOLDER).err();
        assert_eq!(error, Some(GridError::WrongMint));
        memory.account.is_writable = 0;
        let view = memory.view();
        let error = Mint::new(&view, view.address()).err();
        assert_eq!(error, Some(GridError::AccountNotWritable));
    }

    #[test]
    fn a_payer_signs_is_writable_and_belongs_to_the_system_program() {
        let mut memory = InMemory::<0>::of(system_program::ID, &[]);
        assert_eq!(
            Payer::new(&memory.view()).err(),
            Some(GridError::MissingSignature)
        );
        memory.account.is_signer = 1;
        assert!(Payer::new(&memory.view()).is_ok());
        memory.account.owner = MINT;
        assert_eq!(
            Payer::new(&memory.view()).err(),
            Some(GridError::WrongAccountOwner)
        );
        memory.account.is_writable = 0;
        assert_eq!(
            Payer::new(&memory.view()).err(),
            Some(GridError::AccountNotWritable)
        );
    }
}
