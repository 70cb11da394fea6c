//! A real cluster, through the JSON-RPC interface of one of its nodes.

use std::time::{Duration, Instant};

use anyhow::Context;
use base64::{prelude::BASE64_STANDARD, Engine};
use bincode::deserialize;
use shared_state::state::AccountType;
use solana_account::Account;
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_clock::Clock;
use solana_commitment_config::CommitmentConfig;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_hash::Hash;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_rpc_client::{
    nonblocking::rpc_client::RpcClient, rpc_client::GetConfirmedSignaturesForAddress2Config,
};
use solana_rpc_client_api::{
    client_error::{Error, ErrorKind},
    config::{
        RpcAccountInfoConfig, RpcProgramAccountsConfig, RpcSendTransactionConfig,
        RpcSimulateTransactionConfig, RpcTransactionConfig,
    },
    filter::{Memcmp, RpcFilterType},
    request::{RpcError, RpcResponseErrorData},
    response::RpcConfirmedTransactionStatusWithSignature,
};
use solana_sdk_ids::sysvar;
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::{Transaction, TransactionError};
use solana_transaction_status_client_types::{
    TransactionStatus, UiReturnDataEncoding, UiTransactionEncoding, UiTransactionReturnData,
};

use crate::cluster::{Cluster, Receipt, SendError};

/// How often a transaction's status is asked for.
pub const POLL: Duration = Duration::from_millis(400);
/// How often a transaction that nobody has seen yet is sent again.
pub const RESEND: Duration = Duration::from_secs(2);
/// How many blocks one of a cluster's nodes may be behind another: an address may be that of several.
const BLOCKS_BEHIND: u64 = 32;
/// How long a node may be silent.
pub const SILENCE: Duration = Duration::from_secs(60);
/// How long nothing may happen, although the node answers.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Compute units of the instruction that sets the price.
const PRICE_UNITS: u64 = 150;
/// How long a node may not know the blockhash that it gave.
const KNOWN_WITHIN: Duration = Duration::from_secs(60);
/// The most units that a transaction can have.
pub const MAX_UNITS: u32 = 1_400_000;

/// A node of a cluster.
pub struct Rpc {
    client: RpcClient,
    url: String,
}

/// What came of a transaction.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// Its signature.
    pub signature: Signature,
    /// What it did.
    pub receipt: Receipt,
    /// What it cost (lamports).
    pub fee: u64,
    /// When its block was made (Unix seconds), if the node knows.
    pub block_time: Option<i64>,
}

/// What would come of a transaction.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// What it would do.
    pub receipt: Receipt,
    /// What it would cost (lamports), if the node says.
    pub fee: Option<u64>,
}

/// What a transaction is signed for.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// The blockhash.
    pub blockhash: Hash,
    /// The last block height that takes it.
    pub last_valid_block_height: u64,
}

