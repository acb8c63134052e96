//! `creel llm …`: the gateway set up without a browser.

use creel_testkit::provider::{Provider, Reply};
use creel_tests::http::{Call, client};
use creel_tests::llm::PROVIDER_KEY;
use creel_tests::up::Up;
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::{Value, json};

const ASK: &str = r#"{"model":"parrot","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}"#;

async fn text(up: &Up, arguments: &[&str]) -> String {
    let done = up.creel(arguments).await;
    assert!(done.status.success(), "{arguments:?}: {done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// A provider, a model, a price, a group; and a key of alice, who has ten credits.
async fn set_up(up: &Up, provider: &Provider) -> Value {
    let file = up.home().join("provider-key");
    std::fs::write(&file, format!("{PROVIDER_KEY}\n")).expect("the home can be written to");
    let (url, file) = (provider.openai_url(), file.display().to_string());
    for arguments in [
        &["llm", "providers", "set", "fake", "--url", &url, "--key-file", &file][..],
        &[
            "llm",
            "models",
            "set",
            "parrot",
            "--route",
            "fake/p-1,weight=2",
            "--route",
            "fake/p-2,priority=1",
        ],
        &[
            "llm",
            "prices",
            "set",
            "par*",
            "--input",
            "1",
            "--output",
            "2",
            "--cache-write",
            "1.25",
        ],
        &["llm", "groups", "set", "friends", "0.5"],
        &["credits", "grant", "alice", "10"],
    ] {
        up.creel_json(arguments).await;
    }
    let make = [
        "llm",
        "keys",
        "make",
        "--user",
        "alice",
        "--model",
        "parrot",
        "--day-budget",
        "1",
        "--group",
        "friends",
    ];
    up.creel_json(&make).await
}

#[tokio::test]
async fn what_is_set_up_on_the_command_line_answers_and_charges() {
    let provider = Provider::start().await;
    provider.require_key(PROVIDER_KEY);
    provider.always(Reply::text("Hello.").usage(7, 3));
    let up = Up::start().await;
    let made = set_up(&up, &provider).await;
    let key = made["secret"].as_str().unwrap();
    until("the key to be known", || async {
        let models = Call::new(&client(), Method::GET, &format!("{}/v1/models", up.llm_url()), key).await;
        (models.status == 200).then_some(())
    })
    .await;
    let url = format!("{}/v1/chat/completions", up.llm_url());
    Call::new(&client(), Method::POST, &url, key).body(ASK).await.ok();
    assert_eq!(provider.requests()[0].json()["model"], "p-1");
    // 7 and twice 3 micro-credits, half of it, rounded up.
    until("the call to be in the books", || async {
        let account = up.creel_json(&["credits", "show", "alice"]).await;
        (account["balance"] == "9.999993").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_set_up_is_listed_changed_and_removed_and_shows_no_secret() {
    let provider = Provider::start().await;
    let up = Up::start().await;
    let made = set_up(&up, &provider).await;
    let (id, secret) = (made["key"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let mut all = String::new();
    for (table, shown) in [
        ("providers", "fake openai yes no no"),
        (
            "models",
            "parrot weighted - fake/p-1,weight=2,priority=0 fake/p-2,weight=1,priority=1",
        ),
        ("prices", "par* - 1 - 1.25 2 0"),
        ("groups", "friends 0.5"),
        ("keys", "alice - parrot friends - - 1 -"),
        ("nodes", "gw-"),
    ] {
        let list = text(&up, &["llm", table, "list"]).await;
        let row = list.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(row.contains(shown), "{table}: {list}");
        all.push_str(&list);
    }
    assert!(!all.contains(secret) && !all.contains(PROVIDER_KEY), "{all}");
    let change = [
        "llm",
        "keys",
        "change",
        id,
        "--day-budget",
        "none",
        "--requests-per-minute",
        "5",
    ];
    let changed = up.creel_json(&change).await;
    assert_eq!(
        (&changed["day_budget"], &changed["requests_per_minute"]),
        (&Value::Null, &json!(5))
    );
    assert_eq!(changed["group"], "friends");
    up.creel_json(&["llm", "keys", "revoke", id]).await;
    for (table, name) in [
        ("models", "parrot"),
        ("providers", "fake"),
        ("prices", "par*"),
        ("groups", "friends"),
    ] {
        up.creel_json(&["llm", table, "rm", name]).await;
        assert_eq!(up.creel_json(&["llm", table, "list"]).await[table], json!([]));
    }
}

#[tokio::test]
async fn a_node_is_given_up_only_if_it_is_silent_or_somebody_insists() {
    let up = Up::start().await;
    let nodes = up.creel_json(&["llm", "nodes", "list"]).await;
    let name = nodes["nodes"][0]["name"].as_str().unwrap();
    let (code, line) = up.creel_refuses(&["llm", "nodes", "give-up", name]).await;
    assert_eq!(code, Some(2), "{line}");
    assert!(line.contains("was heard of"), "{line}");
    assert_eq!(
        up.creel_json(&["llm", "nodes", "give-up", name, "--force"]).await["given_up"],
        true
    );
    let (code, line) = up.creel_refuses(&["llm", "nodes", "give-up", "gw-none"]).await;
    assert!(
        code == Some(2) && line.contains("there is no gateway node \"gw-none\""),
        "{line}"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_one_line() {
    let up = Up::start().await;
    for (arguments, said) in [
        (
            &["llm", "providers", "set", "a", "--url", "ftp://x", "--no-key"][..],
            "ftp",
        ),
        (
            &[
                "llm",
                "providers",
                "set",
                "a",
                "--url",
                "http://x",
                "--key-file",
                "/nowhere",
            ],
            "--key-file /nowhere",
        ),
        (
            &["llm", "models", "set", "m", "--route", "a,weight=heavy"],
            "--route a,weight=heavy",
        ),
        (
            &["llm", "prices", "set", "m", "--input", "free", "--output", "1"],
            "input",
        ),
        (&["llm", "keys", "make", "--alias", "gpt"], "--alias gpt"),
        (
            &["llm", "keys", "make", "--requests-per-minute", "many"],
            "--requests-per-minute is \"many\": give",
        ),
        (
            &["llm", "keys", "make", "--month-budget", "-3"],
            "--month-budget is \"-3\": give credits from 0",
        ),
        (
            &["llm", "models", "set", "m", "--route", "a", "--max-output", "0"],
            "--max-output is \"0\": give a whole number of at least 1",
        ),
        (&["llm", "groups", "set", "g", "-1"], "multiplier: \"-1\" is none"),
        (
            &["credits", "grant", "alice", "NaN"],
            "<CREDITS> is \"NaN\": give credits above 0",
        ),
        (&["llm", "keys", "change", "k1"], "say what is to be changed"),
        (&["llm", "keys", "revoke", "none"], "there is no virtual key"),
    ] {
        let (code, line) = up.creel_refuses(arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {line}");
        assert!(
            line.contains(said) && line.trim().lines().count() == 1,
            "{arguments:?}: {line}"
        );
    }
}
