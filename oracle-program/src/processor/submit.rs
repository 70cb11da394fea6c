//! What `SubmitReadings` and `SubmitSignedReadings` share: readings are judged, and the registry records the outcomes.

use shared_state::{
    call::{OutcomeList, RecordReadings},
    error::ensure,
    pda::ORACLE_SEED,
    program::{blame, invoke_signed_list, unix_timestamp, Account, Call, List, Program, Signer},
    reading::{flags, Reading, ReadingOutcome, RejectReason},
    state::{
        AccountLayout, DeviceKeyType, Meter, OracleConfig, ReadingState, RegistryConfig,
        ORACLE_ACTIVE,
    },
    wire::Packed,
    GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::rules::{
    self,
    fast::{rescore, usual, Ending, Found},
    Context, Refusal,
};

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

    /// A meter of the registry's, which will write to it.
    #[inline(always)]
    pub fn meter(&self, view: &'a AccountView) -> GridResult<Account<'a, Meter>> {
        Account::passed_writable(view, self.registry_program())
    }

    /// The program that keeps the meters.
    #[inline(always)]
    pub fn registry_program(&self) -> &'a Pubkey {
        self.registry_program.address()
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
    ending: Ending,
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
            ending: Ending::new(is_signed, 0),
            outcomes: RecordReadings::list(capacity),
        })
    }

    /// Judges a reading of a meter that is in this state, and notes the outcome.
    #[inline(always)]
    pub fn judge<const SIGNED: bool>(
        &mut self,
        meter: &Meter,
        state: &ReadingState,
        reading: &Packed<Reading>,
    ) -> GridResult {
        let is_signed_as_it_must = SIGNED || meter.device_key_type == DeviceKeyType::None as u8;
        let found = if meter.is_active() && is_signed_as_it_must {
            self.note_usual(state, reading)
        } else {
            Found::Nothing
        };
        match found {
            Found::Outcome => {}
            Found::Unscored => self.rescore(state),
            Found::Nothing => self.judge_closely(meter, state, reading)?,
        }
        Ok(())
    }

    /// Judges readings of one meter, one after the other, and moves its state on.
    #[inline(always)]
    pub fn judge_all<const SIGNED: bool>(
        &mut self,
        meter: &Meter,
        state: &mut ReadingState,
        readings: &[Packed<Reading>],
    ) -> GridResult {
        self.continue_meter(false);
        for reading in readings {
            self.judge::<SIGNED>(meter, state, reading)?;
            if let Some(outcome) = self.outcomes.last_mut() {
                state.apply(outcome);
            }
            self.continue_meter(true);
        }
        Ok(())
    }

    /// Marks the outcomes from now on as of the same meter as the one before, or not.
    #[inline(always)]
    fn continue_meter(&mut self, is_same: bool) {
        self.mark = if is_same { flags::SAME_METER } else { 0 };
        self.ending = Ending::new(self.context.is_signed, self.mark);
    }

    /// Notes the outcome of a usual reading. Not inlined: a function of its own has all registers to itself.
    #[inline(never)]
    fn note_usual(&mut self, state: &ReadingState, reading: &Packed<Reading>) -> Found {
        let Some(place) = self.outcomes.place() else {
            return Found::Nothing;
        };
        let found = usual(&self.context, &self.ending, state, reading, place);
        if found != Found::Nothing {
            // SAFETY: the outcome has been written.
            unsafe { self.outcomes.extend() };
        }
        found
    }

    /// Completes the outcome that has been noted last.
    #[cold]
    #[inline(never)]
    fn rescore(&mut self, state: &ReadingState) {
        if let Some(outcome) = self.outcomes.last_mut() {
            rescore(&self.context, state, outcome);
        }
    }

    /// Judges a reading that isn't usual. If it breaks a rule, it fails the transaction, or is recorded as rejected.
    #[cold]
    #[inline(never)]
    fn judge_closely(
        &mut self,
        meter: &Meter,
        state: &ReadingState,
        reading: &Packed<Reading>,
    ) -> GridResult {
        let reading = reading.get();
        let mut outcome = match self.judged(meter, state, &reading) {
            Ok(outcome) => outcome,
            Err(refusal) if self.is_strict => {
                return Err(blame(Meter::NAME, refusal.reason.into()));
            }
            Err(refusal) => rules::rejected(state, reading, refusal),
        };
        outcome.flags |= self.mark;
        self.outcomes.push(outcome)
    }

    #[inline(always)]
    fn judged(
        &self,
        meter: &Meter,
        state: &ReadingState,
        reading: &Reading,
    ) -> Result<ReadingOutcome, Refusal> {
        ensure(meter.is_active(), RejectReason::MeterNotActive)?;
        ensure(
            self.context.is_signed || meter.device_key_type == DeviceKeyType::None as u8,
            RejectReason::UnsignedReading,
        )?;
        rules::judge(&self.context, state, reading)
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

/// The states that readings of this submission have left meters in: one for each account of a list, so far.
pub struct States(List<ReadingState>);

impl States {
    /// None yet, with room for those of that many accounts.
    #[inline(always)]
    pub fn new(capacity: usize) -> Self {
        Self(List::new(capacity))
    }

    /// The state that the next account's readings go on from: its own, or what earlier ones of the same meter have left.
    #[inline(always)]
    pub fn next(&mut self, meters: &[AccountView], meter: &Meter) -> GridResult<&mut ReadingState> {
        let index = self.0.len();
        let (before, now) = meters
            .split_at_checked(index)
            .ok_or(GridError::TooManyAccounts)?;
        let now = now.first().ok_or(GridError::TooManyAccounts)?;
        let earlier = before.iter().rposition(|before| is_same(before, now));
        let carried = earlier.and_then(|earlier| self.0.get_mut(earlier).copied());
        self.0.push(carried.unwrap_or(meter.state))?;
        self.0.get_mut(index).ok_or(GridError::TooManyAccounts)
    }
}

/// Whether two accounts of an instruction are the same one.
#[inline(always)]
pub fn is_same(a: &AccountView, b: &AccountView) -> bool {
    // A repeated one shares its place in memory with the first.
    a.account_ptr() == b.account_ptr()
}
