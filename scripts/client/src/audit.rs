//! The protocol's invariants, recomputed from accounts alone.
//!
//! 1. Supply: all settled energy was minted and nothing else, and the mint's supply is what was minted less what was
//!    retired or otherwise burned.
//! 2. No meter has settled more than it has generated. (Than the highest net that it has had, which is less, can't be
//!    told from accounts.)
//! 3. Only settlements mint: the three programs are wired to each other, and nobody else has a say over the mint.
//!
//! Every account of the registry program is looked at; one that is neither its configuration nor a sound meter is a
//! finding too. Each [`Finding`] names the account that breaks the rule.

use std::{collections::BTreeMap, fmt, io::Write};

use anyhow::bail;
use borsh::BorshDeserialize;
use shared_state::{
    pda,
    quantity::{BaseUnits, Bps, Wh, GRID_DECIMALS, MAX_CAPACITY_W},
    state::{
        meter_name, AccountLayout, Header, Meter, MeterStatus, MintLimit, OracleConfig,
        RegistryConfig, TokenConfig,
    },
};
use solana_account::Account;
use solana_program::{program_option::COption, program_pack::Pack, pubkey::Pubkey};

use crate::{
    cluster::{decode, Cluster},
    deployment::{Deployment, Program},
};

/// A rule that an account breaks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The account.
    pub account: Pubkey,
    /// What it is: "TokenConfig", "Meter SOLAR-001", ...
    pub role: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.role, self.account, self.problem)
    }
}

/// What an audit saw.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Number of meters.
    pub meters: u64,
    /// How many of them have a held register.
    pub held: u64,
    /// Energy that all meters have settled (Wh).
    pub settled_wh: u128,
    /// What the TokenConfig says was minted.
    pub minted: Wh,
    /// What it says was retired (base units).
    pub retired: u128,
    /// The mint's supply.
    pub supply: BaseUnits,
    /// Accounts of the registry program that hold nothing but zeros: anybody can have such accounts made, nobody can
    /// write into them, and they are no meters.
    pub empty_accounts: u64,
    /// What is wrong; empty if every rule holds.
    pub findings: Vec<Finding>,
}

impl Report {
    /// What holders burned without retiring it (base units).
    pub fn burned_otherwise(&self) -> u128 {
        base_units(self.minted.0.into())
            .saturating_sub(self.retired)
            .saturating_sub(self.supply.0.into())
    }

    /// Writes the figures and the findings for people.
    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        for finding in &self.findings {
            writeln!(out, "finding: {finding}")?;
        }
        writeln!(
            out,
            "audit: {} meters have settled {} Wh x 10^6 = {}; minted {}, retired {}, otherwise burned {}, supply {}: {}",
            self.meters,
            self.settled_wh,
            base_units(self.settled_wh),
            base_units(self.minted.0.into()),
            self.retired,
            self.burned_otherwise(),
            self.supply,
            match self.findings.len() {
                0 => "all rules hold".to_owned(),
                count => format!("{count} findings"),
            }
        )
    }

    fn find(&mut self, account: &Pubkey, role: &str, problem: impl Into<String>) {
        self.findings.push(Finding {
            account: *account,
            role: role.to_owned(),
            problem: problem.into(),
        });
    }
}

/// GRID for energy, in base units: more than a supply can hold, over the years.
fn base_units(wh: u128) -> u128 {
    wh * u128::from(BaseUnits::PER_WH)
}

/// How often the accounts are read again because something was minted or burned meanwhile.
const ATTEMPTS: usize = 20;

/// Audits a deployment.
pub async fn audit(cluster: &impl Cluster, deployment: &Deployment) -> anyhow::Result<Report> {
    Ok(check(deployment, &read(cluster, deployment).await?))
}

/// The accounts that an audit looks at: the configs, the mint and all accounts of the registry program, as of one state of
/// what was minted.
///
/// The meters can't be read in one moment with the token. So the token is read before and after them, until as much has been
/// minted: then nothing was settled in between, because every settlement mints. Whatever else changes meanwhile, such as
/// lamports that somebody sends, doesn't matter: the token, the mint and the oracle are of one moment.
pub async fn read(
    cluster: &impl Cluster,
    deployment: &Deployment,
) -> anyhow::Result<BTreeMap<Pubkey, Account>> {
    let addresses = [
        deployment.token_config(),
        deployment.mint(),
        deployment.oracle_config(),
    ];
    let mut before = cluster.accounts(&addresses).await?;
    for _ in 0..ATTEMPTS {
        let meters = cluster
            .program_accounts(&deployment.registry_program)
            .await?;
        let after = cluster.accounts(&addresses).await?;
        if minted(&after) == minted(&before) {
            let mut accounts: BTreeMap<Pubkey, Account> = meters.into_iter().collect();
            for (address, account) in addresses.into_iter().zip(after) {
                accounts.extend(account.map(|account| (address, account)));
            }
            return Ok(accounts);
        }
        before = after;
    }
    bail!("GRID was minted during each of {ATTEMPTS} attempts to read all meters: try again when it is quieter, or ask a node that is nearer")
}

