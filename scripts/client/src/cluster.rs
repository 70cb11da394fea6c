//! What commands need of a cluster, and what it answers.

use std::fmt;

use anyhow::{anyhow, Context};
use borsh::BorshDeserialize;
use shared_state::{
    event::Event,
    state::{AccountLayout, LAYOUT_VERSION},
    GridError,
};
use solana_account::Account;
use solana_program::pubkey::Pubkey;
use solana_signature::Signature;
use solana_transaction::{InstructionError, TransactionError};

use crate::logs;

/// A cluster that shows its accounts.
#[allow(async_fn_in_trait)]
pub trait Cluster {
    /// The account at an address, if there is one.
    async fn account(&self, address: &Pubkey) -> anyhow::Result<Option<Account>>;

    /// The accounts at these addresses (100 at most), all as they are at one moment.
    async fn accounts(&self, addresses: &[Pubkey]) -> anyhow::Result<Vec<Option<Account>>>;

    /// All accounts that a program owns.
    async fn program_accounts(&self, program: &Pubkey) -> anyhow::Result<Vec<(Pubkey, Account)>>;
}

/// An account, if it is more than lamports that somebody has sent to an address: those are the system program's.
pub fn in_use(account: Option<Account>) -> Option<Account> {
    account.filter(|account| account.owner != solana_sdk_ids::system_program::ID)
}

/// Reads one of our accounts.
pub async fn read<T: AccountLayout + BorshDeserialize>(
    cluster: &impl Cluster,
    address: &Pubkey,
) -> anyhow::Result<T> {
    let account = in_use(cluster.account(address).await?);
    let account = account.with_context(|| format!("{} {address} does not exist", T::NAME))?;
    decode(&account).map_err(|problem| anyhow!("{address} {problem}"))
}

/// Decodes one of our accounts, or says what is wrong with it.
pub fn decode<T: AccountLayout + BorshDeserialize>(account: &Account) -> Result<T, String> {
    let header = account.data.get(..2);
    if header != Some(&[T::TYPE as u8, LAYOUT_VERSION]) {
        return Err(format!(
            "is not a {} of version {LAYOUT_VERSION}: it starts with {:?}",
            T::NAME,
            header.unwrap_or(&account.data)
        ));
    }
    T::try_from_slice(&account.data)
        .map_err(|_| format!("has {} bytes instead of {}", account.data.len(), T::SIZE))
}

/// What a successful transaction did.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The program log.
    pub logs: Vec<String>,
    /// Compute units that it took in all.
    pub compute_units: u64,
    /// What the last program that returned something returned.
    pub return_data: Option<(Pubkey, Vec<u8>)>,
}

impl Receipt {
    /// The events that programs logged, in order: for transactions that call nobody but our programs.
    pub fn events(&self) -> Vec<Event> {
        let logged = logs::events(&self.logs);
        logged.into_iter().map(|logged| logged.event).collect()
    }
}

/// Why a transaction failed.
#[derive(Debug)]
pub enum SendError {
    /// It was executed or checked, and refused.
    Refused {
        /// The cluster's reason.
        error: TransactionError,
        /// The program log, if it was executed.
        logs: Vec<String>,
    },
    /// The cluster could not be reached or did not answer.
    Unreachable(String),
    /// The node did not take it, for a reason of its own.
    NotTaken(String),
    /// It could not be signed.
    Unsigned(String),
    /// It was not processed while its blockhash was valid, and can't be any more.
    Expired(Signature),
    /// It was sent, and what has become of it can't be told.
    Unknown {
        /// Its signature.
        signature: Signature,
        /// Why.
        reason: String,
    },
    /// It was executed, but the node doesn't show its log.
    Executed {
        /// Its signature.
        signature: Signature,
        /// Why.
        reason: String,
    },
}

impl SendError {
    /// The index of the failing instruction and our programs' error, if it is one.
    pub fn grid_error(&self) -> Option<(u8, GridError)> {
        match self {
            Self::Refused {
                error: TransactionError::InstructionError(index, InstructionError::Custom(code)),
                logs,
            } if failed_in_ours(logs) => Some((*index, GridError::from_code(*code)?)),
            _ => None,
        }
    }

    /// The role of the account at fault, if the program logged one.
    pub fn account_at_fault(&self) -> Option<&str> {
        let Self::Refused { logs, .. } = self else {
            return None;
        };
        let at = logs
            .iter()
            .rposition(|line| line == "Program log: account:")?;
        logs.get(at.checked_add(1)?)?.strip_prefix("Program log: ")
    }
}

/// Whether the program that failed first, whose error code those that called it passed on, can be one of ours: it said
/// so in the log, which the runtime's precompiles don't, and is none of the programs that ours call.
fn failed_in_ours(logs: &[String]) -> bool {
    let failed = |line: &&String| line.starts_with("Program ") && line.contains(" failed: ");
    logs.iter().find(failed).is_some_and(|line| {
        ![
            spl_token::ID,
            spl_associated_token_account::ID,
            solana_sdk_ids::system_program::ID,
        ]
        .iter()
        .any(|theirs| line.starts_with(&format!("Program {theirs} ")))
    })
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.grid_error()) {
            (_, Some((_, error))) => {
                write!(f, "{error} ({error:?}, code {})", error.code())?;
                if let Some(role) = self.account_at_fault() {
                    write!(f, "; account: {role}")?;
                }
                Ok(())
            }
            (Self::Refused { error, logs }, None) => {
                write!(f, "the transaction was refused: {error}")?;
                if let Some(advice) = advice(error) {
                    return write!(f, ": {advice}");
                }
                // What the system program says, or the last thing that the failing program said.
                let said = |line: &&String| {
                    line.contains("insufficient lamports") || line.starts_with("Program log: ")
                };
                match logs.iter().rev().find(said) {
                    Some(line) if line.contains("insufficient lamports") => {
                        write!(f, ": the payer has too little SOL for the rent of a new account, send it some ({line})")
                    }
                    Some(line) => write!(f, "; {line}"),
                    None => Ok(()),
                }
            }
            (Self::Unreachable(reason), None) => write!(f, "the cluster did not answer: {reason}"),
            (Self::NotTaken(reason), None) => write!(f, "the node did not take the transaction: {reason}"),
            (Self::Expired(signature), None) => write!(
                f,
                "the transaction {signature} got lost and can't be executed any more: try again, with a priority fee if it stays so (--with-compute-unit-price)"
            ),
            (Self::Unknown { signature, reason }, None) => write!(
                f,
                "the transaction {signature} was sent and may have been executed: look with solana confirm {signature} before you repeat it; {reason}"
            ),
            (Self::Executed { signature, reason }, None) => write!(
                f,
                "the transaction {signature} was executed, but what it did can't be shown: {reason}"
            ),
            (Self::Unsigned(reason), None) => write!(
                f,
                "the transaction can't be signed with these keypairs (--keypair, --fee-payer): {reason}"
            ),
        }
    }
}

/// What to do about the cluster's own refusals.
fn advice(error: &TransactionError) -> Option<&'static str> {
    Some(match error {
        TransactionError::AccountNotFound => {
            "the fee payer has no SOL on this cluster, send it some"
        }
        TransactionError::InsufficientFundsForFee => {
            "the fee payer has too little SOL, send it some"
        }
        TransactionError::InsufficientFundsForRent { .. } => {
            "an account would be left with too little SOL for its rent, send the payer some"
        }
        TransactionError::ProgramAccountNotFound | TransactionError::InvalidProgramForExecution => {
            "a program is not deployed on this cluster, check --url and the programs' addresses"
        }
        _ => return None,
    })
}

impl std::error::Error for SendError {}
