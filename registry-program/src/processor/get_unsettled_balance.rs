//! `GetUnsettledBalance`: what a settlement would mint, for clients that simulate it.

use shared_state::{
    program::{count_error, Account},
    state::{Meter, RegistryConfig, TokenConfig},
    units, wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::{program::set_return_data, pubkey::Pubkey};

use super::settlement::{available, settleable};
use crate::instruction::UnsettledBalance;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    wire::no_args(data)?;
    let [meter, config, token_config] = accounts else {
        return Err(count_error(accounts.len(), 3));
    };
    let meter = Account::<Meter>::new(meter, program_id)?;
    let config = Account::<RegistryConfig>::new(config, program_id)?;
    let token_config = Account::<TokenConfig>::new(token_config, &config.token_program)?;
    let is_obeyed = token_config.registry_authority == *config.view().address();
    set_return_data(bytemuck::bytes_of(&UnsettledBalance {
        energy_wh: meter.unsettled(),
        mintable: match mintable(&meter, config.minimum_quality, &token_config) {
            Ok(amount) if is_obeyed => amount,
            _ => 0,
        },
    }));
    Ok(())
}

/// What a settlement would mint (base units), or why it would be refused.
fn mintable(meter: &Meter, minimum_quality: u16, token_config: &TokenConfig) -> GridResult<u64> {
    let energy_wh = settleable(meter, minimum_quality, available(token_config)?)?;
    let amount = units::wh_to_base_units(energy_wh)?;
    units::add(token_config.total_minted, amount)?;
    Ok(amount)
}
