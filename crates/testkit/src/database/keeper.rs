//! A server's process, and who it runs as.
//!
//! A test that is killed runs no destructor, so a shell stands between: it waits for its standard input to end, which the kernel
//! sees to when the test is gone, then it ends the server and removes the directory.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// `nobody`: both servers refuse to run as root.
const NOBODY: u32 = 65_534;

/// `$1` is the directory; the rest is the server.
const SCRIPT: &str = r#"
directory=$1
shift
"$@" &
server=$!
word=
read -r word
kill -KILL "$server"
wait "$server" 2>/dev/null
if [ "$word" != keep ]; then cd / && rm -rf "$directory"; fi
"#;

const LOG: &str = "server.log";

pub(super) struct Keeper(Child);

impl Keeper {
    pub fn start(serve: &Command, directory: &Path) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(directory.join(LOG))
            .expect("the directory is writable");
        let mut shell = unprivileged(Command::new("sh"));
        shell
            .args(["-c", SCRIPT, "keeper"])
            .arg(directory)
            .arg(serve.get_program())
            .args(serve.get_args())
            .current_dir(directory)
            // What ends the test's whole group must leave somebody to tidy up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a descriptor is free"))
            .stderr(log);
        Self(shell.spawn().expect("there is a shell"))
    }

    /// The shell's; the server is below it.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Ends the server and keeps the directory.
    pub fn stop(mut self) {
        let mut stdin = self.0.stdin.take().expect("it is piped");
        stdin.write_all(b"keep\n").expect("the shell reads");
        self.0.wait().expect("it is our child");
    }
}

/// What the server said first: why it does not start is there.
pub(super) fn log(directory: &Path) -> String {
    let log = std::fs::read_to_string(directory.join(LOG)).unwrap_or_default();
    log.lines().take(60).collect::<Vec<_>>().join("\n")
}

/// A new directory, of the user that the server runs as.
pub(super) fn directory() -> PathBuf {
    let mut make = unprivileged(Command::new("mktemp"));
    let output = super::output(make.args(["-d", "-t", "creel-db.XXXXXX"]));
    assert!(
        output.status.success(),
        "mktemp: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end())
}

/// As `nobody` where this process is root, else as this process.
pub(super) fn unprivileged(mut command: Command) -> Command {
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}
