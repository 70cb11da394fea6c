//! Every instruction against every kind of malformed input: unknown tags, truncated and oversized data, missing and
//! surplus accounts, missing signatures, read-only accounts, and a wrong account in every place.
//!
//! Each program's cases come from a match over its instructions, so that a new one doesn't compile until it has a case.

mod oracle;
mod registry;
mod token;

use std::{fmt::Debug, sync::Arc};

use borsh::BorshDeserialize;
use gridtoken_client::{
    cluster::{Cluster, SendError},
    deployment::Deployment,
};
use gridtoken_tests::{TestMeter, World};
use oracle_program::instruction::{self as oracle_instruction, OracleInstruction};
use registry_program::instruction::{self as registry_instruction, RegistryInstruction};
use shared_state::{
    state::{DeviceKeyType, RegistryConfig, TokenConfig},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use solana_signer::Signer;
use token_program::instruction::{self as token_instruction, TokenInstruction};

/// A valid instruction, and what makes it invalid.
pub struct Case {
    /// The instruction's name, for the output.
    pub name: String,
    pub instruction: Instruction,
    /// What must stand right before it in its transaction.
    before: Option<Instruction>,
    signers: Vec<Arc<Keypair>>,
    /// One for each account.
    places: Vec<Place>,
    stage: Stage,
    /// Whose call it is, where only another program can make it.
    stands_in_for: Option<Caller>,
    /// What a further account gives; None: others may follow, as many as there are.
    surplus: Option<GridError>,
    /// Whether others of the cases would fail after it, or could not be audited: then it comes after them.
    comes_last: bool,
    /// A key that has nothing to do with the instruction.
    stranger: Keypair,
}

/// What must come of replacing an account.
struct Place {
    /// What any other account in this place gives (signing where the right one does). None: another one does as well,
    /// or another test says what it does.
    stranger: Option<GridError>,
    /// What these accounts give.
    others: Vec<(Pubkey, GridError)>,
}

/// In which world an instruction is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Deployed,
    Initialized,
}

/// A program that calls another. The case's signer stands in for it: the other program's config names its key instead.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Oracle,
    Registry,
}

impl Case {
    fn new(signers: &[&Arc<Keypair>], instruction: Instruction, places: Vec<Place>) -> Self {
        Self {
            name: String::new(),
            instruction,
            before: None,
            signers: signers.iter().map(|key| Arc::clone(key)).collect(),
            places,
            stage: Stage::Initialized,
            stands_in_for: None,
            surplus: Some(GridError::TooManyAccounts),
            comes_last: false,
            stranger: Keypair::new(),
        }
    }

    /// Sends the instruction with a change, which must give this error.
    async fn refuse(
        &self,
        world: &mut World,
        error: GridError,
        change: impl FnOnce(&mut Instruction),
    ) -> SendError {
        let mut changed = self.instruction.clone();
        change(&mut changed);
        let keys = self.signers.iter().map(Arc::as_ref);
        let signs = |key: &&Keypair| {
            let mut accounts = changed.accounts.iter();
            accounts.any(|meta| meta.is_signer && meta.pubkey == key.pubkey())
        };
        let signers: Vec<_> = keys.chain([&self.stranger]).filter(signs).collect();
        let instructions: Vec<_> = self.before.iter().cloned().chain([changed]).collect();
        world.refuse_last(&signers, &instructions, error).await
    }

    /// Sends the instruction as it is, which must succeed.
    pub async fn send(&self, world: &mut World) {
        let signers: Vec<_> = self.signers.iter().map(Arc::as_ref).collect();
        let before = self.before.iter().cloned();
        let instructions: Vec<_> = before.chain([self.instruction.clone()]).collect();
        world.send_all(&signers, &instructions).await;
    }

    /// Where the transaction's payer stands: it signs and is writable in any case.
    fn is_payer(&self, world: &World, index: usize) -> bool {
        self.instruction.accounts[index].pubkey == world.payer.pubkey()
    }
}

