//! The registry: keeps each meter's account, and settles what is unsettled.
//!
//! Readings come from the oracle program only: its derived address is stored as `oracle_authority`, and nobody else can
//! sign for it. A settlement advances the meter's tracker and calls the token program with the signature of the
//! [`RegistryConfig`](shared_state::state::RegistryConfig), in this order, so no tracker is advanced twice for one mint.
//!
//! [`instruction`] is the table of contents; each instruction's code is the file of the same name in `processor/`.
#![deny(missing_docs)]

pub mod instruction;
pub mod processor;

#[cfg(not(feature = "no-entrypoint"))]
mod entrypoint;
