//! A real cluster, through the JSON-RPC interface of one of its nodes.

use std::time::Duration;

use anyhow::{bail, Context};
use base64::{prelude::BASE64_STANDARD, Engine};
use solana_account::Account;
use solana_commitment_config::CommitmentConfig;
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::{
    client_error::{Error, ErrorKind},
    config::{RpcSendTransactionConfig, RpcTransactionConfig},
    request::{RpcError, RpcResponseErrorData},
};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::{Transaction, TransactionError};
use solana_transaction_status_client_types::{UiReturnDataEncoding, UiTransactionEncoding};

use crate::cluster::{Cluster, Receipt, SendError};

/// How often a transaction's status is asked for.
const POLL: Duration = Duration::from_millis(500);

/// The URL of a node: as given, or that of one of the solana CLI's monikers (or their first letters).
pub fn cluster_url(url_or_moniker: &str) -> anyhow::Result<String> {
    let url = match url_or_moniker {
        "m" | "mainnet-beta" => "https://api.mainnet-beta.solana.com",
        "t" | "testnet" => "https://api.testnet.solana.com",
        "d" | "devnet" => "https://api.devnet.solana.com",
        "l" | "localhost" => "http://localhost:8899",
        url if url.starts_with("http://") || url.starts_with("https://") => url,
        other => bail!(
            "\"{other}\" is neither a URL (http://...) nor one of mainnet-beta, testnet, devnet, localhost"
        ),
    };
    Ok(url.to_owned())
}

/// A node of a cluster.
pub struct Rpc {
    client: RpcClient,
    url: String,
}

impl Rpc {
    /// The node at `url`; what it answers is at least of this commitment.
    pub fn new(url: &str, commitment: CommitmentConfig) -> Self {
        Self {
            client: RpcClient::new_with_commitment(url.to_owned(), commitment),
            url: url.to_owned(),
        }
    }

    /// Waits until a transaction has the commitment, or can't be processed any more.
    async fn confirm(&self, signature: &Signature, last_valid: u64) -> Result<(), SendError> {
        loop {
            let expired = self.client.get_block_height().await.map_err(unreachable)? > last_valid;
            let statuses = self
                .client
                .get_signature_statuses(&[*signature])
                .await
                .map_err(unreachable)?;
            match statuses.value.first().cloned().flatten() {
                Some(status) if status.satisfies_commitment(self.client.commitment()) => {
                    return match status.err {
                        None => Ok(()),
                        Some(error) => Err(SendError::Refused {
                            error,
                            logs: Vec::new(),
                        }),
                    };
                }
                None if expired => {
                    return Err(SendError::Refused {
                        error: TransactionError::BlockhashNotFound,
                        logs: Vec::new(),
                    });
                }
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// What a confirmed transaction did.
    async fn receipt(&self, signature: &Signature) -> Result<Receipt, Error> {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(self.client.commitment()),
            max_supported_transaction_version: Some(0),
        };
        let found = self
            .client
            .get_transaction_with_config(signature, config)
            .await?;
        let meta = found.transaction.meta;
        Ok(Receipt {
            logs: meta
                .as_ref()
                .and_then(|meta| Option::from(meta.log_messages.clone()))
                .unwrap_or_default(),
            compute_units: meta
                .as_ref()
                .and_then(|meta| Option::from(meta.compute_units_consumed.clone()))
                .unwrap_or_default(),
            return_data: meta
                .and_then(|meta| Option::from(meta.return_data))
                .and_then(
                    |data: solana_transaction_status_client_types::UiTransactionReturnData| {
                        let (bytes, UiReturnDataEncoding::Base64) = data.data;
                        Some((
                            data.program_id.parse().ok()?,
                            BASE64_STANDARD.decode(bytes).ok()?,
                        ))
                    },
                ),
        })
    }
}

impl Cluster for Rpc {
    async fn send(
        &mut self,
        payer: &Keypair,
        signers: &[&Keypair],
        instructions: &[Instruction],
    ) -> Result<Receipt, SendError> {
        let mut all = vec![payer];
        all.extend(signers.iter().filter(|key| key.pubkey() != payer.pubkey()));
        let (blockhash, last_valid) = self
            .client
            .get_latest_blockhash_with_commitment(self.client.commitment())
            .await
            .map_err(unreachable)?;
        let transaction = Transaction::new_signed_with_payer(
            instructions,
            Some(&payer.pubkey()),
            &all,
            blockhash,
        );
        let config = RpcSendTransactionConfig {
            preflight_commitment: Some(self.client.commitment().commitment),
            ..RpcSendTransactionConfig::default()
        };
        let signature = self
            .client
            .send_transaction_with_config(&transaction, config)
            .await
            .map_err(refusal)?;
        self.confirm(&signature, last_valid).await?;
        loop {
            match self.receipt(&signature).await {
                Ok(receipt) => return Ok(receipt),
                // Confirmed, but the node doesn't show it yet.
                Err(error) if matches!(*error.kind, ErrorKind::SerdeJson(_)) => {
                    tokio::time::sleep(POLL).await;
                }
                Err(error) => return Err(unreachable(error)),
            }
        }
    }

    async fn account(&mut self, address: &Pubkey) -> anyhow::Result<Option<Account>> {
        let answer = self
            .client
            .get_account_with_commitment(address, self.client.commitment())
            .await
            .with_context(|| format!("asking {} for an account", self.url))?;
        Ok(answer.value)
    }

    async fn accounts(&mut self, addresses: &[Pubkey]) -> anyhow::Result<Vec<Option<Account>>> {
        let answer = self
            .client
            .get_multiple_accounts_with_commitment(addresses, self.client.commitment())
            .await
            .with_context(|| format!("asking {} for accounts", self.url))?;
        Ok(answer.value)
    }

    async fn program_accounts(
        &mut self,
        program: &Pubkey,
    ) -> anyhow::Result<Vec<(Pubkey, Account)>> {
        self.client
            .get_program_accounts(program)
            .await
            .with_context(|| format!("asking {} for the accounts of {program}", self.url))
    }
}

fn unreachable(error: Error) -> SendError {
    SendError::Unreachable(error.to_string())
}

/// The cluster's reason, if the node refused a transaction in its simulation.
fn refusal(error: Error) -> SendError {
    match *error.kind {
        ErrorKind::RpcError(RpcError::RpcResponseError {
            data: RpcResponseErrorData::SendTransactionPreflightFailure(ref result),
            ..
        }) => match result.err.clone() {
            Some(reason) => SendError::Refused {
                error: reason.into(),
                logs: result.logs.clone().unwrap_or_default(),
            },
            None => unreachable(error),
        },
        _ => unreachable(error),
    }
}
