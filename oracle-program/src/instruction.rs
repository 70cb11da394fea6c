//! The instructions of the oracle program, and functions that build them.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use shared_state::{
    call::ProposeAuthority,
    pda::{find_oracle_config, find_program_data, find_registry_config},
    reading::Reading,
    state::Rules,
};
use solana_program::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use solana_sdk_ids::{system_program, sysvar};

shared_state::tags! {
    /// The first byte of each instruction's data.
    Initialize = 0,
    SubmitReadings = 1,
    SubmitSignedReadings = 2,
    AddReporter = 3,
    RemoveReporter = 4,
    SetRules = 5,
    SetActive = 6,
    ProposeAuthority = 7,
    AcceptAuthority = 8,
}

/// Arguments of [`OracleInstruction::Initialize`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct Initialize {
    /// The program that keeps the meters.
    pub registry_program: Pubkey,
    /// The numbers in the validation rules.
    pub rules: Rules,
}

/// Arguments of [`OracleInstruction::SubmitReadings`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq)]
pub struct SubmitReadings {
    /// Whether the first bad reading fails the transaction. Otherwise it is recorded as rejected.
    pub strict: bool,
    /// One reading per meter account, in order.
    pub readings: Vec<Reading>,
}

/// Arguments of [`OracleInstruction::SubmitSignedReadings`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SubmitSignedReadings {
    /// A Borsh `bool`: whether the first bad reading fails the transaction. Otherwise it is recorded as rejected.
    pub strict: u8,
}

/// Arguments of [`OracleInstruction::AddReporter`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct AddReporter {
    /// The gateway's key.
    pub reporter: Pubkey,
}

/// Arguments of [`OracleInstruction::RemoveReporter`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct RemoveReporter {
    /// The gateway's key.
    pub reporter: Pubkey,
}

/// Arguments of [`OracleInstruction::SetRules`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SetRules {
    /// The numbers in the validation rules from now on.
    pub rules: Rules,
}

/// Arguments of [`OracleInstruction::SetActive`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct SetActive {
    /// A Borsh `bool`: 1 resumes, 0 pauses.
    pub active: u8,
}

/// The instructions of the oracle program. `s` signer, `w` writable.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum OracleInstruction {
    /// Creates the OracleConfig, active, without reporters and with the signer as oracle authority.
    ///
    /// 0. `[s]` upgrade authority of this program
    /// 1. `[ws]` payer of the rent
    /// 2. `[w]` OracleConfig, to be created
    /// 3. `[]` ProgramData of this program
    /// 4. `[]` system program
    ///
    /// Logs [`OracleInitialized`](shared_state::event::OracleInitialized).
    Initialize(Initialize) = Tag::Initialize as u8,

    /// Validates readings and has the registry record them, in one call.
    ///
    /// 0. `[s]` reporter
    /// 1. `[]` OracleConfig
    /// 2. `[]` RegistryConfig
    /// 3. `[]` registry program
    /// 4. and on: `[w]` Meter, one per reading; the same one may come several times, its readings in order
    ///
    /// The registry logs what became of each.
    SubmitReadings(SubmitReadings) = Tag::SubmitReadings as u8,

    /// Validates readings that the meters' devices signed, and has the registry record them. They are read out of the signed
    /// messages in the one or two Ed25519 or Secp256r1 instructions right before the transaction's instruction that leads
    /// here, be it this one or one of a program that calls it: see [`signature`](crate::signature). A wrong signature fails
    /// the transaction, `strict` or not.
    ///
    /// 0. `[s]` reporter
    /// 1. `[]` OracleConfig
    /// 2. `[]` RegistryConfig
    /// 3. `[]` registry program
    /// 4. `[]` instructions sysvar
    /// 5. and on: `[w]` Meter, one per signature, in their order; the same one may come several times
    ///
    /// The registry logs what became of each reading.
    SubmitSignedReadings(SubmitSignedReadings) = Tag::SubmitSignedReadings as u8,

    /// Lets another gateway submit readings.
    ///
    /// 0. `[s]` oracle authority
    /// 1. `[w]` OracleConfig
    ///
    /// Logs [`ReporterAdded`](shared_state::event::ReporterAdded).
    AddReporter(AddReporter) = Tag::AddReporter as u8,

    /// Removes a reporter.
    ///
    /// 0. `[s]` oracle authority
    /// 1. `[w]` OracleConfig
    ///
    /// Logs [`ReporterRemoved`](shared_state::event::ReporterRemoved).
    RemoveReporter(RemoveReporter) = Tag::RemoveReporter as u8,

    /// Changes the numbers in the validation rules.
    ///
    /// 0. `[s]` oracle authority
    /// 1. `[w]` OracleConfig
    ///
    /// Logs [`RulesChanged`](shared_state::event::RulesChanged).
    SetRules(SetRules) = Tag::SetRules as u8,

    /// Pauses the oracle or resumes it. While it is paused it takes no readings; the meters go on counting.
    ///
    /// 0. `[s]` oracle authority
    /// 1. `[w]` OracleConfig
    ///
    /// Logs [`OracleActiveChanged`](shared_state::event::OracleActiveChanged).
    SetActive(SetActive) = Tag::SetActive as u8,

    /// Proposes another oracle authority, or nobody any more.
    ///
    /// 0. `[s]` oracle authority
    /// 1. `[w]` OracleConfig
    ///
    /// Logs [`AuthorityProposed`](shared_state::event::AuthorityProposed).
    ProposeAuthority(ProposeAuthority) = Tag::ProposeAuthority as u8,

    /// Makes the proposed oracle authority the new one.
    ///
    /// 0. `[s]` proposed authority
    /// 1. `[w]` OracleConfig
    ///
    /// Logs [`AuthorityChanged`](shared_state::event::AuthorityChanged).
    AcceptAuthority = Tag::AcceptAuthority as u8,
}

