//! The `grid` command line: the tool of operators and owners of meters.
//!
//! * [`session`]: the flags, keys and output that all commands share
//! * [`commands`]: the commands, a file each
//! * [`submit`]: a file of readings on its way to a cluster

mod commands;
mod session;
mod submit;

use std::{io::stdout, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use gridtoken_client::terminal::end;

use session::{Flags, Session};

/// From a meter's readings to GRID in a wallet.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Initialize the three programs and wire them to each other; or check a deployment, and name what is wrong with it
    Init(commands::init::Init),
    /// Show a deployment: configurations, who may do what, totals
    Status,
    /// Register, look at and change meters
    #[command(subcommand)]
    Meter(commands::meter::Command),
    /// Add and remove the gateways that may submit readings (oracle authority)
    #[command(subcommand)]
    Reporter(commands::reporter::Reporter),
    /// Pause and resume the taking of readings, and change the validation rules (oracle authority)
    #[command(subcommand)]
    Oracle(commands::oracle::Oracle),
    /// Change the registry's configuration (registry authority)
    #[command(subcommand)]
    Registry(commands::registry::Registry),
    /// Sign and submit files of readings
    #[command(subcommand)]
    Readings(commands::readings::Readings),
    /// Have GRID minted to a meter's owner for what is unsettled (owner or delegate)
    Settle(commands::settle::Settle),
    /// Show an owner's GRID, and what its meters have for it
    Balance(commands::balance::Balance),
    /// Burn GRID for good, to claim the use of its energy (holder)
    Retire(commands::retire::Retire),
    /// Show the receipts of retirements
    #[command(subcommand)]
    Retirement(commands::retirement::Command),
    /// Switch minting on and off, and limit it (token authority)
    #[command(subcommand)]
    Minting(commands::minting::Minting),
    /// Hand a program's authority over, in two steps
    #[command(subcommand)]
    Authority(commands::authority::Authority),
    /// Show what the programs, or a meter, have logged
    Events(commands::events::Events),
    /// Recompute the protocol's invariants from a cluster's accounts, and name each account that breaks one
    Audit,
    /// Print a script that completes this tool's commands in your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let Arguments { flags, command } = Arguments::parse();
    let done = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(&flags, command)));
    end(done)
}

async fn run(flags: &Flags, command: Command) -> anyhow::Result<()> {
    let session = || Session::new(flags);
    match command {
        Command::Init(init) => commands::init::run(&mut session()?, init).await,
        Command::Status => commands::status::run(&mut session()?).await,
        Command::Meter(meter) => commands::meter::run(&mut session()?, meter).await,
        Command::Reporter(reporter) => commands::reporter::run(&mut session()?, reporter).await,
        Command::Oracle(oracle) => commands::oracle::run(&mut session()?, oracle).await,
        Command::Registry(registry) => commands::registry::run(&mut session()?, registry).await,
        Command::Readings(readings) => commands::readings::run(&mut session()?, readings).await,
        Command::Settle(settle) => commands::settle::run(&mut session()?, settle).await,
        Command::Balance(balance) => commands::balance::run(&mut session()?, balance).await,
        Command::Retire(retire) => commands::retire::run(&mut session()?, retire).await,
        Command::Retirement(command) => commands::retirement::run(&mut session()?, command).await,
        Command::Minting(minting) => commands::minting::run(&mut session()?, minting).await,
        Command::Authority(authority) => commands::authority::run(&mut session()?, authority).await,
        Command::Events(events) => commands::events::run(&mut session()?, events).await,
        Command::Audit => commands::audit::run(&mut session()?).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "grid", &mut stdout());
            Ok(())
        }
    }
}
