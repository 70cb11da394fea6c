//! What an owner can have minted now: the registry's own rule, with what it looks at.

use anyhow::{anyhow, Context};
use registry_program::processor::settlement::settleable;
use shared_state::{
    state::{Meter, RegistryConfig, TokenConfig, MINTING_ENABLED},
    units::{base_units_to_wh, wh_to_base_units},
    GridError,
};

use crate::{
    cluster::{decode, Cluster},
    deployment::Deployment,
    rpc::Rpc,
};

/// What settlements depend on, beside the meter.
pub struct Terms {
    /// The registry's configuration.
    pub registry: RegistryConfig,
    /// The token's.
    pub token: TokenConfig,
    /// The cluster's clock (Unix seconds).
    pub now: i64,
}

impl Terms {
    /// As they are now.
    pub async fn read(rpc: &Rpc, deployment: &Deployment) -> anyhow::Result<Self> {
        let addresses = [deployment.registry_config(), deployment.token_config()];
        let accounts = rpc.accounts(&addresses).await?;
        let [Some(registry), Some(token)] = &accounts[..] else {
            return Err(anyhow!(
                "the token program {} is not initialized",
                deployment.token_program
            ));
        };
        Ok(Self {
            registry: decode(registry).map_err(|problem| anyhow!("{} {problem}", addresses[0]))?,
            token: decode(token).map_err(|problem| anyhow!("{} {problem}", addresses[1]))?,
            now: rpc
                .unix_timestamp()
                .await
                .context("reading the cluster's clock")?,
        })
    }

    /// How much the token leaves at the moment (Wh).
    pub fn available(&self) -> Result<u64, GridError> {
        if self.token.header.status != MINTING_ENABLED {
            return Err(GridError::MintingDisabled);
        }
        if !self.token.mint_limit.is_set() {
            return Ok(u64::MAX);
        }
        Ok(base_units_to_wh(self.token.mint_limit.available_at(self.now)).0)
    }

    /// How much of a meter's energy can be settled now (Wh), or why none.
    pub fn claimable(&self, meter: &Meter) -> Result<u64, GridError> {
        settleable(meter, self.registry.minimum_quality, self.available()?)
    }
}

/// What energy is in base units: the most that there can be, for more than one settlement can mint.
pub fn base_units(wh: u64) -> u64 {
    wh_to_base_units(wh).unwrap_or(u64::MAX)
}
