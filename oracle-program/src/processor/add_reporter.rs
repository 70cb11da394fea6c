//! `AddReporter`: another gateway may submit readings.

use shared_state::{
    error::ensure,
    event::{EventData, ReporterAdded},
    program::nonzero,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::by_authority;
use crate::instruction::AddReporter;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let AddReporter { reporter } = wire::args(data)?;
    let (_, mut config) = by_authority(program_id, accounts)?;
    nonzero(&reporter)?;
    ensure(
        !config.reporters().contains(&reporter),
        GridError::ReporterAlreadyListed,
    )?;

    let count = config.reporters().len();
    match config.reporters.get_mut(count) {
        Some(place) => *place = reporter,
        None => return Err(GridError::ReporterListFull),
    }
    config.reporter_count = count as u64 + 1;
    config.revise();
    ReporterAdded {
        reporter,
        reporter_count: config.reporter_count,
    }
    .emit();
    Ok(())
}
