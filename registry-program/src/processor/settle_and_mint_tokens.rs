//! `SettleAndMintTokens`: what is unsettled becomes GRID in the owner's wallet.

use shared_state::{
    error::ensure,
    event::{EventData, MeterBalanceSettled},
    pda::REGISTRY_SEED,
    program::{
        blame, count_error, invoke_signed, program, signer, token_account, writable, Account,
        AccountMut, Call,
    },
    state::{Meter, RegistryConfig},
    units, wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    wire::no_args(data)?;
    let [meter, claimant, config, token_program, token_config, mint, recipient, spl_token] =
        accounts
    else {
        return Err(count_error(accounts.len(), 8));
    };
    let config = Account::<RegistryConfig>::new(config, program_id)?;
    let mut meter = AccountMut::<Meter>::new(meter, program_id)?;
    let claimant = signer(claimant, "owner or delegate")?;
    ensure(
        address_eq(claimant, &meter.owner) || address_eq(claimant, &meter.delegate),
        GridError::Unauthorized,
    )?;
    program(token_program, &config.token_program, "token program")?;
    program(spl_token, &spl_token::ID, "SPL Token program")?;
    writable(token_config, "TokenConfig")?;
    writable(mint, "GRID mint")?;
    writable(recipient, "recipient")?;
    token_account(recipient, mint.address(), &meter.owner, "recipient")?;

    let amount = settle(&mut meter, config.minimum_quality)?;
    drop(meter);

    invoke_signed(
        token_program.address(),
        &[
            Call::readonly(config.view()).signer(),
            Call::writable(token_config),
            Call::writable(mint),
            Call::writable(recipient),
            Call::readonly(spl_token),
        ],
        &mint_settled_data(amount),
        &[REGISTRY_SEED, &[config.header.bump]],
    );
    Ok(())
}

/// Advances the tracker by everything that is unsettled, and returns how much that is (Wh). The minimum quality does
/// not bind a decommissioned meter: it gets no more readings to recover with, and what it holds stays its owner's.
#[inline(always)]
fn settle(meter: &mut Meter, minimum_quality: u16) -> GridResult<u64> {
    if !meter.can_settle() {
        return Err(blame("Meter", GridError::MeterNotActive));
    }
    let amount = meter.unsettled();
    ensure(amount > 0, GridError::InsufficientBalance)?;
    ensure(
        meter.quality >= minimum_quality || !meter.is_active(),
        GridError::QualityTooLow,
    )?;
    meter.settled_net_generation = units::add(meter.settled_net_generation, amount)?;
    meter.settlement_count = units::add(meter.settlement_count, 1)?;
    MeterBalanceSettled {
        meter_id: meter.meter_id,
        amount_settled: amount,
        new_settled_total: meter.settled_net_generation,
    }
    .emit();
    Ok(amount)
}

/// The token program's `MintSettled`.
#[inline(always)]
fn mint_settled_data(energy_wh: u64) -> [u8; 9] {
    let mut data = [wire::MINT_SETTLED; 9];
    data[1..].copy_from_slice(&energy_wh.to_le_bytes());
    data
}
