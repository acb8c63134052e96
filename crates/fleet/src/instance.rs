//! What the fleet says about an instance, and what it is told to make one.

use std::net::SocketAddr;
use std::sync::Arc;

use creel_records::{Channel, Desired, Driver, Event, Idle, InstanceRecord, Runtime, Status};
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::driver::Limits;
use crate::{InstanceId, Token};

/// An instance as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Instance {
    pub id: InstanceId,
    pub name: String,
    pub runtime: Runtime,
    pub driver: Driver,
    pub status: Status,
    pub desired: Desired,
    /// The port of this host where it listens, or will; none where it runs elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Where people reach it; none while that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Secrets in a channel's config are references to the instance's environment file.
    pub channels: Vec<Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The runtime's version; for `native` that of this Creel.
    pub version: String,
    /// Limits; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// What becomes of it when it has nothing to do.
    pub idle: Idle,
    /// The container image it runs, pinned; absent where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What was changed of it behind Creel's back, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// The name that its driver knows it by elsewhere.
    #[serde(skip)]
    pub(crate) external_id: Option<String>,
    /// Those that what runs was started with.
    #[serde(skip)]
    pub(crate) limits: Limits,
    /// Milliseconds since the Unix epoch here, RFC 3339 in JSON (likewise below).
    #[serde(serialize_with = "rfc3339")]
    pub created_at: i64,
    #[serde(serialize_with = "rfc3339")]
    pub updated_at: i64,
    /// When the running process was started.
    #[serde(serialize_with = "rfc3339_option", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// Memory in use of the whole process tree: PSS, or the resident size where Creel cannot learn that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_used_bytes: Option<u64>,
    /// CPU in use, 100 = one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f32>,
    /// Why it is in status `error`, or what last went wrong while it is being restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What is being done right now, for example `installing openclaw 2026.9.6`; while it runs, that this start took another port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Instance {
    /// Where it is reached is its driver's to say.
    pub(crate) fn from_record(id: InstanceId, record: &InstanceRecord) -> Self {
        Self {
            url: None,
            id,
            name: record.name.clone(),
            runtime: record.runtime,
            driver: record.driver,
            status: record.status,
            desired: record.desired,
            port: None,
            pid: record.pid,
            channels: record.channels.clone(),
            model: record.model.clone(),
            version: record
                .version
                .clone()
                .unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
            memory_limit_bytes: record.memory_bytes,
            cpus: record.cpus,
            idle: record.idle,
            image: record.image.clone(),
            drift: Vec::new(),
            external_id: record.external_id.clone(),
            limits: Limits::default(),
            created_at: record.created_at,
            updated_at: record.updated_at,
            started_at: None,
            memory_used_bytes: None,
            cpu_percent: None,
            error: record.error.clone(),
            message: None,
        }
    }
}

/// RFC 3339 in UTC, milliseconds kept.
pub(crate) fn to_rfc3339(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

fn rfc3339<S: Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_rfc3339(*ms))
}

fn rfc3339_option<S: Serializer>(ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match ms {
        Some(ms) => rfc3339(ms, serializer),
        None => serializer.serialize_none(),
    }
}

/// What to make. The id is parsed already; everything else is checked by [`crate::Fleet::create`].
#[derive(Debug, Clone)]
pub struct CreateInstance {
    pub id: InstanceId,
    /// Shown to people; the id if absent.
    pub name: Option<String>,
    pub runtime: Runtime,
    pub driver: Driver,
    pub channels: Vec<Channel>,
    /// `provider/model`; the runtime's default if absent.
    pub model: Option<String>,
    /// A port of the user's choice: never replaced. Absent: the first free one.
    pub port: Option<u16>,
    /// Absent: the default of its runtime.
    pub memory_limit_bytes: Option<u64>,
    pub cpus: Option<f64>,
    pub idle: Idle,
    /// Version of the `openclaw` runtime; [`crate::OPENCLAW_VERSION`] if absent.
    pub version: Option<String>,
    /// The container image to run, for the drivers that have such; that of its runtime if absent.
    pub image: Option<String>,
    /// Takes up what was kept of a removed instance of this id, if anything was; without it that is an error.
    pub keep_data: bool,
    pub start: bool,
}

impl CreateInstance {
    /// A native instance with every default, to be started.
    #[must_use]
    pub fn new(id: InstanceId) -> Self {
        Self {
            id,
            name: None,
            runtime: Runtime::Native,
            driver: Driver::Process,
            channels: Vec::new(),
            model: None,
            port: None,
            memory_limit_bytes: None,
            cpus: None,
            idle: Idle::Always,
            version: None,
            image: None,
            keep_data: false,
            start: true,
        }
    }
}

/// A change, as it happens. A subscriber that lags sees the newest state in [`crate::Fleet::list`].
#[derive(Debug, Clone)]
pub enum FleetEvent {
    Changed(Arc<Instance>),
    Removed(InstanceId),
    /// Something was written to the activity log.
    Noted(Arc<Event>),
}

/// Where an instance listens and what it must be shown.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub addr: SocketAddr,
    pub token: Token,
}

/// One measurement of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// 100 = one core.
    pub cpu_percent: f32,
    pub memory_bytes: u64,
}

/// One measurement of the host.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HostSample {
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// 100 = every core busy.
    pub cpu_percent: f32,
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
    /// All instances together, 100 = one core.
    pub instances_cpu_percent: f32,
    pub instances_memory_bytes: u64,
}
