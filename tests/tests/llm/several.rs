//! Several processes of the gateway on one PostgreSQL: the books are exact whatever becomes of the server, of a process, or of a clock.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use creel_testkit::database::{self, DatabaseServer};
use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::clock::Clock;
use creel_tests::http::{Call, client};
use creel_tests::llm::{Llm, Node};
use creel_tests::up::Up;
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

const ASK: &str = r#"{"model":"m1","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}"#;
const CHAT: &str = "/v1/chat/completions";
/// What each answer costs, in micro-credits.
const COST: u64 = 10;

async fn on(server: &DatabaseServer, provider: &Provider) -> Llm {
    provider.always(Reply::text("Hello.").usage(7, 3));
    Llm::start(provider, Up::builder().env("CREEL_DATABASE_URL", &server.database())).await
}

fn journal(llm: &Llm, name: &str) -> PathBuf {
    llm.up.home().join(name)
}

/// A key of alice, who has one credit.
async fn key_of_alice(llm: &Llm) -> String {
    llm.up.creel_json(&["credits", "grant", "alice", "1"]).await;
    llm.key_with(json!({"user": "alice"})).await
}

/// Waits until a process of the gateway knows the key.
async fn known(node: &Node, key: &str) {
    until("the key to be known", || async {
        let models = node.call(Method::GET, "/v1/models", key).await;
        (models.status == 200).then_some(())
    })
    .await;
}

