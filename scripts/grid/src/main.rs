//! The `grid` command line.

use std::{
    fs::File,
    io::{stdout, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{bail, ensure, Context};
use clap::{Parser, Subcommand};
use grid::{
    audit::audit,
    demo,
    deployment::Deployment,
    load::{self, Load},
    readings,
    rpc::{cluster_url, Rpc},
    sample,
};
use solana_commitment_config::CommitmentConfig;
use solana_program::pubkey::Pubkey;

/// From a meter's readings to GRID in a wallet.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole flow on an embedded bank: set up, register, submit, settle, check the supply
    Demo {
        /// CSV file: meter_id,timestamp,generation_register_wh,consumption_register_wh. Without one: a sample of six
        /// meters over a day, one of them faulty
        file: Option<PathBuf>,
        /// Stop at the first line that can't be used, instead of reporting and skipping it
        #[arg(long)]
        strict: bool,
    },
    /// Print the sample file
    Sample,
    /// Run a day of many meters on an embedded bank: readings and settlements mixed, audited at the end
    Load(Load),
    /// Recompute the protocol's invariants from a cluster's accounts, and name each account that breaks one
    Audit {
        /// The cluster: URL of a node, or mainnet-beta, testnet, devnet, localhost
        #[arg(short, long, value_name = "URL_OR_MONIKER")]
        url: String,
        /// Address of the registry program; the other two are found from it
        registry: Pubkey,
    },
}

fn main() -> ExitCode {
    // The embedded bank would print every program log.
    if std::env::var_os("RUST_LOG").is_none() {
        std::env::set_var("RUST_LOG", "off");
    }
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Load(load) => {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(load::run(load, &mut stdout().lock()))?;
        }
        Command::Sample => print!("{}", sample::make()),
        Command::Audit { url, registry } => {
            let mut cluster = Rpc::new(&cluster_url(&url)?, CommitmentConfig::confirmed());
            let (deployment, report) = tokio::runtime::Runtime::new()?.block_on(async {
                let deployment = Deployment::find(&mut cluster, &registry).await?;
                let report = audit(&mut cluster, &deployment).await?;
                anyhow::Ok((deployment, report))
            })?;
            let mut out = stdout().lock();
            writeln!(
                out,
                "programs: oracle {}, registry {registry}, token {}",
                deployment.oracle_program, deployment.token_program
            )?;
            report.write(&mut out)?;
            ensure!(report.findings.is_empty(), "the audit found something");
        }
        Command::Demo { file, strict } => {
            let (rows, bad) = match &file {
                Some(path) => File::open(path)
                    .map_err(anyhow::Error::from)
                    .and_then(readings::read)
                    .with_context(|| path.display().to_string())?,
                None => readings::read(sample::make().as_bytes())?,
            };
            if let (true, Some(first)) = (strict, bad.first()) {
                bail!("{first}");
            }
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(demo::run(&rows, &bad, &mut stdout().lock()))?;
        }
    }
    Ok(())
}
