//! What `SubmitReadings` and `SubmitSignedReadings` share: readings are judged, and the registry records the outcomes.

use shared_state::{
    call::{OutcomeList, RecordReadings},
    error::ensure,
    pda::ORACLE_SEED,
    program::{blame, invoke_signed_list, unix_timestamp, Account, Call, Program, Signer},
    reading::{flags, Reading, ReadingOutcome, RejectReason},
    state::{
        AccountLayout, DeviceKeyType, Meter, OracleConfig, ReadingState, RegistryConfig,
        ORACLE_ACTIVE,
    },
    wire::Packed,
    GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;

use crate::rules::{self, Context, Refusal};

/// The accounts of a submission: 0. `[s]` reporter, 1. OracleConfig, 2. RegistryConfig, 3. registry program.
pub struct Accounts<'a> {
    config: Account<'a, OracleConfig>,
    registry_config: Account<'a, RegistryConfig>,
    registry_program: Program<'a>,
}

impl<'a> Accounts<'a> {
    #[inline(always)]
    pub fn load(
        program_id: &Pubkey,
        [reporter, config, registry_config, registry_program]: [&'a AccountView; 4],
    ) -> GridResult<Self> {
        let config = Account::<OracleConfig>::new(config, program_id)?;
        let reporter = Signer::new(reporter, "reporter")?;
        let is_listed = |listed| reporter.is(listed);
        ensure(
            config.reporters().iter().any(is_listed),
            GridError::Unauthorized,
        )?;
        ensure(
            config.header.status == ORACLE_ACTIVE,
            GridError::OraclePaused,
        )?;
        let registry_program = Program::new(
            registry_program,
            &config.registry_program,
            "registry program",
        )?;
        Ok(Self {
            registry_config: Account::new(registry_config, registry_program.address())?,
            config,
            registry_program,
        })
    }
}

/// Readings on their way to the registry.
pub struct Submission<'a> {
    accounts: &'a Accounts<'a>,
    context: Context<'a>,
    /// Whether the first bad reading fails the transaction.
    is_strict: bool,
    /// A flag of every outcome: see [`Self::continue_meter`].
    mark: u8,
    outcomes: OutcomeList,
}

impl<'a> Submission<'a> {
    /// Begins a submission of at most `capacity` readings.
    #[inline(always)]
    pub fn new(
        accounts: &'a Accounts<'a>,
        is_strict: bool,
        is_signed: bool,
        capacity: usize,
    ) -> GridResult<Self> {
        let rules = &accounts.config.rules;
        Ok(Self {
            accounts,
            context: Context::new(rules, unix_timestamp()?, is_signed),
            is_strict,
            mark: 0,
            outcomes: RecordReadings::list(capacity),
        })
    }

    /// A meter of the registry's, which will write to it.
    #[inline(always)]
    pub fn meter(&self, view: &'a AccountView) -> GridResult<Account<'a, Meter>> {
        Account::passed_writable(view, self.registry_program())
    }

    /// The program that keeps the meters.
    #[inline(always)]
    pub fn registry_program(&self) -> &'a Pubkey {
        self.accounts.registry_program.address()
    }

    /// Judges a reading of a meter that is in this state, and notes the outcome.
    #[inline(always)]
    pub fn judge(
        &mut self,
        meter: &Meter,
        state: &ReadingState,
        reading: &Packed<Reading>,
    ) -> GridResult {
        match self.accept(meter, state, reading) {
            Ok(()) => Ok(()),
            Err(refusal) => self.refuse(state, reading, refusal),
        }
    }

    /// Marks the outcomes from now on as of the same meter as the one before, or not.
    #[inline(always)]
    pub fn continue_meter(&mut self, is_same: bool) {
        self.mark = if is_same { flags::SAME_METER } else { 0 };
    }

    /// Notes the outcome of a good reading. Not inlined: a function of its own has all registers to itself.
    #[inline(never)]
    fn accept(
        &mut self,
        meter: &Meter,
        state: &ReadingState,
        reading: &Packed<Reading>,
    ) -> Result<(), Refusal> {
        ensure(meter.is_active(), RejectReason::MeterNotActive)?;
        ensure(
            self.context.is_signed || meter.device_key_type == DeviceKeyType::None as u8,
            RejectReason::UnsignedReading,
        )?;
        match rules::fast::usual(&self.context, state, &reading.get()) {
            Some(outcome) => {
                self.note(outcome);
                Ok(())
            }
            None => self.judge_closely(state, reading),
        }
    }

    #[cold]
    #[inline(never)]
    fn judge_closely(
        &mut self,
        state: &ReadingState,
        reading: &Packed<Reading>,
    ) -> Result<(), Refusal> {
        self.note(rules::judge(&self.context, state, &reading.get())?);
        Ok(())
    }

    #[inline(always)]
    fn note(&mut self, mut outcome: ReadingOutcome) {
        outcome.flags |= self.mark;
        // There is room for as many readings as were announced.
        let _ = self.outcomes.push(outcome);
    }

    /// What becomes of a reading that broke a rule: it fails the transaction, or is recorded as rejected.
    #[cold]
    #[inline(never)]
    fn refuse(
        &mut self,
        state: &ReadingState,
        reading: &Packed<Reading>,
        refusal: Refusal,
    ) -> GridResult {
        if self.is_strict {
            return Err(blame(Meter::NAME, refusal.reason.into()));
        }
        let mut outcome = rules::rejected(state, reading.get(), refusal);
        outcome.flags |= self.mark;
        self.outcomes.push(outcome)
    }

    /// Moves a state on by the reading that was judged last.
    #[inline(always)]
    pub fn advance(&self, state: &mut ReadingState) {
        if let Some(outcome) = self.outcomes.last() {
            state.apply(&outcome);
        }
    }

    /// Has the registry record the outcomes: those of each meter of `meters`, in their order.
    #[inline(always)]
    pub fn record(mut self, meters: &[AccountView]) {
        let Accounts {
            config,
            registry_config,
            registry_program,
        } = self.accounts;
        let configs = [
            Call::readonly(config).signer(),
            Call::readonly(registry_config),
        ];
        let seeds: [&[u8]; 2] = [ORACLE_SEED, &[config.header.bump]];
        // SAFETY: every reference into a meter's data was to judge a reading; the last use of any is behind us.
        unsafe {
            let data = self.outcomes.encode();
            invoke_signed_list(registry_program, &configs, meters, data, &seeds);
        }
    }
}

/// Whether no meter repeats.
#[inline(always)]
pub fn are_distinct(meters: &[AccountView]) -> bool {
    // The runtime lays accounts out in their order, and a repeated one shares its place with the first: the places go up
    // exactly if none repeats.
    let mut highest = core::ptr::null();
    meters.iter().all(|view| {
        let goes_up = highest < view.account_ptr();
        highest = view.account_ptr();
        goes_up
    })
}

/// Which of the accounts before `index` is the last one that is the same, if there is one.
#[inline(always)]
pub fn earlier(meters: &[AccountView], index: usize) -> Option<usize> {
    let view = meters.get(index)?;
    let is_same = |earlier: &AccountView| address_eq(earlier.address(), view.address());
    meters.get(..index)?.iter().rposition(is_same)
}
