//! Every error of the three programs: one code, one cause, one text that says what to do.
//!
//! A program returns the code as `ProgramError::Custom(code)`; where an account is at fault, it also logs that
//! account's role, for example `Program log: account: Meter`.

use num_derive::FromPrimitive;
use num_traits::FromPrimitive;
use solana_program::program_error::ProgramError;
use thiserror::Error;

/// What the functions of the programs return.
pub type GridResult<T = ()> = Result<T, GridError>;

/// Every error of the three programs. 0-99 common, 100-199 oracle, 200-299 registry, 300-399 token.
///
/// The codes of the oracle's validation rules are also the reject reasons stored in a
/// [`Meter`](crate::state::Meter) and logged in
/// [`MeterReadingRejected`](crate::event::MeterReadingRejected).
#[derive(Clone, Copy, Debug, Eq, Error, FromPrimitive, PartialEq)]
#[repr(u32)]
pub enum GridError {
    // 0
    /// The signer is not the owner, delegate, authority, reporter or calling program that this needs.
    #[error("not authorized: sign with the owner, delegate, authority or reporter that this instruction needs")]
    Unauthorized = 0,
    /// Nothing is unsettled.
    #[error("nothing to settle: wait for more production")]
    InsufficientBalance = 1,
    /// The meter's status does not allow this.
    #[error("the meter is not active: activate it first")]
    MeterNotActive = 2,
    /// Minting is switched off.
    #[error("minting is disabled: wait for the token administrator to enable it; nothing is lost")]
    MintingDisabled = 3,
    /// Unknown tag, or data that is too short, too long or not a valid encoding.
    #[error("invalid instruction data: check the tag and the exact length of the arguments")]
    InvalidInstructionData = 4,

    // 5
    /// Fewer accounts than the instruction lists.
    #[error("not enough accounts: pass every account that the instruction lists, in order")]
    NotEnoughAccounts = 5,
    /// More accounts than the instruction lists.
    #[error("too many accounts: pass only the accounts that the instruction lists")]
    TooManyAccounts = 6,
    /// An account that must sign did not.
    #[error("a required signature is missing: sign with the account that the log names")]
    MissingSignature = 7,
    /// An account that is changed was passed read-only.
    #[error("an account must be writable: mark the account that the log names as writable")]
    AccountNotWritable = 8,
    /// The account belongs to another program.
    #[error("an account is owned by the wrong program: check the address of the account that the log names")]
    WrongAccountOwner = 9,

