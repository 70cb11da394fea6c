//! `grid oracle`: pausing all readings.

use clap::Subcommand;
use oracle_program::instruction::set_active;
use solana_signer::Signer;

use crate::session::Session;

#[allow(missing_docs)]
#[derive(Subcommand, Clone, Copy, Debug)]
pub enum Oracle {
    /// Take no readings until further notice; the meters go on counting, so no energy is lost
    Pause,
    /// Take readings again
    Resume,
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Oracle) -> anyhow::Result<()> {
    let oracle = session.deployment().await?.oracle_program;
    let signer = session.signer()?;
    let active = matches!(command, Oracle::Resume);
    let instruction = set_active(&oracle, &signer.pubkey(), active);
    let outcome = session.execute(&[&signer], &[instruction]).await?;
    session.print(&outcome)
}
