//! The watcher notices every way in which editors and programs change a file.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use creel_config::{Locations, Overrides, Watcher};
use tempfile::TempDir;

fn watcher(dir: &Path) -> Watcher {
    let env = BTreeMap::from([("OPENCLAW_STATE_DIR".to_owned(), dir.to_str().unwrap().to_owned())]);
    let locations = Locations::resolve(&env, None, false).unwrap();
    Watcher::new(locations, Arc::new(env), Overrides::default())
}

#[tokio::test(start_paused = true)]
async fn every_change_is_seen_once() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("openclaw.json");
    let mut watcher = watcher(dir.path());
    fs::write(&file, "{gateway: {port: 1111}}").unwrap();
    assert_eq!(watcher.changed().await.unwrap().config.gateway.port, 1111);

    fs::write(dir.path().join("new"), "{gateway: {port: 2222}}").unwrap();
    fs::rename(dir.path().join("new"), &file).unwrap();
    assert_eq!(watcher.changed().await.unwrap().config.gateway.port, 2222);

    fs::write(&file, "{gateway: {port: }").unwrap();
    assert_eq!(watcher.changed().await.unwrap_err().line, Some(1));

    fs::write(&file, "{gateway: {port: 33333}}").unwrap();
    assert_eq!(watcher.changed().await.unwrap().config.gateway.port, 33333);

    fs::remove_file(&file).unwrap();
    assert_eq!(watcher.changed().await.unwrap().config.gateway.port, 18789);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_file_and_a_broken_edit_are_not_reported_again() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("openclaw.json");
    fs::write(&file, "{}").unwrap();
    let mut watcher = watcher(dir.path());
    let quiet = std::time::Duration::from_secs(3600);
    assert!(tokio::time::timeout(quiet, watcher.changed()).await.is_err());
    fs::write(&file, "{broken").unwrap();
    assert!(watcher.changed().await.is_err());
    assert!(tokio::time::timeout(quiet, watcher.changed()).await.is_err());
}
