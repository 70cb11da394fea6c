//! A world to test the deployable programs in: an embedded bank with the `.so` files, a deployment, and words for what
//! its users do.

use std::{collections::BTreeMap, sync::Arc};

use borsh::{BorshDeserialize, BorshSerialize};
use gridtoken_bank::{
    embedded::{EmbeddedBank, Genesis},
    world,
};
use gridtoken_client::{
    audit::{audit, Report},
    cluster::{Cluster, Receipt, SendError},
    deployment::Deployment,
};
use registry_program::instruction::{
    correct_registers, replace_device, set_config, update_meter_limits, CorrectRegisters,
    RegisterMeter, ReplaceDevice, SetConfig, UpdateMeterLimits,
};
use shared_state::{
    event::Event,
    quantity::{Bps, Wh},
    reading::{Reading, RejectReason},
    state::{
        meter_id, AccountLayout, DeviceKeyType, Meter, MeterStatus, OracleConfig, PowerProfile,
        RegistryConfig, TokenConfig,
    },
    GridError,
};
use solana_account::Account;
use solana_address_lookup_table_interface::state::{AddressLookupTable, LookupTableMeta};
use solana_keypair::Keypair;
use solana_message::AddressLookupTableAccount;
use solana_program::{
    instruction::{AccountMeta, Instruction},
    program_pack::Pack,
    pubkey::Pubkey,
};
use solana_signer::Signer;
use spl_associated_token_account::instruction::create_associated_token_account;

pub mod device;
pub use device::SigningMeter;

/// When the tests' world begins: 1 January 2026.
pub const START: i64 = 1_767_225_600;

pub use gridtoken_bank::world::MINIMUM_QUALITY;

/// An embedded bank with a deployment. After each transaction that may mint or retire, all invariants are audited.
pub struct World {
    pub bank: EmbeddedBank,
    pub deployment: Deployment,
    /// Upgrade authority of the programs and authority of all three configs.
    pub authority: Arc<Keypair>,
    pub payer: Keypair,
    /// Listed as a reporter.
    pub reporter: Arc<Keypair>,
    /// The bank's clock.
    pub now: i64,
    /// A test has put its own key in another program's place, or written a history that never was: nothing is audited
    /// from now on.
    pub forged: bool,
    /// What a test has burned without retiring it (base units).
    pub burned: u64,
    /// For each meter: what it has settled, and the highest net generation it has had (Wh).
    book: BTreeMap<Pubkey, (u64, u64)>,
}

/// Why the readings of a transaction were rejected, in order.
pub fn rejections(receipt: &Receipt) -> Vec<RejectReason> {
    let reason = |event: &Event| match event {
        Event::MeterReadingRejected(rejected) => RejectReason::from_code(rejected.reason as u8),
        _ => None,
    };
    receipt.events().iter().filter_map(reason).collect()
}

/// A registered meter.
pub struct TestMeter {
    pub id: [u8; 32],
    pub address: Pubkey,
    pub owner: Arc<Keypair>,
    /// The owner's GRID token account.
    pub wallet: Pubkey,
}

impl World {
    /// Deployed, initialized, with one reporter.
    pub async fn new() -> Self {
        let mut world = Self::uninitialized().await;
        world.set_up().await;
        world
    }

    /// Initializes the programs and adds the reporter.
    pub async fn set_up(&mut self) {
        for instruction in self.initialize() {
            self.send(&[&self.authority.clone()], instruction).await;
        }
        let reporter = self.reporter.pubkey();
        let add = self
            .deployment
            .add_reporter(&self.authority.pubkey(), &reporter);
        self.send(&[&self.authority.clone()], add).await;
    }

    /// Deployed only.
    pub async fn uninitialized() -> Self {
        Self::with(|_, _, _| {}).await
    }

    /// Deployed only, in a bank that was prepared further.
    pub async fn with(prepare: impl FnOnce(&mut Genesis, &Deployment, &Keypair)) -> Self {
        let deployment = Deployment {
            oracle_program: Pubkey::new_unique(),
            registry_program: Pubkey::new_unique(),
            token_program: Pubkey::new_unique(),
        };
        Self::deployed_at(deployment, prepare).await
    }

