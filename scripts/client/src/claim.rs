//! What an owner can have minted now: the registry's own rule, with what it looks at.

use anyhow::{anyhow, Context};
use solana_program::program_pack::Pack;

use shared_state::{
    quantity::{BaseUnits, Wh},
    state::{Meter, RegistryConfig, Room, TokenConfig},
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
    /// The mint's supply.
    pub supply: BaseUnits,
    /// The cluster's clock (Unix seconds).
    pub now: i64,
}

impl Terms {
    /// As they are now.
    pub async fn read(rpc: &Rpc, deployment: &Deployment) -> anyhow::Result<Self> {
        let addresses = [
            deployment.registry_config(),
            deployment.token_config(),
            deployment.mint(),
        ];
        let accounts = rpc.accounts(&addresses).await?;
        let [Some(registry), Some(token), Some(mint)] = &accounts[..] else {
            return Err(anyhow!(
                "the token program {} is not initialized",
                deployment.token_program
            ));
        };
        Ok(Self {
            registry: decode(registry).map_err(|problem| anyhow!("{} {problem}", addresses[0]))?,
            token: decode(token).map_err(|problem| anyhow!("{} {problem}", addresses[1]))?,
            supply: spl_token::state::Mint::unpack(&mint.data)
                .map(|mint| BaseUnits(mint.supply))
                .map_err(|_| anyhow!("{} is not a mint of the SPL Token program", addresses[2]))?,
            now: rpc
                .unix_timestamp()
                .await
                .context("reading the cluster's clock")?,
        })
    }

    /// How much the token lets be minted at the moment.
    pub fn room(&self) -> Result<Room, GridError> {
        self.token.room(self.supply, || Ok(self.now))
    }

    /// How much of a meter's energy can be settled now, or why none.
    pub fn settleable(&self, meter: &Meter) -> Result<Wh, GridError> {
        meter.settleable(&self.room()?)
    }
}

/// What energy is in GRID, at most what there can be.
pub fn base_units(energy: Wh) -> BaseUnits {
    energy.to_base_units().unwrap_or(BaseUnits::MAX)
}

/// What is unsettled of an owner's meters, or of one: what can be claimed now, and what not yet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Unsettled {
    /// What settlements mint now.
    pub claimable: Wh,
    /// What they don't, and the error with which they would say so.
    pub waiting: Vec<(GridError, Wh)>,
}

impl Unsettled {
    /// That of these meters, by these terms.
    pub fn of(terms: &Terms, meters: &[Meter]) -> Self {
        let mut found = Self::default();
        for meter in meters {
            let unsettled = meter.unsettled();
            if meter.can_settle() {
                found.claimable = sum(found.claimable, meter.claimable());
                let uncertain = unsettled.beyond(meter.claimable());
                found.wait(GridError::QualityTooLow, uncertain);
            } else {
                found.wait(GridError::MeterNotActive, unsettled);
            }
        }
        // Together they get no more than the token leaves.
        let (left, bound) = match terms.room() {
            Ok(room) => (room.left, room.bound),
            Err(error) => (Wh::ZERO, error),
        };
        found.wait(bound, found.claimable.beyond(left));
        found.claimable = found.claimable.min(left);
        found
    }

    /// All that is unsettled.
    pub fn total(&self) -> Wh {
        let waiting = self.waiting.iter().map(|(_, energy)| *energy);
        waiting.fold(self.claimable, sum)
    }

    fn wait(&mut self, error: GridError, energy: Wh) {
        if energy == Wh::ZERO {
            return;
        }
        match self.waiting.iter_mut().find(|(other, _)| *other == error) {
            Some((_, waiting)) => *waiting = sum(*waiting, energy),
            None => self.waiting.push((error, energy)),
        }
    }
}

/// Their sum; for people, who have no more than that.
fn sum(some: Wh, more: Wh) -> Wh {
    Wh(some.0.saturating_add(more.0))
}
