//! However a reply is cut, packed and labelled on its way, it is the same reply; and it is passed on at once.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use creel_llm::{Event, Kind};
use creel_testkit::provider::{End, Gate, Provider, Reply};
use futures_util::StreamExt as _;
use support::{APIS, ask, client, hello, target};

const TEXT: &str = "Ein Körbchen 🦞 für 你好 — naïve.";

/// Sends the text as `change` has it, through both APIs.
async fn arrives(change: impl Fn(Reply) -> Reply) {
    let provider = Provider::start().await;
    for api in APIS {
        provider.then(change(
            Reply::text(TEXT).and_tool_call("f", r#"{"naïve":"🦞"}"#).usage(5, 6),
        ));
        let heard = ask(&client(), &target(&provider, api), &hello()).await.unwrap();
        assert_eq!(heard.text(), TEXT, "{api:?}");
        assert_eq!(heard.calls[0].arguments, r#"{"naïve":"🦞"}"#, "{api:?}");
        assert_eq!(heard.usage.unwrap().output_tokens, 6, "{api:?}");
    }
}

#[tokio::test]
async fn in_chunks_of_one_byte() {
    arrives(|reply| reply.in_chunks_of(1)).await;
}

#[tokio::test]
async fn in_chunks_that_split_characters_and_line_ends() {
    for size in [2, 3, 5, 7, 64] {
        arrives(|reply| reply.in_chunks_of(size).with_crlf()).await;
    }
}

#[tokio::test]
async fn with_crlf() {
    arrives(Reply::with_crlf).await;
}

#[tokio::test]
async fn without_media_type() {
    arrives(Reply::without_media_type).await;
}

#[tokio::test]
async fn as_a_document_although_a_stream_was_asked_for() {
    arrives(Reply::as_document).await;
    arrives(|reply| reply.as_document().without_media_type().in_chunks_of(10)).await;
}

#[tokio::test]
async fn each_piece_is_passed_on_before_the_next_one_is_there() {
    let provider = Provider::start().await;
    for api in APIS {
        let gate = Gate::closed();
        provider.then(Reply::pieces(["a", "b", "c"]).gated(&gate));
        gate.pass(1);
        let mut reply = client().stream(&target(&provider, api), &hello()).await.unwrap();
        for piece in ["a", "b", "c"] {
            assert_eq!(reply.next().await, Some(Ok(Event::Text(piece.into()))));
            gate.pass(1);
        }
        assert!(matches!(reply.next().await, Some(Ok(Event::Finish { .. }))));
        assert_eq!(reply.next().await, None);
        assert_eq!(reply.next().await, None);
    }
}

#[tokio::test]
async fn dropping_the_stream_hangs_up() {
    let provider = Provider::start().await;
    for (n, api) in APIS.into_iter().enumerate() {
        let gate = Gate::closed();
        provider.then(Reply::pieces(["a", "b"]).gated(&gate));
        gate.pass(1);
        let mut reply = client().stream(&target(&provider, api), &hello()).await.unwrap();
        assert_eq!(reply.next().await, Some(Ok(Event::Text("a".into()))));
        drop(reply);
        assert_eq!(provider.received(n).await.ended().await, End::HungUp);
    }
}

#[tokio::test]
async fn dropping_the_call_hangs_up_too() {
    let provider = Provider::start().await;
    provider.then(Reply::hang());
    let call = tokio::spawn({
        let target = target(&provider, APIS[0]);
        async move { client().stream(&target, &hello()).await }
    });
    let request = provider.received(0).await;
    call.abort();
    assert_eq!(request.ended().await, End::HungUp);
}

#[tokio::test]
async fn an_error_after_text_comes_after_the_text() {
    let provider = Provider::start().await;
    for (api, kind) in APIS.into_iter().zip([Kind::Server, Kind::Overloaded]) {
        provider.then(Reply::pieces(["a", "b"]).gives_up());
        let mut reply = client().stream(&target(&provider, api), &hello()).await.unwrap();
        assert_eq!(reply.next().await, Some(Ok(Event::Text("a".into()))));
        assert_eq!(reply.next().await, Some(Ok(Event::Text("b".into()))));
        assert_eq!(reply.next().await.unwrap().unwrap_err().kind(), kind);
        assert_eq!(reply.next().await, None);
    }
    assert_eq!(
        provider.requests().len(),
        2,
        "a reply that has begun is not asked for again"
    );
}
