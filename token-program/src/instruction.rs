//! The instructions of the token program, and functions that build them.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use shared_state::{
    call::{MintSettled, ProposeAuthority},
    pda::{find_mint, find_program_data, find_retirement, find_token_config},
    quantity::{BaseUnits, Wh},
};
use solana_program::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use solana_sdk_ids::system_program;

shared_state::tags! {
    /// The first byte of each instruction's data.
    Initialize = 0,
    MintSettled = MintSettled::TAG,
    SetMintingEnabled = 2,
    SetMintLimit = 3,
    RetireTokens = 4,
    SetRegistryAuthority = 5,
    ProposeAuthority = 6,
    AcceptAuthority = 7,
}

/// Arguments of [`TokenInstruction::Initialize`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Initialize {
    /// Whose signature mints: the address of the RegistryConfig.
    pub registry_authority: Pubkey,
}

/// Arguments of [`TokenInstruction::SetMintingEnabled`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SetMintingEnabled {
    /// A Borsh `bool`: 1 enables, 0 disables.
    pub enabled: u8,
}

/// Arguments of [`TokenInstruction::SetMintLimit`]: both zero for no limit.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SetMintLimit {
    /// How much may be minted at once.
    pub burst: BaseUnits,
    /// And how much per second after that.
    pub rate_per_second: BaseUnits,
}

/// Arguments of [`TokenInstruction::RetireTokens`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct RetireTokens {
    /// How much to burn.
    pub amount: BaseUnits,
    /// What tells this receipt from the holder's others: any number that has none yet.
    pub nonce: u64,
    /// On whose behalf its use is claimed.
    pub beneficiary: Pubkey,
    /// What it is claimed for, in the holder's words: up to 64 bytes, zero-padded.
    pub reference: [u8; 64],
}

