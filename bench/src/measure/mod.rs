//! What is measured: one file each. A measurement gives rows for the table and the samples behind them.

mod alive;
mod asleep;
mod docker;
mod fleet;
mod idle;
mod llm;
mod start;
mod tenants;
mod throughput;
mod turn;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::peers::{Gateway, Runtime, litellm, nginx, portkey};
use crate::process::Process;
use crate::provider;
use crate::report::Row;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measurement {
    /// From starting a program to its first good answer on /readyz
    Start,
    /// Memory at rest
    Idle,
    /// Time added to a turn
    Turn,
    /// Turns per second at 20 concurrent
    Throughput,
    /// Native instances alive in 2 GiB
    Alive,
    /// Upstream put to sleep and woken
    Asleep,
    /// The LLM Gateway beside nginx, Portkey and LiteLLM
    Llm,
    /// A gateway for many users
    Tenants,
    /// The control plane, and instances made at once
    Fleet,
    /// Instances in containers beside upstream's own fleet
    Docker,
}

/// Ports below the range from which the kernel takes ports for outgoing connections.
const FIRST_PORT: u16 = 20_000;
const PROVIDER_PORT: u16 = 19_999;

/// Where `scripts/setup bench` put what is compared.
#[derive(Args)]
pub struct Installed {
    /// Where upstream is: holds node_modules/{node,openclaw}; without it, Creel is measured alone
    #[arg(long, env = "CREEL_OPENCLAW_CACHE")]
    openclaw: Option<PathBuf>,
    /// Where Portkey is: holds node_modules/@portkey-ai/gateway
    #[arg(long, env = "CREEL_PORTKEY")]
    portkey: Option<PathBuf>,
    /// Where LiteLLM is: a Python environment
    #[arg(long, env = "CREEL_LITELLM")]
    litellm: Option<PathBuf>,
}

/// What the LLM Gateway is compared with.
struct LlmPeers {
    portkey: PathBuf,
    litellm: PathBuf,
    /// Holds node_modules/node, which Portkey runs on.
    node: PathBuf,
}

/// What every measurement works with.
pub struct Bench {
    native: Runtime,
    openclaw: Option<Runtime>,
    installed: Installed,
    quick: bool,
    home: TempDir,
    _provider: Process,
}

/// Both gateways, running.
struct Pair {
    native: Gateway,
    openclaw: Option<Gateway>,
}

/// Raw figures by name, for the JSON file.
pub type Samples = Map<String, Value>;

impl Bench {
    pub async fn start(creel: &Path, installed: Installed, quick: bool) -> anyhow::Result<Self> {
        let absolute = |path: &Path| -> anyhow::Result<PathBuf> {
            path.canonicalize()
                .with_context(|| format!("{} is not there", path.display()))
        };
        let home = TempDir::with_prefix("creel-bench-")?;
        let provider = provider::start(PROVIDER_PORT, 1, home.path()).await?;
        if installed.openclaw.is_none() {
            eprintln!("bench: no upstream to compare with: set CREEL_OPENCLAW_CACHE, or use `make bench`");
        }
        let native = Runtime::Native(absolute(creel)?);
        let openclaw = installed
            .openclaw
            .as_deref()
            .map(absolute)
            .transpose()?
            .map(Runtime::Openclaw);
        native.version()?;
        Ok(Self {
            native,
            openclaw,
            installed,
            quick,
            home,
            _provider: provider,
        })
    }

    /// The binary that is measured.
    fn creel(&self) -> anyhow::Result<&Path> {
        match &self.native {
            Runtime::Native(creel) => Ok(creel),
            Runtime::Openclaw(_) => anyhow::bail!("the native runtime is the binary"),
        }
    }

    fn llm_peers(&self) -> anyhow::Result<LlmPeers> {
        let path = |path: &Option<PathBuf>, name: &str| {
            path.clone().with_context(|| {
                format!(
                    "no {name} to compare with: use `make bench`, or `. scripts/env.sh` after `scripts/setup bench`"
                )
            })
        };
        Ok(LlmPeers {
            portkey: path(&self.installed.portkey, "Portkey")?,
            litellm: path(&self.installed.litellm, "LiteLLM")?,
            node: path(&self.installed.openclaw, "Node")?,
        })
    }

