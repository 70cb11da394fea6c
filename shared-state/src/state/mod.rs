//! The accounts of the three programs.
//!
//! All have a fixed size, start with the same [`Header`] and have no padding: their Borsh encoding and their `repr(C)`
//! layout are the same bytes. Sizes are asserted at compile time here; that both encodings agree, in the tests.

mod header;
mod meter;
mod meter_id;
mod oracle_config;
mod reading_state;
mod registry_config;
mod retirement;
mod token_config;

pub use header::{AccountLayout, AccountType, Governed, Header, LAYOUT_VERSION};
pub use meter::{DeviceKeyType, Meter, MeterStatus};
pub use meter_id::{meter_id, meter_name, METER_ID_BYTES};
pub use oracle_config::{
    OracleConfig, Rules, MAX_AGE, MAX_FUTURE_SKEW, MAX_JUMP_FACTOR, MAX_POWER_TOLERANCE,
    MAX_REPORTERS, ORACLE_ACTIVE, ORACLE_PAUSED,
};
pub use reading_state::{PowerProfile, ReadingState};
pub use registry_config::{RegistryConfig, VOUCHED_QUALITY};
pub use retirement::Retirement;
pub use token_config::{MintLimit, Room, TokenConfig, MINTING_DISABLED, MINTING_ENABLED};

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
        assert_borsh_is_memory::<Retirement>();
    }

    /// The public contract: where each field stands. Clients that decode by hand build on it.
    #[test]
    fn every_field_is_where_clients_expect_it() {
        use core::mem::offset_of;
        macro_rules! offsets {
            ($layout:ident { $($field:ident: $offset:expr,)* }) => {
                $(assert_eq!(
                    offset_of!($layout, $field),
                    $offset,
                    concat!(stringify!($layout), ".", stringify!($field))
                );)*
            };
        }
        offsets!(Header {
            account_type: 0,
            version: 1,
            bump: 2,
            status: 3,
            revision: 4,
        });
        offsets!(Meter {
            header: 0,
            meter_id: 8,
            owner: 40,
            pending_owner: 72,
            delegate: 104,
            device_key: 136,
            total_generation: 168,
            total_consumption: 176,
            claimable_net_generation: 184,
            settled_net_generation: 192,
            registered_at: 200,
            rejected_count: 208,
            settlement_count: 216,
            device_key_type: 224,
            last_reject_reason: 225,
            reserved: 226,
            state: 232,
        });
        offsets!(ReadingState {
            last_reading_at: 0,
            generation_register: 8,
            consumption_register: 16,
            profile: 24,
            accepted_count: 40,
            generation_capacity_w: 48,
            consumption_capacity_w: 52,
            register_modulus: 56,
            held_generation_register: 64,
            held_consumption_register: 72,
            held_at: 80,
            corrected_generation_register: 88,
            corrected_consumption_register: 96,
            corrected_at: 104,
            last_charged_at: 112,
            quality: 120,
            reserved: 122,
        });
        offsets!(PowerProfile {
            generation_mean_w: 0,
            generation_deviation_w: 4,
            consumption_mean_w: 8,
            consumption_deviation_w: 12,
        });
        offsets!(OracleConfig {
            header: 0,
            authority: 8,
            pending_authority: 40,
            registry_program: 72,
            rules: 104,
            reporter_count: 136,
            reporters: 144,
        });
        offsets!(Rules {
            max_future_skew: 0,
            max_age: 4,
            min_interval: 8,
            expected_interval: 12,
            late_after: 16,
            anomaly_threshold: 20,
            anomaly_floor: 24,
            anomaly_warm_up: 26,
            power_tolerance: 28,
            jump_factor: 30,
        });
        offsets!(RegistryConfig {
            header: 0,
            authority: 8,
            pending_authority: 40,
            oracle_authority: 72,
            token_program: 104,
            minimum_quality: 136,
            reserved: 138,
        });
        offsets!(TokenConfig {
            header: 0,
            authority: 8,
            pending_authority: 40,
            registry_authority: 72,
            mint: 104,
            total_minted: 136,
            total_retired: 144,
            retired_beside: 152,
            mint_limit: 160,
        });
        offsets!(Retirement {
            header: 0,
            holder: 8,
            beneficiary: 40,
            amount: 72,
            retired_at: 80,
            nonce: 88,
            reference: 96,
        });
        offsets!(MintLimit {
            burst: 0,
            rate_per_second: 8,
            level: 16,
            updated_at: 24,
        });
    }
}
