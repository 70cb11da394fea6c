//! `grid registry`: the registry's own configuration.

use clap::Subcommand;
use gridtoken_client::cluster::read;
use registry_program::instruction::{set_config, SetConfig};
use shared_state::{quantity::Bps, state::RegistryConfig};
use solana_signer::Signer;

use crate::session::Session;

#[derive(Subcommand, Clone, Copy, Debug)]
pub enum Registry {
    /// Set the quality below which what a meter counts isn't claimable yet
    MinimumQuality {
        /// Basis points: 5000 is 50 %
        #[arg(value_parser = clap::value_parser!(u16).range(0..=i64::from(Bps::FULL.0)))]
        bps: u16,
        /// Every meter's device signs: then the minimum may be above the 8500 that other readings reach
        #[arg(long)]
        all_meters_sign: bool,
    },
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Registry) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let signer = session.signer()?;
    let config: RegistryConfig = read(&session.rpc, &deployment.registry_config()).await?;
    let Registry::MinimumQuality {
        bps,
        all_meters_sign,
    } = command;
    let instruction = set_config(
        &deployment.registry_program,
        &signer.pubkey(),
        SetConfig {
            // Others would take the upgrade authority.
            oracle_authority: config.oracle_authority,
            token_program: config.token_program,
            minimum_quality: Bps(bps),
            all_meters_sign: all_meters_sign.into(),
        },
    );
    let outcome = session.execute(&[&signer], &[instruction]).await?;
    session.print(&outcome)
}
