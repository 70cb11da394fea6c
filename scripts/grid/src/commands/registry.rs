//! `grid registry`: the registry's own configuration.

use clap::Subcommand;
use gridtoken_client::cluster::read;
use registry_program::instruction::{set_config, SetConfig};
use shared_state::{state::RegistryConfig, units::FULL_BPS};
use solana_signer::Signer;

use crate::session::Session;

#[derive(Subcommand, Clone, Copy, Debug)]
pub enum Registry {
    /// Set the quality below which a meter can't be settled
    MinimumQuality {
        /// Basis points: 5000 is 50 %
        #[arg(value_parser = clap::value_parser!(u16).range(0..=i64::from(FULL_BPS)))]
        bps: u16,
    },
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Registry) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let signer = session.signer()?;
    let config: RegistryConfig = read(&session.rpc, &deployment.registry_config()).await?;
    let Registry::MinimumQuality { bps } = command;
    let instruction = set_config(
        &deployment.registry_program,
        &signer.pubkey(),
        SetConfig {
            // Others would take the upgrade authority.
            oracle_authority: config.oracle_authority,
            token_program: config.token_program,
            minimum_quality: bps,
        },
    );
    let outcome = session.execute(&[&signer], &[instruction]).await?;
    session.print(&outcome)
}
