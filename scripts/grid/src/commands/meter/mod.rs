//! `grid meter`: a meter's life, and what its owner asks about it.

mod register;
mod show;

use anyhow::ensure;
use clap::{Args, Subcommand};
use gridtoken_client::deployment::Deployment;
use registry_program::instruction as registry;
use shared_state::state::MeterStatus;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

use super::{find_meter, serial};
use crate::session::{address, Session};
use register::{Correction, Register, Replacement};
use show::{list, show};

/// Changes of status that fit into a transaction.
const STATUS_CHANGES: usize = 16;

#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Register a meter; what its registers show is the baseline, which is never minted. Can be repeated, to put it right,
    /// until a reading is accepted (registry authority)
    Register(Register),
    /// Let meters take readings and be settled (registry authority; the owner too, if they are not suspended)
    Activate(Serials),
    /// Switch meters off for a while (registry authority or owner)
    Deactivate(Serials),
    /// Stop meters; only the registry authority can lift it (registry authority)
    Suspend(Serials),
    /// Take meters out of service for good; what is unsettled stays claimable (registry authority)
    Decommission(Serials),
    /// What a meter has, what can be claimed now, when it was read last, and why a reading was rejected
    Show {
        /// Its serial number
        #[arg(value_parser = serial)]
        meter: String,
    },
    /// List the meters
    List {
        /// Those with these serial numbers [default: all]
        #[arg(value_parser = serial)]
        meters: Vec<String>,
        /// Those of this owner: address, or file of a keypair
        #[arg(long, value_parser = address, conflicts_with = "meters")]
        owner: Option<Pubkey>,
    },
    /// Change a meter's rated powers (registry authority)
    Limits(Limits),
    /// Put a new device in the place of an old one; submit the old one's last readings first (registry authority)
    ReplaceDevice(Replacement),
    /// Take a false reading back: the same device, whose registers are lower than the account says, and the totals with
    /// them; what was settled stays so, and is paid off first (registry authority)
    Correct(Correction),
    /// Propose another owner; what is unsettled goes with the meter (owner)
    Transfer(Transfer),
    /// Become the owner of a meter, as the proposed key
    Accept {
        /// Its serial number
        #[arg(value_parser = serial)]
        meter: String,
    },
    /// Name a key that may settle the meter to its owner's account, and do nothing else (owner)
    Delegate(Delegate),
}

#[derive(Args, Clone, Debug)]
pub struct Serials {
    /// The meters' serial numbers
    #[arg(value_parser = serial, required = true)]
    meters: Vec<String>,
}

#[derive(Args, Clone, Debug)]
pub struct Limits {
    /// Its serial number
    #[arg(value_parser = serial)]
    meter: String,
    /// Rated power of the generator (W)
    #[arg(long, value_name = "W")]
    generation_capacity: u32,
    /// Rated power of the connection (W)
    #[arg(long, value_name = "W")]
    consumption_capacity: u32,
}

