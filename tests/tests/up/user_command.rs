//! `creel user …`: what whoever runs a gateway for many users types.

use std::io::Write as _;

use creel_testkit::provider::Provider;
use creel_tests::person::log_in;
use creel_tests::tenants::{SERVICE_TOKEN, Service};
use creel_tests::terminal::CTRL_C;
use creel_tests::up::Up;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

fn table(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Ids of the users that there are.
async fn ids(up: &Up) -> Vec<String> {
    let list = up.creel_json(&["user", "list", "--limit", "1000"]).await;
    let users = list["users"].as_array().unwrap().clone();
    users
        .iter()
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_user_from_their_registration_to_their_end() {
    let up = Up::builder().env("OPENCLAW_SERVICE_TOKEN", SERVICE_TOKEN).start().await;
    let service = Service::on(up, Provider::start().await, json!({})).await;
    let up = &service.cloud;
    let made = up
        .creel_json(&["user", "create", "alice", "--name", "Alice", "--token"])
        .await;
    assert_eq!(
        (&made["user"]["name"], &made["user"]["has_password"]),
        (&json!("Alice"), &json!(false))
    );
    let first = made["token"].as_str().unwrap().to_owned();
    service.sync().await.ok();
    service.greet(&first, "s").await.ok();

    // The token alone is on standard output.
    let second = up.creel(&["user", "token", "alice", "--expires", "2099-01-01"]).await;
    let second = String::from_utf8(second.stdout).unwrap();
    assert!(
        second.starts_with("gt_") && second.ends_with('\n') && second.len() == 36,
        "{second}"
    );
    service.sync().await.ok();
    assert_eq!(service.refusal(&first).await.0, 401);
    service.greet(second.trim(), "s").await.ok();
    let shown = up.creel_json(&["user", "show", "alice"]).await;
    assert_eq!(shown["tokens"][0]["expires_at"], "2099-01-01T00:00:00Z");
    assert!(!shown.to_string().contains(second.trim()));

    let disabled = up.creel_json(&["user", "disable", "alice"]).await;
    assert_eq!(disabled["user"]["status"], "disabled");
    service.sync().await.ok();
    assert_eq!(service.refusal(second.trim()).await, (403, "user_disabled".into()));
    up.creel_json(&["user", "enable", "alice"]).await;
    service.sync().await.ok();
    service.greet(second.trim(), "s").await.ok();
    let revoked = up.creel_json(&["user", "token", "alice", "--revoke"]).await;
    assert_eq!(revoked, json!({"revoked": "alice"}));
    service.sync().await.ok();
    assert_eq!(service.refusal(second.trim()).await.0, 401);

    assert_eq!(
        up.creel_json(&["user", "rm", "alice"]).await,
        json!({"removed": "alice"})
    );
    assert!(ids(up).await.is_empty());
}

#[tokio::test]
async fn a_password_comes_by_standard_input_and_stands_in_no_command_line() {
    let up = Up::start().await;
    let password = "correct horse battery";
    let made = up
        .creel_with_input(
            &["user", "create", "bob", "--password-stdin", "--json"],
            &format!("{password}\n"),
        )
        .await;
    assert_eq!(made.json()["user"]["has_password"], true);
    let removed = up.creel_json(&["user", "password", "bob", "--remove"]).await;
    assert_eq!(removed["user"]["has_password"], false);
    up.creel_with_input(&["user", "password", "bob", "--password-stdin"], password)
        .await
        .ok();
    let shown = up.creel(&["user", "show", "bob"]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("has password  yes") && !shown.contains(password),
        "{shown}"
    );
    for (arguments, input, part) in [
        (&["user", "password", "bob"] as &[&str], "", "--password-stdin"),
        (&["user", "create", "carol", "--password"], "", "--password-stdin"),
        (&["user", "password", "bob", "--password-stdin"], "", "is empty"),
        (&["user", "create", "carol", "--password-stdin"], "short\n", "password"),
    ] {
        let ended = up.creel_with_input(arguments, input).await;
        assert_eq!((ended.code(), ended.stderr.lines().count()), (Some(2), 1), "{ended:?}");
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
    assert_eq!(ids(&up).await, ["bob"]);
}

#[tokio::test]
async fn a_password_is_asked_for_on_the_terminal_and_not_shown() {
    let up = Up::start().await;
    let mut terminal = up.creel_on_terminal(&["user", "create", "bob", "--password"]);
    for question in ["Password for bob: ", "Once more: "] {
        terminal.shows(question, 1).await;
        assert!(!terminal.echoes());
        terminal.types("correct horsex\u{7f}\r");
    }
    let (code, screen) = terminal.ended("bob is registered").await;
    assert!(code == Some(0) && terminal.echoes(), "{screen}");
    assert!(!screen.contains("horse"), "{screen}");
    log_in(&up, "bob", "correct horse").await.ok();

    for (first, second, code, said) in [
        (
            "correct horse\r",
            "another horse\r",
            2,
            "the two passwords are not the same",
        ),
        ("correct horse\r", CTRL_C, 130, "interrupted; nothing was changed"),
        ("\r", "", 2, "the password is empty"),
        (CTRL_C, "", 130, "interrupted; nothing was changed"),
    ] {
        let mut terminal = up.creel_on_terminal(&["user", "password", "bob"]);
        terminal.shows("Password for bob: ", 1).await;
        terminal.types(first);
        if !second.is_empty() {
            terminal.shows("Once more: ", 1).await;
            terminal.types(second);
        }
        let (ended, screen) = terminal.ended(said).await;
        assert!(
            ended == Some(code) && terminal.echoes(),
            "{first:?} {second:?}: {screen}"
        );
    }
    log_in(&up, "bob", "correct horse").await.ok();
}

#[tokio::test]
async fn a_table_is_tried_first_and_imported_then() {
    let up = Up::start().await;
    let good = table("id,name\nalice,\"Alice, A.\"\nbob,\n");
    let file = good.path().to_str().unwrap();
    let tried = up.creel_json(&["user", "import", file, "--dry-run"]).await;
    assert_eq!(tried, json!({"users": 2, "dry_run": true}));
    assert!(ids(&up).await.is_empty());
    assert_eq!(up.creel_json(&["user", "import", file]).await["users"], 2);
    assert_eq!(ids(&up).await, ["alice", "bob"]);
    let ended = up.creel_with_input(&["user", "import", "-"], "id\ncarol\n").await;
    assert_eq!(ended.stdout, "1 user imported\n", "{ended:?}");

    let bad = table("id,name\ndora,\n../x,\nbob,\n");
    let file = bad.path().to_str().unwrap();
    let (code, said) = up.creel_refuses(&["user", "import", file]).await;
    assert_eq!(code, Some(2));
    assert!(said.contains(&format!("{file}:3: id: ")), "{said}");
    let told = up.creel(&["user", "import", file, "--dry-run", "--json"]).await;
    let told: Value = serde_json::from_slice(&told.stderr).unwrap();
    assert_eq!((&told["code"], &told["lines"][0]["line"]), (&json!(2), &json!(3)));
    let (code, said) = up.creel_refuses(&["user", "import", "/nowhere.csv"]).await;
    assert!(code == Some(2) && said.contains("/nowhere.csv"), "{said}");
    assert_eq!(ids(&up).await, ["alice", "bob", "carol"]);
}

#[tokio::test]
async fn a_table_longer_than_the_backend_takes_goes_in_parts() {
    let up = Up::start().await;
    let rows = |to: usize| {
        (0..to)
            .map(|row| format!("u{row:05},\"two\nlines\"\n"))
            .collect::<String>()
    };
    let text = |rows: &str| format!("id,name\n{}", rows.replace("\"two\nlines\"", "N"));
    let mut long = text(&rows(10_500));
    let good = table(&long);
    let imported = up.creel_json(&["user", "import", good.path().to_str().unwrap()]).await;
    assert_eq!(imported["users"], 10_500);
    // The last part is wrong: nothing of the others goes in.
    long = long.replace("u", "v").replace("v10499", "../x");
    let bad = table(&long);
    let (code, said) = up
        .creel_refuses(&["user", "import", bad.path().to_str().unwrap()])
        .await;
    assert!(code == Some(2) && said.contains(":10501: id: "), "{said}");
    let found = up.creel_json(&["user", "list", "--search", "v0"]).await;
    assert_eq!(found["users"], json!([]));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_one_line() {
    let up = Up::start().await;
    up.creel_json(&["user", "create", "alice"]).await;
    for (arguments, part) in [
        (&["user", "create", "alice"] as &[&str], "is taken"),
        (&["user", "create", "../x"], "id: "),
        (&["user", "show", "nobody"], "there is no user"),
        (&["user", "disable", "nobody"], "there is no user"),
        (&["user", "token", "alice", "--expires", "soon"], "--expires"),
        (&["user", "list", "--limit", "many"], "--limit"),
        (&["user", "rm", "nobody"], "there is no user"),
        (&["user", "show", ""], "\"\" is the name of nothing"),
        (&["user", "rm", "."], "\".\" is the name of nothing"),
        (&["user", "disable", ".."], "\"..\" is the name of nothing"),
        (&["user", "show", "../alice"], "id: "),
    ] {
        let (code, said) = up.creel_refuses(arguments).await;
        assert!(code == Some(2) && said.contains(part), "{arguments:?}: {code:?} {said}");
    }
    assert_eq!(ids(&up).await, ["alice"]);
}
