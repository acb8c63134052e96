//! What goes wrong at providers, and what becomes of it here.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use creel_llm::{Api, Client, Error, Kind, Options, Target};
use creel_testkit::ports::{self, Closed};
use creel_testkit::provider::{End, Gate, Provider, Reply};
use support::{APIS, ask, client, hello, options, target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Both APIs get this reply; the error must be this kind, and the provider asked so often.
async fn fails(reply: Reply, options: Options, kind: Kind, asked: usize) -> Error {
    let provider = Provider::start().await;
    provider.always(reply);
    let client = Client::new(options);
    let mut last = None;
    for api in APIS {
        let before = provider.requests().len();
        let error = ask(&client, &target(&provider, api), &hello()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{api:?}: {error}");
        assert_eq!(provider.requests().len() - before, asked, "{api:?}: {error}");
        let text = error.to_string();
        assert!(!text.contains('\n') && !text.contains("sk-test-key"), "{text}");
        last = Some(error);
    }
    last.unwrap()
}

/// Both APIs get this reply first, then a good one.
async fn recovers(reply: Reply, options: Options) {
    let provider = Provider::start().await;
    for api in APIS {
        provider.then(reply.clone()).reply("Here I am.");
        let heard = ask(&Client::new(options.clone()), &target(&provider, api), &hello())
            .await
            .unwrap();
        assert_eq!(heard.text(), "Here I am.");
    }
    assert_eq!(provider.requests().len(), 4);
}

#[tokio::test]
async fn a_wrong_key() {
    let provider = Provider::start().await;
    provider.require_key("sk-right-key");
    for api in APIS {
        let error = ask(&client(), &target(&provider, api), &hello()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (Kind::Unauthorized, Some(401)));
        assert!(!error.to_string().contains("sk-test-key"), "{error}");
        assert!(error.to_string().contains("Incorrect API key provided: ***"), "{error}");
    }
    assert_eq!(provider.requests().len(), 2, "a wrong key is not tried again");
}

#[tokio::test]
async fn rate_limits_are_waited_out_as_told() {
    // Without Retry-After the wait would be an hour.
    let patient = Options {
        base_backoff: Duration::from_secs(3_600),
        max_backoff: Duration::from_secs(3_600),
        ..options()
    };
    recovers(Reply::status(429).retry_after("0"), patient.clone()).await;
    recovers(Reply::status(429).retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), patient).await;
    recovers(Reply::status(429), options()).await;
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_told_to_the_caller() {
    let kind = Kind::RateLimited {
        retry_after: Some(Duration::from_secs(90)),
    };
    let error = fails(Reply::status(429).retry_after("90"), options(), kind, 1).await;
    assert!(error.to_string().ends_with("; try again in 90 s"), "{error}");
}

#[tokio::test]
async fn failures_that_pass_are_tried_again() {
    for status in [408, 500, 502, 503, 529] {
        recovers(Reply::status(status), options()).await;
    }
}

#[tokio::test]
async fn failures_that_stay_are_given_up() {
    fails(Reply::status(500), options(), Kind::Server, 3).await;
    fails(
        Reply::status(529),
        Options {
            retries: 1,
            ..options()
        },
        Kind::Overloaded,
        2,
    )
    .await;
    fails(
        Reply::status(503),
        Options {
            retries: 0,
            ..options()
        },
        Kind::Overloaded,
        1,
    )
    .await;
}

#[tokio::test]
async fn what_cannot_get_better_is_not_tried_again() {
    fails(Reply::status(400), options(), Kind::BadRequest, 1).await;
    fails(Reply::status(402), options(), Kind::OutOfCredits, 1).await;
    fails(Reply::status(404), options(), Kind::NotFound, 1).await;
    let quota = Reply::status(429).saying("You exceeded your current quota", "insufficient_quota");
    fails(quota, options(), Kind::OutOfCredits, 1).await;
    let long = Reply::status(400).saying("prompt is too long: 9 tokens > 8 maximum", "invalid_request_error");
    let error = fails(long, options(), Kind::ContextTooLong, 1).await;
    assert!(error.to_string().contains("9 tokens > 8 maximum"), "{error}");
}

#[tokio::test]
async fn redirects_are_not_followed_with_the_key() {
    fails(Reply::raw(307, "text/plain", ""), options(), Kind::NotFound, 1).await;
}

#[tokio::test]
async fn garbage() {
    fails(Reply::garbage(), options(), Kind::Garbage, 1).await;
    fails(
        Reply::raw(200, "text/event-stream", "data: {\"choices\": nonsense}\n\n"),
        options(),
        Kind::Garbage,
        1,
    )
    .await;
    fails(
        Reply::raw(200, "application/json", "{\"surprise\":"),
        options(),
        Kind::Garbage,
        1,
    )
    .await;
    fails(Reply::raw(200, "application/json", "{}"), options(), Kind::Garbage, 1).await;
    let error = fails(Reply::raw(200, "application/json", ""), options(), Kind::Garbage, 1).await;
    assert_eq!(error.detail(), "the reply is empty");
    let error = fails(
        Reply::raw(200, "text/html", "<html>Sign in</html>"),
        options(),
        Kind::Garbage,
        1,
    )
    .await;
    assert!(error.to_string().contains("base URL"), "{error}");
}

#[tokio::test]
async fn no_http_at_all() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let target = Target::new(Api::OpenaiCompletions, url, "m");
    let other = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await.unwrap();
        // Until the client has hung up.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let (client, request) = (client(), hello());
    let (error, ()) = tokio::join!(ask(&client, &target, &request), other);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), Kind::Garbage, "{error}");
    assert!(error.detail().contains("no HTTP"), "{error}");
}

