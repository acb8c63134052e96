//! What calls cost, whatever becomes of them and whatever providers say.

use std::sync::atomic::Ordering;

use creel_testkit::provider::{Gate, Provider, Reply};
use http_body_util::BodyExt as _;
use serde_json::json;

use super::{COMPLETION, House, STREAMED_COMPLETION, STREAMED_MESSAGE};
use crate::ledger::Outcome;
use crate::price::Multiplier;
use crate::settings::Unpriced;

#[tokio::test]
async fn out_of_credits_is_said_before_anything_is_sent() {
    let provider = Provider::start().await;
    let house = House::new(&provider).credits(50).start().await;
    let mut client = house.client().await;
    let openai = client.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(
        (openai.status, &openai.json()["error"]["type"]),
        (402, &json!("insufficient_quota"))
    );
    assert!(openai.text().contains("the credit balance"), "{}", openai.text());
    let anthropic = client.post("/v1/messages", COMPLETION.replace("m1", "c1")).await;
    assert_eq!(
        (anthropic.status, &anthropic.json()["error"]["type"]),
        (402, &json!("billing_error"))
    );
    assert_eq!(provider.requests().len(), 0);
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn every_reply_that_is_asked_for_is_reserved() {
    let provider = Provider::start().await;
    let house = House::new(&provider).credits(1_000).start().await;
    let mut client = house.client().await;
    let ask = |replies: &str| COMPLETION.replace("\"max_tokens\"", &format!("\"n\":{replies},\"max_tokens\""));
    assert_eq!(client.post("/v1/chat/completions", ask("9")).await.status, 200);
    for replies in ["10", "128", "1000000"] {
        assert_eq!(
            client.post("/v1/chat/completions", ask(replies)).await.status,
            402,
            "{replies}"
        );
    }
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_or_free_as_it_was_set() {
    let provider = Provider::start().await;
    for (unpriced, status) in [(Unpriced::Refuse, 403), (Unpriced::Free, 200)] {
        let mut house = House::new(&provider).settings(|settings| settings.unpriced = unpriced);
        let mut model = house.unlisted("m1");
        model.price = None;
        house.catalog.models.insert("m1".to_owned(), std::sync::Arc::new(model));
        let house = house.start().await;
        let answer = house.client().await.post("/v1/chat/completions", COMPLETION).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(house.spent().await, 0);
    }
}

#[tokio::test]
async fn whoever_pays_nothing_may_use_a_model_without_a_price() {
    let provider = Provider::start().await;
    let mut house = House::new(&provider).key(|key| key.user = None);
    let mut model = house.unlisted("m1");
    model.price = None;
    house.catalog.models.insert("m1".to_owned(), std::sync::Arc::new(model));
    let house = house.start().await;
    assert_eq!(
        house
            .client()
            .await
            .post("/v1/chat/completions", COMPLETION)
            .await
            .status,
        200
    );
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn cached_input_and_groups_have_their_prices() {
    let provider = Provider::start().await;
    provider.always(Reply::text("hi").usage(100, 10).cached(50));
    let mut house = House::new(&provider).key(|key| key.multiplier = Multiplier(500_000));
    let mut model = house.unlisted("m1");
    model.price = model.price.map(|price| crate::price::Price {
        cached_input: Some(100_000),
        ..price
    });
    house.catalog.models.insert("m1".to_owned(), std::sync::Arc::new(model));
    let house = house.start().await;
    assert_eq!(
        house
            .client()
            .await
            .post("/v1/chat/completions", COMPLETION)
            .await
            .status,
        200
    );
    // (50 + 50 / 10 + 10) / 2, rounded up.
    assert_eq!(house.spent().await, 33);
}

#[tokio::test]
async fn a_stream_of_messages_is_charged_at_both_ends() {
    let provider = Provider::start().await;
    provider.then(Reply::text("Hello.").usage(12, 5).cached(2).duplicate_usage());
    let house = House::new(&provider).start().await;
    let answer = house.client().await.post("/v1/messages", STREAMED_MESSAGE).await;
    assert_eq!(answer.status, 200);
    assert_eq!(house.spent().await, 17);
}

/// What a provider tells, and what is charged of it: prompt and completion.
async fn charged(usage: &str) -> (u64, u64, bool) {
    let provider = Provider::start().await;
    let body = format!(
        r#"{{"id":"x","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"finish_reason":"stop"}}]{usage}}}"#,
        "x".repeat(400)
    );
    provider.then(Reply::raw(200, "application/json", body));
    let house = House::new(&provider).start().await;
    assert_eq!(
        house
            .client()
            .await
            .post("/v1/chat/completions", COMPLETION)
            .await
            .status,
        200
    );
    let books = house.books.clone();
    house.spent().await;
    let usage = books.settled()[0].usage;
    (usage.prompt, usage.completion, usage.estimated)
}

#[tokio::test]
async fn providers_that_lie() {
    assert_eq!(
        charged(r#","usage":{"prompt_tokens":7,"completion_tokens":3}"#).await,
        (7, 3, false)
    );
    // By a tokenizer, and marked so.
    let counted = (8, 50, true);
    assert_eq!(charged("").await, counted);
    for lie in [
        r#","usage":{"prompt_tokens":-7,"completion_tokens":-3}"#,
        r#","usage":{"prompt_tokens":99999999999,"completion_tokens":1e300}"#,
        r#","usage":"none of your business""#,
        r#","usage":null"#,
    ] {
        assert_eq!(charged(lie).await, counted, "{lie}");
    }
    let twice =
        r#","usage":{"prompt_tokens":7,"completion_tokens":3},"usage":{"prompt_tokens":7,"completion_tokens":3}"#;
    assert_eq!(charged(twice).await, (7, 3, false));
}

#[tokio::test]
async fn a_client_that_goes_away_pays_for_what_was_said_and_the_provider_stops() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["four "; 40]).gated(&gate));
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let mut body = client
        .begin("/v1/chat/completions", STREAMED_COMPLETION)
        .await
        .into_body();
    gate.pass(30);
    let mut said = String::new();
    while said.matches("four").count() < 30 {
        let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
        said.push_str(std::str::from_utf8(&piece).unwrap());
    }
    drop((body, client));
    assert_eq!(
        provider.received(0).await.ended().await,
        creel_testkit::provider::End::HungUp
    );
    let books = house.books.clone();
    let spent = house.spent().await;
    let call = &books.settled()[0];
    assert_eq!(
        (call.outcome, call.usage.completion, call.usage.estimated),
        (Outcome::Cut, 31, true)
    );
    assert!(spent > 30, "the prompt is charged too");
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_answer_pays_for_its_prompt() {
    let provider = Provider::start().await;
    provider.then(Reply::hang());
    let house = House::new(&provider).start().await;
    let address = house.gateway.address();
    let mut client = super::Client::connect(address, &house.key).await;
    let asking = tokio::spawn(async move { client.post("/v1/chat/completions", COMPLETION).await.status });
    let asked = provider.received(0).await;
    asking.abort();
    assert_eq!(asked.ended().await, creel_testkit::provider::End::HungUp);
    let books = house.books.clone();
    let spent = house.spent().await;
    let call = &books.settled()[0];
    assert_eq!((call.outcome, call.usage.completion), (Outcome::Cut, 0));
    assert_eq!(spent, i64::try_from(call.usage.prompt).unwrap());
}

#[tokio::test]
async fn while_the_books_are_gone_calls_are_answered_or_refused_and_every_one_is_charged_once() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello.").usage(7, 3));
    let house = House::new(&provider).credits(2_000).start().await;
    let mut client = house.client().await;
    let mut answered = 0;
    let mut ask = async |tokens: u64| {
        let answer = client
            .post("/v1/chat/completions", COMPLETION.replace("100", &tokens.to_string()))
            .await;
        answered += i64::from(answer.status == 200);
        answer.status
    };
    assert_eq!(ask(100).await, 200);
    house.books.gone.store(true, Ordering::Relaxed);
    // What was set apart before covers small calls; it does not cover a large one, and nobody can say whether the credits do.
    for _ in 0..20 {
        assert_eq!(ask(1).await, 200);
    }
    assert_eq!(ask(1_900).await, 503);
    house.books.gone.store(false, Ordering::Relaxed);
    while ask(1_000).await == 503 {}
    let provider_heard = provider.requests().len();
    assert_eq!(house.spent().await, 10 * answered);
    assert_eq!(
        i64::try_from(provider_heard).unwrap(),
        answered,
        "what was refused was not sent"
    );
}

#[tokio::test]
async fn a_price_changed_in_the_middle_of_a_call_is_for_the_next_one() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["a", "b"]).usage(10, 2).gated(&gate));
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let body = client
        .begin("/v1/chat/completions", STREAMED_COMPLETION)
        .await
        .into_body();
    let catalog = house.gateway.catalog();
    catalog.store(std::sync::Arc::default());
    gate.pass(2);
    body.collect().await.unwrap();
    assert_eq!(house.spent().await, 12);
}
