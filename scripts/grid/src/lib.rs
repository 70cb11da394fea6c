//! The parts of the `grid` tool: how it reaches a cluster, what it knows of a deployment, and its commands.
//!
//! * [`cluster`]: the one interface that commands use to send transactions and read accounts
//! * [`embedded`]: a cluster inside this process, with the deployable programs in it
//! * [`rpc`]: a real cluster, through one of its nodes
//! * [`deployment`]: the three programs' addresses and everything derived from them
//! * [`audit`]: the protocol's invariants, recomputed from accounts
//! * [`readings`]: CSV files of meter readings
//! * [`sample`]: makes such a file
//! * [`load`]: a day of many meters
//! * [`demo`]: the whole flow, from a file to GRID in wallets

pub mod audit;
pub mod cluster;
pub mod demo;
pub mod deployment;
pub mod embedded;
pub mod load;
pub mod readings;
pub mod rpc;
pub mod sample;
