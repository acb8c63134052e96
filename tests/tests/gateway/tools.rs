//! What a model may do during a turn.

use std::io::ErrorKind;

use creel_testkit::ports;
use creel_testkit::provider::{Exchange, Provider, Reply};
use creel_tests::gateway::{API_KEY, Gateway, TOKEN};
use creel_tests::mcp;
use creel_tests::wait::within;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The results of tools that the model was told in a request.
fn results(request: &Exchange) -> Vec<String> {
    let messages = request.json()["messages"].as_array().cloned().unwrap_or_default();
    let results = messages.iter().filter(|message| message["role"] == "tool");
    results
        .map(|message| message["content"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn with_tools(provider: &Provider) -> Gateway {
    let servers = json!({"mcp": {"servers": {"box": mcp::stdio()}}});
    let gateway = Gateway::builder()
        .provider(provider)
        .config(servers)
        .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
        .env("OPENAI_API_KEY", API_KEY)
        .start()
        .await;
    gateway.log().lines_with(mcp::CONNECTED, 1).await;
    gateway
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_told() {
    let provider = Provider::start().await;
    provider
        .tool_call("box__echo", r#"{"text":"ping"}"#)
        .reply("It said ping.");
    let gateway = with_tools(&provider).await;
    let events = gateway.stream_in("s1", "Try the echo.").await.rest().await;
    let seen: Vec<_> = events
        .iter()
        .map(|event| (event.name.as_str(), event.json()))
        .take(2)
        .collect();
    let tool = |status: &str| ("tool", json!({"name": "box__echo", "status": status}));
    assert_eq!(seen, [tool("running"), tool("done")]);
    assert_eq!(
        events.last().map(|done| done.json()["reply"].clone()),
        Some(json!("It said ping."))
    );
    let offered = provider.received(0).await.json()["tools"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let names: Vec<_> = offered
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap_or_default())
        .collect();
    assert!(
        names.contains(&"box__echo") && names.contains(&"memory_read"),
        "{names:?}"
    );
    assert_eq!(results(&*provider.received(1).await), ["ping"]);
    assert_eq!(
        gateway.messages("s1").await,
        [
            "user: Try the echo.",
            "assistant: ",
            "tool: ping",
            "assistant: It said ping."
        ]
    );
}

#[tokio::test]
async fn no_two_tools_have_one_name() {
    let provider = Provider::start().await;
    provider.tool_call("memory_read", "{}");
    let gateway = Gateway::builder()
        .provider(&provider)
        .config(json!({"mcp": {"servers": {"a.b": mcp::stdio(), "a_b": mcp::stdio()}}}))
        .start()
        .await;
    gateway.log().lines_with(mcp::CONNECTED, 2).await;
    let theirs = json!({"type": "function", "function": {"name": "memory_read"}});
    let request = json!({"messages": [{"role": "user", "content": "What do you know?"}], "tools": [theirs]});
    let answer = gateway.post("/v1/chat/completions", &request).await.ok();
    // The call of such a name is the client's.
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    let asked = provider.received(0).await.json();
    let offered = asked["tools"].as_array().expect("tools are offered").iter();
    let mut names: Vec<_> = offered.map(|tool| tool["function"]["name"].to_string()).collect();
    assert!(names.contains(&"\"a_b__echo\"".to_owned()), "{names:?}");
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}

#[tokio::test]
async fn tools_of_one_reply_run_side_by_side() {
    let provider = Provider::start().await;
    let both = Reply::tool_call("box__meet", r#"{"name":"Ada"}"#).and_tool_call("box__meet", r#"{"name":"Bob"}"#);
    provider.then(both).reply("They met.");
    let gateway = with_tools(&provider).await;
    gateway.chat("Let them meet.").await;
    assert_eq!(
        results(&*provider.received(1).await),
        ["Ada has met somebody", "Bob has met somebody"]
    );
}

#[tokio::test]
async fn a_tool_that_fails_is_the_models_to_deal_with() {
    let provider = Provider::start().await;
    let calls = Reply::tool_call("box__fail", "{}")
        .and_tool_call("box__nothing", "{}")
        .and_tool_call("box__echo", "{broken");
    provider.then(calls).reply("Never mind.");
    let gateway = with_tools(&provider).await;
    let events = gateway.stream("Try.").await.rest().await;
    let failed = events
        .iter()
        .filter(|event| event.name == "tool" && event.json()["status"] == "failed")
        .count();
    assert_eq!(failed, 2, "of those that there are: {events:?}");
    let told = results(&*provider.received(1).await);
    assert_eq!(told[0], "this tool always fails");
    assert_eq!(told[1], "there is no tool named box__nothing");
    assert!(told[2].starts_with("arguments: "), "{told:?}");
}

#[tokio::test]
async fn a_server_that_dies_is_started_again() {
    let provider = Provider::start().await;
    provider
        .tool_call("box__die", "{}")
        .reply("Oh.")
        .tool_call("box__echo", r#"{"text":"again"}"#)
        .reply("It lives.");
    let gateway = with_tools(&provider).await;
    assert_eq!(gateway.chat("Die.").await["reply"], "Oh.");
    gateway.log().lines_with(mcp::CONNECTED, 2).await;
    assert_eq!(gateway.chat("Live.").await["reply"], "It lives.");
    assert_eq!(results(&*provider.received(3).await), ["again"]);
}

#[tokio::test]
async fn a_server_that_cannot_be_started_costs_no_turn() {
    let provider = Provider::start().await;
    let servers =
        json!({"mcp": {"servers": {"gone": {"command": "/no/such/program"}, "dumb": {"command": "/bin/true"}}}});
    let gateway = Gateway::builder().provider(&provider).config(servers).start().await;
    gateway.chat("hi").await;
    for server in ["gone", "dumb"] {
        gateway
            .log()
            .line_with(&format!("without its tools until it is back server={server}"))
            .await;
    }
}

#[tokio::test]
async fn a_list_of_tools_without_an_end_fills_no_memory_and_costs_no_turn() {
    let provider = Provider::start().await;
    let mut server = mcp::stdio();
    server["env"]["ENDLESS"] = json!("1");
    let servers = json!({"mcp": {"servers": {"box": server}}});
    let gateway = Gateway::builder().provider(&provider).config(servers).start().await;
    gateway.log().line_with("its list of tools has no end").await;
    gateway.chat("hi").await;
    let offered = provider.received(0).await.json()["tools"].to_string();
    assert!(
        !offered.contains("box__") && offered.contains("memory_read"),
        "{offered}"
    );
}

#[tokio::test]
async fn a_tool_that_does_not_answer_is_given_up() {
    let provider = Provider::start().await;
    provider.tool_call("box__never", "{}").reply("I gave up.");
    let mut server = mcp::stdio();
    server["requestTimeoutMs"] = json!(50);
    let gateway = Gateway::builder()
        .provider(&provider)
        .config(json!({"mcp": {"servers": {"box": server}}}))
        .start()
        .await;
    gateway.log().lines_with(mcp::CONNECTED, 1).await;
    assert_eq!(gateway.chat("Try.").await["reply"], "I gave up.");
    let told = results(&*provider.received(1).await);
    assert!(told[0].starts_with("box__never gave no answer within "), "{told:?}");
}

#[tokio::test]
async fn a_server_sees_no_secret_of_the_gateway() {
    let provider = Provider::start().await;
    provider.tool_call("box__environment", "{}").reply("Seen.");
    let gateway = with_tools(&provider).await;
    gateway.chat("Look around.").await;
    let told = results(&*provider.received(1).await).remove(0);
    let environment: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(environment["GREETING"], "hello", "what is configured is there");
    assert!(environment["PATH"].is_string(), "{environment}");
    assert!(!told.contains(TOKEN) && !told.contains(API_KEY), "{told}");
    assert!(!told.contains("OPENCLAW") && !told.contains("API_KEY"), "{told}");
}

#[tokio::test]
async fn servers_over_http() {
    let provider = Provider::start().await;
    provider
        .then(Reply::tool_call("web__echo", r#"{"text":"ping"}"#).and_tool_call("web__headers", "{}"))
        .reply("Done.");
    let server = mcp::HttpServer::start().await;
    let servers = json!({"mcp": {"servers": {"web": server.config()}}});
    let gateway = Gateway::builder().provider(&provider).config(servers).start().await;
    gateway.log().lines_with(mcp::CONNECTED, 1).await;
    assert_eq!(gateway.chat("Try.").await["reply"], "Done.");
    let told = results(&*provider.received(1).await);
    assert_eq!(told[0], "ping");
    let headers: Value = serde_json::from_str(&told[1]).expect("JSON");
    assert_eq!(
        (&headers["x-secret"], &headers["mcp-session-id"]),
        (&json!("of the server"), &json!("session-1"))
    );
}

#[tokio::test]
async fn an_operator_says_which_tools_are_offered() {
    let provider = Provider::start().await;
    let mut server = mcp::stdio();
    server["toolFilter"] = json!({"include": ["e*", "fail"], "exclude": ["env*"]});
    let gateway = Gateway::builder()
        .provider(&provider)
        .config(json!({"mcp": {"servers": {"box": server}}}))
        .start()
        .await;
    gateway.log().lines_with(mcp::CONNECTED, 1).await;
    gateway.chat("hi").await;
    let offered = provider.received(0).await.json()["tools"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let names = offered
        .iter()
        .filter_map(|tool| tool["function"]["name"].as_str()?.strip_prefix("box__"));
    assert_eq!(names.collect::<Vec<_>>(), ["echo", "fail"]);
}

#[tokio::test]
async fn the_assistant_remembers() {
    let provider = Provider::start().await;
    provider
        .tool_call(
            "memory_append",
            r#"{"path":"MEMORY.md","text":"The cat is named Mochi."}"#,
        )
        .reply("I'll remember.")
        .tool_call("memory_search", r#"{"query":"cat"}"#)
        .reply("Mochi.");
    let gateway = Gateway::of(&provider).await;
    gateway.chat("My cat is named Mochi.").await;
    gateway.chat("What is the name of my cat?").await;
    let prompt = provider.received(2).await.json()["messages"][0]["content"].clone();
    assert!(
        prompt
            .as_str()
            .is_some_and(|prompt| prompt.contains("The cat is named Mochi.")),
        "{prompt}"
    );
    assert_eq!(
        results(&*provider.received(3).await),
        ["MEMORY.md:1: The cat is named Mochi."]
    );
}

#[tokio::test]
async fn memory_does_not_reach_out_of_the_workspace() {
    let provider = Provider::start().await;
    let paths = [
        "../openclaw.json",
        "/etc/passwd",
        "memory/../../openclaw.json",
        "sessions/s1.jsonl",
        "memory/link.md",
    ];
    let read = |path: &&str| json!({"path": path}).to_string();
    let calls = paths.iter().fold(Reply::pieces([]), |reply, path| {
        reply.and_tool_call("memory_read", &read(path))
    });
    provider.then(calls).reply("I tried.");
    let gateway = Gateway::of(&provider).await;
    let memory = gateway.state_dir().join("workspace/memory");
    std::fs::create_dir_all(&memory).expect("the workspace can be written");
    std::os::unix::fs::symlink("/etc/passwd", memory.join("link.md")).expect("the workspace can be written");
    let events = gateway.stream("Look around.").await.rest().await;
    let failed = events
        .iter()
        .filter(|event| event.name == "tool" && event.json()["status"] == "failed")
        .count();
    assert_eq!(failed, paths.len(), "{events:?}");
    for told in results(&*provider.received(1).await) {
        assert!(!told.contains("root:") && !told.contains(TOKEN), "{told}");
    }
}

#[tokio::test]
async fn a_model_that_only_calls_tools_is_stopped() {
    let provider = Provider::start().await;
    provider.answer_with(|request| match request.json()["tools"].is_array() {
        true => Reply::tool_call("memory_search", r#"{"query":"more"}"#),
        false => Reply::text("Enough."),
    });
    let rounds = json!({"agents": {"defaults": {"maxToolRounds": 3}}});
    let gateway = Gateway::builder().provider(&provider).config(rounds).start().await;
    let limit = "[The limit of 3 rounds of tools in a turn is reached; ask again to go on.]";
    let events = gateway.stream_in("s1", "Search.").await.rest().await;
    let deltas = events.iter().filter(|event| event.name == "delta");
    let read: String = deltas
        .map(|delta| delta.json()["text"].as_str().unwrap_or_default().to_owned())
        .collect();
    let done = events.last().expect("events").json();
    assert_eq!((&done["reply"], &read), (&json!(read), &format!("Enough.\n\n{limit}")));
    assert_eq!(provider.requests().len(), 4);
    let messages = gateway.messages("s1").await;
    assert_eq!(messages.last(), Some(&format!("assistant: Enough.\n\n{limit}")));
}

#[tokio::test]
async fn a_server_that_does_not_answer_hides_no_other_and_no_turn_waits_for_it() {
    let provider = Provider::start().await;
    let dead = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/mcp", dead.local_addr().expect("it listens"));
    let servers = json!({"dead": {"url": url}, "box": mcp::stdio()});
    let gateway = Gateway::builder()
        .provider(&provider)
        .config(json!({"mcp": {"servers": servers}}))
        .start()
        .await;
    // Connected to before anybody asks.
    let (connection, _) = within("connection to the dead server", dead.accept())
        .await
        .expect("the gateway connects");
    gateway.log().lines_with(mcp::CONNECTED, 1).await;
    gateway.chat("hi").await;
    let offered = provider.received(0).await.json()["tools"].to_string();
    assert!(
        offered.contains("box__echo") && !offered.contains("dead__"),
        "{offered}"
    );
    gateway.chat("hi again").await;
    // Still the first attempt: no turn has waited until it was given up.
    let mut heard = vec![0; 64 * 1024];
    connection.readable().await.expect("it was asked");
    let asked = connection.try_read(&mut heard).expect("a request");
    assert!(asked > 0);
    let more = connection.try_read(&mut heard).map_err(|error| error.kind());
    assert_eq!(more, Err(ErrorKind::WouldBlock), "not hung up");
}

#[tokio::test]
async fn a_server_that_is_away_is_said_to_be_once_and_to_be_back_once() {
    let provider = Provider::start().await;
    // Of a range that nobody else is given.
    let port = ports::range();
    let server = json!({"url": format!("http://127.0.0.1:{port}/mcp")});
    let gateway = Gateway::builder()
        .provider(&provider)
        .config(json!({"mcp": {"servers": {"web": server}}}))
        .start()
        .await;
    gateway.log().line_with("MCP server is away").await;
    gateway.chat("hi").await;
    gateway.chat("hi").await;
    let _server = mcp::HttpServer::start_at(port).await;
    gateway.log().line_with("MCP server is back").await;
    gateway.chat("hi").await;
    let offered = provider.received(2).await.json()["tools"].to_string();
    assert!(offered.contains("web__echo"), "{offered}");
    let log = gateway.log().so_far();
    assert_eq!(
        ["WARN", "ERROR", "server is back"].map(|part| log.matches(part).count()),
        [1, 0, 1],
        "{log}"
    );
}
