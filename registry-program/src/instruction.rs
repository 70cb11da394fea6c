//! The instructions of the registry program, and functions that build them.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use shared_state::{
    pda::{find_meter, find_mint, find_program_data, find_registry_config, find_token_config},
    program::ProposeAuthority,
    reading::ReadingOutcome,
    state::{MeterStatus, METER_ID_BYTES},
};
use solana_program::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use solana_sdk_ids::system_program;

/// The first byte of each instruction's data.
pub mod tag {
    /// [`Initialize`](super::RegistryInstruction::Initialize)
    pub const INITIALIZE: u8 = 0;
    /// [`RegisterMeter`](super::RegistryInstruction::RegisterMeter)
    pub const REGISTER_METER: u8 = 1;
    /// [`SetMeterStatus`](super::RegistryInstruction::SetMeterStatus)
    pub const SET_METER_STATUS: u8 = 2;
    /// [`RecordReadings`](super::RegistryInstruction::RecordReadings)
    pub const RECORD_READINGS: u8 = shared_state::wire::RECORD_READINGS;
    /// [`SettleAndMintTokens`](super::RegistryInstruction::SettleAndMintTokens)
    pub const SETTLE_AND_MINT_TOKENS: u8 = 4;
    /// [`SettleManyAndMintTokens`](super::RegistryInstruction::SettleManyAndMintTokens)
    pub const SETTLE_MANY_AND_MINT_TOKENS: u8 = 5;
    /// [`SetDelegate`](super::RegistryInstruction::SetDelegate)
    pub const SET_DELEGATE: u8 = 6;
    /// [`ProposeMeterOwner`](super::RegistryInstruction::ProposeMeterOwner)
    pub const PROPOSE_METER_OWNER: u8 = 7;
    /// [`AcceptMeterOwner`](super::RegistryInstruction::AcceptMeterOwner)
    pub const ACCEPT_METER_OWNER: u8 = 8;
    /// [`ReplaceDevice`](super::RegistryInstruction::ReplaceDevice)
    pub const REPLACE_DEVICE: u8 = 9;
    /// [`UpdateMeterLimits`](super::RegistryInstruction::UpdateMeterLimits)
    pub const UPDATE_METER_LIMITS: u8 = 10;
    /// [`SetConfig`](super::RegistryInstruction::SetConfig)
    pub const SET_CONFIG: u8 = 11;
    /// [`ProposeAuthority`](super::RegistryInstruction::ProposeAuthority)
    pub const PROPOSE_AUTHORITY: u8 = 12;
    /// [`AcceptAuthority`](super::RegistryInstruction::AcceptAuthority)
    pub const ACCEPT_AUTHORITY: u8 = 13;
    /// [`GetUnsettledBalance`](super::RegistryInstruction::GetUnsettledBalance)
    pub const GET_UNSETTLED_BALANCE: u8 = 14;
}

/// Arguments of [`RegistryInstruction::Initialize`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Initialize {
    /// Who may record readings: the address of the OracleConfig.
    pub oracle_authority: Pubkey,
    /// The program that mints.
    pub token_program: Pubkey,
    /// A meter whose quality is below this can't be settled (bps).
    pub minimum_quality: u16,
}

/// Arguments of [`RegistryInstruction::RegisterMeter`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct RegisterMeter {
    /// Serial number in UTF-8, zero-padded: [`meter_id`](shared_state::state::meter_id).
    pub meter_id: [u8; METER_ID_BYTES],
    /// Who the surplus belongs to.
    pub owner: Pubkey,
    /// The device's Ed25519 key; zero if its readings are vouched for by the reporter alone.
    pub device_key: Pubkey,
    /// The generation register now: what it counted before is never minted (Wh).
    pub generation_register: u64,
    /// The consumption register now (Wh).
    pub consumption_register: u64,
    /// Rated power of the generator (W).
    pub generation_capacity_w: u32,
    /// Rated power of the connection (W).
    pub consumption_capacity_w: u32,
}

/// Arguments of [`RegistryInstruction::SetMeterStatus`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SetMeterStatus {
    /// The new [`MeterStatus`].
    pub status: u8,
}

