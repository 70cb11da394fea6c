//! `RetireTokens`: a holder burns GRID to claim the use of its energy.

use shared_state::{
    error::ensure,
    event::{EventData, TokensRetired},
    pda::RETIREMENT_SEED,
    program::{
        count_error, create, nonzero, spl_token, unix_timestamp, AccountMut, Funding, Mint,
        Program, Signer, TokenAccount,
    },
    quantity::BaseUnits,
    state::{AccountType, Header, Retirement, TokenConfig},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::RetireTokens;

/// 0. `[s]` holder, 1. `[w]` token account, 2. `[w]` GRID mint, 3. `[w]` TokenConfig, 4. SPL Token program, 5. `[ws]` payer,
/// 6. `[w]` Retirement, 7. system program.
struct Accounts<'a> {
    holder: Signer<'a>,
    source: TokenAccount<'a>,
    mint: Mint<'a>,
    config: AccountMut<'a, TokenConfig>,
    spl_token: Program<'a>,
    funding: Funding<'a>,
    retirement: &'a AccountView,
}

impl<'a> Accounts<'a> {
    fn load(program_id: &Pubkey, accounts: &'a [AccountView]) -> GridResult<Self> {
        let [holder, source, mint, config, spl_token, payer, retirement, system] = accounts else {
            return Err(count_error(accounts.len(), 8));
        };
        let holder = Signer::new(holder, "holder")?;
        let config = AccountMut::<TokenConfig>::new(config, program_id)?;
        let mint = Mint::new(mint, &config.mint)?;
        let source = TokenAccount::new(source, mint.address(), "token account")?;
        if !source.belongs_to(holder.key()) {
            return Err(source.wrong_owner());
        }
        Ok(Self {
            holder,
            source,
            mint,
            config,
            spl_token: Program::spl_token(spl_token)?,
            funding: Funding::new(payer, system)?,
            retirement,
        })
    }
}

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let RetireTokens {
        amount,
        nonce,
        beneficiary,
        reference,
    } = wire::args(data)?;
    let mut accounts = Accounts::load(program_id, accounts)?;
    ensure(amount > BaseUnits::ZERO, GridError::InvalidAmount)?;
    accounts.source.must_hold(amount)?;
    nonzero(&beneficiary)?;

    let holder = *accounts.holder.key();
    let retired_at = unix_timestamp()?;
    accounts.config.retire(amount)?;
    create(
        program_id,
        accounts.retirement,
        &mut accounts.funding,
        &[RETIREMENT_SEED, holder.as_ref(), &nonce.to_le_bytes()],
        |bump| Retirement {
            header: Header::new(AccountType::Retirement, bump, 0),
            holder,
            beneficiary,
            amount,
            retired_at,
            nonce,
            reference,
        },
    )?;
    let (mint, source) = (&mut accounts.mint, &mut accounts.source);
    spl_token::burn(&accounts.spl_token, mint, source, &accounts.holder, amount);
    TokensRetired {
        holder,
        beneficiary,
        amount,
        total_retired: accounts.config.total_retired,
        retired_beside: accounts.config.retired_beside,
        new_total_supply: accounts.mint.supply(),
        nonce,
        reference,
    }
    .emit();
    Ok(())
}