    /// Deployed only, at these addresses.
    pub async fn deployed_at(
        deployment: Deployment,
        prepare: impl FnOnce(&mut Genesis, &Deployment, &Keypair),
    ) -> Self {
        let deployed = world::World::deploy(deployment, START, prepare).await;
        let world::World {
            bank,
            deployment,
            authority,
            payer,
        } = deployed.expect("the deployable programs");
        Self {
            bank,
            deployment,
            authority: Arc::new(authority),
            payer,
            reporter: Arc::new(Keypair::new()),
            now: START,
            forged: false,
            burned: 0,
            book: BTreeMap::new(),
        }
    }

    /// The three `Initialize` instructions.
    pub fn initialize(&self) -> [Instruction; 3] {
        let (authority, payer) = (self.authority.pubkey(), self.payer.pubkey());
        world::initialize(&self.deployment, &authority, &payer)
    }

    pub async fn set_time(&mut self, now: i64) {
        self.bank.set_time(now).await.expect("a clock");
        self.now = now;
    }

    pub async fn pass_time(&mut self, seconds: i64) {
        self.set_time(self.now + seconds).await;
    }

    /// Sends one instruction.
    pub async fn try_send(
        &mut self,
        signers: &[&Keypair],
        instruction: Instruction,
    ) -> Result<Receipt, SendError> {
        self.try_send_all(signers, &[instruction]).await
    }

    /// Sends instructions in one transaction.
    pub async fn try_send_all(
        &mut self,
        signers: &[&Keypair],
        instructions: &[Instruction],
    ) -> Result<Receipt, SendError> {
        let receipt = self.bank.send(&self.payer, signers, instructions).await?;
        for instruction in instructions {
            self.after(&instruction.accounts).await;
        }
        Ok(receipt)
    }

    /// Sends one instruction that must succeed.
    pub async fn send(&mut self, signers: &[&Keypair], instruction: Instruction) -> Receipt {
        self.send_all(signers, &[instruction]).await
    }

    /// Sends instructions that must succeed in one transaction.
    pub async fn send_all(
        &mut self,
        signers: &[&Keypair],
        instructions: &[Instruction],
    ) -> Receipt {
        match self.try_send_all(signers, instructions).await {
            Ok(receipt) => receipt,
            Err(error) => panic!("should have succeeded: {error}\n{error:#?}"),
        }
    }

    /// Sends one instruction that must fail with this error and change nothing.
    pub async fn refuse(
        &mut self,
        signers: &[&Keypair],
        instruction: Instruction,
        expected: GridError,
    ) -> SendError {
        self.refuse_last(signers, &[instruction], expected).await
    }

    /// Sends instructions of which the last must fail with this error, so that nothing changes.
    pub async fn refuse_last(
        &mut self,
        signers: &[&Keypair],
        instructions: &[Instruction],
        expected: GridError,
    ) -> SendError {
        let last = instructions.len() - 1;
        let mut watched: Vec<Pubkey> = instructions[last]
            .accounts
            .iter()
            .map(|meta| meta.pubkey)
            .collect();
        watched.extend([
            self.deployment.oracle_config(),
            self.deployment.registry_config(),
            self.deployment.token_config(),
            self.deployment.mint(),
        ]);
        // The payer pays the fee of a failed transaction too.
        watched.retain(|address| *address != self.payer.pubkey());
        let before = self.accounts(&watched).await;
        let error = match self.bank.send(&self.payer, signers, instructions).await {
            Ok(receipt) => panic!("should have failed with {expected:?}\n{receipt:#?}"),
            Err(error) => error,
        };
        assert_eq!(
            error.grid_error(),
            Some((last as u8, expected)),
            "{error:#?}"
        );
        assert_eq!(
            self.accounts(&watched).await,
            before,
            "a refusal changed something"
        );
        error
    }

    async fn accounts(&mut self, addresses: &[Pubkey]) -> Vec<Option<Account>> {
        let mut accounts = Vec::new();
        for address in addresses {
            accounts.push(self.bank.account(address).await.expect("an answer"));
        }
        accounts
    }

    /// Reads an account with Borsh.
    pub async fn read<T: AccountLayout + BorshDeserialize>(&mut self, address: &Pubkey) -> T {
        gridtoken_client::cluster::read(&self.bank, address)
            .await
            .expect("an account")
    }

