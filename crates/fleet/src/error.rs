//! What can go wrong with an instance, said to the user in one line: what, where, what to do.

use std::path::PathBuf;
use std::time::Duration;

use creel_config::ConfigError;
use creel_records::{Desired, Driver, RecordsError, Runtime, Status};

use crate::template::BrokenTemplate;
use crate::{InstanceId, InvalidId};

/// An error of the fleet.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error(transparent)]
    InvalidId(#[from] InvalidId),

    /// A value of a request cannot be; `field` is its name in the request.
    #[error("{field}: {reason}")]
    Invalid { field: &'static str, reason: String },

    /// It must be awake for these chat platforms; `field` is what was asked for.
    #[error(
        "{field}: an instance that is connected to a chat platform ({}) stays on: asleep or stopped it would lose messages",
        platforms.join(", ")
    )]
    StaysOn {
        field: &'static str,
        platforms: Vec<String>,
    },

    #[error("instance id \"{0}\" is taken; choose another")]
    Taken(InstanceId),

    #[error("there is no instance \"{0}\"")]
    NotFound(InstanceId),

    /// An instance of this id was removed and its data kept: nobody gets that by accident.
    #[error(
        "the data of a removed instance \"{0}\" is kept: take it up with --keep-data (\"keep_data\": true), or delete it with \
         `creel instance rm {0} --purge`"
    )]
    DataKept(InstanceId),

    /// All that there is of it is the data that was kept, which was not to be deleted.
    #[error("there is no instance \"{0}\" any more, only the data that was kept; --purge (?purge=true) deletes that")]
    OnlyData(InstanceId),

    /// Data that a process uses whom this control plane did not start.
    #[error(
        "another process{} uses the data of \"{id}\"; end it first (`docker compose down`, where a compose file runs it)",
        pid.map(|pid| format!(" ({pid})")).unwrap_or_default()
    )]
    DataInUse { id: InstanceId, pid: Option<u32> },

    #[error("port {port} is in use by {owner}; choose another, or leave it out to get a free one")]
    PortInUse { port: u16, owner: String },

    /// Of an instance that was made with this port.
    #[error(
        "port {port} is in use by another program; end that one, or make the instance anew with another port: `creel instance rm {id}`, \
         then `creel instance create {id} --keep-data`"
    )]
    OwnPortInUse { id: InstanceId, port: u16 },

    #[error("no free port from {first} up; stop something, or choose a port below")]
    NoFreePort { first: u16 },

    /// The start ended in an error; `log` holds the instance's own last log lines.
    #[error(
        "instance \"{id}\" did not start: {reason}. Its log (`creel instance logs {id}`) has more; `creel instance start {id}` tries \
         again"
    )]
    StartFailed {
        id: InstanceId,
        reason: String,
        log: Vec<String>,
    },

    /// What it was to run instead did not get ready.
    #[error("instance \"{id}\" was not upgraded, and {}: {reason}", if *runs { "runs what it ran before" } else { "does not run what it ran before either" })]
    RolledBack {
        id: InstanceId,
        reason: Box<FleetError>,
        runs: bool,
    },

    /// It was to be restarted, but could not be started again: the process that runs was left alone.
    #[error("instance \"{id}\" was not restarted and goes on as it was: {reason}")]
    GoesOn { id: InstanceId, reason: Box<FleetError> },

    /// Only what runs can be put to sleep, and only what sleeps be woken.
    #[error("instance \"{id}\" is {status} and cannot be {what}; start it first")]
    NotRunning {
        id: InstanceId,
        status: Status,
        what: &'static str,
    },

    /// It could not be put to sleep.
    #[error("instance \"{id}\" was not put to sleep: {reason}")]
    Sleepless { id: InstanceId, reason: String },

    /// It is stopped, and perhaps its data is deleted, but it is recorded yet.
    #[error("instance \"{id}\" is stopped, but not removed to the end: {reason}; remove it again")]
    HalfRemoved { id: InstanceId, reason: Box<FleetError> },

    /// Someone else changed the desired state while this call waited.
    #[error("instance \"{id}\" was {instead} by someone else in the meantime")]
    Superseded { id: InstanceId, instead: &'static str },

    #[error("instance \"{id}\" did not settle within {} s", waited.as_secs())]
    NotSettled { id: InstanceId, waited: Duration },

    /// Somebody else wrote it since it was read; nothing was changed.
    #[error("the configuration of \"{0}\" was changed elsewhere since it was read; read it again")]
    Changed(InstanceId),

    /// There is no template of this path.
    #[error("there is no template \"{path}\"; there are {}", known.join(", "))]
    NoTemplate { path: String, known: Vec<&'static str> },

    /// Somebody else wrote it since it was read; nothing was changed.
    #[error("the template \"{0}\" was changed elsewhere since it was read; read it again")]
    TemplateChanged(String),

    /// A template cannot be used; nothing was changed.
    #[error(transparent)]
    Template(#[from] BrokenTemplate),

    /// What a person wrote and what the template says now cannot both be.
    #[error(
        "the configuration of \"{id}\" and its template say different things at {}; say which is to count: `creel instance config sync \
         {id} --conflicts keep|template` (\"conflicts\")", paths.join(", ")
    )]
    Conflicts { id: InstanceId, paths: Vec<String> },

    /// The configuration text is broken; nothing was changed.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The runtime could not be installed.
    #[error("cannot install the runtime {runtime} {version}: {reason}")]
    Runtime {
        runtime: Runtime,
        version: String,
        reason: String,
    },

    /// What upstream needs for a channel could not be installed.
    #[error("cannot install the plugin {package} {version}: {reason}")]
    Plugin {
        package: &'static str,
        version: &'static str,
        reason: String,
    },

    #[error("{} is already used by another creel (process {pid}); stop that one first, or choose another --home", path.display())]
    HomeInUse { path: PathBuf, pid: String },

    /// A file of the home directory could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },

    /// A secret on disk does not fit the master key.
    #[error("the sealed token of instance \"{0}\" does not open with this home's secrets/master.key; rotate the token")]
    Sealed(InstanceId),

    /// Where it is to run does not answer; what is there is not known, and nothing was changed.
    #[error("{reason}")]
    Away { reason: String },

    /// Where it is to run will not have it.
    #[error("{driver}: {reason}")]
    Driver { driver: Driver, reason: String },

    #[error(transparent)]
    Records(#[from] RecordsError),

    /// The fleet is shutting down.
    #[error("creel is stopping; try again when it is up")]
    ShuttingDown,
}

impl FleetError {
    /// Somebody wanted `desired` of it.
    pub(crate) fn superseded(id: InstanceId, desired: Desired) -> Self {
        let instead = match desired {
            Desired::Running => "started",
            Desired::Stopped => "stopped",
            Desired::Sleeping => "put to sleep",
            Desired::Removed | Desired::Purged => "removed",
        };
        Self::Superseded { id, instead }
    }

    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            reason: reason.into(),
        }
    }

    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
