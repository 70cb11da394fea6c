//! What `SubmitReadings` and `SubmitSignedReadings` share: readings are judged, and the registry records the outcomes.

use shared_state::{
    error::ensure,
    pda::ORACLE_SEED,
    program::{
        blame, invoke_signed_list, is_zero, program, signer, unix_timestamp, writable, Account,
        Call, FixedVec, HeadedList,
    },
    reading::{Reading, ReadingOutcome},
    state::{AccountLayout, Meter, OracleConfig, Track, ORACLE_ACTIVE},
    wire::{self, Packed},
    GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;

use crate::{
    rules::{self, timestamp::Window, Context},
    signature::Signatures,
};

/// The accounts of a submission.
pub struct Accounts<'a> {
    pub reporter: &'a AccountView,
    pub config: &'a AccountView,
    pub registry_config: &'a AccountView,
    pub registry_program: &'a AccountView,
    pub meters: &'a [AccountView],
}

/// The arguments of a submission.
pub struct Arguments<'a> {
    strict: bool,
    readings: &'a [Packed<Reading>],
}

impl<'a> Arguments<'a> {
    /// Reads them from instruction data: at least one reading.
    #[inline(always)]
    pub fn new(data: &'a [u8]) -> GridResult<Self> {
        let (strict, readings) = wire::tag(data)?;
        let arguments = Self {
            strict: wire::boolean(strict)?,
            readings: wire::list(readings)?,
        };
        ensure(
            !arguments.readings.is_empty(),
            GridError::InvalidInstructionData,
        )?;
        Ok(arguments)
    }

    /// Checks that there is one meter for each reading.
    #[inline(always)]
    pub fn check_count(&self, meters: &[AccountView]) -> GridResult {
        ensure(
            self.readings.len() >= meters.len(),
            GridError::TooManyAccounts,
        )?;
        ensure(
            self.readings.len() <= meters.len(),
            GridError::NotEnoughAccounts,
        )
    }
}

/// Judges the readings and has the registry record the outcomes. With `signatures`, each must be its device's.
#[inline(never)]
pub fn submit(
    program_id: &Pubkey,
    accounts: &Accounts,
    arguments: &Arguments,
    signatures: &Option<Signatures>,
) -> GridResult {
    let Accounts {
        registry_config,
        registry_program,
        meters,
        ..
    } = *accounts;
    let config = Account::<OracleConfig>::new(accounts.config, program_id)?;
    let reporter = signer(accounts.reporter, "reporter")?;
    let is_listed = |listed| address_eq(listed, reporter);
    ensure(
        config.reporters().iter().any(is_listed),
        GridError::Unauthorized,
    )?;
    ensure(
        config.header.status == ORACLE_ACTIVE,
        GridError::OraclePaused,
    )?;
    program(
        registry_program,
        &config.registry_program,
        "registry program",
    )?;

    let context = Context {
        rules: &config.rules,
        window: Window::new(&config.rules, unix_timestamp()?),
        is_signed: signatures.is_some(),
    };
    let mut outcomes = HeadedList::<ReadingOutcome>::new(meters.len())?;
    let batch = Batch {
        context,
        registry_program: &config.registry_program,
        meters,
        arguments,
    };
    if signatures.is_none() && batch.is_distinct() {
        batch.judge_distinct(&mut outcomes)?;
    } else {
        batch.judge_any(signatures, &mut outcomes)?;
    }

    let configs = [
        Call::readonly(config.view()).signer(),
        Call::readonly(registry_config),
    ];
    invoke_signed_list(
        registry_program.address(),
        &configs,
        meters,
        outcomes.with_header(&record_readings_header(meters.len())),
        &[ORACLE_SEED, &[config.header.bump]],
    );
    Ok(())
}

/// The readings of a submission and the meters that they are of.
struct Batch<'a> {
    context: Context<'a>,
    registry_program: &'a Pubkey,
    meters: &'a [AccountView],
    arguments: &'a Arguments<'a>,
}

impl<'a> Batch<'a> {
    /// Whether no meter repeats.
    #[inline(always)]
    fn is_distinct(&self) -> bool {
        // The runtime lays accounts out in their order, and a repeated one shares its place with the first: the places
        // go up exactly if none repeats.
        let mut highest = core::ptr::null();
        self.meters.iter().all(|view| {
            let goes_up = highest < view.account_ptr();
            highest = view.account_ptr();
            goes_up
        })
    }