/// How much has been minted in all, by the first of these accounts; nothing if it is no TokenConfig.
fn minted(accounts: &[Option<Account>]) -> Option<Wh> {
    let account = accounts.first()?.as_ref()?;
    let token = decode::<TokenConfig>(account).ok()?;
    Some(token.total_minted)
}

/// The rules, over the configs, the mint and all accounts of the registry program.
pub fn check(deployment: &Deployment, accounts: &BTreeMap<Pubkey, Account>) -> Report {
    let mut report = Report::default();
    let token = wiring(&mut report, deployment, accounts);
    for (address, account) in accounts {
        if account.owner == deployment.registry_program && *address != deployment.registry_config()
        {
            meter(&mut report, deployment, address, account);
        }
    }
    supply(&mut report, deployment, accounts, token.as_ref());
    report
}

/// The rules about the three configs. Returns the TokenConfig, if there is one.
pub fn wiring(
    report: &mut Report,
    deployment: &Deployment,
    accounts: &BTreeMap<Pubkey, Account>,
) -> Option<TokenConfig> {
    let programs = deployment.programs();
    let oracle = config::<OracleConfig>(report, accounts, &programs[0]);
    let registry = config::<RegistryConfig>(report, accounts, &programs[1]);
    let token = config::<TokenConfig>(report, accounts, &programs[2]);
    let [oracle_address, registry_address, token_address] = programs.map(|program| program.config);

    if let Some(oracle) = &oracle {
        if oracle.registry_program != deployment.registry_program {
            let problem = format!(
                "reports to another registry program, {}",
                oracle.registry_program
            );
            report.find(&oracle_address, OracleConfig::NAME, problem);
        }
    }
    if let Some(registry) = &registry {
        if registry.minimum_quality > Bps::FULL {
            let problem = format!("has a minimum quality of {} bps", registry.minimum_quality);
            report.find(&registry_address, RegistryConfig::NAME, problem);
        }
        for (is, should_be, what) in [
            (
                registry.oracle_authority,
                oracle_address,
                "takes readings from",
            ),
            (
                registry.token_program,
                deployment.token_program,
                "mints with",
            ),
        ] {
            if is != should_be {
                let problem = format!("{what} {is}, which is not this deployment's {should_be}");
                report.find(&registry_address, RegistryConfig::NAME, problem);
            }
        }
    }
    if let Some(token) = &token {
        for (is, should_be, what) in [
            (token.registry_authority, registry_address, "obeys"),
            (token.mint, deployment.mint(), "mints"),
        ] {
            if is != should_be {
                let problem = format!("{what} {is}, which is not this deployment's {should_be}");
                report.find(&token_address, TokenConfig::NAME, problem);
            }
        }
        let MintLimit {
            burst,
            rate_per_second,
            ..
        } = token.mint_limit;
        if !MintLimit::is_valid(burst, rate_per_second) {
            let problem = format!("has a mint limit of {burst} and {rate_per_second} per second");
            report.find(&token_address, TokenConfig::NAME, problem);
        }
    }
    token
}

/// A config at its derived address.
fn config<T: AccountLayout + BorshDeserialize>(
    report: &mut Report,
    accounts: &BTreeMap<Pubkey, Account>,
    program: &Program,
) -> Option<T> {
    let address = program.config;
    let Some(account) = accounts.get(&address) else {
        report.find(
            &address,
            T::NAME,
            "does not exist: is the program initialized?",
        );
        return None;
    };
    if account.owner != program.id {
        let problem = format!("belongs to the program {}", account.owner);
        report.find(&address, T::NAME, problem);
        return None;
    }
    match decode::<T>(account) {
        Ok(config) => {
            check_bump(report, &address, T::NAME, account, program.config_bump);
            Some(config)
        }
        Err(problem) => {
            report.find(&address, T::NAME, problem);
            None
        }
    }
}

fn check_bump(report: &mut Report, address: &Pubkey, role: &str, account: &Account, bump: u8) {
    let stored = Header::try_from_slice(account.data.get(..8).unwrap_or_default());
    if !stored.is_ok_and(|header| header.bump == bump) {
        report.find(address, role, format!("does not have its bump {bump}"));
    }
}

