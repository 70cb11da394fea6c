//! What people see of a tool while it runs, and when it ends.

use std::{
    fmt,
    io::{stderr, IsTerminal},
    process::ExitCode,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::format::printable;

/// A progress bar for so many of something ("readings"); hidden where there is no terminal.
pub fn progress_bar(length: u64, what: &str) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template =
        format!("{{wide_bar}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left {{msg}}");
    let style =
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}

/// A failure with an exit code of its own.
#[derive(Debug)]
pub struct Exit {
    /// The exit code.
    pub code: u8,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Exit {}

/// Says why a tool failed, if it did, and returns its exit code.
pub fn end(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads on: grid meter list | head
        Err(error) if is_broken_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            // Line by line: it may quote a file, a log or a node.
            for (index, line) in format!("error: {error:#}").lines().enumerate() {
                let indent = if index > 0 && !line.starts_with(' ') {
                    "  "
                } else {
                    ""
                };
                eprintln!("{indent}{}", printable(line));
            }
            match error.downcast_ref::<Exit>() {
                Some(exit) => ExitCode::from(exit.code),
                None => ExitCode::FAILURE,
            }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
