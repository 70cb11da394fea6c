//! `grid balance`: the GRID of an owner, and what its meters have for it.

use std::{
    io::{self, Write},
    mem::offset_of,
};

use anyhow::{anyhow, Context};
use clap::Args;
use gridtoken_client::{
    claim::{base_units, Terms, Unsettled},
    cluster::{decode, in_use, Cluster},
    format::{grid, kwh},
};
use serde_json::{json, Value};
use shared_state::{quantity::BaseUnits, state::Meter};
use solana_program::{program_pack::Pack, pubkey::Pubkey};
use solana_signer::Signer;

use super::waiting_json;
use crate::session::{address, Report, Session};

#[derive(Args, Clone, Debug)]
pub struct Balance {
    /// Whose: address, or file of a keypair [default: that of --keypair]
    #[arg(value_parser = address)]
    owner: Option<Pubkey>,
}

struct Found {
    owner: Pubkey,
    token_account: Pubkey,
    /// None if the token account does not exist.
    balance: Option<BaseUnits>,
    meters: usize,
    unsettled: Unsettled,
}

impl Report for Found {
    fn json(&self) -> Value {
        json!({
            "owner": self.owner.to_string(),
            "token_account": self.token_account.to_string(),
            "token_account_exists": self.balance.is_some(),
            "balance": self.balance.unwrap_or_default().0,
            "meters": self.meters,
            "unsettled_wh": self.unsettled.total().0,
            "claimable_wh": self.unsettled.claimable.0,
            "not_yet_claimable": waiting_json(&self.unsettled),
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let created = match self.balance {
            Some(_) => "",
            None => ", which the first settlement makes",
        };
        writeln!(
            out,
            "{} GRID in {}{created}",
            grid(self.balance.unwrap_or_default().0),
            self.token_account
        )?;
        writeln!(
            out,
            "{} kWh unsettled at {} meters, {} GRID of it claimable now",
            kwh(self.unsettled.total().0),
            self.meters,
            grid(base_units(self.unsettled.claimable).0)
        )?;
        for (error, energy) in &self.unsettled.waiting {
            writeln!(out, "{} kWh not yet claimable: {error}", kwh(energy.0))?;
        }
        Ok(())
    }
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Balance) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let owner = match command.owner {
        Some(owner) => owner,
        None => session.signer()?.pubkey(),
    };
    let token_account = deployment.grid_account(&owner);
    let balance = match in_use(session.rpc.account(&token_account).await?) {
        Some(account) => Some(BaseUnits(
            spl_token::state::Account::unpack(&account.data)
                .with_context(|| format!("{token_account} is not a token account"))?
                .amount,
        )),
        None => None,
    };
    let terms = Terms::read(&session.rpc, &deployment).await?;
    let of_owner = Some((offset_of!(Meter, owner), &owner));
    let accounts = session
        .rpc
        .meters(&deployment.registry_program, of_owner)
        .await?;
    let mut meters: Vec<Meter> = Vec::new();
    for (address, account) in &accounts {
        meters.push(decode(account).map_err(|problem| anyhow!("{address} {problem}"))?);
    }
    session.print(&Found {
        owner,
        token_account,
        balance,
        meters: meters.len(),
        unsettled: Unsettled::of(&terms, &meters),
    })
}
