//! What both settlements share: who may claim, how much, and the call that mints it.

use shared_state::{
    error::ensure,
    event::{EventData, MeterBalanceSettled},
    pda::REGISTRY_SEED,
    program::{
        blame, invoke_signed, program, signer, unix_timestamp, writable, Account, Call,
        TokenAccount,
    },
    state::{Meter, RegistryConfig, TokenConfig, MINTING_ENABLED},
    units, wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;

/// The checked accounts of a settlement without its meters.
pub struct Settlement<'a> {
    claimant: &'a Pubkey,
    is_recipients_owner: bool,
    config: Account<'a, RegistryConfig>,
    token_config: Account<'a, TokenConfig>,
    mint: &'a AccountView,
    recipient: TokenAccount<'a>,
    spl_token: &'a AccountView,
    token_program: &'a AccountView,
}

impl<'a> Settlement<'a> {
    /// Checks, in this order: claimant, RegistryConfig, token program, TokenConfig, GRID mint, recipient, SPL Token
    /// program. Whether the mint is GRID's, the token program checks.
    #[inline(always)]
    pub fn new(program_id: &Pubkey, accounts: [&'a AccountView; 7]) -> GridResult<Self> {
        let [claimant, config, token_program, token_config, mint, recipient, spl_token] = accounts;
        let config = Account::<RegistryConfig>::new(config, program_id)?;
        let claimant = signer(claimant, "owner or delegate")?;
        program(token_program, &config.token_program, "token program")?;
        program(spl_token, &spl_token::ID, "SPL Token program")?;
        writable(token_config, "TokenConfig")?;
        writable(mint, "GRID mint")?;
        writable(recipient, "recipient")?;
        let recipient = TokenAccount::new(recipient, mint.address(), "recipient")?;
        Ok(Self {
            claimant,
            is_recipients_owner: address_eq(claimant, recipient.owner()),
            token_config: Account::<TokenConfig>::new(token_config, token_program.address())?,
            config,
            mint,
            recipient,
            spl_token,
            token_program,
        })
    }

    /// Checks that the claimant may settle this meter, and that the recipient belongs to its owner.
    #[inline(always)]
    pub fn check_meter(&self, meter: &Meter) -> GridResult {
        // A claimant who owns the recipient needs no look at the delegate, once the recipient is the owner's.
        if address_eq(self.recipient.owner(), &meter.owner)
            && (self.is_recipients_owner || address_eq(self.claimant, &meter.delegate))
        {
            Ok(())
        } else {
            Err(self.why_not(meter))
        }
    }

    /// Why a meter can't be settled by this claimant to this recipient.
    #[cold]
    #[inline(never)]
    fn why_not(&self, meter: &Meter) -> GridError {
        if address_eq(self.claimant, &meter.owner) || address_eq(self.claimant, &meter.delegate) {
            blame("recipient", GridError::WrongTokenAccountOwner)
        } else {
            GridError::Unauthorized
        }
    }

    /// The minimum quality (bps).
    #[inline(always)]
    pub fn minimum_quality(&self) -> u16 {
        self.config.minimum_quality
    }

    /// How much the token leaves (Wh).
    #[inline(always)]
    pub fn available(&self) -> GridResult<u64> {
        available(&self.token_config)
    }

    /// Has GRID minted for settled energy: the last thing that a settlement does.
    #[inline(always)]
    pub fn mint(self, energy_wh: u64) {
        let mut data = [wire::MINT_SETTLED; 9];
        data[1..].copy_from_slice(&energy_wh.to_le_bytes());
        invoke_signed(
            self.token_program.address(),
            &[
                Call::readonly(self.config.view()).signer(),
                Call::writable(self.token_config.view()),
                Call::writable(self.mint),
                Call::writable(self.recipient.view()),
                Call::readonly(self.spl_token),
            ],
            &data,
            &[REGISTRY_SEED, &[self.config.header.bump]],
        );
    }
}

/// How much the token leaves (Wh): nothing while minting is disabled, everything without a mint limit. The token program
/// sees to both itself.
#[inline(always)]
pub fn available(token_config: &TokenConfig) -> GridResult<u64> {
    if token_config.header.status != MINTING_ENABLED {
        return Err(blame("TokenConfig", GridError::MintingDisabled));
    }
    if !token_config.mint_limit.is_set() {
        return Ok(u64::MAX);
    }
    let (wh, _) = units::base_units_to_wh(token_config.mint_limit.available_at(unix_timestamp()?));
    Ok(wh)
}

/// The error for a meter that can't be settled, after logging whose account it is because of.
#[cold]
pub fn refusal(reason: GridError) -> GridError {
    let role = match reason {
        GridError::MintLimitExceeded => "TokenConfig",
        _ => "Meter",
    };
    blame(role, reason)
}

/// How much of a meter's energy can be settled now, at most `available` (Wh), or why none. The minimum quality does not
/// bind a decommissioned meter: it gets no more readings to recover with, and what it holds stays its owner's.
#[inline(always)]
pub fn settleable(meter: &Meter, minimum_quality: u16, available: u64) -> GridResult<u64> {
    ensure(meter.can_settle(), GridError::MeterNotActive)?;
    let unsettled = meter.unsettled();
    ensure(unsettled > 0, GridError::InsufficientBalance)?;
    ensure(
        meter.quality >= minimum_quality || !meter.is_active(),
        GridError::QualityTooLow,
    )?;
    ensure(available > 0, GridError::MintLimitExceeded)?;
    Ok(unsettled.min(available))
}

/// Advances the meter's tracker by `amount` (Wh), which [`settleable`] has given.
#[inline(always)]
pub fn advance(meter: &mut Meter, amount: u64) -> GridResult {
    // At most the meter's net generation, because `amount` is at most what is unsettled of it.
    meter.settled_net_generation = meter.settled_net_generation.wrapping_add(amount);
    meter.settlement_count = units::add(meter.settlement_count, 1)?;
    MeterBalanceSettled {
        meter_id: meter.meter_id,
        amount_settled: amount,
        new_settled_total: meter.settled_net_generation,
    }
    .emit();
    Ok(())
}
