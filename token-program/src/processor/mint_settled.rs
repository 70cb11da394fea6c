//! `MintSettled`: GRID for energy that the registry has settled.

use shared_state::{
    call::MintSettled,
    error::ensure,
    event::{EventData, TokensMinted},
    pda::TOKEN_SEED,
    program::{
        count_error, spl_token, unix_timestamp, AccountMut, Mint, Program, Signer, Writable,
    },
    quantity::{BaseUnits, Wh},
    state::{MintLimit, TokenConfig, MINTING_ENABLED},
    GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

/// 0. `[s]` RegistryConfig, 1. `[w]` TokenConfig, 2. `[w]` GRID mint, 3. `[w]` recipient, which the SPL Token program checks,
/// 4. SPL Token program.
struct Accounts<'a> {
    config: AccountMut<'a, TokenConfig>,
    mint: Mint<'a>,
    recipient: Writable<'a>,
    spl_token: Program<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    fn load(program_id: &Pubkey, accounts: &'a [AccountView]) -> GridResult<Self> {
        let [caller, config, mint, recipient, spl_token] = accounts else {
            return Err(count_error(accounts.len(), 5));
        };
        let config = AccountMut::<TokenConfig>::new(config, program_id)?;
        Signer::new(caller, "registry authority")?.must_be(&config.registry_authority)?;
        ensure(
            config.header.status == MINTING_ENABLED,
            GridError::MintingDisabled,
        )?;
        Ok(Self {
            mint: Mint::new(mint, &config.mint)?,
            recipient: Writable::new(recipient, "recipient")?,
            spl_token: Program::spl_token(spl_token)?,
            config,
        })
    }
}

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let MintSettled { energy } = MintSettled::decode(data)?;
    let Accounts {
        mut config,
        mut mint,
        mut recipient,
        spl_token,
    } = Accounts::load(program_id, accounts)?;
    ensure(energy > Wh::ZERO, GridError::InvalidAmount)?;

    let amount = energy.to_base_units()?;
    ensure(
        amount <= mint.supply().left_in_supply(),
        GridError::SupplyFull,
    )?;
    if config.mint_limit.is_set() {
        take_from_limit(&mut config.mint_limit, amount)?;
    }
    config.total_minted = config.total_minted.plus(energy)?;

    let seeds: [&[u8]; 2] = [TOKEN_SEED, &[config.header.bump]];
    spl_token::mint_to(
        &spl_token,
        &mut mint,
        &mut recipient,
        &config,
        &seeds,
        amount,
    );
    TokensMinted {
        recipient: *recipient.address(),
        amount,
        new_total_supply: mint.supply(),
    }
    .emit();
    Ok(())
}

/// Counts `amount` against the limit.
#[cold]
#[inline(never)]
fn take_from_limit(limit: &mut MintLimit, amount: BaseUnits) -> GridResult {
    limit.take(amount, unix_timestamp()?)
}
