//! Tests of the deployable programs through BanksClient, one module per theme.

mod bad_input;
mod costs;
mod initialize;
mod meters;
mod minting;
mod readings;
mod settlement;
