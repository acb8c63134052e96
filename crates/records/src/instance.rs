//! What is remembered of an instance: what it is, what it should be (desired) and what it was last seen to be (observed).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Idle;

/// A name that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is no {what}; known are {known}")]
pub struct UnknownName {
    pub what: &'static str,
    pub name: String,
    pub known: String,
}

/// Declares an enum whose variants have one spelling everywhere: database, JSON, command line.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident, $what:literal, { $($(#[$vdoc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $type { $($(#[$vdoc])* #[serde(rename = $name)] $variant),+ }

        impl $type {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The one spelling, used in the database, in JSON and on the command line.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = UnknownName;

            fn from_str(name: &str) -> Result<Self, UnknownName> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownName { what: $what, name: name.to_owned(), known: [$($name),+].join(", ") }),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named!(
    /// The program an instance runs.
    Runtime, "runtime", {
        /// Creel's own gateway.
        Native = "native",
        /// The real upstream, on Node.
        Openclaw = "openclaw",
    }
);

named!(
    /// Where an instance runs.
    Driver, "driver", {
        Process = "process",
        Docker = "docker",
        Kubernetes = "kubernetes",
        Railway = "railway",
    }
);

named!(
    /// What an instance should be.
    Desired, "desired state", {
        Running = "running",
        Stopped = "stopped",
        Sleeping = "sleeping",
        /// Removal has begun and will be finished, data kept.
        Removed = "removed",
        /// Removal has begun and will be finished, data deleted.
        Purged = "purged",
    }
);

named!(
    /// What an instance was last seen to be.
    Status, "status", {
        Created = "created",
        Starting = "starting",
        Running = "running",
        Sleeping = "sleeping",
        Stopping = "stopping",
        Stopped = "stopped",
        Error = "error",
    }
);

impl Status {
    /// Whether the status is on its way to another one.
    #[must_use]
    pub fn is_transitional(self) -> bool {
        matches!(self, Self::Starting | Self::Stopping)
    }
}

/// A chat platform connection of an instance. Secrets in `config` are references (`${FEISHU_APP_SECRET}`), not values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub config: serde_json::Value,
}

/// An instance to record.
#[derive(Clone)]
pub struct NewInstance {
    pub id: String,
    pub name: String,
    pub runtime: Runtime,
    pub driver: Driver,
    pub channels: Vec<Channel>,
    pub model: Option<String>,
    pub port: u16,
    /// Whether the user chose the port (then it is never replaced by another).
    pub port_fixed: bool,
    /// The runtime's version, pinned.
    pub version: Option<String>,
    /// Memory limit in bytes.
    pub memory_bytes: Option<u64>,
    /// CPU limit in cores.
    pub cpus: Option<f64>,
    /// The container image it runs, pinned; for the drivers that have such.
    pub image: Option<String>,
    pub idle: Idle,
    pub desired: Desired,
    pub token_sha256: [u8; 32],
    /// The gateway token, sealed with the home's master key.
    pub token_sealed: Vec<u8>,
}

/// An instance as it is recorded.
#[derive(Clone, PartialEq)]
pub struct InstanceRecord {
    pub id: String,
    pub name: String,
    pub runtime: Runtime,
    pub driver: Driver,
    pub channels: Vec<Channel>,
    pub model: Option<String>,
    pub port: u16,
    pub port_fixed: bool,
    pub version: Option<String>,
    pub memory_bytes: Option<u64>,
    pub cpus: Option<f64>,
    pub idle: Idle,
    pub desired: Desired,
    pub status: Status,
    pub error: Option<String>,
    pub pid: Option<u32>,
    /// Start time of `pid` in clock ticks since boot (`/proc/<pid>/stat`, field 22): with it a reused pid is noticed.
    pub pid_started: Option<u64>,
    /// The name that its driver knows it by elsewhere: a container's id, a service's.
    pub external_id: Option<String>,
    pub image: Option<String>,
    pub token_sha256: [u8; 32],
    pub token_sealed: Vec<u8>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl fmt::Debug for InstanceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceRecord")
            .field("id", &self.id)
            .field("desired", &self.desired)
            .field("status", &self.status)
            .field("port", &self.port)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

/// What was seen of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    pub status: Status,
    pub pid: Option<u32>,
    pub pid_started: Option<u64>,
    pub external_id: Option<String>,
    pub error: Option<String>,
}

/// What to change of an instance; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstanceChange {
    pub name: Option<String>,
    pub channels: Option<Vec<Channel>>,
    pub model: Option<String>,
    pub port: Option<u16>,
    pub version: Option<String>,
    /// `Some(None)` takes the limit away.
    pub memory_bytes: Option<Option<u64>>,
    /// `Some(None)` takes the limit away.
    pub cpus: Option<Option<f64>>,
    pub image: Option<String>,
    pub idle: Option<Idle>,
}
