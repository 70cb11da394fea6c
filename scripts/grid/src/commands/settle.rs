//! `grid settle`: an owner, or its delegate, has GRID minted for what is unsettled.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    mem::offset_of,
};

use anyhow::{anyhow, bail, ensure};
use clap::Args;
use gridtoken_client::{
    claim::Terms,
    cluster::{decode, in_use, Cluster},
    deployment::Deployment,
    format::{grid, kwh, text},
    rpc::with_budget,
    transaction::fits,
};
use registry_program::instruction::settle_many_and_mint_tokens;
use serde_json::{json, Value};
use shared_state::{event::Event, quantity::Wh, state::Meter, GridError};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use spl_associated_token_account::instruction::create_associated_token_account_idempotent;

use super::{find_meter, serial};
use crate::session::{Outcome, Report, Session};

/// More meters than fit into one.
const MOST_METERS: usize = 32;

#[derive(Args, Clone, Debug)]
pub struct Settle {
    /// The meters' serial numbers
    #[arg(value_parser = serial, required_unless_present = "all")]
    meters: Vec<String>,
    /// All meters of which the signer is the owner or the delegate, and that have something to settle
    #[arg(long, conflicts_with = "meters")]
    all: bool,
}

type Claim = (Pubkey, Meter);

/// What a transaction settled, and what it did not.
struct Settlement {
    owner: Pubkey,
    token_account: Pubkey,
    creates_account: bool,
    outcome: Outcome,
    /// Meters that were passed over, and why.
    passed_over: Vec<(String, GridError)>,
}

impl Settlement {
    /// Energy (Wh), base units, and number of meters.
    fn totals(&self) -> (u64, u64, usize) {
        let (mut energy, mut amount, mut meters) = (0, 0, 0);
        for event in &self.outcome.events {
            match event {
                Event::MeterBalanceSettled(settled) => {
                    energy += settled.amount_settled.0;
                    meters += 1;
                }
                Event::TokensMinted(minted) => amount += minted.amount.0,
                _ => {}
            }
        }
        (energy, amount, meters)
    }
}

