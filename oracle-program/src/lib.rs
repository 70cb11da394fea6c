//! The oracle: lets through what physics and the meter's own history make plausible, and scores it.
//!
//! Gateways (reporters) submit readings; each is judged by [`rules`] against its meter's account, and the outcome goes
//! to the registry program in one call, signed by the [`OracleConfig`](shared_state::state::OracleConfig).
//!
//! [`instruction`] is the table of contents; each instruction's code is the file of the same name in `processor/`.
#![deny(missing_docs)]

pub mod instruction;
pub mod processor;
pub mod rules;
pub mod signature;

#[cfg(not(feature = "no-entrypoint"))]
mod entrypoint;
