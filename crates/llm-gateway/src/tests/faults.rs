//! Bad input, bad providers, bad clients.

use std::time::Duration;

use creel_testkit::provider::{Gate, Provider, Reply};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{COMPLETION, House, STREAMED_COMPLETION, STREAMED_MESSAGE};
use crate::ledger::Outcome;

#[tokio::test]
async fn a_stream_of_single_bytes_is_read_like_any_other() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    for (path, ask, end) in [
        ("/v1/chat/completions", STREAMED_COMPLETION, "[DONE]"),
        ("/v1/messages", STREAMED_MESSAGE, r#"{"type":"message_stop"}"#),
        (
            "/v1/messages",
            &STREAMED_MESSAGE.replace("c1", "m1"),
            r#"{"type":"message_stop"}"#,
        ),
        (
            "/v1/chat/completions",
            &STREAMED_COMPLETION.replace("m1", "c1"),
            "[DONE]",
        ),
    ] {
        provider.then(Reply::text("Hello, 你好.").usage(10, 5).in_chunks_of(1).with_crlf());
        let answer = client.post(path, ask.to_owned()).await;
        assert_eq!(
            answer.events().last().map(String::as_str),
            Some(end),
            "{}",
            answer.text()
        );
        assert!(answer.text().contains("你好"), "{}", answer.text());
    }
    assert_eq!(house.spent().await, 60);
}

#[tokio::test]
async fn a_megabyte_of_unicode_passes_both_ways() {
    let provider = Provider::start().await;
    let long = "汉字🦞".repeat(100_000);
    provider.always(Reply::pieces([long.as_str()]).usage(10, 5));
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let ask = json!({"model": "m1", "messages": [{"role": "user", "content": long}]}).to_string();
    for ask in [ask.clone(), ask.replace("\"m1\"", "\"c1\"")] {
        let answer = client.post("/v1/chat/completions", ask).await;
        assert_eq!(answer.json()["choices"][0]["message"]["content"], long.as_str());
    }
    assert_eq!(provider.requests()[0].json()["messages"][0]["content"], long.as_str());
    assert_eq!(house.spent().await, 30);
}

