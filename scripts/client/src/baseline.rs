//! What a deployment looked like at a moment, to be compared with what it looks like later: who may do what, how it is wired,
//! its rules and limits, and what is registered of each meter.
//!
//! Events can be hidden: a transaction that fills its log loses them. Accounts can't: each counts its administrative changes
//! in its `revision`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared_state::{
    pda,
    state::{AccountLayout, Header, Meter, OracleConfig, RegistryConfig, TokenConfig},
};
use solana_account::Account;
use solana_program::pubkey::Pubkey;

use crate::{
    cluster::decode,
    deployment::Deployment,
    format::{rules_json, text},
};

/// The version of the file.
const FORMAT: u32 = 1;

/// A snapshot of a deployment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Baseline {
    format: u32,
    /// By address.
    accounts: BTreeMap<String, Snapshot>,
}

/// What an account says that only administrative changes change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Snapshot {
    /// "RegistryConfig", "Meter SN-1", "oracle program".
    role: String,
    fields: BTreeMap<String, String>,
}

impl Baseline {
    /// What these accounts say, and who may upgrade the programs.
    pub fn new(
        deployment: &Deployment,
        accounts: &BTreeMap<Pubkey, Account>,
        upgrade_authorities: [Option<Pubkey>; 3],
    ) -> Self {
        let mut snapshots = BTreeMap::new();
        for (program, authority) in deployment.programs().iter().zip(upgrade_authorities) {
            let authority = authority.map_or("nobody".to_owned(), |key| key.to_string());
            snapshots.insert(
                program.id.to_string(),
                Snapshot {
                    role: format!("{} program", program.name),
                    fields: [("upgrade_authority".to_owned(), authority)].into(),
                },
            );
        }
        for (address, account) in accounts {
            if let Some(snapshot) = snapshot(deployment, address, account) {
                snapshots.insert(address.to_string(), snapshot);
            }
        }
        Self {
            format: FORMAT,
            accounts: snapshots,
        }
    }

    /// The snapshot in a file's text.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let baseline: Self = serde_json::from_str(text)?;
        anyhow::ensure!(
            baseline.format == FORMAT,
            "its format is {}, not {FORMAT}: write a new one",
            baseline.format
        );
        Ok(baseline)
    }

    /// What has changed from `self` to `now`, a line each.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (address, before) in &self.accounts {
            let Some(after) = now.accounts.get(address) else {
                changes.push(format!("{} {address}: is gone", before.role));
                continue;
            };
            let names = before.fields.keys().chain(after.fields.keys());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names.dedup();
            for name in names {
                let value = |snapshot: &Snapshot| {
                    snapshot
                        .fields
                        .get(name)
                        .map_or("nothing".to_owned(), String::clone)
                };
                let (old, new) = (value(before), value(after));
                if old != new {
                    changes.push(format!(
                        "{} {address}: {name} was {old}, is {new}",
                        after.role
                    ));
                }
            }
        }
        for (address, after) in &now.accounts {
            if !self.accounts.contains_key(address) {
                changes.push(format!("{} {address}: is new", after.role));
            }
        }
        changes
    }
}

fn snapshot(deployment: &Deployment, address: &Pubkey, account: &Account) -> Option<Snapshot> {
    let mut fields = BTreeMap::new();
    let mut add = |name: &str, value: &dyn ToString| {
        fields.insert(name.to_owned(), value.to_string());
    };
    let role = if *address == deployment.oracle_config() {
        let config: OracleConfig = decode(account).ok()?;
        header(&mut add, &config.header);
        add("authority", &config.authority);
        add("pending_authority", &config.pending_authority);
        add("registry_program", &config.registry_program);
        add("rules", &rules_json(&config.rules));
        let reporters: Vec<_> = config.reporters().iter().map(Pubkey::to_string).collect();
        add("reporters", &reporters.join(" "));
        OracleConfig::NAME.to_owned()
    } else if *address == deployment.registry_config() {
        let config: RegistryConfig = decode(account).ok()?;
        header(&mut add, &config.header);
        add("authority", &config.authority);
        add("pending_authority", &config.pending_authority);
        add("oracle_authority", &config.oracle_authority);
        add("token_program", &config.token_program);
        add("minimum_quality", &config.minimum_quality);
        RegistryConfig::NAME.to_owned()
    } else if *address == deployment.token_config() {
        let config: TokenConfig = decode(account).ok()?;
        header(&mut add, &config.header);
        add("authority", &config.authority);
        add("pending_authority", &config.pending_authority);
        add("registry_authority", &config.registry_authority);
        add("mint", &config.mint);
        add("burst", &config.mint_limit.burst);
        add("rate_per_second", &config.mint_limit.rate_per_second);
        TokenConfig::NAME.to_owned()
    } else {
        let meter: Meter = decode(account).ok()?;
        let (expected, _) = pda::find_meter(&deployment.registry_program, &meter.meter_id);
        if expected != *address {
            return None;
        }
        header(&mut add, &meter.header);
        add("owner", &meter.owner);
        add("pending_owner", &meter.pending_owner);
        add("delegate", &meter.delegate);
        add("device_key", &meter.device_key);
        add("device_key_type", &meter.device_key_type);
        add("generation_capacity_w", &meter.state.generation_capacity_w);
        add(
            "consumption_capacity_w",
            &meter.state.consumption_capacity_w,
        );
        add("register_modulus", &meter.state.register_modulus);
        format!("Meter {}", text(&meter.meter_id))
    };
    Some(Snapshot { role, fields })
}

