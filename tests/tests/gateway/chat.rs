//! A message in, a reply out.

use creel_testkit::provider::{End, Gate, Provider, Reply};
use creel_tests::gateway::{API_KEY, Gateway};
use creel_tests::wait::within;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn an_answer_has_exactly_the_promised_shape() {
    let provider = Provider::start().await;
    provider.then(Reply::text("Hello there.").usage(12, 3));
    let gateway = Gateway::of(&provider).await;
    let answer = gateway.chat_in("s1", "hi").await;
    let usage = json!({"input_tokens": 12, "output_tokens": 3});
    assert_eq!(
        answer,
        json!({"session_id": "s1", "reply": "Hello there.", "model": "fake/m1", "usage": usage})
    );
}

#[tokio::test]
async fn a_stream_is_its_deltas_and_then_the_whole_answer() {
    let provider = Provider::start().await;
    provider.reply("Hello there.");
    let gateway = Gateway::of(&provider).await;
    let mut events = gateway.stream_in("s1", "hi").await;
    assert_eq!([events.delta().await, events.delta().await], ["Hello ", "there."]);
    let usage = json!({"input_tokens": 10, "output_tokens": 2});
    let whole = json!({"session_id": "s1", "reply": "Hello there.", "model": "fake/m1", "usage": usage});
    assert_eq!(events.last("done").await, whole);
}

#[tokio::test]
async fn a_delta_does_not_wait_for_the_next_one() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["one ", "two ", "three"]).gated(&gate));
    let gateway = Gateway::of(&provider).await;
    let mut events = gateway.stream("count").await;
    for delta in ["one ", "two ", "three"] {
        gate.pass(1);
        assert_eq!(events.delta().await, delta);
    }
    assert_eq!(events.last("done").await["reply"], "one two three");
}

#[tokio::test]
async fn a_reader_who_goes_away_cancels_the_model_call() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::pieces(["half ", "and never more"]).gated(&gate));
    let gateway = Gateway::of(&provider).await;
    let mut events = gateway.stream_in("s1", "hi").await;
    gate.pass(1);
    assert_eq!(events.delta().await, "half ");
    drop(events);
    assert_eq!(within("hang-up", provider.received(0).await.ended()).await, End::HungUp);
    assert_eq!(gateway.messages_are("s1", 2).await, ["user: hi", "assistant: half "]);
    let kept = gateway.get("/api/v1/sessions/s1").await.ok();
    assert_eq!(kept["messages"][1]["stop"], "cancelled");
}

#[tokio::test]
async fn who_waits_for_a_whole_answer_can_go_away_too() {
    let provider = Provider::start().await;
    provider.then(Reply::hang());
    let gateway = Gateway::of(&provider).await;
    tokio::select! {
        answer = gateway.ask(json!({"message": "hi"})).into_future() => panic!("{answer:?}"),
        _ = provider.received(0) => {}
    }
    assert_eq!(within("hang-up", provider.received(0).await.ended()).await, End::HungUp);
    gateway
        .eventually(
            "cancelled turn",
            |gateway| gateway.get("/metrics"),
            |metrics| {
                metrics
                    .text
                    .contains("creel_gateway_turns_total{result=\"cancelled\"} 1")
            },
        )
        .await;
}

#[tokio::test]
async fn turns_of_one_session_wait_in_line() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider
        .then(Reply::text("first").gated(&gate))
        .reply("second")
        .reply("third");
    let gateway = Gateway::of(&provider).await;
    let mut all = Vec::new();
    for message in ["one", "two", "three"] {
        all.push(gateway.stream_in("s1", message).await);
    }
    within("the first model call", provider.received(0)).await;
    assert_eq!(provider.requests().len(), 1);
    gate.open();
    for (events, reply) in all.into_iter().zip(["first", "second", "third"]) {
        assert_eq!(events.last("done").await["reply"], reply);
    }
    let told = provider.received(2).await.json()["messages"].as_array().map(Vec::len);
    assert_eq!(told, Some(1 + 5), "the prompt, and two turns and a message");
}

#[tokio::test]
async fn turns_of_different_sessions_do_not_wait() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.always(Reply::text("done").gated(&gate));
    let gateway = Gateway::of(&provider).await;
    let (one, two) = (gateway.stream_in("s1", "hi").await, gateway.stream_in("s2", "hi").await);
    within("both model calls", provider.received(1)).await;
    gate.open();
    assert_eq!(
        [
            one.last("done").await["reply"].clone(),
            two.last("done").await["reply"].clone()
        ],
        ["done", "done"]
    );
}

