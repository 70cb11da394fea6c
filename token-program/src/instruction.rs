//! The instructions of the token program, and functions that build them.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use shared_state::{
    pda::{find_mint, find_program_data, find_token_config},
    program::ProposeAuthority,
};
use solana_program::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use solana_sdk_ids::system_program;

/// The first byte of each instruction's data.
pub mod tag {
    /// [`Initialize`](super::TokenInstruction::Initialize)
    pub const INITIALIZE: u8 = 0;
    /// [`MintSettled`](super::TokenInstruction::MintSettled)
    pub const MINT_SETTLED: u8 = shared_state::wire::MINT_SETTLED;
    /// [`SetMintingEnabled`](super::TokenInstruction::SetMintingEnabled)
    pub const SET_MINTING_ENABLED: u8 = 2;
    // Taken by the protocol: 3 SetMintLimit, 4 RetireTokens, 5 SetRegistryAuthority.
    /// [`ProposeAuthority`](super::TokenInstruction::ProposeAuthority)
    pub const PROPOSE_AUTHORITY: u8 = 6;
    /// [`AcceptAuthority`](super::TokenInstruction::AcceptAuthority)
    pub const ACCEPT_AUTHORITY: u8 = 7;
}

/// Arguments of [`TokenInstruction::Initialize`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Initialize {
    /// Whose signature mints: the address of the RegistryConfig.
    pub registry_authority: Pubkey,
}

/// Arguments of [`TokenInstruction::MintSettled`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct MintSettled {
    /// How much energy was settled (Wh).
    pub energy_wh: u64,
}

/// Arguments of [`TokenInstruction::SetMintingEnabled`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SetMintingEnabled {
    /// A Borsh `bool`: 1 enables, 0 disables.
    pub enabled: u8,
}

/// The instructions of the token program. `s` signer, `w` writable.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, PartialEq)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum TokenInstruction {
    /// Creates the TokenConfig and the GRID mint, with minting enabled and the signer as token authority.
    ///
    /// 0. `[s]` upgrade authority of this program
    /// 1. `[ws]` payer of the rent
    /// 2. `[w]` TokenConfig, to be created
    /// 3. `[w]` GRID mint, to be created
    /// 4. `[]` ProgramData of this program
    /// 5. `[]` SPL Token program
    /// 6. `[]` system program
    ///
    /// Logs [`TokenInitialized`](shared_state::event::TokenInitialized).
    Initialize(Initialize) = tag::INITIALIZE,

    /// Mints 10^6 base units of GRID for each watt-hour. Only the registry program can call it.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[w]` TokenConfig
    /// 2. `[w]` GRID mint
    /// 3. `[w]` recipient token account
    /// 4. `[]` SPL Token program
    ///
    /// Logs [`TokensMinted`](shared_state::event::TokensMinted).
    MintSettled(MintSettled) = tag::MINT_SETTLED,

    /// Switches minting off or on. Nothing is lost while it is off: energy stays unsettled.
    ///
    /// 0. `[s]` token authority
    /// 1. `[w]` TokenConfig
    ///
    /// Logs [`MintingEnabledChanged`](shared_state::event::MintingEnabledChanged).
    SetMintingEnabled(SetMintingEnabled) = tag::SET_MINTING_ENABLED,

    /// Proposes another token authority, or nobody any more.
    ///
    /// 0. `[s]` token authority
    /// 1. `[w]` TokenConfig
    ///
    /// Logs [`AuthorityProposed`](shared_state::event::AuthorityProposed).
    ProposeAuthority(ProposeAuthority) = tag::PROPOSE_AUTHORITY,

    /// Makes the proposed token authority the new one.
    ///
    /// 0. `[s]` proposed authority
    /// 1. `[w]` TokenConfig
    ///
    /// Logs [`AuthorityChanged`](shared_state::event::AuthorityChanged).
    AcceptAuthority = tag::ACCEPT_AUTHORITY,
}

