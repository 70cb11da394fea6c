//! A cluster inside this process: solana-program-test's bank, with the deployable programs in it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{bail, Context};
use gridtoken_client::{
    cluster::{Cluster, Receipt, SendError},
    deployment::Deployment,
};
use solana_account::Account;
use solana_clock::Clock;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_loader_v3_interface::{get_program_data_address, state::UpgradeableLoaderState};
use solana_program::{instruction::Instruction, pubkey::Pubkey, rent::Rent};
use solana_program_test::{BanksClient, BanksClientError, ProgramTest, ProgramTestContext};
use solana_sdk_ids::bpf_loader_upgradeable;
use solana_signer::Signer;
use solana_transaction::{versioned::VersionedTransaction, Transaction, TransactionError};

/// How many lamports a funded key gets: 1,000 SOL.
const FUNDS: u64 = 1_000_000_000_000;

/// The bank's genesis state.
pub struct Genesis {
    /// What solana-program-test makes a bank of.
    pub test: ProgramTest,
    known: BTreeSet<Pubkey>,
}

impl Genesis {
    /// A bank without programs.
    pub fn new() -> Self {
        let mut test = ProgramTest::default();
        test.prefer_bpf(true);
        Self {
            test,
            known: BTreeSet::new(),
        }
    }

    /// Deploys a program from its `.so` file as the upgradeable loader would, with this upgrade authority.
    pub fn add_program(
        &mut self,
        program_id: &Pubkey,
        so: &Path,
        upgrade_authority: Option<Pubkey>,
    ) -> anyhow::Result<()> {
        let elf = std::fs::read(so).with_context(|| {
            format!(
                "{} can't be read: build the programs with scripts/build-sbf",
                so.display()
            )
        })?;
        let program_data = get_program_data_address(program_id);
        self.add_account(
            program_id,
            loader_account(
                &UpgradeableLoaderState::Program {
                    programdata_address: program_data,
                },
                &[],
                true,
            )?,
        );
        self.add_account(
            &program_data,
            loader_account(
                &UpgradeableLoaderState::ProgramData {
                    slot: 0,
                    upgrade_authority_address: upgrade_authority,
                },
                &elf,
                false,
            )?,
        );
        Ok(())
    }

    /// Deploys our three programs from the folder of the `.so` files.
    pub fn add_deployment(
        &mut self,
        deployment: &Deployment,
        folder: &Path,
        upgrade_authority: &Pubkey,
    ) -> anyhow::Result<()> {
        for program in deployment.programs() {
            let so = folder.join(format!("{}_program.so", program.name));
            self.add_program(&program.id, &so, Some(*upgrade_authority))?;
        }
        Ok(())
    }

    /// Puts an account into the bank.
    pub fn add_account(&mut self, address: &Pubkey, account: Account) {
        self.known.insert(*address);
        self.test.add_genesis_account(*address, account);
    }

    /// Gives a key enough lamports for everything.
    pub fn fund(&mut self, address: &Pubkey) {
        let account = Account::new(FUNDS, 0, &solana_sdk_ids::system_program::ID);
        self.add_account(address, account);
    }

    /// Starts the bank.
    pub async fn start(self) -> EmbeddedBank {
        EmbeddedBank {
            context: self.test.start_with_context().await,
            known: self.known,
        }
    }
}

impl Default for Genesis {
    fn default() -> Self {
        Self::new()
    }
}

fn loader_account(
    state: &UpgradeableLoaderState,
    elf: &[u8],
    executable: bool,
) -> anyhow::Result<Account> {
    let mut data = bincode::serialize(state)?;
    if !elf.is_empty() {
        data.resize(UpgradeableLoaderState::size_of_programdata_metadata(), 0);
    }
    data.extend(elf);
    Ok(Account {
        lamports: Rent::default().minimum_balance(data.len()),
        data,
        owner: bpf_loader_upgradeable::ID,
        executable,
        rent_epoch: u64::MAX,
    })
}

/// The folder of the `.so` files: `SBF_OUT_DIR`, or the repo's `target/deploy`.
pub fn program_folder() -> anyhow::Result<PathBuf> {
    let folder = match std::env::var_os("SBF_OUT_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/deploy"),
    };
    if !folder.is_dir() {
        bail!(
            "{} is not a folder: build the programs with scripts/build-sbf, or set SBF_OUT_DIR",
            folder.display()
        );
    }
    Ok(folder)
}

