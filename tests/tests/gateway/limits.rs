//! How much one gateway takes on.

use creel_testkit::provider::{End, Provider, Reply};
use creel_tests::gateway::{Gateway, TOKEN};
use creel_tests::http::{Answer, Call, client};
use creel_tests::wait::{until, within};
use futures_util::StreamExt as _;
use futures_util::stream;
use reqwest::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn requests_per_minute() {
    let gateway = Gateway::builder()
        .config(json!({"gateway": {"rateLimit": "3/minute"}}))
        .start()
        .await;
    for _ in 0..3 {
        assert_eq!(gateway.get("/api/v1/sessions").await.status, 200);
    }
    // One more comes free every 20 seconds, and some of those may have passed.
    let is_refused = |answer: &Answer| answer.status != 200;
    let refused = gateway
        .eventually("a refusal", |it| it.get("/api/v1/sessions"), is_refused)
        .await;
    assert_eq!(refused.problem(), (429, "rate_limited".into()));
    assert!(
        (1..=20).contains(&refused.header("retry-after").parse().unwrap_or(0)),
        "{refused:?}"
    );
    let openai = gateway
        .eventually("a refusal", |it| it.get("/v1/models"), is_refused)
        .await;
    assert_eq!(
        (openai.status, &openai.json()["error"]["type"]),
        (429, &json!("rate_limit_error"))
    );
    assert_eq!(gateway.get("/readyz").await.status, 200, "probes don't count");
}

#[tokio::test]
async fn who_is_refused_before_its_body_came_keeps_its_connection() {
    let gateway = Gateway::builder().start().await;
    until("a connection that is kept", || async {
        let mut connection = gateway.connect().await;
        for _ in 0..2 {
            let head = "POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n";
            connection.write_all(head.as_bytes()).await.unwrap();
            // By then it has seen the head.
            assert_eq!(gateway.get("/readyz").await.status, 200);
            connection.write_all(br#"{"message":"Hi"}"#).await.unwrap();
            let answer = within("an answer", whole_answer(&mut connection)).await;
            assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
            if answer.contains("connection: close") {
                // It waits for a body for a second, and this machine was slower.
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test]
async fn a_refusal_of_a_body_that_is_not_waited_for_says_that_the_connection_ends() {
    let gateway = Gateway::builder().start().await;
    for head in [
        "POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
        "POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let mut connection = gateway.connect().await;
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within("its end", connection.read_to_string(&mut answer)).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close\r\n"),
            "{answer}"
        );
    }
}

/// Reads an answer whole, and gives it.
async fn whole_answer(connection: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        assert!(
            connection.read_buf(&mut answer).await.expect("the gateway answers") > 0,
            "the connection was closed"
        );
    }
    String::from_utf8(answer).expect("an answer is text")
}

#[tokio::test]
async fn two_hundred_unless_said_otherwise() {
    let gateway = Gateway::builder().start().await;
    let mut answered = 0;
    // However long it takes: a minute's worth is there at once, and only what comes on top of it may be refused.
    loop {
        match gateway.get("/v1/models").await.status {
            200 => answered += 1,
            status => break assert_eq!(status, 429),
        }
    }
    assert!(answered >= 200, "{answered} before the first refusal");
}

#[tokio::test]
async fn in_a_crowd_probes_get_through_and_others_are_told_to_come_back() {
    let gateway = Gateway::builder()
        .config(json!({"gateway": {"concurrentConnections": 5}}))
        .start()
        .await;
    let mut crowd = Vec::new();
    for _ in 0..5 {
        crowd.push(gateway.connect().await);
    }
    for probe in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(gateway.get(probe).await.status, 200);
    }
    let refused = gateway.ask(json!({"message": "hi"})).await;
    assert_eq!(refused.problem(), (429, "too_many_connections".into()));
    assert_eq!(
        (refused.header("retry-after"), refused.header("connection")),
        ("1", "close")
    );
    let openai = gateway.get("/v1/models").await;
    assert_eq!(
        (openai.status, &openai.json()["error"]["code"]),
        (429, &json!("too_many_connections"))
    );
    drop(crowd);
    gateway
        .eventually(
            "room",
            |gateway| gateway.ask(json!({"message": "hi"})),
            |answer| answer.status == 200,
        )
        .await;
}

#[tokio::test]
async fn beyond_the_crowd_everybody_is_refused_in_plain_http() {
    let gateway = Gateway::builder()
        .config(json!({"gateway": {"concurrentConnections": 1}}))
        .start()
        .await;
    let mut crowd = Vec::new();
    for _ in 0..1 + 32 {
        crowd.push(gateway.connect().await);
    }
    let ask = |path: &str| Call::new(&client(), Method::GET, &format!("{}{path}", gateway.url()), TOKEN);
    let refused = ask("/healthz").await;
    assert_eq!(refused.problem(), (429, "too_many_connections".into()));
    assert_eq!(refused.header("retry-after"), "1");
    let openai = ask("/v1/models").await;
    assert_eq!(
        (openai.status, &openai.json()["error"]["type"]),
        (429, &json!("rate_limit_error"))
    );
    drop(crowd);
    gateway
        .eventually("room", |gateway| gateway.get("/healthz"), |answer| answer.status == 200)
        .await;
    assert!(gateway.metric("creel_gateway_connections_refused_total").await >= 1.0);
}

#[tokio::test]
async fn ten_thousand_connections() {
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(20_000).min(20_000);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(files),
            maximum: Some(files),
        },
    )
    .expect("up to the hard limit");
    let many = 10_000.min(files as usize - 500);
    let gateway = Gateway::builder().open_files(1_024).start().await;
    let connections = stream::iter(0..many).map(|_| TcpStream::connect(gateway.address()));
    let crowd: Vec<_> = connections
        .buffer_unordered(200)
        .filter_map(|connection| async { connection.ok() })
        .collect()
        .await;
    assert!(crowd.len() > many / 2, "{} of {many} were let in", crowd.len());
    drop(crowd);
    gateway
        .eventually(
            "probe",
            |gateway| gateway.get("/healthz"),
            |answer| answer.status == 200,
        )
        .await;
    gateway
        .eventually(
            "room",
            |gateway| gateway.ask(json!({"message": "hi"})),
            |answer| answer.status == 200,
        )
        .await;
}

