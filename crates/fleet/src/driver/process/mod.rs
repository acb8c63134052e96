//! Driver `process`: an instance as processes of this host, confined by the wrapper of `sandbox/`.

mod child;
mod inhabitant;
mod limits;
mod usage;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use creel_records::{InstanceRecord, Runtime};
use tokio::sync::OnceCell;

use self::child::{Process, Waiting};
pub use self::inhabitant::{Inhabitant, inhabitant};
use super::cgroup::{Cgroups, Group};
use super::{
    Driver, Found, Identity, Launcher, Limits, Living, MAX_PROCESSES, Made, Place, Purpose, Say, Start, Subject, Usage,
    trial,
};
use crate::directory::InstanceDirectory;
use crate::runtime::{self, Installer, Launch, plugins};
use crate::sandbox::Spec;
use crate::{FleetError, InstanceId, environment};

pub struct ProcessDriver {
    /// The `creel` binary: the native runtime, and the wrapper around every process.
    creel: PathBuf,
    installer: Installer,
    cgroups: Cgroups,
    own_mounts: OnceCell<Result<(), String>>,
}

impl ProcessDriver {
    pub fn new(creel: PathBuf, installer: Installer, cgroups: Cgroups) -> Self {
        Self {
            creel,
            installer,
            cgroups,
            own_mounts: OnceCell::new(),
        }
    }

    /// Whether the host lets instances have mounts of their own, else why not. Tried once.
    pub async fn own_mounts(&self) -> &Result<(), String> {
        self.own_mounts.get_or_init(|| trial::own_mounts(&self.creel)).await
    }

    /// What is known of that by now.
    pub fn tried_own_mounts(&self) -> Option<&Result<(), String>> {
        self.own_mounts.get()
    }

    pub fn creel(&self) -> &Path {
        &self.creel
    }

    pub fn installer(&self) -> &Installer {
        &self.installer
    }

    pub fn cgroups(&self) -> &Cgroups {
        &self.cgroups
    }
}

#[async_trait]
impl Driver for ProcessDriver {
    fn missing(&self, limits: &Limits) -> Vec<&'static str> {
        self.cgroups.missing(limits)
    }

    fn installs_by_our_npm(&self) -> bool {
        true
    }

    async fn prepare(self: Arc<Self>, record: &InstanceRecord, say: &Say) -> Result<Arc<dyn Launcher>, FleetError> {
        let launch = runtime::prepare(record, &self.creel, &self.installer, say).await?;
        Ok(Arc::new(OfProcess {
            driver: self,
            runtime: record.runtime,
            launch,
        }))
    }

    async fn find(self: Arc<Self>, place: Place<'_>) -> Found {
        let recorded = place.recorded.pid.zip(place.recorded.pid_started);
        match inhabitant(place.directory, recorded) {
            Inhabitant::Nobody => Found::Nobody,
            Inhabitant::Process(pid, started) => {
                let limits = limits::noted(place.directory);
                let group = self.cgroups.existing(place.id);
                match Process::adopt(pid, started, place.directory, group, limits) {
                    Some(process) => Found::Living(Box::new(process)),
                    // Just gone.
                    None => Found::Nobody,
                }
            }
            Inhabitant::Contained(_) | Inhabitant::Unknown => {
                Found::Unknown(super::lived_in_by_another(place.directory))
            }
        }
    }

    async fn clear(&self, id: &InstanceId, _: Option<&InstanceDirectory>) {
        self.cgroups.existing(id).remove();
    }

    async fn measure(&self, living: &[Subject]) -> Vec<(InstanceId, Usage)> {
        usage::measure(living.to_vec()).await
    }

    async fn drift(&self, living: &[Subject]) -> Vec<(InstanceId, Vec<String>)> {
        let drift = |subject: &Subject| {
            (
                subject.id.clone(),
                self.cgroups.changed(&subject.id, &subject.limits, subject.pid),
            )
        };
        living.iter().map(drift).collect()
    }
}

/// How to start one instance as a process.
struct OfProcess {
    driver: Arc<ProcessDriver>,
    runtime: Runtime,
    launch: Launch,
}

