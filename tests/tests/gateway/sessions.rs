//! Conversations: kept, listed, read, deleted; and what befalls them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use creel_testkit::provider::{End, Gate, Provider, Reply};
use creel_tests::gateway::Gateway;
use creel_tests::wait::within;
use serde_json::json;

#[tokio::test]
async fn they_are_listed_read_and_deleted() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    gateway.chat_in("old", "First words").await;
    gateway.chat_in("new", "你好").await;
    let list = gateway.get("/api/v1/sessions").await.ok();
    let ids: Vec<_> = list["sessions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|session| session["id"].clone())
        .collect();
    assert_eq!(ids, ["new", "old"], "newest first");
    let old = &list["sessions"][1];
    assert_eq!((&old["title"], &old["messages"]), (&json!("First words"), &json!(2)));
    assert!(old["created_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{old}");
    let read = gateway.get("/api/v1/sessions/new").await.ok();
    assert_eq!(
        (&read["title"], &read["messages"][0]["content"]),
        (&json!("你好"), &json!("你好"))
    );
    assert_eq!(gateway.delete("/api/v1/sessions/old").await.status, 204);
    assert_eq!(
        gateway.delete("/api/v1/sessions/old").await.problem(),
        (404, "not_found".into())
    );
    assert_eq!(
        gateway.get("/api/v1/sessions/old").await.problem(),
        (404, "not_found".into())
    );
    assert_eq!(gateway.delete("/api/v1/sessions").await.status, 204);
    assert_eq!(gateway.get("/api/v1/sessions").await.ok(), json!({"sessions": []}));
}

#[tokio::test]
async fn deleting_ends_the_turns_that_run_and_wait() {
    let provider = Provider::start().await;
    provider.then(Reply::hang()).reply("A new beginning.");
    let gateway = Gateway::of(&provider).await;
    let running = gateway.stream_in("s1", "hi").await;
    let waiting = gateway.stream_in("s1", "Are you there?").await;
    let call = provider.received(0).await;
    assert_eq!(gateway.delete("/api/v1/sessions/s1").await.status, 204);
    for turn in [running, waiting] {
        assert_eq!(turn.last("error").await["code"], "session_deleted");
    }
    assert_eq!(within("hang-up", call.ended()).await, End::HungUp);
    assert!(gateway.messages("s1").await.is_empty());
    assert_eq!(gateway.chat_in("s1", "Hello again.").await["reply"], "A new beginning.");
    assert_eq!(gateway.messages("s1").await.len(), 2);
}

#[tokio::test]
async fn so_does_deleting_all_of_them() {
    let provider = Provider::start().await;
    provider.reply("kept").always(Reply::hang());
    let gateway = Gateway::of(&provider).await;
    gateway.chat_in("s0", "hi").await;
    let turns = [gateway.stream_in("s1", "hi").await, gateway.stream_in("s2", "hi").await];
    assert_eq!(gateway.delete("/api/v1/sessions").await.status, 204);
    for turn in turns {
        assert_eq!(turn.last("error").await["code"], "session_deleted");
    }
    assert_eq!(gateway.get("/api/v1/sessions").await.ok(), json!({"sessions": []}));
    assert!(
        !gateway.log().so_far().contains("turn failed"),
        "{}",
        gateway.log().so_far()
    );
}

#[tokio::test]
async fn ids_that_the_gateway_gives_out_by_itself_are_not_for_clients() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    let id = "once-0123456789abcdef";
    let path = format!("/api/v1/sessions/{id}");
    for refused in [
        gateway.ask(json!({"message": "hi", "session_id": id})).await,
        gateway.get(&path).await,
        gateway.delete(&path).await,
    ] {
        assert_eq!(refused.problem(), (400, "bad_request".into()));
        assert!(refused.text.contains("`once-`"), "{refused:?}");
    }
    let openai = gateway
        .post(
            "/v1/chat/completions",
            &json!({"messages": [{"role": "user", "content": "hi"}]}),
        )
        .header("x-openclaw-session-key", id)
        .await;
    assert_eq!(
        (openai.status, &openai.json()["error"]["code"]),
        (400, &json!("bad_request"))
    );
    assert_eq!(provider.requests().len(), 0);
}

#[tokio::test]
async fn a_name_that_is_no_text_gets_one_clear_line() {
    let gateway = Gateway::builder().start().await;
    for refused in [
        gateway.get("/api/v1/sessions/%ff").await,
        gateway.delete("/api/v1/sessions/caf%E9").await,
    ] {
        assert_eq!(refused.problem(), (400, "bad_request".into()));
        assert_eq!(
            refused.json()["detail"],
            "path: id is no text; write it in UTF-8, percent-encoded"
        );
    }
}

#[tokio::test]
async fn what_the_store_says_of_the_host_is_for_the_log_alone() {
    let gateway = Gateway::builder().start().await;
    gateway.chat_in("s1", "hi").await;
    fs::write(gateway.transcript("s1"), "no transcript\n").expect("the transcript can be written");
    let home = gateway.builder_again().home();
    let home = home.to_str().expect("a path is text");
    let read = gateway.get("/api/v1/sessions/s1").await;
    let asked = gateway.ask(json!({"message": "hi", "session_id": "s1"})).await;
    for failed in [read, asked] {
        assert_eq!(failed.problem(), (500, "storage".into()));
        assert!(
            failed.text.contains("cannot be read") && !failed.text.contains(home),
            "{failed:?}"
        );
    }
    let said = gateway.log().line_with("turn failed").await;
    assert!(said.contains(home), "{said}");
}

