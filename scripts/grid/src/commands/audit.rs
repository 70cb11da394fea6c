//! `grid audit`: the protocol's invariants, from chain state alone.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{ensure, Context};
use clap::Args;
use gridtoken_client::{
    audit::{check, read, Finding, Report as Audit},
    baseline::Baseline,
    deployment::Deployment,
    loader::upgrade_authority,
    terminal::Exit,
};
use serde_json::{json, Value};
use shared_state::{
    quantity::BaseUnits,
    state::{AccountLayout, RegistryConfig},
};
use solana_account::Account;
use solana_program::pubkey::Pubkey;

use crate::session::{Report, Session};

/// Base units of more than 64 bits, in JSON: whole watt-hours, and the base units beside them.
pub fn base_units_json(amount: u128) -> Value {
    let one = u128::from(BaseUnits::PER_WH);
    json!({
        "wh": u64::try_from(amount / one).unwrap_or(u64::MAX),
        "base_units_beside": (amount % one) as u64,
    })
}

struct Audited {
    deployment: Deployment,
    audit: Audit,
    /// What has changed since the baseline.
    changes: Vec<String>,
}

impl Report for Audited {
    fn json(&self) -> Value {
        let audit = &self.audit;
        let findings: Vec<Value> = audit
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "account": finding.account.to_string(),
                    "role": finding.role,
                    "problem": finding.problem,
                })
            })
            .collect();
        json!({
            "oracle_program": self.deployment.oracle_program.to_string(),
            "registry_program": self.deployment.registry_program.to_string(),
            "token_program": self.deployment.token_program.to_string(),
            "meters": audit.meters,
            "settled_wh": u64::try_from(audit.settled_wh).unwrap_or(u64::MAX),
            "minted_wh": audit.minted.0,
            "retired": base_units_json(audit.retired),
            "otherwise_burned": base_units_json(audit.burned_otherwise()),
            "supply": audit.supply.0,
            "empty_accounts": audit.empty_accounts,
            "findings": findings,
            "changes": self.changes,
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "programs: oracle {}, registry {}, token {}",
            self.deployment.oracle_program,
            self.deployment.registry_program,
            self.deployment.token_program
        )?;
        self.audit.write(out)?;
        for change in &self.changes {
            writeln!(out, "changed: {change}")?;
        }
        Ok(())
    }
}

/// Exit code when all rules hold, but something has changed since the baseline.
const CHANGED: u8 = 4;

#[derive(Args, Clone, Debug)]
pub struct AuditCommand {
    /// The oracle program that readings should come from: another one is a finding
    #[arg(long, value_name = "ADDRESS")]
    oracle: Option<Pubkey>,
    /// The token program that should mint: another one is a finding
    #[arg(long, value_name = "ADDRESS")]
    token: Option<Pubkey>,
    /// Compare authorities, wiring, rules, limits and each meter's registration with this file, and print what has changed
    /// (exit code 4); the first time, write it. Delete it to begin anew
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

/// Runs the command. Exit codes: 0 all rules hold and nothing has changed, 1 a rule is broken or the audit could not be done, 3
/// the cluster doesn't answer, 4 something has changed since the baseline.
pub async fn run(session: &mut Session, command: AuditCommand) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let accounts = read(&session.rpc, &deployment).await?;
    let mut audit = check(&deployment, &accounts);
    for (expected, is, what) in [
        (
            command.oracle,
            deployment.oracle_program,
            "takes readings from the oracle program",
        ),
        (
            command.token,
            deployment.token_program,
            "mints with the token program",
        ),
    ] {
        if let Some(expected) = expected.filter(|expected| *expected != is) {
            audit.findings.push(Finding {
                account: deployment.registry_config(),
                role: RegistryConfig::NAME.to_owned(),
                problem: format!("{what} {is}, not the expected {expected}"),
            });
        }
    }
    let changes = match &command.baseline {
        Some(path) => compare(session, &deployment, &accounts, path).await?,
        None => Vec::new(),
    };
    let audited = Audited {
        deployment,
        audit,
        changes,
    };
    session.print(&audited)?;
    ensure!(
        audited.audit.findings.is_empty(),
        "the audit found something"
    );
    if !audited.changes.is_empty() {
        let reason = "something has changed since the baseline: if all of it is yours, delete the file, and the next audit writes a new one";
        return Err(Exit {
            code: CHANGED,
            reason: reason.to_owned(),
        }
        .into());
    }
    Ok(())
}

/// What has changed since the baseline in a file, which is written if it isn't there.
async fn compare(
    session: &Session,
    deployment: &Deployment,
    accounts: &BTreeMap<Pubkey, Account>,
    path: &Path,
) -> anyhow::Result<Vec<String>> {
    let mut authorities = [None; 3];
    for (program, authority) in deployment.programs().iter().zip(&mut authorities) {
        *authority = upgrade_authority(&session.rpc, program).await?;
    }
    let now = Baseline::new(deployment, accounts, authorities);
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let before = Baseline::parse(&text)
                .with_context(|| format!("{} is no baseline of an audit", path.display()))?;
            Ok(before.changes(&now))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = serde_json::to_string_pretty(&now)?;
            std::fs::write(path, text + "\n")
                .with_context(|| format!("writing the baseline {}", path.display()))?;
            eprintln!("wrote the baseline {}", path.display());
            Ok(Vec::new())
        }
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}
