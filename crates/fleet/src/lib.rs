//! The fleet: instances, their directories, their processes, and the one supervisor that makes what is recorded true.
//!
//! The Cloud Backend and `creel up` call this room through [`Fleet`]. An instance has two states: what it should be (desired,
//! recorded) and what it was last seen to be (observed). One actor task per instance owns its process and both states, and
//! takes one step after another towards the desired one; everyone else reads snapshots ([`Fleet::list`]) and changes
//! ([`Fleet::subscribe`]). A control plane that dies leaves its instances serving: [`Fleet::open`] adopts them.
//!
//! Who calls whom: [`Fleet`] (`fleet/`) -> `actor/` (state machine) -> `driver/` (how an instance is started, watched and ended where
//! it runs) -> for a process `sandbox/` (the wrapper that confines it) -> the program of `runtime/`.
//!
//! This room may not know HTTP servers, users or credits. It speaks to an instance through its environment, its signals
//! and `GET /readyz`.

mod actor;
mod channel;
mod config_version;
mod configuration;
mod credentials;
mod directory;
pub mod doctor;
mod driver;
mod environment;
mod error;
mod fault;
pub mod fill;
mod fleet;
mod home;
mod id;
mod idle;
mod instance;
mod logs;
pub mod plan;
mod port;
mod probe;
mod procfs;
mod runtime;
mod sandbox;
mod shared;
mod stats;
mod template;
mod token;

pub use channel::{CHANNELS, ChannelType, Field, Plugin, warnings as channel_warnings};
pub use config_version::ConfigVersion;
pub use credentials::Credentials;
pub use driver::docker::{Composed, Composer};
pub use driver::railway::RailwayOptions;
pub use error::FleetError;
pub use fleet::{
    CgroupVersion, ChangeInstance, ConfigDiff, Conflicts, DRIVERS, DefaultMemory, DriverFacts, Feature, Fleet,
    FleetOptions, HostFacts, ImageFacts, MEMORY_LIMITS, Synced, Timing, Upgrade, features_without_a_fleet,
};
pub use home::{Home, write_private};
pub use id::{InstanceId, InvalidId};
pub use idle::Engaged;
pub use instance::{CreateInstance, Endpoint, FleetEvent, HostSample, Instance, Sample};
pub use logs::{Found as FoundLines, LogLines, LogQuery};
pub use port::FIRST as FIRST_PORT;
pub use sandbox::{SandboxError, sandbox_exec};
pub use template::{
    BrokenTemplate, Conflict, Draft, Drafted, Listed as ListedTemplate, RailwayFile, Shown as ShownTemplate, Template,
    find as find_template,
};
pub use token::{Sealer, Token};

pub use creel_config::{ConfigError, Secret};
pub use creel_records::{Channel, Desired, Driver, Idle, Runtime, Status};

/// The version of upstream OpenClaw that a new `openclaw` instance is pinned to.
pub const OPENCLAW_VERSION: &str = "2026.9.6";
