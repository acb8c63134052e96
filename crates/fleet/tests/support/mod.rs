//! A fleet in a home of its own, whose instances run the stand-in of `examples/fake_creel.rs`.

pub mod control_plane;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use creel_fleet::{
    CreateInstance, Fleet, FleetError, FleetOptions, Home, Instance, InstanceId, RailwayOptions, Status, Timing, Token,
};
use creel_records::{DatabaseUrl, Records, SqlRecords};
use creel_testkit::groups;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Long enough for a loaded machine; nothing waits for it unless something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(180);

pub fn id(name: &str) -> InstanceId {
    InstanceId::new(name).unwrap()
}

/// The stand-in for `creel`. `cargo test` builds it next to the tests, unless it is told to build one test alone.
pub fn fake_creel() -> PathBuf {
    example("fake_creel")
}

/// The stand-in for the client of Railway.
pub fn fake_railway() -> PathBuf {
    example("fake_railway")
}

fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    if let Some(reason) = stale(&path) {
        panic!("{reason}; build it with: cargo build -p creel-fleet --examples");
    }
    path
}

/// Why a program is not what its sources say now. The list beside it, cargo's own, names them all.
fn stale(program: &Path) -> Option<String> {
    let changed = |path: &Path| -> Option<SystemTime> { std::fs::metadata(path).ok()?.modified().ok() };
    let shown = program.display();
    let Some(built) = changed(program) else {
        return Some(format!("{shown} is not there"));
    };
    let Ok(list) = std::fs::read_to_string(program.with_extension("d")) else {
        return Some(format!("{shown}.d, which names its sources, is not there"));
    };
    let sources = list
        .lines()
        .find_map(|line| line.split_once(": "))
        .map(|(_, sources)| sources);
    let newer = |source: &&str| changed(Path::new(source)).is_some_and(|changed| changed > built);
    let newer = sources.unwrap_or_default().split(' ').find(newer)?;
    Some(format!("{shown} is older than {newer}"))
}

/// Quick where nothing is waited for; what must come in time has as much as a busy machine takes.
pub fn impatient() -> Timing {
    Timing {
        native_start: Duration::from_secs(60),
        grace: Duration::from_secs(20),
        backoff_first: Duration::from_millis(10),
        look: Duration::from_millis(20),
        railway_start: Duration::from_secs(120),
        railway_look: Duration::from_millis(50),
        ..Timing::default()
    }
}

pub struct World {
    pub dir: TempDir,
    pub timing: Timing,
    pub docker_host: Option<String>,
    pub railway: Option<RailwayOptions>,
    first_port: u16,
}

impl World {
    pub fn new() -> Self {
        Self::from(creel_testkit::ports::range())
    }

    /// One for a hundred instances.
    pub fn large() -> Self {
        Self::from(creel_testkit::ports::range_of(120))
    }

    fn from(first_port: u16) -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            timing: impatient(),
            docker_host: None,
            railway: None,
            first_port,
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub async fn records(&self) -> Arc<dyn Records> {
        records(self.path()).await
    }

    pub async fn open(&self) -> Fleet {
        self.opening().open().await
    }

    /// What is needed to open it, for whoever does so elsewhere.
    pub fn opening(&self) -> Opening {
        Opening {
            path: self.path().to_owned(),
            timing: self.timing.clone(),
            docker_host: self.docker_host.clone(),
            railway: self.railway.clone(),
            first_port: self.first_port,
        }
    }

    /// A path inside an instance's directory.
    pub fn of(&self, name: &str, path: &str) -> PathBuf {
        self.path()
            .canonicalize()
            .unwrap()
            .join("instances")
            .join(name)
            .join(path)
    }

    /// Adds a line to an instance's environment file.
    pub fn set(&self, name: &str, line: &str) {
        let path = self.of(name, "instance.env");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{line}\n")).unwrap();
    }
}

pub struct Opening {
    path: PathBuf,
    timing: Timing,
    docker_host: Option<String>,
    railway: Option<RailwayOptions>,
    first_port: u16,
}