    /// Changes an account's content as no transaction could.
    pub async fn edit<T: AccountLayout + BorshDeserialize + BorshSerialize>(
        &mut self,
        address: &Pubkey,
        change: impl FnOnce(&mut T),
    ) {
        let mut content: T = self.read(address).await;
        change(&mut content);
        let account = self.bank.account(address).await.expect("an answer");
        let mut account = account.expect("an account");
        account.data = borsh::to_vec(&content).expect("to memory");
        self.bank.set_account(address, account);
        self.book.remove(address);
    }

    pub async fn oracle_config(&mut self) -> OracleConfig {
        let address = self.deployment.oracle_config();
        self.read(&address).await
    }

    pub async fn registry_config(&mut self) -> RegistryConfig {
        let address = self.deployment.registry_config();
        self.read(&address).await
    }

    pub async fn token_config(&mut self) -> TokenConfig {
        let address = self.deployment.token_config();
        self.read(&address).await
    }

    pub async fn meter(&mut self, meter: &TestMeter) -> Meter {
        self.read(&meter.address).await
    }

    /// Base units in a token account.
    pub async fn balance(&mut self, wallet: &Pubkey) -> u64 {
        let account = self.bank.account(wallet).await.expect("an answer");
        let account = account.expect("a token account");
        spl_token::state::Account::unpack(&account.data)
            .expect("a token account")
            .amount
    }

    /// The mint's supply.
    pub async fn supply(&mut self) -> u64 {
        let mint = self.deployment.mint();
        let account = self
            .bank
            .account(&mint)
            .await
            .expect("an answer")
            .expect("the mint");
        spl_token::state::Mint::unpack(&account.data)
            .expect("a mint")
            .supply
    }

    /// Arguments for a meter of 100 kW with registers of zero.
    pub fn registration(serial: &str, owner: &Pubkey) -> RegisterMeter {
        RegisterMeter {
            meter_id: meter_id(serial).expect("a serial number"),
            owner: *owner,
            delegate: Pubkey::default(),
            device_key: Pubkey::default(),
            device_key_type: DeviceKeyType::None as u64,
            register_modulus: Wh::ZERO,
            generation_register: Wh(0),
            consumption_register: Wh(0),
            generation_capacity_w: 100_000,
            consumption_capacity_w: 100_000,
        }
    }

    /// Puts addresses into a lookup table, as an operator would set one up for a gateway or an owner.
    pub fn lookup_table(&mut self, addresses: Vec<Pubkey>) -> AddressLookupTableAccount {
        let state = AddressLookupTable {
            meta: LookupTableMeta::default(),
            addresses: addresses.clone().into(),
        };
        let key = Pubkey::new_unique();
        let program = solana_address_lookup_table_interface::program::ID;
        let mut account = Account::new(1_000_000_000, 0, &program);
        account.data = state.serialize_for_tests().expect("to memory");
        self.bank.set_account(&key, account);
        AddressLookupTableAccount { key, addresses }
    }

    /// Gives a key lamports to pay fees with.
    pub fn fund(&mut self, key: &Pubkey) {
        let funds = Account::new(1_000_000_000, 0, &solana_sdk_ids::system_program::ID);
        self.bank.set_account(key, funds);
    }

    /// Registers and activates a meter whose anomaly rules are at work, because it has had many readings.
    pub async fn seasoned_meter(&mut self, serial: &str) -> TestMeter {
        let meter = self.active_meter(serial).await;
        self.season(&meter).await;
        meter
    }

    /// Gives the meter a reading history past the warm-up.
    pub async fn season(&mut self, meter: &TestMeter) {
        let seasoned = |meter: &mut Meter| {
            meter.state.accepted_count = 1_000;
            meter.state.quality = Bps(8_500);
            meter.state.profile = PowerProfile {
                generation_mean_w: 4_000,
                generation_deviation_w: 500,
                consumption_mean_w: 2_000,
                consumption_deviation_w: 300,
            };
        };
        self.edit(&meter.address, seasoned).await;
    }

    /// A new owner with a GRID token account.
    pub async fn owner(&mut self) -> (Arc<Keypair>, Pubkey) {
        let owner = Arc::new(Keypair::new());
        let create = create_associated_token_account(
            &self.payer.pubkey(),
            &owner.pubkey(),
            &self.deployment.mint(),
            &spl_token::ID,
        );
        self.send(&[], create).await;
        let wallet = self.deployment.grid_account(&owner.pubkey());
        (owner, wallet)
    }

