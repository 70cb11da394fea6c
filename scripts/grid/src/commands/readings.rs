//! `grid readings`: files of readings, signed and submitted.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
};

use anyhow::bail;
use clap::{Args, Subcommand};
use gridtoken_client::{
    format::format_time,
    readings::{read_file, BadLine, Row, COLUMNS, SIGNATURE_COLUMN},
};
use oracle_program::signature::message;
use shared_state::{reading::Reading, state::meter_id};

use super::convert::Convert;
use crate::{session::Session, submit};

#[derive(Subcommand, Clone, Debug)]
pub enum Readings {
    /// Write any meter's file as GridToken's CSV: from a utility, an inverter, a smart home or the meter itself
    Convert(Convert),
    /// Send a file of readings, as a reporter. Can be stopped at any point and started again: no reading counts twice
    #[command(after_help = EXIT_CODES)]
    Submit(InputFile),
    /// Sign a file of one device's readings with the device's key (--keypair: a keypair's file, or a P-256 key in PEM), and
    /// print the signed file
    Sign(Sign),
}

const EXIT_CODES: &str = "Exit codes:
  0  all that the file says is on the chain, or need not be: it is twice, too old, or sooner after the reading before than \
the oracle takes them (nothing is lost: registers are cumulative)
  1  something is missing: rejected, not sent, or lines that can't be used
  2  wrong arguments
  3  the cluster doesn't answer";

#[derive(Args, Clone, Debug)]
pub struct InputFile {
    /// CSV: meter_id,timestamp,generation_register_wh,consumption_register_wh, and signature in a signed file
    file: PathBuf,
    /// Stop at the first line that can't be used, before anything is done
    #[arg(long)]
    strict: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Sign {
    #[command(flatten)]
    input: InputFile,
    /// How many readings each signature covers. It stands in the line of each, and they are sent together; a transaction has
    /// room for 20
    #[arg(long, value_name = "COUNT", default_value = "20")]
    per_signature: NonZeroUsize,
}

/// Runs the command.
pub async fn run(session: &mut Session, command: Readings) -> anyhow::Result<()> {
    match command {
        Readings::Convert(convert) => super::convert::run(convert),
        Readings::Submit(InputFile { file, strict }) => {
            let (rows, bad) = read_file(&file, strict)?;
            submit::run(session, rows, bad, strict).await
        }
        Readings::Sign(Sign {
            input: InputFile { file, strict },
            per_signature,
        }) => {
            let (rows, bad) = read_file(&file, strict)?;
            sign(session, &rows, &bad, per_signature)
        }
    }
}

fn sign(
    session: &Session,
    rows: &[Row],
    bad: &[BadLine],
    per_signature: NonZeroUsize,
) -> anyhow::Result<()> {
    let registry = session.registry()?;
    let device = session.device()?;
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
    for rows in rows.chunks(per_signature.get()) {
        let readings: Vec<Reading> = rows.iter().map(|row| row.reading).collect();
        let message = message(&registry, &meter_id(&rows[0].serial)?, &readings);
        let signature = device.sign(&message).to_string();
        for Row {
            serial, reading, ..
        } in rows
        {
            out.write_record([
                serial,
                &format_time(reading.timestamp),
                &reading.generation_register.to_string(),
                &reading.consumption_register.to_string(),
                &signature,
            ])?;
        }
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
