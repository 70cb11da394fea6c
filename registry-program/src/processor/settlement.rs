//! What both settlements share: who may claim, and the call that mints what was settled. How much can be claimed, the accounts
//! say: see [`Meter::settleable`] and [`TokenConfig::room`].

use shared_state::{
    call::MintSettled,
    event::MeterBalanceSettled,
    pda::REGISTRY_SEED,
    program::{
        blame, invoke_signed, unix_timestamp, Account, AccountMut, Call, Mint, Program, Signer,
        TokenAccount, Unchecked,
    },
    quantity::Wh,
    state::{AccountLayout, Meter, RegistryConfig, Room, TokenConfig},
    GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

/// How many accounts a settlement has beside its meters.
pub const COUNT: usize = 7;

/// The accounts of a settlement without its meters: `[s]` owner or delegate, RegistryConfig, token program, `[w]` TokenConfig,
/// `[w]` GRID mint, `[w]` recipient, SPL Token program.
pub struct Accounts<'a> {
    claimant: Signer<'a>,
    /// Whether the claimant owns the recipient, and so needs no look at a meter's delegate.
    is_owner: bool,
    config: Account<'a, RegistryConfig>,
    token_program: Program<'a>,
    token_config: AccountMut<'a, TokenConfig>,
    mint: Mint<'a>,
    recipient: TokenAccount<'a>,
    /// The token program checks it.
    spl_token: Unchecked<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    pub fn load(program_id: &Pubkey, accounts: &'a [AccountView; COUNT]) -> GridResult<Self> {
        let [claimant, config, token_program, token_config, mint, recipient, spl_token] = accounts;
        let config = Account::<RegistryConfig>::new(config, program_id)?;
        let claimant = Signer::new(claimant, "owner or delegate")?;
        let token_program = Program::new(token_program, &config.token_program, "token program")?;
        let token_config = AccountMut::<TokenConfig>::new(token_config, token_program.address())?;
        let mint = Mint::passed(mint)?;
        let recipient = TokenAccount::new(recipient, mint.address(), "recipient")?;
        let is_owner = recipient.belongs_to(claimant.key());
        if !is_owner {
            recipient.must_be_plain()?;
        }
        Ok(Self {
            claimant,
            is_owner,
            config,
            token_program,
            token_config,
            mint,
            recipient,
            spl_token: Unchecked(spl_token),
        })
    }

    /// Checks that the claimant may settle this meter, and that the recipient belongs to its owner.
    #[inline(always)]
    pub fn check_meter(&self, meter: &Meter) -> GridResult {
        if self.recipient.belongs_to(&meter.owner)
            && (self.is_owner || self.claimant.is(&meter.delegate))
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
        if self.claimant.is(&meter.owner) || self.claimant.is(&meter.delegate) {
            self.recipient.wrong_owner()
        } else {
            GridError::Unauthorized
        }
    }

    /// How much the token lets the settlement mint. It sees to that itself when it mints.
    #[inline(always)]
    pub fn room(&self) -> GridResult<Room> {
        self.token_config
            .room(self.mint.supply(), unix_timestamp)
            .map_err(refusal)
    }

    /// Has GRID minted for settled energy: the last thing that a settlement does.
    #[inline(always)]
    pub fn mint(mut self, energy: Wh) {
        let seeds: [&[u8]; 2] = [REGISTRY_SEED, &[self.config.header.bump]];
        let accounts = [
            Call::readonly(&self.config).signer(),
            Call::writable(&mut self.token_config),
            Call::writable(&mut self.mint),
            Call::writable(&mut self.recipient),
            Call::readonly(&self.spl_token),
        ];
        let data = MintSettled { energy }.encode();
        invoke_signed(&self.token_program, &accounts, &data, &seeds);
    }
}

/// Logs the account that is at fault, and returns `reason`.
#[cold]
pub fn refusal(reason: GridError) -> GridError {
    let role = match reason {
        GridError::MintLimitExceeded | GridError::SupplyFull | GridError::MintingDisabled => {
            TokenConfig::NAME
        }
        _ => Meter::NAME,
    };
    blame(role, reason)
}

/// Settles `energy` of a meter, and returns what is to be logged of it.
#[inline(always)]
pub fn settle(meter: &mut Meter, energy: Wh) -> GridResult<MeterBalanceSettled> {
    meter.settle(energy)?;
    Ok(MeterBalanceSettled {
        meter_id: meter.meter_id,
        amount_settled: energy,
        new_settled_total: meter.settled_net_generation,
    })
}