    /// Registers and activates a meter for a new owner.
    pub async fn active_meter(&mut self, serial: &str) -> TestMeter {
        let (owner, wallet) = self.owner().await;
        let args = Self::registration(serial, &owner.pubkey());
        self.register(args, owner, wallet).await
    }

    /// Registers and activates a meter for a new owner, with other arguments than the usual ones.
    pub async fn meter_with(
        &mut self,
        serial: &str,
        change: impl FnOnce(&mut RegisterMeter),
    ) -> TestMeter {
        let (owner, wallet) = self.owner().await;
        let mut args = Self::registration(serial, &owner.pubkey());
        change(&mut args);
        self.register(args, owner, wallet).await
    }

    /// Registers and activates another meter of an owner.
    pub async fn meter_of(&mut self, owner: &Arc<Keypair>, serial: &str) -> TestMeter {
        let wallet = self.deployment.grid_account(&owner.pubkey());
        let args = Self::registration(serial, &owner.pubkey());
        self.register(args, owner.clone(), wallet).await
    }

    /// Registers and activates a meter for a new owner, as a registry authority that is not [`World::authority`].
    pub async fn active_meter_by(&mut self, authority: &Arc<Keypair>, serial: &str) -> TestMeter {
        let usual = std::mem::replace(&mut self.authority, authority.clone());
        let meter = self.active_meter(serial).await;
        self.authority = usual;
        meter
    }

    /// Registers and activates a meter.
    pub async fn register(
        &mut self,
        args: RegisterMeter,
        owner: impl Into<Arc<Keypair>>,
        wallet: Pubkey,
    ) -> TestMeter {
        let authority = self.authority.clone();
        let register =
            self.deployment
                .register_meter(&authority.pubkey(), &self.payer.pubkey(), args);
        self.send(&[&authority], register).await;
        let meter = TestMeter {
            id: args.meter_id,
            address: self.deployment.meter(&args.meter_id),
            owner: owner.into(),
            wallet,
        };
        self.set_status(&meter, MeterStatus::Active).await;
        meter
    }

    /// Sets a meter's status as the registry authority.
    pub async fn set_status(&mut self, meter: &TestMeter, status: MeterStatus) {
        let authority = self.authority.clone();
        let set = self
            .deployment
            .set_meter_status(&authority.pubkey(), &meter.address, status);
        self.send(&[&authority], set).await;
    }

    /// A reading taken now.
    pub fn reading(&self, generation_register: u64, consumption_register: u64) -> Reading {
        Reading {
            timestamp: self.now,
            generation_register: Wh(generation_register),
            consumption_register: Wh(consumption_register),
        }
    }

    /// Submits readings strictly as the reporter.
    pub fn submit(&self, readings: &[(Pubkey, Reading)]) -> Instruction {
        self.deployment
            .submit_readings(&self.reporter.pubkey(), true, readings)
    }

    /// Submits readings so that bad ones are recorded as rejected.
    pub fn submit_recorded(&self, readings: &[(Pubkey, Reading)]) -> Instruction {
        self.deployment
            .submit_readings(&self.reporter.pubkey(), false, readings)
    }

    /// Lets time pass and submits a reading that must be accepted.
    pub async fn report(
        &mut self,
        meter: &TestMeter,
        seconds: i64,
        generation: u64,
        consumption: u64,
    ) -> Receipt {
        self.pass_time(seconds).await;
        let submit = self.submit(&[(meter.address, self.reading(generation, consumption))]);
        let reporter = self.reporter.clone();
        self.send(&[&reporter], submit).await
    }

    /// Lets time pass and submits a reading, which is recorded whatever becomes of it.
    pub async fn record(
        &mut self,
        meter: &TestMeter,
        seconds: i64,
        generation: u64,
        consumption: u64,
    ) -> Receipt {
        self.pass_time(seconds).await;
        let reading = self.reading(generation, consumption);
        self.record_all(&[(meter.address, reading)]).await
    }

    /// Submits readings so that bad ones are recorded as rejected, as the reporter.
    pub async fn record_all(&mut self, readings: &[(Pubkey, Reading)]) -> Receipt {
        let submit = self.submit_recorded(readings);
        let reporter = self.reporter.clone();
        self.send(&[&reporter], submit).await
    }