    /// Program and version of each peer that is installed.
    pub fn versions(&self) -> Value {
        let version = |runtime: &Runtime| runtime.version().ok();
        let of = |path: &Option<PathBuf>, ask: fn(&Path) -> anyhow::Result<String>| {
            path.as_deref().and_then(|path| ask(path).ok())
        };
        json!({
            "native": version(&self.native),
            "openclaw": self.openclaw.as_ref().and_then(version),
            "nginx": nginx::version().ok(),
            "portkey": of(&self.installed.portkey, portkey::version),
            "litellm": of(&self.installed.litellm, litellm::version),
        })
    }

    /// A prepared directory of this name.
    fn directory(&self, runtime: &Runtime, name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.home.path().join(name);
        runtime.prepare(&directory, PROVIDER_PORT)?;
        Ok(directory)
    }

    async fn pair(&self) -> anyhow::Result<Pair> {
        let native = self
            .native
            .start(&self.directory(&self.native, "native")?, free_port(FIRST_PORT)?)
            .await?;
        let openclaw = match &self.openclaw {
            Some(runtime) => Some(
                runtime
                    .start(&self.directory(runtime, "openclaw")?, free_port(native.port + 1)?)
                    .await?,
            ),
            None => None,
        };
        Ok(Pair { native, openclaw })
    }
}

/// Everything, or what was asked for, in the order in which one disturbs the next least.
pub async fn all(bench: &Bench, only: &[Measurement]) -> anyhow::Result<(Vec<Row>, Samples)> {
    let wanted = |measurement| only.is_empty() || only.contains(&measurement);
    let mut rows = Vec::new();
    let mut samples = Samples::new();
    if wanted(Measurement::Start) {
        eprintln!("bench: start to ready");
        rows.extend(start::measure(bench, &mut samples).await?);
    }
    if [Measurement::Idle, Measurement::Turn, Measurement::Throughput]
        .into_iter()
        .any(wanted)
    {
        eprintln!("bench: starting both gateways");
        let pair = bench.pair().await?;
        if wanted(Measurement::Idle) {
            eprintln!("bench: memory at rest");
            rows.extend(idle::measure(&pair, "idle memory, alone, MiB PSS", true).await);
        }
        if wanted(Measurement::Turn) {
            eprintln!("bench: time added to a turn");
            rows.extend(turn::measure(bench, &pair, &mut samples).await?);
        }
        if wanted(Measurement::Throughput) {
            eprintln!("bench: turns per second");
            rows.extend(throughput::measure(bench, &pair, &mut samples).await?);
            rows.extend(idle::measure(&pair, "memory at rest after that, MiB PSS", false).await);
        }
    }
    if wanted(Measurement::Alive) {
        eprintln!("bench: many native instances");
        rows.extend(alive::measure(bench, &mut samples).await?);
    }
    if wanted(Measurement::Asleep) {
        eprintln!("bench: upstream asleep");
        rows.extend(asleep::measure(bench, &mut samples).await?);
    }
    if wanted(Measurement::Llm) {
        eprintln!("bench: the LLM Gateway, nginx, Portkey and LiteLLM");
        rows.extend(llm::measure(bench, &mut samples).await?);
    }
    if wanted(Measurement::Tenants) {
        eprintln!("bench: a gateway for many users");
        rows.extend(tenants::measure(bench, &mut samples).await?);
    }
    if wanted(Measurement::Fleet) {
        eprintln!("bench: the control plane, and instances made at once");
        rows.extend(fleet::measure(bench, &mut samples).await?);
    }
    if wanted(Measurement::Docker) {
        eprintln!("bench: instances in containers, and upstream's own fleet");
        rows.extend(docker::measure(bench, &mut samples).await?);
    }
    Ok((rows, samples))
}

/// The first port from this one on that nobody listens on.
fn free_port(from: u16) -> anyhow::Result<u16> {
    (from..32_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no free port")
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}