/// Arguments of [`RegistryInstruction::SetDelegate`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SetDelegate {
    /// Who may settle beside the owner; zero: nobody.
    pub delegate: Pubkey,
}

/// Arguments of [`RegistryInstruction::ProposeMeterOwner`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct ProposeMeterOwner {
    /// Who may accept; zero withdraws the proposal.
    pub proposed: Pubkey,
}

/// Arguments of [`RegistryInstruction::ReplaceDevice`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct ReplaceDevice {
    /// The new device's Ed25519 key; zero if its readings are vouched for by the reporter alone.
    pub device_key: Pubkey,
    /// The meter's generation register, as the authority has seen it (Wh): if a reading came in since, the replacement is
    /// refused, because the same energy could count before and after it.
    pub old_generation_register: u64,
    /// The meter's consumption register, as the authority has seen it (Wh).
    pub old_consumption_register: u64,
    /// The new device's generation register now: what it counted before is never minted (Wh).
    pub generation_register: u64,
    /// The new device's consumption register now (Wh).
    pub consumption_register: u64,
}

/// Arguments of [`RegistryInstruction::UpdateMeterLimits`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct UpdateMeterLimits {
    /// Rated power of the generator (W).
    pub generation_capacity_w: u32,
    /// Rated power of the connection (W).
    pub consumption_capacity_w: u32,
}

/// Arguments of [`RegistryInstruction::SetConfig`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SetConfig {
    /// Who may record readings: the address of the OracleConfig.
    pub oracle_authority: Pubkey,
    /// The program that mints.
    pub token_program: Pubkey,
    /// A meter whose quality is below this can't be settled (bps).
    pub minimum_quality: u16,
}

/// What [`RegistryInstruction::GetUnsettledBalance`] returns.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct UnsettledBalance {
    /// What is unsettled, whether it can be settled now or not (Wh).
    pub energy_wh: u64,
    /// What [`RegistryInstruction::SettleAndMintTokens`] would mint now; zero if it would be refused (base units).
    pub mintable: u64,
}

