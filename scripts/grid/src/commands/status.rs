//! `grid status`: a deployment's configuration, who may do what, and totals.

use std::io::{self, Write};

use anyhow::anyhow;
use gridtoken_client::{
    audit::{audit, Report as Audit},
    claim::Terms,
    cluster::{decode, Cluster},
    deployment::Deployment,
    format::{grid, kwh, percent, rules_json, someone},
    loader::upgrade_authority,
};
use serde_json::{json, Value};
use shared_state::{
    quantity::{BaseUnits, Bps},
    state::{OracleConfig, Rules, TokenConfig, MINTING_ENABLED, ORACLE_ACTIVE},
};
use solana_program::pubkey::Pubkey;

use super::audit::base_units_json;
use crate::session::{Report, Session};

/// The rules with their units.
fn rules(rules: &Rules) -> [(&'static str, String); 10] {
    let seconds = |seconds: u32| format!("{seconds} s");
    let times = |bps: u32| format!("{} times the mean deviation", f64::from(bps) / 10_000.0);
    let of_rated_power = |share: Bps| format!("{} of the rated power", percent(share.0));
    [
        ("max_future_skew", seconds(rules.max_future_skew)),
        ("max_age", seconds(rules.max_age)),
        ("min_interval", seconds(rules.min_interval)),
        ("expected_interval", seconds(rules.expected_interval)),
        ("late_after", seconds(rules.late_after)),
        ("anomaly_threshold", times(rules.anomaly_threshold)),
        ("anomaly_floor", of_rated_power(rules.anomaly_floor)),
        (
            "anomaly_warm_up",
            format!("{} readings", rules.anomaly_warm_up),
        ),
        ("power_tolerance", of_rated_power(rules.power_tolerance)),
        (
            "jump_factor",
            format!("{} times what the rated power allows", rules.jump_factor),
        ),
    ]
}

/// What the mint limit leaves; for a token that has one.
fn available(token: &TokenConfig, now: i64) -> BaseUnits {
    token.mint_limit.available_at(now).unwrap_or(BaseUnits::MAX)
}

struct Status {
    url: String,
    deployment: Deployment,
    upgrade_authorities: [Option<Pubkey>; 3],
    oracle: OracleConfig,
    terms: Terms,
    audit: Audit,
}

impl Report for Status {
    fn json(&self) -> Value {
        let Terms {
            registry, token, ..
        } = &self.terms;
        let limit = match token.mint_limit.is_set() {
            true => json!({
                "burst": token.mint_limit.burst.0,
                "rate_per_second": token.mint_limit.rate_per_second.0,
                "available": available(token, self.terms.now).0,
            }),
            false => Value::Null,
        };
        let reporters = self.oracle.reporters().iter().map(Pubkey::to_string);
        json!({
            "url": self.url,
            "oracle": {
                "program": self.deployment.oracle_program.to_string(),
                "config": self.deployment.oracle_config().to_string(),
                "upgrade_authority": self.upgrade_authorities[0].as_ref().and_then(someone),
                "authority": someone(&self.oracle.authority),
                "pending_authority": someone(&self.oracle.pending_authority),
                "active": self.oracle.header.status == ORACLE_ACTIVE,
                "reporters": reporters.collect::<Vec<_>>(),
                "rules": rules_json(&self.oracle.rules),
            },
            "registry": {
                "program": self.deployment.registry_program.to_string(),
                "config": self.deployment.registry_config().to_string(),
                "upgrade_authority": self.upgrade_authorities[1].as_ref().and_then(someone),
                "authority": someone(&registry.authority),
                "pending_authority": someone(&registry.pending_authority),
                "minimum_quality": registry.minimum_quality.0,
            },
            "token": {
                "program": self.deployment.token_program.to_string(),
                "config": self.deployment.token_config().to_string(),
                "mint": self.deployment.mint().to_string(),
                "upgrade_authority": self.upgrade_authorities[2].as_ref().and_then(someone),
                "authority": someone(&token.authority),
                "pending_authority": someone(&token.pending_authority),
                "minting_enabled": token.header.status == MINTING_ENABLED,
                "mint_limit": limit,
            },
            "meters": self.audit.meters,
            "held_meters": self.audit.held,
            "settled_wh": u64::try_from(self.audit.settled_wh).unwrap_or(u64::MAX),
            "minted_wh": self.audit.minted.0,
            "retired": base_units_json(self.audit.retired),
            "supply": self.audit.supply.0,
            "findings": self.audit.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Terms {
            registry, token, ..
        } = &self.terms;
        let name = |key: &Pubkey| someone(key).unwrap_or("nobody".to_owned());
        let upgrade =
            |key: &Option<Pubkey>| key.as_ref().map_or("nobody any more".to_owned(), name);
        let pending = |key: &Pubkey| {
            someone(key).map_or(String::new(), |key| {
                format!("; {key} may accept to be the next")
            })
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
        for (name, value) in rules(&self.oracle.rules) {
            line(&format!("  {name}"), value)?;
        }

        line(
            "registry program",
            self.deployment.registry_program.to_string(),
        )?;
        line("  replace the code", upgrade(&self.upgrade_authorities[1]))?;
        line(
            "  meters, quality",
            name(&registry.authority) + &pending(&registry.pending_authority),
        )?;
        line("  minimum quality", percent(registry.minimum_quality.0))?;
        line(
            "  meters",
            match self.audit.held {
                0 => self.audit.meters.to_string(),
                held => format!(
                    "{}, {held} of them with a held register (grid meter list)",
                    self.audit.meters
                ),
            },
        )?;

        line("token program", self.deployment.token_program.to_string())?;
        line("  replace the code", upgrade(&self.upgrade_authorities[2]))?;
        line(
            "  minting, limit",
            name(&token.authority) + &pending(&token.pending_authority),
        )?;
        let limit = match token.mint_limit.is_set() {
            true => format!(
                "at most {} GRID at once and {} a second, {} now",
                grid(token.mint_limit.burst.0),
                grid(token.mint_limit.rate_per_second.0),
                grid(available(token, self.terms.now).0)
            ),
            false => "without limit".to_owned(),
        };
        line(
            "  minting",
            match token.header.status == MINTING_ENABLED {
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
                kwh(self.audit.minted.0),
                kwh(
                    u64::try_from(self.audit.retired / u128::from(BaseUnits::PER_WH))
                        .unwrap_or(u64::MAX)
                ),
                grid(self.audit.supply.0)
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
    let programs = deployment.programs();
    let terms = Terms::read(&session.rpc, &deployment).await?;
    let oracle = programs[0].config;
    let account = session.rpc.account(&oracle).await?;
    let account = account.ok_or_else(|| anyhow!("the OracleConfig {oracle} does not exist"))?;
    let status = Status {
        url: session.rpc.url().to_owned(),
        upgrade_authorities: [
            upgrade_authority(&session.rpc, &programs[0]).await?,
            upgrade_authority(&session.rpc, &programs[1]).await?,
            upgrade_authority(&session.rpc, &programs[2]).await?,
        ],
        oracle: decode(&account).map_err(|problem| anyhow!("{oracle} {problem}"))?,
        terms,
        audit: audit(&session.rpc, &deployment).await?,
        deployment,
    };
    session.print(&status)
}
