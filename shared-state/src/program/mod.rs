//! What only programs need. All `unsafe` code of the project that touches accounts stands in this module and in
//! [`wire`](crate::wire).

mod account;
mod authority;
mod clock;
mod cpi;
mod create;
mod fixed_vec;
mod headed_list;
mod input;
mod rent;
mod upgrade_authority;

pub use account::{
    blame, count_error, is_zero, nonzero, program, signer, writable, Account, AccountMut,
    TokenAccount,
};
pub use authority::{accept_authority, propose_authority, ProposeAuthority};
pub use clock::unix_timestamp;
pub use cpi::{invoke_signed, invoke_signed_list, Call};
pub use create::{create_pda, NewAccount};
pub use fixed_vec::{FixedVec, Place};
pub use headed_list::HeadedList;
pub use input::{run, MAX_ACCOUNTS};
pub use upgrade_authority::require_upgrade_authority;