    /// A meter of the batch, which the registry will write to.
    #[inline(always)]
    fn meter(&self, view: &'a AccountView) -> GridResult<Account<'a, Meter>> {
        let meter = Account::<Meter>::new(view, self.registry_program)?;
        writable(view, Meter::NAME)?;
        Ok(meter)
    }

    /// Judges unsigned readings, each of another meter: the usual batch, in a loop with nothing else in it.
    #[inline(never)]
    fn judge_distinct(&self, outcomes: &mut HeadedList<ReadingOutcome>) -> GridResult {
        let mut readings = self.arguments.readings.iter();
        for view in self.meters {
            let Some(reading) = readings.next() else {
                break;
            };
            let meter = self.meter(view)?;
            if let Err(error) = judge(&self.context, &meter, meter.track(), reading, outcomes) {
                self.refuse(error, meter.track(), reading, outcomes)?;
            }
        }
        Ok(())
    }

    /// Judges any readings. The accounts change only when the registry is called, so a meter's second reading is judged
    /// against what its first one left behind.
    #[inline(never)]
    fn judge_any(
        &self,
        signatures: &Option<Signatures>,
        outcomes: &mut HeadedList<ReadingOutcome>,
    ) -> GridResult {
        let is_distinct = self.is_distinct();
        let mut tracks = FixedVec::new(self.meters.len());
        let readings = self.arguments.readings.iter();
        for (index, (view, reading)) in self.meters.iter().zip(readings).enumerate() {
            let meter = self.meter(view)?;
            if let Some(signatures) = signatures {
                check_signature(signatures, index, self.registry_program, &meter, reading)?;
            }
            let track = if is_distinct {
                meter.track()
            } else {
                let earlier = self.earlier(index, view);
                let earlier = earlier.and_then(|earlier| tracks.as_slice().get(earlier));
                earlier.unwrap_or(meter.track())
            };
            if let Err(error) = judge(&self.context, &meter, track, reading, outcomes) {
                self.refuse(error, track, reading, outcomes)?;
            }
            if !is_distinct {
                let next = rules::follow(track, &outcomes.last().get());
                tracks.push(next)?;
            }
        }
        Ok(())
    }

    /// Which reading before `index` is the last one of the same meter, if there is one.
    #[inline(always)]
    fn earlier(&self, index: usize, view: &AccountView) -> Option<usize> {
        let is_same = |earlier: &AccountView| earlier.account_ptr() == view.account_ptr();
        self.meters.get(..index)?.iter().rposition(is_same)
    }

    /// What becomes of a reading that broke a rule: it fails the transaction, or is recorded as rejected.
    #[cold]
    #[inline(never)]
    fn refuse(
        &self,
        error: GridError,
        track: &Track,
        reading: &Packed<Reading>,
        outcomes: &mut HeadedList<ReadingOutcome>,
    ) -> GridResult {
        if self.arguments.strict {
            return Err(blame(Meter::NAME, error));
        }
        rules::reject(error, track, reading, outcomes)
    }
}

/// Checks that a reading is signed by its meter's device. This is no rule whose breach is recorded: nobody knows whose
/// reading it is.
#[inline(always)]
fn check_signature(
    signatures: &Signatures,
    index: usize,
    registry_program: &Pubkey,
    meter: &Meter,
    reading: &Packed<Reading>,
) -> GridResult {
    if is_zero(&meter.device_key) {
        return Err(blame(Meter::NAME, GridError::DeviceKeyMissing));
    }
    let Meter {
        device_key,
        meter_id,
        ..
    } = meter;
    if signatures.is_of(index, device_key, registry_program, meter_id, reading) {
        Ok(())
    } else {
        Err(blame(Meter::NAME, GridError::SignatureMismatch))
    }
}

/// Judges one reading. Not inlined: a function of its own has all registers to itself, for two units.
#[inline(never)]
fn judge(
    context: &Context,
    meter: &Meter,
    track: &Track,
    reading: &Packed<Reading>,
    outcomes: &mut HeadedList<ReadingOutcome>,
) -> GridResult {
    ensure(meter.is_active(), GridError::MeterNotActive)?;
    ensure(
        context.is_signed || is_zero(&meter.device_key),
        GridError::UnsignedReading,
    )?;
    rules::accept(context, track, reading, outcomes)
}

/// Header of the registry's `RecordReadings`: tag and number of outcomes.
#[inline(always)]
fn record_readings_header(count: usize) -> [u8; 5] {
    let mut header = [wire::RECORD_READINGS; 5];
    let (_, rest) = header.split_at_mut(1);
    rest.copy_from_slice(&(count as u32).to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    #[test]
    fn the_data_is_a_tag_and_a_borsh_list() {
        let outcomes = [1u8, 2].map(|reason| ReadingOutcome {
            reason,
            ..ReadingOutcome::zeroed()
        });
        let mut list = HeadedList::new(2).expect("room");
        for outcome in outcomes {
            list.place().expect("room").put(outcome.into());
        }
        let expected = borsh::to_vec(&(wire::RECORD_READINGS, outcomes.to_vec()));
        assert_eq!(
            list.with_header(&record_readings_header(2)),
            expected.expect("to memory")
        );
    }
}
