//! `SubmitReadings`: readings that the reporter vouches for.

use shared_state::{
    error::ensure,
    program::{count_error, List},
    reading::Reading,
    state::ReadingState,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::submit::{are_distinct, earlier, Accounts, Submission};

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
    let mut readings = readings.iter();
    if are_distinct(meters) {
        for view in meters {
            let Some(reading) = readings.next() else {
                break;
            };
            let meter = submission.meter(view)?;
            submission.judge(&meter, &meter.state, reading)?;
        }
    } else {
        let mut states = List::<ReadingState>::new(meters.len());
        for (index, (view, reading)) in meters.iter().zip(readings).enumerate() {
            let meter = submission.meter(view)?;
            let carried = earlier(meters, index).and_then(|earlier| states.get(earlier));
            let mut state = carried.unwrap_or(meter.state);
            submission.judge(&meter, &state, reading)?;
            submission.advance(&mut state);
            states.push(state)?;
        }
    }
    submission.record(meters);
    Ok(())
}
