//! A real container engine for tests: `dockerd` or Podman in a directory of its own, which goes with the test, and without a network to
//! pull from.
//!
//! It has mounts and processes of its own, so that whatever it made ends with it. Docker leaves the host's firewall alone: published
//! ports of the loopback address need none. Podman's do: it wants a network namespace that is the test's own.

mod api;
mod kind;
mod openclaw;
mod stranger;

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub use self::kind::Kind;
pub use self::stranger::Stranger;

/// How long the engine may take to start on a loaded machine.
const START: Duration = Duration::from_secs(180);

/// `$1` is the directory. A test that is killed runs no destructor: the shell waits for its standard input to end.
const SCRIPT: &str = r#"
directory=$1
shift
unshare --mount --propagation private --pid --fork --kill-child --mount-proc -- "$@" &
engine=$!
word=
read -r word
# The engine is the only child of unshare.
kill -TERM $(cat "/proc/$engine/task/$engine/children")
wait "$engine" 2>/dev/null
if [ "$word" != keep ]; then cd / && rm -rf "$directory"; fi
"#;

/// A running engine. It ends with the process that made it, however that ends.
pub struct Engine {
    kind: Kind,
    directory: PathBuf,
    keeper: Mutex<Option<Child>>,
}

/// The engine of this test binary.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(Engine::start_new)
}

/// As [`engine`], of Podman. Where it is started there is a network of the test's own.
pub fn podman() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::of(Kind::Podman))
}

impl Engine {
    /// An engine for one test.
    ///
    /// # Panics
    /// If Docker is not installed or does not start.
    #[must_use]
    pub fn start_new() -> Self {
        Self::of(Kind::Docker)
    }

    fn of(kind: Kind) -> Self {
        let directory = tempfile::Builder::new().prefix("creel-engine.").tempdir();
        let engine = Self {
            kind,
            directory: directory.expect("there is room for a directory").keep(),
            keeper: Mutex::new(None),
        };
        engine.start();
        engine
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// As `DOCKER_HOST` names it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("docker.sock")
    }

    /// Starts it again, with what it had.
    ///
    /// # Panics
    /// If it does not answer within minutes.
    #[expect(
        clippy::disallowed_methods,
        reason = "no runtime waits here, and an engine only says that it is up when asked"
    )]
    pub fn start(&self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"));
        let log = log.expect("the directory is writable");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SCRIPT, "keeper"])
            .arg(&self.directory)
            .args(self.kind.command(&self.directory, &self.host()))
            // What ends the test's whole group must leave somebody to tidy up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a descriptor is free"))
            .stderr(log);
        *self.keeper() = Some(shell.spawn().expect("there is a shell"));
        let deadline = Instant::now() + START;
        while !api::is_up(&self.socket()) {
            let log = || std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(
                Instant::now() < deadline,
                "the engine does not start ({}; as root): {}",
                self.kind.needs(),
                log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it, and with it every container; what it had stays.
    ///
    /// # Panics
    /// If it does not run.
    pub fn stop(&self) {
        use std::io::Write as _;
        let mut keeper = self.keeper().take().expect("it runs");
        let mut stdin = keeper.stdin.take().expect("it is piped");
        stdin.write_all(b"keep\n").expect("the shell reads");
        keeper.wait().expect("it is our child");
    }

    /// It does nothing any more, and keeps its connections, as one that hangs.
    ///
    /// # Panics
    /// If it does not run.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// It goes on.
    ///
    /// # Panics
    /// If it does not run.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child_of = |pid: u32| -> u32 {
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.expect("it runs");
            children
                .split(' ')
                .next()
                .and_then(|child| child.parse().ok())
                .expect("it has a child")
        };
        let keeper = self.keeper().as_ref().map(Child::id).expect("it runs");
        // The keeper's child is unshare, and that one's the engine.
        let engine = i32::try_from(child_of(child_of(keeper))).ok().and_then(Pid::from_raw);
        kill_process(engine.expect("a pid"), signal).expect("it is ours");
    }

    /// Makes an image of a program and what it is linked with, as `scripts/image` does; the repository is where that is.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn native_image(&self, repository: &Path, program: &Path, name: &str) {
        let context = tempfile::tempdir().expect("there is room for a directory");
        // What debuggers read of a program makes most of it.
        let stripped = tempfile::NamedTempFile::new()
            .expect("there is room for a file")
            .into_temp_path();
        let mut strip = Command::new("strip");
        let done = strip
            .arg("-o")
            .arg(&stripped)
            .arg(program)
            .status()
            .expect("binutils come with the C compiler");
        assert!(done.success(), "{} is a program", program.display());
        let mut image = Command::new(repository.join("scripts/image"));
        let made = image
            .arg(&stripped)
            .arg("--context")
            .arg(context.path())
            .output()
            .expect("scripts/image is there");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let tar = Command::new("tar")
            .args(["-c", "."])
            .current_dir(context.path())
            .output()
            .expect("tar is there");
        let said = self
            .send("POST", &format!("/build?t={name}"), "application/x-tar", tar.stdout)
            .await
            .1;
        assert!(self.has_image(name).await, "{}", String::from_utf8_lossy(&said));
    }

    /// Makes an image of a root file system.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn import(&self, root: Vec<u8>, name: &str, change: &str) {
        let change: String = change.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/images/create?fromSrc=-&repo={name}&changes={change}");
        let said = self.send("POST", &path, "application/x-tar", root).await.1;
        assert!(self.has_image(name).await, "{}", String::from_utf8_lossy(&said));
    }

    pub async fn has_image(&self, name: &str) -> bool {
        self.get(&format!("/images/{name}/json")).await.is_some()
    }

    /// What it says of something; nothing if there is none.
    pub async fn get(&self, path: &str) -> Option<Value> {
        let (status, body) = self.send("GET", path, "application/json", Vec::new()).await;
        (status == 200).then(|| serde_json::from_slice(&body).expect("JSON"))
    }

    /// Does something behind everybody's back.
    ///
    /// # Panics
    /// If the engine will not.
    pub async fn act(&self, method: &str, path: &str, body: Value) -> Value {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (status, said) = self.send(method, path, "application/json", text.into_bytes()).await;
        assert!(
            (200..300).contains(&status),
            "{path}: {}",
            String::from_utf8_lossy(&said)
        );
        serde_json::from_slice(&said).unwrap_or(Value::Null)
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        api::send(&self.socket(), method, path, kind, body).await
    }

    fn keeper(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper().take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}
