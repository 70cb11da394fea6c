//! `grid minting`: switching minting off and on, and limiting it.

use clap::{Args, Subcommand};
use gridtoken_client::format::parse_grid;
use shared_state::quantity::BaseUnits;
use solana_signer::Signer;
use token_program::instruction::{set_mint_limit, set_minting_enabled, SetMintLimit};

use crate::session::Session;

#[derive(Subcommand, Clone, Debug)]
pub enum Minting {
    /// Let settlements mint
    Enable,
    /// Stop all minting; what is unsettled stays so, until it is settled later or consumed
    Disable,
    /// Limit how fast GRID is minted: at most the burst, and then so much per second
    Limit(Limit),
}

#[derive(Args, Clone, Debug)]
pub struct Limit {
    /// How much may be minted at once (GRID)
    #[arg(long, value_name = "GRID", value_parser = parse_grid, requires = "per_second", required_unless_present = "none")]
    burst: Option<u64>,
    /// How much per second after that (GRID; 1 GRID per hour is 0.000277778)
    #[arg(long, value_name = "GRID", value_parser = parse_grid, requires = "burst")]
    per_second: Option<u64>,
    /// No limit any more
    #[arg(long, conflicts_with_all = ["burst", "per_second"])]
    none: bool,
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Minting) -> anyhow::Result<()> {
    let token = session.deployment().await?.token_program;
    let signer = session.signer()?;
    let key = signer.pubkey();
    let instruction = match command {
        Minting::Enable => set_minting_enabled(&token, &key, true),
        Minting::Disable => set_minting_enabled(&token, &key, false),
        Minting::Limit(limit) => set_mint_limit(
            &token,
            &key,
            SetMintLimit {
                burst: BaseUnits(limit.burst.unwrap_or_default()),
                rate_per_second: BaseUnits(limit.per_second.unwrap_or_default()),
            },
        ),
    };
    let outcome = session.execute(&[&signer], &[instruction]).await?;
    session.print(&outcome)
}
