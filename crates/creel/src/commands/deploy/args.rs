//! `creel deploy render …`, as the command line has it. Every value is parsed into a type that cannot break out of the file it goes into.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use creel_fleet::{InstanceId, Runtime};

use super::values::{
    AbsolutePath, Account, Address, DataDirectory, Host, Image, Model, Quantity, RelativePath, Target,
};
use super::zone::Zone;
use crate::commands::instance::ChannelArgs;

fn ip(text: &str) -> Result<IpAddr, &'static str> {
    text.parse().map_err(|_| "give an IP address, such as 127.0.0.1")
}

#[derive(Subcommand)]
pub enum DeployCommand {
    /// Write the files that run Creel elsewhere; nothing of this machine is changed
    #[command(subcommand)]
    Render(RenderCommand),
}

#[derive(Subcommand)]
pub enum RenderCommand {
    /// A hardened systemd unit for a gateway for many users
    Systemd(SystemdArgs),
    /// A hardened systemd unit for the control plane, `creel up`
    SystemdUp(SystemdUpArgs),
    /// nginx before several gateways: TLS, each user to the same gateway, streams and WebSockets
    Nginx(NginxArgs),
    /// What Prometheus scrapes, and its alert rules
    Prometheus(PrometheusArgs),
    /// A compose file that runs recorded instances, with their secrets beside it; instances that `creel up` runs are stopped first
    Compose(ComposeArgs),
    /// A compose file and a Dockerfile for a gateway for many users
    ComposeGateway(ComposeGatewayArgs),
    /// railway.toml for one instance on Railway
    Railway(RailwayArgs),
    /// Manifests for one instance on Kubernetes
    Kubernetes(KubernetesArgs),
}

#[derive(Args)]
pub struct Output {
    /// Where to write: a file, or a directory where there are several [default: standard output]
    #[arg(long, value_name = "FILE|DIR", display_order = 800)]
    pub out: Option<PathBuf>,
    /// Write over what is there
    #[arg(long, requires = "out", display_order = 800)]
    pub force: bool,
}

#[derive(Args)]
pub struct SystemdArgs {
    /// The program
    #[arg(long, value_name = "FILE", default_value = "/usr/local/bin/creel")]
    pub binary: AbsolutePath,
    /// The multi-tenant configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/openclaw/config.json")]
    pub config: AbsolutePath,
    /// Variables, such as OPENCLAW_SERVICE_TOKEN; it need not be there
    #[arg(long, value_name = "FILE", default_value = "/etc/openclaw/gateway.env")]
    pub environment: AbsolutePath,
    /// All that the gateway may write: workspaceRoot and configRoot are in here
    #[arg(long, value_name = "DIR", default_value = "/var/lib/openclaw")]
    pub data: DataDirectory,
    /// Who runs it
    #[arg(long, value_name = "NAME", default_value = "openclaw")]
    pub user: Account,
    /// [default: as the user is called]
    #[arg(long, value_name = "NAME")]
    pub group: Option<Account>,
    /// Address to listen on; without TLS before it, only this machine
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", value_parser = ip)]
    pub bind: IpAddr,
    /// Port to listen on
    #[arg(long, default_value_t = 18789, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Args)]
pub struct SystemdUpArgs {
    /// The program
    #[arg(long, value_name = "FILE", default_value = "/usr/local/bin/creel")]
    pub binary: AbsolutePath,
    /// Variables, such as CREEL_DATABASE_URL; it need not be there
    #[arg(long, value_name = "FILE", default_value = "/etc/creel/creel.env")]
    pub environment: AbsolutePath,
    /// CREEL_HOME, all that it may write
    #[arg(long, value_name = "DIR", default_value = "/var/lib/creel")]
    pub data: DataDirectory,
    /// Who runs it, and its instances
    #[arg(long, value_name = "NAME", default_value = "creel")]
    pub user: Account,
    /// [default: as the user is called]
    #[arg(long, value_name = "NAME")]
    pub group: Option<Account>,
    /// Address of the console and the API
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8000")]
    pub console: Address,
    /// Address of the LLM Gateway
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:4000")]
    pub llm: Address,
    /// Instances keep to limits of memory and CPU, and end with a control plane that is killed; else they outlive it, and it adopts them
    #[arg(long)]
    pub limits: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Args)]
