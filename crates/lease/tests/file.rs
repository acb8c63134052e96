//! The file store: the suite that all stores pass, and the deaths, pauses and damages that files are prone to.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use creel_lease::{FileLeases, Keeper, Lease, LeaseError, LeaseStore, conformance};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "current_thread")]
async fn conforms() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_owned();
    conformance::run("t:", move || Arc::new(FileLeases::open(&path).unwrap())).await;
}

#[tokio::test]
async fn a_killed_holder_is_succeeded_at_once() {
    let dir = TempDir::new().unwrap();
    let mut node = Node::start(dir.path(), LONG);
    let store = FileLeases::open(dir.path()).unwrap();
    assert_eq!(store.inspect("n").await.unwrap().unwrap().epoch, node.epoch);
    assert!(store.acquire("n", "b", LONG, 0).await.unwrap().is_none());
    node.child.kill().unwrap();
    let lease = acquired(&store).await;
    assert!(lease.epoch() > node.epoch);
}

#[tokio::test]
async fn a_stopped_holder_is_succeeded_after_its_ttl_and_knows_it_when_it_wakes() {
    let dir = TempDir::new().unwrap();
    let mut node = Node::start(dir.path(), Duration::from_millis(400));
    let store = FileLeases::open(dir.path()).unwrap();
    node.signal(Signal::STOP);
    let lease = acquired(&store).await;
    assert!(lease.epoch() > node.epoch);
    fs::write(dir.path().join("woken"), "").unwrap();
    node.signal(Signal::CONT);
    assert_eq!(node.line(), "live after wake: false");
    assert_eq!(node.line(), "lost");
    assert_eq!(store.inspect("n").await.unwrap().unwrap().holder, "b");
}

#[tokio::test]
async fn a_holder_stopped_in_the_middle_of_a_change_blocks_nobody_forever() {
    let dir = TempDir::new().unwrap();
    let store = FileLeases::open(dir.path()).unwrap();
    store
        .release(store.acquire("n", "a", LONG, 0).await.unwrap().unwrap())
        .await
        .unwrap();
    let file = fs::File::open(dir.path().join("n.lease")).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    let error = store.acquire("n", "b", LONG, 0).await.unwrap_err();
    assert!(matches!(error, LeaseError::Busy { .. }), "{error}");
    drop(file);
    assert!(store.acquire("n", "b", LONG, 0).await.unwrap().is_some());
}

#[tokio::test]
async fn deadlines_do_not_follow_the_wall_clock() {
    let dir = TempDir::new().unwrap();
    let store = FileLeases::open(dir.path()).unwrap();
    let _held = store.acquire("n", "a", LONG, 0).await.unwrap().unwrap();
    let path = dir.path().join("n.lease");
    let mut record: serde_json::Value =
        serde_json::from_str(fs::read_to_string(&path).unwrap().lines().next().unwrap()).unwrap();
    // As if the wall clock had jumped ahead by years: the deadline on it has long passed.
    record["held"]["deadline_unix_ms"] = 1.into();
    fs::write(&path, format!("{record}\n")).unwrap();
    assert!(store.acquire("n", "b", LONG, 0).await.unwrap().is_none());
    // After a reboot only the wall clock is left.
    record["held"]["process"]["boot"] = "before the reboot".into();
    fs::write(&path, format!("{record}\n")).unwrap();
    assert!(store.acquire("n", "b", LONG, 0).await.unwrap().is_some());
}

#[tokio::test]
async fn a_power_cut_frees_the_lease_and_epochs_still_grow() {
    let dir = TempDir::new().unwrap();
    let store = FileLeases::open(dir.path()).unwrap();
    let mut last = 0;
    for damage in [&b""[..], &[0; 300]] {
        let lease = store.acquire("n", "a", LONG, 0).await.unwrap().unwrap();
        assert!(lease.epoch() > last);
        last = lease.epoch();
        // Epochs are at least milliseconds since 1970, so losing the file is made good once a millisecond has passed.
        let taken = Lease::now();
        while Lease::now() < taken + Duration::from_millis(2) {}
        fs::write(dir.path().join("n.lease"), damage).unwrap();
    }
    assert!(store.acquire("n", "b", LONG, 0).await.unwrap().unwrap().epoch() > last);
}

