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
/// An error fails the transaction. Those of the oracle's validation rules can also be why a single reading is rejected and
/// recorded: see [`RejectReason`](crate::reading::RejectReason).
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
    #[error("minting is disabled: wait for the token authority to enable it; energy that is consumed meanwhile can't be claimed any more")]
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
    /// A delegate settles to an account over which somebody else has power.
    #[error("the token account has a close authority or an SPL delegate: a delegate settles to the owner's plain account, best the associated one")]
    TokenAccountNotPlain = 23,

    // 100: the oracle. Those that can be a `RejectReason` stay below 256: they are stored as one byte.
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
    #[error("the reading is too old: nothing is lost, because registers are cumulative and the next reading counts this energy too")]
    ReadingTooOld = 103,
    /// Sooner after the last reading than `min_interval`.
    #[error(
        "the reading comes too soon after the last one: wait for the oracle's minimum interval"
    )]
    ReadingTooSoon = 104,

    // 105
    /// The generation register went backwards.
    #[error("the generation register went backwards: if the last reading was false, the registry authority corrects it (CorrectRegisters); ReplaceDevice is for another device, and a modulus for registers that roll over")]
    GenerationRegisterBackwards = 105,
    /// The consumption register went backwards.
    #[error("the consumption register went backwards: if the last reading was false, the registry authority corrects it (CorrectRegisters); ReplaceDevice is for another device, and a modulus for registers that roll over")]
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
    #[error("invalid rules: give intervals above zero, ages above them, a tolerance of at most 10 % and a jump factor from 1 to 100; the documentation has all bounds")]
    InvalidRules = 112,
    /// The reporter to remove isn't listed.
    #[error("the reporter is not listed: see the OracleConfig for those that are")]
    ReporterNotListed = 113,
    /// No signatures right before the transaction's instruction, or not as many as meters.
    #[error("no signatures: put the Ed25519 or Secp256r1 instruction that verifies them right before this one, with one signature for each meter")]
    SignaturesMissing = 114,

    // 115
    /// The instruction with the signatures isn't laid out as the oracle reads it.
    #[error("the instruction with the signatures is laid out differently: see the oracle's documentation for its one layout")]
    SignatureLayout = 115,
    /// A signature is by another key, or of a message for another meter, registry or purpose.
    #[error("the signature is not this device's for this meter: check key, meter id and registry program")]
    SignatureMismatch = 116,
    /// A signed reading of a meter without a device key.
    #[error("the meter has no device key: send its readings with SubmitReadings")]
    DeviceKeyMissing = 117,
    /// A register jumped further than any meter can count, and is held.
    #[error("a register jumped and is held: below it readings count as ever; if the jump is true, the registry authority replaces the device (ReplaceDevice) or raises the rated power (UpdateMeterLimits)")]
    RegisterJumped = 118,
    /// A register at or above the meter's modulus.
    #[error("a register is at or above the meter's modulus: check the register's unit and digits, and the modulus of the registration")]
    RegisterBeyondModulus = 119,

    // 200
    /// The oracle sent an outcome that contradicts the meter's account.
    #[error("the recorded outcome contradicts the meter's account: the oracle must validate against the current state")]
    InvalidOutcome = 200,
    /// There is energy, but it was counted while the meter's quality was below the registry's minimum.
    #[error("nothing is claimable yet: what was counted at too low a quality becomes claimable with the first accepted reading that brings the quality back up")]
    QualityTooLow = 201,
    /// A meter id that is empty, not of ASCII graphic characters or not zero-padded.
    #[error("invalid meter id: use 1 to 32 ASCII characters without blanks, zero-padded; longer or other serial numbers in their hashed form")]
    InvalidMeterId = 202,
    /// A capacity of zero or beyond [`MAX_CAPACITY_W`](crate::quantity::MAX_CAPACITY_W).
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
    /// A device can't be replaced, nor registers corrected, on the strength of registers that are out of date.
    #[error("the meter's registers have moved on: read the account again, and replace or correct from there")]
    RegistersMovedOn = 207,
    /// A device key of an unknown type, or of zeros with a type, or the reverse.
    #[error("invalid device key: give 32 bytes and type 1 (Ed25519), 2 or 3 (P-256, even or odd), or zeros and type 0 for none")]
    InvalidDeviceKey = 208,
    /// A minimum quality that meters without a device key can't reach.
    #[error("the minimum quality is above what readings without a device's signature reach (8500): lower it, or say that all meters sign")]
    QualityOutOfReach = 209,

    // 210
    /// A correction that would raise a register, or take away more than was counted.
    #[error("invalid correction: it can only lower registers, one at least, by at most what the meter has counted in all")]
    InvalidCorrection = 210,

    // 300
    /// Not the GRID mint.
    #[error("wrong mint: pass the GRID mint that the TokenConfig names")]
    WrongMint = 300,
    /// An amount of zero.
    #[error("invalid amount: give an amount above zero")]
    InvalidAmount = 301,
    /// More than the mint limit leaves at the moment.
    #[error(
        "the mint limit is used up: wait until it has recovered; the TokenConfig says how fast"
    )]
    MintLimitExceeded = 302,
    /// A mint limit that would let nothing through for good, or that says none in one half only.
    #[error("invalid mint limit: give a burst of at least 10^6 base units (1 Wh) and a rate above zero, or zero for both")]
    InvalidMintLimit = 303,
    /// The token account holds less than the amount.
    #[error("not enough tokens: the account that the log names holds less than this amount")]
    NotEnoughTokens = 304,

    // 305
    /// The supply is at 2^64 base units.
    #[error("the supply is full: 18.4 TWh are in circulation, and GRID can be minted again when some is retired")]
    SupplyFull = 305,
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

/// Says that whatever calls this is rare: the compiler then lays out the rest without a detour. From Rust 1.95 on, that is
/// `core::hint::cold_path`; the programs are made for older ones too.
#[cold]
#[inline(always)]
pub const fn cold_path() {}

/// Returns `error` unless `condition` holds.
#[inline(always)]
pub fn ensure<E>(condition: bool, error: E) -> Result<(), E> {
    if condition {
        Ok(())
    } else {
        cold_path();
        Err(error)
    }
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
