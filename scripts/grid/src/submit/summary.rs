//! What came of a file: counts, and the lines behind them.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use gridtoken_client::{
    format::{flag_names, reason_name, sol},
    readings::Row,
    verdict::Verdict,
};
use serde_json::{json, Value};
use shared_state::reading::RejectReason;

use super::{
    batch::not_active,
    prepare::{NOT_NEWER, TOO_OLD, TOO_SOON},
};
use crate::session::Report;

/// Lines of a file that share a fate: how many, and the first few.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    pub(super) count: u64,
    pub(super) first: Vec<u64>,
}

impl Lines {
    pub(super) fn add(&mut self, line: u64) {
        self.count += 1;
        if self.first.len() < 5 {
            self.first.push(line);
        }
    }

    pub(super) fn places(&self) -> String {
        let mut text = self
            .first
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        if self.count > self.first.len() as u64 {
            text.push_str(", ...");
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        json!({ "count": self.count, "first_lines": self.first })
    }
}

/// What came of a file.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) accepted: u64,
    pub(super) flagged: BTreeMap<String, Lines>,
    pub(super) rejected: BTreeMap<String, Lines>,
    /// What mends the meters whose readings were rejected, by their serial numbers.
    pub(super) remedies: BTreeMap<String, Vec<String>>,
    /// Lines that need not be sent, and why.
    pub(super) skipped: BTreeMap<String, Lines>,
    /// Lines that can't be sent, and why.
    pub(super) not_sent: BTreeMap<String, Lines>,
    /// Readings that were not sent, or of which it is not known what became of them, because it ended before.
    pub(super) left: u64,
    pub(super) transactions: u64,
    pub(super) failed_transactions: u64,
    /// Transactions that nobody processed before their blockhash expired. Their readings were sent again.
    pub(super) expired_transactions: u64,
    pub(super) fees: u64,
    pub(super) compute_units: u64,
    pub(super) elapsed: Duration,
    pub(super) dry_run: bool,
}

impl Summary {
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.values().map(|lines| lines.count).sum()
    }

    pub(super) fn not_sent(&self) -> u64 {
        self.not_sent.values().map(|lines| lines.count).sum()
    }

    pub(super) fn skip(&mut self, reason: &str, row: &Row) {
        let lines = self.skipped.entry(reason.to_owned()).or_default();
        lines.add(row.line);
    }

    pub(super) fn not_send(&mut self, reason: String, row: &Row) {
        self.not_sent.entry(reason).or_default().add(row.line);
    }

    /// Counts what the chain made of a reading. Returns why it rejected it, if that says something about the meter.
    pub(super) fn count(&mut self, row: &Row, verdict: Verdict) -> Option<RejectReason> {
        let code = match verdict {
            Verdict::Accepted(flags) => {
                self.accepted += 1;
                if flags != 0 {
                    let lines = self.flagged.entry(flag_names(flags)).or_default();
                    lines.add(row.line);
                }
                return None;
            }
            Verdict::Rejected(code) => code,
        };
        let reason = u8::try_from(code).ok().and_then(RejectReason::from_code);
        match reason {
            // Another submission was faster, or the clock.
            Some(RejectReason::ReadingNotNewer) => self.skip(NOT_NEWER, row),
            Some(RejectReason::ReadingTooSoon) => self.skip(TOO_SOON, row),
            Some(RejectReason::ReadingTooOld) => self.skip(TOO_OLD, row),
            Some(RejectReason::MeterNotActive) => self.not_send(not_active(&row.serial), row),
            _ => {
                let lines = self.rejected.entry(reason_name(code.into())).or_default();
                lines.add(row.line);
            }
        }
        reason
    }

    /// What is missing on the chain, in words.
    pub(super) fn missing(&self) -> Option<String> {
        let mut missing = Vec::new();
        for (count, what) in [
            (self.rejected(), "rejected"),
            (self.not_sent(), "not sent, for the reasons above"),
            (self.left, "left"),
        ] {
            if count > 0 {
                let lines = if count == 1 { "line was" } else { "lines were" };
                missing.push(format!("{count} {lines} {what}"));
            }
        }
        (!missing.is_empty()).then(|| missing.join("; "))
    }
}

impl Report for Summary {
    fn json(&self) -> Value {
        let all = |lines: &BTreeMap<String, Lines>| -> Value {
            lines
                .iter()
                .map(|(reason, lines)| (reason.clone(), lines.json()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        json!({
            "accepted": self.accepted,
            "flagged": all(&self.flagged),
            "rejected": all(&self.rejected),
            "remedies": self.remedies,
            "skipped": all(&self.skipped),
            "not_sent": all(&self.not_sent),
            "left": self.left,
            "transactions": self.transactions,
            "failed_transactions": self.failed_transactions,
            "expired_transactions": self.expired_transactions,
            "fee_lamports": self.fees,
            "compute_units": self.compute_units,
            "seconds": self.elapsed.as_secs_f64(),
            "dry_run": self.dry_run,
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let would = if self.dry_run { "would be " } else { "" };
        writeln!(out, "{:>8} {would}accepted", self.accepted)?;
        for (flags, lines) in &self.flagged {
            let (count, places) = (lines.count, lines.places());
            writeln!(out, "{:>10} flagged as {flags}: line {places}", count)?;
        }
        writeln!(out, "{:>8} {would}rejected", self.rejected())?;
        for (reason, lines) in &self.rejected {
            let (count, places) = (lines.count, lines.places());
            writeln!(out, "{:>10} {reason}: line {places}", count)?;
        }
        for (reason, lines) in &self.skipped {
            let (count, places) = (lines.count, lines.places());
            writeln!(out, "{:>8} skipped: {reason}: line {places}", count)?;
        }
        for (reason, lines) in &self.not_sent {
            writeln!(
                out,
                "{:>8} not sent: {reason}: line {}",
                lines.count,
                lines.places()
            )?;
        }
        if self.left > 0 {
            writeln!(out, "{:>8} left: start again", self.left)?;
        }
        for (serial, remedies) in &self.remedies {
            writeln!(out, "what to do about {serial}:")?;
            for remedy in remedies {
                writeln!(out, "  {remedy}")?;
            }
        }
        let seconds = self.elapsed.as_secs_f64();
        let readings = self.accepted + self.rejected();
        writeln!(
            out,
            "{} transactions{}, {} compute units, fees {} SOL, {seconds:.1} s ({:.0} readings per second)",
            self.transactions,
            match self.failed_transactions {
                0 => String::new(),
                count => format!(" and {count} failed ones"),
            },
            self.compute_units,
            sol(self.fees),
            readings as f64 / seconds.max(0.001)
        )?;
        match self.dry_run {
            true => writeln!(
                out,
                "dry run: nothing was sent, and each transaction was tried by itself"
            ),
            false => Ok(()),
        }
    }
}
