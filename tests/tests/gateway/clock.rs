//! A clock that is set while the gateway runs, and while it does not: nothing is lost, nothing hangs.

use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::clock::Clock;
use creel_tests::gateway::{Builder, Gateway};
use serde_json::json;

/// Days, and more than any year has: so much later it is another one, whatever day is today.
const YEAR: i64 = 367;

fn by(clock: &Clock, builder: Builder) -> Builder {
    let variables = clock.environment();
    variables
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, value))
}

#[tokio::test]
async fn turns_go_on_wherever_it_jumps() {
    let provider = Provider::start().await;
    let clock = Clock::right();
    let gateway = by(&clock, Gateway::builder().provider(&provider)).start().await;
    provider.reply("zero");
    let keyed = || gateway.ask(json!({"message": "zero", "session_id": "s"})).with_key("k");
    let first = keyed().await.ok();
    let mut years = Vec::new();
    let mut said = vec!["user: zero".to_owned(), "assistant: zero".to_owned()];
    for (days, message) in [(YEAR, "one"), (-YEAR, "two"), (2 * YEAR, "three"), (0, "four")] {
        let gate = Gate::closed();
        provider.then(Reply::text(message).gated(&gate));
        let running = gateway.stream_in("s", message).await;
        clock.set(days);
        gate.open();
        assert_eq!(running.last("done").await["reply"], message, "answered while it jumped");
        said.extend([format!("user: {message}"), format!("assistant: {message}")]);
        assert_eq!(gateway.messages("s").await, said);
        assert_eq!(keyed().await.ok(), first, "asked again, at {days} days");
        assert_eq!(gateway.get("/ready").await.status, 200);
        let list = gateway.get("/api/v1/sessions").await.ok();
        years.push(list["sessions"][0]["updated_at"].as_str().expect("a time")[..4].to_owned());
    }
    years.sort_unstable();
    years.dedup();
    assert_eq!(years.len(), 4, "it did jump: {years:?}");
    let gateway = gateway.restart().await;
    assert_eq!(gateway.messages("s").await, said);
    provider.reply("five");
    assert_eq!(gateway.chat_in("s", "five").await["reply"], "five");
}

#[tokio::test]
async fn a_session_from_the_future_goes_on() {
    let provider = Provider::start().await;
    let clock = Clock::right();
    clock.set(YEAR);
    let gateway = by(&clock, Gateway::builder().provider(&provider)).start().await;
    for reply in ["in a year", "now", "again"] {
        provider.reply(reply);
    }
    gateway.chat_in("s", "in a year").await;
    let stopped = gateway.kill().await;
    clock.set(0);
    let gateway = stopped.start().await;
    assert_eq!(gateway.chat_in("s", "now").await["reply"], "now");
    let warning = gateway.log().line_with("newer epoch").await;
    assert!(warning.contains("WARN"), "{warning}");
    let said = ["user: in a year", "assistant: in a year", "user: now", "assistant: now"];
    assert_eq!(gateway.messages("s").await, said);
    assert_eq!(gateway.chat_in("s", "again").await["reply"], "again");
    assert_eq!(
        gateway.log().so_far().matches("newer epoch").count(),
        1,
        "it is remembered"
    );
}
