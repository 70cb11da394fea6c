//! Every instruction against every kind of malformed input: unknown tags, truncated and oversized data, missing and
//! surplus accounts, missing signatures, read-only accounts, and a wrong account in every place.

use gridtoken_tests::{TestMeter, World, MINIMUM_QUALITY};
use oracle_program::instruction::{propose_authority, remove_reporter, set_active, set_rules};
use registry_program::instruction::{self as registry, record_readings};
use shared_state::{
    reading::{Reading, ReadingOutcome},
    state::{Meter, MeterStatus, PowerProfile, RegistryConfig, Rules, TokenConfig},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use solana_signer::Signer;
use token_program::instruction::{mint_settled, RetireTokens, SetMintLimit};

/// What must come of replacing an account.
struct Place {
    /// Another account in this place (signing where the original does) gives this error, ...
    stranger: GridError,
    /// ... and these accounts give these.
    others: Vec<(Pubkey, GridError)>,
    /// What a missing signature gives.
    unsigned: GridError,
}

/// A valid instruction, and what makes it invalid.
struct Case {
    name: &'static str,
    instruction: Instruction,
    signers: Vec<Keypair>,
    places: Vec<Place>,
    /// Whether the last account may be repeated: a list of meters.
    ends_in_a_list: bool,
}

fn place(stranger: GridError) -> Place {
    Place {
        stranger,
        others: Vec::new(),
        unsigned: GridError::MissingSignature,
    }
}

impl Place {
    fn or(mut self, account: Pubkey, error: GridError) -> Self {
        self.others.push((account, error));
        self
    }

    fn unsigned(mut self, error: GridError) -> Self {
        self.unsigned = error;
        self
    }
}

/// One case for every instruction, in a world that is ready for all of them.
async fn cases(world: &mut World) -> (TestMeter, Vec<Case>) {
    let meter = world.active_meter("M-1").await;
    let second = world.active_meter("M-4").await;
    let third = world.active_meter("M-5").await;
    world.report(&meter, 900, 5_000, 0).await;
    world.report(&second, 900, 5_000, 0).await;
    world.report(&third, 900, 5_000, 0).await;
    world.settle(&third).await;
    world.pass_time(900).await;
    let deployment = world.deployment;
    let (oracle, registry_address, token) = (
        deployment.oracle_config(),
        deployment.registry_config(),
        deployment.token_config(),
    );
    let authority = world.authority.insecure_clone();
    let (key, payer) = (authority.pubkey(), world.payer.pubkey());

    use GridError::*;
    let wrong_owner = || place(WrongAccountOwner);
    let oracle_config = || wrong_owner().or(registry_address, WrongAccountOwner);
    let registry_config = || {
        wrong_owner()
            .or(oracle, WrongAccountOwner)
            .or(meter.address, WrongAccountType)
    };
    let token_config = || wrong_owner().or(registry_address, WrongAccountOwner);
    let a_meter = || {
        wrong_owner()
            .or(registry_address, WrongAccountType)
            .or(token, WrongAccountOwner)
    };

    let mut cases = vec![
        Case {
            name: "AddReporter",
            instruction: deployment.add_reporter(&key, &Pubkey::new_unique()),
            signers: vec![authority.insecure_clone()],
            places: vec![place(Unauthorized), oracle_config()],
            ends_in_a_list: false,
        },
        Case {
            name: "RegisterMeter",
            instruction: deployment.register_meter(&key, &payer, World::registration("M-2", &key)),
            signers: vec![authority.insecure_clone()],
            places: vec![
                place(Unauthorized),
                // Any payer that signs will do.
                place(Unauthorized),
                place(WrongAddress).or(meter.address, WrongAddress),
                registry_config(),
                place(WrongProgram),
            ],
            ends_in_a_list: false,
        },
        Case {
            name: "SetMeterStatus",
            instruction: deployment.set_meter_status(&key, &meter.address, MeterStatus::Suspended),
            signers: vec![authority.insecure_clone()],
            places: vec![place(Unauthorized), a_meter(), registry_config()],
            ends_in_a_list: false,
        },
        Case {
            name: "SubmitReadings",
            instruction: world.submit(&[(meter.address, world.reading(6_000, 0))]),
            signers: vec![world.reporter.insecure_clone()],
            places: vec![
                place(Unauthorized),
                oracle_config(),
                registry_config(),
                place(WrongProgram).or(deployment.token_program, WrongProgram),
                a_meter(),
            ],
            ends_in_a_list: true,
        },
        Case {
            name: "SettleAndMintTokens",
            instruction: world.settlement(&meter),
            signers: vec![meter.owner.insecure_clone()],
            places: vec![
                a_meter(),
                place(Unauthorized),
                registry_config(),
                place(WrongProgram).or(deployment.oracle_program, WrongProgram),
                token_config(),
                place(WrongTokenAccountMint),
                place(NotATokenAccount).or(deployment.mint(), NotATokenAccount),
                place(WrongProgram).or(deployment.token_program, WrongProgram),
            ],
            ends_in_a_list: false,
        },
        Case {
            name: "SettleManyAndMintTokens",
            instruction: registry::settle_many_and_mint_tokens(
                &deployment.registry_program,
                &[second.address],
                &second.owner.pubkey(),
                &deployment.token_program,
                &second.wallet,
            ),
            signers: vec![second.owner.insecure_clone()],
            places: vec![
                place(Unauthorized),
                registry_config(),
                place(WrongProgram).or(deployment.oracle_program, WrongProgram),
                token_config(),
                place(WrongTokenAccountMint),
                place(NotATokenAccount).or(deployment.mint(), NotATokenAccount),
                place(WrongProgram).or(deployment.token_program, WrongProgram),
                a_meter(),
            ],
            ends_in_a_list: false,
        },
        Case {
            name: "GetUnsettledBalance",
            instruction: registry::get_unsettled_balance(
                &deployment.registry_program,
                &meter.address,
                &deployment.token_program,
            ),
            signers: vec![],
            places: vec![a_meter(), registry_config(), token_config()],
            ends_in_a_list: false,
        },
        Case {
            name: "SetConfig",
            instruction: registry::set_config(
                &deployment.registry_program,
                &key,
                registry::SetConfig {
                    oracle_authority: oracle,
                    token_program: deployment.token_program,
                    minimum_quality: MINIMUM_QUALITY,
                },
            ),
            signers: vec![authority.insecure_clone()],
            places: vec![
                place(NotUpgradeAuthority),
                registry_config(),
                // Looked at only where the upgrade authority must sign: see `configuration`.
                place(WrongAddress),
            ],
            ends_in_a_list: false,
        },
        Case {
            name: "SetMintLimit",
            instruction: token_program::instruction::set_mint_limit(
                &deployment.token_program,
                &key,
                SetMintLimit {
                    burst: 0,
                    rate_per_second: 0,
                },
            ),
            signers: vec![authority.insecure_clone()],
            places: vec![place(Unauthorized), token_config()],
            ends_in_a_list: false,
        },
        Case {
            name: "SetRegistryAuthority",
            instruction: token_program::instruction::set_registry_authority(
                &deployment.token_program,
                &key,
                &registry_address,
            ),
            signers: vec![authority.insecure_clone()],
            places: vec![
                place(NotUpgradeAuthority),
                token_config(),
                place(WrongAddress).or(deployment.token_program, WrongAddress),
            ],
            ends_in_a_list: false,
        },
        Case {
            name: "RetireTokens",
            instruction: token_program::instruction::retire_tokens(
                &deployment.token_program,
                &third.owner.pubkey(),
                &third.wallet,
                RetireTokens {
                    amount: 1,
                    beneficiary: key,
                    reference: [7; 64],
                },
            ),
            signers: vec![third.owner.insecure_clone()],
            places: vec![
                place(WrongTokenAccountOwner),
                place(NotATokenAccount)
                    .or(deployment.mint(), NotATokenAccount)
                    .or(meter.wallet, WrongTokenAccountOwner),
                place(WrongMint).or(third.wallet, WrongMint),
                token_config(),
                place(WrongProgram).or(deployment.token_program, WrongProgram),
            ],
            ends_in_a_list: false,
        },
        Case {
            name: "SetMintingEnabled",
            instruction: deployment.set_minting_enabled(&key, false),
            signers: vec![authority.insecure_clone()],
            places: vec![place(Unauthorized), token_config()],
            ends_in_a_list: false,
        },
    ];

    let oracle_program = deployment.oracle_program;
    for (name, instruction) in [
        (
            "RemoveReporter",
            remove_reporter(&oracle_program, &key, &world.reporter.pubkey()),
        ),
        (
            "SetRules",
            set_rules(&oracle_program, &key, Rules::default()),
        ),
        ("SetActive", set_active(&oracle_program, &key, false)),
        (
            "ProposeAuthority",
            propose_authority(&oracle_program, &key, &Pubkey::new_unique()),
        ),
    ] {
        cases.push(Case {
            name,
            instruction,
            signers: vec![authority.insecure_clone()],
            places: vec![place(Unauthorized), oracle_config()],
            ends_in_a_list: false,
        });
    }

    let registry_program = deployment.registry_program;
    let owner = meter.owner.pubkey();
    for (name, instruction) in [
        (
            "SetDelegate",
            registry::set_delegate(&registry_program, &owner, &meter.address, &key),
        ),
        (
            "ProposeMeterOwner",
            registry::propose_meter_owner(&registry_program, &owner, &meter.address, &key),
        ),
    ] {
        cases.push(Case {
            name,
            instruction,
            signers: vec![meter.owner.insecure_clone()],
            places: vec![place(Unauthorized), a_meter()],
            ends_in_a_list: false,
        });
    }
    // A meter that has been offered to somebody.
    let offered = world.active_meter("M-3").await;
    let heir = Keypair::new();
    world
        .edit(&offered.address, |meter: &mut Meter| {
            meter.pending_owner = heir.pubkey()
        })
        .await;
    cases.push(Case {
        name: "AcceptMeterOwner",
        instruction: registry::accept_meter_owner(
            &registry_program,
            &heir.pubkey(),
            &offered.address,
        ),
        signers: vec![heir],
        places: vec![place(Unauthorized), a_meter()],
        ends_in_a_list: false,
    });
    let device = registry::ReplaceDevice {
        device_key: Pubkey::default(),
        old_generation_register: 0,
        old_consumption_register: 0,
        generation_register: 0,
        consumption_register: 0,
    };
    let limits = registry::UpdateMeterLimits {
        generation_capacity_w: 100_000,
        consumption_capacity_w: 100_000,
    };
    for (name, instruction) in [
        (
            "ReplaceDevice",
            registry::replace_device(&registry_program, &key, &offered.address, device),
        ),
        (
            "UpdateMeterLimits",
            registry::update_meter_limits(&registry_program, &key, &offered.address, limits),
        ),
    ] {
        cases.push(Case {
            name,
            instruction,
            signers: vec![authority.insecure_clone()],
            places: vec![place(Unauthorized), a_meter(), registry_config()],
            ends_in_a_list: false,
        });
    }
    cases.push(Case {
        name: "ProposeAuthority (registry)",
        instruction: registry::propose_authority(&registry_program, &key, &Pubkey::new_unique()),
        signers: vec![authority.insecure_clone()],
        places: vec![place(Unauthorized), registry_config()],
        ends_in_a_list: false,
    });
    cases.push(Case {
        name: "ProposeAuthority (token)",
        instruction: token_program::instruction::propose_authority(
            &deployment.token_program,
            &key,
            &Pubkey::new_unique(),
        ),
        signers: vec![authority.insecure_clone()],
        places: vec![place(Unauthorized), token_config()],
        ends_in_a_list: false,
    });

    // The two that only another program can call: here, keys of the test take those programs' places.
    let (oracle_key, registry_key) = (Keypair::new(), Keypair::new());
    let outcome = ReadingOutcome {
        reading: Reading {
            timestamp: world.now,
            generation_register: 6_000,
            consumption_register: 0,
        },
        profile: PowerProfile::default(),
        quality: 8_000,
        reason: 0,
        score: 85,
        flags: 0,
    };
    cases.push(Case {
        name: "RecordReadings",
        instruction: record_readings(
            &deployment.registry_program,
            &oracle_key.pubkey(),
            &[(meter.address, outcome)],
        ),
        signers: vec![oracle_key],
        places: vec![
            place(Unauthorized).unsigned(Unauthorized),
            registry_config(),
            a_meter(),
        ],
        ends_in_a_list: true,
    });
    cases.push(Case {
        name: "MintSettled",
        instruction: mint_settled(
            &deployment.token_program,
            &registry_key.pubkey(),
            &meter.wallet,
            1,
        ),
        signers: vec![registry_key],
        places: vec![
            place(Unauthorized).unsigned(Unauthorized),
            token_config(),
            place(WrongMint),
            // SPL Token's own check: see `minting`.
            place(Unauthorized),
            place(WrongProgram),
        ],
        ends_in_a_list: false,
    });
    (meter, cases)
}

/// Lets the case's key stand where the design has another program's signature.
async fn prepare(world: &mut World, case: &Case) {
    let Some(key) = case.signers.first().map(Keypair::pubkey) else {
        return;
    };
    world.forged |= ["RecordReadings", "MintSettled"].contains(&case.name);
    match case.name {
        "RecordReadings" => {
            let config = world.deployment.registry_config();
            world
                .edit(&config, |config: &mut RegistryConfig| {
                    config.oracle_authority = key
                })
                .await;
        }
        "MintSettled" => {
            let config = world.deployment.token_config();
            world
                .edit(&config, |config: &mut TokenConfig| {
                    config.registry_authority = key
                })
                .await;
        }
        _ => {}
    }
}

/// A valid instruction with one change, which must give this error.
async fn refuse(
    world: &mut World,
    case: &Case,
    instruction: Instruction,
    error: GridError,
    what: &str,
) {
    println!("{}: {what}: {error:?}", case.name);
    let mut signers: Vec<&Keypair> = case.signers.iter().collect();
    signers.retain(|key| {
        instruction
            .accounts
            .iter()
            .any(|meta| meta.is_signer && meta.pubkey == key.pubkey())
    });
    world.refuse(&signers, instruction, error).await;
}

/// Instructions after which others of the cases would fail: they come last.
const STOPS_OTHERS: [&str; 4] = [
    "SetMeterStatus",
    "SetMintingEnabled",
    "RemoveReporter",
    "SetActive",
];

#[tokio::test]
async fn the_cases_are_valid_as_they_are() {
    let mut world = World::new().await;
    let (_, cases) = cases(&mut world).await;
    for case in &cases {
        if STOPS_OTHERS.contains(&case.name) {
            continue;
        }
        // The two stand-ins come after what they take the place of.
        prepare(&mut world, case).await;
        if case.name == "RecordReadings" {
            world.pass_time(900).await;
        }
        let signers: Vec<&Keypair> = case.signers.iter().collect();
        let mut instruction = case.instruction.clone();
        if case.name == "RecordReadings" {
            // SubmitReadings has moved the meter on to this time.
            instruction.data[5..13].copy_from_slice(&world.now.to_le_bytes());
        }
        world.send(&signers, instruction).await;
    }
    for case in &cases {
        if STOPS_OTHERS.contains(&case.name) {
            let signers: Vec<&Keypair> = case.signers.iter().collect();
            world.send(&signers, case.instruction.clone()).await;
        }
    }
}

#[tokio::test]
async fn data_of_every_other_length() {
    let mut world = World::new().await;
    let (_, cases) = cases(&mut world).await;
    for case in &cases {
        prepare(&mut world, case).await;
        let length = case.instruction.data.len();
        for shorter in 0..length {
            let mut instruction = case.instruction.clone();
            instruction.data.truncate(shorter);
            refuse(
                &mut world,
                case,
                instruction,
                GridError::InvalidInstructionData,
                "truncated",
            )
            .await;
        }
        for more in [1, 8, 500] {
            let mut instruction = case.instruction.clone();
            instruction.data.resize(length + more, 0);
            refuse(
                &mut world,
                case,
                instruction,
                GridError::InvalidInstructionData,
                "oversized",
            )
            .await;
        }
    }
}

#[tokio::test]
async fn unknown_tags() {
    let mut world = World::new().await;
    let deployment = world.deployment;
    for (program, known) in [
        (
            deployment.oracle_program,
            &[0u8, 1, 2, 3, 4, 5, 6, 7, 8][..],
        ),
        (
            deployment.registry_program,
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
        ),
        (deployment.token_program, &[0, 1, 2, 3, 4, 5, 6, 7]),
    ] {
        for tag in (0..=255).filter(|tag| !known.contains(tag)) {
            let instruction = Instruction::new_with_bytes(program, &[tag, 0, 0], Vec::new());
            world
                .refuse(&[], instruction, GridError::InvalidInstructionData)
                .await;
        }
    }
}

#[tokio::test]
async fn missing_and_surplus_accounts() {
    let mut world = World::new().await;
    let (_, cases) = cases(&mut world).await;
    for case in &cases {
        prepare(&mut world, case).await;
        for count in 0..case.instruction.accounts.len() {
            let mut instruction = case.instruction.clone();
            instruction.accounts.truncate(count);
            refuse(
                &mut world,
                case,
                instruction,
                GridError::NotEnoughAccounts,
                "missing",
            )
            .await;
        }
        // Only this one takes any number of meters.
        let surplus = match case.name {
            "SettleManyAndMintTokens" => vec![],
            _ => vec![Pubkey::new_unique(), case.instruction.accounts[0].pubkey],
        };
        for extra in surplus {
            let mut instruction = case.instruction.clone();
            instruction
                .accounts
                .push(AccountMeta::new_readonly(extra, false));
            refuse(
                &mut world,
                case,
                instruction,
                GridError::TooManyAccounts,
                "surplus",
            )
            .await;
        }
        let mut instruction = case.instruction.clone();
        let last = instruction.accounts.last().expect("an account").clone();
        while instruction.accounts.len() <= 64 {
            instruction.accounts.push(last.clone());
        }
        refuse(
            &mut world,
            case,
            instruction,
            GridError::TooManyAccounts,
            "65 accounts",
        )
        .await;
    }
}

#[tokio::test]
async fn missing_signatures() {
    let mut world = World::new().await;
    let (_, cases) = cases(&mut world).await;
    for case in &cases {
        prepare(&mut world, case).await;
        for (index, place) in case.places.iter().enumerate() {
            // The transaction's payer signs in any case; unsigned payers are tested with another one below.
            if !case.instruction.accounts[index].is_signer
                || case.instruction.accounts[index].pubkey == world.payer.pubkey()
            {
                continue;
            }
            let mut instruction = case.instruction.clone();
            instruction.accounts[index].is_signer = false;
            refuse(&mut world, case, instruction, place.unsigned, "unsigned").await;
        }
    }
}

#[tokio::test]
async fn a_payer_that_did_not_sign() {
    let mut world = World::new().await;
    let authority = world.authority.insecure_clone();
    let other = Pubkey::new_unique();
    let mut register = world.deployment.register_meter(
        &authority.pubkey(),
        &other,
        World::registration("M-1", &other),
    );
    register.accounts[1].is_signer = false;
    let refusal = world
        .refuse(&[&authority], register, GridError::MissingSignature)
        .await;
    assert_eq!(refusal.account_at_fault(), Some("payer"));

    let mut world = World::uninitialized().await;
    let authority = world.authority.insecure_clone();
    for mut initialize in world.initialize() {
        initialize.accounts[1] = AccountMeta::new(other, false);
        let refusal = world
            .refuse(&[&authority], initialize, GridError::MissingSignature)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("payer"));
    }
    for mut initialize in world.initialize() {
        initialize.accounts[0].is_signer = false;
        let refusal = world
            .refuse(&[], initialize, GridError::MissingSignature)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("upgrade authority"));
    }
}