/// Arguments of [`TokenInstruction::SetRegistryAuthority`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SetRegistryAuthority {
    /// Whose signature mints: the address of the RegistryConfig.
    pub registry_authority: Pubkey,
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
    Initialize(Initialize) = Tag::Initialize as u8,

    /// Mints 10^6 base units of GRID for each watt-hour. Only the registry program can call it.
    ///
    /// 0. `[s]` RegistryConfig, for which the registry program signs
    /// 1. `[w]` TokenConfig
    /// 2. `[w]` GRID mint
    /// 3. `[w]` recipient token account
    /// 4. `[]` SPL Token program
    ///
    /// Logs [`TokensMinted`](shared_state::event::TokensMinted).
    MintSettled(MintSettled) = Tag::MintSettled as u8,

    /// Switches minting off or on. While it is off, energy stays unsettled, and can be consumed.
    ///
    /// 0. `[s]` token authority
    /// 1. `[w]` TokenConfig
    ///
    /// Logs [`MintingEnabledChanged`](shared_state::event::MintingEnabledChanged).
    SetMintingEnabled(SetMintingEnabled) = Tag::SetMintingEnabled as u8,

    /// Limits how fast GRID is minted: at most `burst + rate_per_second * t` base units in any `t` seconds. Settlements
    /// mint as much as the limit leaves; what it doesn't stays unsettled.
    ///
    /// 0. `[s]` token authority
    /// 1. `[w]` TokenConfig
    ///
    /// Logs [`MintLimitChanged`](shared_state::event::MintLimitChanged).
    SetMintLimit(SetMintLimit) = Tag::SetMintLimit as u8,

    /// Burns GRID for good, to claim the use of its energy, and leaves a receipt: a
    /// [`Retirement`](shared_state::state::Retirement), which is never changed or closed.
    ///
    /// 0. `[s]` holder
    /// 1. `[w]` the holder's GRID token account
    /// 2. `[w]` GRID mint
    /// 3. `[w]` TokenConfig
    /// 4. `[]` SPL Token program
    /// 5. `[ws]` payer of the receipt's rent
    /// 6. `[w]` Retirement, to be created
    /// 7. `[]` system program
    ///
    /// Logs [`TokensRetired`](shared_state::event::TokensRetired).
    RetireTokens(RetireTokens) = Tag::RetireTokens as u8,

    /// Names somebody else whose signature mints. Whoever that is can mint, so the token authority can't do it: only
    /// the program's upgrade authority, which could replace the program's code as well.
    ///
    /// 0. `[s]` upgrade authority of this program
    /// 1. `[w]` TokenConfig
    /// 2. `[]` ProgramData of this program
    ///
    /// Logs [`RegistryAuthorityChanged`](shared_state::event::RegistryAuthorityChanged).
    SetRegistryAuthority(SetRegistryAuthority) = Tag::SetRegistryAuthority as u8,

    /// Proposes another token authority, or nobody any more.
    ///
    /// 0. `[s]` token authority
    /// 1. `[w]` TokenConfig
    ///
    /// Logs [`AuthorityProposed`](shared_state::event::AuthorityProposed).
    ProposeAuthority(ProposeAuthority) = Tag::ProposeAuthority as u8,

    /// Makes the proposed token authority the new one.
    ///
    /// 0. `[s]` proposed authority
    /// 1. `[w]` TokenConfig
    ///
    /// Logs [`AuthorityChanged`](shared_state::event::AuthorityChanged).
    AcceptAuthority = Tag::AcceptAuthority as u8,
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
    energy: Wh,
) -> Instruction {
    TokenInstruction::MintSettled(MintSettled { energy }).with(
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

/// Builds [`TokenInstruction::SetMintLimit`].
pub fn set_mint_limit(program_id: &Pubkey, authority: &Pubkey, limit: SetMintLimit) -> Instruction {
    TokenInstruction::SetMintLimit(limit).by_authority(program_id, authority)
}

/// Builds [`TokenInstruction::RetireTokens`].
pub fn retire_tokens(
    program_id: &Pubkey,
    holder: &Pubkey,
    token_account: &Pubkey,
    payer: &Pubkey,
    args: RetireTokens,
) -> Instruction {
    let retirement = find_retirement(program_id, holder, args.nonce).0;
    TokenInstruction::RetireTokens(args).with(
        program_id,
        vec![
            AccountMeta::new_readonly(*holder, true),
            AccountMeta::new(*token_account, false),
            AccountMeta::new(find_mint(program_id).0, false),
            AccountMeta::new(find_token_config(program_id).0, false),
            AccountMeta::new_readonly(spl_token::ID, false),
            AccountMeta::new(*payer, true),
            AccountMeta::new(retirement, false),
            AccountMeta::new_readonly(system_program::ID, false),
        ],
    )
}

/// Builds [`TokenInstruction::SetRegistryAuthority`].
pub fn set_registry_authority(
    program_id: &Pubkey,
    upgrade_authority: &Pubkey,
    registry_authority: &Pubkey,
) -> Instruction {
    let registry_authority = *registry_authority;
    let args = SetRegistryAuthority { registry_authority };
    let mut instruction =
        TokenInstruction::SetRegistryAuthority(args).by_authority(program_id, upgrade_authority);
    let program_data = AccountMeta::new_readonly(find_program_data(program_id), false);
    instruction.accounts.push(program_data);
    instruction
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
        assert_borsh_is_memory::<SetMintLimit>();
        assert_borsh_is_memory::<RetireTokens>();
        assert_borsh_is_memory::<SetRegistryAuthority>();
        assert_borsh_is_memory::<ProposeAuthority>();
    }

    #[test]
    fn tags_are_the_contracts() {
        let key = Pubkey::new_from_array([1; 32]);
        assert_eq!(initialize(&key, &key, &key, &key).data[0], 0);
        assert_eq!(
            mint_settled(&key, &key, &key, Wh(0x0102)).data,
            [1, 2, 1, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(set_minting_enabled(&key, &key, true).data, [2, 1]);
        let first = |instruction: Instruction| (instruction.data[0], instruction.data.len());
        let zeroed = Zeroable::zeroed();
        assert_eq!(first(set_mint_limit(&key, &key, zeroed)), (3, 17));
        let zeroed = Zeroable::zeroed();
        assert_eq!(
            first(retire_tokens(&key, &key, &key, &key, zeroed)),
            (4, 113)
        );
        assert_eq!(first(set_registry_authority(&key, &key, &key)), (5, 33));
        assert_eq!(propose_authority(&key, &key, &key).data[0], 6);
        assert_eq!(accept_authority(&key, &key).data, [7]);
    }
}
