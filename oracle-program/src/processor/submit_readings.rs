//! `SubmitReadings`: readings that the reporter vouches for.

use shared_state::{GridError, GridResult};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::submit::{submit, Accounts, Arguments};

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let arguments = Arguments::new(data)?;
    let [reporter, config, registry_config, registry_program, meters @ ..] = accounts else {
        return Err(GridError::NotEnoughAccounts);
    };
    arguments.check_count(meters)?;
    let accounts = Accounts {
        reporter,
        config,
        registry_config,
        registry_program,
        meters,
    };
    submit(program_id, &accounts, &arguments, &None)
}