fn header(add: &mut impl FnMut(&str, &dyn ToString), header: &Header) {
    add("status", &header.status);
    add("revision", &header.revision);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;
    use shared_state::state::{AccountType, MeterStatus};

    fn accounts(deployment: &Deployment, meter: &Meter) -> BTreeMap<Pubkey, Account> {
        let config = RegistryConfig {
            header: Header::new(AccountType::RegistryConfig, 1, 0),
            ..RegistryConfig::zeroed()
        };
        let account = |data: &[u8]| Account {
            owner: deployment.registry_program,
            data: data.to_vec(),
            ..Account::default()
        };
        let address = pda::find_meter(&deployment.registry_program, &meter.meter_id).0;
        [
            (
                deployment.registry_config(),
                account(bytemuck::bytes_of(&config)),
            ),
            (address, account(bytemuck::bytes_of(meter))),
        ]
        .into()
    }

    #[test]
    fn what_changed_is_named_and_what_readings_change_is_not() {
        let deployment = Deployment {
            oracle_program: Pubkey::new_unique(),
            registry_program: Pubkey::new_unique(),
            token_program: Pubkey::new_unique(),
        };
        let mut meter = Meter {
            header: Header::new(AccountType::Meter, 2, MeterStatus::Active as u8),
            meter_id: shared_state::state::meter_id("SN-1").expect("an id"),
            ..Meter::zeroed()
        };
        let of = |meter: &Meter, authorities| {
            Baseline::new(&deployment, &accounts(&deployment, meter), authorities)
        };
        let upgrader = Pubkey::new_unique();
        let key = Some(upgrader);
        let before = of(&meter, [key; 3]);
        let text = serde_json::to_string(&before).expect("JSON");
        let before = Baseline::parse(&text).expect("a baseline");
        meter.state.accepted_count = 9;
        meter.rejected_count = 9;
        meter.settlement_count = 9;
        assert_eq!(before.changes(&of(&meter, [key; 3])), [""; 0]);

        // A change and back in one transaction leaves the revision.
        meter.header.revision = 2;
        let address = deployment.meter(&meter.meter_id);
        assert_eq!(
            before.changes(&of(&meter, [key; 3])),
            [format!("Meter SN-1 {address}: revision was 0, is 2")]
        );
        let [oracle, ..] = deployment.programs();
        let lost = format!(
            "oracle program {}: upgrade_authority was {}, is nobody",
            oracle.id, upgrader
        );
        assert!(before
            .changes(&of(&meter, [None, key, key]))
            .contains(&lost));
    }

    #[test]
    fn accounts_that_come_and_go_are_named() {
        let deployment = Deployment {
            oracle_program: Pubkey::new_unique(),
            registry_program: Pubkey::new_unique(),
            token_program: Pubkey::new_unique(),
        };
        let meter = Meter {
            header: Header::new(AccountType::Meter, 2, MeterStatus::Active as u8),
            meter_id: shared_state::state::meter_id("SN-1").expect("an id"),
            ..Meter::zeroed()
        };
        let with = Baseline::new(&deployment, &accounts(&deployment, &meter), [None; 3]);
        let without = Baseline::new(&deployment, &BTreeMap::new(), [None; 3]);
        let address = deployment.meter(&meter.meter_id);
        assert!(without
            .changes(&with)
            .contains(&format!("Meter SN-1 {address}: is new")));
        assert!(with
            .changes(&without)
            .contains(&format!("Meter SN-1 {address}: is gone")));
        assert!(Baseline::parse("{\"format\":2,\"accounts\":{}}").is_err());
    }
}
