//! The file store: the suite that all stores pass, and what files are prone to beyond it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use creel_session::conformance::{self, said, texts};
use creel_session::{FileSessions, SessionError, SessionId, SessionKey, SessionStore, UserId};
use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

fn open(dir: &Path) -> FileSessions {
    let dir = dir.to_owned();
    FileSessions::open(move |user| dir.join(user.file_name()).join("sessions"))
}

fn key() -> SessionKey {
    SessionKey::new(UserId::new("u").unwrap(), SessionId::new("s:1").unwrap())
}

const FILE: &str = "u/sessions/s%3A1.jsonl";

#[tokio::test(flavor = "current_thread")]
async fn conforms() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_owned();
    conformance::run("t-", || Arc::new(open(&path))).await;
}

#[tokio::test(flavor = "current_thread")]
async fn conforms_without_a_cache() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_owned();
    conformance::run("t-", || Arc::new(open(&path).with_cache_bytes(0))).await;
}

#[tokio::test]
async fn a_file_cut_at_any_byte_loses_only_the_last_line_and_goes_on() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(FILE);
    let store = open(dir.path());
    store.append(&key(), 1, &[said(1, "t", "kept")]).await.unwrap();
    let kept = fs::read(&file).unwrap();
    store.append(&key(), 1, &[said(2, "t", "torn é")]).await.unwrap();
    let whole = fs::read(&file).unwrap();
    for cut in kept.len()..whole.len() {
        fs::write(&file, &whole[..cut]).unwrap();
        let expected: &[&str] = if cut == whole.len() - 1 {
            &["kept", "torn é"]
        } else {
            &["kept"]
        };
        let store = open(dir.path());
        assert_eq!(
            texts(&store.read(&key()).await.unwrap().unwrap()),
            expected,
            "cut at {cut}"
        );
        assert_eq!(fs::read(&file).unwrap(), &whole[..cut], "reading changes nothing");
        let torn = usize::from(cut > kept.len());
        assert_eq!(store.repair(&key().user).await.unwrap(), torn, "cut at {cut}");
        let repaired = if cut == whole.len() - 1 { &whole } else { &kept };
        assert_eq!(&fs::read(&file).unwrap(), repaired, "cut at {cut}");
        assert_eq!(store.repair(&key().user).await.unwrap(), 0);
        // And where nobody repaired it, the next line does.
        fs::write(&file, &whole[..cut]).unwrap();
        store.append(&key(), 1, &[said(3, "t", "next")]).await.unwrap();
        for store in [store, open(dir.path())] {
            let found = texts(&store.read(&key()).await.unwrap().unwrap());
            assert_eq!(found, [expected, &["next"]].concat(), "cut at {cut}");
        }
    }
}

#[tokio::test]
async fn a_creation_cut_at_any_byte_is_no_session_and_is_in_nobodys_way() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(FILE);
    open(dir.path())
        .append(&key(), 1, &[said(1, "t", "first")])
        .await
        .unwrap();
    let whole = fs::read(&file).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for cut in 0..header {
        fs::write(&file, &whole[..cut]).unwrap();
        let store = open(dir.path());
        assert_eq!(store.read(&key()).await.unwrap(), None);
        assert_eq!(store.list(&key().user).await.unwrap(), []);
        store.append(&key(), 1, &[said(1, "t", "first")]).await.unwrap();
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    let dir = TempDir::new().unwrap();
    open(dir.path()).append(&key(), 1, &[said(1, "t", "a")]).await.unwrap();
    let mode = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("u"), mode("u/sessions"), mode(FILE)), (0o700, 0o700, 0o600));
}

#[tokio::test]
async fn a_link_does_not_lead_to_another_user() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path());
    let theirs = SessionKey::new(UserId::new("victim").unwrap(), key().session);
    store.append(&theirs, 1, &[said(1, "t", "private")]).await.unwrap();
    fs::create_dir_all(dir.path().join("u/sessions")).unwrap();
    symlink(dir.path().join("victim/sessions/s%3A1.jsonl"), dir.path().join(FILE)).unwrap();
    assert!(store.read(&key()).await.is_err());
    assert!(store.append(&key(), 1, &[said(1, "t", "x")]).await.is_err());
    assert_eq!(store.list(&key().user).await.unwrap(), []);
    assert_eq!(texts(&store.read(&theirs).await.unwrap().unwrap()), ["private"]);
}

#[tokio::test]
async fn what_is_no_transcript_of_ours_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path());
    store.append(&key(), 1, &[said(1, "t", "a")]).await.unwrap();
    let file = dir.path().join(FILE);
    let copy = fs::read_to_string(&file).unwrap().replace("s:1", "other");
    for (text, says) in [
        ("{\"v\":9}\n", "later version of Creel (format 9)"),
        ("notes\n", "no transcript header"),
        (copy.as_str(), "belongs to session other, not to s:1"),
    ] {
        fs::write(&file, text).unwrap();
        let store = open(dir.path());
        let error = store.append(&key(), 1, &[said(2, "t", "b")]).await.unwrap_err();
        assert!(
            matches!(error, SessionError::Unreadable { .. }) && error.to_string().contains(says),
            "{error}"
        );
        assert!(store.read(&key()).await.is_err());
        assert_eq!(
            store.list(&key().user).await.unwrap(),
            [],
            "one bad file does not hide the others"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(
        open(dir.path())
            .read(&key())
            .await
            .unwrap_err()
            .to_string()
            .contains("no regular file")
    );
}

#[tokio::test]
async fn a_file_restored_from_a_backup_is_what_is_read() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(FILE);
    let store = open(dir.path());
    store.append(&key(), 1, &[said(1, "t", "old")]).await.unwrap();
    let backup = fs::read(&file).unwrap();
    store.append(&key(), 2, &[said(2, "t", "new")]).await.unwrap();
    fs::write(dir.path().join("restored"), backup).unwrap();
    fs::rename(dir.path().join("restored"), &file).unwrap();
    assert_eq!(texts(&store.read(&key()).await.unwrap().unwrap()), ["old"]);
    store.append(&key(), 1, &[said(3, "t", "again")]).await.unwrap();
    assert_eq!(texts(&store.read(&key()).await.unwrap().unwrap()), ["old", "again"]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_never_given_back_is_an_error_not_a_hang() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path());
    store.append(&key(), 1, &[said(1, "t", "a")]).await.unwrap();
    let stuck = fs::OpenOptions::new().append(true).open(dir.path().join(FILE)).unwrap();
    flock(&stuck, FlockOperation::LockExclusive).unwrap();
    let error = store.append(&key(), 1, &[said(2, "t", "b")]).await.unwrap_err();
    assert!(matches!(error, SessionError::Busy { .. }), "{error}");
    assert_eq!(
        texts(&store.read(&key()).await.unwrap().unwrap()),
        ["a"],
        "what is in memory needs no lock"
    );
    drop(stuck);
    store.append(&key(), 1, &[said(2, "t", "b")]).await.unwrap();
}

#[tokio::test]
async fn lists_what_it_can_and_ignores_strangers() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path());
    store.append(&key(), 1, &[said(1, "t", "a")]).await.unwrap();
    let sessions = dir.path().join("u/sessions");
    for name in ["README.md", ".jsonl", "%2e.jsonl", "a b.jsonl", "x.jsonl.bak"] {
        fs::File::create(sessions.join(name)).unwrap().write_all(b"?").unwrap();
    }
    assert_eq!(store.list(&key().user).await.unwrap().len(), 1);
}