#[tokio::test]
async fn a_damaged_file_belongs_to_nobody_until_an_operator_says_so() {
    let dir = TempDir::new().unwrap();
    let store = FileLeases::open(dir.path()).unwrap();
    let _held = store.acquire("n", "a", LONG, 0).await.unwrap().unwrap();
    let path = dir.path().join("n.lease");
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .write_all_at(b"garbage", 0)
        .unwrap();
    let error = store.acquire("n", "b", LONG, 0).await.unwrap_err().to_string();
    assert!(error.contains("n.lease is damaged; remove it"), "{error}");
    fs::write(&path, "{\"v\":2,\"name\":\"n\",\"epoch\":1,\"held\":null}\n").unwrap();
    let error = store.acquire("n", "b", LONG, 0).await.unwrap_err().to_string();
    assert!(error.contains("another version (format 2)"), "{error}");
    fs::remove_file(&path).unwrap();
    assert!(store.acquire("n", "b", LONG, 0).await.unwrap().is_some());
}

#[tokio::test]
async fn pruning_removes_what_is_unused_and_epochs_still_grow() {
    let dir = TempDir::new().unwrap();
    let store = FileLeases::open(dir.path()).unwrap();
    let free = store.acquire("free", "a", LONG, 0).await.unwrap().unwrap();
    let epoch = free.epoch();
    store.release(free).await.unwrap();
    let _held = store.acquire("held", "a", LONG, 0).await.unwrap().unwrap();
    fs::write(dir.path().join("other"), "").unwrap();
    assert_eq!(store.prune(LONG).await.unwrap(), 0);
    let start = Lease::now();
    while Lease::now() < start + Duration::from_millis(2) {}
    assert_eq!(store.prune(Duration::ZERO).await.unwrap(), 1);
    assert!(dir.path().join("other").exists());
    assert!(store.inspect("held").await.unwrap().is_some());
    assert!(store.acquire("free", "a", LONG, 0).await.unwrap().unwrap().epoch() > epoch);
}

#[tokio::test]
async fn files_are_for_their_owner_only_and_a_missing_directory_is_an_error() {
    let dir = TempDir::new().unwrap();
    let inner = dir.path().join("a/b");
    let store = FileLeases::open(&inner).unwrap();
    let _held = store.acquire("n", "a", LONG, 0).await.unwrap().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&inner), mode(&inner.join("n.lease"))), (0o700, 0o600));
    fs::remove_dir_all(&inner).unwrap();
    assert!(store.acquire("m", "a", LONG, 0).await.is_err());
}

async fn acquired(store: &FileLeases) -> Lease {
    tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            if let Some(lease) = store.acquire("n", "b", LONG, 0).await.unwrap() {
                return lease;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .unwrap()
}

/// Another process that holds the lease `n` and keeps it.
struct Node {
    child: Child,
    output: BufReader<ChildStdout>,
    epoch: u64,
}

impl Node {
    fn start(dir: &Path, ttl: Duration) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "holds_a_lease_in_a_process_of_its_own",
                "--ignored",
                "--nocapture",
            ])
            .env("LEASE_DIR", dir)
            .env("LEASE_TTL_MS", ttl.as_millis().to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut node = Self {
            child,
            output,
            epoch: 0,
        };
        node.epoch = node.line().strip_prefix("epoch: ").unwrap().parse().unwrap();
        node
    }

    /// The next line that the node itself wrote (the test harness writes some too).
    fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the node died");
            if let Some(said) = line.trim_end().strip_prefix("node: ") {
                return said.to_owned();
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "run by the tests above in a process of its own"]
async fn holds_a_lease_in_a_process_of_its_own() {
    let (Ok(dir), Ok(ttl)) = (std::env::var("LEASE_DIR"), std::env::var("LEASE_TTL_MS")) else {
        return;
    };
    let ttl = Duration::from_millis(ttl.parse().unwrap());
    let say = |text: String| {
        let mut out = std::io::stdout();
        writeln!(out, "\nnode: {text}").unwrap();
        out.flush().unwrap();
    };
    let store: Arc<dyn LeaseStore> = Arc::new(FileLeases::open(&dir).unwrap());
    let keeper = Keeper::start(
        Arc::clone(&store),
        store.acquire("n", "a", ttl, 0).await.unwrap().unwrap(),
    );
    say(format!("epoch: {}", keeper.epoch()));
    // Looks before anything is awaited: after a stop, only the clock can know that time has passed.
    while !Path::new(&dir).join("woken").exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    say(format!("live after wake: {}", keeper.is_live()));
    keeper.lost().await;
    say("lost".to_owned());
    std::future::pending::<()>().await;
}
