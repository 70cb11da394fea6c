//! The three programs' addresses, and everything that is derived from them.

use anyhow::{anyhow, Context};
use oracle_program::instruction as oracle;
use registry_program::instruction as registry;
use shared_state::{
    pda,
    quantity::Bps,
    reading::Reading,
    state::{MeterStatus, RegistryConfig, Rules},
};
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use spl_associated_token_account::get_associated_token_address;
use token_program::instruction as token;

use crate::cluster::{decode, in_use, Cluster};

/// The addresses of a deployment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deployment {
    /// The oracle program.
    pub oracle_program: Pubkey,
    /// The registry program.
    pub registry_program: Pubkey,
    /// The token program (ours, not SPL Token).
    pub token_program: Pubkey,
}

/// One of a deployment's programs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Program {
    /// "oracle", "registry" or "token".
    pub name: &'static str,
    /// Its address.
    pub id: Pubkey,
    /// The address of its configuration.
    pub config: Pubkey,
    /// The bump that the configuration's address was found with.
    pub config_bump: u8,
}

impl Deployment {
    /// Finds the deployment that a registry program belongs to: its RegistryConfig names the token program, and the
    /// oracle program owns the account that it takes readings from.
    pub async fn find(cluster: &impl Cluster, registry_program: &Pubkey) -> anyhow::Result<Self> {
        let address = pda::find_registry_config(registry_program).0;
        let config = in_use(cluster.account(&address).await?)
            .ok_or_else(|| format!("RegistryConfig {address} does not exist"))
            .and_then(|account| {
                decode::<RegistryConfig>(&account).map_err(|problem| format!("{address} {problem}"))
            })
            .map_err(|problem| {
                anyhow!("{registry_program} is not an initialized registry program: {problem}")
            })?;
        let oracle = config.oracle_authority;
        let oracle = cluster.account(&oracle).await?.with_context(|| {
            format!(
                "the RegistryConfig {address} takes readings from {oracle}, which does not exist"
            )
        })?;
        Ok(Self {
            oracle_program: oracle.owner,
            registry_program: *registry_program,
            token_program: config.token_program,
        })
    }

    /// The three programs, in the order in which they are initialized.
    pub fn programs(&self) -> [Program; 3] {
        let program = |name, id, find_config: fn(&Pubkey) -> (Pubkey, u8)| {
            let (config, config_bump) = find_config(&id);
            Program {
                name,
                id,
                config,
                config_bump,
            }
        };
        [
            program("oracle", self.oracle_program, pda::find_oracle_config),
            program("registry", self.registry_program, pda::find_registry_config),
            program("token", self.token_program, pda::find_token_config),
        ]
    }

    /// Address of the OracleConfig.
    pub fn oracle_config(&self) -> Pubkey {
        pda::find_oracle_config(&self.oracle_program).0
    }

    /// Address of the RegistryConfig.
    pub fn registry_config(&self) -> Pubkey {
        pda::find_registry_config(&self.registry_program).0
    }

    /// Address of the TokenConfig.
    pub fn token_config(&self) -> Pubkey {
        pda::find_token_config(&self.token_program).0
    }

    /// Address of the GRID mint.
    pub fn mint(&self) -> Pubkey {
        pda::find_mint(&self.token_program).0
    }

    /// Address of a meter's account.
    pub fn meter(&self, meter_id: &[u8; 32]) -> Pubkey {
        pda::find_meter(&self.registry_program, meter_id).0
    }

    /// Address of an owner's associated GRID token account.
    pub fn grid_account(&self, owner: &Pubkey) -> Pubkey {
        get_associated_token_address(owner, &self.mint())
    }

    /// Initializes the three programs and wires them to each other.
    pub fn initialize(
        &self,
        upgrade_authority: &Pubkey,
        payer: &Pubkey,
        rules: Rules,
        minimum_quality: u16,
    ) -> [Instruction; 3] {
        [
            oracle::initialize(
                &self.oracle_program,
                upgrade_authority,
                payer,
                oracle::Initialize {
                    registry_program: self.registry_program,
                    rules,
                },
            ),
            registry::initialize(
                &self.registry_program,
                upgrade_authority,
                payer,
                registry::Initialize {
                    all_meters_sign: 0,
                    oracle_authority: self.oracle_config(),
                    token_program: self.token_program,
                    minimum_quality: Bps(minimum_quality),
                },
            ),
            token::initialize(
                &self.token_program,
                upgrade_authority,
                payer,
                &self.registry_config(),
            ),
        ]
    }

    /// Lets a gateway submit readings.
    pub fn add_reporter(&self, authority: &Pubkey, reporter: &Pubkey) -> Instruction {
        oracle::add_reporter(&self.oracle_program, authority, reporter)
    }

    /// Registers a meter.
    pub fn register_meter(
        &self,
        authority: &Pubkey,
        payer: &Pubkey,
        args: registry::RegisterMeter,
    ) -> Instruction {
        registry::register_meter(&self.registry_program, authority, payer, args)
    }

    /// Changes a meter's status.
    pub fn set_meter_status(
        &self,
        authority_or_owner: &Pubkey,
        meter: &Pubkey,
        status: MeterStatus,
    ) -> Instruction {
        registry::set_meter_status(&self.registry_program, authority_or_owner, meter, status)
    }

    /// Submits readings.
    pub fn submit_readings(
        &self,
        reporter: &Pubkey,
        strict: bool,
        readings: &[(Pubkey, Reading)],
    ) -> Instruction {
        oracle::submit_readings(
            &self.oracle_program,
            reporter,
            &self.registry_program,
            strict,
            readings,
        )
    }

    /// Settles a meter to its owner's associated GRID token account.
    pub fn settle(&self, meter: &Pubkey, owner: &Pubkey, claimant: &Pubkey) -> Instruction {
        registry::settle_and_mint_tokens(
            &self.registry_program,
            meter,
            claimant,
            &self.token_program,
            &self.grid_account(owner),
        )
    }

    /// Switches minting off or on.
    pub fn set_minting_enabled(&self, authority: &Pubkey, enabled: bool) -> Instruction {
        token::set_minting_enabled(&self.token_program, authority, enabled)
    }
}
