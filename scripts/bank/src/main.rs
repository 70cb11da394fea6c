//! The programs on an embedded bank, for a look and under load. `scripts/demo` builds it and runs its demo.

use std::{
    io::{stdout, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser};
use gridtoken_bank::{
    demo,
    load::{self, Load},
    sample,
};
use gridtoken_client::{
    readings::{read, read_file},
    terminal::end,
};

/// GridToken's three programs on a bank inside this process
#[derive(Parser)]
#[command(version)]
enum Command {
    /// Run the whole flow: set up, register, submit, settle, check the supply
    ///
    /// It sets its bank's clock to the times in the file, which no cluster allows: there, use grid init, meter register,
    /// readings submit and settle.
    Demo(Demo),
    /// Print the sample file
    Sample,
    /// Run a day of many meters: readings and settlements mixed, audited at the end
    Load(Load),
}

#[derive(Args)]
struct Demo {
    /// CSV file: meter_id,timestamp,generation_register_wh,consumption_register_wh. Without one: a sample of six meters
    /// over a day, one of them faulty
    file: Option<PathBuf>,
    /// Stop at the first line that can't be used, instead of reporting and skipping it
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    meters: demo::Meters,
}

fn main() -> ExitCode {
    // The bank would print every program log.
    if std::env::var_os("RUST_LOG").is_none() {
        std::env::set_var("RUST_LOG", "off");
    }
    let command = Command::parse();
    let done = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(command)));
    end(done)
}

async fn run(command: Command) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match command {
        Command::Demo(Demo {
            file,
            strict,
            meters,
        }) => {
            let (rows, bad) = match &file {
                Some(path) => read_file(path, strict)?,
                None => read(sample::make().as_bytes())?,
            };
            demo::run(&rows, &bad, meters, &mut out).await.map(drop)
        }
        Command::Sample => {
            write!(out, "{}", sample::make())?;
            Ok(())
        }
        Command::Load(load) => load::run(load, &mut out).await.map(drop),
    }
}
