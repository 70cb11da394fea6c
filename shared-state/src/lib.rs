//! What the three GridToken programs and their clients share.
//!
//! * [`state`]: the accounts, byte for byte
//! * [`pda`]: where they live
//! * [`reading`]: a meter reading and what the oracle makes of it
//! * [`units`]: watt-hours, GRID and the conversions between them
//! * [`error`]: every error, one code each
//! * [`event`]: what the programs log
//! * [`wire`]: instruction data and its reading in place
//! * [`program`]: what only programs need: the entrypoint's input, checked account types, account creation, CPI
//!
//! Two rules hold everywhere. Whatever is stored or sent is encoded with Borsh, and its layout is chosen so that the
//! Borsh bytes are also the `repr(C)` bytes: programs read in place, clients decode with Borsh. And energy is counted
//! in watt-hours (`u64`), power in watts (`u32`), time in Unix seconds (`i64`), ratios in basis points (`u16`).
#![deny(missing_docs)]

pub mod error;
pub mod event;
pub mod pda;
pub mod program;
pub mod reading;
pub mod state;
pub mod units;
pub mod wire;

pub use error::{GridError, GridResult};
