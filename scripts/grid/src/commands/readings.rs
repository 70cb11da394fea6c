//! `grid readings`: files of readings, signed and submitted.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::bail;
use clap::{Args, Subcommand};
use gridtoken_client::{
    format::format_time,
    readings::{read_file, BadLine, Row, COLUMNS, SIGNATURE_COLUMN},
};
use oracle_program::signature::message;
use shared_state::state::meter_id;
use solana_signer::Signer;

use crate::{session::Session, submit};

#[derive(Subcommand, Clone, Debug)]
pub enum Readings {
    /// Send a file of readings, as a reporter. Can be stopped at any point and started again: what the chain has already
    /// is not sent twice
    Submit(InputFile),
    /// Sign a file of one device's readings with the device's key (--keypair), and print the signed file
    Sign(InputFile),
}

#[derive(Args, Clone, Debug)]
pub struct InputFile {
    /// CSV: meter_id,timestamp,generation_register_wh,consumption_register_wh, and signature in a signed file
    file: PathBuf,
    /// Stop at the first line that can't be used, before anything is done
    #[arg(long)]
    strict: bool,
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Readings) -> anyhow::Result<()> {
    match command {
        Readings::Submit(InputFile { file, strict }) => {
            let (rows, bad) = read_file(&file, strict)?;
            submit::run(session, rows, bad, strict).await
        }
        Readings::Sign(InputFile { file, strict }) => {
            let (rows, bad) = read_file(&file, strict)?;
            sign(session, &rows, &bad)
        }
    }
}

fn sign(session: &Session, rows: &[Row], bad: &[BadLine]) -> anyhow::Result<()> {
    let registry = session.registry()?;
    let device = session.signer()?;
    if let Some(other) = rows.iter().find(|row| row.serial != rows[0].serial) {
        bail!(
            "line {}: {} is another meter than {}, and a device's key is of one: sign their files one by one",
            other.line,
            other.serial,
            rows[0].serial
        );
    }
    let mut out = csv::Writer::from_writer(io::stdout().lock());
    out.write_record([&COLUMNS[..], &[SIGNATURE_COLUMN]].concat())?;
    for row in rows {
        let reading = &row.reading;
        let signature = device.sign_message(&message(&registry, &meter_id(&row.serial)?, reading));
        out.write_record([
            &row.serial,
            &format_time(reading.timestamp),
            &reading.generation_register.to_string(),
            &reading.consumption_register.to_string(),
            &signature.to_string(),
        ])?;
    }
    out.flush()?;
    for line in bad {
        writeln!(io::stderr(), "skipped {line}")?;
    }
    match bad.len() {
        0 => Ok(()),
        count => bail!("{count} lines were not signed"),
    }
}
