//! `SubmitReadings`: readings that the reporter vouches for.

use shared_state::{
    error::ensure, program::count_error, reading::Reading, wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::submit::{are_distinct, is_same, Accounts, States, Submission};

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let (strict, readings) = wire::tag(data)?;
    let is_strict = wire::boolean(strict)?;
    let readings = wire::list::<Reading>(readings)?;
    ensure(!readings.is_empty(), GridError::InvalidInstructionData)?;
    let [reporter, config, registry_config, registry_program, meters @ ..] = accounts else {
        return Err(GridError::NotEnoughAccounts);
    };
    if readings.len() != meters.len() {
        return Err(count_error(meters.len(), readings.len()));
    }
    let accounts = [reporter, config, registry_config, registry_program];
    let accounts = Accounts::load(program_id, accounts)?;

    let mut submission = Submission::new(&accounts, is_strict, false, readings.len())?;
    // The accounts change only when the registry is called, so a meter's second reading is judged against the state that
    // its first one leaves behind.
    if are_distinct(meters) {
        let mut readings = readings.iter();
        for view in meters {
            let Some(reading) = readings.next() else {
                break;
            };
            let meter = accounts.meter(view)?;
            submission.judge::<false>(&meter, &meter.state, reading)?;
        }
        submission.record(meters);
    } else {
        // Readings of one meter that follow each other have one account in the call.
        let mut passed = meters.to_vec();
        passed.dedup_by(|a, b| is_same(a, b));
        let mut states = States::new(passed.len());
        let mut readings = readings;
        for views in meters.chunk_by(is_same) {
            let (Some(view), Some(readings)) = (views.first(), readings.split_off(..views.len()))
            else {
                break;
            };
            let meter = accounts.meter(view)?;
            submission.judge_all::<false>(&meter, states.next(&passed, &meter)?, readings)?;
        }
        submission.record(&passed);
    }
    Ok(())
}
