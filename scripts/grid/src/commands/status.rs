//! `grid status`: a deployment's configuration, who may do what, and totals.

use std::io::{self, Write};

use anyhow::anyhow;
use serde_json::{json, Value};
use shared_state::state::{OracleConfig, ORACLE_ACTIVE};
use solana_program::pubkey::Pubkey;

use super::init::upgrade_authority;
use crate::{
    audit::{audit, Report as Audit},
    claim::Terms,
    cluster::{decode, Cluster},
    deployment::Deployment,
    format::{grid, kwh, percent, rules_json},
    session::{Report, Session},
};

struct Status {
    url: String,
    deployment: Deployment,
    upgrade_authorities: [Option<Pubkey>; 3],
    oracle: OracleConfig,
    terms: Terms,
    audit: Audit,
}

fn someone(key: Option<Pubkey>) -> Value {
    match key {
        Some(key) if key != Pubkey::default() => key.to_string().into(),
        _ => Value::Null,
    }
}

impl Report for Status {
    fn json(&self) -> Value {
        let Terms {
            registry, token, ..
        } = &self.terms;
        let limit = match token.mint_limit.is_set() {
            true => json!({
                "burst": token.mint_limit.burst,
                "rate_per_second": token.mint_limit.rate_per_second,
                "available": token.mint_limit.available_at(self.terms.now),
            }),
            false => Value::Null,
        };
        let reporters = self.oracle.reporters().iter().map(Pubkey::to_string);
        json!({
            "url": self.url,
            "oracle": {
                "program": self.deployment.oracle_program.to_string(),
                "config": self.deployment.oracle_config().to_string(),
                "upgrade_authority": someone(self.upgrade_authorities[0]),
                "authority": someone(Some(self.oracle.authority)),
                "pending_authority": someone(Some(self.oracle.pending_authority)),
                "active": self.oracle.header.status == ORACLE_ACTIVE,
                "reporters": reporters.collect::<Vec<_>>(),
                "rules": rules_json(&self.oracle.rules),
            },
            "registry": {
                "program": self.deployment.registry_program.to_string(),
                "config": self.deployment.registry_config().to_string(),
                "upgrade_authority": someone(self.upgrade_authorities[1]),
                "authority": someone(Some(registry.authority)),
                "pending_authority": someone(Some(registry.pending_authority)),
                "minimum_quality": registry.minimum_quality,
            },
            "token": {
                "program": self.deployment.token_program.to_string(),
                "config": self.deployment.token_config().to_string(),
                "mint": self.deployment.mint().to_string(),
                "upgrade_authority": someone(self.upgrade_authorities[2]),
                "authority": someone(Some(token.authority)),
                "pending_authority": someone(Some(token.pending_authority)),
                "minting_enabled": self.terms.available().is_ok(),
                "mint_limit": limit,
            },
            "meters": self.audit.meters,
            "settled_wh": u64::try_from(self.audit.settled_wh).unwrap_or(u64::MAX),
            "minted": self.audit.minted,
            "retired": self.audit.retired,
            "supply": self.audit.supply,
            "findings": self.audit.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Terms {
            registry, token, ..
        } = &self.terms;
        let name = |key: &Pubkey| match *key == Pubkey::default() {
            true => "nobody".to_owned(),
            false => key.to_string(),
        };
        let upgrade =
            |key: &Option<Pubkey>| key.as_ref().map_or("nobody any more".to_owned(), name);
        let pending = |key: &Pubkey| match *key == Pubkey::default() {
            true => String::new(),
            false => format!("; {key} may accept to be the next"),
        };
        let mut line = |what: &str, value: String| writeln!(out, "  {what:<22}{value}");

        line("cluster", self.url.clone())?;
        line("oracle program", self.deployment.oracle_program.to_string())?;
        line(
            "  state",
            match self.oracle.header.status == ORACLE_ACTIVE {
                true => "takes readings".to_owned(),
                false => "paused: takes no readings".to_owned(),
            },
        )?;
        line("  replace the code", upgrade(&self.upgrade_authorities[0]))?;
        line(
            "  reporters, rules",
            name(&self.oracle.authority) + &pending(&self.oracle.pending_authority),
        )?;
        for reporter in self.oracle.reporters() {
            line("  submit readings", reporter.to_string())?;
        }
        line("  rules", rules_json(&self.oracle.rules).to_string())?;

        line(
            "registry program",
            self.deployment.registry_program.to_string(),
        )?;
        line("  replace the code", upgrade(&self.upgrade_authorities[1]))?;
        line(
            "  meters, quality",
            name(&registry.authority) + &pending(&registry.pending_authority),
        )?;
        line("  minimum quality", percent(registry.minimum_quality))?;
        line("  meters", self.audit.meters.to_string())?;

        line("token program", self.deployment.token_program.to_string())?;
        line("  replace the code", upgrade(&self.upgrade_authorities[2]))?;
        line(
            "  minting, limit",
            name(&token.authority) + &pending(&token.pending_authority),
        )?;
        let limit = match token.mint_limit.is_set() {
            true => format!(
                "at most {} GRID at once and {} a second, {} now",
                grid(token.mint_limit.burst),
                grid(token.mint_limit.rate_per_second),
                grid(token.mint_limit.available_at(self.terms.now))
            ),
            false => "without limit".to_owned(),
        };
        line(
            "  minting",
            match self.terms.available().is_ok() {
                true => format!("enabled, {limit}"),
                false => "disabled".to_owned(),
            },
        )?;
        line("  GRID mint", self.deployment.mint().to_string())?;
        let settled = u64::try_from(self.audit.settled_wh).unwrap_or(u64::MAX);
        line("  settled", format!("{} kWh", kwh(settled)))?;
        line(
            "  GRID",
            format!(
                "{} minted, {} retired, supply {}",
                grid(self.audit.minted),
                grid(self.audit.retired),
                grid(self.audit.supply)
            ),
        )?;
        for finding in &self.audit.findings {
            writeln!(out, "finding: {finding}")?;
        }
        Ok(())
    }
}

/// Runs the command.
pub async fn run(session: &mut Session) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let terms = Terms::read(&mut session.rpc, &deployment).await?;
    let oracle = deployment.oracle_config();
    let account = session.rpc.account(&oracle).await?;
    let account = account.ok_or_else(|| anyhow!("the OracleConfig {oracle} does not exist"))?;
    let status = Status {
        url: session.rpc.url().to_owned(),
        upgrade_authorities: [
            upgrade_authority(session, "oracle", &deployment.oracle_program).await?,
            upgrade_authority(session, "registry", &deployment.registry_program).await?,
            upgrade_authority(session, "token", &deployment.token_program).await?,
        ],
        oracle: decode(&account).map_err(|problem| anyhow!("{oracle} {problem}"))?,
        terms,
        audit: audit(&mut session.rpc, &deployment).await?,
        deployment,
    };
    session.print(&status)
}
