//! The official `railway` client (<https://github.com/railwayapp/cli>), run as a program: nothing of Railway's API is spoken here.
//!
//! It is given no more of this process's environment than it needs. What is secret goes through its standard input. What makes or
//! changes something holds the instance's lock for as long as the client runs, even where Creel is killed meanwhile: nobody looks what is
//! there while somebody is making it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::trouble::Trouble;

/// The first version that has all that is asked of it: `--project` for every command, and what was deployed last in `service list`.
pub const OLDEST: [u32; 3] = [4, 58, 0];
/// Clients at a time: each is a process of its own that asks one question.
const SIDE_BY_SIDE: usize = 4;
/// The longest a question may take; the client itself gives up after 90 s.
const PATIENCE: Duration = Duration::from_secs(150);
/// The longest an upload may take.
const UPLOAD: Duration = Duration::from_secs(900);
/// What it may know of Creel's environment: who is signed in, and how Railway is reached.
const PASSED: [&str; 17] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "RAILWAY_API_TOKEN",
    "RAILWAY_HTTP_TIMEOUT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_proxy",
];

/// Which client, and what it is told of this host.
#[derive(Debug, Clone)]
pub struct RailwayOptions {
    /// A path, or a name to look for in `PATH`.
    pub program: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The workspace for new projects, by id or name; needed where the account has several.
    pub workspace: Option<String>,
}

impl RailwayOptions {
    /// `railway` of the `PATH`, with what of this process's environment it may know; the workspace that `CREEL_RAILWAY_WORKSPACE` names.
    #[must_use]
    pub fn from_environment() -> Self {
        let passed = PASSED
            .iter()
            .filter_map(|name| Some((OsString::from(*name), std::env::var_os(name)?)));
        let workspace = std::env::var("CREEL_RAILWAY_WORKSPACE").ok();
        Self {
            program: "railway".into(),
            environment: passed.collect(),
            workspace: workspace.filter(|workspace| !workspace.is_empty()),
        }
    }
}

pub struct Client {
    options: RailwayOptions,
    turns: Semaphore,
    /// Of what writes the client's own file of links: older clients write it over one another.
    links: Mutex<()>,
}

/// One run of it.
pub struct Call<'a> {
    pub arguments: Vec<&'a str>,
    /// Where it is run; what it links is linked to this directory.
    pub directory: Option<&'a Path>,
    /// What it reads; what is secret is given this way.
    pub input: Option<&'a str>,
    /// Held for as long as it runs.
    pub lock: Option<&'a Lock>,
    pub links: bool,
    pub uploads: bool,
}

impl<'a> Call<'a> {
    pub fn new(arguments: Vec<&'a str>) -> Self {
        Self {
            arguments,
            directory: None,
            input: None,
            lock: None,
            links: false,
            uploads: false,
        }
    }
}

/// The lock of an instance, inherited by what is run under it.
pub struct Lock(File);

impl Lock {
    /// Waits for whoever has it: a client that an earlier control plane started, say.
    pub async fn take(path: PathBuf) -> io::Result<Self> {
        let taken = tokio::task::spawn_blocking(move || {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let file = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)?;
            rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
            Ok(Self(File::from(file)))
        });
        taken.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

impl Client {
    pub fn new(options: RailwayOptions) -> Self {
        Self {
            options,
            turns: Semaphore::new(SIDE_BY_SIDE),
            links: Mutex::new(()),
        }
    }

    pub fn workspace(&self) -> Option<&str> {
        self.options.workspace.as_deref()
    }

    /// Its version, if it is one that can be used.
    pub async fn version(&self) -> Result<String, Trouble> {
        let output = self.run(&Call::new(vec!["--version"])).await?;
        // `railway 5.43.1`
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = said.split_whitespace().last().unwrap_or_default().to_owned();
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
        let numbers = [(); 3].map(|()| numbers.next().flatten());
        match numbers {
            [Some(major), Some(minor), Some(patch)] if [major, minor, patch] >= OLDEST => Ok(version),
            [Some(_), Some(_), Some(_)] => Err(Trouble::Old { version }),
            _ => Err(Trouble::Refused(format!(
                "{} is not the railway client (`--version` says \"{}\")",
                self.options.program.display(),
                super::trouble::line(&said)
            ))),
        }
    }

    /// What it prints, as JSON.
    pub async fn ask(&self, call: Call<'_>) -> Result<Value, Trouble> {
        let command = call.arguments.first().copied().unwrap_or_default();
        let said = self.tell(&call).await?;
        serde_json::from_str(&said).map_err(|_| {
            let said = super::trouble::line(&said);
            Trouble::Refused(format!(
                "`railway {command}` says what creel does not understand: \"{said}\""
            ))
        })
    }

    /// What it prints.
    pub async fn tell(&self, call: &Call<'_>) -> Result<String, Trouble> {
        let _links = match call.links {
            true => Some(self.links.lock().await),
            false => None,
        };
        let output = self.run(call).await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        // One that was killed says nothing.
        let why = if why.trim().is_empty() {
            output.status.to_string()
        } else {
            why
        };
        Err(Trouble::told(&call.arguments, &said, &why))
    }

    async fn run(&self, call: &Call<'_>) -> Result<Output, Trouble> {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        let mut command = Command::new(&self.options.program);
        command
            .args(&call.arguments)
            .env_clear()
            .envs(self.options.environment.iter().map(|(name, value)| (name, value)))
            // It would replace itself, and tell its maker what it is run for.
            .env("RAILWAY_NO_AUTO_UPDATE", "1")
            .env("DO_NOT_TRACK", "1")
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(directory) = call.directory {
            command.current_dir(directory);
        }
        let cannot = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Trouble::Missing {
                program: self.options.program.clone(),
            },
            _ => Trouble::Refused(format!("{} cannot be started: {error}", self.options.program.display())),
        };
        command.stdin(match (call.input, call.lock) {
            (Some(_), _) => Stdio::piped(),
            // Empty, and held by whoever has it open.
            (None, Some(lock)) => Stdio::from(lock.0.try_clone().map_err(cannot)?),
            (None, None) => Stdio::null(),
        });
        let patience = if call.uploads { UPLOAD } else { PATIENCE };
        let run = async {
            let mut child = command.spawn()?;
            if let Some((input, mut pipe)) = call.input.zip(child.stdin.take()) {
                // One that does not read it says itself what it has against that.
                let _ = pipe.write_all(input.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        match timeout(patience, run).await {
            Ok(output) => output.map_err(cannot),
            Err(_) => Err(Trouble::Away(format!(
                "`railway {}` does not come to an end; tried for {} s",
                call.arguments.first().copied().unwrap_or_default(),
                patience.as_secs()
            ))),
        }
    }
}
