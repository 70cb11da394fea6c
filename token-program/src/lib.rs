//! The GRID token: mints what the registry has settled, and nothing else.
//!
//! The program's [`TokenConfig`](shared_state::state::TokenConfig) is the mint authority of the GRID mint. It signs only
//! in [`MintSettled`](instruction::TokenInstruction::MintSettled), and that instruction only obeys the address that is
//! stored as `registry_authority`: the registry program's own derived address, for which nobody else can sign. The
//! token authority can switch minting off and on; it can't mint.
//!
//! [`instruction`] is the table of contents; each instruction's code is the file of the same name in `processor/`.
#![deny(missing_docs)]

pub mod instruction;
pub mod processor;

#[cfg(not(feature = "no-entrypoint"))]
mod entrypoint;