impl TokenInstruction {
    /// The instruction for `program_id` with these accounts.
    fn with(self, program_id: &Pubkey, accounts: Vec<AccountMeta>) -> Instruction {
        Instruction::new_with_borsh(*program_id, &self, accounts)
    }

    /// The instruction with the accounts of all that change the TokenConfig.
    fn by_authority(self, program_id: &Pubkey, authority: &Pubkey) -> Instruction {
        let accounts = vec![
            AccountMeta::new_readonly(*authority, true),
            AccountMeta::new(find_token_config(program_id).0, false),
        ];
        self.with(program_id, accounts)
    }
}

/// Builds [`TokenInstruction::Initialize`].
pub fn initialize(
    program_id: &Pubkey,
    upgrade_authority: &Pubkey,
    payer: &Pubkey,
    registry_authority: &Pubkey,
) -> Instruction {
    TokenInstruction::Initialize(Initialize {
        registry_authority: *registry_authority,
    })
    .with(
        program_id,
        vec![
            AccountMeta::new_readonly(*upgrade_authority, true),
            AccountMeta::new(*payer, true),
            AccountMeta::new(find_token_config(program_id).0, false),
            AccountMeta::new(find_mint(program_id).0, false),
            AccountMeta::new_readonly(find_program_data(program_id), false),
            AccountMeta::new_readonly(spl_token::ID, false),
            AccountMeta::new_readonly(system_program::ID, false),
        ],
    )
}

/// Builds [`TokenInstruction::MintSettled`]: as the registry does, or as somebody who tries it directly.
pub fn mint_settled(
    program_id: &Pubkey,
    registry_authority: &Pubkey,
    recipient: &Pubkey,
    energy_wh: u64,
) -> Instruction {
    TokenInstruction::MintSettled(MintSettled { energy_wh }).with(
        program_id,
        vec![
            AccountMeta::new_readonly(*registry_authority, true),
            AccountMeta::new(find_token_config(program_id).0, false),
            AccountMeta::new(find_mint(program_id).0, false),
            AccountMeta::new(*recipient, false),
            AccountMeta::new_readonly(spl_token::ID, false),
        ],
    )
}

/// Builds [`TokenInstruction::SetMintingEnabled`].
pub fn set_minting_enabled(program_id: &Pubkey, authority: &Pubkey, enabled: bool) -> Instruction {
    TokenInstruction::SetMintingEnabled(SetMintingEnabled {
        enabled: enabled.into(),
    })
    .by_authority(program_id, authority)
}

/// Builds [`TokenInstruction::ProposeAuthority`].
pub fn propose_authority(
    program_id: &Pubkey,
    authority: &Pubkey,
    proposed: &Pubkey,
) -> Instruction {
    let proposed = *proposed;
    TokenInstruction::ProposeAuthority(ProposeAuthority { proposed })
        .by_authority(program_id, authority)
}

/// Builds [`TokenInstruction::AcceptAuthority`].
pub fn accept_authority(program_id: &Pubkey, proposed: &Pubkey) -> Instruction {
    TokenInstruction::AcceptAuthority.by_authority(program_id, proposed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_state::wire::assert_borsh_is_memory;

    #[test]
    fn borsh_bytes_are_memory_bytes() {
        assert_borsh_is_memory::<Initialize>();
        assert_borsh_is_memory::<MintSettled>();
        assert_borsh_is_memory::<SetMintingEnabled>();
        assert_borsh_is_memory::<ProposeAuthority>();
    }

    #[test]
    fn tags_are_the_contracts() {
        let key = Pubkey::new_from_array([1; 32]);
        assert_eq!(initialize(&key, &key, &key, &key).data[0], 0);
        assert_eq!(
            mint_settled(&key, &key, &key, 0x0102).data,
            [1, 2, 1, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(set_minting_enabled(&key, &key, true).data, [2, 1]);
        assert_eq!(propose_authority(&key, &key, &key).data[0], 6);
        assert_eq!(accept_authority(&key, &key).data, [7]);
    }
}