fn meter(report: &mut Report, deployment: &Deployment, address: &Pubkey, account: &Account) {
    if account.data.iter().all(|byte| *byte == 0) {
        report.empty_accounts += 1;
        return;
    }
    let meter = match decode::<Meter>(account) {
        Ok(meter) => meter,
        Err(problem) => return report.find(address, "account of the registry", problem),
    };
    report.meters += 1;
    report.held += u64::from(meter.state.is_held());
    report.settled_wh += u128::from(meter.settled_net_generation.0);
    let name = meter_name(&meter.meter_id);
    let role = format!("Meter {}", name.unwrap_or("with an invalid id"));
    let (expected, bump) = pda::find_meter(&deployment.registry_program, &meter.meter_id);
    if name.is_err() || expected != *address {
        let problem = format!("is not at the address of its meter id, {expected}");
        report.find(address, &role, problem);
    } else {
        check_bump(report, address, &role, account, bump);
    }

    let Meter {
        settled_net_generation: settled,
        total_generation: generated,
        total_consumption: consumed,
        claimable_net_generation: claimable,
        settlement_count,
        state,
        ..
    } = meter;
    let quality = state.quality;
    let capacities = [state.generation_capacity_w, state.consumption_capacity_w];
    for (broken, problem) in [
        (
            // A correction takes away what was counted, but not what was settled.
            settled > generated && state.corrected_at == 0,
            format!("has settled {settled} Wh of {generated} Wh generated"),
        ),
        (
            claimable > generated,
            format!("has {claimable} Wh claimable in all, but {generated} Wh generated"),
        ),
        (
            (settled == Wh::ZERO) != (settlement_count == 0),
            format!("has settled {settled} Wh in {settlement_count} settlements"),
        ),
        (
            state.accepted_count == 0 && (generated, consumed) != (Wh::ZERO, Wh::ZERO),
            format!("has generated {generated} and consumed {consumed} Wh without a reading"),
        ),
        (
            MeterStatus::from_byte(meter.header.status).is_none(),
            format!("has an unknown status, {}", meter.header.status),
        ),
        (
            (meter.rejected_count == 0) != (meter.last_reject_reason == 0),
            format!(
                "has {} rejected readings, the last one for reason {}",
                meter.rejected_count, meter.last_reject_reason
            ),
        ),
        (
            quality > Bps::FULL,
            format!("has a quality of {quality} basis points"),
        ),
        (
            capacities.iter().any(|w| !(1..=MAX_CAPACITY_W).contains(w)),
            format!(
                "has rated powers of {} and {} W",
                capacities[0], capacities[1]
            ),
        ),
        (
            state.last_reading_at < meter.registered_at,
            "was read last before it was registered".to_owned(),
        ),
    ] {
        if broken {
            report.find(address, &role, problem);
        }
    }
}

/// Settled, minted and supply.
fn supply(
    report: &mut Report,
    deployment: &Deployment,
    accounts: &BTreeMap<Pubkey, Account>,
    token: Option<&TokenConfig>,
) {
    let (mint_address, token_address) = (deployment.mint(), deployment.token_config());
    let mint = accounts
        .get(&mint_address)
        .filter(|account| account.owner == spl_token::ID)
        .and_then(|account| spl_token::state::Mint::unpack(&account.data).ok());
    let Some(mint) = mint else {
        return report.find(
            &mint_address,
            "GRID mint",
            "is not a mint of the SPL Token program",
        );
    };
    report.supply = BaseUnits(mint.supply);
    if mint.decimals != GRID_DECIMALS {
        let problem = format!("has {} decimals instead of {GRID_DECIMALS}", mint.decimals);
        report.find(&mint_address, "GRID mint", problem);
    }
    if mint.mint_authority != COption::Some(token_address) {
        let problem = "has another mint authority than the TokenConfig";
        report.find(&mint_address, "GRID mint", problem);
    }
    if mint.freeze_authority.is_some() {
        report.find(&mint_address, "GRID mint", "has a freeze authority");
    }

    let Some(token) = token else { return };
    report.minted = token.total_minted;
    report.retired = base_units(token.total_retired.0.into()) + u128::from(token.retired_beside.0);
    if report.settled_wh != u128::from(token.total_minted.0) {
        let problem = format!(
            "has minted {} Wh, but the meters have settled {} Wh",
            token.total_minted, report.settled_wh
        );
        report.find(&token_address, TokenConfig::NAME, problem);
    }
    let minted = base_units(token.total_minted.0.into());
    if report.retired + u128::from(mint.supply) > minted {
        let problem = format!(
            "has a supply of {}, but {minted} were minted and {} of them retired",
            mint.supply, report.retired
        );
        report.find(&mint_address, "GRID mint", problem);
    }
}