impl OracleInstruction {
    /// The instruction for `program_id` with these accounts.
    fn with(self, program_id: &Pubkey, accounts: Vec<AccountMeta>) -> Instruction {
        Instruction::new_with_borsh(*program_id, &self, accounts)
    }

    /// The instruction with the accounts of all that change the OracleConfig.
    fn by_authority(self, program_id: &Pubkey, authority: &Pubkey) -> Instruction {
        let accounts = vec![
            AccountMeta::new_readonly(*authority, true),
            AccountMeta::new(find_oracle_config(program_id).0, false),
        ];
        self.with(program_id, accounts)
    }
}

/// Builds [`OracleInstruction::Initialize`].
pub fn initialize(
    program_id: &Pubkey,
    upgrade_authority: &Pubkey,
    payer: &Pubkey,
    args: Initialize,
) -> Instruction {
    OracleInstruction::Initialize(args).with(
        program_id,
        vec![
            AccountMeta::new_readonly(*upgrade_authority, true),
            AccountMeta::new(*payer, true),
            AccountMeta::new(find_oracle_config(program_id).0, false),
            AccountMeta::new_readonly(find_program_data(program_id), false),
            AccountMeta::new_readonly(system_program::ID, false),
        ],
    )
}

/// Builds [`OracleInstruction::SubmitReadings`] from meters and their readings.
pub fn submit_readings(
    program_id: &Pubkey,
    reporter: &Pubkey,
    registry_program: &Pubkey,
    strict: bool,
    readings: &[(Pubkey, Reading)],
) -> Instruction {
    let mut accounts = submit_accounts(program_id, reporter, registry_program);
    let meters = readings
        .iter()
        .map(|(meter, _)| AccountMeta::new(*meter, false));
    accounts.extend(meters);
    let readings = readings.iter().map(|(_, reading)| *reading).collect();
    OracleInstruction::SubmitReadings(SubmitReadings { strict, readings })
        .with(program_id, accounts)
}

/// Builds [`OracleInstruction::SubmitSignedReadings`] for the meters of the signatures, in their order. The instructions of
/// [`signature::precompile`](crate::signature::precompile) go right before it.
pub fn submit_signed_readings(
    program_id: &Pubkey,
    reporter: &Pubkey,
    registry_program: &Pubkey,
    strict: bool,
    meters: &[Pubkey],
) -> Instruction {
    let mut accounts = submit_accounts(program_id, reporter, registry_program);
    accounts.push(AccountMeta::new_readonly(sysvar::instructions::ID, false));
    accounts.extend(meters.iter().map(|meter| AccountMeta::new(*meter, false)));
    let strict = strict.into();
    OracleInstruction::SubmitSignedReadings(SubmitSignedReadings { strict })
        .with(program_id, accounts)
}

