//! `grid init`: initialize the three programs and wire them to each other, or check a deployment that is there.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use anyhow::{ensure, Context};
use clap::Args;
use gridtoken_client::{
    audit::{audit, wiring, Report as Audit},
    cluster::{in_use, Cluster},
    deployment::{Deployment, Program},
    loader::upgrade_authority,
};
use serde_json::{json, Value};
use shared_state::{quantity::Bps, state::Rules};
use solana_account::Account;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use crate::session::{address, Outcome, Report, Session};

#[derive(Args, Clone, Debug)]
pub struct Init {
    /// The oracle program: its address, or file of its keypair [default: that of an initialized registry]
    #[arg(long, value_name = "PROGRAM", value_parser = address, requires = "token_program")]
    oracle_program: Option<Pubkey>,
    /// The token program: its address, or file of its keypair [default: that of an initialized registry]
    #[arg(long, value_name = "PROGRAM", value_parser = address, requires = "oracle_program")]
    token_program: Option<Pubkey>,
    /// Below this quality what a meter counts isn't claimable yet (basis points); for a registry that isn't initialized yet
    #[arg(long, value_name = "BPS", default_value_t = 5_000, value_parser = clap::value_parser!(u16).range(0..=i64::from(Bps::FULL.0)))]
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
        for Program {
            name, id, config, ..
        } in deployment.programs()
        {
            writeln!(out, "{name:<10}{id}, configuration {config}")?;
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
    let programs = deployment.programs();
    let [oracle, registry, token] = programs.map(|program| program.id);
    ensure!(
        oracle != registry && registry != token && oracle != token,
        "oracle, registry and token program must be three different ones"
    );

    let mut upgrade_authorities = Vec::new();
    for program in &programs {
        upgrade_authorities.push(upgrade_authority(&session.rpc, program).await?);
    }
    let configs = programs.map(|program| program.config);
    let accounts = session.rpc.accounts(&configs).await?;
    let existing: BTreeMap<Pubkey, Account> = configs
        .into_iter()
        .zip(accounts)
        .filter_map(|(config, account)| Some((config, in_use(account)?)))
        .collect();
    check_wiring(&deployment, &existing)?;

    // Whoever initializes becomes the authority, so only the upgrade authority may.
    let is_missing = |program: &Program| !existing.contains_key(&program.config);
    let mut outcomes = Vec::new();
    if programs.iter().any(is_missing) {
        let signer = session.signer()?;
        let key = signer.pubkey();
        for (program, upgrade_authority) in programs.iter().zip(upgrade_authorities) {
            ensure!(
                !is_missing(program) || upgrade_authority == Some(key),
                "only its upgrade authority can initialize the {} program {}: that is {}, and {key} is to sign (--keypair)",
                program.name,
                program.id,
                upgrade_authority.map_or("nobody any more".to_owned(), |key| key.to_string())
            );
        }
        let payer = session.payer()?.pubkey();
        let instructions =
            deployment.initialize(&key, &payer, Rules::default(), command.minimum_quality);
        for (program, instruction) in programs.iter().zip(instructions) {
            if is_missing(program) {
                let name = program.name;
                let outcome = session
                    .execute(&[&signer], &[instruction])
                    .await
                    .with_context(|| match outcomes.len() {
                        0 => format!("initializing the {name} program"),
                        // Another start goes on from here.
                        _ => format!("initializing the {name} program, after others: run it again when this is solved"),
                    })?;
                outcomes.push((name, outcome));
            }
        }
    }
    let dry_run = session.dry_run && !outcomes.is_empty();
    if !dry_run {
        let audit = audit(&session.rpc, &deployment).await?;
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
