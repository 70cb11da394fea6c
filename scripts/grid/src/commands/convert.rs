//! `grid readings convert`: any meter's file as GridToken's.

use std::{
    io::{stdout, Write},
    path::PathBuf,
    time::UNIX_EPOCH,
};

use anyhow::{ensure, Context};
use clap::Args;
use meter_formats::{read, to_grid_csv, Input, Options};

#[derive(Args, Clone, Debug)]
pub struct Convert {
    /// Files as a utility, an inverter or a meter gives them; several are put together
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    options: Options,
    /// Convert although something about the files is in doubt
    #[arg(long)]
    yes: bool,
}

/// Writes GridToken's CSV to standard output, and what was understood to standard error. Fails, and writes nothing to standard
/// output, while something is in doubt.
pub fn run(command: Convert) -> anyhow::Result<()> {
    let mut files = Vec::new();
    for path in &command.files {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("reading {name}"))?;
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        let modified = modified
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.and_then(|since| i64::try_from(since.as_secs()).ok());
        files.push((name, bytes, modified));
    }
    let inputs: Vec<Input> = files
        .iter()
        .map(|(name, bytes, modified)| Input {
            name,
            bytes,
            modified: *modified,
        })
        .collect();
    let import = read(&inputs, &command.options)?;
    eprint!("{import}");
    ensure!(
        command.yes || import.doubts.is_empty(),
        "something is in doubt: settle it with the flags above, or convert all the same with --yes"
    );
    stdout().lock().write_all(to_grid_csv(&import).as_bytes())?;
    Ok(())
}
