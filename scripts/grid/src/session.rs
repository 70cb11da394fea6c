//! What all commands that reach a cluster share: the flags of the solana CLI, the keys, and how results are shown.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{bail, ensure, Context};
use clap::{Args, ValueEnum};
use gridtoken_client::{
    cluster::SendError,
    deployment::Deployment,
    device::SigningKey,
    format::{event_json, event_line, sol},
    logs,
    rpc::Rpc,
};
use serde::Serialize;
use serde_json::{json, Value};
use shared_state::event::Event;
use solana_cli_config::{Config, ConfigInput};
use solana_commitment_config::CommitmentConfig;
use solana_keypair::{read_keypair_file, Keypair};
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;

/// How results are shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Display,
    /// JSON on several lines
    Json,
    /// JSON on one line
    JsonCompact,
}

/// How sure the cluster must be of what it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Commitment {
    /// Processed by the node that answers
    Processed,
    /// Voted for by most of the stake
    Confirmed,
    /// Can't be undone
    Finalized,
}

/// The flags of all commands.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// The cluster: URL of a node, or mainnet-beta, testnet, devnet, localhost [default: the solana CLI's]
    #[arg(short, long, global = true, value_name = "URL_OR_MONIKER")]
    pub url: Option<String>,
    /// Who signs: file of a keypair [default: the solana CLI's]
    #[arg(short, long, global = true, value_name = "FILE")]
    keypair: Option<PathBuf>,
    /// The solana CLI's configuration file [default: ~/.config/solana/cli/config.yml]
    #[arg(short = 'C', long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How sure the cluster must be of what it says [default: the solana CLI's]
    #[arg(long, global = true, value_enum, hide_possible_values = true)]
    commitment: Option<Commitment>,
    /// How results are shown
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    output: Output,
    /// Who pays fees and rents: file of a keypair [default: who signs]
    #[arg(long, global = true, value_name = "FILE")]
    fee_payer: Option<PathBuf>,
    /// Priority fee, for each compute unit
    #[arg(long, global = true, value_name = "MICRO-LAMPORTS")]
    with_compute_unit_price: Option<u64>,
    /// Only try it: print what would change and the compute units, and send nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// The registry program, from which the other two are found: its address, or file of its keypair
    #[arg(long, global = true, env = "GRID_REGISTRY", value_name = "PROGRAM", value_parser = address)]
    registry: Option<Pubkey>,
}

/// An address: in base58, or that of a keypair in a file.
pub fn address(text: &str) -> Result<Pubkey, String> {
    if let Ok(address) = Pubkey::from_str(text) {
        return Ok(address);
    }
    match read_keypair_file(text) {
        Ok(keypair) => Ok(keypair.pubkey()),
        Err(_) => Err("neither an address in base58 nor the file of a keypair".to_owned()),
    }
}

/// A cluster, who talks to it, and how results are shown.
pub struct Session {
    /// The cluster.
    pub rpc: Rpc,
    /// Whether nothing is to be sent.
    pub dry_run: bool,
    /// Priority fee (micro-lamports for each compute unit).
    pub price: Option<u64>,
    output: Output,
    keypair: PathBuf,
    fee_payer: Option<PathBuf>,
    registry: Option<Pubkey>,
}

impl Session {
    /// What the flags and the solana CLI's configuration say.
    pub fn new(flags: &Flags) -> anyhow::Result<Self> {
        let config = config(flags.config.as_deref())?;
        let url = flags.url.clone().unwrap_or_default();
        let (_, url) = ConfigInput::compute_json_rpc_url_setting(&url, &config.json_rpc_url);
        ensure!(
            url.starts_with("http://") || url.starts_with("https://"),
            "\"{url}\" is neither a URL (http://...) nor one of mainnet-beta, testnet, devnet, localhost"
        );
        let commitment = match flags.commitment {
            Some(Commitment::Processed) => CommitmentConfig::processed(),
            Some(Commitment::Confirmed) => CommitmentConfig::confirmed(),
            Some(Commitment::Finalized) => CommitmentConfig::finalized(),
            None => ConfigInput::compute_commitment_config("", &config.commitment).1,
        };
        Ok(Self {
            rpc: Rpc::new(&url, commitment),
            dry_run: flags.dry_run,
            price: flags.with_compute_unit_price,
            output: flags.output,
            keypair: flags
                .keypair
                .clone()
                .unwrap_or_else(|| config.keypair_path.into()),
            fee_payer: flags.fee_payer.clone(),
            registry: flags.registry,
        })
    }

    /// The registry program that was named.
    pub fn registry(&self) -> anyhow::Result<Pubkey> {
        self.registry.context(
            "which deployment? Name its registry program with --registry, or in the environment variable GRID_REGISTRY",
        )
    }

    /// The deployment that the named registry program belongs to.
    pub async fn deployment(&mut self) -> anyhow::Result<Deployment> {
        let registry = self.registry()?;
        let url = self.rpc.url().to_owned();
        Deployment::find(&self.rpc, &registry)
            .await
            .with_context(|| format!("no deployment on {url}"))
    }

    /// Who signs.
    pub fn signer(&self) -> anyhow::Result<Keypair> {
        keypair(&self.keypair, "--keypair")
    }

    /// The device that signs.
    pub fn device(&self) -> anyhow::Result<SigningKey> {
        SigningKey::read(&self.keypair)
    }

