//! `grid retirement`: the receipts that retirements leave.

use std::{
    io::{self, Write},
    mem::offset_of,
};

use anyhow::anyhow;
use clap::Subcommand;
use gridtoken_client::{
    cluster::{decode, read},
    format::{format_time, grid, text},
};
use serde_json::{json, Value};
use shared_state::state::{AccountType, Retirement};
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use crate::session::{address, Report, Session};

#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Show a receipt
    Show {
        /// Its address
        #[arg(value_parser = address)]
        receipt: Pubkey,
    },
    /// List a holder's receipts, oldest first
    List {
        /// Whose: address, or file of a keypair [default: that of --keypair]
        #[arg(value_parser = address)]
        holder: Option<Pubkey>,
    },
}

/// A receipt, and where it is.
struct Receipt {
    address: Pubkey,
    retirement: Retirement,
}

impl Report for Receipt {
    fn json(&self) -> Value {
        let retirement = &self.retirement;
        json!({
            "address": self.address.to_string(),
            "holder": retirement.holder.to_string(),
            "beneficiary": retirement.beneficiary.to_string(),
            "amount": retirement.amount.0,
            "retired_at": retirement.retired_at,
            "nonce": retirement.nonce,
            "reference": text(&retirement.reference),
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let retirement = &self.retirement;
        let mut line = |what: &str, value: String| writeln!(out, "{what:<16}{value}");
        line("receipt", self.address.to_string())?;
        line("amount", format!("{} GRID", grid(retirement.amount.0)))?;
        line("retired", format_time(retirement.retired_at))?;
        line("holder", retirement.holder.to_string())?;
        line("beneficiary", retirement.beneficiary.to_string())?;
        line("reference", text(&retirement.reference))?;
        line("nonce", retirement.nonce.to_string())
    }
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Command) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    match command {
        Command::Show { receipt: address } => {
            let retirement = read(&session.rpc, &address).await?;
            session.print(&Receipt {
                address,
                retirement,
            })
        }
        Command::List { holder } => {
            let holder = match holder {
                Some(holder) => holder,
                None => session.signer()?.pubkey(),
            };
            let of_holder = Some((offset_of!(Retirement, holder), &holder));
            let accounts = session
                .rpc
                .accounts_of(
                    &deployment.token_program,
                    AccountType::Retirement,
                    of_holder,
                )
                .await?;
            let mut receipts = Vec::new();
            for (address, account) in accounts {
                let retirement = decode::<Retirement>(&account)
                    .map_err(|problem| anyhow!("{address} {problem}"))?;
                receipts.push(Receipt {
                    address,
                    retirement,
                });
            }
            receipts.sort_by_key(|receipt| (receipt.retirement.retired_at, receipt.address));
            session.print(&receipts)
        }
    }
}