#[tokio::test]
async fn a_picture_above_the_limit_is_refused_and_one_below_passes() {
    let provider = Provider::start().await;
    let house = House::new(&provider)
        .settings(|settings| settings.max_body = 6_000_000)
        .start()
        .await;
    let ask = |bytes: usize| {
        let url = format!("data:image/png;base64,{}", "A".repeat(bytes));
        json!({"model": "m1", "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}).to_string()
    };
    let below = house.client().await.post("/v1/chat/completions", ask(5_000_000)).await;
    assert_eq!(below.status, 200, "{}", below.text());
    let above = house.client().await.post("/v1/chat/completions", ask(7_000_000)).await;
    assert_eq!(
        (above.status, &above.json()["error"]["code"]),
        (413, &json!("request_too_large"))
    );
    assert_eq!(provider.requests().len(), 1);
}

/// As it comes: nothing was set, and the client does not say how much it will send.
#[tokio::test]
async fn a_picture_of_fifty_megabytes_is_refused_and_no_more_of_it_is_taken_than_the_limit() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut stream = tokio::net::TcpStream::connect(house.gateway.address()).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        house.key
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let sending = tokio::spawn(async move {
        let piece = format!("100000\r\n{}\r\n", "A".repeat(1 << 20));
        for _ in 0..50 {
            // The gateway may hang up on what it does not take.
            if writer.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let mut said = String::new();
    while !said.contains("request_too_large") {
        let mut some = [0; 4096];
        let count = reader.read(&mut some).await.unwrap();
        assert!(count > 0, "{said}");
        said.push_str(std::str::from_utf8(&some[..count]).unwrap());
    }
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    sending.await.unwrap();
    let long = vec![b'A'; 50 << 20];
    let told = house.client().await.post("/v1/chat/completions", long).await;
    assert_eq!(told.status, 413, "{}", told.text());
    assert_eq!(provider.requests().len(), 0);
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_costs_nothing() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        (r#"{"messages":[]}"#, 400),
        (r#"{"model":"m1","model":"c1"}"#, 400),
        (r#"{"model":"none"}"#, 404),
    ] {
        let answer = house.client().await.post("/v1/chat/completions", body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert!(answer.json()["error"]["message"].is_string(), "{}", answer.text());
    }
    assert_eq!(provider.requests().len(), 0);
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so_and_is_not_begun_again() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    for (path, ask) in [
        ("/v1/chat/completions", STREAMED_COMPLETION),
        ("/v1/messages", STREAMED_MESSAGE),
        ("/v1/messages", &STREAMED_MESSAGE.replace("c1", "m1")),
        ("/v1/chat/completions", &STREAMED_COMPLETION.replace("m1", "c1")),
        (
            "/v1/responses",
            r#"{"model":"m1","input":"hi","stream":true,"max_output_tokens":100}"#,
        ),
    ] {
        provider.then(Reply::text("one two three four five six seven").cut_halfway());
        let answer = house.client().await.post(path, ask.to_owned()).await;
        let last = answer.events().pop().unwrap_or_default();
        assert!(last.contains("broke off"), "{}", answer.text());
    }
    assert_eq!(provider.requests().len(), 5);
    let books = house.books.clone();
    house.spent().await;
    assert!(
        books
            .settled()
            .iter()
            .all(|call| call.outcome == Outcome::Failed && call.cost.0 > 0)
    );
}

/// What a provider says is 200, and then is no reply.
#[tokio::test]
async fn a_reply_that_is_none_costs_nothing() {
    const EVENTS: &str = "text/event-stream";
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let gives_up = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    for (media_type, body, ask, path, said) in [
        (EVENTS, "", STREAMED_COMPLETION, "/v1/chat/completions", "broke off"),
        (EVENTS, ": ping\n\n", STREAMED_COMPLETION, "/v1/messages", "broke off"),
        (
            EVENTS,
            gives_up,
            STREAMED_COMPLETION,
            "/v1/chat/completions",
            "overloaded",
        ),
        (EVENTS, gives_up, STREAMED_COMPLETION, "/v1/messages", "overloaded"),
        ("application/json", "", COMPLETION, "/v1/chat/completions", ""),
        // As OpenRouter tells of a model that failed: https://openrouter.ai/docs/api-reference/errors
        (
            "application/json",
            r#"{"error":{"code":502,"message":"overloaded"}}"#,
            COMPLETION,
            "/v1/chat/completions",
            "overloaded",
        ),
        (
            "application/json",
            "",
            COMPLETION,
            "/v1/messages",
            "could not be understood",
        ),
        (
            "application/json",
            "[]",
            COMPLETION,
            "/v1/messages",
            "could not be understood",
        ),
    ] {
        provider.then(Reply::raw(200, media_type, body));
        let answer = client.post(path, ask).await;
        assert!(answer.text().contains(said), "{path} {body}: {}", answer.text());
    }
    let books = house.books.clone();
    assert_eq!(house.spent().await, 0);
    assert!(books.settled().iter().all(|call| call.outcome == Outcome::Failed));
}

#[tokio::test]
async fn a_provider_that_gives_up_in_the_middle_has_failed_and_what_it_said_is_charged() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    for (path, ask) in [
        ("/v1/chat/completions", STREAMED_COMPLETION),
        ("/v1/messages", STREAMED_COMPLETION),
        ("/v1/messages", STREAMED_MESSAGE),
    ] {
        provider.then(Reply::text("one two three").gives_up());
        house.client().await.post(path, ask).await;
    }
    let books = house.books.clone();
    house.spent().await;
    let failed = |call: &creel_records::ledger::Settlement| call.outcome == Outcome::Failed && call.cost.0 > 0;
    assert_eq!(books.settled().len(), 3);
    assert!(books.settled().iter().all(failed), "{:?}", books.settled());
}

#[tokio::test]
async fn a_media_type_is_read_in_any_case() {
    let provider = Provider::start().await;
    let stream = concat!(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\n",
        "data: [DONE]\n\n",
    );
    provider.always(Reply::raw(200, "Text/Event-Stream; charset=UTF-8", stream));
    let house = House::new(&provider).start().await;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let answer = house.client().await.post(path, STREAMED_COMPLETION).await;
        assert!(answer.text().contains("hi"), "{path}: {}", answer.text());
    }
    assert_eq!(house.spent().await, 30);
}

#[tokio::test]
async fn another_protocol_is_no_answer() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    provider.always(Reply::raw(101, "application/json", ""));
    let answer = house.client().await.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(answer.status, 502);
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn a_reply_that_is_compressed_is_neither_passed_on_nor_charged() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    provider.always(Reply::raw(200, "application/json", "\u{1f}").encoded("gzip"));
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let answer = house.client().await.post(path, COMPLETION).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        assert!(answer.text().contains("could not be understood"), "{}", answer.text());
    }
    assert_eq!(provider.requests()[0].header("accept-encoding"), "identity");
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn a_stream_that_goes_on_and_on_is_ended() {
    let provider = Provider::start().await;
    let long = "x".repeat(4_000);
    provider.then(Reply::pieces(vec![long.as_str(); 50]));
    let house = House::new(&provider).start().await;
    let answer = house
        .client()
        .await
        .post("/v1/chat/completions", STREAMED_COMPLETION)
        .await;
    assert!(answer.text().contains("stream_overrun") && !answer.text().contains("[DONE]"));
    assert!(house.spent().await > 1_000);
}

#[tokio::test]
async fn a_stream_that_never_ends_is_ended_when_its_time_is_up() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["on "; 1_000]).gated(&gate));
    let house = House::new(&provider)
        .settings(|settings| settings.reply.total = Duration::from_millis(50))
        .start()
        .await;
    gate.pass(1);
    let answer = house
        .client()
        .await
        .post("/v1/chat/completions", STREAMED_COMPLETION)
        .await;
    assert!(answer.text().contains("stream_too_long"), "{}", answer.text());
    let books = house.books.clone();
    assert!(house.spent().await > 0);
    assert_eq!(books.settled()[0].outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_reply_whose_time_is_up_ends_though_there_is_more_at_hand() {
    let provider = Provider::start().await;
    provider.then(Reply::huge(64 * 1024 * 1024));
    let house = House::new(&provider)
        .settings(|settings| settings.reply.total = Duration::ZERO)
        .start()
        .await;
    let ask = STREAMED_COMPLETION.replace(r#""max_tokens":100,"#, "");
    let answer = house.client().await.post("/v1/chat/completions", ask).await;
    assert!(answer.text().contains("stream_too_long"));
    assert!(answer.body.len() < 1024 * 1024, "{}", answer.body.len());
    let books = house.books.clone();
    assert!(house.spent().await > 0);
    assert_eq!(books.settled()[0].outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_given_up() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["a", "b"]).gated(&gate));
    let house = House::new(&provider)
        .settings(|settings| settings.reply.idle = Duration::from_millis(50))
        .start()
        .await;
    gate.pass(1);
    let answer = house
        .client()
        .await
        .post("/v1/chat/completions", STREAMED_COMPLETION)
        .await;
    assert!(answer.text().contains("stream_silent"), "{}", answer.text());
    assert!(house.spent().await > 0);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up_and_pays_for_what_was_said() {
    let provider = Provider::start().await;
    provider.then(Reply::huge(64 * 1024 * 1024));
    let house = House::new(&provider)
        .settings(|settings| settings.client_stall = Duration::from_millis(100))
        .start()
        .await;
    let mut stream = tokio::net::TcpStream::connect(house.gateway.address()).await.unwrap();
    let ask = STREAMED_COMPLETION.replace(r#""max_tokens":100,"#, "");
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{ask}",
        house.key,
        ask.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut one = [0];
    stream.read_exact(&mut one).await.unwrap();
    assert_eq!(
        provider.received(0).await.ended().await,
        creel_testkit::provider::End::HungUp
    );
    let books = house.books.clone();
    assert!(house.spent().await > 10_000);
    assert_eq!(books.settled()[0].outcome, Outcome::Cut);
}

#[tokio::test]
async fn a_providers_own_refusal_comes_through_in_the_clients_style_and_costs_nothing() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    provider.then(Reply::status(400).saying("too hot", "bad_temperature"));
    let same = client.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(
        (same.status, &same.json()["error"]["code"]),
        (400, &json!("bad_temperature"))
    );
    provider.then(Reply::status(400).saying("too hot", "invalid_request_error"));
    let other = client.post("/v1/messages", COMPLETION).await;
    assert_eq!(other.status, 400);
    assert_eq!(
        other.json()["error"],
        json!({"type": "invalid_request_error", "message": "too hot"})
    );
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn a_providers_key_is_never_shown() {
    let provider = Provider::start().await;
    provider.require_key("another");
    let house = House::new(&provider).start().await;
    // The fake repeats the key that it refuses, as OpenAI does.
    let answer = house.client().await.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(answer.status, 502);
    assert!(!answer.text().contains("sk-provider-secret"), "{}", answer.text());
    assert_eq!(house.spent().await, 0);
}
