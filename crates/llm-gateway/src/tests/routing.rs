//! Several providers for one model.

use creel_testkit::ports::Closed;
use creel_testkit::provider::{Provider, Reply};
use http_body_util::BodyExt as _;
use serde_json::json;

use super::harness::provider as at;
use super::{COMPLETION, House, STREAMED_COMPLETION};
use crate::style::Style;

#[tokio::test]
async fn the_next_provider_answers_when_one_fails() {
    for failure in [
        Reply::status(500),
        Reply::status(429),
        Reply::status(503),
        Reply::status(401),
    ] {
        let (first, second) = (Provider::start().await, Provider::start().await);
        first.always(failure);
        second.always(Reply::text("Second.").usage(5, 2));
        let mut house = House::new(&first);
        house.model(
            "m1",
            &[
                at("first", Style::Openai, &first.openai_url()),
                at("second", Style::Anthropic, &second.anthropic_url()),
            ],
        );
        let house = house.start().await;
        let answer = house.client().await.post("/v1/chat/completions", COMPLETION).await;
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "Second.");
        assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
        let books = house.books.clone();
        assert_eq!(house.spent().await, 7);
        assert_eq!(&*books.settled()[0].provider, "second");
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_passed_over() {
    let (gone, there) = (Closed::any(), Provider::start().await);
    let mut house = House::new(&there);
    house.model(
        "m1",
        &[
            at("gone", Style::Openai, &format!("http://{}/v1", gone.address())),
            at("there", Style::Openai, &there.openai_url()),
        ],
    );
    let house = house.start().await;
    let answer = house
        .client()
        .await
        .post("/v1/chat/completions", STREAMED_COMPLETION)
        .await;
    assert_eq!(answer.events().last().map(String::as_str), Some("[DONE]"));
}

#[tokio::test]
async fn a_provider_that_asks_for_a_pause_gets_it() {
    let (busy, free) = (Provider::start().await, Provider::start().await);
    busy.then(Reply::status(429).retry_after("30"));
    let mut house = House::new(&busy);
    house.model(
        "m1",
        &[
            at("busy", Style::Openai, &busy.openai_url()),
            at("free", Style::Openai, &free.openai_url()),
        ],
    );
    let house = house.start().await;
    let mut client = house.client().await;
    for _ in 0..3 {
        assert_eq!(client.post("/v1/chat/completions", COMPLETION).await.status, 200);
    }
    assert_eq!((busy.requests().len(), free.requests().len()), (1, 3));
}

#[tokio::test]
async fn a_pause_until_a_date_and_from_a_server_that_is_down_is_a_pause() {
    let date = std::time::SystemTime::now() + std::time::Duration::from_secs(3_600);
    for (status, after) in [(429, httpdate::fmt_http_date(date)), (503, "3600".to_owned())] {
        let (busy, free) = (Provider::start().await, Provider::start().await);
        busy.then(Reply::status(status).retry_after(&after));
        let mut house = House::new(&busy);
        house.model(
            "m1",
            &[
                at("busy", Style::Openai, &busy.openai_url()),
                at("free", Style::Openai, &free.openai_url()),
            ],
        );
        let model = std::sync::Arc::clone(&house.catalog.models["m1"]);
        let house = house.start().await;
        let mut client = house.client().await;
        let before = crate::clock::now_us();
        for _ in 0..3 {
            assert_eq!(client.post("/v1/chat/completions", COMPLETION).await.status, 200);
        }
        assert_eq!((busy.requests().len(), free.requests().len()), (1, 3), "{status}");
        let until = model.routes[0].provider.health.paused_until();
        assert!(
            until >= before + 60_000_000,
            "{status}: the longest pause, not a moment"
        );
    }
}

#[tokio::test]
async fn a_provider_that_has_no_such_model_is_passed_over() {
    let (without, with) = (Provider::start().await, Provider::start().await);
    without.always(Reply::status(404));
    let mut house = House::new(&without);
    let at = |name: &str, provider: &Provider| at(name, Style::Openai, &provider.openai_url());
    house.model("m1", &[at("without", &without), at("with", &with)]);
    house.model("gone", &[at("without", &without), at("neither", &without)]);
    let house = house.start().await;
    let mut client = house.client().await;
    assert_eq!(client.post("/v1/chat/completions", COMPLETION).await.status, 200);
    assert_eq!((without.requests().len(), with.requests().len()), (1, 1));
    let answer = client
        .post("/v1/chat/completions", COMPLETION.replace("m1", "gone"))
        .await;
    assert_eq!((answer.status, without.requests().len()), (404, 3), "{}", answer.text());
}

/// The head of an answer says little: a provider that gives up right behind it fails as one does that says 500.
#[tokio::test]
async fn a_provider_whose_replies_break_off_is_left_alone() {
    let whole = Reply::text("Hello.");
    let documents = Reply::raw(200, "application/json", "[]");
    for (broken, path, ask) in [
        (
            Reply::text("One").gives_up(),
            "/v1/chat/completions",
            STREAMED_COMPLETION,
        ),
        (
            Reply::text("One two three").cut_halfway(),
            "/v1/chat/completions",
            STREAMED_COMPLETION,
        ),
        (
            Reply::text("One two three").cut_halfway(),
            "/v1/messages",
            STREAMED_COMPLETION,
        ),
        (documents, "/v1/messages", COMPLETION),
    ] {
        let provider = Provider::start().await;
        let house = House::new(&provider);
        let model = std::sync::Arc::clone(&house.catalog.models["m1"]);
        let health = &model.routes[0].provider.health;
        let house = house.start().await;
        let ask = async |reply: &Reply| {
            provider.then(reply.clone());
            house
                .client()
                .await
                .begin(path, ask)
                .await
                .into_body()
                .collect()
                .await
                .ok();
        };
        for reply in [&broken, &broken, &whole, &broken, &broken] {
            ask(reply).await;
        }
        assert_eq!(health.paused_until(), 0, "three in a row it is");
        ask(&broken).await;
        assert!(health.paused_until() > 0, "{path}");
    }
}

#[tokio::test]
async fn no_more_providers_are_asked_than_a_call_has_attempts() {
    let failing = Provider::start().await;
    failing.always(Reply::status(500));
    let at = |name: &str| at(name, Style::Openai, &failing.openai_url());
    let mut house = House::new(&failing);
    house.model("m1", &["one", "two", "three", "four"].map(at));
    let house = house.start().await;
    let answer = house.client().await.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!((answer.status, failing.requests().len()), (502, 3), "{}", answer.text());
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_not_asked_again_elsewhere() {
    let (first, second) = (Provider::start().await, Provider::start().await);
    let mut house = House::new(&first);
    let at = |name: &str, provider: &Provider| at(name, Style::Openai, &provider.openai_url());
    house.model("m1", &[at("first", &first), at("second", &second)]);
    let house = house.start().await;
    for status in [400, 413, 422] {
        first.then(Reply::status(status));
        let answer = house.client().await.post("/v1/chat/completions", COMPLETION).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!((first.requests().len(), second.requests().len()), (3, 0));
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn when_all_are_busy_the_client_is_told_when_to_come_back() {
    let provider = Provider::start().await;
    provider.always(Reply::status(429).retry_after("7"));
    let house = House::new(&provider).start().await;
    let answer = house.client().await.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (429, &json!("providers_busy"))
    );
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn a_lone_provider_that_failed_in_passing_is_asked_again() {
    let provider = Provider::start().await;
    provider.then(Reply::status(500));
    let house = House::new(&provider).start().await;
    let answer = house.client().await.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!((answer.status, provider.requests().len()), (200, 2));
    let books = house.books.clone();
    house.spent().await;
    assert_eq!(books.settled().len(), 1, "one call, one entry");
}

#[tokio::test]
async fn connections_to_a_provider_are_used_again() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    for ask in [COMPLETION, STREAMED_COMPLETION].repeat(5) {
        assert_eq!(client.post("/v1/chat/completions", ask).await.status, 200);
    }
    assert_eq!(provider.connections(), 1);
}