/// Another account in this place gives this error.
fn place(stranger: GridError) -> Place {
    Place {
        stranger: Some(stranger),
        ..any()
    }
}

/// The instruction doesn't say which account stands in this place.
fn any() -> Place {
    Place {
        stranger: None,
        others: Vec::new(),
    }
}

impl Place {
    fn or(mut self, account: Pubkey, error: GridError) -> Self {
        self.others.push((account, error));
        self
    }
}

/// An initialized world that is ready for all instructions, and one for Initialize.
struct Setting {
    deployed: World,
    world: World,
    deployment: Deployment,
    /// A meter with an unsettled surplus.
    meter: TestMeter,
    /// Another with an unsettled surplus.
    second: TestMeter,
    /// A meter whose owner has settled.
    settled: TestMeter,
    /// A meter that has been offered to the heir.
    offered: TestMeter,
    /// A meter whose registers can be corrected.
    misread: TestMeter,
    /// A meter whose device signs.
    signing: TestMeter,
    device: Keypair,
    /// Proposed as the authority of all three programs, and as the owner of the offered meter.
    heir: Arc<Keypair>,
}

impl Setting {
    async fn new() -> Self {
        let mut world = World::new().await;
        let deployment = world.deployment;
        let (device, heir) = (Keypair::new(), Arc::new(Keypair::new()));
        let meter = world.active_meter("M-1").await;
        let second = world.active_meter("M-2").await;
        let settled = world.active_meter("M-3").await;
        let offered = world.active_meter("M-4").await;
        let misread = world.active_meter("M-7").await;
        let (owner, wallet) = world.owner().await;
        let args = registry_instruction::RegisterMeter {
            device_key: device.pubkey(),
            device_key_type: DeviceKeyType::Ed25519 as u64,
            ..World::registration("M-5", &owner.pubkey())
        };
        let signing = world.register(args, owner, wallet).await;

        for meter in [&meter, &second, &settled, &misread] {
            world.report(meter, 900, 5_000, 0).await;
        }
        world.settle(&settled).await;
        world.pass_time(900).await;

        let (authority, proposed) = (world.authority.clone(), heir.pubkey());
        let key = authority.pubkey();
        let owner = offered.owner.pubkey();
        let registry = deployment.registry_program;
        for (signer, propose) in [
            (
                &authority,
                oracle_instruction::propose_authority(&deployment.oracle_program, &key, &proposed),
            ),
            (
                &authority,
                registry_instruction::propose_authority(&registry, &key, &proposed),
            ),
            (
                &authority,
                token_instruction::propose_authority(&deployment.token_program, &key, &proposed),
            ),
            (
                &offered.owner,
                registry_instruction::propose_meter_owner(
                    &registry,
                    &owner,
                    &offered.address,
                    &proposed,
                ),
            ),
        ] {
            world.send(&[signer], propose).await;
        }
        Self {
            deployed: World::uninitialized().await,
            world,
            deployment,
            meter,
            second,
            settled,
            offered,
            misread,
            signing,
            device,
            heir,
        }
    }

    fn wrong_owner(&self) -> Place {
        place(GridError::WrongAccountOwner)
    }

    fn oracle_config(&self) -> Place {
        self.wrong_owner().or(
            self.deployment.registry_config(),
            GridError::WrongAccountOwner,
        )
    }

    fn registry_config(&self) -> Place {
        self.wrong_owner()
            .or(
                self.deployment.oracle_config(),
                GridError::WrongAccountOwner,
            )
            .or(self.meter.address, GridError::WrongAccountType)
    }

    fn token_config(&self) -> Place {
        self.wrong_owner().or(
            self.deployment.registry_config(),
            GridError::WrongAccountOwner,
        )
    }

    fn a_meter(&self) -> Place {
        self.wrong_owner()
            .or(
                self.deployment.registry_config(),
                GridError::WrongAccountType,
            )
            .or(self.deployment.token_config(), GridError::WrongAccountOwner)
    }

