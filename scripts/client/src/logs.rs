//! Events in a transaction's log, with the program that logged each.

use base64::{prelude::BASE64_STANDARD, Engine};
use shared_state::event::Event;
use solana_program::pubkey::Pubkey;

/// An event, and the program that logged it. Any program can log any bytes: whoever reads strangers' transactions must
/// look at both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Logged {
    /// The program.
    pub program: Pubkey,
    /// What it logged.
    pub event: Event,
}

/// The events in a log, in order.
pub fn events(logs: &[String]) -> Vec<Logged> {
    // The programs that are running: who called whom. A program's own text comes behind "Program log: ", so it can't
    // look like one of the runtime's lines.
    let mut running: Vec<Pubkey> = Vec::new();
    let mut found = Vec::new();
    for line in logs {
        let Some(line) = line.strip_prefix("Program ") else {
            continue;
        };
        if let Some(data) = line.strip_prefix("data: ") {
            let Some(program) = running.last() else {
                continue;
            };
            // Our events have one field each; a line with several decodes to none.
            let events = BASE64_STANDARD
                .decode(data)
                .map(|data| Event::decode(&data));
            found.extend(events.unwrap_or_default().into_iter().map(|event| Logged {
                program: *program,
                event,
            }));
            continue;
        }
        let Some((program, what)) = line.split_once(' ') else {
            continue;
        };
        let Ok(program) = program.parse() else {
            continue;
        };
        if what.starts_with("invoke [") {
            running.push(program);
        } else if what == "success" || what.starts_with("failed: ") {
            running.pop();
        }
    }
    found
}

/// Whether the runtime cut the log off, so that events may be missing.
pub fn is_truncated(logs: &[String]) -> bool {
    logs.iter().any(|line| line == "Log truncated")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_state::{
        event::{EventData, MeterBalanceSettled},
        quantity::Wh,
    };

    #[test]
    fn each_event_has_the_program_that_logged_it() {
        let event = MeterBalanceSettled {
            meter_id: [1; 32],
            amount_settled: Wh(2),
            new_settled_total: Wh(3),
        };
        let mut data = MeterBalanceSettled::DISCRIMINATOR.to_vec();
        data.extend(bytemuck::bytes_of(&event));
        let data = BASE64_STANDARD.encode(data);
        let [outer, inner] = [Pubkey::new_unique(), Pubkey::new_unique()];
        let logs = [
            format!("Program data: {data}"),
            format!("Program {outer} invoke [1]"),
            format!("Program log: Program {inner} invoke [2]"),
            format!("Program data: {data}"),
            format!("Program {inner} invoke [2]"),
            format!("Program data: {data}"),
            format!("Program {inner} consumed 5 of 10 compute units"),
            format!("Program {inner} success"),
            format!("Program data: {data} {data}"),
            format!("Program data: {data}"),
            format!("Program {outer} failed: custom program error: 0x1"),
            format!("Program data: {data}"),
        ];
        let event = Event::MeterBalanceSettled(event);
        assert_eq!(
            events(&logs),
            [outer, inner, outer].map(|program| Logged { program, event })
        );
        assert!(!is_truncated(&logs));
        assert!(is_truncated(&["Log truncated".to_owned()]));
    }
}
