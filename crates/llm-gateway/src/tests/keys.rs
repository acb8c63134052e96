//! Virtual keys: who may do what, and how often.

use std::time::Duration;

use creel_testkit::provider::{Gate, Provider, Reply};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::harness::provider;
use super::{COMPLETION, Client, House, STREAMED_COMPLETION};
use crate::catalog::Limits;
use crate::style::Style;

#[tokio::test]
async fn only_a_known_key_gets_in() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut stranger = Client::connect(house.gateway.address(), "sk-creel-stranger").await;
    let openai = stranger.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(
        (openai.status, &openai.json()["error"]["code"]),
        (401, &json!("invalid_api_key"))
    );
    let anthropic = stranger.post("/v1/messages", COMPLETION).await;
    assert_eq!(
        (anthropic.status, &anthropic.json()["error"]["type"]),
        (401, &json!("authentication_error"))
    );
    assert_eq!(provider.requests().len(), 0);
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn a_key_that_has_expired_gets_nothing() {
    let provider = Provider::start().await;
    let house = House::new(&provider).key(|key| key.expires_at = Some(0)).start().await;
    let answer = house.client().await.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (401, &json!("expired_api_key"))
    );
}

/// The books of this house begin in 1970; this machine's clock is decades ahead of them.
#[tokio::test]
async fn a_key_expires_by_the_clock_of_the_books() {
    const AT: i64 = 3_600_000;
    let provider = Provider::start().await;
    let house = House::new(&provider)
        .credits(i64::from(u32::MAX))
        .key(|key| key.expires_at = Some(AT))
        .start()
        .await;
    let mut client = house.client().await;
    let before = client.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(before.status, 200, "{}", before.text());
    house.books.set_time(AT);
    // It is learnt with the next dealing.
    let expired = async {
        loop {
            let answer = client.post("/v1/chat/completions", COMPLETION).await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), expired).await.unwrap();
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (401, &json!("expired_api_key"))
    );
    assert_eq!(client.get("/v1/models", &[]).await.status, 401);
}

#[tokio::test]
async fn models_and_names_of_its_own() {
    let provider = Provider::start().await;
    let house = House::new(&provider)
        .key(|key| {
            key.models = Some(["m1".to_owned()].into());
            key.aliases = [
                ("fast".to_owned(), "m1".to_owned()),
                ("clever".to_owned(), "c1".to_owned()),
            ]
            .into();
        })
        .start()
        .await;
    let mut client = house.client().await;
    for (name, status) in [("m1", 200), ("fast", 200), ("c1", 403), ("clever", 403), ("none", 403)] {
        let answer = client
            .post("/v1/chat/completions", COMPLETION.replace("m1", name))
            .await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }
    let asked: Vec<_> = provider
        .requests()
        .iter()
        .map(|asked| asked.json()["model"].clone())
        .collect();
    assert_eq!(asked, ["m1", "m1"], "the provider hears its own name of the model");
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back_and_cost_nothing() {
    let provider = Provider::start().await;
    provider.always(Reply::text("hi").usage(1, 1));
    let limits = Limits {
        requests_per_minute: Some(2),
        tokens_per_minute: None,
    };
    let house = House::new(&provider).key(|key| key.limits = limits).start().await;
    let mut client = house.client().await;
    for status in [200, 200, 429] {
        let answer = client.post("/v1/chat/completions", COMPLETION).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        let wait = answer
            .headers
            .get("retry-after")
            .map(|wait| wait.to_str().unwrap().parse::<u64>().unwrap());
        assert_eq!(wait.is_some_and(|wait| (1..=30).contains(&wait)), status == 429);
    }
    assert_eq!(house.spent().await, 4);
}

#[tokio::test]
async fn tokens_a_minute_count_what_was_used_not_what_was_feared() {
    let provider = Provider::start().await;
    provider.then(Reply::text("hi").usage(1, 1));
    // So much that what comes back in half a minute is not enough for a third call.
    provider.always(Reply::text("hi").usage(60, 60));
    let limits = Limits {
        requests_per_minute: None,
        tokens_per_minute: Some(150),
    };
    let house = House::new(&provider).key(|key| key.limits = limits).start().await;
    let mut client = house.client().await;
    // Each may use 100 and some; together they do not.
    for _ in 0..2 {
        assert_eq!(client.post("/v1/chat/completions", COMPLETION).await.status, 200);
    }
    let answer = client.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (429, &json!("rate_limit_tokens"))
    );
}

fn tokens(per_minute: u64) -> Limits {
    Limits {
        requests_per_minute: None,
        tokens_per_minute: Some(per_minute),
    }
}

#[tokio::test]
async fn tokens_beyond_those_that_were_feared_count_too() {
    let provider = Provider::start().await;
    // So much that what comes back in a minute is not enough for another call.
    provider.always(Reply::text("hi").usage(10, 50_000));
    let house = House::new(&provider).key(|key| key.limits = tokens(500)).start().await;
    let mut client = house.client().await;
    let ask = COMPLETION.replace(",\"max_tokens\":100", "");
    assert_eq!(client.post("/v1/chat/completions", ask.clone()).await.status, 200);
    assert_eq!(client.post("/v1/chat/completions", ask.clone()).await.status, 429);
}