    /// The case of every instruction of all three programs, in an order in which all succeed.
    fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        cases.extend(every(|kind| oracle::case(self, kind)));
        cases.extend(every(|kind| registry::case(self, kind)));
        cases.extend(every(|kind| token::case(self, kind)));
        cases.sort_by_key(|case| case.comes_last);
        cases
    }
}

/// Every instruction of a program's enum, with arguments of zeros.
pub fn instructions<T: BorshDeserialize>() -> Vec<(u8, T)> {
    let decode = |tag| {
        let mut data = [0; 512];
        data[0] = tag;
        match T::deserialize(&mut &data[..]) {
            Ok(instruction) => Some((tag, instruction)),
            Err(error) if error.to_string().contains("Unexpected variant tag") => None,
            Err(error) => panic!("tag {tag}: {error}"),
        }
    };
    (0..=u8::MAX).filter_map(decode).collect()
}

/// The case of every instruction of a program's enum, with its name.
fn every<T: BorshDeserialize + Debug>(case: impl Fn(&T) -> Case) -> Vec<Case> {
    let named = |(_, kind): (u8, T)| {
        let mut name = format!("{kind:?}");
        name.truncate(name.find('(').unwrap_or(name.len()));
        Case {
            name,
            ..case(&kind)
        }
    };
    instructions().into_iter().map(named).collect()
}

/// Puts every case to a check, in the world where it is valid.
pub async fn for_every_case(check: impl AsyncFn(&mut World, &Case)) {
    let mut setting = Setting::new().await;
    for case in setting.cases() {
        println!("{}", case.name);
        let world = match case.stage {
            Stage::Deployed => &mut setting.deployed,
            Stage::Initialized => &mut setting.world,
        };
        if let Some(caller) = case.stands_in_for {
            stand_in(world, caller, case.signers[0].pubkey()).await;
        }
        check(world, &case).await;
    }
}

/// Lets a key stand where the design has another program's signature.
async fn stand_in(world: &mut World, caller: Caller, key: Pubkey) {
    world.forged = true;
    match caller {
        Caller::Oracle => {
            let config = world.deployment.registry_config();
            let change = |config: &mut RegistryConfig| config.oracle_authority = key;
            world.edit(&config, change).await;
        }
        Caller::Registry => {
            let config = world.deployment.token_config();
            let change = |config: &mut TokenConfig| config.registry_authority = key;
            world.edit(&config, change).await;
        }
    }
}

#[tokio::test]
async fn the_cases_are_valid_as_they_are() {
    for_every_case(async |world, case| case.send(world).await).await;
}

