//! The commands on a real cluster: a file each.

pub mod audit;
pub mod authority;
pub mod balance;
pub mod convert;
pub mod events;
pub mod init;
pub mod meter;
pub mod minting;
pub mod oracle;
pub mod readings;
pub mod registry;
pub mod reporter;
pub mod retire;
pub mod retirement;
pub mod settle;
pub mod status;

use anyhow::{anyhow, Context};
use gridtoken_client::{
    claim::Unsettled,
    cluster::{decode, in_use, Cluster},
    deployment::Deployment,
};
use serde_json::{json, Value};
use shared_state::state::{meter_id, Meter};
use solana_program::pubkey::Pubkey;

use crate::session::Session;

/// A meter's serial number, as an argument.
pub fn serial(text: &str) -> Result<String, String> {
    match meter_id(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The meter of a serial number.
pub async fn find_meter(
    session: &mut Session,
    deployment: &Deployment,
    serial: &str,
) -> anyhow::Result<(Pubkey, Meter)> {
    let address = deployment.meter(&meter_id(serial)?);
    let account = in_use(session.rpc.account(&address).await?).with_context(|| {
        format!(
            "the meter {serial} is not registered with {} on {} (its account would be {address}): check the spelling, or grid meter list",
            deployment.registry_program,
            session.rpc.url()
        )
    })?;
    let meter = decode(&account).map_err(|problem| anyhow!("{address} {problem}"))?;
    Ok((address, meter))
}

/// What is not yet claimable, and why.
pub fn waiting_json(unsettled: &Unsettled) -> Value {
    unsettled
        .waiting
        .iter()
        .map(|(error, energy)| {
            json!({
                "wh": energy.0,
                "code": error.code(),
                "error": format!("{error:?}"),
                "because": error.to_string(),
            })
        })
        .collect()
}
