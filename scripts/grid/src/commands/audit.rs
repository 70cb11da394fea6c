//! `grid audit`: the protocol's invariants, from chain state alone.

use std::io::{self, Write};

use anyhow::ensure;
use gridtoken_client::{
    audit::{audit, Report as Audit},
    deployment::Deployment,
};
use serde_json::{json, Value};
use shared_state::quantity::BaseUnits;

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
        self.audit.write(out)
    }
}

/// Runs the command: fails if a rule is broken.
pub async fn run(session: &mut Session) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let audit = audit(&session.rpc, &deployment).await?;
    let audited = Audited { deployment, audit };
    session.print(&audited)?;
    ensure!(
        audited.audit.findings.is_empty(),
        "the audit found something"
    );
    Ok(())
}
