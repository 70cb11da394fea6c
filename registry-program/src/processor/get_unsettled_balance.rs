//! `GetUnsettledBalance`: what a settlement would mint, for clients that simulate it.

use shared_state::{
    program::{count_error, unix_timestamp, Account, Mint},
    quantity::{BaseUnits, Wh},
    state::{Meter, RegistryConfig, TokenConfig},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::{program::set_return_data, pubkey::Pubkey};

use crate::instruction::UnsettledBalance;

/// 0. Meter, 1. RegistryConfig, 2. TokenConfig, 3. GRID mint.
struct Accounts<'a> {
    meter: Account<'a, Meter>,
    config: Account<'a, RegistryConfig>,
    token_config: Account<'a, TokenConfig>,
    mint: Mint<'a>,
}

impl<'a> Accounts<'a> {
    fn load(program_id: &Pubkey, accounts: &'a [AccountView]) -> GridResult<Self> {
        let [meter, config, token_config, mint] = accounts else {
            return Err(count_error(accounts.len(), 4));
        };
        let meter = Account::<Meter>::new(meter, program_id)?;
        let config = Account::<RegistryConfig>::new(config, program_id)?;
        let token_config = Account::<TokenConfig>::new(token_config, &config.token_program)?;
        let mint = Mint::readonly(mint, &token_config.mint)?;
        Ok(Self {
            meter,
            config,
            token_config,
            mint,
        })
    }

    /// What a settlement would mint, or why it would be refused.
    fn mintable(&self) -> GridResult<BaseUnits> {
        let TokenConfig {
            registry_authority,
            total_minted,
            ..
        } = *self.token_config;
        if registry_authority != *self.config.address() {
            return Err(GridError::Unauthorized);
        }
        let room = self.token_config.room(self.mint.supply(), unix_timestamp)?;
        let energy: Wh = self.meter.settleable(&room)?;
        total_minted.plus(energy)?;
        energy.to_base_units()
    }
}

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    wire::no_args(data)?;
    let accounts = Accounts::load(program_id, accounts)?;
    set_return_data(bytemuck::bytes_of(&UnsettledBalance {
        unsettled: accounts.meter.unsettled(),
        claimable: accounts.meter.claimable(),
        mintable: accounts.mintable().unwrap_or(BaseUnits::ZERO),
    }));
    Ok(())
}
