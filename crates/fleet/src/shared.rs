//! What all actors of a fleet share: the records, the home, the tables, and where changes are announced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use creel_config::Secret;
use creel_records::{InstanceRecord, NewEvent, Records, Runtime};
use serde_json::Value;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};

use crate::Credentials;
use crate::actor::Command;
use crate::driver::docker::DockerDriver;
use crate::driver::process::ProcessDriver;
use crate::driver::railway::RailwayDriver;
use crate::driver::{Drivers, Limits};
use crate::idle::Work;
use crate::port::Ports;
use crate::stats::Stats;
use crate::token::Sealer;
use crate::{DefaultMemory, FleetEvent, Home, Instance, InstanceId, Timing, Token};

/// How the rest of the fleet reaches an instance's actor.
pub struct Handle {
    pub commands: mpsc::Sender<Command>,
    /// The newest snapshot; the actor alone writes it.
    pub instance: watch::Receiver<Arc<Instance>>,
    pub token: Arc<ArcSwap<Option<Token>>>,
    pub work: Arc<Work>,
}

/// Creations under way at a time; more of them wait.
pub const CREATIONS: u32 = 256;

pub type Registry = BTreeMap<InstanceId, Arc<Handle>>;

/// For the task that writes the activity log.
pub enum Activity {
    Note(NewEvent),
    /// Answered when everything before it is written.
    Flush(oneshot::Sender<()>),
}

pub struct Shared {
    pub home: Home,
    pub records: Arc<dyn Records>,
    pub provider_env: Vec<(String, Secret)>,
    pub credentials: Option<Arc<dyn Credentials>>,
    pub host: String,
    pub timing: Timing,
    pub sealer: Sealer,
    pub registry: ArcSwap<Registry>,
    /// Ids that are being made.
    pub making: Mutex<BTreeSet<InstanceId>>,
    pub ports: Ports,
    pub drivers: Drivers,
    /// The driver that is always there.
    pub process: Arc<ProcessDriver>,
    pub docker: Arc<DockerDriver>,
    pub railway: Arc<RailwayDriver>,
    pub default_memory: DefaultMemory,
    pub stats: Stats,
    pub events: broadcast::Sender<FleetEvent>,
    pub activity: mpsc::Sender<Activity>,
    /// Starts under way at a time, so that a thousand instances don't all start late.
    pub native_starts: Arc<Semaphore>,
    pub openclaw_starts: Arc<Semaphore>,
    pub shutting_down: AtomicBool,
    /// A permit for every creation under way; a shutdown takes them all, and closes it.
    pub creations: Semaphore,
    /// Held while a template is written.
    pub templates: Mutex<()>,
}

impl Shared {
    pub fn handle(&self, id: &InstanceId) -> Option<Arc<Handle>> {
        self.registry.load().get(id).cloned()
    }

    pub fn register(&self, id: &InstanceId, handle: &Arc<Handle>) {
        self.registry.rcu(|registry| {
            let mut registry = Registry::clone(registry);
            registry.insert(id.clone(), handle.clone());
            registry
        });
    }

    pub fn unregister(&self, id: &InstanceId) {
        self.registry.rcu(|registry| {
            let mut registry = Registry::clone(registry);
            registry.remove(id);
            registry
        });
    }

    pub fn starts(&self, runtime: Runtime) -> Arc<Semaphore> {
        match runtime {
            Runtime::Native => self.native_starts.clone(),
            Runtime::Openclaw => self.openclaw_starts.clone(),
        }
    }

    /// What an instance may use: what was asked for it, else the default, where its driver can keep that.
    pub fn limits(&self, record: &InstanceRecord) -> Limits {
        let default = Limits {
            memory_bytes: self.default_memory.of(record.runtime),
            cpus: None,
        };
        let is_kept = self.drivers.of(record.driver).missing(&default).is_empty();
        Limits {
            memory_bytes: record.memory_bytes.or(default.memory_bytes.filter(|_| is_kept)),
            cpus: record.cpus,
        }
    }

    pub fn describe(&self, id: &InstanceId, record: &InstanceRecord) -> Instance {
        let mut instance = Instance::from_record(id.clone(), record);
        instance.memory_limit_bytes = self.limits(record).memory_bytes;
        let driver = self.drivers.of(record.driver);
        if driver.is_on_this_host() {
            instance.port = Some(record.port);
            instance.url = Some(format!("http://{}:{}", self.host, record.port));
        } else {
            instance.url = driver.url(id);
        }
        instance
    }

    /// Announces a change; nobody may be listening.
    pub fn announce(&self, event: FleetEvent) {
        let _ = self.events.send(event);
    }

    /// Notes something in the activity log. Under a flood the oldest news wins: an instance never waits for the log.
    /// `data` is the object that `message` is made of.
    pub fn note(&self, kind: &str, id: &InstanceId, message: String, data: Value) {
        let event = NewEvent {
            kind: format!("instance.{kind}"),
            instance: Some(id.to_string()),
            actor: "fleet".to_owned(),
            message,
            data: data.as_object().cloned().unwrap_or_default(),
        };
        if self.activity.try_send(Activity::Note(event)).is_err() {
            tracing::warn!(instance = %id, kind, "the activity log cannot keep up; an entry is missing");
        }
    }
}