fn submit_accounts(
    program_id: &Pubkey,
    reporter: &Pubkey,
    registry_program: &Pubkey,
) -> Vec<AccountMeta> {
    vec![
        AccountMeta::new_readonly(*reporter, true),
        AccountMeta::new_readonly(find_oracle_config(program_id).0, false),
        AccountMeta::new_readonly(find_registry_config(registry_program).0, false),
        AccountMeta::new_readonly(*registry_program, false),
    ]
}

/// Builds [`OracleInstruction::AddReporter`].
pub fn add_reporter(program_id: &Pubkey, authority: &Pubkey, reporter: &Pubkey) -> Instruction {
    OracleInstruction::AddReporter(AddReporter {
        reporter: *reporter,
    })
    .by_authority(program_id, authority)
}

/// Builds [`OracleInstruction::RemoveReporter`].
pub fn remove_reporter(program_id: &Pubkey, authority: &Pubkey, reporter: &Pubkey) -> Instruction {
    OracleInstruction::RemoveReporter(RemoveReporter {
        reporter: *reporter,
    })
    .by_authority(program_id, authority)
}

/// Builds [`OracleInstruction::SetRules`].
pub fn set_rules(program_id: &Pubkey, authority: &Pubkey, rules: Rules) -> Instruction {
    OracleInstruction::SetRules(SetRules { rules }).by_authority(program_id, authority)
}

/// Builds [`OracleInstruction::SetActive`].
pub fn set_active(program_id: &Pubkey, authority: &Pubkey, active: bool) -> Instruction {
    let active = active.into();
    OracleInstruction::SetActive(SetActive { active }).by_authority(program_id, authority)
}

/// Builds [`OracleInstruction::ProposeAuthority`].
pub fn propose_authority(
    program_id: &Pubkey,
    authority: &Pubkey,
    proposed: &Pubkey,
) -> Instruction {
    OracleInstruction::ProposeAuthority(ProposeAuthority {
        proposed: *proposed,
    })
    .by_authority(program_id, authority)
}

/// Builds [`OracleInstruction::AcceptAuthority`].
pub fn accept_authority(program_id: &Pubkey, proposed: &Pubkey) -> Instruction {
    OracleInstruction::AcceptAuthority.by_authority(program_id, proposed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_state::{quantity::Wh, wire::assert_borsh_is_memory};

    #[test]
    fn borsh_bytes_are_memory_bytes() {
        assert_borsh_is_memory::<Initialize>();
        assert_borsh_is_memory::<SubmitSignedReadings>();
        assert_borsh_is_memory::<AddReporter>();
        assert_borsh_is_memory::<RemoveReporter>();
        assert_borsh_is_memory::<SetRules>();
        assert_borsh_is_memory::<SetActive>();
        assert_borsh_is_memory::<ProposeAuthority>();
    }

    #[test]
    fn tags_are_the_contracts() {
        let key = Pubkey::new_from_array([1; 32]);
        let initialize = initialize(&key, &key, &key, Zeroable::zeroed());
        assert_eq!((initialize.data[0], initialize.data.len()), (0, 65));
        let reading = Reading {
            timestamp: 5,
            generation_register: Wh(6),
            consumption_register: Wh(7),
        };
        let submit = submit_readings(&key, &key, &key, true, &[(key, reading)]);
        assert_eq!(submit.data[..6], [1, 1, 1, 0, 0, 0]);
        assert_eq!(submit.data[6..], *bytemuck::bytes_of(&reading));
        let signed = submit_signed_readings(&key, &key, &key, true, &[key]);
        assert_eq!((signed.data, signed.accounts.len()), (vec![2, 1], 6));
        assert_eq!(add_reporter(&key, &key, &key).data[0], 3);
        assert_eq!(remove_reporter(&key, &key, &key).data[0], 4);
        let rules = set_rules(&key, &key, Rules::default());
        assert_eq!((rules.data[0], rules.data.len()), (5, 33));
        assert_eq!(set_active(&key, &key, true).data, [6, 1]);
        assert_eq!(propose_authority(&key, &key, &key).data[0], 7);
        assert_eq!(accept_authority(&key, &key).data, [8]);
    }
}