#[derive(Args, Clone, Debug)]
pub struct Transfer {
    /// Its serial number
    #[arg(value_parser = serial)]
    meter: String,
    /// Who may accept: address, or file of a keypair
    #[arg(value_parser = address, required_unless_present = "cancel")]
    new_owner: Option<Pubkey>,
    /// Withdraw the proposal that stands
    #[arg(long, conflicts_with = "new_owner")]
    cancel: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Delegate {
    /// Its serial number
    #[arg(value_parser = serial)]
    meter: String,
    /// The key: address, or file of a keypair
    #[arg(value_parser = address, required_unless_present = "none")]
    delegate: Option<Pubkey>,
    /// Nobody any more
    #[arg(long, conflicts_with = "delegate")]
    none: bool,
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Command) -> anyhow::Result<()> {
    let deployment = session.deployment().await?;
    let program = deployment.registry_program;
    let (signer, instructions) = match command {
        Command::Show { meter } => return show(session, &deployment, &meter).await,
        Command::List { meters, owner } => return list(session, &deployment, owner, &meters).await,
        Command::Activate(serials) => {
            return set_status(session, &deployment, &serials, MeterStatus::Active).await
        }
        Command::Deactivate(serials) => {
            return set_status(session, &deployment, &serials, MeterStatus::Inactive).await
        }
        Command::Suspend(serials) => {
            return set_status(session, &deployment, &serials, MeterStatus::Suspended).await
        }
        Command::Decommission(serials) => {
            return set_status(session, &deployment, &serials, MeterStatus::Decommissioned).await
        }
        Command::Register(register) => {
            let signer = session.signer()?;
            let key = signer.pubkey();
            let registration = register.registration()?;
            register.check_owner(session).await?;
            let payer = session.payer()?.pubkey();
            let mut instructions = vec![deployment.register_meter(&key, &payer, registration)];
            if register.activate {
                let meter = deployment.meter(&registration.meter_id);
                instructions.push(deployment.set_meter_status(&key, &meter, MeterStatus::Active));
            }
            (signer, instructions)
        }
        Command::Limits(limits) => {
            let (meter, _) = find_meter(session, &deployment, &limits.meter).await?;
            let signer = session.signer()?;
            let instruction = registry::update_meter_limits(
                &program,
                &signer.pubkey(),
                &meter,
                registry::UpdateMeterLimits {
                    generation_capacity_w: limits.generation_capacity,
                    consumption_capacity_w: limits.consumption_capacity,
                },
            );
            (signer, vec![instruction])
        }
        Command::ReplaceDevice(replacement) => {
            let (address, meter) = find_meter(session, &deployment, &replacement.meter).await?;
            let signer = session.signer()?;
            let replacement = replacement.of(&meter)?;
            let instruction =
                registry::replace_device(&program, &signer.pubkey(), &address, replacement);
            (signer, vec![instruction])
        }
        Command::Correct(correction) => {
            let (address, meter) = find_meter(session, &deployment, &correction.meter).await?;
            let signer = session.signer()?;
            let correction = correction.of(&meter);
            let instruction =
                registry::correct_registers(&program, &signer.pubkey(), &address, correction);
            (signer, vec![instruction])
        }
        Command::Transfer(transfer) => {
            let (meter, _) = find_meter(session, &deployment, &transfer.meter).await?;
            let signer = session.signer()?;
            let proposed = transfer.new_owner.unwrap_or_default();
            let owner = signer.pubkey();
            let instruction = registry::propose_meter_owner(&program, &owner, &meter, &proposed);
            (signer, vec![instruction])
        }
        Command::Accept { meter } => {
            let (meter, _) = find_meter(session, &deployment, &meter).await?;
            let signer = session.signer()?;
            let instruction = registry::accept_meter_owner(&program, &signer.pubkey(), &meter);
            (signer, vec![instruction])
        }
        Command::Delegate(delegate) => {
            let (meter, _) = find_meter(session, &deployment, &delegate.meter).await?;
            let signer = session.signer()?;
            let key = delegate.delegate.unwrap_or_default();
            let instruction = registry::set_delegate(&program, &signer.pubkey(), &meter, &key);
            (signer, vec![instruction])
        }
    };
    let outcome = session.execute(&[&signer], &instructions).await?;
    session.print(&outcome)
}

/// Changes meters' status, some in each transaction. Those that have it already are left out.
async fn set_status(
    session: &mut Session,
    deployment: &Deployment,
    serials: &Serials,
    status: MeterStatus,
) -> anyhow::Result<()> {
    let signer = session.signer()?;
    let mut wanted = serials.meters.clone();
    wanted.sort_unstable();
    wanted.dedup();
    let mut instructions = Vec::new();
    for serial in &wanted {
        let (address, meter) = find_meter(session, deployment, serial).await?;
        if meter.status() == status {
            eprintln!("{serial} is {} already", status_name(status));
        } else {
            instructions.push(deployment.set_meter_status(&signer.pubkey(), &address, status));
        }
    }
    ensure!(!instructions.is_empty(), "there is nothing to change");
    let mut outcomes = Vec::new();
    let mut done = Ok(());
    for some in instructions.chunks(STATUS_CHANGES) {
        match session.execute(&[&signer], some).await {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => {
                done = Err(error);
                break;
            }
        }
    }
    // What is done is shown, whatever came after it.
    match &outcomes[..] {
        [] => {}
        [outcome] => session.print(outcome)?,
        _ => session.print(&outcomes)?,
    }
    done
}

/// A status in a word.
fn status_name(status: MeterStatus) -> &'static str {
    match status {
        MeterStatus::Inactive => "inactive",
        MeterStatus::Active => "active",
        MeterStatus::Suspended => "suspended",
        MeterStatus::Decommissioned => "decommissioned",
    }
}