#[tokio::test]
async fn half_a_stream_is_cut_and_never_replayed() {
    let reply = Reply::text("one two three four five six seven eight").cut_halfway();
    fails(reply.clone(), options(), Kind::Cut, 1).await;
    fails(reply.in_chunks_of(1), options(), Kind::Cut, 1).await;
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_first_event_is_tried_again() {
    recovers(Reply::raw(200, "text/event-stream", ""), options()).await;
    fails(
        Reply::raw(200, "text/event-stream", ": nothing\n\n"),
        options(),
        Kind::Cut,
        3,
    )
    .await;
}

#[tokio::test]
async fn silence_before_the_head() {
    let provider = Provider::start().await;
    provider.always(Reply::hang());
    let client = Client::new(Options {
        first_byte_timeout: Duration::from_millis(300),
        ..options()
    });
    for (n, api) in APIS.into_iter().enumerate() {
        let error = ask(&client, &target(&provider, api), &hello()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout, "{error}");
        // Where this machine stood still for so long, the question may not have come to be sent.
        assert!(provider.requests().len() <= n + 1, "{api:?}: it is not asked again");
    }
}

#[tokio::test]
async fn silence_in_the_midst() {
    let provider = Provider::start().await;
    let client = Client::new(Options {
        idle_timeout: Duration::from_millis(30),
        ..options()
    });
    for (n, api) in APIS.into_iter().enumerate() {
        let gate = Gate::closed();
        provider.then(Reply::pieces(["a", "b"]).gated(&gate));
        gate.pass(1);
        let error = ask(&client, &target(&provider, api), &hello()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout, "{error}");
        assert_eq!(provider.received(n).await.ended().await, End::HungUp);
    }
}

#[tokio::test]
async fn a_target_has_a_silence_of_its_own() {
    let (silent, provider) = (Provider::start().await, Provider::start().await);
    silent.always(Reply::hang());
    let hasty = Options {
        first_byte_timeout: Duration::from_millis(1),
        idle_timeout: Duration::from_millis(1),
        ..options()
    };
    for api in APIS {
        let short = Target {
            silence: Some(Duration::from_millis(30)),
            ..target(&silent, api)
        };
        let error = ask(&client(), &short, &hello()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout, "{error}");
        provider.then(Reply::pieces(["a", "b"]).paced(Duration::from_millis(20)));
        let long = Target {
            silence: Some(Duration::from_secs(60)),
            ..target(&provider, api)
        };
        assert_eq!(
            ask(&Client::new(hasty.clone()), &long, &hello()).await.unwrap().text(),
            "ab"
        );
    }
}

#[tokio::test]
async fn a_reply_of_fifty_megabytes() {
    const MEGABYTES: usize = 1024 * 1024;
    let small = Options {
        max_reply_bytes: 2 * MEGABYTES as u64,
        ..options()
    };
    fails(Reply::huge(50 * MEGABYTES), small.clone(), Kind::TooLarge, 1).await;
    fails(
        Reply::huge(3 * MEGABYTES).as_document(),
        small.clone(),
        Kind::TooLarge,
        1,
    )
    .await;
    // One line that never ends.
    fails(
        Reply::raw(200, "text/event-stream", vec![b'x'; 3 * MEGABYTES]),
        small,
        Kind::TooLarge,
        1,
    )
    .await;
}

#[tokio::test]
async fn nobody_there() {
    let closed = Closed::any();
    for api in APIS {
        let target = Target::new(api, format!("http://{}/v1", closed.address()), "m1");
        let error = ask(&client(), &target, &hello()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Connect);
        assert!(error.to_string().contains("refused"), "{error}");
    }
}

#[tokio::test]
async fn a_provider_that_comes_back_is_found_again() {
    // None that the kernel would give to somebody else meanwhile.
    let address = SocketAddr::from(([127, 0, 0, 1], ports::range()));
    let (client, provider) = (client(), Provider::start_at(address));
    let target = target(&provider, APIS[0]);
    ask(&client, &target, &hello()).await.unwrap();
    provider.stop().await;
    let provider = Provider::start_at(address);
    ask(&client, &target, &hello()).await.unwrap();
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn an_address_that_is_none() {
    for url in ["", "api.example.com/v1", "ftp://example.com"] {
        let target = Target::new(Api::OpenaiCompletions, url, "m");
        let error = ask(&client(), &target, &hello()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::BadRequest);
        assert!(error.to_string().contains("base URL"), "{error}");
    }
}
