//! The three programs on a bank inside this process, for demonstrations and tests.
//!
//! * [`embedded`]: the bank, a cluster with the deployable programs in it
//! * [`world`]: a deployment in such a bank, and the keys of those who run it
//! * [`demo`]: the whole flow, from a file to GRID in wallets
//! * [`load`]: a day of many meters
//! * [`sample`]: makes a file of readings

pub mod demo;
pub mod embedded;
pub mod load;
pub mod sample;
pub mod world;
