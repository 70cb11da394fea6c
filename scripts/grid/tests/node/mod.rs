//! A node of a cluster, as far as the tool needs one: JSON-RPC over HTTP in front of an embedded bank, with the accidents
//! that a network has. And the tool, as its users call it.
#![allow(dead_code)] // Each test file uses a part of it.

use std::{
    collections::BTreeMap,
    future::{Future, IntoFuture},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use axum::{http::StatusCode, routing::post, Json, Router};
use base64::{prelude::BASE64_STANDARD, Engine};
use gridtoken_client::cluster::Cluster;
use gridtoken_tests::World;
use serde_json::{json, Value};
use shared_state::state::{meter_id, MeterStatus};
use solana_account::Account;
use solana_hash::Hash;
use solana_keypair::{write_keypair_file, Keypair};
use solana_message::VersionedMessage;
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;
use solana_transaction::{versioned::VersionedTransaction, TransactionError};
use tokio::{net::TcpListener, runtime::Runtime, sync::Mutex};

/// The feature of clusters that take transactions of version 1.
const VERSION_1: Pubkey = solana_program::pubkey!("txv1aq4pp281K9um3tnPgkfX8UqtFT6wcVW3hNezGLL");

/// A cluster behind a URL.
pub struct Node {
    pub url: String,
    pub runtime: Arc<Runtime>,
    pub cluster: Arc<Mutex<FakeCluster>>,
}

/// A world, and what its network does with transactions.
pub struct FakeCluster {
    pub world: World,
    /// What was processed, oldest first.
    pub history: Vec<Processed>,
    /// How many transactions will get lost on their way.
    pub lose: usize,
    /// How many transactions somebody on the way will send twice: the answer is that to the second one.
    pub double: usize,
    /// Whether transactions are kept back, to arrive later.
    pub hold: bool,
    /// What is kept back.
    pub held: Vec<VersionedTransaction>,
    /// When what is kept back arrives by itself.
    pub arrival: Arrival,
    /// Methods whose next answer is lost in favour of an HTTP status, although the node has done what it was asked.
    pub failures: Vec<(&'static str, u16)>,
    /// Whether statuses are told only to those who ask for the history.
    pub forgetful: bool,
    /// Blocks that pass between two questions for the height.
    pub blocks: u64,
    height: u64,
    /// Until which height each blockhash is valid.
    valid: BTreeMap<Hash, u64>,
    /// Whether the cluster has activated version 1.
    pub has_version_1: bool,
    /// Whether the node takes it, too: not all are of the newest release.
    pub takes_version_1: bool,
    /// Versions of transactions that are not legacy ones, by their signatures.
    pub versions: BTreeMap<String, u64>,
    /// How often each method was called.
    pub calls: BTreeMap<String, u64>,
}

/// When transactions that were kept back arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// When the test says so.
    Manual,
    /// Right before the next transaction, which the node has tried without them.
    Before,
    /// Right after it.
    After,
}

/// A transaction that was processed.
#[derive(Clone)]
pub struct Processed {
    pub transaction: VersionedTransaction,
    pub error: Option<TransactionError>,
    pub logs: Vec<String>,
    pub units: u64,
    pub fee: u64,
    pub time: i64,
}

impl Node {
    /// Starts a node for the world that `prepare` makes.
    pub fn start<F: Future<Output = World>>(prepare: F) -> Self {
        let runtime = Arc::new(Runtime::new().expect("a runtime"));
        let world = runtime.block_on(prepare);
        let cluster = Arc::new(Mutex::new(FakeCluster {
            world,
            history: Vec::new(),
            lose: 0,
            double: 0,
            hold: false,
            held: Vec::new(),
            arrival: Arrival::Manual,
            failures: Vec::new(),
            forgetful: false,
            blocks: 1,
            height: 1_000,
            valid: BTreeMap::new(),
            has_version_1: false,
            takes_version_1: true,
            versions: BTreeMap::new(),
            calls: BTreeMap::new(),
        }));
        let of = cluster.clone();
        let answer = move |Json(question): Json<Value>| async move {
            let mut body = json!({ "jsonrpc": "2.0", "id": question["id"] });
            let mut cluster = of.lock().await;
            match cluster.answer(&question).await {
                Ok(result) => body["result"] = result,
                Err(error) => body["error"] = error,
            }
            let failures = cluster.failures.iter();
            let failure = failures
                .enumerate()
                .find(|(_, (method, _))| question["method"] == *method);
            let status = match failure.map(|(index, (_, status))| (index, *status)) {
                Some((index, status)) => {
                    cluster.failures.remove(index);
                    StatusCode::from_u16(status).expect("a status")
                }
                None => StatusCode::OK,
            };
            (status, Json(body))
        };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = axum::serve(listener, Router::new().fallback(post(answer)));
        runtime.spawn(server.into_future());
        Self {
            url,
            runtime,
            cluster,
        }
    }

    /// Does something with the cluster.
    pub fn with<T>(&self, what: impl AsyncFnOnce(&mut FakeCluster) -> T) -> T {
        self.runtime
            .block_on(async { what(&mut *self.cluster.lock().await).await })
    }

    /// The deployment.
    pub fn deployment(&self) -> gridtoken_client::deployment::Deployment {
        self.with(async |cluster| cluster.world.deployment)
    }
}

fn in_context(value: Value) -> Value {
    json!({ "context": { "slot": 1 }, "value": value })
}

fn encode(account: &Account) -> Value {
    json!({
        "data": [BASE64_STANDARD.encode(&account.data), "base64"],
        "owner": account.owner.to_string(),
        "lamports": account.lamports,
        "executable": account.executable,
        "rentEpoch": account.rent_epoch,
        "space": account.data.len(),
    })
}

fn key(value: &Value) -> Pubkey {
    value
        .as_str()
        .expect("an address")
        .parse()
        .expect("an address")
}

fn transaction(value: &Value) -> VersionedTransaction {
    let bytes = BASE64_STANDARD
        .decode(value.as_str().expect("a transaction"))
        .expect("base64");
    wincode::deserialize(&bytes).expect("a transaction")
}

fn error_json(error: &Option<TransactionError>) -> Value {
    error.as_ref().map_or(Value::Null, |error| {
        serde_json::to_value(error).expect("JSON")
    })
}

fn matches(filter: &Value, account: &Account) -> bool {
    let memcmp = &filter["memcmp"];
    let offset = memcmp["offset"].as_u64().expect("an offset") as usize;
    assert_eq!(memcmp["encoding"], "base58");
    let text = memcmp["bytes"].as_str().expect("bytes");
    let wanted = match text.parse::<Pubkey>() {
        Ok(key) => key.to_bytes().to_vec(),
        // A single byte: the account type of meters, or of retirements.
        Err(_) => match text {
            "4" => vec![3],
            "6" => vec![5],
            other => panic!("no account type: {other}"),
        },
    };
    account
        .data
        .get(offset..offset + wanted.len())
        .is_some_and(|bytes| bytes == wanted)
}

impl FakeCluster {
    /// Suspends a meter, past the tool.
    pub async fn suspend(&mut self, serial: &str) {
        let authority = self.world.authority.insecure_clone();
        let meter = self
            .world
            .deployment
            .meter(&meter_id(serial).expect("an id"));
        let set = self.world.deployment.set_meter_status(
            &authority.pubkey(),
            &meter,
            MeterStatus::Suspended,
        );
        self.world.send(&[&authority], set).await;
    }

    /// Lets blocks pass.
    pub fn pass_blocks(&mut self, blocks: u64) {
        self.height += blocks;
    }

    async fn height(&mut self) -> u64 {
        self.height += self.blocks;
        self.height
    }

    /// A transaction with a blockhash that the bank knows: it forgets its own within a second.
    async fn renew(&mut self, transaction: &VersionedTransaction) -> VersionedTransaction {
        let client = self.world.bank.client(&[]);
        let mut transaction = transaction.clone();
        let blockhash = client.get_latest_blockhash().await.expect("a blockhash");
        transaction.message.set_recent_blockhash(blockhash);
        transaction
    }

    /// Whether a transaction would not even be tried.
    fn invalid(&self, transaction: &VersionedTransaction) -> Option<TransactionError> {
        let is_same = |done: &Processed| done.transaction.signatures == transaction.signatures;
        let last = self.valid.get(transaction.message.recent_blockhash());
        if !transaction
            .verify_with_results()
            .iter()
            .all(|is_good| *is_good)
        {
            Some(TransactionError::SignatureFailure)
        } else if self.history.iter().any(is_same) {
            Some(TransactionError::AlreadyProcessed)
        } else if last.is_none_or(|last| self.height > *last) {
            Some(TransactionError::BlockhashNotFound)
        } else {
            None
        }
    }

    /// Tries a transaction without effect.
    async fn simulate(
        &mut self,
        transaction: &VersionedTransaction,
    ) -> (Option<TransactionError>, Value) {
        let renewed = self.renew(transaction).await;
        let client = self
            .world
            .bank
            .client(transaction.message.static_account_keys());
        let message = renewed.message.clone();
        let simulated = client
            .simulate_transaction(renewed)
            .await
            .expect("an answer");
        let error = match simulated.result {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(error),
            None => panic!("no result"),
        };
        let fee = self.fee(&message).await;
        let details = simulated.simulation_details;
        let result = json!({
            "err": error_json(&error),
            "logs": details.as_ref().map(|details| details.logs.clone()),
            "unitsConsumed": details.as_ref().map(|details| details.units_consumed),
            "returnData": null,
            "accounts": null,
            "fee": fee,
        });
        (error, result)
    }

    /// Lets what was kept back arrive.
    pub async fn release(&mut self) {
        for transaction in std::mem::take(&mut self.held) {
            self.process(transaction).await;
        }
    }

    async fn process(&mut self, transaction: VersionedTransaction) {
        // What is not executed leaves no trace.
        if self.invalid(&transaction).is_some() {
            return;
        }
        let renewed = self.renew(&transaction).await;
        let client = self
            .world
            .bank
            .client(transaction.message.static_account_keys());
        let message = renewed.message.clone();
        let processed = client
            .process_transaction_with_metadata(renewed)
            .await
            .expect("an answer");
        let Some(metadata) = processed.metadata else {
            return;
        };
        let fee = self.fee(&message).await;
        self.history.push(Processed {
            transaction,
            error: processed.result.err(),
            logs: metadata.log_messages,
            units: metadata.compute_units_consumed,
            fee: fee.unwrap_or_default(),
            time: self.world.now,
        });
    }

    /// What a message's transaction costs. The bank tells it of legacy ones only.
    async fn fee(&mut self, message: &VersionedMessage) -> Option<u64> {
        let VersionedMessage::Legacy(message) = message else {
            return Some(5_000 * u64::from(message.header().num_required_signatures));
        };
        let client = self.world.bank.client(&[]);
        let fee = client.get_fee_for_message(message.clone()).await;
        fee.expect("a fee")
    }

    /// A transaction, if it is of a version that the node takes.
    fn taken(&self, value: &Value) -> Result<VersionedTransaction, Value> {
        let transaction = transaction(value);
        let is_version_1 = matches!(transaction.message, VersionedMessage::V1(_));
        if is_version_1 && !(self.has_version_1 && self.takes_version_1) {
            let message =
                "failed to deserialize solana_transaction::versioned::VersionedTransaction";
            return Err(json!({ "code": -32_602, "message": message }));
        }
        Ok(transaction)
    }

    fn find(&self, signature: &Value) -> Option<(usize, &Processed)> {
        self.history
            .iter()
            .enumerate()
            .find(|(_, processed)| processed.transaction.signatures[0].to_string() == *signature)
    }

    /// Whether who asks for a transaction can't read its version.
    fn is_too_new(&self, parameters: &Value) -> bool {
        let signature = parameters[0].as_str().expect("a signature");
        let newest = parameters[1]["maxSupportedTransactionVersion"].as_u64();
        self.versions.get(signature).copied() > newest
    }

    /// What a node answers.
    async fn answer(&mut self, question: &Value) -> Result<Value, Value> {
        let parameters = &question["params"];
        let method = question["method"].as_str().expect("a method");
        *self.calls.entry(method.to_owned()).or_default() += 1;
        Ok(match method {
            "getAccountInfo" => {
                let account = self.world.bank.account(&key(&parameters[0])).await;
                let account = account.expect("an answer");
                in_context(account.as_ref().map_or(Value::Null, encode))
            }
            "getMultipleAccounts" => {
                let addresses: Vec<Pubkey> = parameters[0]
                    .as_array()
                    .expect("addresses")
                    .iter()
                    .map(key)
                    .collect();
                let accounts = self.world.bank.accounts(&addresses).await;
                let accounts = accounts.expect("an answer");
                // The bank has activated everything.
                let hidden = (!self.has_version_1).then_some(VERSION_1);
                let accounts = addresses.iter().zip(accounts).map(|(address, account)| {
                    account
                        .filter(|_| hidden != Some(*address))
                        .map_or(Value::Null, |account| encode(&account))
                });
                in_context(accounts.collect())
            }
            "getProgramAccounts" => {
                let accounts = self.world.bank.program_accounts(&key(&parameters[0])).await;
                let filters = parameters[1]["filters"].as_array();
                let filters = filters.cloned().unwrap_or_default();
                accounts
                    .expect("an answer")
                    .iter()
                    .filter(|(_, account)| filters.iter().all(|filter| matches(filter, account)))
                    .map(|(address, account)| {
                        json!({ "pubkey": address.to_string(), "account": encode(account) })
                    })
                    .collect()
            }
            "getLatestBlockhash" => {
                let height = self.height().await;
                // It stays for a while, so that equal transactions would be the same.
                let newest = self.valid.iter().max_by_key(|(_, last)| **last);
                let (blockhash, last) = match newest.map(|(hash, last)| (*hash, *last)) {
                    Some((blockhash, last)) if height + 100 < last => (blockhash, last),
                    _ => (Hash::new_unique(), height + 150),
                };
                self.valid.insert(blockhash, last);
                in_context(json!({
                    "blockhash": blockhash.to_string(),
                    "lastValidBlockHeight": last,
                }))
            }
            "getBlockHeight" => self.height().await.into(),
            "simulateTransaction" => {
                assert_eq!(parameters[1]["replaceRecentBlockhash"], true);
                in_context(self.simulate(&self.taken(&parameters[0])?).await.1)
            }
            "sendTransaction" => {
                let transaction = self.taken(&parameters[0])?;
                let signature = transaction.signatures[0].to_string();
                if self.double > 0 {
                    self.double -= 1;
                    self.process(transaction.clone()).await;
                }
                if parameters[1]["skipPreflight"] != true {
                    let (error, result) = match self.invalid(&transaction) {
                        Some(error) => (
                            Some(error.clone()),
                            json!({ "err": error_json(&Some(error)) }),
                        ),
                        None => self.simulate(&transaction).await,
                    };
                    if let Some(error) = error {
                        return Err(json!({
                            "code": -32002,
                            "message": format!("Transaction simulation failed: {error}"),
                            "data": result,
                        }));
                    }
                }
                if self.lose > 0 {
                    self.lose -= 1;
                } else if self.hold {
                    self.held.push(transaction);
                } else {
                    if self.arrival == Arrival::Before {
                        self.release().await;
                    }
                    self.process(transaction).await;
                    if self.arrival == Arrival::After {
                        self.release().await;
                    }
                }
                signature.into()
            }
            "getSignatureStatuses" => {
                let signatures = parameters[0].as_array().expect("signatures");
                let is_told = !self.forgetful || parameters[1]["searchTransactionHistory"] == true;
                let statuses = signatures.iter().map(|signature| {
                    let found = self.find(signature).filter(|_| is_told);
                    let Some((slot, processed)) = found else {
                        return Value::Null;
                    };
                    let error = error_json(&processed.error);
                    json!({
                        "slot": slot,
                        "confirmations": 1,
                        "err": error,
                        "status": if error.is_null() { json!({ "Ok": null }) } else { json!({ "Err": error }) },
                        "confirmationStatus": "confirmed",
                    })
                });
                in_context(statuses.collect())
            }
            "getTransaction" if self.is_too_new(parameters) => {
                return Err(json!({
                    "code": -32_015,
                    "message": "Transaction version (2) is not supported by the requesting client",
                }));
            }
            "getTransaction" => match self.find(&parameters[0]) {
                Some((slot, processed)) => {
                    let error = error_json(&processed.error);
                    let bytes = wincode::serialize(&processed.transaction).expect("bytes");
                    json!({
                        "slot": slot,
                        "blockTime": processed.time,
                        "transaction": [BASE64_STANDARD.encode(bytes), "base64"],
                        "meta": {
                            "err": error,
                            "status": if error.is_null() { json!({ "Ok": null }) } else { json!({ "Err": error }) },
                            "fee": processed.fee,
                            "preBalances": [],
                            "postBalances": [],
                            "logMessages": processed.logs,
                            "computeUnitsConsumed": processed.units,
                        },
                    })
                }
                None => Value::Null,
            },
            "getSignaturesForAddress" => {
                let address = key(&parameters[0]);
                let options = &parameters[1];
                let limit = options["limit"].as_u64().expect("a limit") as usize;
                let before = options["before"].as_str();
                let until = options["until"].as_str();
                let mut newest_first = self
                    .history
                    .iter()
                    .enumerate()
                    .rev()
                    .map(|(slot, processed)| {
                        (
                            slot,
                            processed.transaction.signatures[0].to_string(),
                            processed,
                        )
                    })
                    .peekable();
                if let Some(before) = before {
                    while newest_first
                        .next()
                        .is_some_and(|(_, signature, _)| signature != before)
                    {}
                }
                newest_first
                    .take_while(|(_, signature, _)| Some(signature.as_str()) != until)
                    .filter(|(_, _, processed)| {
                        processed
                            .transaction
                            .message
                            .static_account_keys()
                            .contains(&address)
                    })
                    .take(limit)
                    .map(|(slot, signature, processed)| {
                        json!({
                            "signature": signature,
                            "slot": slot,
                            "err": error_json(&processed.error),
                            "memo": null,
                            "blockTime": processed.time,
                            "confirmationStatus": "confirmed",
                        })
                    })
                    .collect()
            }
            other => {
                return Err(json!({ "code": -32601, "message": format!("no method {other}") }))
            }
        })
    }
}

/// What a command did.
pub struct Ran {
    pub success: bool,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Its JSON.
    pub fn json(&self) -> Value {
        assert!(self.success, "{}\n{}", self.stderr, self.stdout);
        serde_json::from_str(&self.stdout).expect("JSON")
    }
}

/// The tool, its users' keys, and a cluster.
pub struct Tool {
    pub node: Node,
    pub registry: Pubkey,
    folder: PathBuf,
}

impl Tool {
    /// The tool for a cluster of the world that `prepare` makes. Its keypair is the authority's, which has SOL.
    pub fn new<F: Future<Output = World>>(prepare: F) -> Self {
        let node = Node::start(prepare);
        let folder = std::env::temp_dir().join(format!(
            "grid-{}-{}",
            std::process::id(),
            node.url.rsplit(':').next().expect("a port")
        ));
        std::fs::create_dir_all(&folder).expect("a folder");
        let (registry, authority, reporter, payer) = node.with(async |cluster| {
            let world = &mut cluster.world;
            let authority = world.authority.insecure_clone();
            (
                world.deployment.registry_program,
                authority,
                world.reporter.insecure_clone(),
                world.payer.insecure_clone(),
            )
        });
        let tool = Self {
            node,
            registry,
            folder,
        };
        tool.keypair("authority", &authority);
        tool.keypair("reporter", &reporter);
        tool.keypair("payer", &payer);
        tool
    }

    /// Writes a keypair's file, and returns its path.
    pub fn keypair(&self, name: &str, keypair: &Keypair) -> String {
        let path = self.path(name);
        write_keypair_file(keypair, &path).expect("a file");
        path.to_str().expect("a path").to_owned()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file, and returns its path.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file");
        path.to_str().expect("a path").to_owned()
    }

    /// The command, before it runs: at home in the tool's folder, paid by the payer, for the world's registry.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grid"));
        command
            .env("HOME", &self.folder)
            .env("GRID_REGISTRY", self.registry.to_string())
            .stdin(Stdio::null())
            .args(arguments);
        command
    }

    /// Runs a command as somebody: with the URL, that keypair, and the world's payer.
    pub fn run_as(&self, who: &str, arguments: &[&str]) -> Ran {
        let keypair = self.path(who);
        let payer = self.path("payer");
        let mut all = vec![
            "--url",
            &self.node.url,
            "--keypair",
            keypair.to_str().expect("a path"),
            "--fee-payer",
            payer.to_str().expect("a path"),
        ];
        all.extend(arguments);
        self.run(&all)
    }

    /// The same, which must succeed, for its JSON.
    pub fn json_as(&self, who: &str, arguments: &[&str]) -> Value {
        let mut all = vec!["--output", "json-compact"];
        all.extend(arguments);
        self.run_as(who, &all).json()
    }

    /// The JSON of a submission that ends with this exit code.
    pub fn submit(&self, file: &str, code: i32) -> Value {
        let submit = ["--output", "json-compact", "readings", "submit", file];
        let ran = self.run_as("reporter", &submit);
        assert_eq!(ran.code, Some(code), "{}\n{}", ran.stderr, ran.stdout);
        serde_json::from_str(&ran.stdout).expect("JSON")
    }

    /// The same, which must fail: what it says.
    pub fn refuse_as(&self, who: &str, arguments: &[&str]) -> String {
        let ran = self.run_as(who, arguments);
        assert!(!ran.success, "should have failed: {}", ran.stdout);
        ran.stderr
    }

    /// Registers and activates a meter of 60 kW with registers of zero, with further arguments.
    pub fn register(&self, serial: &str, owner: &Pubkey, further: &[&str]) -> Value {
        let owner = owner.to_string();
        let mut arguments = vec![
            "meter",
            "register",
            serial,
            "--activate",
            "--owner",
            &owner,
            "--generation-capacity",
            "60000",
            "--consumption-capacity",
            "9000",
            "--generation-register",
            "0",
            "--consumption-register",
            "0",
        ];
        arguments.extend(further);
        self.json_as("authority", &arguments)
    }

    /// Runs a command.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("the tool");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Ran {
            success: output.status.success(),
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all::<&Path>(&self.folder);
    }
}
