//! `creel doctor`, with a control plane and without.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use creel_tests::up::Up;
use serde_json::Value;

fn findings(output: &Output) -> Vec<Value> {
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    said["findings"].as_array().unwrap().clone()
}

fn of<'a>(findings: &'a [Value], part: &str) -> &'a Value {
    let said = |finding: &&Value| finding["what"].as_str().unwrap().contains(part);
    findings
        .iter()
        .find(said)
        .unwrap_or_else(|| panic!("{part:?} is not in {findings:#?}"))
}

#[tokio::test]
async fn it_finds_what_is_wrong_and_says_what_to_do_whether_creel_runs_or_not() {
    let up = Up::start().await;
    up.create("alice").await;
    let healthy = up.creel(&["doctor"]).await;
    let text = String::from_utf8_lossy(&healthy.stdout).into_owned();
    assert_eq!(healthy.status.code(), Some(0), "{text}");
    assert!(text.contains("instance alice: confined: no new privileges"), "{text}");
    assert!(text.contains("\n0 errors, "), "{text}");

    let secrets = up.home().join("secrets");
    fs::set_permissions(&secrets, Permissions::from_mode(0o755)).unwrap();
    let ill = up.creel(&["doctor", "--json"]).await;
    assert_eq!(ill.status.code(), Some(1), "{ill:?}");
    let found = findings(&ill);
    let open = of(&found, "secrets is open to others (mode 0755)");
    assert_eq!(
        (&open["severity"], &open["check"]),
        (&"error".into(), &"permissions".into())
    );
    assert!(open["remedy"].as_str().unwrap().starts_with("chmod 0700 "), "{open}");
    assert_eq!(up.get("/api/doctor").await.ok()["findings"][0], found[0]);
    let token = fs::read_to_string(secrets.join("admin-token")).unwrap();
    assert!(!String::from_utf8_lossy(&ill.stdout).contains(token.trim()));

    let builder = up.kill().await;
    let alone = builder.creel(&["doctor", "--json"]).await;
    assert_eq!(alone.status.code(), Some(1), "{alone:?}");
    let found = findings(&alone);
    assert_eq!(of(&found, "secrets is open to others")["severity"], "error");
    assert_eq!(of(&found, "no `creel up` runs")["remedy"], "creel up");
    assert_eq!(of(&found, "confined: no new privileges")["subject"], "instance alice");

    // Ended as the rest of the tests do: by the next control plane.
    let up = builder.start().await;
    assert_eq!(
        up.creel(&["doctor"]).await.status.code(),
        Some(0),
        "it made the directory private again"
    );
}

#[tokio::test]
async fn a_home_that_is_none_is_told_from_one_that_is_not_there_yet() {
    let builder = Up::builder();
    let first = builder.creel(&["doctor", "--json"]).await;
    let found = findings(&first);
    assert_eq!(of(&found, "is no home yet")["severity"], "ok", "{first:?}");
    fs::create_dir_all(builder.home()).unwrap();
    fs::write(builder.home().join("thesis.txt"), "").unwrap();
    let refused = builder.creel(&["doctor"]).await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is no home of Creel"));
    assert_eq!(fs::read_dir(builder.home()).unwrap().count(), 1);
}
