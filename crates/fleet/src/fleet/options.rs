//! What a fleet is opened with.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use creel_config::Secret;
use creel_records::{Records, Runtime};

use crate::{Credentials, Home, RailwayOptions, port};

/// What a fleet needs to know.
pub struct FleetOptions {
    pub home: Home,
    pub records: Arc<dyn Records>,
    /// The `creel` binary: the native runtime, and (as `creel sandbox-exec`) the wrapper that confines every process.
    pub creel_exe: PathBuf,
    /// Handed to every instance, for example `OPENAI_API_KEY`.
    pub provider_env: Vec<(String, Secret)>,
    /// What each instance is handed of its own.
    pub credentials: Option<Arc<dyn Credentials>>,
    /// The host name or address shown in an instance's URL.
    pub host: String,
    /// Where the search for an instance's port begins.
    pub first_port: u16,
    /// A directory that holds `node_modules/{node,openclaw}`; used, never written, for instances of the version it holds.
    pub openclaw_cache: Option<PathBuf>,
    /// As `DOCKER_HOST` names a container engine, `unix://…`; where engines are usually found if there is none.
    pub docker_host: Option<String>,
    /// The client of Railway.
    pub railway: RailwayOptions,
    pub timing: Timing,
    pub default_memory: DefaultMemory,
}

impl FleetOptions {
    /// With every default: no provider keys, `127.0.0.1`, the cache that `CREEL_OPENCLAW_CACHE` names.
    #[must_use]
    pub fn new(home: Home, records: Arc<dyn Records>, creel_exe: PathBuf) -> Self {
        Self {
            home,
            records,
            creel_exe,
            provider_env: Vec::new(),
            credentials: None,
            host: Ipv4Addr::LOCALHOST.to_string(),
            first_port: port::FIRST,
            openclaw_cache: std::env::var_os("CREEL_OPENCLAW_CACHE").map(PathBuf::from),
            docker_host: std::env::var("DOCKER_HOST").ok(),
            railway: RailwayOptions::from_environment(),
            timing: Timing::default(),
            default_memory: DefaultMemory::default(),
        }
    }
}

/// What an instance that asks for no limit may use of memory, in bytes, tools and all; `None` is no limit.
#[derive(Debug, Clone, Copy)]
pub struct DefaultMemory {
    pub native: Option<u64>,
    pub openclaw: Option<u64>,
}

impl Default for DefaultMemory {
    /// A native gateway is a few MiB, upstream 800 and more; the rest is for the tools that they start.
    fn default() -> Self {
        Self {
            native: Some(1 << 30),
            openclaw: Some(3 << 30),
        }
    }
}

impl DefaultMemory {
    pub(crate) fn of(self, runtime: Runtime) -> Option<u64> {
        match runtime {
            Runtime::Native => self.native,
            Runtime::Openclaw => self.openclaw,
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone)]
pub struct Timing {
    /// From start to ready, native.
    pub native_start: Duration,
    /// From start to ready, openclaw (9 to 13 s where it was measured, more where many start at once).
    pub openclaw_start: Duration,
    /// From the upload to ready, on Railway: an image is built and pulled there first.
    pub railway_start: Duration,
    /// Between two looks at what runs on Railway, each of them a call of its client or two.
    pub railway_look: Duration,
    /// From SIGTERM to SIGKILL: time to drain.
    pub grace: Duration,
    /// Before the first restart after a crash; doubled for each further one.
    pub backoff_first: Duration,
    pub backoff_longest: Duration,
    /// Crashes in a row after which an instance is left alone, in status `error`.
    pub crash_limit: u32,
    /// Once it has served for this long, earlier crashes are forgotten.
    pub healthy_after: Duration,
    /// Between two looks at who has nothing to do and who sleeps and is wanted.
    pub look: Duration,
    /// What idle policies count in.
    pub minute: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            native_start: Duration::from_secs(15),
            openclaw_start: Duration::from_secs(120),
            railway_start: Duration::from_secs(900),
            railway_look: Duration::from_secs(15),
            grace: Duration::from_secs(30),
            backoff_first: Duration::from_millis(200),
            backoff_longest: Duration::from_secs(30),
            crash_limit: 5,
            healthy_after: Duration::from_secs(60),
            look: Duration::from_secs(1),
            minute: Duration::from_secs(60),
        }
    }
}