/// The instructions of the registry program. `s` signer, `w` writable.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum RegistryInstruction {
    /// Creates the RegistryConfig, with the signer as registry authority.
    ///
    /// 0. `[s]` upgrade authority of this program
    /// 1. `[ws]` payer of the rent
    /// 2. `[w]` RegistryConfig, to be created
    /// 3. `[]` ProgramData of this program
    /// 4. `[]` system program
    ///
    /// Logs [`RegistryInitialized`](shared_state::event::RegistryInitialized).
    Initialize(Initialize) = tag::INITIALIZE,

    /// Creates a meter's account. The meter starts inactive, its registers at the given baseline.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[ws]` payer of the rent
    /// 2. `[w]` Meter, to be created
    /// 3. `[]` RegistryConfig
    /// 4. `[]` system program
    ///
    /// Logs [`MeterRegistered`](shared_state::event::MeterRegistered).
    RegisterMeter(RegisterMeter) = tag::REGISTER_METER,

    /// Changes a meter's status. The registry authority may set every status, but never leave `Decommissioned`; the
    /// owner may switch between `Active` and `Inactive`.
    ///
    /// 0. `[s]` registry authority or the meter's owner
    /// 1. `[w]` Meter
    /// 2. `[]` RegistryConfig
    ///
    /// Logs [`MeterStatusChanged`](shared_state::event::MeterStatusChanged).
    SetMeterStatus(SetMeterStatus) = tag::SET_METER_STATUS,

    /// Records what the oracle made of readings: one outcome per meter, in order. Only the oracle can call it.
    ///
    /// 0. `[s]` oracle authority
    /// 1. `[]` RegistryConfig
    /// 2. and on: `[w]` Meter, one per outcome; the same one may come several times
    ///
    /// Logs a [`MeterReadingRejected`](shared_state::event::MeterReadingRejected) for each rejected reading, then one
    /// [`MeterReadingsRecorded`](shared_state::event::MeterReadingsRecorded) for all accepted ones.
    RecordReadings(Vec<ReadingOutcome>) = tag::RECORD_READINGS,

    /// Settles what is unsettled and mints GRID for it to the meter's owner: all of it or, where the token's mint limit
    /// leaves less, as many watt-hours as it leaves.
    ///
    /// 0. `[w]` Meter
    /// 1. `[s]` the meter's owner or delegate
    /// 2. `[]` RegistryConfig
    /// 3. `[]` token program
    /// 4. `[w]` TokenConfig
    /// 5. `[w]` GRID mint
    /// 6. `[w]` recipient: a GRID token account of the owner, whoever signed
    /// 7. `[]` SPL Token program
    ///
    /// Logs [`MeterBalanceSettled`](shared_state::event::MeterBalanceSettled), and the token program
    /// [`TokensMinted`](shared_state::event::TokensMinted).
    SettleAndMintTokens = tag::SETTLE_AND_MINT_TOKENS,

    /// Settles several meters of one owner with one mint. A meter that can't be settled at the moment (not active, of low
    /// quality, with nothing unsettled, named a second time, or beyond what the mint limit leaves) is passed over; if
    /// that holds for all, the instruction fails with the first one's error. A meter of another owner fails it too.
    ///
    /// 0. `[s]` the meters' owner, or the delegate of each
    /// 1. `[]` RegistryConfig
    /// 2. `[]` token program
    /// 3. `[w]` TokenConfig
    /// 4. `[w]` GRID mint
    /// 5. `[w]` recipient: a GRID token account of the owner, whoever signed
    /// 6. `[]` SPL Token program
    /// 7. and on: `[w]` Meter, at least one
    ///
    /// Logs a [`MeterBalanceSettled`](shared_state::event::MeterBalanceSettled) for each settled meter, and the token
    /// program one [`TokensMinted`](shared_state::event::TokensMinted) for all.
    SettleManyAndMintTokens = tag::SETTLE_MANY_AND_MINT_TOKENS,

    /// Names a key that may settle the meter to its owner's account and do nothing else, or nobody any more.
    ///
    /// 0. `[s]` the meter's owner
    /// 1. `[w]` Meter
    ///
    /// Logs [`DelegateChanged`](shared_state::event::DelegateChanged).
    SetDelegate(SetDelegate) = tag::SET_DELEGATE,

    /// Proposes another owner of the meter, or nobody any more.
    ///
    /// 0. `[s]` the meter's owner
    /// 1. `[w]` Meter
    ///
    /// Logs [`MeterOwnerProposed`](shared_state::event::MeterOwnerProposed).
    ProposeMeterOwner(ProposeMeterOwner) = tag::PROPOSE_METER_OWNER,

    /// Makes the proposed owner the new one. What is unsettled goes with the meter; the delegate does not.
    ///
    /// 0. `[s]` proposed owner
    /// 1. `[w]` Meter
    ///
    /// Logs [`MeterOwnerChanged`](shared_state::event::MeterOwnerChanged).
    AcceptMeterOwner = tag::ACCEPT_METER_OWNER,

    /// Puts a new device in the place of a meter's old one. The totals stay as they are, and the next reading counts from
    /// the new device's registers and from now. What the old device counted after its last reading is not in it: send
    /// that reading first. Not for decommissioned meters.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[w]` Meter
    /// 2. `[]` RegistryConfig
    ///
    /// Logs [`DeviceReplaced`](shared_state::event::DeviceReplaced).
    ReplaceDevice(ReplaceDevice) = tag::REPLACE_DEVICE,

    /// Changes a meter's rated powers. Not for decommissioned meters.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[w]` Meter
    /// 2. `[]` RegistryConfig
    ///
    /// Logs [`MeterLimitsChanged`](shared_state::event::MeterLimitsChanged).
    UpdateMeterLimits(UpdateMeterLimits) = tag::UPDATE_METER_LIMITS,

    /// Changes the registry's configuration. The registry authority may change the minimum quality. Another oracle
    /// authority or token program could mint what was never produced, so those take the program's upgrade authority,
    /// which could replace the program's code as well.
    ///
    /// 0. `[s]` registry authority; upgrade authority if the oracle authority or the token program changes
    /// 1. `[w]` RegistryConfig
    /// 2. `[]` ProgramData of this program
    ///
    /// Logs [`RegistryConfigChanged`](shared_state::event::RegistryConfigChanged).
    SetConfig(SetConfig) = tag::SET_CONFIG,

    /// Proposes another registry authority, or nobody any more.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[w]` RegistryConfig
    ///
    /// Logs [`AuthorityProposed`](shared_state::event::AuthorityProposed).
    ProposeAuthority(ProposeAuthority) = tag::PROPOSE_AUTHORITY,

    /// Makes the proposed registry authority the new one.
    ///
    /// 0. `[s]` proposed authority
    /// 1. `[w]` RegistryConfig
    ///
    /// Logs [`AuthorityChanged`](shared_state::event::AuthorityChanged).
    AcceptAuthority = tag::ACCEPT_AUTHORITY,

    /// Returns an [`UnsettledBalance`] as return data: for clients that simulate it.
    ///
    /// 0. `[]` Meter
    /// 1. `[]` RegistryConfig
    /// 2. `[]` TokenConfig
    GetUnsettledBalance = tag::GET_UNSETTLED_BALANCE,
}

