//! The accounts of the three programs.
//!
//! All have a fixed size, start with the same [`Header`] and have no padding: their Borsh encoding and their `repr(C)`
//! layout are the same bytes. Sizes are asserted at compile time here; that both encodings agree, in the tests.

mod header;
mod meter;
mod oracle_config;
mod registry_config;
mod token_config;

pub use header::{AccountLayout, AccountType, Governed, Header, LAYOUT_VERSION};
pub use meter::{meter_id, meter_name, Meter, MeterStatus, PowerProfile, Track, METER_ID_BYTES};
pub use oracle_config::{
    OracleConfig, Rules, MAX_AGE, MAX_FUTURE_SKEW, MAX_REPORTERS, ORACLE_ACTIVE, ORACLE_PAUSED,
};
pub use registry_config::RegistryConfig;
pub use token_config::{MintLimit, TokenConfig, MINTING_DISABLED, MINTING_ENABLED};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::assert_borsh_is_memory;

    #[test]
    fn borsh_bytes_are_memory_bytes() {
        assert_borsh_is_memory::<Header>();
        assert_borsh_is_memory::<Meter>();
        assert_borsh_is_memory::<OracleConfig>();
        assert_borsh_is_memory::<RegistryConfig>();
        assert_borsh_is_memory::<TokenConfig>();
    }
}
