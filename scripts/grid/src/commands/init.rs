//! `grid init`: initialize the three programs and wire them to each other, or check a deployment that is there.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use anyhow::{bail, ensure, Context};
use clap::Args;
use serde_json::{json, Value};
use shared_state::{
    pda::find_program_data,
    state::{AccountLayout, OracleConfig, RegistryConfig, Rules, TokenConfig},
    units::FULL_BPS,
};
use solana_account::Account;
use solana_loader_v3_interface::state::UpgradeableLoaderState;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::bpf_loader_upgradeable;
use solana_signer::Signer;

use crate::{
    audit::{audit, wiring, Report as Audit},
    cluster::{in_use, Cluster},
    deployment::Deployment,
    session::{address, Outcome, Report, Session},
};

#[allow(missing_docs)]
#[derive(Args, Clone, Debug)]
pub struct Init {
    /// The oracle program: its address, or file of its keypair [default: that of an initialized registry]
    #[arg(long, value_name = "PROGRAM", value_parser = address, requires = "token_program")]
    oracle_program: Option<Pubkey>,
    /// The token program: its address, or file of its keypair [default: that of an initialized registry]
    #[arg(long, value_name = "PROGRAM", value_parser = address, requires = "oracle_program")]
    token_program: Option<Pubkey>,
    /// Below this quality a meter can't be settled (basis points); for a registry that isn't initialized yet
    #[arg(long, value_name = "BPS", default_value_t = 5_000, value_parser = clap::value_parser!(u16).range(0..=i64::from(FULL_BPS)))]
    minimum_quality: u16,
}