impl Rpc {
    /// The node at `url`; what it answers is at least of this commitment.
    pub fn new(url: &str, commitment: CommitmentConfig) -> Self {
        Self {
            client: RpcClient::new_with_commitment(url.to_owned(), commitment),
            url: url.to_owned(),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Transactions are shown from this commitment on.
    fn shown(&self) -> CommitmentConfig {
        match self.client.commitment() {
            commitment if commitment.is_finalized() => commitment,
            _ => CommitmentConfig::confirmed(),
        }
    }

    /// The cluster's clock (Unix seconds).
    pub async fn unix_timestamp(&self) -> anyhow::Result<i64> {
        let clock = self.account(&sysvar::clock::ID).await?;
        let clock = clock.with_context(|| format!("{} has no clock", self.url))?;
        Ok(deserialize::<Clock>(&clock.data)?.unix_timestamp)
    }

    /// The meters of a registry; with a key at this offset of a [`Meter`](shared_state::state::Meter) only.
    pub async fn meters(
        &self,
        registry: &Pubkey,
        key: Option<(usize, &Pubkey)>,
    ) -> anyhow::Result<Vec<(Pubkey, Account)>> {
        self.accounts_of(registry, AccountType::Meter, key).await
    }

    /// A program's accounts of a type; with a key at this offset only.
    pub async fn accounts_of(
        &self,
        program: &Pubkey,
        kind: AccountType,
        key: Option<(usize, &Pubkey)>,
    ) -> anyhow::Result<Vec<(Pubkey, Account)>> {
        let mut filters = vec![RpcFilterType::Memcmp(Memcmp::new_base58_encoded(
            0,
            &[kind as u8],
        ))];
        if let Some((offset, key)) = key {
            let is = Memcmp::new_base58_encoded(offset, key.as_ref());
            filters.push(RpcFilterType::Memcmp(is));
        }
        let config = RpcProgramAccountsConfig {
            filters: Some(filters),
            account_config: RpcAccountInfoConfig {
                encoding: Some(UiAccountEncoding::Base64),
                commitment: Some(self.client.commitment()),
                ..RpcAccountInfoConfig::default()
            },
            ..RpcProgramAccountsConfig::default()
        };
        self.client
            .get_program_ui_accounts_with_config(program, config)
            .await
            .with_context(|| format!("asking {} for the accounts of {program}", self.url))?
            .into_iter()
            .map(|(address, account)| {
                let account = account
                    .to_account()
                    .with_context(|| format!("{} sent an unreadable account", self.url))?;
                Ok((address, account))
            })
            .collect()
    }

    /// Signatures of the transactions that named an address, newest first: `limit` at most, older than `before`, down to
    /// but without `until`.
    pub async fn signatures(
        &self,
        address: &Pubkey,
        before: Option<Signature>,
        until: Option<Signature>,
        limit: usize,
    ) -> anyhow::Result<Vec<RpcConfirmedTransactionStatusWithSignature>> {
        let config = GetConfirmedSignaturesForAddress2Config {
            before,
            until,
            limit: Some(limit),
            commitment: Some(self.shown()),
        };
        self.client
            .get_signatures_for_address_with_config(address, config)
            .await
            .with_context(|| format!("asking {} for the transactions of {address}", self.url))
    }

    /// A transaction, if the node shows it.
    pub async fn transaction(&self, signature: &Signature) -> anyhow::Result<Option<Confirmed>> {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(self.shown()),
            max_supported_transaction_version: Some(0),
        };
        let found = match self
            .client
            .get_transaction_with_config(signature, config)
            .await
        {
            Ok(found) => found,
            // Null, where a transaction should be.
            Err(error) if matches!(*error.kind, ErrorKind::SerdeJson(_)) => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("asking {} for {signature}", self.url));
            }
        };
        let meta = found.transaction.meta;
        let meta = meta.with_context(|| format!("{} has no log of {signature}", self.url))?;
        Ok(Some(Confirmed {
            signature: *signature,
            receipt: Receipt {
                logs: Option::from(meta.log_messages).unwrap_or_default(),
                compute_units: Option::from(meta.compute_units_consumed).unwrap_or_default(),
                return_data: Option::from(meta.return_data).and_then(return_data),
            },
            fee: meta.fee,
            block_time: found.block_time,
        }))
    }

    /// A transaction that has been confirmed: a node may take a moment to show it.
    pub async fn shown_transaction(&self, signature: &Signature) -> anyhow::Result<Confirmed> {
        let began = Instant::now();
        loop {
            match self.transaction(signature).await {
                Ok(Some(confirmed)) => return Ok(confirmed),
                Ok(None) if began.elapsed() > SILENCE => anyhow::bail!(
                    "{signature} is confirmed, but {} does not show it: ask a node that keeps transactions",
                    self.url
                ),
                Err(error) if began.elapsed() > SILENCE => return Err(error),
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// What to sign a transaction for now.
    pub async fn validity(&self) -> Result<Validity, SendError> {
        let (blockhash, last_valid_block_height) = self
            .client
            .get_latest_blockhash_with_commitment(self.client.commitment())
            .await
            .map_err(unreachable)?;
        Ok(Validity {
            blockhash,
            last_valid_block_height,
        })
    }

    /// How many blocks there are.
    pub async fn block_height(&self) -> Result<u64, SendError> {
        self.client.get_block_height().await.map_err(unreachable)
    }

    /// The same as [`Self::statuses`] for transactions that may be older than a few minutes.
    pub async fn statuses_in_history(
        &self,
        signatures: &[Signature],
    ) -> Result<Vec<Option<TransactionStatus>>, SendError> {
        let answer = self
            .client
            .get_signature_statuses_with_history(signatures)
            .await;
        Ok(answer.map_err(unreachable)?.value)
    }

    /// What has become of transactions (256 at most).
    pub async fn statuses(
        &self,
        signatures: &[Signature],
    ) -> Result<Vec<Option<TransactionStatus>>, SendError> {
        let answer = self.client.get_signature_statuses(signatures).await;
        Ok(answer.map_err(unreachable)?.value)
    }

    /// Whether a status is of the commitment that counts here.
    pub fn is_final_enough(&self, status: &TransactionStatus) -> bool {
        status.satisfies_commitment(self.client.commitment())
    }

    /// Hands a signed transaction to the node. The node tries it first; if it would fail, it refuses it, and that costs
    /// nothing.
    pub async fn submit(&self, transaction: &Transaction) -> Result<(), SendError> {
        let config = RpcSendTransactionConfig {
            preflight_commitment: Some(self.client.commitment().commitment),
            max_retries: Some(0),
            ..RpcSendTransactionConfig::default()
        };
        self.client
            .send_transaction_with_config(transaction, config)
            .await
            .map(drop)
            .map_err(refusal)
    }

    /// Hands it to the node again, in case that the network has lost it. Whatever the node answers, its status tells.
    pub async fn submit_again(&self, transaction: &Transaction) {
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            max_retries: Some(0),
            ..RpcSendTransactionConfig::default()
        };
        let _ = self
            .client
            .send_transaction_with_config(transaction, config)
            .await;
    }

    /// Tries instructions without sending them.
    pub async fn simulate(
        &self,
        payer: &Pubkey,
        instructions: &[Instruction],
    ) -> Result<Simulated, SendError> {
        let config = RpcSimulateTransactionConfig {
            sig_verify: false,
            replace_recent_blockhash: true,
            commitment: Some(self.client.commitment()),
            encoding: Some(UiTransactionEncoding::Base64),
            ..RpcSimulateTransactionConfig::default()
        };
        let transaction = Transaction::new_with_payer(instructions, Some(payer));
        let result = self
            .client
            .simulate_transaction_with_config(&transaction, config)
            .await
            .map_err(refusal)?
            .value;
        let logs = result.logs.unwrap_or_default();
        if let Some(error) = result.err {
            return Err(SendError::Refused {
                error: error.into(),
                logs,
            });
        }
        Ok(Simulated {
            receipt: Receipt {
                logs,
                compute_units: result.units_consumed.unwrap_or_default(),
                return_data: result.return_data.and_then(return_data),
            },
            fee: result.fee,
        })
    }

    /// Tries instructions as [`Self::send`] would send them: what they do, and the limit of compute units.
    pub async fn try_out(
        &self,
        payer: &Pubkey,
        instructions: &[Instruction],
        price: Option<u64>,
    ) -> Result<(Simulated, u32), SendError> {
        // Not with the price: it would be charged for the whole limit, and that is yet to be found.
        let limited = with_budget(instructions, MAX_UNITS, None);
        let mut simulated = self.simulate(payer, &limited).await?;
        if price.is_some() {
            simulated.receipt.compute_units += PRICE_UNITS;
        }
        let units = simulated.receipt.compute_units;
        let limit = u32::try_from(units + units / 10).unwrap_or(MAX_UNITS);
        if let (Some(fee), Some(price)) = (simulated.fee, price) {
            let priority = (u128::from(limit) * u128::from(price)).div_ceil(1_000_000);
            let priority = u64::try_from(priority).unwrap_or(u64::MAX);
            simulated.fee = Some(fee.saturating_add(priority));
        }
        Ok((simulated, limit))
    }

    /// Sends instructions in a transaction, and waits until it has the commitment. The first of `signers` pays the fee.
    /// Its limit of compute units is what a simulation took and a tenth more; `price` is in micro-lamports for each.
    ///
    /// It is signed for one blockhash only: whatever happens, it is never executed twice.
    pub async fn send(
        &self,
        signers: &[&dyn Signer],
        instructions: &[Instruction],
        price: Option<u64>,
    ) -> Result<Confirmed, SendError> {
        let payer = signers[0].pubkey();
        let (_, limit) = self.try_out(&payer, instructions, price).await?;
        // Two transactions with the same instructions and blockhash would be the same transaction, and count once.
        let limit = limit.saturating_add(distinct()).min(MAX_UNITS);
        let validity = self.validity().await?;
        let instructions = with_budget(instructions, limit, price);
        let transaction = sign(signers, &instructions, validity.blockhash)?;
        let began = Instant::now();
        loop {
            match self.submit(&transaction).await {
                // The node that gave the blockhash and the one that takes the transaction may not be the same.
                Err(SendError::Refused {
                    error: TransactionError::BlockhashNotFound,
                    ..
                }) if began.elapsed() < KNOWN_WITHIN => tokio::time::sleep(POLL).await,
                // Somebody between here and the node has sent it before; or it may have arrived, or not: its status tells.
                Ok(())
                | Err(SendError::Unreachable(_))
                | Err(SendError::Refused {
                    error: TransactionError::AlreadyProcessed,
                    ..
                }) => return self.confirm(&transaction, validity).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until a transaction has the commitment.
    async fn confirm(
        &self,
        transaction: &Transaction,
        validity: Validity,
    ) -> Result<Confirmed, SendError> {
        let signature = transaction.signatures[0];
        let unknown = |reason: String| SendError::Unknown { signature, reason };
        let (began, mut sent, mut silent_since) = (Instant::now(), Instant::now(), None);
        loop {
            match self.outcome(&signature, validity).await {
                Ok(Some(status)) if self.is_final_enough(&status) => {
                    let shown = self.shown_transaction(&signature).await;
                    return match (shown, status.err) {
                        (Ok(confirmed), None) => Ok(confirmed),
                        (Ok(confirmed), Some(error)) => Err(SendError::Refused {
                            error,
                            logs: confirmed.receipt.logs,
                        }),
                        (Err(error), None) => Err(SendError::Executed {
                            signature,
                            reason: format!("{error:#}"),
                        }),
                        (Err(_), Some(error)) => Err(SendError::Refused {
                            error,
                            logs: Vec::new(),
                        }),
                    };
                }
                Ok(status) => {
                    silent_since = None;
                    if status.is_none() && sent.elapsed() > RESEND {
                        self.submit_again(transaction).await;
                        sent = Instant::now();
                    }
                    if began.elapsed() > PATIENCE {
                        return Err(unknown("the cluster makes no progress".into()));
                    }
                }
                Err(SendError::Unreachable(reason)) => {
                    let since = *silent_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > SILENCE {
                        return Err(unknown(reason));
                    }
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What has become of a transaction; fails if it can't be processed any more.
    async fn outcome(
        &self,
        signature: &Signature,
        validity: Validity,
    ) -> Result<Option<TransactionStatus>, SendError> {
        // In this order: a transaction without a status when its blockhash has expired can't get one any more.
        let expired = is_expired(&validity, self.block_height().await?);
        let status = self.statuses(&[*signature]).await?.pop().flatten();
        if status.is_some() || !expired {
            return Ok(status);
        }
        // A node remembers a few minutes only, unless it is asked for more.
        let status = self.statuses_in_history(&[*signature]).await?;
        match status.into_iter().next().flatten() {
            Some(status) => Ok(Some(status)),
            None => Err(SendError::Expired(*signature)),
        }
    }
}

/// Whether no node takes a transaction any more.
pub fn is_expired(validity: &Validity, height: u64) -> bool {
    height > validity.last_valid_block_height + BLOCKS_BEHIND
}

/// A small number that is hardly ever the same twice.
pub fn distinct() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    (now.map_or(0, |now| now.subsec_micros()) ^ std::process::id()) % 1_000
}

/// Instructions with a limit of compute units, and a price for each (micro-lamports), in front of them.
pub fn with_budget(
    instructions: &[Instruction],
    units: u32,
    price: Option<u64>,
) -> Vec<Instruction> {
    let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(units)];
    all.extend(price.map(ComputeBudgetInstruction::set_compute_unit_price));
    all.extend_from_slice(instructions);
    all
}

/// A transaction of these instructions, paid by the first of the signers.
pub fn sign(
    signers: &[&dyn Signer],
    instructions: &[Instruction],
    blockhash: Hash,
) -> Result<Transaction, SendError> {
    let mut transaction = Transaction::new_with_payer(instructions, Some(&signers[0].pubkey()));
    // Those that the instructions need, each once.
    let wanted = &transaction.message.account_keys
        [..usize::from(transaction.message.header.num_required_signatures)];
    let mut by: Vec<&dyn Signer> = Vec::new();
    for key in wanted {
        by.extend(signers.iter().find(|signer| signer.pubkey() == *key));
    }
    transaction
        .try_sign(&by, blockhash)
        .map_err(|error| SendError::Unsigned(error.to_string()))?;
    Ok(transaction)
}

fn return_data(data: UiTransactionReturnData) -> Option<(Pubkey, Vec<u8>)> {
    let (bytes, UiReturnDataEncoding::Base64) = data.data;
    Some((
        data.program_id.parse().ok()?,
        BASE64_STANDARD.decode(bytes).ok()?,
    ))
}

fn unreachable(error: Error) -> SendError {
    SendError::Unreachable(error.to_string())
}

/// Why a node didn't take a transaction: because it has tried it, or for a reason of its own that will stay. Everything
/// else may be over in a moment.
fn refusal(error: Error) -> SendError {
    match &*error.kind {
        ErrorKind::RpcError(RpcError::RpcResponseError {
            data: RpcResponseErrorData::SendTransactionPreflightFailure(result),
            ..
        }) => match result.err.clone() {
            Some(reason) => SendError::Refused {
                error: reason.into(),
                logs: result.logs.clone().unwrap_or_default(),
            },
            None => unreachable(error),
        },
        // A wrong signature, or a request that the node does not understand or take: one that is too large, for example.
        ErrorKind::RpcError(RpcError::RpcResponseError {
            code: code @ (-32_003 | -32_602..=-32_600),
            message,
            ..
        }) => SendError::NotTaken(format!("{message} (code {code})")),
        ErrorKind::Reqwest(answer)
            if answer.status().is_some_and(|status| {
                status.is_client_error() && ![408, 429].contains(&status.as_u16())
            }) =>
        {
            SendError::NotTaken(answer.to_string())
        }
        _ => unreachable(error),
    }
}

impl Cluster for Rpc {
    async fn account(&self, address: &Pubkey) -> anyhow::Result<Option<Account>> {
        let answer = self
            .client
            .get_account_with_commitment(address, self.client.commitment())
            .await
            .with_context(|| format!("asking {} for an account", self.url))?;
        Ok(answer.value)
    }

    async fn accounts(&self, addresses: &[Pubkey]) -> anyhow::Result<Vec<Option<Account>>> {
        let answer = self
            .client
            .get_multiple_accounts_with_commitment(addresses, self.client.commitment())
            .await
            .with_context(|| format!("asking {} for accounts", self.url))?;
        Ok(answer.value)
    }

    async fn program_accounts(&self, program: &Pubkey) -> anyhow::Result<Vec<(Pubkey, Account)>> {
        self.client
            .get_program_accounts(program)
            .await
            .with_context(|| format!("asking {} for the accounts of {program}", self.url))
    }
}
