//! Where an instance's program runs. One directory per driver, behind one seam.
//!
//! A start goes through three hands: [`Driver::prepare`] gets what it needs (a runtime, an image) and gives a [`Launcher`]; that
//! makes the thing, not yet doing anything ([`Made`]); once its [`Identity`] is recorded it is released and is [`Living`]. A
//! control plane that dies in between leaves something that [`Driver::find`] finds.
//!
//! The actor above knows no pid, no container and no service; a driver knows no desired state, no retry and no record.

pub mod absent;
pub mod cgroup;
pub mod docker;
mod exit;
pub mod process;
pub mod railway;
pub mod sleep;
pub mod trial;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use creel_config::Secret;
use creel_records::{InstanceRecord, Runtime};
use serde::{Deserialize, Serialize};

pub use self::exit::Exit;
use crate::channel::Plugin;
use crate::directory::InstanceDirectory;
use crate::fleet::Timing;
use crate::{FleetError, InstanceId, Token};

/// Something that comes true later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// Told what is being done, a line at a time.
pub type Say = dyn Fn(String) + Send + Sync;

/// Why nothing is started in a directory whose lock somebody holds whom Creel did not start.
fn lived_in_by_another(directory: &InstanceDirectory) -> String {
    format!(
        "another process runs in its directory: {} is locked; end it first (`docker compose down`, where a compose file runs it)",
        directory.lock().display()
    )
}

/// Processes and threads an instance may have; what upstream's own fleet gives its containers.
const MAX_PROCESSES: u64 = 512;

/// What an instance may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    pub memory_bytes: Option<u64>,
    pub cpus: Option<f64>,
}

/// A place where instances run.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Which of these limits it cannot keep, by their names in a request.
    fn missing(&self, limits: &Limits) -> Vec<&'static str>;

    /// Why it cannot keep them, and what to do.
    fn why_missing(&self) -> &'static str {
        "this host gives creel no control group to keep the limit with; leave it out, or run creel as a service with Delegate=yes"
    }

    /// Whether its instances listen on ports of this host: then a port is looked at before it is used.
    fn is_on_this_host(&self) -> bool {
        true
    }

    /// Whether its instances install what their channels need by themselves.
    fn installs_plugins(&self) -> bool {
        false
    }

    /// Whether what its instances install comes by this host's npm, which can say beforehand whether a registry has it.
    fn installs_by_our_npm(&self) -> bool {
        false
    }

    /// How long a start may take until it is ready.
    fn start_bound(&self, runtime: Runtime, timing: &Timing) -> Duration {
        crate::runtime::start_bound(runtime, timing)
    }

    /// Where people reach an instance, if that is not a port of this host.
    fn url(&self, _: &InstanceId) -> Option<String> {
        None
    }

    /// Gets what a start of this instance needs. May take minutes; dropped, it leaves nothing half done.
    async fn prepare(self: Arc<Self>, record: &InstanceRecord, say: &Say) -> Result<Arc<dyn Launcher>, FleetError>;

    /// Who lives there, whoever started it.
    async fn find(self: Arc<Self>, place: Place<'_>) -> Found;

    /// Clears what an end that nobody saw has left behind, once its last words are in the log of the directory, where there is one.
    /// Only called where nothing lives.
    async fn clear(&self, id: &InstanceId, directory: Option<&InstanceDirectory>);

    /// Lets go of what it keeps for an instance outside of the directory; with `purge` that is deleted, data and all. Only called where
    /// nothing lives.
    ///
    /// # Errors
    /// What keeps it from that: the instance is not removed then.
    async fn remove(&self, _: Place<'_>, _purge: bool) -> Result<(), FleetError> {
        Ok(())
    }

    /// What these use now. One that cannot be measured is left out.
    async fn measure(&self, living: &[Subject]) -> Vec<(InstanceId, Usage)>;

    /// What was changed of these behind our back, a line each. One that cannot be looked at is left out.
    async fn drift(&self, living: &[Subject]) -> Vec<(InstanceId, Vec<String>)>;
}

/// Whose place is looked into.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub id: &'a InstanceId,
    pub directory: &'a InstanceDirectory,
    /// What is recorded to live there.
    pub recorded: &'a Identity,
}

