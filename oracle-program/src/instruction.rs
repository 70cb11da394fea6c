//! The instructions of the oracle program, and functions that build them.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use shared_state::{
    pda::{find_oracle_config, find_program_data, find_registry_config},
    reading::Reading,
    state::Rules,
};
use solana_program::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use solana_sdk_ids::system_program;

/// The first byte of each instruction's data.
pub mod tag {
    /// [`Initialize`](super::OracleInstruction::Initialize)
    pub const INITIALIZE: u8 = 0;
    /// [`SubmitReadings`](super::OracleInstruction::SubmitReadings)
    pub const SUBMIT_READINGS: u8 = 1;
    // Taken by the protocol: 2 SubmitSignedReadings.
    /// [`AddReporter`](super::OracleInstruction::AddReporter)
    pub const ADD_REPORTER: u8 = 3;
    // Taken by the protocol: 4 RemoveReporter, 5 SetRules, 6 SetActive, 7 ProposeAuthority, 8 AcceptAuthority.
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

/// Arguments of [`OracleInstruction::AddReporter`].
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct AddReporter {
    /// The gateway's key.
    pub reporter: Pubkey,
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
    Initialize(Initialize) = tag::INITIALIZE,

    /// Validates readings and has the registry record them, in one call.
    ///
    /// 0. `[s]` reporter
    /// 1. `[]` OracleConfig
    /// 2. `[]` RegistryConfig
    /// 3. `[]` registry program
    /// 4. and on: `[w]` Meter, one per reading; the same one may come several times, its readings in order
    ///
    /// The registry logs what became of each.
    SubmitReadings(SubmitReadings) = tag::SUBMIT_READINGS,

    /// Lets another gateway submit readings.
    ///
    /// 0. `[s]` oracle authority
    /// 1. `[w]` OracleConfig
    ///
    /// Logs [`ReporterAdded`](shared_state::event::ReporterAdded).
    AddReporter(AddReporter) = tag::ADD_REPORTER,
}

impl OracleInstruction {
    /// The instruction for `program_id` with these accounts.
    fn with(self, program_id: &Pubkey, accounts: Vec<AccountMeta>) -> Instruction {
        Instruction::new_with_borsh(*program_id, &self, accounts)
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
    let mut accounts = vec![
        AccountMeta::new_readonly(*reporter, true),
        AccountMeta::new_readonly(find_oracle_config(program_id).0, false),
        AccountMeta::new_readonly(find_registry_config(registry_program).0, false),
        AccountMeta::new_readonly(*registry_program, false),
    ];
    accounts.extend(
        readings
            .iter()
            .map(|(meter, _)| AccountMeta::new(*meter, false)),
    );
    let readings = readings.iter().map(|(_, reading)| *reading).collect();
    OracleInstruction::SubmitReadings(SubmitReadings { strict, readings })
        .with(program_id, accounts)
}

/// Builds [`OracleInstruction::AddReporter`].
pub fn add_reporter(program_id: &Pubkey, authority: &Pubkey, reporter: &Pubkey) -> Instruction {
    OracleInstruction::AddReporter(AddReporter {
        reporter: *reporter,
    })
    .with(
        program_id,
        vec![
            AccountMeta::new_readonly(*authority, true),
            AccountMeta::new(find_oracle_config(program_id).0, false),
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
        assert_borsh_is_memory::<AddReporter>();
    }

    #[test]
    fn tags_are_the_contracts() {
        let key = Pubkey::new_from_array([1; 32]);
        let initialize = initialize(&key, &key, &key, Zeroable::zeroed());
        assert_eq!((initialize.data[0], initialize.data.len()), (0, 65));
        let reading = Reading {
            timestamp: 5,
            generation_register: 6,
            consumption_register: 7,
        };
        let submit = submit_readings(&key, &key, &key, true, &[(key, reading)]);
        assert_eq!(submit.data[..6], [1, 1, 1, 0, 0, 0]);
        assert_eq!(submit.data[6..], *bytemuck::bytes_of(&reading));
        assert_eq!(add_reporter(&key, &key, &key).data[0], 3);
    }
}