    // 10
    /// The account belongs to the right program but is of another type, size or version.
    #[error(
        "an account is of the wrong type: check the address of the account that the log names"
    )]
    WrongAccountType = 10,
    /// The account is not at the address that its seeds or the configuration give.
    #[error("an account has the wrong address: derive the address of the account that the log names again")]
    WrongAddress = 11,
    /// The account to create exists already.
    #[error("already initialized: the account that the log names exists, use it as it is")]
    AlreadyInitialized = 12,
    /// A sum or product does not fit.
    #[error("arithmetic overflow: the amount does not fit into 64 bits")]
    ArithmeticOverflow = 13,
    /// The account is not the program that the configuration names.
    #[error("wrong program: pass the program that the configuration names in place of the one that the log names")]
    WrongProgram = 14,

    // 15
    /// The signer is not the program's upgrade authority, or the program has none any more.
    #[error("not the upgrade authority: sign with the key that may upgrade this program")]
    NotUpgradeAuthority = 15,
    /// The same account stands in two places where it must not.
    #[error("an account is used twice at the same time: pass the account that the log names once")]
    AccountInUse = 16,
    /// An authority, owner, program or reporter of all zeros.
    #[error(
        "an address is all zeros: give the authority, owner, program or reporter that this needs"
    )]
    ZeroAddress = 17,
    /// A sysvar could not be read; no cluster does this.
    #[error("the cluster's clock or rent can't be read: try again, and report it if it stays so")]
    SysvarUnavailable = 18,
    /// The payer can't pay the rent.
    #[error("the payer has too few lamports for the rent of the new account: fund it, or name another payer")]
    InsufficientFunds = 19,

    // 20
    /// The account is not an initialized token account of the SPL Token program.
    #[error(
        "not a token account: pass a GRID token account in place of the one that the log names"
    )]
    NotATokenAccount = 20,
    /// The token account holds another token.
    #[error("the token account holds another token: pass a GRID token account in place of the one that the log names")]
    WrongTokenAccountMint = 21,
    /// The token account belongs to somebody else.
    #[error("the token account belongs to somebody else: GRID is minted to the meter's owner, and retired by its holder")]
    WrongTokenAccountOwner = 22,

    // 100: the oracle's validation rules. Keep below 256: the codes are stored as one byte.
    /// The oracle does not take readings at the moment.
    #[error("the oracle is paused: try again when its authority has resumed it")]
    OraclePaused = 100,
    /// Timestamp not after the meter's last reading (or its registration).
    #[error(
        "the reading is not newer than the meter's last one: it was sent before, or out of order"
    )]
    ReadingNotNewer = 101,
    /// Timestamp further ahead of the cluster's clock than `max_future_skew`.
    #[error("the reading is from the future: correct the meter's clock")]
    ReadingInFuture = 102,
    /// Timestamp older than `max_age`.
    #[error("the reading is too old: send readings within the oracle's maximum age")]
    ReadingTooOld = 103,
    /// Sooner after the last reading than `min_interval`.
    #[error(
        "the reading comes too soon after the last one: wait for the oracle's minimum interval"
    )]
    ReadingTooSoon = 104,

    // 105
    /// The generation register went backwards.
    #[error("the generation register went backwards: check the meter, or replace the device")]
    GenerationRegisterBackwards = 105,
    /// The consumption register went backwards.
    #[error("the consumption register went backwards: check the meter, or replace the device")]
    ConsumptionRegisterBackwards = 106,
    /// More generation than the rated power can produce in the elapsed time.
    #[error("more generation than the meter's rated power allows: check the register and the registered capacity")]
    GenerationAboveRatedPower = 107,
    /// More consumption than the rated power can draw in the elapsed time.
    #[error("more consumption than the meter's rated power allows: check the register and the registered capacity")]
    ConsumptionAboveRatedPower = 108,
    /// The meter has a device key, and the reading is not signed by it.
    #[error("the meter's device signs its readings: send this one with its signature")]
    UnsignedReading = 109,

    // 110
    /// The reporter is listed already.
    #[error("the reporter is listed already: nothing to add")]
    ReporterAlreadyListed = 110,
    /// All places for reporters are taken.
    #[error("the oracle has its maximum of 16 reporters: remove one first")]
    ReporterListFull = 111,
    /// Validation rules that make no sense.
    #[error(
        "invalid rules: intervals must be above zero, ages above intervals, ratios at most 100 %"
    )]
    InvalidRules = 112,
    /// The reporter to remove isn't listed.
    #[error("the reporter is not listed: see the OracleConfig for those that are")]
    ReporterNotListed = 113,
    /// No Ed25519 instruction right before this one.
    #[error("no signatures: put the Ed25519 instruction that verifies them right before this one")]
    SignaturesMissing = 114,

    // 115
    /// The Ed25519 instruction verifies something else than one signature per reading, in our layout.
    #[error("the Ed25519 instruction is laid out differently: one signature per reading, in order, nothing else")]
    SignatureLayout = 115,
    /// A signature is by another key, or of another message.
    #[error("the signature is not this device's for this reading: check key, meter, registry and registers")]
    SignatureMismatch = 116,
    /// A signed reading of a meter without a device key.
    #[error("the meter has no device key: send its readings with SubmitReadings")]
    DeviceKeyMissing = 117,
    /// Signed readings can't be submitted by another program.
    #[error("signed readings can't be submitted by another program: make SubmitSignedReadings an instruction of the transaction")]
    NotTopLevel = 118,

    // 200
    /// The oracle sent an outcome that contradicts the meter's account.
    #[error("the recorded outcome contradicts the meter's account: the oracle must validate against the current state")]
    InvalidOutcome = 200,
    /// The meter's quality is below the registry's minimum.
    #[error("the meter's reading quality is below the minimum: it recovers with good readings")]
    QualityTooLow = 201,
    /// A meter id that is empty, not UTF-8 or not zero-padded.
    #[error("invalid meter id: use the serial number in UTF-8, 1 to 32 bytes, zero-padded")]
    InvalidMeterId = 202,
    /// A capacity of zero or beyond [`MAX_CAPACITY_W`](crate::units::MAX_CAPACITY_W).
    #[error("invalid capacity: give both rated powers in watts, above zero and at most 1 GW")]
    InvalidCapacity = 203,
    /// The status machine has no such transition for this signer.
    #[error("this status change does not exist: see the table of transitions")]
    InvalidStatusTransition = 204,

    // 205
    /// A minimum quality over 100 %.
    #[error("invalid minimum quality: give basis points from 0 to 10000")]
    InvalidQuality = 205,
    /// The meter is decommissioned for good.
    #[error(
        "the meter is decommissioned: it can be settled and handed over, but not changed any more"
    )]
    MeterDecommissioned = 206,
    /// A device can't be replaced on the strength of registers that are out of date.
    #[error("the meter's registers have moved on: read the account again, and replace the device from there")]
    RegistersMovedOn = 207,

    // 300
    /// Not the GRID mint.
    #[error("wrong mint: pass the GRID mint that the TokenConfig names")]
    WrongMint = 300,
    /// An amount of zero.
    #[error("invalid amount: give an amount above zero")]
    InvalidAmount = 301,
    /// More than the mint limit leaves at the moment.
    #[error("the mint limit is used up: wait until it has recovered, nothing is lost; the TokenConfig says how fast")]
    MintLimitExceeded = 302,
    /// A mint limit that would let nothing through for good, or that says none in one half only.
    #[error("invalid mint limit: give a burst of at least 10^6 base units (1 Wh) and a rate above zero, or zero for both")]
    InvalidMintLimit = 303,
    /// The token account holds less than the amount.
    #[error("not enough tokens: the account that the log names holds less than this amount")]
    NotEnoughTokens = 304,
}

