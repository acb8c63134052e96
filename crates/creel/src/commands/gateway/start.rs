//! `creel gateway start`: a gateway in the background. Asking twice starts one.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use creel_config::Locations;
use creel_gateway::Running;
use serde_json::json;
use tokio::process::{Child, Command};

use super::args::GatewayArgs;
use crate::failure::Failure;
use crate::output;

/// Far beyond what a start takes, on a machine that is busy too.
const PATIENCE: Duration = Duration::from_secs(30);
const PROBE: Duration = Duration::from_millis(5);

pub async fn start(args: GatewayArgs, locations: &Locations, json: bool) -> Result<(), Failure> {
    let state = &locations.state_dir;
    if let Some(running) = serving(state) {
        return say(&running, false, json);
    }
    let mut log = Log::open(state)?;
    let mut child = launch(&args, &log)?;
    let spinner = output::Spinner::start(json);
    spinner.say("starting");
    let started = tokio::time::timeout(PATIENCE, ready(&mut child, state)).await;
    drop(spinner);
    match started {
        Ok(Ok(running)) => {
            let own = child.id() == Some(running.pid);
            say(&running, own, json)
        }
        Ok(Err(code)) => Err(Failure::with_code(log.reason(), code)),
        Err(_) => {
            // Nobody would know of it.
            let _ = child.kill().await;
            let seconds = PATIENCE.as_secs();
            Err(Failure::failed(format!(
                "the gateway was not ready within {seconds} seconds; its log is {}",
                log.path.display()
            )))
        }
    }
}

/// The gateway on this directory, once it serves.
fn serving(state: &Path) -> Option<Running> {
    creel_gateway::running(state).filter(|running| running.url.is_some())
}

/// A process that outlives this one and hears none of its terminal's signals.
fn launch(args: &GatewayArgs, log: &Log) -> Result<Child, Failure> {
    let creel = std::env::current_exe().map_err(Failure::from_error)?;
    let handle = || log.file.try_clone().map(Stdio::from).map_err(Failure::from_error);
    let mut command = Command::new(creel);
    command.args(["gateway", "run"]);
    if args.profile.dev {
        command.arg("--dev");
    }
    let port = args.port.map(|port| port.to_string());
    for (flag, value) in [
        ("--profile", &args.profile.profile),
        ("--port", &port),
        ("--bind", &args.bind),
        ("--auth", &args.auth),
    ] {
        if let Some(value) = value {
            command.arg(flag).arg(value);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(handle()?)
        .stderr(handle()?)
        .process_group(0)
        .spawn()
        .map_err(Failure::from_error)
}

/// Waits until a gateway serves; this one, or one that somebody else started in the same moment.
///
/// # Errors
/// The exit code, if it ended instead.
async fn ready(child: &mut Child, state: &Path) -> Result<Running, u8> {
    loop {
        if let Some(running) = serving(state) {
            return Ok(running);
        }
        tokio::select! {
            ended = child.wait() => {
                let code = ended.ok().and_then(|status| u8::try_from(status.code()?).ok());
                return serving(state).ok_or(code.filter(|code| *code != 0).unwrap_or(1));
            }
            () = tokio::time::sleep(PROBE) => {}
        }
    }
}

fn say(running: &Running, started: bool, json: bool) -> Result<(), Failure> {
    let url = running.url.as_deref().unwrap_or_default();
    if json {
        output::print_json(&json!({"url": url, "pid": running.pid, "started": started}));
    } else {
        let already = if started { "" } else { "already " };
        output::line(&format!("{already}running at {url}, pid {}", running.pid));
    }
    Ok(())
}

/// What the gateway says in the background, `logs/gateway.log` in its state directory.
struct Log {
    path: PathBuf,
    file: File,
    /// Where this start begins.
    begin: u64,
}

impl Log {
    fn open(state: &Path) -> Result<Self, Failure> {
        let directory = state.join("logs");
        let path = directory.join("gateway.log");
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory);
        let opened = made.and_then(|()| {
            let mut options = File::options();
            let mut file = options.read(true).append(true).create(true).mode(0o600).open(&path)?;
            let begin = file.seek(SeekFrom::End(0))?;
            Ok((file, begin))
        });
        let (file, begin) = opened.map_err(|error| {
            let place = directory.display();
            Failure::bad_input(format!(
                "{place}: {error}; the state directory must be writable (OPENCLAW_STATE_DIR)"
            ))
        })?;
        Ok(Self { path, file, begin })
    }

    /// Why the gateway ended: the line that it said last.
    fn reason(&mut self) -> String {
        let mut said = Vec::new();
        let read = self.file.seek(SeekFrom::Start(self.begin));
        let _ = read.and_then(|_| self.file.read_to_end(&mut said));
        let said = String::from_utf8_lossy(&said);
        match said.lines().next_back() {
            Some(line) => line.strip_prefix("creel: ").unwrap_or(line).to_owned(),
            None => format!("the gateway ended without a word; its log is {}", self.path.display()),
        }
    }
}