/// Of a database that was away, connections are found dead one after the other.
async fn read(llm: &Llm, path: &str) -> Value {
    until("the records to be read", || async {
        let answer = llm.up.get(path).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await
}

/// What alice's account says once nobody holds anything of it: the balance in micro-credits, and the entries of calls.
async fn account(llm: &Llm) -> (u64, Vec<Value>) {
    let path = "/api/users/alice/credits?limit=1000";
    let account = until("nothing to be held", || async {
        let account = read(llm, path).await;
        (account["held"] == "0").then_some(account)
    })
    .await;
    let mut entries = Vec::new();
    let mut page = account["entries"].clone();
    while let Some([.., last]) = page.as_array().map(Vec::as_slice) {
        let older = read(llm, &format!("{path}&before={}", last["id"])).await;
        entries.extend(page.as_array().into_iter().flatten().cloned());
        page = older["entries"].clone();
    }
    entries.retain(|entry| entry["kind"] != "grant");
    let balance = account["balance"].as_str().and_then(|balance| balance.parse().ok());
    let balance: f64 = balance.expect("a balance is a decimal number");
    ((balance * 1e6).round() as u64, entries)
}

/// Clients that ask one after the other until they are told to stop.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    answered: AtomicU64,
    refused: AtomicU64,
}

impl Load {
    async fn client(self: Arc<Self>, url: String, key: String) {
        let client = client();
        while !self.stop.load(Ordering::Relaxed) {
            let answer = Call::new(&client, Method::POST, &url, &key).body(ASK).await;
            let count = match answer.status {
                200 => &self.answered,
                503 => &self.refused,
                _ => panic!("{answer:?}"),
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn seen(&self) -> u64 {
        self.answered.load(Ordering::Relaxed) + self.refused.load(Ordering::Relaxed)
    }

    async fn more(&self, what: &str, of: impl Fn(&Self) -> u64, by: u64) {
        let from = of(self);
        until(what, || async { (of(self) >= from + by).then_some(()) }).await;
    }
}

#[tokio::test]
async fn the_database_dies_under_load_and_every_answer_is_charged_once() {
    let server = DatabaseServer::postgres();
    let provider = Provider::start().await;
    let llm = on(&server, &provider).await;
    let key = key_of_alice(&llm).await;
    let node = Node::start(&llm.up, &journal(&llm, "second")).await;
    known(&node, &key).await;
    let load = Arc::new(Load::default());
    let clients: Vec<_> = [llm.url(), &node.url]
        .into_iter()
        .cycle()
        .take(8)
        .map(|url| tokio::spawn(Arc::clone(&load).client(format!("{url}{CHAT}"), key.clone())))
        .collect();
    let answered = |load: &Load| load.answered.load(Ordering::Relaxed);
    load.more("answers", answered, 100).await;
    server.stop();
    load.more("answers or refusals without a database", Load::seen, 200)
        .await;
    server.start();
    load.more("answers with the database again", answered, 100).await;
    load.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    node.interrupt().await.ok();
    let (balance, entries) = account(&llm).await;
    let answered = answered(&load);
    assert_eq!(
        provider.requests().len() as u64,
        answered,
        "what was refused was not sent"
    );
    assert_eq!(
        1_000_000 - balance,
        COST * answered,
        "every answer is charged, and nothing else"
    );
    let requests: BTreeSet<_> = entries.iter().map(|entry| entry["request"].to_string()).collect();
    assert_eq!((requests.len(), entries.len()), (answered as usize, answered as usize));
}

/// A call is in flight when its gateway is killed. Its journal is then brought into the books by whoever has it: by the process that is started
/// again, by one on a copy of the directory, and by one on a copy that takes itself for another node.
#[tokio::test]
async fn a_call_that_several_gateways_settle_is_charged_once() {
    let provider = Provider::start().await;
    let llm = on(database::postgres(), &provider).await;
    let key = key_of_alice(&llm).await;
    let own = journal(&llm, "second");
    let node = Node::start(&llm.up, &own).await;
    known(&node, &key).await;
    node.call(Method::POST, CHAT, &key).body(ASK).await.ok();
    let gate = Gate::closed();
    provider.then(Reply::text("never said").gated(&gate));
    let call = node.call(Method::POST, CHAT, &key).body(ASK);
    let caller = tokio::spawn(async move { call.await });
    provider.received(1).await;
    node.kill().await;
    assert!(caller.await.is_err(), "nobody answered");

    let (copy, stranger) = (journal(&llm, "copy"), journal(&llm, "stranger"));
    copied(&own, &copy, &["lock"]);
    copied(&own, &stranger, &["lock", "node"]);
    let start = |journal| Node::try_start(&llm.up, journal, &[]);
    let (first, second, third) = tokio::join!(start(&own), start(&copy), start(&stranger));
    for node in [first, second, third].into_iter().flatten() {
        node.interrupt().await;
    }
    let (balance, entries) = account(&llm).await;
    let requests: BTreeSet<_> = entries.iter().map(|entry| entry["request"].to_string()).collect();
    assert_eq!((requests.len(), entries.len()), (2, 2), "{entries:#?}");
    let lost = 1_000_000 - balance - COST;
    assert!((1..50).contains(&lost), "the prompt of the call that was lost: {lost}");
    let usage = llm.up.get("/api/usage?by=user&user=alice").await.ok();
    assert_eq!(usage["usage"][0]["calls"], 2, "{usage:#}");
}

fn copied(from: &Path, to: &Path, but: &[&str]) {
    std::fs::create_dir(to).expect("there is room for a directory");
    for entry in std::fs::read_dir(from).expect("a journal is there").flatten() {
        if !but.iter().any(|name| entry.file_name() == *name) {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("there is room for a copy");
        }
    }
}

#[tokio::test]
async fn gateways_whose_clocks_are_two_hours_apart_go_by_the_clock_of_the_database() {
    let provider = Provider::start().await;
    let llm = on(database::postgres(), &provider).await;
    let key = key_of_alice(&llm).await;
    let mut nodes = Vec::new();
    for (name, hours) in [("behind", -1), ("ahead", 1)] {
        let clock = Clock::right();
        clock.set_hours(hours);
        let node = Node::start_in(&llm.up, &journal(&llm, name), &clock.environment()).await;
        known(&node, &key).await;
        nodes.push((node, clock));
    }
    let keys = llm.up.get("/api/llm/keys").await.ok();
    let of_alice = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["user"] == "alice");
    let path = format!("/api/llm/keys/{}", of_alice.unwrap()["id"].as_str().unwrap());
    // Over by one clock, or not yet by the other, and neither counts.
    for (minutes, status) in [(30, 200), (-30, 401)] {
        let at = (OffsetDateTime::now_utc() + Duration::minutes(minutes))
            .format(&Rfc3339)
            .unwrap();
        let change = json!({"expires_at": at});
        llm.up.call(Method::PATCH, &path).json(&change).await.ok();
        for (node, _) in &nodes {
            until("the new end of the key to count", || async {
                let models = node.call(Method::GET, "/v1/models", &key).await;
                (models.status == status).then_some(())
            })
            .await;
            let answer = node.call(Method::POST, CHAT, &key).body(ASK).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
    }
    for (node, _) in nodes {
        node.interrupt().await.ok();
    }
    let (balance, entries) = account(&llm).await;
    assert_eq!((1_000_000 - balance, entries.len()), (2 * COST, 2));
    for entry in entries {
        let at = OffsetDateTime::parse(entry["at"].as_str().unwrap(), &Rfc3339).unwrap();
        assert!(
            (OffsetDateTime::now_utc() - at).abs() < Duration::minutes(10),
            "{entry}"
        );
    }
}
