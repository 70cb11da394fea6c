//! Addresses of the accounts, and the seeds that they are derived from.
//!
//! The `find_*` functions search for the canonical bump. Clients use them freely; programs only when they create the
//! account. Afterwards the bump is read from the account's header.

use solana_program::pubkey::Pubkey;

/// Seed of the OracleConfig (oracle-program).
pub const ORACLE_SEED: &[u8] = b"oracle";
/// Seed of the RegistryConfig (registry-program).
pub const REGISTRY_SEED: &[u8] = b"registry";
/// First seed of a Meter (registry-program); the second is the meter id.
pub const METER_SEED: &[u8] = b"meter";
/// Seed of the TokenConfig (token-program).
pub const TOKEN_SEED: &[u8] = b"token";
/// Seed of the GRID mint (token-program).
pub const MINT_SEED: &[u8] = b"mint";

/// First seed of a Retirement (token-program); then the holder and the nonce as a little-endian `u64`.
pub const RETIREMENT_SEED: &[u8] = b"retirement";

/// Address and bump of the OracleConfig.
pub fn find_oracle_config(oracle_program: &Pubkey) -> (Pubkey, u8) {
    Pubkey::find_program_address(&[ORACLE_SEED], oracle_program)
}

/// Address and bump of the RegistryConfig.
pub fn find_registry_config(registry_program: &Pubkey) -> (Pubkey, u8) {
    Pubkey::find_program_address(&[REGISTRY_SEED], registry_program)
}

/// Address and bump of a meter's account.
pub fn find_meter(registry_program: &Pubkey, meter_id: &[u8; 32]) -> (Pubkey, u8) {
    Pubkey::find_program_address(&[METER_SEED, meter_id], registry_program)
}

/// Address and bump of the TokenConfig.
pub fn find_token_config(token_program: &Pubkey) -> (Pubkey, u8) {
    Pubkey::find_program_address(&[TOKEN_SEED], token_program)
}

/// Address and bump of the GRID mint.
pub fn find_mint(token_program: &Pubkey) -> (Pubkey, u8) {
    Pubkey::find_program_address(&[MINT_SEED], token_program)
}

/// Address and bump of the receipt of a retirement.
pub fn find_retirement(token_program: &Pubkey, holder: &Pubkey, nonce: u64) -> (Pubkey, u8) {
    Pubkey::find_program_address(
        &[RETIREMENT_SEED, holder.as_ref(), &nonce.to_le_bytes()],
        token_program,
    )
}

/// Address of a program's ProgramData account, which names its upgrade authority.
pub fn find_program_data(program: &Pubkey) -> Pubkey {
    Pubkey::find_program_address(
        &[program.as_ref()],
        &solana_sdk_ids::bpf_loader_upgradeable::ID,
    )
    .0
}
