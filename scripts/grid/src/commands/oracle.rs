//! `grid oracle`: pausing all readings, and the validation rules.

use clap::{Args, Subcommand};
use gridtoken_client::cluster::read;
use oracle_program::instruction::{set_active, set_rules};
use shared_state::{
    quantity::Bps,
    state::{OracleConfig, Rules},
};
use solana_signer::Signer;

use crate::session::Session;

#[derive(Subcommand, Clone, Debug)]
pub enum Oracle {
    /// Take no readings until further notice; the meters go on counting
    Pause,
    /// Take readings again
    Resume,
    /// Change numbers in the validation rules; those that are not named stay (grid status shows them)
    Rules(NewRules),
}

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = true)]
pub struct NewRules {
    /// How far ahead of the cluster's clock a reading may be
    #[arg(long, value_name = "SECONDS")]
    max_future_skew: Option<u32>,
    /// How old a reading may be
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u32>,
    /// The shortest time between two readings of a meter
    #[arg(long, value_name = "SECONDS")]
    min_interval: Option<u32>,
    /// The usual time between two readings of a meter
    #[arg(long, value_name = "SECONDS")]
    expected_interval: Option<u32>,
    /// From which age on a reading counts as late
    #[arg(long, value_name = "SECONDS")]
    late_after: Option<u32>,
    /// How many mean deviations from the mean power are an anomaly (10000 is one) ...
    #[arg(long, value_name = "BPS")]
    anomaly_threshold: Option<u32>,
    /// ... plus this share of the rated power ...
    #[arg(long, value_name = "BPS")]
    anomaly_floor: Option<u16>,
    /// ... once the meter has this many accepted readings
    #[arg(long, value_name = "COUNT")]
    anomaly_warm_up: Option<u16>,
    /// By how much a reading may exceed what the rated power allows (1000, which is 10 %, at most)
    #[arg(long, value_name = "BPS")]
    power_tolerance: Option<u16>,
    /// More than how many times what the rated power allows is a jump, which is held until somebody has looked
    #[arg(long, value_name = "FACTOR")]
    jump_factor: Option<u16>,
}

impl NewRules {
    /// The rules after this change.
    fn over(&self, old: Rules) -> Rules {
        Rules {
            max_future_skew: self.max_future_skew.unwrap_or(old.max_future_skew),
            max_age: self.max_age.unwrap_or(old.max_age),
            min_interval: self.min_interval.unwrap_or(old.min_interval),
            expected_interval: self.expected_interval.unwrap_or(old.expected_interval),
            late_after: self.late_after.unwrap_or(old.late_after),
            anomaly_threshold: self.anomaly_threshold.unwrap_or(old.anomaly_threshold),
            anomaly_floor: self.anomaly_floor.map_or(old.anomaly_floor, Bps),
            anomaly_warm_up: self.anomaly_warm_up.unwrap_or(old.anomaly_warm_up),
            power_tolerance: self.power_tolerance.map_or(old.power_tolerance, Bps),
            jump_factor: self.jump_factor.unwrap_or(old.jump_factor),
        }
    }
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Oracle) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let oracle = deployment.oracle_program;
    let signer = session.signer()?;
    let instruction = match command {
        Oracle::Pause => set_active(&oracle, &signer.pubkey(), false),
        Oracle::Resume => set_active(&oracle, &signer.pubkey(), true),
        Oracle::Rules(rules) => {
            let config: OracleConfig = read(&session.rpc, &deployment.oracle_config()).await?;
            set_rules(&oracle, &signer.pubkey(), rules.over(config.rules))
        }
    };
    let outcome = session.execute(&[&signer], &[instruction]).await?;
    session.print(&outcome)
}