impl Opening {
    /// The home's lock is let go when the last task of the fleet before is gone, and what another test has forked just now has it until it is
    /// its program.
    pub async fn open(self) -> Fleet {
        let free = async {
            loop {
                match Home::open(&self.path) {
                    Err(FleetError::HomeInUse { .. }) => tokio::task::yield_now().await,
                    home => return home.unwrap(),
                }
            }
        };
        let home = tokio::time::timeout(PATIENCE, free).await.unwrap();
        let mut options = FleetOptions::new(home, records(&self.path).await, fake_creel());
        options.first_port = self.first_port;
        options.timing = self.timing;
        options.docker_host = self.docker_host;
        options.railway = self.railway.unwrap_or(options.railway);
        options.provider_env = vec![("OPENAI_API_KEY".into(), "sk-given-to-all".into())];
        Fleet::open(options).await.unwrap()
    }
}

async fn records(home: &Path) -> Arc<dyn Records> {
    Arc::new(
        SqlRecords::open(&DatabaseUrl::file(home.join("creel.db")))
            .await
            .unwrap(),
    )
}

impl Drop for World {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.path().join("instances"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            for pid in name.to_str().map(|name| gateways(self, name)).unwrap_or_default() {
                let groups = groups::of(pid);
                let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
                let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
                groups::remove(&groups);
            }
        }
    }
}

/// Makes an instance that plays this role, without starting it.
pub async fn cast(world: &World, fleet: &Fleet, name: &str, role: &str) -> Token {
    let (_, token) = fleet
        .create(CreateInstance {
            start: false,
            ..CreateInstance::new(id(name))
        })
        .await
        .unwrap();
    world.set(name, &format!("FAKE=\"{role}\""));
    token
}

/// Makes an instance and waits until it runs.
pub async fn running(fleet: &Fleet, name: &str) -> Instance {
    fleet.create(CreateInstance::new(id(name))).await.unwrap();
    settled(fleet, name).await
}

pub async fn settled(fleet: &Fleet, name: &str) -> Instance {
    fleet.wait_settled(&id(name), PATIENCE).await.unwrap()
}

pub async fn until(fleet: &Fleet, name: &str, wanted: impl Fn(&Instance) -> bool) -> Instance {
    let mut changes = fleet.subscribe();
    let wait = async {
        loop {
            if let Some(instance) = fleet.get(&id(name)).filter(&wanted) {
                return instance;
            }
            changes.recv().await.unwrap();
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(instance) => instance,
        Err(_) => panic!("{:?} is not what was waited for", fleet.get(&id(name))),
    }
}

pub fn start_failure(result: Result<Instance, FleetError>) -> (String, Vec<String>) {
    match result {
        Err(FleetError::StartFailed { reason, log, .. }) => (reason, log),
        other => panic!("expected a failed start, got {other:?}"),
    }
}

/// Asks an instance's gateway; nothing if it does not answer.
pub async fn get(instance: &Instance, path: &str) -> Option<String> {
    let (_, port) = instance.url.as_ref()?.rsplit_once(':')?;
    get_from(port.parse().ok()?, path).await
}

/// As [`get`], of whoever has this port.
pub async fn get_from(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())
        .await
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

/// Whether a process runs (one that has ended and waits to be reaped does not).
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.starts_with(" Z") && !rest.starts_with(" X"))
}

/// Pids of the gateways that run for an instance of this home, whoever knows of them.
pub fn gateways(world: &World, name: &str) -> Vec<u32> {
    let wanted = format!("OPENCLAW_STATE_DIR={}", world.of(name, "data").display());
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            lives(*pid)
                && environment
                    .split(|byte| *byte == 0)
                    .any(|line| line == wanted.as_bytes())
        })
        .collect()
}

pub fn is_running(instance: &Instance) -> bool {
    instance.status == Status::Running
}

/// Puts a version of upstream into the world's home: this program in Node's place, or one that fails.
pub fn install_openclaw(world: &World, version: &str, program: Option<&Path>) {
    let modules = world.path().join(format!("runtimes/openclaw-{version}/node_modules"));
    let node = modules.join("node/bin/node");
    std::fs::create_dir_all(node.parent().unwrap()).unwrap();
    std::fs::create_dir_all(modules.join("openclaw")).unwrap();
    std::fs::write(
        modules.join("openclaw/package.json"),
        format!(r#"{{"version":"{version}"}}"#),
    )
    .unwrap();
    // Written by another process: what is forked here meanwhile would have it open for writing, and nobody could run it.
    let fails = world.path().join("fails");
    std::fs::write(&fails, "#!/bin/sh\nexit 1\n").unwrap();
    let mut install = std::process::Command::new("install");
    install.arg("--mode=755").arg(program.unwrap_or(&fails)).arg(&node);
    assert!(install.status().unwrap().success());
}
