//! What was acknowledged survives: kill -9 in the middle of writing, and disks that run full.
//!
//! The writer runs in a process of its own: this test program, started again with only [`writer`] to run.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use creel_session::conformance::{said, texts};
use creel_session::{FileSessions, SessionError, SessionId, SessionKey, SessionStore, UserId};
use tempfile::TempDir;

fn open(dir: &Path) -> FileSessions {
    let dir = dir.to_owned();
    FileSessions::open(move |_| dir.join("sessions"))
}

fn key() -> SessionKey {
    SessionKey::new(UserId::new("u").unwrap(), SessionId::new("s").unwrap())
}

/// Long enough that lines cross pages.
fn text(number: u64) -> String {
    format!("{number} {}", "x".repeat(usize::try_from(number * 37 % 3000).unwrap()))
}

#[tokio::test]
async fn kill_9() {
    let dir = TempDir::new().unwrap();
    let mut acknowledged = 0;
    for round in 1..=20 {
        let mut child = writer_command(dir.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard = 0;
        for line in lines.by_ref() {
            let Some(number) = line
                .unwrap()
                .strip_prefix("stored ")
                .map(|number| number.parse().unwrap())
            else {
                continue;
            };
            acknowledged = number;
            heard += 1;
            if heard == round * 7 {
                child.kill().unwrap();
                break;
            }
        }
        // What it managed to say between the last line heard and its death counts too.
        for line in lines.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("stored ").and_then(|number| number.parse().ok()) {
                acknowledged = number;
            }
        }
        child.wait().unwrap();
        let found = texts(&open(dir.path()).read(&key()).await.unwrap().unwrap());
        assert!(
            found.len() as u64 >= acknowledged,
            "acknowledged {acknowledged}, found {}",
            found.len()
        );
        assert!(
            found.iter().zip(1..).all(|(found, number)| *found == text(number)),
            "in order and whole"
        );
    }
}

#[tokio::test]
async fn a_file_size_limit() {
    let dir = TempDir::new().unwrap();
    // 40 KiB (blocks of 512 bytes by POSIX, of 1024 in bash; either way it ends the writer).
    let exe = std::env::current_exe().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 40; exec \"$@\"", "sh"])
        .arg(exe)
        .args(WRITER)
        .env("SESSION_DIR", dir.path())
        .output()
        .unwrap();
    stopped_cleanly(dir.path(), &String::from_utf8(output.stdout).unwrap()).await;
    // With room again, it goes on where it was.
    let before = texts(&open(dir.path()).read(&key()).await.unwrap().unwrap()).len();
    open(dir.path())
        .append(&key(), 1, &[said(1, "t", "more")])
        .await
        .unwrap();
    assert_eq!(
        texts(&open(dir.path()).read(&key()).await.unwrap().unwrap()).len(),
        before + 1
    );
}

#[tokio::test]
async fn a_full_disk() {
    let dir = TempDir::new().unwrap();
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounting a small disk needs root");
        return;
    }
    // In a mount namespace of its own, so that the disk is gone when the writer is; the result is copied out first.
    let script = "set -e; mkdir \"$0/disk\"; mount -t tmpfs -o size=64k tmpfs \"$0/disk\" || { echo no-mount; exit 0; }; \
                  SESSION_DIR=\"$0/disk\" \"$@\"; cp -r \"$0/disk/sessions\" \"$0/sessions\"";
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", script])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(WRITER)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    if said.contains("no-mount") || !output.status.success() && said.is_empty() {
        eprintln!("skipped: this machine lets nobody mount");
        return;
    }
    stopped_cleanly(dir.path(), &said).await;
}

/// The writer met a full disk, said so, and left exactly what it had acknowledged.
async fn stopped_cleanly(dir: &Path, said: &str) {
    let stored = said.lines().filter(|line| line.starts_with("stored ")).count();
    assert!(stored > 3, "{said}");
    assert!(
        said.contains("full: ") && said.contains("no room left to store the message"),
        "{said}"
    );
    assert!(said.contains("still full"), "{said}");
    let bytes = std::fs::read(dir.join("sessions/s.jsonl")).unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'), "cut back to the last whole line");
    let found = texts(&open(dir).read(&key()).await.unwrap().unwrap());
    assert_eq!(found, (1..=stored as u64).map(text).collect::<Vec<_>>());
}

const WRITER: [&str; 4] = ["--exact", "writer", "--ignored", "--nocapture"];

fn writer_command(dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(WRITER).env("SESSION_DIR", dir);
    command
}

/// Appends numbered entries until it is killed or the disk is full, and says so after each.
#[tokio::test(flavor = "current_thread")]
#[ignore = "run by the tests above in a process of its own"]
async fn writer() {
    let Some(dir) = std::env::var_os("SESSION_DIR") else {
        return;
    };
    let store = open(Path::new(&dir));
    let say = |text: String| {
        let mut out = std::io::stdout();
        writeln!(out, "\n{text}").unwrap();
        out.flush().unwrap();
    };
    let already = store.read(&key()).await.unwrap().map_or(0, |found| found.info.messages);
    for number in already + 1.. {
        match store.append(&key(), 1, &[said(number, "t", &text(number))]).await {
            Ok(()) => say(format!("stored {number}")),
            Err(error) => {
                assert!(matches!(error, SessionError::Full { .. }), "{error:?}");
                say(format!("full: {error}"));
                let found = store.read(&key()).await.unwrap().unwrap();
                assert_eq!(found.info.messages, number - 1, "nothing of the failed append is seen");
                let again = store
                    .append(&key(), 1, &[said(number, "t", &text(number).repeat(9))])
                    .await;
                say(if again.is_err() {
                    "still full".to_owned()
                } else {
                    "not full".to_owned()
                });
                return;
            }
        }
    }
}