#[async_trait]
impl Launcher for OfProcess {
    fn can_repair(&self) -> bool {
        self.launch.repair.is_some()
    }

    async fn make(&self, start: Start<'_>, purpose: Purpose) -> Result<Box<dyn Made>, FleetError> {
        let launch = &self.launch;
        let args = match purpose {
            Purpose::Serve => launch.args.clone(),
            Purpose::Repair => launch.repair.clone().unwrap_or_default(),
            Purpose::Install(plugin) => {
                let mut args = launch.plugins.clone().unwrap_or_default();
                args.extend(plugins::arguments(&plugin));
                args
            }
        };
        let mut variables = environment::of_instance(start.directory, start.record.into(), start.env, start.token)?;
        if let Some(first) = &launch.path {
            variables.insert("PATH".into(), format!("{}:{}", first.display(), environment::PATH));
        }
        let mut readable = launch.readable.clone();
        if let Purpose::Install(_) = purpose {
            plugins::prepare(start.directory, &mut variables).await?;
            if let Some((bin, package)) = plugins::npm() {
                let path = variables.remove("PATH").unwrap_or_default();
                variables.insert("PATH".into(), format!("{path}:{}", bin.display()));
                readable.extend([bin, package]);
            }
        }
        if rustix::process::geteuid().is_root() {
            // A container may have had it.
            let taken = start.directory.give_to(0, 0);
            taken.map_err(FleetError::file(
                "change the owner of what is in",
                start.directory.root(),
            ))?;
        }
        let own_mounts = self.driver.own_mounts().await;
        if let (true, Err(reason)) = (launch.private_tmp, own_mounts) {
            let reason = format!(
                "{} writes to /tmp and must have one of its own: {reason}; run creel as root, or allow user namespaces",
                self.runtime
            );
            return Err(FleetError::invalid("runtime", reason));
        }
        let group = self.limits(&start)?;
        limits::note(start.directory, &start.limits)?;
        let unlimited = !self.driver.cgroups.limits_processes();
        let spec = Spec {
            program: launch.program.clone(),
            args,
            env: variables.into_iter().collect(),
            working_directory: start.directory.workspace(),
            lock: start.directory.lock(),
            pid_file: start.directory.pid_file(),
            confinement_file: start.directory.confinement_file(),
            cgroups: group.procs(),
            writable: start.directory.writable(),
            readable,
            own_mounts: own_mounts.is_ok(),
            private_tmp: launch.private_tmp,
            ports: vec![start.record.port],
            processes: unlimited.then_some(MAX_PROCESSES),
        };
        let waiting = Waiting::spawn(&self.driver.creel, start.directory);
        Ok(Box::new(Held {
            waiting: waiting.map_err(FleetError::file("start", &self.driver.creel))?,
            spec,
            group,
            limits: start.limits,
        }))
    }
}

impl OfProcess {
    fn limits(&self, start: &Start<'_>) -> Result<Group, FleetError> {
        let cgroups = &self.driver.cgroups;
        let missing = cgroups.missing(&start.limits);
        if !missing.is_empty() {
            tracing::warn!(instance = %start.id, ?missing, "this host has no control groups for it: runs without the limit");
        }
        let prepared = cgroups.prepare(start.id, &start.limits);
        prepared.map_err(FleetError::file("limit the resources of", start.directory.root()))
    }
}

/// The wrapper, waiting for what to become.
struct Held {
    waiting: Waiting,
    spec: Spec,
    group: Group,
    limits: Limits,
}

#[async_trait]
impl Made for Held {
    fn identity(&self) -> Identity {
        self.waiting.identity()
    }

    async fn release(self: Box<Self>) -> Result<Box<dyn Living>, FleetError> {
        let program = self.spec.program.clone();
        let process = self.waiting.release(self.spec, self.group, self.limits);
        Ok(Box::new(process.map_err(FleetError::file("start", program))?))
    }

    async fn cancel(self: Box<Self>) {
        self.waiting.cancel();
    }
}
