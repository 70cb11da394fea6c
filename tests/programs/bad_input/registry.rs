//! The cases of the registry program.

use std::sync::Arc;

use gridtoken_tests::{World, MINIMUM_QUALITY};
use registry_program::instruction::{
    accept_authority, accept_meter_owner, correct_registers, get_unsettled_balance,
    propose_authority, propose_meter_owner, record_readings, register_meter, replace_device,
    set_config, set_delegate, set_meter_status, settle_and_mint_tokens,
    settle_many_and_mint_tokens, update_meter_limits, CorrectRegisters, RegistryInstruction,
    ReplaceDevice, SetConfig, UpdateMeterLimits,
};
use shared_state::{
    quantity::{Bps, Wh},
    reading::ReadingOutcome,
    state::{DeviceKeyType, MeterStatus, PowerProfile},
    GridError::{
        NotATokenAccount, NotUpgradeAuthority, Unauthorized, WrongAddress, WrongMint, WrongProgram,
    },
};
use solana_keypair::Keypair;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use super::{any, place, Caller, Case, Place, Setting, Stage};

pub fn case(setting: &Setting, kind: &RegistryInstruction) -> Case {
    let (world, deployment) = (&setting.world, &setting.deployment);
    let (registry, token) = (&deployment.registry_program, &deployment.token_program);
    let (authority, owner, heir) = (&world.authority, &setting.meter.owner, &setting.heir);
    let (key, owner_key, heir_key) = (&authority.pubkey(), &owner.pubkey(), &heir.pubkey());
    let (meter, second, offered) = (
        &setting.meter.address,
        &setting.second.address,
        &setting.offered.address,
    );
    let by_owner = |instruction| {
        let places = vec![place(Unauthorized), setting.a_meter()];
        Case::new(&[owner], instruction, places)
    };
    let by_authority = |instruction| {
        let places = vec![
            place(Unauthorized),
            setting.a_meter(),
            setting.registry_config(),
        ];
        Case::new(&[authority], instruction, places)
    };
    match kind {
        RegistryInstruction::Initialize(_) => {
            let [_, initialize, _] = setting.deployed.initialize();
            let places = vec![
                place(NotUpgradeAuthority),
                any(),
                place(WrongAddress),
                place(WrongAddress),
                place(WrongProgram),
            ];
            Case {
                stage: Stage::Deployed,
                ..Case::new(&[&setting.deployed.authority], initialize, places)
            }
        }
        RegistryInstruction::RegisterMeter(_) => {
            let args = World::registration("M-6", key);
            let places = vec![
                place(Unauthorized),
                any(),
                place(WrongAddress).or(*meter, WrongAddress),
                setting.registry_config(),
                place(WrongProgram),
            ];
            let register = register_meter(registry, key, &world.payer.pubkey(), args);
            Case::new(&[authority], register, places)
        }
        RegistryInstruction::SetMeterStatus(_) => {
            let status = MeterStatus::Suspended;
            by_authority(set_meter_status(registry, key, offered, status))
        }
        RegistryInstruction::RecordReadings(_) => {
            let oracle = Arc::new(Keypair::new());
            let outcome = ReadingOutcome {
                reading: world.reading(6_000, 0),
                profile: PowerProfile::default(),
                quality: Bps(8_000),
                reason: 0,
                score: 85,
                flags: 0,
                reserved: [0; 3],
            };
            let places = vec![
                place(Unauthorized),
                setting.registry_config(),
                setting.a_meter(),
            ];
            let record = record_readings(registry, &oracle.pubkey(), &[(*second, outcome)]);
            Case {
                stands_in_for: Some(Caller::Oracle),
                comes_last: true,
                ..Case::new(&[&oracle], record, places)
            }
        }
        RegistryInstruction::SettleAndMintTokens => {
            let wallet = &setting.meter.wallet;
            let [settler, rest @ ..] = settlement(setting);
            let places = [setting.a_meter(), settler].into_iter().chain(rest);
            let settle = settle_and_mint_tokens(registry, meter, owner_key, token, wallet);
            Case::new(&[owner], settle, places.collect())
        }
        RegistryInstruction::SettleManyAndMintTokens => {
            let (owner, wallet) = (&setting.second.owner, &setting.second.wallet);
            let meters = &[*second];
            let places = settlement(setting).into_iter().chain([setting.a_meter()]);
            let settle =
                settle_many_and_mint_tokens(registry, meters, &owner.pubkey(), token, wallet);
            Case {
                surplus: None,
                ..Case::new(&[owner], settle, places.collect())
            }
        }
        RegistryInstruction::SetDelegate(_) => {
            by_owner(set_delegate(registry, owner_key, meter, key))
        }
        RegistryInstruction::ProposeMeterOwner(_) => {
            by_owner(propose_meter_owner(registry, owner_key, meter, key))
        }
        RegistryInstruction::AcceptMeterOwner => {
            let places = vec![place(Unauthorized), setting.a_meter()];
            let accept = accept_meter_owner(registry, heir_key, offered);
            Case::new(&[heir], accept, places)
        }
        RegistryInstruction::ReplaceDevice(_) => {
            let device = ReplaceDevice {
                device_key: Pubkey::default(),
                old_generation_register: Wh(0),
                old_consumption_register: Wh(0),
                generation_register: Wh(0),
                consumption_register: Wh(0),
                register_modulus: Wh(0),
                device_key_type: DeviceKeyType::None as u64,
            };
            by_authority(replace_device(registry, key, offered, device))
        }
        RegistryInstruction::UpdateMeterLimits(_) => {
            let limits = UpdateMeterLimits {
                generation_capacity_w: 100_000,
                consumption_capacity_w: 100_000,
            };
            by_authority(update_meter_limits(registry, key, offered, limits))
        }
        RegistryInstruction::SetConfig(_) => {
            let same = SetConfig {
                oracle_authority: deployment.oracle_config(),
                token_program: *token,
                minimum_quality: Bps(MINIMUM_QUALITY),
                all_meters_sign: 0,
            };
            // ProgramData is looked at only where the upgrade authority must sign: see `configuration`.
            let places = vec![place(NotUpgradeAuthority), setting.registry_config(), any()];
            Case::new(&[authority], set_config(registry, key, same), places)
        }
        RegistryInstruction::ProposeAuthority(_) => {
            let places = vec![place(Unauthorized), setting.registry_config()];
            let propose = propose_authority(registry, key, heir_key);
            Case::new(&[authority], propose, places)
        }
        RegistryInstruction::AcceptAuthority => {
            let places = vec![place(Unauthorized), setting.registry_config()];
            Case {
                comes_last: true,
                ..Case::new(&[heir], accept_authority(registry, heir_key), places)
            }
        }
        RegistryInstruction::CorrectRegisters(_) => {
            let correction = CorrectRegisters {
                old_generation_register: Wh(5_000),
                old_consumption_register: Wh(0),
                generation_register: Wh(4_000),
                consumption_register: Wh(0),
            };
            let misread = &setting.misread.address;
            by_authority(correct_registers(registry, key, misread, correction))
        }
        RegistryInstruction::GetUnsettledBalance => {
            let places = vec![
                setting.a_meter(),
                setting.registry_config(),
                setting.token_config(),
                place(WrongMint).or(setting.meter.wallet, WrongMint),
            ];
            let get = get_unsettled_balance(registry, meter, token);
            Case::new(&[], get, places)
        }
    }
}

/// The accounts of a settlement but its meters.
fn settlement(setting: &Setting) -> [Place; 7] {
    let deployment = &setting.deployment;
    [
        place(Unauthorized),
        setting.registry_config(),
        place(WrongProgram).or(deployment.oracle_program, WrongProgram),
        setting.token_config(),
        place(WrongMint),
        place(NotATokenAccount).or(deployment.mint(), NotATokenAccount),
        place(WrongProgram).or(deployment.token_program, WrongProgram),
    ]
}