#[tokio::test]
async fn more_connections_than_files() {
    let gateway = Gateway::builder().open_files(64).start().await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(gateway.connect().await);
    }
    gateway.log().line_with("a connection cannot be accepted").await;
    drop(crowd);
    gateway
        .eventually(
            "room",
            |gateway| gateway.ask(json!({"message": "hi"})),
            |answer| answer.status == 200,
        )
        .await;
    assert!(
        gateway.log().so_far().lines().count() < 50,
        "one line, not one for each: {}",
        gateway.log().so_far()
    );
}

#[tokio::test]
async fn a_request_of_50_mb() {
    let gateway = Gateway::builder().start().await;
    let announced = gateway
        .call(Method::POST, "/api/v1/chat")
        .body(vec![b' '; 50 << 20])
        .await;
    assert_eq!(announced.problem(), (413, "too_large".into()));
    assert!(announced.text.contains("20971520 bytes"), "{announced:?}");
    let chunks = stream::iter((0..800).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 << 10])));
    let unannounced = gateway
        .call(Method::POST, "/api/v1/chat")
        .body(reqwest::Body::wrap_stream(chunks))
        .await;
    assert_eq!(unannounced.problem(), (413, "too_large".into()));
    assert_eq!(gateway.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_request_that_is_cut_half_way() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    let head = format!(
        "POST /api/v1/chat HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: 100\r\n\r\n"
    );
    for half in [&head[..20], &head[..], &format!("{head}{{\"message\": \"hi")] {
        let mut connection = gateway.connect().await;
        connection.write_all(half.as_bytes()).await.expect("the gateway reads");
        connection.shutdown().await.expect("it is open");
        let mut answer = String::new();
        within("end of the connection", connection.read_to_string(&mut answer))
            .await
            .expect("an orderly end");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(gateway.get("/api/v1/sessions").await.ok(), json!({"sessions": []}));
    assert_eq!(provider.requests().len(), 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let idle = json!({"gateway": {"limits": {"idleTimeoutMs": 50}}});
    let gateway = Gateway::builder().config(idle).start().await;
    let answer = until("an answer", || async {
        let mut connection = gateway.connect().await;
        let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
        // One that was connected for longer than that before it asks is closed too, and may be told so by an error.
        connection.write_all(request).await.ok()?;
        let mut answer = String::new();
        let end = connection.read_to_string(&mut answer);
        within("end of the connection", end).await.ok()?;
        (!answer.is_empty()).then_some(answer)
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn half_a_head_does_not_wait_for_the_other_half() {
    let head = json!({"gateway": {"limits": {"headTimeoutMs": 50}}});
    let gateway = Gateway::builder().config(head).start().await;
    for (half, told) in [
        ("GET /healthz HTTP/1.1\r\nhost: x", r#""code":"request_timeout""#),
        (
            "POST /v1/chat/completions HTTP/1.1\r\n",
            r#""type":"invalid_request_error","param":null,"code":"request_timeout""#,
        ),
        ("G", r#""code":"request_timeout""#),
    ] {
        let mut connection = gateway.connect().await;
        connection.write_all(half.as_bytes()).await.expect("the gateway reads");
        let mut answer = String::new();
        within("end of the connection", connection.read_to_string(&mut answer))
            .await
            .expect("an orderly end");
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
        assert!(
            answer.contains("\r\nconnection: close\r\n") && answer.contains(told),
            "{answer}"
        );
    }
    // Who has begun nothing owes nothing, and is told nothing.
    let mut idle = gateway.connect().await;
    idle.shutdown().await.expect("it is open");
    let mut answer = String::new();
    within("end of the connection", idle.read_to_string(&mut answer))
        .await
        .expect("an orderly end");
    assert_eq!(answer, "");
}

#[tokio::test]
async fn another_method_is_told_which_one_there_is() {
    let gateway = Gateway::builder().start().await;
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        for path in ["/api/v1/chat", "/api/v1/chat/stream"] {
            let answer = gateway.call(method.clone(), path).await;
            assert_eq!(answer.problem(), (405, "method_not_allowed".into()));
            assert_eq!(answer.header("allow"), "POST");
        }
        let answer = gateway.call(method.clone(), "/v1/chat/completions").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
        assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off_and_its_model_call_too() {
    let provider = Provider::start().await;
    provider.then(Reply::huge(30 << 20));
    let stall = json!({"gateway": {"limits": {"stallTimeoutMs": 200}}});
    let gateway = Gateway::builder().provider(&provider).config(stall).start().await;
    let mut connection = gateway.connect().await;
    let body = json!({"message": "Tell me everything.", "session_id": "s1"}).to_string();
    let request = format!(
        "POST /api/v1/chat/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection
        .write_all(request.as_bytes())
        .await
        .expect("the gateway reads");
    let call = provider.received(0).await;
    assert_eq!(within("hang-up", call.ended()).await, End::HungUp);
    // Looked at in its file: whoever asks the gateway for so much must not be slow either.
    let transcript = gateway.transcript("s1");
    let kept = until("what was said", || async {
        let text = std::fs::read_to_string(&transcript).ok()?;
        let last = text.strip_suffix('\n')?.lines().last()?;
        let last: Value = serde_json::from_str(last).ok()?;
        (last["body"]["role"] == "assistant").then_some(last)
    })
    .await;
    assert_eq!(kept["body"]["stop"], "cancelled");
}

#[tokio::test]
async fn what_is_no_http_is_told_so_after_what_was() {
    let gateway = Gateway::builder().start().await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(150));
    for (sent, status, told) in [
        ("GARBAGE\r\n\r\n", "400 Bad Request", r#""code":"bad_request""#),
        (
            "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nno colon\r\n\r\n",
            "400 Bad Request",
            "cannot be read as a request of HTTP/1.1: invalid HTTP header parsed",
        ),
        (
            "POST /v1/chat/completions HTTP/1.1\r\nno colon\r\n\r\n",
            "400 Bad Request",
            r#""type":"invalid_request_error""#,
        ),
        (&long, "414 URI Too Long", "the address of the request is too long"),
        (
            &many,
            "431 Request Header Fields Too Large",
            "the head of the request is too large: send fewer headers, or shorter ones",
        ),
    ] {
        let mut connection = gateway.connect().await;
        connection.write_all(sent.as_bytes()).await.expect("the gateway reads");
        let mut answer = String::new();
        within("end of the connection", connection.read_to_string(&mut answer))
            .await
            .expect("an orderly end");
        let last = &answer[answer.rfind("HTTP/1.1 ").expect("an answer")..];
        assert!(last.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(last.contains(told), "{answer}");
        assert_eq!(
            answer.contains("HTTP/1.1 200 OK"),
            sent.starts_with("GET /healthz HTTP/1.1\r\nhost")
        );
    }
}
