//! The instructions of the registry program, and functions that build them.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use shared_state::{
    call::{ProposeAuthority, RecordReadings},
    pda::{find_meter, find_mint, find_program_data, find_registry_config, find_token_config},
    quantity::{BaseUnits, Bps, Wh},
    reading::{flags::SAME_METER, ReadingOutcome},
    state::{MeterStatus, METER_ID_BYTES},
};
use solana_program::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use solana_sdk_ids::system_program;

shared_state::tags! {
    /// The first byte of each instruction's data.
    Initialize = 0,
    RegisterMeter = 1,
    SetMeterStatus = 2,
    RecordReadings = RecordReadings::TAG,
    SettleAndMintTokens = 4,
    SettleManyAndMintTokens = 5,
    SetDelegate = 6,
    ProposeMeterOwner = 7,
    AcceptMeterOwner = 8,
    ReplaceDevice = 9,
    UpdateMeterLimits = 10,
    SetConfig = 11,
    ProposeAuthority = 12,
    AcceptAuthority = 13,
    GetUnsettledBalance = 14,
    CorrectRegisters = 15,
}

/// Arguments of [`RegistryInstruction::Initialize`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Initialize {
    /// Who may record readings: the address of the OracleConfig.
    pub oracle_authority: Pubkey,
    /// The program that mints.
    pub token_program: Pubkey,
    /// What a meter counts becomes claimable while its quality is at or above this.
    pub minimum_quality: Bps,
    /// 1 if every meter signs its readings, else 0: then a minimum that a reporter's word can't reach is refused.
    pub all_meters_sign: u16,
}

/// Arguments of [`RegistryInstruction::RegisterMeter`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct RegisterMeter {
    /// The serial number's id: [`meter_id`](shared_state::state::meter_id).
    pub meter_id: [u8; METER_ID_BYTES],
    /// Who the surplus belongs to.
    pub owner: Pubkey,
    /// Who else may settle to the owner's account; zero: nobody. The owner can change it.
    pub delegate: Pubkey,
    /// The device's key; zero if its readings are vouched for by the reporter alone.
    pub device_key: Pubkey,
    /// The generation register now: what it counted before is never minted.
    pub generation_register: Wh,
    /// The consumption register now.
    pub consumption_register: Wh,
    /// The value at which the registers start again from zero: 10^9 Wh for six digits of kWh. Zero: never.
    pub register_modulus: Wh,
    /// Rated power of the generator (W).
    pub generation_capacity_w: u32,
    /// Rated power of the connection (W).
    pub consumption_capacity_w: u32,
    /// A [`DeviceKeyType`](shared_state::state::DeviceKeyType).
    pub device_key_type: u64,
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
    /// The new device's key; zero if its readings are vouched for by the reporter alone.
    pub device_key: Pubkey,
    /// The meter's generation register, as the authority has seen it: if a reading came in since, the replacement is
    /// refused, because the same energy could count before and after it.
    pub old_generation_register: Wh,
    /// The meter's consumption register, as the authority has seen it.
    pub old_consumption_register: Wh,
    /// The new device's generation register now: what it counted before is never minted.
    pub generation_register: Wh,
    /// The new device's consumption register now.
    pub consumption_register: Wh,
    /// The value at which the new device's registers start again from zero; zero: never.
    pub register_modulus: Wh,
    /// A [`DeviceKeyType`](shared_state::state::DeviceKeyType).
    pub device_key_type: u64,
}

/// Arguments of [`RegistryInstruction::CorrectRegisters`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct CorrectRegisters {
    /// The meter's generation register, as the authority has seen it: if a reading came in since, the correction is refused.
    pub old_generation_register: Wh,
    /// The meter's consumption register, as the authority has seen it.
    pub old_consumption_register: Wh,
    /// The generation register that the device shows, at most the old one.
    pub generation_register: Wh,
    /// The consumption register that the device shows, at most the old one.
    pub consumption_register: Wh,
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
    /// What a meter counts becomes claimable while its quality is at or above this.
    pub minimum_quality: Bps,
    /// 1 if every meter signs its readings, else 0: then a minimum that a reporter's word can't reach is refused.
    pub all_meters_sign: u16,
}

