//! The cases of the oracle program.

use oracle_program::{
    instruction::{
        accept_authority, add_reporter, propose_authority, remove_reporter, set_active, set_rules,
        submit_readings, submit_signed_readings, OracleInstruction,
    },
    signature::{message, precompile, Scheme, SignedMessage},
};
use shared_state::{
    state::{DeviceKeyType, Rules},
    GridError::{NotUpgradeAuthority, SignaturesMissing, Unauthorized, WrongAddress, WrongProgram},
};
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use super::{any, place, Case, Place, Setting, Stage};

pub fn case(setting: &Setting, kind: &OracleInstruction) -> Case {
    let (world, deployment) = (&setting.world, &setting.deployment);
    let (oracle, registry) = (&deployment.oracle_program, &deployment.registry_program);
    let (authority, reporter) = (&world.authority, &world.reporter);
    let key = &authority.pubkey();
    let by_authority = |instruction| {
        let places = vec![place(Unauthorized), setting.oracle_config()];
        Case::new(&[authority], instruction, places)
    };
    match kind {
        OracleInstruction::Initialize(_) => {
            let [initialize, _, _] = setting.deployed.initialize();
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
        OracleInstruction::SubmitReadings(_) => {
            let readings = [(setting.meter.address, world.reading(6_000, 0))];
            let submit = submit_readings(oracle, &reporter.pubkey(), registry, true, &readings);
            let mut places = submission(setting);
            places.push(setting.a_meter());
            Case::new(&[reporter], submit, places)
        }
        OracleInstruction::SubmitSignedReadings(_) => {
            let (meter, reading) = (&setting.signing, world.reading(6_000, 0));
            let message = message(registry, &meter.id, &[reading]);
            let signature = *setting.device.sign_message(&message).as_array();
            let signed = SignedMessage {
                key_type: DeviceKeyType::Ed25519,
                key: setting.device.pubkey(),
                signature,
                message,
            };
            let mut places = submission(setting);
            places.extend([place(WrongAddress), setting.a_meter()]);
            let key = &reporter.pubkey();
            let submit = submit_signed_readings(oracle, key, registry, true, &[meter.address]);
            Case {
                // A further meter has no signature.
                surplus: Some(SignaturesMissing),
                before: Some(precompile(Scheme::Ed25519, &[signed])),
                ..Case::new(&[reporter], submit, places)
            }
        }
        OracleInstruction::AddReporter(_) => {
            by_authority(add_reporter(oracle, key, &Pubkey::new_unique()))
        }
        OracleInstruction::RemoveReporter(_) => Case {
            comes_last: true,
            ..by_authority(remove_reporter(oracle, key, &reporter.pubkey()))
        },
        OracleInstruction::SetRules(_) => by_authority(set_rules(oracle, key, Rules::default())),
        OracleInstruction::SetActive(_) => Case {
            comes_last: true,
            ..by_authority(set_active(oracle, key, false))
        },
        OracleInstruction::ProposeAuthority(_) => {
            by_authority(propose_authority(oracle, key, &setting.heir.pubkey()))
        }
        OracleInstruction::AcceptAuthority => {
            let accept = accept_authority(oracle, &setting.heir.pubkey());
            let places = vec![place(Unauthorized), setting.oracle_config()];
            Case {
                comes_last: true,
                ..Case::new(&[&setting.heir], accept, places)
            }
        }
    }
}

/// The accounts that every submission begins with.
fn submission(setting: &Setting) -> Vec<Place> {
    vec![
        place(Unauthorized),
        setting.oracle_config(),
        setting.registry_config(),
        place(WrongProgram).or(setting.deployment.token_program, WrongProgram),
    ]
}
