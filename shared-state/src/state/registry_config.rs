use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_program::pubkey::Pubkey;

use super::header::{account_layout, governed, Header};
use crate::quantity::Bps;

/// The quality of a meter whose readings are as good as they can be without a device's signature.
pub const VOUCHED_QUALITY: Bps = Bps(8_500);

/// The registry's configuration, and the signer of its calls to the token program.
///
/// Seeds `["registry"]` of the registry-program. Status: unused, zero.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct RegistryConfig {
    /// Type 2.
    pub header: Header,
    /// Who registers meters and may change this configuration.
    pub authority: Pubkey,
    /// Who has been proposed as the next authority; zero if nobody.
    pub pending_authority: Pubkey,
    /// Who may record readings: the address of the OracleConfig.
    pub oracle_authority: Pubkey,
    /// The program that mints.
    pub token_program: Pubkey,
    /// What a meter counts becomes claimable while its quality is at or above this.
    pub minimum_quality: Bps,
    /// Zero.
    pub reserved: [u8; 6],
}
account_layout!(RegistryConfig, 144);
governed!(RegistryConfig);