#[tokio::test]
async fn read_only_accounts() {
    let mut world = World::new().await;
    let (_, cases) = cases(&mut world).await;
    for case in &cases {
        prepare(&mut world, case).await;
        for index in 0..case.instruction.accounts.len() {
            let meta = &case.instruction.accounts[index];
            // The transaction's payer is writable in any case.
            if !meta.is_writable || meta.pubkey == world.payer.pubkey() {
                continue;
            }
            let mut instruction = case.instruction.clone();
            instruction.accounts[index].is_writable = false;
            refuse(
                &mut world,
                case,
                instruction,
                GridError::AccountNotWritable,
                "read-only",
            )
            .await;
        }
    }
}

#[tokio::test]
async fn read_only_accounts_of_initialize() {
    let mut world = World::uninitialized().await;
    let authority = world.authority.insecure_clone();
    for initialize in world.initialize() {
        for index in 2..initialize.accounts.len() {
            let mut initialize = initialize.clone();
            if initialize.accounts[index].is_writable {
                initialize.accounts[index].is_writable = false;
                world
                    .refuse(&[&authority], initialize, GridError::AccountNotWritable)
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn wrong_accounts_of_initialize() {
    let mut world = World::uninitialized().await;
    let authority = world.authority.insecure_clone();
    use GridError::{WrongAddress, WrongProgram};
    let common = [(2, WrongAddress), (3, WrongAddress), (4, WrongProgram)];
    let token = [
        (2, WrongAddress),
        (3, WrongAddress),
        (4, WrongAddress),
        (5, WrongProgram),
        (6, WrongProgram),
    ];
    for (initialize, errors) in world
        .initialize()
        .iter()
        .zip([&common[..], &common, &token])
    {
        for (index, error) in errors {
            let mut initialize = initialize.clone();
            initialize.accounts[*index].pubkey = Pubkey::new_unique();
            world.refuse(&[&authority], initialize, *error).await;
        }
        for shorter in 0..initialize.data.len() {
            let mut initialize = initialize.clone();
            initialize.data.truncate(shorter);
            world
                .refuse(&[&authority], initialize, GridError::InvalidInstructionData)
                .await;
        }
        let mut longer = initialize.clone();
        longer.data.push(0);
        world
            .refuse(&[&authority], longer, GridError::InvalidInstructionData)
            .await;
        for count in 0..initialize.accounts.len() {
            let mut fewer = initialize.clone();
            fewer.accounts.truncate(count);
            let signers: &[&Keypair] = if count > 0 { &[&authority] } else { &[] };
            world
                .refuse(signers, fewer, GridError::NotEnoughAccounts)
                .await;
        }
        let mut more = initialize.clone();
        more.accounts
            .push(AccountMeta::new_readonly(Pubkey::new_unique(), false));
        world
            .refuse(&[&authority], more, GridError::TooManyAccounts)
            .await;
    }
}

#[tokio::test]
async fn a_wrong_account_in_every_place() {
    let mut world = World::new().await;
    let (_, cases) = cases(&mut world).await;
    for case in &cases {
        prepare(&mut world, case).await;
        assert_eq!(
            case.places.len(),
            case.instruction.accounts.len(),
            "{}",
            case.name
        );
        for (index, place) in case.places.iter().enumerate() {
            // Any payer will do; the token program leaves the recipient to SPL Token; ProgramData is looked at only
            // where it is needed: all tested elsewhere.
            let skip = matches!(
                (case.name, index),
                ("RegisterMeter", 1) | ("MintSettled", 3) | ("SetConfig", 2)
            );
            if skip {
                continue;
            }
            let stranger = Keypair::new();
            let mut instruction = case.instruction.clone();
            instruction.accounts[index].pubkey = stranger.pubkey();
            let mut signers: Vec<&Keypair> = case.signers.iter().collect();
            if instruction.accounts[index].is_signer {
                signers = vec![&stranger];
            }
            println!("{}: stranger in place {index}", case.name);
            world.refuse(&signers, instruction, place.stranger).await;
            for (other, error) in &place.others {
                let mut instruction = case.instruction.clone();
                instruction.accounts[index].pubkey = *other;
                refuse(
                    &mut world,
                    case,
                    instruction,
                    *error,
                    "account of another type",
                )
                .await;
            }
        }
    }
}

/// An account of the right type and owner, but of a layout version from the future.
#[tokio::test]
async fn accounts_of_another_version() {
    let mut world = World::new().await;
    let (meter, cases) = cases(&mut world).await;
    let deployment = world.deployment;
    for case in &cases {
        prepare(&mut world, case).await;
        for address in [
            meter.address,
            deployment.oracle_config(),
            deployment.registry_config(),
            deployment.token_config(),
        ] {
            let uses = case
                .instruction
                .accounts
                .iter()
                .any(|meta| meta.pubkey == address);
            // The oracle passes the RegistryConfig on; the registry checks it there.
            if !uses {
                continue;
            }
            use grid::cluster::Cluster;
            let original = world
                .bank
                .account(&address)
                .await
                .expect("an answer")
                .expect("it");
            let mut newer = original.clone();
            newer.data[1] = 2;
            world.bank.set_account(&address, newer);
            refuse(
                &mut world,
                case,
                case.instruction.clone(),
                GridError::WrongAccountType,
                "version 2",
            )
            .await;
            let mut longer = original.clone();
            longer.data.push(0);
            longer.lamports += 1_000_000;
            world.bank.set_account(&address, longer);
            refuse(
                &mut world,
                case,
                case.instruction.clone(),
                GridError::WrongAccountType,
                "longer",
            )
            .await;
            world.bank.set_account(&address, original);
        }
        // A list of meters may name one several times; each is checked.
        if case.ends_in_a_list {
            let mut instruction = case.instruction.clone();
            let last = instruction.accounts.last().expect("a meter").clone();
            instruction.accounts.push(last);
            refuse(
                &mut world,
                case,
                instruction,
                GridError::TooManyAccounts,
                "one meter more than readings",
            )
            .await;
        }
    }
}
