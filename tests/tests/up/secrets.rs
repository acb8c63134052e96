//! Secrets that come in with a request are shown nowhere again, whatever their shape.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use creel_tests::up::Up;
use serde_json::json;

/// Every file below a directory. Those that are there for a moment only may be gone again.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn the_files_of_a_home_are_its_owners_alone() {
    let up = Up::start().await;
    up.create("a").await;
    for path in files(&up.home()) {
        let Ok(metadata) = path.symlink_metadata() else {
            continue;
        };
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", path.display());
    }
}

#[tokio::test]
async fn an_api_token_that_can_be_guessed_is_refused() {
    for token in ["admin", &"a".repeat(31), &format!("{} x", "a".repeat(32))] {
        let builder = Up::builder().env("CREEL_ADMIN_TOKEN", token);
        let home = builder.home();
        let (code, said) = builder.refused().await;
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("CREEL_ADMIN_TOKEN") && said.contains("32 or more") && said.trim_end().lines().count() == 1,
            "{said}"
        );
        assert!(!said.contains(token) || token == "admin", "{said}");
        assert!(!home.exists(), "nothing was made");
    }
}

#[tokio::test]
async fn a_channels_secrets_are_in_its_environment_file_alone() {
    let up = Up::start().await;
    let config = json!({"corpId": "ww1", "agentId": 1_000_002, "secret": "plum", "token": "plum-token", "botSecret": "plum-bot"});
    let request = json!({"id": "a", "channels": [{"type": "wecom", "config": config}]});
    up.create_with(request).await;
    // By the command line too, from a file: an argument could be read by others.
    let file = up.home().with_file_name("wecom.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let from_file = format!("@{}", file.display());
    let create = [
        "instance",
        "create",
        "b",
        "--channel",
        "wecom",
        "--channel-config",
        &from_file,
    ];
    up.creel_json(&create).await;

    let mut said = vec![up.log().so_far()];
    for path in [
        "/api/instances",
        "/api/instances/a",
        "/api/instances/a/config",
        "/api/instances/a/config/diff",
        "/api/instances/a/logs",
        "/api/instances/a/logs/download",
        "/api/activity",
        "/api/system/status",
    ] {
        let answer = up.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        said.push(answer.text);
    }
    for command in [
        &["instance", "list", "--json"] as &[&str],
        &["instance", "show", "a"],
        &["instance", "show", "b", "--json"],
        &["instance", "config", "get", "b"],
    ] {
        said.push(String::from_utf8(up.creel(command).await.stdout).unwrap());
    }
    for said in said {
        assert!(!said.contains("plum"), "{said}");
    }
    let shown = up.show("a").await;
    assert_eq!(shown["channels"][0]["config"]["token"], "${WECOM_TOKEN}");
    assert_eq!(shown["channels"][0]["config"]["corpId"], "ww1");

    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(4).any(|part| part == b"plum")
    };
    let mut holders: Vec<PathBuf> = files(&up.home()).into_iter().filter(holds).collect();
    holders.sort();
    let own = ["a", "b"].map(|id| up.home().join("instances").join(id).join("instance.env"));
    assert_eq!(holders, own);
}
