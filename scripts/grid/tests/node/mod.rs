//! A node of a cluster, as far as the tool needs one: JSON-RPC over HTTP in front of an embedded bank.

use std::{future::Future, net::TcpListener, sync::Arc};

use base64::{prelude::BASE64_STANDARD, Engine};
use grid::cluster::Cluster;
use gridtoken_tests::World;
use serde_json::{json, Value};
use solana_account::Account;
use solana_program::pubkey::Pubkey;
use tokio::{runtime::Runtime, sync::Mutex};

/// A world behind a URL.
pub struct Node {
    pub url: String,
    pub runtime: Arc<Runtime>,
    pub world: Arc<Mutex<World>>,
}

impl Node {
    /// Starts a node for the world that `prepare` makes.
    pub fn start<F: Future<Output = World>>(prepare: F) -> Self {
        let runtime = Arc::new(Runtime::new().expect("a runtime"));
        let world = Arc::new(Mutex::new(runtime.block_on(prepare)));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tiny_http::Server::from_listener(listener, None).expect("a server");
        let (with, of) = (runtime.clone(), world.clone());
        std::thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let question: Value =
                    serde_json::from_reader(request.as_reader()).expect("a question");
                let answer =
                    with.block_on(async { answer(&mut *of.lock().await, &question).await });
                let mut body = json!({ "jsonrpc": "2.0", "id": question["id"] });
                match answer {
                    Ok(result) => body["result"] = result,
                    Err(error) => body["error"] = error,
                }
                let response = tiny_http::Response::from_string(body.to_string());
                let json = "Content-Type: application/json".parse().expect("a header");
                let _ = request.respond(response.with_header::<tiny_http::Header>(json));
            }
        });
        Self {
            url,
            runtime,
            world,
        }
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

/// What a node answers.
async fn answer(world: &mut World, question: &Value) -> Result<Value, Value> {
    let parameters = &question["params"];
    Ok(match question["method"].as_str().expect("a method") {
        "getAccountInfo" => {
            let account = world.bank.account(&key(&parameters[0])).await;
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
            let accounts = world.bank.accounts(&addresses).await.expect("an answer");
            let accounts = accounts
                .iter()
                .map(|account| account.as_ref().map_or(Value::Null, encode));
            in_context(accounts.collect())
        }
        "getProgramAccounts" => {
            let accounts = world.bank.program_accounts(&key(&parameters[0])).await;
            accounts
                .expect("an answer")
                .iter()
                .map(|(address, account)| {
                    json!({ "pubkey": address.to_string(), "account": encode(account) })
                })
                .collect()
        }
        other => return Err(json!({ "code": -32601, "message": format!("no method {other}") })),
    })
}