#[tokio::test]
async fn nobody_else_can_read_the_files() {
    let gateway = Gateway::builder().start().await;
    gateway.chat_in("s1", "a secret").await;
    let transcript = gateway.transcript("s1");
    let mode = |path: &std::path::Path| {
        fs::metadata(path)
            .map(|metadata| metadata.permissions().mode() & 0o777)
            .ok()
    };
    assert_eq!(mode(&transcript), Some(0o600));
    let workspace = gateway.state_dir().join("workspace");
    for directory in [workspace.as_path(), &workspace.join("sessions")] {
        assert_eq!(mode(directory), Some(0o700), "{}", directory.display());
    }
}

#[tokio::test]
async fn a_restart_loses_nothing() {
    let provider = Provider::start().await;
    let mut gateway = Gateway::of(&provider).await;
    gateway.chat_in("s1", "hi").await;
    let before = gateway.get("/api/v1/sessions/s1").await.ok();
    gateway = gateway.restart().await;
    assert_eq!(gateway.get("/api/v1/sessions/s1").await.ok(), before);
}

#[tokio::test]
async fn kill_9_in_the_middle_of_a_reply_keeps_what_was_asked() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider
        .then(Reply::pieces(["half ", "lost"]).gated(&gate))
        .reply("I am back.");
    let gateway = Gateway::of(&provider).await;
    let mut events = gateway.stream_in("s1", "Are you there?").await;
    gate.pass(1);
    events.delta().await;
    let gateway = gateway.kill().await.start().await;
    assert_eq!(gateway.messages("s1").await, ["user: Are you there?"]);
    assert_eq!(gateway.chat_in("s1", "Hello?").await["reply"], "I am back.");
    assert_eq!(gateway.messages("s1").await.len(), 3);
}

/// The sessions of a gateway of one user are its own for as long as it lives, and anybody's at once when it is dead.
#[tokio::test]
async fn a_session_passes_on_with_the_state_directory() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider
        .then(Reply::pieces(["half ", "lost"]).gated(&gate))
        .reply("Here.");
    let gateway = Gateway::of(&provider).await;
    let mut events = gateway.stream_in("s1", "Are you there?").await;
    gate.pass(1);
    events.delta().await;
    let (_, refused) = gateway.builder_again().refused().await;
    assert!(refused.contains(&format!("pid {}", gateway.pid())), "{refused}");
    let successor = gateway.kill().await.start().await;
    assert_eq!(successor.chat_in("s1", "And now?").await["reply"], "Here.");
    let said = ["user: Are you there?", "user: And now?", "assistant: Here."];
    assert_eq!(successor.messages("s1").await, said);
}

#[tokio::test]
async fn a_torn_last_line_is_repaired() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    gateway.chat_in("s1", "hi").await;
    let whole = gateway.messages("s1").await;
    let transcript = gateway.transcript("s1");
    let builder = gateway.kill().await;
    let mut file = fs::File::options()
        .append(true)
        .open(&transcript)
        .expect("the transcript is there");
    file.write_all(b"{\"at\":1,\"turn\":\"x\",\"ep")
        .expect("it can be written");
    let gateway = builder.start().await;
    assert_eq!(gateway.messages("s1").await, whole);
    gateway.chat_in("s1", "Go on.").await;
    assert_eq!(gateway.messages("s1").await.len(), whole.len() + 2);
    let text = fs::read_to_string(transcript).expect("the transcript is there");
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{text}"
    );
}

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing() {
    let provider = Provider::start().await;
    let gateway = Gateway::builder()
        .provider(&provider)
        .files_up_to(8 * 1024)
        .start()
        .await;
    let mut kept = Vec::new();
    let message = "x".repeat(1_000);
    let refused = loop {
        let answer = gateway.ask(json!({"message": message, "session_id": "s1"})).await;
        if answer.status != 200 {
            break answer;
        }
        kept = gateway.messages("s1").await;
    };
    assert_eq!(refused.problem(), (507, "disk_full".into()));
    assert!(kept.len() >= 8, "{} messages", kept.len());
    assert!(
        gateway.messages("s1").await.starts_with(&kept),
        "what was acknowledged is there"
    );
    assert_eq!(gateway.get("/healthz").await.status, 200);
    assert_eq!(
        gateway.chat_in("s2", "hi").await["session_id"],
        "s2",
        "there is room for another one"
    );
    let gateway = gateway.restart().await;
    assert!(gateway.messages("s1").await.starts_with(&kept), "after a restart too");
}

#[tokio::test]
async fn a_disk_that_fills_up_under_a_reply_ends_it_with_an_error() {
    let provider = Provider::start().await;
    provider.then(Reply::huge(64 * 1024));
    let gateway = Gateway::builder()
        .provider(&provider)
        .files_up_to(8 * 1024)
        .start()
        .await;
    let error = gateway.stream_in("s1", "hi").await.last("error").await;
    assert_eq!(error["code"], "disk_full", "{error}");
    assert_eq!(gateway.messages("s1").await, ["user: hi"]);
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off_at_the_start() {
    let provider = Provider::start().await;
    let gateway = Gateway::of(&provider).await;
    gateway.chat_in("torn", "hi").await;
    gateway.chat_in("whole", "hi").await;
    let files = [gateway.transcript("torn"), gateway.transcript("whole")];
    let before = files.each_ref().map(|file| fs::read(file).expect("it was written"));
    let stopped = gateway.kill().await;
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(&files[0])
        .expect("it can be written");
    file.write_all(b"{\"at\":1,\"turn\":\"x").expect("there is room");
    let gateway = stopped.start().await;
    gateway.log().line_with("whole again").await;
    assert_eq!(
        files.each_ref().map(|file| fs::read(file).expect("it is there")),
        before
    );
    assert_eq!(gateway.messages("torn").await.len(), 2);
}
