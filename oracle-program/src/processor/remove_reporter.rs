//! `RemoveReporter`: a gateway may no longer submit readings.

use shared_state::{
    event::{EventData, ReporterRemoved},
    program::NOBODY,
    state::OracleConfig,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::by_authority;
use crate::instruction::RemoveReporter;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let RemoveReporter { reporter } = wire::args(data)?;
    let (_, mut config) = by_authority(program_id, accounts)?;
    let OracleConfig {
        reporters,
        reporter_count,
        ..
    } = &mut *config;
    let used = reporters.len().min(*reporter_count as usize);
    let Some(([others @ .., last], _)) = reporters.split_at_mut_checked(used) else {
        return Err(GridError::ReporterNotListed);
    };
    // The last one takes the removed one's place.
    if *last != reporter {
        match others.iter_mut().find(|listed| **listed == reporter) {
            Some(place) => *place = *last,
            None => return Err(GridError::ReporterNotListed),
        }
    }
    *last = NOBODY;
    *reporter_count = others.len() as u64;
    config.revise();
    ReporterRemoved {
        reporter,
        reporter_count: config.reporter_count,
    }
    .emit();
    Ok(())
}