impl GridError {
    /// The error of a code, if there is one: for clients that read `Custom(code)`.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::from_u32(code)
    }

    /// The code that a program returns.
    pub const fn code(self) -> u32 {
        self as u32
    }
}

impl From<GridError> for ProgramError {
    fn from(error: GridError) -> Self {
        ProgramError::Custom(error.code())
    }
}

/// Returns `error` unless `condition` holds.
#[inline(always)]
pub fn ensure(condition: bool, error: GridError) -> GridResult {
    if condition {
        Ok(())
    } else {
        Err(fail(error))
    }
}

/// `error`, from a place that the compiler takes to be rare and opaque: so it doesn't load every error's code before the
/// check that may need it.
#[cold]
#[inline(never)]
pub fn fail(error: GridError) -> GridError {
    core::hint::black_box(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_contract() {
        for (code, error) in [
            (0, GridError::Unauthorized),
            (1, GridError::InsufficientBalance),
            (2, GridError::MeterNotActive),
            (3, GridError::MintingDisabled),
        ] {
            assert_eq!(error.code(), code);
            assert_eq!(GridError::from_code(code), Some(error));
        }
        assert_eq!(GridError::from_code(99), None);
    }

    #[test]
    fn every_text_says_what_is_wrong_and_what_to_do() {
        for error in (0..400).filter_map(GridError::from_code) {
            let text = error.to_string();
            assert!(text.contains(": "), "{error:?}: {text}");
        }
    }
}
