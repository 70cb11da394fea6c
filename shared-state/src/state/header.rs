use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

/// The layout version that this code reads and writes.
pub const LAYOUT_VERSION: u8 = 1;

/// What an account is: its first byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum AccountType {
    /// [`OracleConfig`](super::OracleConfig)
    OracleConfig = 1,
    /// [`RegistryConfig`](super::RegistryConfig)
    RegistryConfig = 2,
    /// [`Meter`](super::Meter)
    Meter = 3,
    /// [`TokenConfig`](super::TokenConfig)
    TokenConfig = 4,
    /// [`Retirement`](super::Retirement)
    Retirement = 5,
}

/// The first 8 bytes of every account.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Header {
    /// An [`AccountType`].
    pub account_type: u8,
    /// [`LAYOUT_VERSION`].
    pub version: u8,
    /// Canonical bump of the account's address.
    pub bump: u8,
    /// Depends on the account: see there.
    pub status: u8,
    /// How many administrative changes the account has had: everything but its creation, readings and settlements, which
    /// have counts of their own. Modulo 2^32. So accounts alone tell that an event is missing.
    pub revision: u32,
}

impl Header {
    /// The header of a new account.
    pub const fn new(account_type: AccountType, bump: u8, status: u8) -> Self {
        Self {
            account_type: account_type as u8,
            version: LAYOUT_VERSION,
            bump,
            status,
            revision: 0,
        }
    }
}

/// An account layout: a `repr(C)` struct that starts with a [`Header`].
pub trait AccountLayout: Pod {
    /// The value of its first byte.
    const TYPE: AccountType;
    /// What it is called in logs and documents.
    const NAME: &'static str;
    /// Its size in bytes.
    const SIZE: usize = size_of::<Self>();

    /// Its header.
    fn header_mut(&mut self) -> &mut Header;
}

/// A config that an authority may change, and hand over in two steps.
pub trait Governed: AccountLayout {
    /// The authority, and the one that has been proposed.
    fn authorities(&mut self) -> (&mut Pubkey, &mut Pubkey);
}

/// Declares that a config has the fields `authority` and `pending_authority`.
macro_rules! governed {
    ($layout:ident) => {
        impl $crate::state::Governed for $layout {
            fn authorities(&mut self) -> (&mut Pubkey, &mut Pubkey) {
                (&mut self.authority, &mut self.pending_authority)
            }
        }
    };
}
pub(crate) use governed;

/// Declares that a struct is an account layout, and asserts its size at compile time.
macro_rules! account_layout {
    ($layout:ident, $size:literal) => {
        impl $crate::state::AccountLayout for $layout {
            const TYPE: $crate::state::AccountType = $crate::state::AccountType::$layout;
            const NAME: &'static str = stringify!($layout);

            fn header_mut(&mut self) -> &mut $crate::state::Header {
                &mut self.header
            }
        }
        const _: () = assert!(size_of::<$layout>() == $size);
        const _: () = assert!(core::mem::offset_of!($layout, header) == 0);
    };
}
pub(crate) use account_layout;