#[tokio::test]
async fn tokens_of_a_call_that_was_not_sent_do_not_count() {
    let provider = Provider::start().await;
    let house = House::new(&provider).key(|key| key.limits = tokens(500)).start().await;
    let mut client = house.client().await;
    // Its provider gives one reply at a time, which is known only when the request is to be written.
    let refused = COMPLETION
        .replace("m1", "c1")
        .replace("\"max_tokens\":100", "\"max_tokens\":200,\"n\":2");
    for _ in 0..5 {
        let answer = client.post("/v1/chat/completions", refused.clone()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    assert_eq!(client.post("/v1/chat/completions", COMPLETION).await.status, 200);
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn a_key_revoked_in_the_middle_of_a_stream_ends_it_and_pays_for_what_it_had() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["four", "four", "four"]).gated(&gate));
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let mut body = client
        .begin("/v1/chat/completions", STREAMED_COMPLETION)
        .await
        .into_body();
    gate.pass(1);
    let mut said = String::new();
    while !said.contains("four") {
        let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
        said.push_str(std::str::from_utf8(&piece).unwrap());
    }
    revoke(&house);
    gate.pass(2);
    let rest = body.collect().await.unwrap().to_bytes();
    let rest = std::str::from_utf8(&rest).unwrap();
    assert!(rest.contains("revoked") && !rest.contains("[DONE]"), "{rest}");
    assert_eq!(client.post("/v1/chat/completions", COMPLETION).await.status, 401);
    let call = settled(house).await;
    assert!(call.estimated && call.completion >= 1, "{call:?}");
}

#[tokio::test]
async fn a_key_revoked_while_its_request_comes_sends_nothing() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut stream = tokio::net::TcpStream::connect(house.gateway.address()).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\nexpect: 100-continue\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        house.key,
        COMPLETION.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It is asked for when the key was found good.
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    revoke(&house);
    stream.write_all(COMPLETION.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 401") && answer.contains("revoked"),
        "{answer}"
    );
    assert_eq!(provider.requests().len(), 0);
    assert_eq!(house.spent().await, 0);
}

#[tokio::test]
async fn a_key_revoked_before_a_reply_is_told_in_another_style_gets_none_of_it() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::text("the secret").usage(7, 3).gated(&gate));
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let ask = COMPLETION.replace("m1", "c1");
    let asked = async {
        while provider.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        revoke(&house);
        gate.open();
    };
    let (answer, ()) = tokio::join!(client.post("/v1/chat/completions", ask), asked);
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (401, &json!("invalid_api_key"))
    );
    assert_eq!(house.spent().await, 10, "the provider has answered");
}

fn revoke(house: &super::harness::Running) {
    for key in house.gateway.catalog().load().keys.values() {
        key.state.revoke();
    }
}

async fn settled(house: super::harness::Running) -> crate::ledger::Usage {
    let books = house.books.clone();
    assert!(house.spent().await > 0);
    books.settled()[0].usage
}

#[tokio::test]
async fn a_name_with_a_slash_is_found_encoded_or_not() {
    let fake = Provider::start().await;
    let mut house = House::new(&fake);
    house.model("of/somebody", &[provider("openai", Style::Openai, &fake.openai_url())]);
    let house = house.start().await;
    let mut client = house.client().await;
    for path in ["/v1/models/of/somebody", "/v1/models/of%2Fsomebody"] {
        let model = client.get(path, &[]).await;
        assert_eq!(
            (model.status, &model.json()["id"]),
            (200, &json!("of/somebody")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_name_that_none_may_have_is_not_looked_for() {
    let provider = Provider::start().await;
    let mut house = House::new(&provider);
    let mut any = super::harness::provider("any", crate::style::Style::Openai, &provider.openai_url());
    any.any_model = true;
    house.catalog.providers.insert("any".to_owned(), any.into());
    let house = house.start().await;
    let mut client = house.client().await;
    assert_eq!(client.get("/v1/models/other", &[]).await.status, 200);
    for name in [String::new(), "m".repeat(513), "%1b[31mred".to_owned()] {
        let answer = client.get(&format!("/v1/models/{name}"), &[]).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
}

#[tokio::test]
async fn the_head_of_an_answer_can_be_asked_for() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    for path in ["/health", "/v1/models", "/v1/models/m1"] {
        let whole = client.get(path, &[]).await;
        let head = client.ask(http::Method::HEAD, path).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.headers["content-length"], whole.body.len().to_string().as_str());
        let refused = client.ask(http::Method::DELETE, path).await;
        assert_eq!(
            (refused.status, &refused.headers["allow"]),
            (405, &"GET, HEAD".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn the_list_of_models_is_in_the_askers_style() {
    let provider = Provider::start().await;
    let house = House::new(&provider).start().await;
    let mut client = house.client().await;
    let openai = client.get("/v1/models", &[]).await.json();
    assert_eq!(
        (&openai["object"], &openai["data"][0]["id"]),
        (&json!("list"), &json!("c1"))
    );
    let anthropic = client
        .get("/v1/models", &[("anthropic-version", "2023-06-01")])
        .await
        .json();
    assert_eq!(
        (&anthropic["has_more"], &anthropic["data"][1]["id"]),
        (&json!(false), &json!("m1"))
    );
    assert_eq!(client.get("/v1/models/m1", &[]).await.status, 200);
    assert_eq!(client.get("/v1/models/none", &[]).await.status, 404);
    assert_eq!(client.get("/health", &[]).await.json()["ok"], true);
    assert_eq!(client.get("/nothing", &[]).await.status, 404);
}
