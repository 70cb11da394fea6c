//! What the three GridToken programs and their clients share.
//!
//! What clients need as well:
//!
//! * [`quantity`]: watt-hours, GRID, ratios, and the conversion between them
//! * [`reading`]: a meter reading, what the oracle makes of it, and why it can be rejected
//! * [`state`]: the accounts, byte for byte, and the rules that depend on nothing else
//! * [`call`]: what the programs call of each other
//! * [`pda`]: where the accounts live
//! * [`error`]: every error, one code each
//! * [`event`]: what the programs log
//! * [`wire`]: instruction data and its reading in place
//!
//! And what runs on chain only: [`program`], the entrypoint's input, checked account types, account creation, calls.
//!
//! Whatever is stored or sent is encoded with Borsh, and its layout is chosen so that the Borsh bytes are also the
//! `repr(C)` bytes: programs read in place, clients decode with Borsh. Time is in Unix seconds (`i64`), power in watts
//! (`u32`).
#![deny(missing_docs)]

pub mod call;
pub mod error;
pub mod event;
pub mod pda;
pub mod program;
pub mod quantity;
pub mod reading;
pub mod state;
pub mod wire;

pub use error::{GridError, GridResult};