#[tokio::test]
async fn a_line_that_is_too_long_is_refused() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.always(Reply::text("done").gated(&gate));
    let gateway = Gateway::of(&provider).await;
    let mut waiting = Vec::new();
    for _ in 0..33 {
        waiting.push(gateway.stream_in("s1", "hi").await);
    }
    let one_too_many = gateway.ask(json!({"message": "hi", "session_id": "s1"})).await;
    assert_eq!(one_too_many.problem(), (409, "session_busy".into()));
    assert_eq!(one_too_many.header("retry-after"), "1");
    within("the first model call", provider.received(0)).await;
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn a_conversation_goes_on_where_it_was() {
    let provider = Provider::start().await;
    provider.reply("Nice to meet you.").reply("You are Ada.");
    let gateway = Gateway::of(&provider).await;
    let session = gateway.chat("I am Ada.").await["session_id"]
        .as_str()
        .expect("a session id")
        .to_owned();
    gateway.chat_in(&session, "Who am I?").await;
    let told = provider.received(1).await.json();
    let texts: Vec<_> = told["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .skip(1)
        .map(|message| &message["content"])
        .collect();
    assert_eq!(texts, ["I am Ada.", "Nice to meet you.", "Who am I?"]);
}

#[tokio::test]
async fn the_workspace_says_who_answers() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    let workspace = gateway.state_dir().join("workspace");
    std::fs::create_dir_all(workspace.join("agent")).expect("the workspace can be written");
    std::fs::write(workspace.join("agent/IDENTITY.md"), "You are Lobster.").expect("the workspace can be written");
    gateway.chat("hi").await;
    let prompt = provider.received(0).await.json()["messages"][0].clone();
    assert_eq!(prompt["role"], "system");
    assert!(
        prompt["content"]
            .as_str()
            .is_some_and(|text| text.contains("You are Lobster.")),
        "{prompt}"
    );
}

#[tokio::test]
async fn providers_that_speak_as_anthropic_does() {
    let provider = Provider::start().await;
    provider.reply("Hello there.");
    let claude = json!({"baseUrl": provider.anthropic_url(), "api": "anthropic-messages", "apiKey": API_KEY});
    let models = json!({"models": {"providers": {"claude": claude}}, "agents": {"defaults": {"model": "claude/opus"}}});
    let gateway = Gateway::builder().config(models).start().await;
    let answer = gateway.chat("hi").await;
    assert_eq!([&answer["reply"], &answer["model"]], ["Hello there.", "claude/opus"]);
    assert_eq!(provider.received(0).await.header("x-api-key"), API_KEY);
}

#[tokio::test]
async fn a_client_can_choose_the_model() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    let answer = gateway.ask(json!({"message": "hi", "model": "fake/m2"})).await.ok();
    assert_eq!(answer["model"], "fake/m2");
    assert_eq!(provider.received(0).await.json()["model"], "m2");
}

#[tokio::test]
async fn a_model_of_a_provider_that_is_not_there_is_said_and_not_passed_on() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    let refused = gateway.ask(json!({"message": "hi", "model": "nobody/m1"})).await;
    assert_eq!(refused.problem(), (404, "model_not_found".into()));
    assert!(refused.text.contains("there is no provider nobody"), "{refused:?}");
    assert_eq!(provider.requests().len(), 0);
}

#[tokio::test]
async fn bad_requests_get_one_clear_line_and_change_nothing() {
    let provider = Provider::start().await;
    let two = json!({"models": {"providers": {"other": {"baseUrl": "http://127.0.0.1:1/v1"}}}});
    let gateway = Gateway::builder().provider(&provider).config(two).start().await;
    let slip = gateway.ask(json!({"message": "hi", "sessionId": "s1"})).await;
    assert!(slip.text.contains("sessionId: is not known here"), "{slip:?}");
    let broken = gateway.call(Method::POST, "/api/v1/chat").body("{\"message\": ").await;
    assert_eq!(broken.problem(), (400, "bad_request".into()));
    assert!(broken.text.contains("line 1 column 12"), "{broken:?}");
    for (request, problem) in [
        (json!({"message": 7}), (400, "bad_request")),
        (json!({}), (400, "bad_request")),
        (json!({"message": "hi", "sessionId": "s1"}), (400, "bad_request")),
        (json!({"message": "  "}), (422, "invalid_value")),
        (
            json!({"message": "hi", "session_id": "../../etc/passwd"}),
            (422, "invalid_value"),
        ),
        (
            json!({"message": "hi", "session_id": "x".repeat(129)}),
            (422, "invalid_value"),
        ),
        (json!({"message": "hi", "model": "nobody/m1"}), (404, "model_not_found")),
    ] {
        let (status, code) = gateway.ask(request.clone()).await.problem();
        assert_eq!((status, code.as_str()), problem, "{request}");
    }
    assert_eq!(
        gateway.get("/api/v1/nothing").await.problem(),
        (404, "not_found".into())
    );
    assert_eq!(
        gateway.get("/api/v1/chat").await.problem(),
        (405, "method_not_allowed".into())
    );
    assert_eq!(provider.requests().len(), 0);
    assert_eq!(gateway.get("/api/v1/sessions").await.ok(), json!({"sessions": []}));
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::text("at last").gated(&gate));
    let heartbeat = json!({"gateway": {"websocket": {"heartbeat": 10}}});
    let gateway = Gateway::builder().provider(&provider).config(heartbeat).start().await;
    let mut events = gateway.stream("hi").await;
    events.comment().await;
    gate.open();
    assert_eq!(events.last("done").await["reply"], "at last");
}