impl RegistryInstruction {
    /// The instruction for `program_id` with these accounts.
    fn with(self, program_id: &Pubkey, accounts: Vec<AccountMeta>) -> Instruction {
        Instruction::new_with_borsh(*program_id, &self, accounts)
    }

    /// The instruction with a signer and the account that it changes.
    fn by(self, program_id: &Pubkey, signer: &Pubkey, changed: &Pubkey) -> Instruction {
        let accounts = vec![
            AccountMeta::new_readonly(*signer, true),
            AccountMeta::new(*changed, false),
        ];
        self.with(program_id, accounts)
    }

    /// The same with the RegistryConfig, which says whether the signer is its authority.
    fn by_authority(self, program_id: &Pubkey, signer: &Pubkey, meter: &Pubkey) -> Instruction {
        let config = find_registry_config(program_id).0;
        let mut instruction = self.by(program_id, signer, meter);
        instruction
            .accounts
            .push(AccountMeta::new_readonly(config, false));
        instruction
    }
}

/// Builds [`RegistryInstruction::Initialize`].
pub fn initialize(
    program_id: &Pubkey,
    upgrade_authority: &Pubkey,
    payer: &Pubkey,
    args: Initialize,
) -> Instruction {
    RegistryInstruction::Initialize(args).with(
        program_id,
        vec![
            AccountMeta::new_readonly(*upgrade_authority, true),
            AccountMeta::new(*payer, true),
            AccountMeta::new(find_registry_config(program_id).0, false),
            AccountMeta::new_readonly(find_program_data(program_id), false),
            AccountMeta::new_readonly(system_program::ID, false),
        ],
    )
}

/// Builds [`RegistryInstruction::RegisterMeter`].
pub fn register_meter(
    program_id: &Pubkey,
    authority: &Pubkey,
    payer: &Pubkey,
    args: RegisterMeter,
) -> Instruction {
    let meter = find_meter(program_id, &args.meter_id).0;
    RegistryInstruction::RegisterMeter(args).with(
        program_id,
        vec![
            AccountMeta::new_readonly(*authority, true),
            AccountMeta::new(*payer, true),
            AccountMeta::new(meter, false),
            AccountMeta::new_readonly(find_registry_config(program_id).0, false),
            AccountMeta::new_readonly(system_program::ID, false),
        ],
    )
}

/// Builds [`RegistryInstruction::SetMeterStatus`].
pub fn set_meter_status(
    program_id: &Pubkey,
    authority_or_owner: &Pubkey,
    meter: &Pubkey,
    status: MeterStatus,
) -> Instruction {
    RegistryInstruction::SetMeterStatus(SetMeterStatus {
        status: status as u8,
    })
    .by_authority(program_id, authority_or_owner, meter)
}

/// Builds [`RegistryInstruction::SetDelegate`].
pub fn set_delegate(
    program_id: &Pubkey,
    owner: &Pubkey,
    meter: &Pubkey,
    delegate: &Pubkey,
) -> Instruction {
    let delegate = *delegate;
    RegistryInstruction::SetDelegate(SetDelegate { delegate }).by(program_id, owner, meter)
}

