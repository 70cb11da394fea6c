//! `grid reporter`: the gateways that may submit readings.

use clap::Subcommand;
use oracle_program::instruction::{add_reporter, remove_reporter};
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use crate::session::{address, Session};

#[derive(Subcommand, Clone, Debug)]
pub enum Reporter {
    /// Let a gateway submit readings (16 at most)
    Add {
        /// The gateway's key: address, or file of its keypair
        #[arg(value_parser = address)]
        reporter: Pubkey,
    },
    /// Take that away from a gateway
    Remove {
        /// The gateway's key: address, or file of its keypair
        #[arg(value_parser = address)]
        reporter: Pubkey,
    },
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Reporter) -> anyhow::Result<()> {
    let oracle = session.deployment().await?.oracle_program;
    let signer = session.signer()?;
    let instruction = match command {
        Reporter::Add { reporter } => add_reporter(&oracle, &signer.pubkey(), &reporter),
        Reporter::Remove { reporter } => remove_reporter(&oracle, &signer.pubkey(), &reporter),
    };
    let outcome = session.execute(&[&signer], &[instruction]).await?;
    session.print(&outcome)
}