#[tokio::test]
async fn data_of_every_other_length() {
    for_every_case(async |world, case| {
        let length = case.instruction.data.len();
        for other in (0..length).chain([length + 1, length + 8, length + 500]) {
            case.refuse(world, GridError::InvalidInstructionData, |changed| {
                changed.data.resize(other, 0)
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn unknown_tags() {
    let mut world = World::new().await;
    let deployment = world.deployment;
    for (program, known) in [
        (deployment.oracle_program, tags::<OracleInstruction>()),
        (deployment.registry_program, tags::<RegistryInstruction>()),
        (deployment.token_program, tags::<TokenInstruction>()),
    ] {
        for tag in (0..=u8::MAX).filter(|tag| !known.contains(tag)) {
            let instruction = Instruction::new_with_bytes(program, &[tag, 0, 0], Vec::new());
            world
                .refuse(&[], instruction, GridError::InvalidInstructionData)
                .await;
        }
    }
}

/// The first bytes of all instructions.
fn tags<T: BorshDeserialize>() -> Vec<u8> {
    let tags = instructions::<T>().into_iter().map(|(tag, _)| tag);
    tags.collect()
}

#[tokio::test]
async fn missing_and_surplus_accounts() {
    for_every_case(async |world, case| {
        let accounts = &case.instruction.accounts;
        for count in 0..accounts.len() {
            case.refuse(world, GridError::NotEnoughAccounts, |changed| {
                changed.accounts.truncate(count)
            })
            .await;
        }
        let last = accounts.last().expect("an account");
        let surplus = [
            AccountMeta::new_readonly(Pubkey::new_unique(), false),
            AccountMeta::new_readonly(accounts[0].pubkey, false),
            last.clone(),
        ];
        for extra in surplus {
            let Some(error) = case.surplus else { continue };
            case.refuse(world, error, |changed| changed.accounts.push(extra))
                .await;
        }
        case.refuse(world, GridError::TooManyAccounts, |changed| {
            changed.accounts.resize(65, last.clone())
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn missing_signatures() {
    for_every_case(async |world, case| {
        for index in 0..case.places.len() {
            if !case.instruction.accounts[index].is_signer || case.is_payer(world, index) {
                continue;
            }
            let unsigned = |changed: &mut Instruction| changed.accounts[index].is_signer = false;
            let refusal = case.refuse(world, GridError::MissingSignature, unsigned);
            let refusal = refusal.await;
            if case.stage == Stage::Deployed {
                assert_eq!(refusal.account_at_fault(), Some("upgrade authority"));
            }
        }
    })
    .await;
}

/// Somebody else than the transaction's payer, who signs in any case.
#[tokio::test]
async fn a_payer_that_did_not_sign() {
    for_every_case(async |world, case| {
        for index in 0..case.places.len() {
            if !case.is_payer(world, index) {
                continue;
            }
            let other = AccountMeta::new(case.stranger.pubkey(), false);
            let change = |changed: &mut Instruction| changed.accounts[index] = other;
            let refusal = case.refuse(world, GridError::MissingSignature, change);
            assert_eq!(refusal.await.account_at_fault(), Some("payer"));
        }
    })
    .await;
}

#[tokio::test]
async fn read_only_accounts() {
    for_every_case(async |world, case| {
        for index in 0..case.places.len() {
            if !case.instruction.accounts[index].is_writable || case.is_payer(world, index) {
                continue;
            }
            case.refuse(world, GridError::AccountNotWritable, |changed| {
                changed.accounts[index].is_writable = false
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_wrong_account_in_every_place() {
    for_every_case(async |world, case| {
        assert_eq!(case.places.len(), case.instruction.accounts.len());
        for (index, place) in case.places.iter().enumerate() {
            let stranger = (case.stranger.pubkey(), place.stranger);
            let others = place
                .others
                .iter()
                .map(|(other, error)| (*other, Some(*error)));
            for (account, error) in [stranger].into_iter().chain(others) {
                let Some(error) = error else { continue };
                println!("  {account} in place {index}");
                case.refuse(world, error, |changed| {
                    changed.accounts[index].pubkey = account
                })
                .await;
            }
        }
    })
    .await;
}

/// An account of the right type and owner, but of a layout version from the future, or longer than the layout.
#[tokio::test]
async fn accounts_of_another_version() {
    for_every_case(async |world, case| {
        let deployment = world.deployment;
        let programs = [
            deployment.oracle_program,
            deployment.registry_program,
            deployment.token_program,
        ];
        for meta in &case.instruction.accounts {
            let address = meta.pubkey;
            let account = world.bank.account(&address).await.expect("an answer");
            let Some(original) = account.filter(|account| programs.contains(&account.owner)) else {
                continue;
            };
            let mut newer = original.clone();
            newer.data[1] = 2;
            let mut longer = original.clone();
            longer.data.push(0);
            longer.lamports += 1_000_000;
            for other in [newer, longer] {
                world.bank.set_account(&address, other);
                case.refuse(world, GridError::WrongAccountType, |_| ())
                    .await;
            }
            world.bank.set_account(&address, original);
        }
    })
    .await;
}
