//! A deployment in an embedded bank, and the keys of those who run it.

use anyhow::Context;
use gridtoken_client::deployment::Deployment;
use registry_program::instruction::RegisterMeter;
use shared_state::{
    quantity::Wh,
    reading::Reading,
    state::{meter_id, DeviceKeyType, MeterStatus, Rules},
};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use spl_associated_token_account::instruction::create_associated_token_account_idempotent;

use crate::embedded::{program_folder, EmbeddedBank, Genesis};

/// The minimum quality of the registry (bps).
pub const MINIMUM_QUALITY: u16 = 5_000;

/// What a meter's type plate says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plate {
    /// Rated power of the generator (W).
    pub generation_capacity_w: u32,
    /// Rated power of the connection (W).
    pub consumption_capacity_w: u32,
    /// Where the registers start again from zero; zero: never.
    pub register_modulus: Wh,
}

/// A roof of 10 kW behind a connection of 25 kW.
pub const HOUSE: Plate = Plate {
    generation_capacity_w: 10_000,
    consumption_capacity_w: 25_000,
    register_modulus: Wh::ZERO,
};

/// A bank with a deployment.
pub struct World {
    /// The bank.
    pub bank: EmbeddedBank,
    /// The programs.
    pub deployment: Deployment,
    /// Upgrade authority of the programs, and authority of all three configs.
    pub authority: Keypair,
    /// Pays fees and rents.
    pub payer: Keypair,
}

impl World {
    /// Deploys the programs at new addresses, initializes them, and adds reporters, who can pay for their transactions.
    pub async fn new(time: i64, reporters: &[Keypair]) -> anyhow::Result<Self> {
        let deployment = Deployment {
            oracle_program: Keypair::new().pubkey(),
            registry_program: Keypair::new().pubkey(),
            token_program: Keypair::new().pubkey(),
        };
        let mut world = Self::deploy(deployment, time, |genesis, _, _| {
            reporters.iter().for_each(|key| genesis.fund(&key.pubkey()));
        })
        .await?;
        let (authority, payer) = (world.authority.pubkey(), world.payer.pubkey());
        let mut instructions = initialize(&deployment, &authority, &payer).to_vec();
        for reporter in reporters {
            instructions.push(deployment.add_reporter(&authority, &reporter.pubkey()));
        }
        for instruction in instructions {
            world.send_as_authority(&[instruction]).await?;
        }
        Ok(world)
    }

    /// Deploys the programs at these addresses, in a bank that `prepare` puts more into.
    pub async fn deploy(
        deployment: Deployment,
        time: i64,
        prepare: impl FnOnce(&mut Genesis, &Deployment, &Keypair),
    ) -> anyhow::Result<Self> {
        let (authority, payer) = (Keypair::new(), Keypair::new());
        let mut genesis = Genesis::new();
        genesis.add_deployment(&deployment, &program_folder()?, &authority.pubkey())?;
        genesis.fund(&payer.pubkey());
        prepare(&mut genesis, &deployment, &authority);
        let mut bank = genesis.start().await;
        bank.set_time(time).await?;
        Ok(Self {
            bank,
            deployment,
            authority,
            payer,
        })
    }

    /// Registers and activates a meter at what its registers show. Its owner gets a GRID token account, if it has none.
    pub async fn register(
        &mut self,
        serial: &str,
        owner: &Pubkey,
        shows: &Reading,
        plate: &Plate,
    ) -> anyhow::Result<Pubkey> {
        let (authority, payer) = (self.authority.pubkey(), self.payer.pubkey());
        let deployment = self.deployment;
        let id = meter_id(serial)?;
        let meter = deployment.meter(&id);
        let args = RegisterMeter {
            meter_id: id,
            owner: *owner,
            delegate: Pubkey::default(),
            device_key: Pubkey::default(),
            device_key_type: DeviceKeyType::None as u64,
            register_modulus: plate.register_modulus,
            generation_register: shows.generation_register,
            consumption_register: shows.consumption_register,
            generation_capacity_w: plate.generation_capacity_w,
            consumption_capacity_w: plate.consumption_capacity_w,
        };
        let mint = deployment.mint();
        self.send_as_authority(&[
            deployment.register_meter(&authority, &payer, args),
            deployment.set_meter_status(&authority, &meter, MeterStatus::Active),
            create_associated_token_account_idempotent(&payer, owner, &mint, &spl_token::ID),
        ])
        .await
        .with_context(|| format!("registering {serial}"))?;
        Ok(meter)
    }

    async fn send_as_authority(&mut self, instructions: &[Instruction]) -> anyhow::Result<()> {
        let signers = [&self.authority];
        self.bank.send(&self.payer, &signers, instructions).await?;
        Ok(())
    }
}

/// The three `Initialize` instructions, with the usual rules.
pub fn initialize(
    deployment: &Deployment,
    upgrade_authority: &Pubkey,
    payer: &Pubkey,
) -> [Instruction; 3] {
    deployment.initialize(upgrade_authority, payer, Rules::default(), MINIMUM_QUALITY)
}