/// Builds [`RegistryInstruction::ProposeMeterOwner`].
pub fn propose_meter_owner(
    program_id: &Pubkey,
    owner: &Pubkey,
    meter: &Pubkey,
    proposed: &Pubkey,
) -> Instruction {
    let proposed = *proposed;
    let args = ProposeMeterOwner { proposed };
    RegistryInstruction::ProposeMeterOwner(args).by(program_id, owner, meter)
}

/// Builds [`RegistryInstruction::AcceptMeterOwner`].
pub fn accept_meter_owner(program_id: &Pubkey, proposed: &Pubkey, meter: &Pubkey) -> Instruction {
    RegistryInstruction::AcceptMeterOwner.by(program_id, proposed, meter)
}

/// Builds [`RegistryInstruction::ReplaceDevice`].
pub fn replace_device(
    program_id: &Pubkey,
    authority: &Pubkey,
    meter: &Pubkey,
    args: ReplaceDevice,
) -> Instruction {
    RegistryInstruction::ReplaceDevice(args).by_authority(program_id, authority, meter)
}

/// Builds [`RegistryInstruction::UpdateMeterLimits`].
pub fn update_meter_limits(
    program_id: &Pubkey,
    authority: &Pubkey,
    meter: &Pubkey,
    args: UpdateMeterLimits,
) -> Instruction {
    RegistryInstruction::UpdateMeterLimits(args).by_authority(program_id, authority, meter)
}

/// Builds [`RegistryInstruction::ProposeAuthority`].
pub fn propose_authority(
    program_id: &Pubkey,
    authority: &Pubkey,
    proposed: &Pubkey,
) -> Instruction {
    let proposed = *proposed;
    let config = find_registry_config(program_id).0;
    RegistryInstruction::ProposeAuthority(ProposeAuthority { proposed })
        .by(program_id, authority, &config)
}

/// Builds [`RegistryInstruction::AcceptAuthority`].
pub fn accept_authority(program_id: &Pubkey, proposed: &Pubkey) -> Instruction {
    let config = find_registry_config(program_id).0;
    RegistryInstruction::AcceptAuthority.by(program_id, proposed, &config)
}

/// Builds [`RegistryInstruction::RecordReadings`]: as the oracle does, or as somebody who tries it directly.
pub fn record_readings(
    program_id: &Pubkey,
    oracle_authority: &Pubkey,
    outcomes: &[(Pubkey, ReadingOutcome)],
) -> Instruction {
    let mut accounts = vec![
        AccountMeta::new_readonly(*oracle_authority, true),
        AccountMeta::new_readonly(find_registry_config(program_id).0, false),
    ];
    accounts.extend(
        outcomes
            .iter()
            .map(|(meter, _)| AccountMeta::new(*meter, false)),
    );
    let outcomes = outcomes.iter().map(|(_, outcome)| *outcome).collect();
    RegistryInstruction::RecordReadings(outcomes).with(program_id, accounts)
}

/// Builds [`RegistryInstruction::SettleAndMintTokens`].
pub fn settle_and_mint_tokens(
    program_id: &Pubkey,
    meter: &Pubkey,
    owner_or_delegate: &Pubkey,
    token_program: &Pubkey,
    recipient: &Pubkey,
) -> Instruction {
    RegistryInstruction::SettleAndMintTokens.with(
        program_id,
        vec![
            AccountMeta::new(*meter, false),
            AccountMeta::new_readonly(*owner_or_delegate, true),
            AccountMeta::new_readonly(find_registry_config(program_id).0, false),
            AccountMeta::new_readonly(*token_program, false),
            AccountMeta::new(find_token_config(token_program).0, false),
            AccountMeta::new(find_mint(token_program).0, false),
            AccountMeta::new(*recipient, false),
            AccountMeta::new_readonly(spl_token::ID, false),
        ],
    )
}

/// Builds [`RegistryInstruction::SettleManyAndMintTokens`].
pub fn settle_many_and_mint_tokens(
    program_id: &Pubkey,
    meters: &[Pubkey],
    owner_or_delegate: &Pubkey,
    token_program: &Pubkey,
    recipient: &Pubkey,
) -> Instruction {
    let mut accounts = vec![
        AccountMeta::new_readonly(*owner_or_delegate, true),
        AccountMeta::new_readonly(find_registry_config(program_id).0, false),
        AccountMeta::new_readonly(*token_program, false),
        AccountMeta::new(find_token_config(token_program).0, false),
        AccountMeta::new(find_mint(token_program).0, false),
        AccountMeta::new(*recipient, false),
        AccountMeta::new_readonly(spl_token::ID, false),
    ];
    accounts.extend(meters.iter().map(|meter| AccountMeta::new(*meter, false)));
    RegistryInstruction::SettleManyAndMintTokens.with(program_id, accounts)
}

