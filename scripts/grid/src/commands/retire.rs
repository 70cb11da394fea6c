//! `grid retire`: burn GRID to claim the use of its energy.

use std::{
    io::{self, Write},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use clap::Args;
use gridtoken_client::{
    cluster::{in_use, Cluster},
    format::parse_grid,
};
use serde_json::Value;
use shared_state::{pda::find_retirement, quantity::BaseUnits};
use solana_program::{program_pack::Pack, pubkey::Pubkey};
use solana_signer::Signer;
use token_program::instruction::{retire_tokens, RetireTokens};

use crate::session::{address, Outcome, Report, Session};

#[derive(Args, Clone, Debug)]
pub struct Retire {
    /// How much (GRID), or ALL
    #[arg(value_parser = amount)]
    amount: Amount,
    /// On whose behalf: address, or file of a keypair [default: the holder's own]
    #[arg(long, value_parser = address)]
    beneficiary: Option<Pubkey>,
    /// What for, in your words: up to 64 bytes
    #[arg(long, default_value = "", value_parser = reference)]
    reference: [u8; 64],
    /// What tells the receipt from your others, such as an invoice's number: no two can have the same, so a repetition
    /// fails [default: microseconds since 1970]
    #[arg(long)]
    nonce: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Amount {
    All,
    BaseUnits(u64),
}

fn amount(text: &str) -> Result<Amount, String> {
    match text {
        "ALL" => Ok(Amount::All),
        text => parse_grid(text).map(Amount::BaseUnits),
    }
}

fn reference(text: &str) -> Result<[u8; 64], String> {
    let mut reference = [0; 64];
    reference
        .get_mut(..text.len())
        .ok_or_else(|| format!("it has {} bytes, and there is room for 64", text.len()))?
        .copy_from_slice(text.as_bytes());
    Ok(reference)
}

/// A retirement, and where its receipt is.
struct Retired {
    outcome: Outcome,
    receipt: Pubkey,
}

impl Report for Retired {
    fn json(&self) -> Value {
        let mut json = self.outcome.json();
        json["retirement"] = self.receipt.to_string().into();
        json
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.outcome.write(out)?;
        writeln!(out, "receipt {0}: grid retirement show {0}", self.receipt)
    }
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Retire) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let signer = session.signer()?;
    let holder = signer.pubkey();
    let from = deployment.grid_account(&holder);
    let account = in_use(session.rpc.account(&from).await?);
    let account = account.with_context(|| {
        format!("{holder} has no GRID: its token account {from} does not exist")
    })?;
    let amount = match command.amount {
        Amount::BaseUnits(amount) => amount,
        Amount::All => {
            spl_token::state::Account::unpack(&account.data)
                .with_context(|| format!("{from} is not a token account"))?
                .amount
        }
    };
    let nonce = match command.nonce {
        Some(nonce) => nonce,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64,
    };
    let instruction = retire_tokens(
        &deployment.token_program,
        &holder,
        &from,
        &session.payer()?.pubkey(),
        RetireTokens {
            amount: BaseUnits(amount),
            nonce,
            beneficiary: command.beneficiary.unwrap_or(holder),
            reference: command.reference,
        },
    );
    let outcome = session.execute(&[&signer], &[instruction]).await?;
    session.print(&Retired {
        outcome,
        receipt: find_retirement(&deployment.token_program, &holder, nonce).0,
    })
}