/// A running bank.
pub struct EmbeddedBank {
    context: ProgramTestContext,
    /// Every address that has been named so far: BanksClient can't list accounts.
    known: BTreeSet<Pubkey>,
}

impl EmbeddedBank {
    /// Sets the bank's clock (Unix seconds). Nothing else moves it.
    pub async fn set_time(&mut self, unix_timestamp: i64) -> anyhow::Result<()> {
        let clock: Clock = self.context.banks_client.get_sysvar().await?;
        self.context.set_sysvar(&Clock {
            unix_timestamp,
            ..clock
        });
        Ok(())
    }

    /// The bank's own interface, for transactions that name these addresses.
    pub fn client(&mut self, named: &[Pubkey]) -> BanksClient {
        self.known.extend(named);
        self.context.banks_client.clone()
    }

    /// Replaces an account, as no transaction could.
    pub fn set_account(&mut self, address: &Pubkey, account: Account) {
        self.known.insert(*address);
        self.context.set_account(address, &account.into());
    }
}

impl Cluster for EmbeddedBank {
    async fn account(&self, address: &Pubkey) -> anyhow::Result<Option<Account>> {
        Ok(self.context.banks_client.get_account(*address).await?)
    }

    async fn accounts(&self, addresses: &[Pubkey]) -> anyhow::Result<Vec<Option<Account>>> {
        let mut accounts = Vec::new();
        for address in addresses {
            accounts.push(self.account(address).await?);
        }
        Ok(accounts)
    }

    async fn program_accounts(&self, program: &Pubkey) -> anyhow::Result<Vec<(Pubkey, Account)>> {
        let mut accounts = Vec::new();
        for address in &self.known {
            let account = self.context.banks_client.get_account(*address).await?;
            accounts.extend(
                account
                    .filter(|account| account.owner == *program)
                    .map(|account| (*address, account)),
            );
        }
        Ok(accounts)
    }
}

impl EmbeddedBank {
    /// Sends a transaction and waits for its outcome. `payer` pays the fee and signs, as do `signers`.
    pub async fn send(
        &mut self,
        payer: &Keypair,
        signers: &[&Keypair],
        instructions: &[Instruction],
    ) -> Result<Receipt, SendError> {
        let mut all = vec![payer];
        all.extend(signers.iter().filter(|key| key.pubkey() != payer.pubkey()));
        self.process(|blockhash| {
            Transaction::new_signed_with_payer(instructions, Some(&payer.pubkey()), &all, blockhash)
                .into()
        })
        .await
    }

    /// Processes the transaction that `sign` makes for a blockhash.
    pub async fn process(
        &mut self,
        sign: impl Fn(Hash) -> VersionedTransaction,
    ) -> Result<Receipt, SendError> {
        let client = self.context.banks_client.clone();
        let mut blockhash = client.get_latest_blockhash().await.map_err(unreachable)?;
        loop {
            let transaction = sign(blockhash);
            // Addresses from lookup tables are not among them: they have been named before.
            self.known.extend(transaction.message.static_account_keys());
            let processed = client
                .process_transaction_with_metadata(transaction)
                .await
                .map_err(unreachable)?;
            let metadata = processed.metadata;
            match processed.result {
                Ok(()) => {
                    let Some(metadata) = metadata else {
                        return Err(SendError::Unreachable("no metadata".into()));
                    };
                    return Ok(Receipt {
                        logs: metadata.log_messages,
                        compute_units: metadata.compute_units_consumed,
                        return_data: metadata
                            .return_data
                            .map(|data| (data.program_id, data.data)),
                    });
                }
                // The same transaction was sent with the same blockhash before: it needs another one to count again.
                // An expired one needs another one too.
                Err(TransactionError::AlreadyProcessed | TransactionError::BlockhashNotFound) => {
                    self.context.last_blockhash = blockhash;
                    blockhash = self
                        .context
                        .get_new_latest_blockhash()
                        .await
                        .map_err(|error| SendError::Unreachable(error.to_string()))?;
                }
                Err(error) => {
                    return Err(SendError::Refused {
                        error,
                        logs: metadata
                            .map(|metadata| metadata.log_messages)
                            .unwrap_or_default(),
                    })
                }
            }
        }
    }
}

fn unreachable(error: BanksClientError) -> SendError {
    SendError::Unreachable(error.to_string())
}