/// What [`RegistryInstruction::GetUnsettledBalance`] returns.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct UnsettledBalance {
    /// What is unsettled, whether it can be claimed or not.
    pub unsettled: Wh,
    /// The part of it that can be claimed; the rest was counted at too low a quality, and becomes claimable with the first
    /// reading that brings it back up.
    pub claimable: Wh,
    /// What [`RegistryInstruction::SettleAndMintTokens`] would mint now; zero if it would be refused.
    pub mintable: BaseUnits,
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
    Initialize(Initialize) = Tag::Initialize as u8,

    /// Creates a meter's account. The meter starts inactive, its registers at the given baseline. As long as no reading has been
    /// accepted, it can be registered anew: so a wrong owner or baseline can be put right.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[ws]` payer of the rent
    /// 2. `[w]` Meter, to be created
    /// 3. `[]` RegistryConfig
    /// 4. `[]` system program
    ///
    /// Logs [`MeterRegistered`](shared_state::event::MeterRegistered).
    RegisterMeter(RegisterMeter) = Tag::RegisterMeter as u8,

    /// Changes a meter's status. The registry authority may set every status, but never leave `Decommissioned`; the
    /// owner may switch between `Active` and `Inactive`.
    ///
    /// 0. `[s]` registry authority or the meter's owner
    /// 1. `[w]` Meter
    /// 2. `[]` RegistryConfig
    ///
    /// Logs [`MeterStatusChanged`](shared_state::event::MeterStatusChanged).
    SetMeterStatus(SetMeterStatus) = Tag::SetMeterStatus as u8,

    /// Records what the oracle made of readings. Only the oracle program can call it.
    ///
    /// 0. `[s]` OracleConfig, for which the oracle program signs
    /// 1. `[]` RegistryConfig
    /// 2. and on: `[w]` Meter, one per outcome that isn't marked as of the same meter as the one before; the same one may come
    ///    several times
    ///
    /// Logs a [`MeterReadingRejected`](shared_state::event::MeterReadingRejected) for each rejected reading, a
    /// [`RegisterHoldBegan`](shared_state::event::RegisterHoldBegan) or
    /// [`RegisterHoldEnded`](shared_state::event::RegisterHoldEnded) where a hold does, then one list of a
    /// [`MeterReadingRecorded`](shared_state::event::MeterReadingRecorded) for each accepted one.
    RecordReadings(Vec<ReadingOutcome>) = Tag::RecordReadings as u8,

    /// Settles what can be claimed and mints GRID for it to the meter's owner: all of it or, where the token's mint limit or the
    /// supply leaves less, as many watt-hours as it leaves.
    ///
    /// 0. `[w]` Meter
    /// 1. `[s]` the meter's owner or delegate
    /// 2. `[]` RegistryConfig
    /// 3. `[]` token program
    /// 4. `[w]` TokenConfig
    /// 5. `[w]` GRID mint
    /// 6. `[w]` recipient: a GRID token account of the owner, whoever signed; for a delegate, a plain one
    /// 7. `[]` SPL Token program
    ///
    /// Logs [`MeterBalanceSettled`](shared_state::event::MeterBalanceSettled), and the token program
    /// [`TokensMinted`](shared_state::event::TokensMinted).
    SettleAndMintTokens = Tag::SettleAndMintTokens as u8,

    /// Settles several meters of one owner with one mint. A meter that can't be settled at the moment (not active, with nothing
    /// claimable, named a second time, or beyond what the mint limit or the supply leaves) is passed over; if
    /// that holds for all, the instruction fails with the first one's error. A meter of another owner fails it too.
    ///
    /// 0. `[s]` the meters' owner, or the delegate of each
    /// 1. `[]` RegistryConfig
    /// 2. `[]` token program
    /// 3. `[w]` TokenConfig
    /// 4. `[w]` GRID mint
    /// 5. `[w]` recipient: a GRID token account of the owner, whoever signed; for a delegate, a plain one
    /// 6. `[]` SPL Token program
    /// 7. and on: `[w]` Meter, at least one
    ///
    /// Logs one list of a [`MeterBalanceSettled`](shared_state::event::MeterBalanceSettled) for each settled meter, and the token
    /// program one [`TokensMinted`](shared_state::event::TokensMinted) for all.
    SettleManyAndMintTokens = Tag::SettleManyAndMintTokens as u8,

    /// Names a key that may settle the meter to its owner's account and do nothing else, or nobody any more.
    ///
    /// 0. `[s]` the meter's owner
    /// 1. `[w]` Meter
    ///
    /// Logs [`DelegateChanged`](shared_state::event::DelegateChanged).
    SetDelegate(SetDelegate) = Tag::SetDelegate as u8,

    /// Proposes another owner of the meter, or nobody any more.
    ///
    /// 0. `[s]` the meter's owner
    /// 1. `[w]` Meter
    ///
    /// Logs [`MeterOwnerProposed`](shared_state::event::MeterOwnerProposed).
    ProposeMeterOwner(ProposeMeterOwner) = Tag::ProposeMeterOwner as u8,

    /// Makes the proposed owner the new one. What is unsettled goes with the meter; the delegate does not.
    ///
    /// 0. `[s]` proposed owner
    /// 1. `[w]` Meter
    ///
    /// Logs [`MeterOwnerChanged`](shared_state::event::MeterOwnerChanged).
    AcceptMeterOwner = Tag::AcceptMeterOwner as u8,

    /// Puts a new device in the place of a meter's old one. The totals stay as they are, and the next reading counts from
    /// the new device's registers and from now. What the old device counted after its last reading is not in it: send
    /// that reading first. Where the registers stay the same, only key and modulus change, and the next reading counts from the
    /// last one. Ends a hold: nothing of the jump is counted. But where only the modulus was wrong, the hold ends with the next
    /// reading if the register had rolled over by the new one. Not for decommissioned meters.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[w]` Meter
    /// 2. `[]` RegistryConfig
    ///
    /// Logs [`DeviceReplaced`](shared_state::event::DeviceReplaced).
    ReplaceDevice(ReplaceDevice) = Tag::ReplaceDevice as u8,

    /// Changes a meter's rated powers. A hold ends with the next reading if the jump was none by the new ones. Not for
    /// decommissioned meters.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[w]` Meter
    /// 2. `[]` RegistryConfig
    ///
    /// Logs [`MeterLimitsChanged`](shared_state::event::MeterLimitsChanged).
    UpdateMeterLimits(UpdateMeterLimits) = Tag::UpdateMeterLimits as u8,

    /// Changes the registry's configuration. The registry authority may change the minimum quality. Another oracle
    /// authority or token program could mint what was never produced, so those take the program's upgrade authority,
    /// which could replace the program's code as well.
    ///
    /// 0. `[s]` registry authority; upgrade authority if the oracle authority or the token program changes
    /// 1. `[w]` RegistryConfig
    /// 2. `[]` ProgramData of this program
    ///
    /// Logs [`RegistryConfigChanged`](shared_state::event::RegistryConfigChanged).
    SetConfig(SetConfig) = Tag::SetConfig as u8,

    /// Proposes another registry authority, or nobody any more.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[w]` RegistryConfig
    ///
    /// Logs [`AuthorityProposed`](shared_state::event::AuthorityProposed).
    ProposeAuthority(ProposeAuthority) = Tag::ProposeAuthority as u8,

    /// Makes the proposed registry authority the new one.
    ///
    /// 0. `[s]` proposed authority
    /// 1. `[w]` RegistryConfig
    ///
    /// Logs [`AuthorityChanged`](shared_state::event::AuthorityChanged).
    AcceptAuthority = Tag::AcceptAuthority as u8,

    /// Returns an [`UnsettledBalance`] as return data: for clients that simulate it.
    ///
    /// 0. `[]` Meter
    /// 1. `[]` RegistryConfig
    /// 2. `[]` TokenConfig
    /// 3. `[]` GRID mint
    GetUnsettledBalance = Tag::GetUnsettledBalance as u8,

    /// Corrects registers that a false reading has raised: each is at most what it was, and the totals follow down. What has
    /// been settled stays settled, and the next surplus pays it off first. Nothing becomes claimable by a correction, and a
    /// false one is undone by the next true reading. Ends a hold. Not for decommissioned meters.
    ///
    /// 0. `[s]` registry authority
    /// 1. `[w]` Meter
    /// 2. `[]` RegistryConfig
    ///
    /// Logs [`RegistersCorrected`](shared_state::event::RegistersCorrected).
    CorrectRegisters(CorrectRegisters) = Tag::CorrectRegisters as u8,
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
            .filter(|(_, outcome)| outcome.flags & SAME_METER == 0)
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
            AccountMeta::new_readonly(find_mint(token_program).0, false),
        ],
    )
}