impl Report for Settlement {
    fn json(&self) -> Value {
        let (energy, amount, meters) = self.totals();
        let passed_over: Vec<Value> = self
            .passed_over
            .iter()
            .map(|(meter, error)| json!({ "meter": meter, "error": format!("{error:?}"), "code": error.code() }))
            .collect();
        json!({
            "owner": self.owner.to_string(),
            "token_account": self.token_account.to_string(),
            "token_account_created": self.creates_account,
            "meters": meters,
            "settled_wh": energy,
            "minted": amount,
            "passed_over": passed_over,
            "transaction": self.outcome.json(),
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.outcome.write(out)?;
        for (meter, error) in &self.passed_over {
            writeln!(out, "{meter} was passed over: {error}")?;
        }
        let (energy, amount, meters) = self.totals();
        writeln!(
            out,
            "{} kWh of {meters} {}: {} GRID to {}{} of {}",
            kwh(energy),
            if meters == 1 { "meter" } else { "meters" },
            grid(amount),
            if self.creates_account {
                "the new token account "
            } else {
                ""
            },
            self.token_account,
            self.owner
        )
    }
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Settle) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let signer = session.signer()?;
    let claimant = signer.pubkey();
    let terms = Terms::read(&session.rpc, &deployment).await?;
    let claims = if command.all {
        all(session, &deployment, &terms, &claimant).await?
    } else {
        named(session, &deployment, &claimant, &command.meters).await?
    };
    if claims.is_empty() && session.is_display() {
        println!("nothing to settle: {claimant} has no meter with anything claimable");
    }

    let mut settlements = Vec::new();
    let done = settle_all(
        session,
        &deployment,
        &signer,
        &terms,
        claims,
        &mut settlements,
    )
    .await;
    // What is done is shown, whatever came after it.
    if !session.is_display() {
        session.print(&settlements)?;
    } else if session.dry_run && settlements.len() > 1 {
        println!("each transaction was tried by itself: together they may reach the mint limit");
    }
    done
}

/// Settles claims, owner by owner.
async fn settle_all(
    session: &mut Session,
    deployment: &Deployment,
    signer: &Keypair,
    terms: &Terms,
    claims: BTreeMap<Pubkey, Vec<Claim>>,
    settlements: &mut Vec<Settlement>,
) -> anyhow::Result<()> {
    let claimant = signer.pubkey();
    for (owner, claims) in claims {
        let mut rest = &claims[..];
        while !rest.is_empty() {
            let token_account = deployment.grid_account(&owner);
            let creates_account = in_use(session.rpc.account(&token_account).await?).is_none();
            let payer = session.payer()?.pubkey();
            let mut count = rest.len().min(MOST_METERS);
            let instructions = loop {
                let mut instructions = Vec::new();
                if creates_account {
                    instructions.push(create_associated_token_account_idempotent(
                        &payer,
                        &owner,
                        &deployment.mint(),
                        &spl_token::ID,
                    ));
                }
                instructions.push(settle(deployment, &claimant, &owner, &rest[..count]));
                if count == 1 || fits(&payer, &with_budget(&instructions, 0, Some(0))) {
                    break instructions;
                }
                count -= 1;
            };
            let (these, others) = rest.split_at(count);
            rest = others;
            let outcome = session.execute(&[signer], &instructions).await?;
            let settlement = Settlement {
                owner,
                token_account,
                creates_account,
                passed_over: passed_over(terms, these, &outcome),
                outcome,
            };
            // People see each as it is done.
            if session.is_display() {
                session.print(&settlement)?;
            }
            settlements.push(settlement);
        }
    }
    Ok(())
}

/// The named meters, by owner.
async fn named(
    session: &mut Session,
    deployment: &Deployment,
    claimant: &Pubkey,
    serials: &[String],
) -> anyhow::Result<BTreeMap<Pubkey, Vec<Claim>>> {
    let mut claims: BTreeMap<Pubkey, Vec<Claim>> = BTreeMap::new();
    for serial in serials {
        let (address, meter) = find_meter(session, deployment, serial).await?;
        ensure!(
            [meter.owner, meter.delegate].contains(claimant),
            "{claimant} is neither the owner of {serial} ({}) nor its delegate: sign with one of them (--keypair)",
            meter.owner
        );
        let of_owner = claims.entry(meter.owner).or_default();
        if of_owner.iter().all(|(other, _)| *other != address) {
            of_owner.push((address, meter));
        }
    }
    Ok(claims)
}

/// All meters of the claimant that have something to settle, by owner.
async fn all(
    session: &mut Session,
    deployment: &Deployment,
    terms: &Terms,
    claimant: &Pubkey,
) -> anyhow::Result<BTreeMap<Pubkey, Vec<Claim>>> {
    let registry = deployment.registry_program;
    let mut claims: BTreeMap<Pubkey, Vec<Claim>> = BTreeMap::new();
    // What has something to settle and can't be now.
    let mut waiting: BTreeMap<u32, (GridError, Vec<String>)> = BTreeMap::new();
    let mut seen = Vec::new();
    for offset in [offset_of!(Meter, owner), offset_of!(Meter, delegate)] {
        let accounts = session
            .rpc
            .meters(&registry, Some((offset, claimant)))
            .await?;
        for (address, account) in accounts {
            let meter: Meter =
                decode(&account).map_err(|problem| anyhow!("{address} {problem}"))?;
            if meter.unsettled() == Wh::ZERO || seen.contains(&address) {
                continue;
            }
            seen.push(address);
            match terms.settleable(&meter) {
                Ok(_) => claims
                    .entry(meter.owner)
                    .or_default()
                    .push((address, meter)),
                Err(error) => {
                    let name = text(&meter.meter_id);
                    let (_, names) = waiting
                        .entry(error.code())
                        .or_insert_with(|| (error, Vec::new()));
                    names.push(name);
                }
            }
        }
    }
    for (error, names) in waiting.values() {
        eprintln!("left out: {}: {error}", names.join(", "));
    }
    // Somebody is owed something and gets nothing of it: that is no success.
    if let (true, Some((error, _))) = (claims.is_empty(), waiting.into_values().next()) {
        bail!(
            "nothing can be settled now: {error} ({error:?}, code {})",
            error.code()
        );
    }
    Ok(claims)
}

fn settle(
    deployment: &Deployment,
    claimant: &Pubkey,
    owner: &Pubkey,
    claims: &[Claim],
) -> Instruction {
    match claims {
        [(meter, _)] => deployment.settle(meter, owner, claimant),
        claims => {
            let meters: Vec<Pubkey> = claims.iter().map(|(address, _)| *address).collect();
            settle_many_and_mint_tokens(
                &deployment.registry_program,
                &meters,
                claimant,
                &deployment.token_program,
                &deployment.grid_account(owner),
            )
        }
    }
}

/// The meters that a settlement left out, and why: for want of something to settle before, or of room under the limit.
fn passed_over(terms: &Terms, claims: &[Claim], outcome: &Outcome) -> Vec<(String, GridError)> {
    let settled: Vec<[u8; 32]> = outcome
        .events
        .iter()
        .filter_map(|event| match event {
            Event::MeterBalanceSettled(settled) => Some(settled.meter_id),
            _ => None,
        })
        .collect();
    claims
        .iter()
        .filter(|(_, meter)| !settled.contains(&meter.meter_id))
        .map(|(_, meter)| {
            let error = terms.settleable(meter).err();
            let name = text(&meter.meter_id);
            let bound = terms.room().map_or_else(|error| error, |room| room.bound);
            (name, error.unwrap_or(bound))
        })
        .collect()
}
