//! A real cluster, through the JSON-RPC interface of one of its nodes.

use anyhow::{bail, Context};
use solana_account::Account;
use solana_commitment_config::CommitmentConfig;
use solana_program::pubkey::Pubkey;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;

use crate::cluster::Cluster;

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
}

impl Cluster for Rpc {
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
