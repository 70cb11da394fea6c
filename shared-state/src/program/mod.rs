//! What runs on chain only. Most `unsafe` code of the project stands here: the entrypoint's input and accounts are read where
//! the runtime put them. The rest is in [`wire`](crate::wire) and [`event`](crate::event), which see plain structs as bytes,
//! and in the programs where they hand a list of accounts to [`invoke_signed_list`] or read the instructions sysvar.

mod account;
mod authority;
mod call;
mod create;
mod entrypoint;
mod list;
pub mod spl_token;
mod sysvar;
mod witness;

pub use account::{blame, count_error, Account, AccountMut};
pub use authority::{
    accept_authority, by_authority, propose_authority, require_upgrade_authority, Initializer,
};
pub use call::{
    invoke_signed, invoke_signed_list, invoke_signed_through, Call, Passed, PassedWritable,
};
pub use create::{create, Created, Funding, NewAccount};
pub use entrypoint::{run, MAX_ACCOUNTS};
pub use list::List;
pub use sysvar::unix_timestamp;
pub use witness::{
    is_zero, nonzero, InnerProgram, Mint, Payer, Program, Signer, TokenAccount, Writable, NOBODY,
};