/// Builds [`RegistryInstruction::SetConfig`].
pub fn set_config(program_id: &Pubkey, signer: &Pubkey, args: SetConfig) -> Instruction {
    let config = find_registry_config(program_id).0;
    let mut instruction = RegistryInstruction::SetConfig(args).by(program_id, signer, &config);
    let program_data = AccountMeta::new_readonly(find_program_data(program_id), false);
    instruction.accounts.push(program_data);
    instruction
}

/// Builds [`RegistryInstruction::GetUnsettledBalance`].
pub fn get_unsettled_balance(
    program_id: &Pubkey,
    meter: &Pubkey,
    token_program: &Pubkey,
) -> Instruction {
    RegistryInstruction::GetUnsettledBalance.with(
        program_id,
        vec![
            AccountMeta::new_readonly(*meter, false),
            AccountMeta::new_readonly(find_registry_config(program_id).0, false),
            AccountMeta::new_readonly(find_token_config(token_program).0, false),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_state::wire::assert_borsh_is_memory;

    #[test]
    fn borsh_bytes_are_memory_bytes() {
        assert_borsh_is_memory::<Initialize>();
        assert_borsh_is_memory::<RegisterMeter>();
        assert_borsh_is_memory::<SetMeterStatus>();
        assert_borsh_is_memory::<SetDelegate>();
        assert_borsh_is_memory::<ProposeMeterOwner>();
        assert_borsh_is_memory::<ReplaceDevice>();
        assert_borsh_is_memory::<UpdateMeterLimits>();
        assert_borsh_is_memory::<SetConfig>();
        assert_borsh_is_memory::<UnsettledBalance>();
        assert_borsh_is_memory::<ProposeAuthority>();
    }

    #[test]
    fn tags_are_the_contracts() {
        let key = Pubkey::new_from_array([1; 32]);
        assert_eq!(
            initialize(&key, &key, &key, Zeroable::zeroed()).data,
            [0; 67]
        );
        let register = register_meter(&key, &key, &key, Zeroable::zeroed());
        assert_eq!((register.data[0], register.data.len()), (1, 121));
        let status = set_meter_status(&key, &key, &key, MeterStatus::Suspended);
        assert_eq!(status.data, [2, 2]);
        let record = record_readings(&key, &key, &[(key, Zeroable::zeroed())]);
        assert_eq!((record.data[0], record.data.len()), (3, 53));
        let settle = settle_and_mint_tokens(&key, &key, &key, &key, &key);
        assert_eq!(settle.data, [4]);
        let many = settle_many_and_mint_tokens(&key, &[key, key], &key, &key, &key);
        assert_eq!((many.data, many.accounts.len()), (vec![5], 9));
        let first = |instruction: Instruction| (instruction.data[0], instruction.data.len());
        assert_eq!(first(set_delegate(&key, &key, &key, &key)), (6, 33));
        assert_eq!(first(propose_meter_owner(&key, &key, &key, &key)), (7, 33));
        assert_eq!(first(accept_meter_owner(&key, &key, &key)), (8, 1));
        let zeroed = Zeroable::zeroed();
        assert_eq!(first(replace_device(&key, &key, &key, zeroed)), (9, 65));
        let zeroed = Zeroable::zeroed();
        assert_eq!(
            first(update_meter_limits(&key, &key, &key, zeroed)),
            (10, 9)
        );
        let zeroed = Zeroable::zeroed();
        assert_eq!(first(set_config(&key, &key, zeroed)), (11, 67));
        assert_eq!(first(propose_authority(&key, &key, &key)), (12, 33));
        assert_eq!(first(accept_authority(&key, &key)), (13, 1));
        assert_eq!(first(get_unsettled_balance(&key, &key, &key)), (14, 1));
    }
}