    /// Who pays.
    pub fn payer(&self) -> anyhow::Result<Keypair> {
        match &self.fee_payer {
            Some(path) => keypair(path, "--fee-payer"),
            None => self.signer(),
        }
    }

    /// Sends instructions that `signers` sign, paid by the fee payer, in a transaction; or tries them in a dry run.
    pub async fn execute(
        &self,
        signers: &[&Keypair],
        instructions: &[Instruction],
    ) -> anyhow::Result<Outcome> {
        let payer = self.payer()?;
        let mut all: Vec<&dyn Signer> = vec![&payer];
        all.extend(signers.iter().map(|signer| *signer as &dyn Signer));
        let done = if self.dry_run {
            let tried = self
                .rpc
                .try_out(&payer.pubkey(), instructions, self.price)
                .await;
            tried.map(|(simulated, _)| Outcome {
                signature: None,
                compute_units: simulated.receipt.compute_units,
                fee: simulated.fee,
                events: simulated.receipt.events(),
                truncated: logs::is_truncated(&simulated.receipt.logs),
            })
        } else {
            let confirmed = self.rpc.send(&all, instructions, self.price).await;
            confirmed.map(|confirmed| Outcome {
                signature: Some(confirmed.signature.to_string()),
                compute_units: confirmed.receipt.compute_units,
                fee: Some(confirmed.fee),
                events: confirmed.receipt.events(),
                truncated: logs::is_truncated(&confirmed.receipt.logs),
            })
        };
        done.map_err(|error| self.explain(error, &payer.pubkey()))
    }

    /// A refusal, with the cluster and the payer that it is about.
    fn explain(&self, error: SendError, payer: &Pubkey) -> anyhow::Error {
        match error.grid_error() {
            Some(_) => error.into(),
            None => anyhow::Error::new(error)
                .context(format!("on {}, with the fee payer {payer}", self.rpc.url())),
        }
    }

    /// Prints a result.
    pub fn print(&self, report: &impl Report) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self.output {
            Output::Display => report.write(&mut out)?,
            Output::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report.json())?)?,
            Output::JsonCompact => writeln!(out, "{}", report.json())?,
        }
        Ok(())
    }

    /// Whether results are for people.
    pub fn is_display(&self) -> bool {
        self.output == Output::Display
    }
}

/// The solana CLI's configuration; its defaults where there is no file.
fn config(path: Option<&Path>) -> anyhow::Result<Config> {
    let path = match (path, solana_cli_config::CONFIG_FILE.as_deref()) {
        (Some(path), _) => path,
        (None, Some(path)) if Path::new(path).exists() => Path::new(path),
        (None, _) => return Ok(Config::default()),
    };
    let text = path
        .to_str()
        .with_context(|| format!("{} is not a path in UTF-8", path.display()))?;
    Config::load(text).with_context(|| {
        format!(
            "{} can't be used as the solana CLI's configuration: see solana config get",
            path.display()
        )
    })
}

fn keypair(path: &Path, flag: &str) -> anyhow::Result<Keypair> {
    match read_keypair_file(path) {
        Ok(keypair) => Ok(keypair),
        Err(_) if !path.exists() => bail!(
            "the keypair {} does not exist: name another file with {flag}, or make one with solana-keygen new",
            path.display()
        ),
        Err(error) => bail!(
            "{} is not the file of a keypair, as solana-keygen makes them ({flag}): {error}",
            path.display()
        ),
    }
}

/// Something that a command prints.
pub trait Report {
    /// For programs.
    fn json(&self) -> Value;
    /// For people.
    fn write(&self, out: &mut impl Write) -> io::Result<()>;
}

/// What a transaction did, or would do.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its signature; none in a dry run.
    pub signature: Option<String>,
    /// Its compute units.
    pub compute_units: u64,
    /// Its fee (lamports), if the node says.
    pub fee: Option<u64>,
    /// The events: every change of state is one.
    pub events: Vec<Event>,
    /// Whether events may be missing.
    pub truncated: bool,
}

/// An event in JSON.
#[derive(Serialize)]
struct EventJson {
    event: &'static str,
    #[serde(flatten)]
    fields: serde_json::Map<String, Value>,
}

impl Report for Outcome {
    fn json(&self) -> Value {
        let events: Vec<EventJson> = self
            .events
            .iter()
            .map(|event| EventJson {
                event: event.name(),
                fields: event_json(event),
            })
            .collect();
        json!({
            "signature": self.signature,
            "dry_run": self.signature.is_none(),
            "compute_units": self.compute_units,
            "fee_lamports": self.fee,
            "events": events,
            "log_truncated": self.truncated,
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for event in &self.events {
            writeln!(out, "{}", event_line(event))?;
        }
        if self.truncated {
            writeln!(out, "(the log was cut off: there were more events)")?;
        }
        let fee = match self.fee {
            Some(fee) => format!(", fee {} SOL", sol(fee)),
            None => String::new(),
        };
        let units = self.compute_units;
        match &self.signature {
            Some(signature) => writeln!(out, "signature {signature}, {units} compute units{fee}"),
            None => writeln!(out, "dry run, nothing was sent: {units} compute units{fee}"),
        }
    }
}

impl<T: Report> Report for Vec<T> {
    fn json(&self) -> Value {
        self.iter().map(Report::json).collect()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.iter().try_for_each(|report| report.write(out))
    }
}