/// What tells one life of an instance from every other, so that it is found again. It is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Of the first process, where that is one of this host.
    pub pid: Option<u32>,
    /// Ticks since boot; see [`crate::procfs::Stat::started`].
    pub pid_started: Option<u64>,
    /// The name that somebody else gave it: a container's id, a service's.
    pub external_id: Option<String>,
}

/// Who lives in a place.
pub enum Found {
    Nobody,
    Living(Box<dyn Living>),
    /// Nobody knows: where it would live does not answer; why, in a line. It is looked for again.
    Away(String),
    /// Somebody whom this driver cannot take over; why, in a line.
    Unknown(String),
}

/// Knows how to start one instance as it was prepared.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// Whether the runtime has a program that repairs a configuration it refused.
    fn can_repair(&self) -> bool;

    /// The image it starts, pinned; it is recorded, so that every later start is of the same.
    fn image(&self) -> Option<&str> {
        None
    }

    /// Makes what will run. It does nothing yet.
    async fn make(&self, start: Start<'_>, purpose: Purpose) -> Result<Box<dyn Made>, FleetError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Serve,
    Repair,
    /// It installs this, and ends.
    Install(Plugin),
}

/// One start.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    pub id: &'a InstanceId,
    pub record: &'a InstanceRecord,
    pub directory: &'a InstanceDirectory,
    pub limits: Limits,
    pub token: &'a Token,
    /// What it is given besides its own environment file.
    pub env: &'a [(String, Secret)],
}

/// Made, and waiting to be let go. Dropped, it ends.
#[async_trait]
pub trait Made: Send {
    fn identity(&self) -> Identity;

    /// Lets it run. Record its identity first.
    async fn release(self: Box<Self>) -> Result<Box<dyn Living>, FleetError>;

    /// Ends it before it did anything.
    async fn cancel(self: Box<Self>);
}

/// A running (or just ended) instance.
#[async_trait]
pub trait Living: Send + Sync {
    fn identity(&self) -> Identity;

    /// In milliseconds since the Unix epoch.
    fn started_at(&self) -> Option<i64>;

    /// How people know it: `process 4711`.
    fn name(&self) -> String;

    /// What it was started with, whatever was recorded since; `None` where that is not known.
    fn limits(&self) -> Option<Limits> {
        None
    }

    /// Comes true once it serves on this port.
    fn ready(&self, port: u16) -> Later<()>;

    /// Waits for the end, then ends whatever it left running. May be dropped and called again.
    async fn exited(&mut self) -> Exit;

    /// Stops it where it is: it keeps its memory and its connections, and does nothing.
    ///
    /// # Errors
    /// Why that cannot be, in a line; it goes on then.
    async fn fall_asleep(&self) -> Result<(), String> {
        Err("its driver cannot do that".to_owned())
    }

    /// Moves the memory of what sleeps out of the way; says in a line what of that cannot be. Leaves off when it is woken.
    fn page_out(&self) -> Later<Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Lets it go on where it was stopped, to serve on this port. Does nothing to what is awake.
    async fn wake(&self, port: u16) {
        let _ = port;
    }

    async fn is_asleep(&self) -> bool {
        false
    }

    /// Asks it to drain and end.
    async fn terminate(&self);

    /// Ends it, and everything it started.
    async fn kill(&mut self);
}

/// One to measure.
#[derive(Debug, Clone)]
pub struct Subject {
    pub id: InstanceId,
    pub pid: Option<u32>,
    pub external_id: Option<String>,
    /// Those it was started with.
    pub limits: Limits,
}

/// What one uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Of which life: another number, another start.
    pub life: u64,
    /// Processor time spent in this life.
    pub cpu: Duration,
    pub memory_bytes: u64,
}

/// The drivers of this fleet.
pub struct Drivers {
    there: BTreeMap<&'static str, Arc<dyn Driver>>,
    absent: Arc<dyn Driver>,
}

impl Drivers {
    pub fn new(there: impl IntoIterator<Item = (creel_records::Driver, Arc<dyn Driver>)>) -> Self {
        Self {
            there: there
                .into_iter()
                .map(|(name, driver)| (name.as_str(), driver))
                .collect(),
            absent: Arc::new(absent::Absent),
        }
    }

    /// The driver of this name; one that can do nothing where there is none.
    pub fn of(&self, name: creel_records::Driver) -> &Arc<dyn Driver> {
        self.there.get(name.as_str()).unwrap_or(&self.absent)
    }
}
