//! What GridToken's tools are made of: how they reach a cluster, and what they know of a deployment.
//!
//! * [`cluster`]: what tools read accounts from, and what a transaction gives
//! * [`rpc`]: a real cluster, through one of its nodes
//! * [`deployment`]: the three programs' addresses and everything derived from them
//! * [`device`]: devices' keys, and what they sign
//! * [`loader`]: who may upgrade a program
//! * [`capacity`]: rated powers that fit a file of readings
//! * [`claim`]: what an owner can have minted now
//! * [`audit`]: the protocol's invariants, recomputed from accounts
//! * [`transaction`]: how much fits into a transaction
//! * [`logs`]: events in transactions' logs
//! * [`readings`]: CSV files of meter readings
//! * [`remedy`]: what has happened to a meter whose readings are refused, and what mends it
//! * [`verdict`]: what the chain made of readings
//! * [`format`]: numbers, times and tables for people
//! * [`terminal`]: progress, and how a tool ends

pub mod audit;
pub mod capacity;
pub mod claim;
pub mod cluster;
pub mod deployment;
pub mod device;
pub mod format;
pub mod loader;
pub mod logs;
pub mod readings;
pub mod remedy;
pub mod rpc;
pub mod terminal;
pub mod transaction;
pub mod verdict;