pub struct NginxArgs {
    /// Name that users reach it by; repeat for more
    #[arg(long, value_name = "NAME", required = true)]
    pub server_name: Vec<Host>,
    /// A gateway; repeat for more
    #[arg(long, value_name = "HOST:PORT", required = true)]
    pub gateway: Vec<Target>,
    /// With the chain, PEM
    #[arg(long, value_name = "FILE", default_value = "/etc/nginx/creel.crt")]
    pub certificate: AbsolutePath,
    /// The certificate's key, PEM
    #[arg(long, value_name = "FILE", default_value = "/etc/nginx/creel.key")]
    pub key: AbsolutePath,
    /// Where requests are sent on to TLS from
    #[arg(long, value_name = "PORT", default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..))]
    pub http_port: u16,
    /// Where TLS is spoken
    #[arg(long, value_name = "PORT", default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..))]
    pub https_port: u16,
    /// For a host without IPv6
    #[arg(long)]
    pub ipv4_only: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Args)]
pub struct PrometheusArgs {
    /// A gateway for many users; repeat for more
    #[arg(long, value_name = "HOST:PORT", required = true)]
    pub gateway: Vec<Target>,
    /// An LLM Gateway; repeat for more
    #[arg(long, value_name = "HOST:PORT")]
    pub llm: Vec<Target>,
    /// Where Prometheus finds the alert rules
    #[arg(long, value_name = "FILE", default_value = "/etc/prometheus/creel-rules.yml")]
    pub rules: AbsolutePath,
    /// Holds the gateways' service token
    #[arg(long, value_name = "FILE", default_value = "/etc/prometheus/creel-service-token")]
    pub service_token_file: AbsolutePath,
    /// Holds the LLM Gateway's API token
    #[arg(long, value_name = "FILE", default_value = "/etc/prometheus/creel-admin-token")]
    pub admin_token_file: AbsolutePath,
    #[command(flatten)]
    pub output: Output,
}

/// Recorded instances of a home.
#[derive(Args)]
pub struct ComposeArgs {
    /// One or more [default: every instance]
    #[arg(value_name = "ID")]
    pub ids: Vec<InstanceId>,
    /// Their time zone [default: TZ of each instance.env, or of this command, else UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<Zone>,
    /// The directory that gets compose.yaml and secrets/ [default: only show the file]
    #[arg(long, value_name = "DIR", display_order = 800)]
    pub out: Option<PathBuf>,
    /// Write over what is there
    #[arg(long, requires = "out", display_order = 800)]
    pub force: bool,
}

#[derive(Args)]
pub struct ComposeGatewayArgs {
    /// What the image is called
    #[arg(long, value_name = "NAME:TAG", default_value = concat!("creel:", env!("CARGO_PKG_VERSION")))]
    pub image: Image,
    /// Address on the host; without TLS before it, only the host itself
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:18789")]
    pub publish: Address,
    #[command(flatten)]
    pub output: Output,
}

/// An instance that is run elsewhere.
#[derive(Args)]
pub struct InstanceArgs {
    /// Its id
    pub id: InstanceId,
    /// native or openclaw
    #[arg(long, default_value = "native")]
    pub runtime: Runtime,
    #[command(flatten)]
    pub channels: ChannelArgs,
    /// Model to ask
    #[arg(long, value_name = "PROVIDER/MODEL")]
    pub model: Option<Model>,
    /// Its time zone
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub timezone: Zone,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Args)]
pub struct RailwayArgs {
    #[command(flatten)]
    pub instance: InstanceArgs,
    /// What Railway builds, from the directory that is sent to it
    #[arg(long, value_name = "FILE", default_value = "Dockerfile.railway")]
    pub dockerfile: RelativePath,
}

#[derive(Args)]
pub struct KubernetesArgs {
    #[command(flatten)]
    pub instance: InstanceArgs,
    /// [default: creel of this version, or OpenClaw's own of the version that this creel runs]
    #[arg(long, value_name = "NAME:TAG")]
    pub image: Option<Image>,
    /// Memory limit [default: 512Mi, OpenClaw 2Gi]
    #[arg(long, value_name = "QUANTITY")]
    pub memory: Option<Quantity>,
    /// Limit of cores
    #[arg(long, value_name = "QUANTITY", default_value = "1")]
    pub cpus: Quantity,
    /// Size of the volume of its state
    #[arg(long, value_name = "QUANTITY", default_value = "1Gi")]
    pub storage: Quantity,
}