/// What was initialized.
struct Initialized {
    deployment: Deployment,
    outcomes: Vec<(&'static str, Outcome)>,
    dry_run: bool,
}

impl Report for Initialized {
    fn json(&self) -> Value {
        let transactions: Vec<Value> = self
            .outcomes
            .iter()
            .map(|(program, outcome)| json!({ "program": program, "transaction": outcome.json() }))
            .collect();
        json!({
            "oracle_program": self.deployment.oracle_program.to_string(),
            "registry_program": self.deployment.registry_program.to_string(),
            "token_program": self.deployment.token_program.to_string(),
            "oracle_config": self.deployment.oracle_config().to_string(),
            "registry_config": self.deployment.registry_config().to_string(),
            "token_config": self.deployment.token_config().to_string(),
            "mint": self.deployment.mint().to_string(),
            "initialized": transactions,
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (program, outcome) in &self.outcomes {
            writeln!(out, "the {program} program:")?;
            outcome.write(out)?;
        }
        let deployment = &self.deployment;
        for (name, program, config) in [
            (
                "oracle",
                deployment.oracle_program,
                deployment.oracle_config(),
            ),
            (
                "registry",
                deployment.registry_program,
                deployment.registry_config(),
            ),
            ("token", deployment.token_program, deployment.token_config()),
        ] {
            writeln!(out, "{name:<10}{program}, configuration {config}")?;
        }
        writeln!(out, "GRID mint {}", deployment.mint())?;
        match (self.outcomes.is_empty(), self.dry_run) {
            (true, _) => writeln!(out, "initialized before, and every rule of the audit holds"),
            (false, true) => writeln!(out, "nothing was sent"),
            (false, false) => writeln!(out, "initialized, and every rule of the audit holds"),
        }
    }
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Init) -> anyhow::Result<()> {
    let registry_program = session.registry()?;
    let deployment = match (command.oracle_program, command.token_program) {
        (Some(oracle_program), Some(token_program)) => Deployment {
            oracle_program,
            registry_program,
            token_program,
        },
        _ => session
            .deployment()
            .await
            .context("to initialize it, name --oracle-program and --token-program as well")?,
    };
    let ids = [
        deployment.oracle_program,
        deployment.registry_program,
        deployment.token_program,
    ];
    ensure!(
        ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2],
        "oracle, registry and token program must be three different ones"
    );

    let names = ["oracle", "registry", "token"];
    let mut upgrade_authorities = Vec::new();
    for (name, id) in names.into_iter().zip(ids) {
        upgrade_authorities.push(upgrade_authority(session, name, &id).await?);
    }
    let addresses = [
        (deployment.oracle_config(), OracleConfig::NAME),
        (deployment.registry_config(), RegistryConfig::NAME),
        (deployment.token_config(), TokenConfig::NAME),
    ];
    let accounts = session
        .rpc
        .accounts(&addresses.map(|(address, _)| address))
        .await?;
    let existing: BTreeMap<Pubkey, Account> = addresses
        .iter()
        .zip(accounts)
        .filter_map(|((address, _), account)| Some((*address, in_use(account)?)))
        .collect();
    check_wiring(&deployment, &existing)?;

    // Whoever initializes becomes the authority, so only the upgrade authority may.
    let missing = |index: usize| !existing.contains_key(&addresses[index].0);
    let mut outcomes = Vec::new();
    if (0..3).any(missing) {
        let signer = session.signer()?;
        let key = signer.pubkey();
        for index in (0..3).filter(|index| missing(*index)) {
            ensure!(
                upgrade_authorities[index] == Some(key),
                "only its upgrade authority can initialize the {} program {}: that is {}, and {key} is to sign (--keypair)",
                names[index],
                ids[index],
                upgrade_authorities[index].map_or("nobody any more".to_owned(), |key| key.to_string())
            );
        }
        let payer = session.payer()?.pubkey();
        let instructions =
            deployment.initialize(&key, &payer, Rules::default(), command.minimum_quality);
        for (index, instruction) in instructions.into_iter().enumerate() {
            if missing(index) {
                let outcome = session
                    .execute(&[&signer], &[instruction])
                    .await
                    .with_context(|| match outcomes.len() {
                        0 => format!("initializing the {} program", names[index]),
                        // Another start goes on from here.
                        _ => format!("initializing the {} program, after others: run it again when this is solved", names[index]),
                    })?;
                outcomes.push((names[index], outcome));
            }
        }
    }
    let dry_run = session.dry_run && !outcomes.is_empty();
    if !dry_run {
        let audit = audit(&mut session.rpc, &deployment).await?;
        fail_on_findings(&audit)?;
    }
    session.print(&Initialized {
        deployment,
        outcomes,
        dry_run,
    })
}

/// Fails if one of the configs that exist points elsewhere.
fn check_wiring(
    deployment: &Deployment,
    existing: &BTreeMap<Pubkey, Account>,
) -> anyhow::Result<()> {
    let mut found = Audit::default();
    wiring(&mut found, deployment, existing);
    found
        .findings
        .retain(|finding| existing.contains_key(&finding.account));
    fail_on_findings(&found)
}

fn fail_on_findings(audit: &Audit) -> anyhow::Result<()> {
    let findings: Vec<String> = audit
        .findings
        .iter()
        .map(|finding| finding.to_string())
        .collect();
    ensure!(
        findings.is_empty(),
        "this deployment is not sound:\n  {}",
        findings.join("\n  ")
    );
    Ok(())
}

/// A program's upgrade authority, if it has one still. Fails if it isn't deployed.
pub async fn upgrade_authority(
    session: &mut Session,
    name: &str,
    program: &Pubkey,
) -> anyhow::Result<Option<Pubkey>> {
    let url = session.rpc.url().to_owned();
    let deploy = "deploy it with solana program deploy, or check --url and the address";
    let account = session.rpc.account(program).await?.with_context(|| {
        format!("the {name} program {program} is not deployed on {url}: {deploy}")
    })?;
    ensure!(
        account.owner == bpf_loader_upgradeable::ID && account.executable,
        "{program} on {url} is not a program of the upgradeable loader, so not the {name} program: {deploy}"
    );
    let data = session.rpc.account(&find_program_data(program)).await?;
    let data =
        data.with_context(|| format!("the {name} program {program} was closed: {deploy}"))?;
    let size = UpgradeableLoaderState::size_of_programdata_metadata();
    match bincode::deserialize(data.data.get(..size).unwrap_or(&data.data)) {
        Ok(UpgradeableLoaderState::ProgramData {
            upgrade_authority_address,
            ..
        }) => Ok(upgrade_authority_address),
        _ => bail!("the {name} program {program} on {url} has no code: {deploy}"),
    }
}