/// Builds [`RegistryInstruction::CorrectRegisters`].
pub fn correct_registers(
    program_id: &Pubkey,
    authority: &Pubkey,
    meter: &Pubkey,
    args: CorrectRegisters,
) -> Instruction {
    RegistryInstruction::CorrectRegisters(args).by_authority(program_id, authority, meter)
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
        assert_borsh_is_memory::<CorrectRegisters>();
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
            [0; 69]
        );
        let register = register_meter(&key, &key, &key, Zeroable::zeroed());
        assert_eq!((register.data[0], register.data.len()), (1, 169));
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
        assert_eq!(first(replace_device(&key, &key, &key, zeroed)), (9, 81));
        let zeroed = Zeroable::zeroed();
        assert_eq!(
            first(update_meter_limits(&key, &key, &key, zeroed)),
            (10, 9)
        );
        let zeroed = Zeroable::zeroed();
        assert_eq!(first(set_config(&key, &key, zeroed)), (11, 69));
        assert_eq!(first(propose_authority(&key, &key, &key)), (12, 33));
        assert_eq!(first(accept_authority(&key, &key)), (13, 1));
        assert_eq!(first(get_unsettled_balance(&key, &key, &key)), (14, 1));
        let zeroed = Zeroable::zeroed();
        let correct = correct_registers(&key, &key, &key, zeroed);
        assert_eq!(first(correct), (15, 33));
    }
}
