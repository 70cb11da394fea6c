//! The parts of the `grid` tool: how it reaches a cluster, what it knows of a deployment, and its commands.
//!
//! * [`cluster`]: the one interface that commands use to send transactions and read accounts
//! * [`embedded`]: a cluster inside this process, with the deployable programs in it
//! * [`rpc`]: a real cluster, through one of its nodes
//! * [`session`]: the flags, keys and output that all commands on a real cluster share
//! * [`commands`]: those commands, a file each
//! * [`submit`]: a file of readings on its way to a cluster
//! * [`deployment`]: the three programs' addresses and everything derived from them
//! * [`claim`]: what an owner can have minted now
//! * [`audit`]: the protocol's invariants, recomputed from accounts
//! * [`logs`]: events in transactions' logs
//! * [`format`]: numbers, times and tables for people
//! * [`readings`]: CSV files of meter readings
//! * [`sample`]: makes such a file
//! * [`load`]: a day of many meters
//! * [`demo`]: the whole flow, from a file to GRID in wallets

pub mod audit;
pub mod claim;
pub mod cluster;
pub mod commands;
pub mod demo;
pub mod deployment;
pub mod embedded;
pub mod format;
pub mod load;
pub mod logs;
pub mod readings;
pub mod rpc;
pub mod sample;
pub mod session;
pub mod submit;
