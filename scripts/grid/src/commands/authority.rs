//! `grid authority`: a program's authority changes in two steps.

use clap::{Args, Subcommand, ValueEnum};
use oracle_program::instruction as oracle;
use registry_program::instruction as registry;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;
use token_program::instruction as token;

use crate::session::{address, Session};

/// One of the three programs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Program {
    /// Reporters, validation rules, pause
    Oracle,
    /// Meters, minimum quality
    Registry,
    /// Minting on and off, mint limit
    Token,
}

#[derive(Subcommand, Clone, Debug)]
pub enum Authority {
    /// Propose the next authority of a program; it has none of the rights before it accepts
    Propose(Propose),
    /// Become the authority of a program, as the proposed key
    Accept {
        /// Whose authority
        program: Program,
    },
}

#[derive(Args, Clone, Debug)]
pub struct Propose {
    /// Whose authority
    program: Program,
    /// The key that may accept: address, or file of its keypair
    #[arg(value_parser = address, required_unless_present = "cancel")]
    proposed: Option<Pubkey>,
    /// Withdraw the proposal that stands
    #[arg(long, conflicts_with = "proposed")]
    cancel: bool,
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Authority) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let signer = session.signer()?;
    let key = signer.pubkey();
    let instruction = match command {
        Authority::Propose(Propose {
            program, proposed, ..
        }) => {
            let proposed = proposed.unwrap_or_default();
            match program {
                Program::Oracle => {
                    oracle::propose_authority(&deployment.oracle_program, &key, &proposed)
                }
                Program::Registry => {
                    registry::propose_authority(&deployment.registry_program, &key, &proposed)
                }
                Program::Token => {
                    token::propose_authority(&deployment.token_program, &key, &proposed)
                }
            }
        }
        Authority::Accept { program } => match program {
            Program::Oracle => oracle::accept_authority(&deployment.oracle_program, &key),
            Program::Registry => registry::accept_authority(&deployment.registry_program, &key),
            Program::Token => token::accept_authority(&deployment.token_program, &key),
        },
    };
    let outcome = session.execute(&[&signer], &[instruction]).await?;
    session.print(&outcome)
}
