//! One user takes all they can get, and the others get what they need.

use creel_testkit::cloud::CloudBackend;
use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::gateway::Gateway;
use creel_tests::http::Answer;
use creel_tests::tenants::{self, SERVICE_TOKEN, Service};
use creel_tests::wait::{until, within};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn quotas(quotas: Value) -> Value {
    json!({"multiTenant": {"quotas": quotas}})
}

/// A request of this user's on a connection of its own, which stays open.
async fn connected(service: &Service, token: &str) -> (TcpStream, String) {
    let mut stream = service.gateway.connect().await;
    let request = format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the gateway reads");
    let mut head = vec![0; 12];
    within("an answer", stream.read_exact(&mut head))
        .await
        .expect("the gateway answers");
    (stream, String::from_utf8_lossy(&head).into_owned())
}

#[tokio::test]
async fn a_user_has_so_many_connections_and_others_have_theirs() {
    let (service, [greedy, modest]) = Service::with(["greedy", "modest"], quotas(json!({"connections": 3}))).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let (stream, head) = connected(&service, &greedy).await;
        assert_eq!(head, "HTTP/1.1 200");
        held.push(stream);
    }
    let (mut refused, head) = connected(&service, &greedy).await;
    assert_eq!(head, "HTTP/1.1 429");
    let mut rest = Vec::new();
    within("its end", refused.read_to_end(&mut rest))
        .await
        .expect("it is closed");
    assert!(String::from_utf8_lossy(&rest).contains("you have 3 connections open"));
    assert_eq!(connected(&service, &modest).await.1, "HTTP/1.1 200");
    drop(held);
    until("room", || async {
        (connected(&service, &greedy).await.1 == "HTTP/1.1 200").then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_only_connects_keeps_nobody_out() {
    let few = json!({"gateway": {"concurrentConnections": 64}});
    let (service, [alice]) = Service::with(["alice"], few).await;
    let mut crowd = Vec::new();
    for _ in 0..200 {
        crowd.push(service.gateway.connect().await);
    }
    // The first of the crowd had to make room, and before it the connection over which readiness was asked for: from here on, nobody asks
    // over one that is about to be closed.
    let closed = within("its end", crowd[0].read(&mut [0])).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    service.greet(&alice, "s").await.ok();
}

#[tokio::test]
async fn turns_of_one_user_wait_and_those_of_others_run() {
    let (service, [greedy, modest]) =
        Service::with(["greedy", "modest"], quotas(json!({"turns": 2, "totalTurns": 3}))).await;
    let gate = Gate::closed();
    let slow = gate.clone();
    service.provider.answer_with(move |request| {
        if String::from_utf8_lossy(&request.body).contains("slowly") {
            Reply::text("At last.").gated(&slow)
        } else {
            Reply::text("At once.")
        }
    });
    let greedy_turns: Vec<_> = (0..10)
        .map(|number| {
            let call = service.ask(
                &greedy,
                json!({"message": "slowly", "session_id": format!("s{number}")}),
            );
            tokio::spawn(call.into_future())
        })
        .collect();
    until("a queue", || async {
        (service.stats().await["turns_waiting"] == 8).then_some(())
    })
    .await;
    assert_eq!(service.stats().await["turns_running"], 2);
    for number in 0..5 {
        let answer = service.greet(&modest, &format!("s{number}")).await.ok();
        assert_eq!(answer["reply"], "At once.");
    }
    gate.open();
    for turn in greedy_turns {
        turn.await.expect("it does not panic").ok();
    }
}

#[tokio::test]
async fn requests_and_their_bytes_are_counted_for_each() {
    let few = quotas(json!({"requests": 2, "bodyBytes": 100_000}));
    let (service, [greedy, modest]) = Service::with(["greedy", "modest"], few).await;
    let gate = Gate::closed();
    service.provider.always(Reply::text("Hello.").gated(&gate));
    let large = json!({"message": "x".repeat(90_000), "session_id": "large"});
    let first = tokio::spawn(service.ask(&greedy, large.clone()).into_future());
    // A request is pending before its bytes are there; once its turn runs, they are.
    service.provider.received(0).await;
    let refused = service.ask(&greedy, large.clone()).await;
    assert_eq!(refused.problem(), (429, "too_many_bytes".into()));
    // The rest of the body is not read, so nothing more goes over this connection.
    assert_eq!(refused.header("connection"), "close");
    let second = tokio::spawn(service.greet(&greedy, "s2").into_future());
    until("the second", || async {
        (service.stats().await["pending_requests"] == 2).then_some(())
    })
    .await;
    assert_eq!(service.refusal(&greedy).await, (429, "too_many_requests".into()));
    gate.open();
    service.ask(&modest, large).await.ok();
    first.await.expect("it does not panic").ok();
    second.await.expect("it does not panic").ok();
}

#[tokio::test]
async fn a_conversation_does_not_grow_until_it_takes_all_memory() {
    let (service, [alice, bob]) = Service::with(["alice", "bob"], quotas(json!({"sessionBytes": 50_000}))).await;
    let long = |session: &str| json!({"message": "x".repeat(30_000), "session_id": session});
    service.ask(&alice, long("s")).await.ok();
    service.ask(&alice, long("s")).await.ok();
    let refused = service.ask(&alice, long("s")).await;
    assert_eq!(refused.problem(), (507, "session_too_long".into()));
    service.ask(&alice, long("another")).await.ok();
    service.ask(&bob, long("s")).await.ok();
    let read = service.gateway.get("/api/v1/sessions/s").with_token(&alice).await.ok();
    assert_eq!(read["messages"].as_array().map(Vec::len), Some(4), "it can be read");
    let deleted = service.gateway.delete("/api/v1/sessions/s").with_token(&alice).await;
    assert_eq!(deleted.status, 204);
    service.ask(&alice, long("s")).await.ok();
}

#[tokio::test]
async fn transcripts_that_are_read_are_of_a_users_share_of_memory() {
    let few = quotas(json!({"bodyBytes": 100_000}));
    let (service, [greedy, modest]) = Service::with(["greedy", "modest"], few).await;
    for token in [&greedy, &modest] {
        let long = json!({"message": "x".repeat(60_000), "session_id": "long"});
        service.ask(token, long).await.ok();
    }
    let gate = Gate::closed();
    service.provider.always(Reply::text("Hello.").gated(&gate));
    let running = tokio::spawn(service.greet(&greedy, "long").into_future());
    // By then it has read its transcript.
    service.provider.received(2).await;
    let read = |token: &str| service.gateway.get("/api/v1/sessions/long").with_token(token);
    assert_eq!(read(&greedy).await.problem(), (429, "too_many_bytes".into()));
    read(&modest).await.ok();
    gate.open();
    running.await.expect("it does not panic").ok();
    // A turn is over for its user before it is for the gateway.
    let is_read = |answer: &Answer| answer.status == 200;
    let again = |_: &Gateway| read(&greedy);
    service
        .gateway
        .eventually("the share to be free again", again, is_read)
        .await;
}

#[tokio::test]
async fn a_full_workspace_stops_its_user_alone() {
    let (service, [alice, bob]) = Service::with(["alice", "bob"], quotas(json!({"diskBytes": 100_000}))).await;
    std::fs::create_dir_all(service.workspace("alice")).expect("the home can be written");
    std::fs::write(service.workspace("alice").join("much"), "x".repeat(200_000)).expect("there is room");
    assert_eq!(service.refusal(&alice).await, (507, "quota_exceeded".into()));
    let sessions = service.gateway.get("/api/v1/sessions").with_token(&alice).await;
    assert_eq!(sessions.status, 200, "to see what could be deleted");
    service.greet(&bob, "s").await.ok();
}

#[tokio::test]
async fn a_disk_that_is_full_under_one_user_is_theirs_alone() {
    let cloud = CloudBackend::start(SERVICE_TOKEN).await;
    let (alice, bob) = (cloud.add("alice"), cloud.add("bob"));
    let provider = Provider::start().await;
    let builder = tenants::builder(&cloud, &provider);
    let hers = builder.home().join("workspaces/alice");
    let gateway = builder.small_disk(&hers, 128 * 1024).start().await;
    let service = Service {
        cloud,
        provider,
        gateway,
    };
    service.ready().await;
    let long = json!({"message": "x".repeat(10_000), "session_id": "s"});
    let refused = service
        .gateway
        .eventually(
            "a full disk",
            |gateway| gateway.ask(long.clone()).with_token(&alice),
            |answer| answer.status != 200,
        )
        .await;
    assert_eq!(refused.problem(), (507, "disk_full".into()));
    service.ask(&bob, long.clone()).await.ok();
    let deleted = service.gateway.delete("/api/v1/sessions/s").with_token(&alice).await;
    assert_eq!(deleted.status, 204, "there is room for a way out");
    service.ask(&alice, long).await.ok();
}

#[tokio::test]
async fn everybody_has_a_rate_of_their_own() {
    let slow = json!({"gateway": {"rateLimit": "5/minute"}});
    let (service, [greedy, modest]) = Service::with(["greedy", "modest"], slow).await;
    let mut answered = 0;
    // However long it takes: a minute's worth is there at once, and only what comes on top of it may be refused.
    loop {
        match service.gateway.get("/v1/models").with_token(&greedy).await.status {
            200 => answered += 1,
            status => break assert_eq!(status, 429),
        }
    }
    assert!(answered >= 5, "{answered} before the first refusal");
    assert_eq!(service.gateway.get("/v1/models").with_token(&modest).await.status, 200);
}
