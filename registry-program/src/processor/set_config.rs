//! `SetConfig`: another minimum quality, oracle authority or token program.

use shared_state::{
    event::{EventData, RegistryConfigChanged},
    program::{count_error, nonzero, require_upgrade_authority, AccountMut, Signer},
    state::RegistryConfig,
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::check_minimum_quality;
use crate::instruction::SetConfig;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SetConfig {
        oracle_authority,
        token_program,
        minimum_quality,
        all_meters_sign,
    } = wire::args(data)?;
    let [changer, config, program_data] = accounts else {
        return Err(count_error(accounts.len(), 3));
    };
    let changer = Signer::new(changer, "registry authority or upgrade authority")?;
    let mut config = AccountMut::<RegistryConfig>::new(config, program_id)?;
    // Who names the oracle authority can record any reading, and a token program that gets the RegistryConfig's
    // signature can pass it on to GRID's: so the registry authority could mint by hand.
    let rewires =
        oracle_authority != config.oracle_authority || token_program != config.token_program;
    if rewires || !changer.is(&config.authority) {
        require_upgrade_authority(program_id, &changer, program_data)?;
    }
    nonzero(&oracle_authority)?;
    nonzero(&token_program)?;
    check_minimum_quality(minimum_quality, all_meters_sign)?;

    config.oracle_authority = oracle_authority;
    config.token_program = token_program;
    config.minimum_quality = minimum_quality;
    config.revise();
    RegistryConfigChanged {
        changed_by: *changer.key(),
        oracle_authority,
        token_program,
        minimum_quality,
    }
    .emit();
    Ok(())
}