    /// Sends an instruction as the authority of all three configs.
    pub async fn as_authority(&mut self, instruction: Instruction) -> Receipt {
        let authority = self.authority.clone();
        self.send(&[&authority], instruction).await
    }

    /// Corrects a meter's registers from what they are to these.
    pub async fn correction(
        &mut self,
        meter: &TestMeter,
        generation: u64,
        consumption: u64,
    ) -> Instruction {
        let state = self.meter(meter).await.state;
        let args = CorrectRegisters {
            old_generation_register: state.generation_register,
            old_consumption_register: state.consumption_register,
            generation_register: Wh(generation),
            consumption_register: Wh(consumption),
        };
        let (registry, authority) = (self.deployment.registry_program, self.authority.pubkey());
        correct_registers(&registry, &authority, &meter.address, args)
    }

    /// Replaces a meter's device by one with these registers, and the key and modulus of the old one.
    pub async fn replacement(
        &mut self,
        meter: &TestMeter,
        generation: u64,
        consumption: u64,
    ) -> Instruction {
        let account = self.meter(meter).await;
        let args = ReplaceDevice {
            device_key: account.device_key,
            old_generation_register: account.state.generation_register,
            old_consumption_register: account.state.consumption_register,
            generation_register: Wh(generation),
            consumption_register: Wh(consumption),
            register_modulus: account.state.register_modulus,
            device_key_type: account.device_key_type.into(),
        };
        let (registry, authority) = (self.deployment.registry_program, self.authority.pubkey());
        replace_device(&registry, &authority, &meter.address, args)
    }

    /// Gives a meter these rated powers.
    pub fn limits(
        &self,
        meter: &TestMeter,
        generation_capacity_w: u32,
        consumption_capacity_w: u32,
    ) -> Instruction {
        let args = UpdateMeterLimits {
            generation_capacity_w,
            consumption_capacity_w,
        };
        let (registry, authority) = (self.deployment.registry_program, self.authority.pubkey());
        update_meter_limits(&registry, &authority, &meter.address, args)
    }

    /// Sets the minimum quality.
    pub fn minimum(&self, minimum_quality: u16, all_meters_sign: u16) -> Instruction {
        let args = SetConfig {
            oracle_authority: self.deployment.oracle_config(),
            token_program: self.deployment.token_program,
            minimum_quality: Bps(minimum_quality),
            all_meters_sign,
        };
        let authority = self.authority.pubkey();
        set_config(&self.deployment.registry_program, &authority, args)
    }

    /// Settles a meter as its owner.
    pub fn settlement(&self, meter: &TestMeter) -> Instruction {
        let owner = meter.owner.pubkey();
        self.deployment.settle(&meter.address, &owner, &owner)
    }

    /// Settles a meter as its owner; must succeed.
    pub async fn settle(&mut self, meter: &TestMeter) -> Receipt {
        let settle = self.settlement(meter);
        self.send(&[&meter.owner], settle).await
    }

    /// Keeps the book of a transaction that succeeded, and audits the deployment if it may have minted or retired.
    async fn after(&mut self, accounts: &[AccountMeta]) {
        if self.forged {
            return;
        }
        for meta in accounts {
            let account = self.bank.account(&meta.pubkey).await.expect("an answer");
            let Some(account) = account.filter(|a| a.owner == self.deployment.registry_program)
            else {
                continue;
            };
            let Ok(meter) = Meter::try_from_slice(&account.data) else {
                continue;
            };
            let (settled, highest) = (meter.settled_net_generation, meter.net_generation());
            let book = self
                .book
                .entry(meta.pubkey)
                .or_insert((settled.0, highest.0));
            book.1 = book.1.max(highest.0);
            assert!(settled >= Wh(book.0), "a tracker went down: {meter:?}");
            assert!(
                settled <= Wh(book.1),
                "more was settled than the highest net: {meter:?}"
            );
            book.0 = settled.0;
        }
        let token_config = self.deployment.token_config();
        if accounts
            .iter()
            .any(|meta| meta.is_writable && meta.pubkey == token_config)
        {
            self.audit().await;
        }
    }

    /// Audits the deployment: every invariant must hold.
    pub async fn audit(&mut self) -> Report {
        let report = audit(&self.bank, &self.deployment).await.expect("an audit");
        assert_eq!(report.findings, []);
        assert_eq!(report.burned_otherwise(), u128::from(self.burned));
        report
    }
}
