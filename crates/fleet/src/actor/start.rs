//! From "it should run" to "it serves", and what to do when it ends on its own.

use std::time::Duration;

use creel_records::{InstanceChange, Status, now_ms};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::phase::Phase;
use super::{Actor, Goal};
use crate::driver::cgroup::{Group, MAX_PROCESSES};
use crate::driver::process::{Exit, Inhabitant, Process, Waiting, inhabitant};
use crate::runtime::{self, Launch};
use crate::sandbox::{EXIT_LOCKED, Spec};
use crate::{FleetError, environment, fault, port, probe};

/// How long a runtime may take to repair its configuration.
const REPAIR: Duration = Duration::from_secs(120);
/// How often another port is tried when someone else was faster.
const MAX_MOVES: u32 = 5;

impl Actor {
    /// Gets the runtime, and a turn to start.
    pub(super) async fn prepare(&mut self) {
        let shared = self.shared.clone();
        let record = self.record.clone();
        let progress = self.progress.0.clone();
        self.phase = Phase::Preparing(Box::pin(async move {
            let say = move |message| drop(progress.try_send(message));
            let launch = runtime::prepare(&record, &shared.creel_exe, &shared.installer, say).await?;
            let turn = shared
                .starts(record.runtime)
                .acquire_owned()
                .await
                .map_err(|_| FleetError::ShuttingDown)?;
            Ok((launch, turn))
        }));
        let error = self.record.error.clone();
        self.observe(Status::Starting, error).await;
    }

    /// Starts the process.
    pub(super) async fn launch(&mut self, launch: Launch, turn: OwnedSemaphorePermit) {
        self.message = None;
        match self.spawn(&launch, launch.args.clone()).await {
            Ok(Some(process)) => {
                self.started_at = Some(now_ms());
                self.phase = self.awaiting_readiness(process, Some(launch), Some(turn));
                self.publish();
            }
            Ok(None) => self.adopt_inhabitant().await,
            Err(error) => self.fail(error.to_string()).await,
        }
    }

    pub(super) fn awaiting_readiness(
        &self,
        process: Process,
        launch: Option<Launch>,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Phase {
        let deadline = Instant::now() + runtime::start_bound(self.record.runtime, &self.shared.timing);
        let ready = Box::pin(probe::until_ready(process.pid(), self.record.port));
        Phase::Starting {
            process,
            ready,
            deadline,
            launch,
            _turn: turn,
        }
    }

    /// Starts the runtime's program with these arguments. `None` if someone lives in the directory already.
    async fn spawn(&mut self, launch: &Launch, args: Vec<String>) -> Result<Option<Process>, FleetError> {
        let recorded = self.record.pid.zip(self.record.pid_started);
        if inhabitant(&self.directory, recorded) != Inhabitant::Nobody {
            return Ok(None);
        }
        // A creation or an init that was cut short is finished; what the user deleted since stays deleted.
        if self.record.status == Status::Created || !self.directory.config().exists() {
            self.make_missing()?;
        }
        for path in ["data/workspace", "home", "tmp"] {
            let done = self.directory.make_directory(path);
            done.map_err(FleetError::file("make the directory", self.directory.root().join(path)))?;
        }
        self.claim_port().await?;
        let token = self.token.load_full();
        let token = token
            .as_ref()
            .as_ref()
            .ok_or_else(|| FleetError::Sealed(self.id.clone()))?;
        let mut env = self.shared.provider_env.clone();
        if let Some(credentials) = &self.shared.credentials {
            let own = credentials.of(&self.id).await;
            env.extend(own.map_err(|reason| FleetError::invalid("credentials", reason))?);
        }
        let mut variables = environment::of_instance(&self.directory, (&self.record).into(), &env, token)?;
        if let Some(first) = &launch.path {
            variables.insert("PATH".into(), format!("{}:{}", first.display(), environment::PATH));
        }
        let own_mounts = self.shared.own_mounts().await;
        if let (true, Err(reason)) = (launch.private_tmp, own_mounts) {
            let reason = format!(
                "{} writes to /tmp and must have one of its own: {reason}; run creel as root, or allow user namespaces",
                self.record.runtime
            );
            return Err(FleetError::invalid("runtime", reason));
        }
        let group = self.limits()?;
        let unlimited = !self.shared.cgroups.limits_processes();
        let spec = Spec {
            program: launch.program.clone(),
            args,
            env: variables.into_iter().collect(),
            working_directory: self.directory.workspace(),
            lock: self.directory.lock(),
            pid_file: self.directory.pid_file(),
            cgroups: group.procs(),
            writable: self.directory.writable(),
            readable: launch.readable.clone(),
            own_mounts: own_mounts.is_ok(),
            private_tmp: launch.private_tmp,
            ports: vec![self.record.port],
            processes: unlimited.then_some(MAX_PROCESSES),
        };
        self.release(spec, group).await.map(Some)
    }

    /// The pid is recorded before the process can do anything: whoever comes after this control plane finds it.
    async fn release(&mut self, spec: Spec, group: Group) -> Result<Process, FleetError> {
        let program = spec.program.clone();
        let starting = FleetError::file("start", &self.shared.creel_exe);
        let waiting = Waiting::spawn(&self.shared.creel_exe, &self.directory).map_err(starting)?;
        fault::point("process started");
        let process = Some((waiting.pid(), waiting.started()));
        let error = self.record.error.clone();
        if let Err(error) = self.write_observed(Status::Starting, process, error).await {
            waiting.cancel();
            return Err(error);
        }
        fault::point("process recorded");
        let process = waiting.release(spec, group).map_err(FleetError::file("start", program));
        fault::point("process released");
        process
    }

    /// Makes sure of a port: its own, or, unless the user chose it, another.
    async fn claim_port(&mut self) -> Result<(), FleetError> {
        let Err(taken) = port::check(self.record.port) else {
            return Ok(());
        };
        if self.record.port_fixed {
            return Err(self.own_port(taken));
        }
        let new = self.shared.ports.take(None, &self.id)?;
        let change = InstanceChange {
            port: Some(new),
            ..InstanceChange::default()
        };
        if let Err(error) = self.shared.records.update_instance(self.id.as_str(), &change).await {
            self.shared.ports.release(new, &self.id);
            return Err(error.into());
        }
        let old = std::mem::replace(&mut self.record.port, new);
        self.shared.ports.release(old, &self.id);
        self.message = Some(format!("port {old} was taken by another program; now on {new}"));
        self.shared.note(
            "moved",
            &self.id,
            format!("port {old} was taken by another program; now on {new}"),
            json!({"from": old, "to": new}),
        );
        Ok(())
    }

    /// What is wrong with the port that it was made with, for whoever can no longer choose another.
    fn own_port(&self, error: FleetError) -> FleetError {
        match error {
            FleetError::PortInUse { port, .. } => FleetError::OwnPortInUse {
                id: self.id.clone(),
                port,
            },
            error => error,
        }
    }

    fn limits(&self) -> Result<Group, FleetError> {
        let limits = self.shared.limits(&self.record);
        let missing = self.shared.cgroups.missing(&limits);
        if !missing.is_empty() {
            tracing::warn!(instance = %self.id, ?missing, "this host has no control groups for it: runs without the limit");
        }
        let prepared = self.shared.cgroups.prepare(&self.id, &limits);
        prepared.map_err(FleetError::file("limit the resources of", self.directory.root()))
    }

    /// Someone lives in the directory although nobody was known to: takes it over rather than start a second one.
    async fn adopt_inhabitant(&mut self) {
        let found = inhabitant(&self.directory, self.record.pid.zip(self.record.pid_started));
        let Inhabitant::Process(pid, started) = found else {
            let lock = self.directory.lock();
            return self
                .fail(format!(
                    "another process runs in its directory: {} is locked",
                    lock.display()
                ))
                .await;
        };
        match Process::adopt(pid, started, self.shared.cgroups.existing(&self.id)) {
            Some(process) => {
                self.phase = self.awaiting_readiness(process, None, None);
                self.observe(Status::Starting, None).await;
            }
            // Just gone: the next step starts afresh.
            None => self.phase = Phase::Idle,
        }
    }

    pub(super) async fn ready(&mut self) {
        let Some(process) = self.phase.take_process() else {
            return;
        };
        let pid = process.pid();
        self.phase = Phase::Running {
            process,
            since: Instant::now(),
        };
        self.moves = 0;
        self.observe(Status::Running, None).await;
        self.shared.note(
            "running",
            &self.id,
            format!("ready on port {}, process {pid}", self.record.port),
            json!({"port": self.record.port, "pid": pid}),
        );
    }

    /// A start, a repair or an end takes longer than it may.
    pub(super) async fn late(&mut self) {
        match &mut self.phase {
            Phase::Starting { .. } => {
                let bound = runtime::start_bound(self.record.runtime, &self.shared.timing);
                self.stop(Some(format!("was not ready within {} s", bound.as_secs_f32())))
                    .await;
            }
            Phase::Repairing { process, deadline } | Phase::Stopping { process, deadline, .. } => {
                process.kill();
                // What cannot be killed (stuck in the kernel) is waited for; nothing else may run in the directory.
                *deadline = Instant::now() + self.shared.timing.grace.max(Duration::from_secs(1));
            }
            _ => {}
        }
    }

    /// The process is gone, and all it started with it.
    pub(super) async fn exited(&mut self, exit: Exit) {
        self.started_at = None;
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Stopping {
                failure: Some(reason), ..
            } if self.goal() == Goal::Run => self.fail(reason).await,
            Phase::Stopping { .. } | Phase::Repairing { .. } if self.goal() == Goal::Run => self.forget_pid(),
            Phase::Stopping { .. } | Phase::Repairing { .. } => {
                self.observe(Status::Stopped, None).await;
                self.shared.note("stopped", &self.id, exit.to_string(), exit.data());
            }
            Phase::Starting { launch, .. } => self.ended_while_starting(exit, launch).await,
            Phase::Running { since, .. } => {
                if since.elapsed() >= self.shared.timing.healthy_after {
                    self.crashes = 0;
                }
                self.crashed(exit).await;
            }
            Phase::Idle | Phase::Preparing(_) | Phase::Waiting(_) | Phase::Failed => {}
        }
    }

    /// For the process that comes next: the one that is recorded is gone.
    fn forget_pid(&mut self) {
        self.record.pid = None;
        self.record.pid_started = None;
    }

    async fn ended_while_starting(&mut self, exit: Exit, launch: Option<Launch>) {
        self.forget_pid();
        let runtime = self.record.runtime;
        if exit.code() == Some(i32::from(EXIT_LOCKED)) && inhabitant(&self.directory, None) != Inhabitant::Nobody {
            return self.adopt_inhabitant().await;
        }
        if let Err(taken) = port::check(self.record.port) {
            if self.record.port_fixed {
                return self.fail(self.own_port(taken).to_string()).await;
            }
            // Someone took it between our look and the process's. The next step takes another.
            self.moves += 1;
            if self.moves <= MAX_MOVES {
                return;
            }
        }
        if runtime::is_configuration_failure(runtime, exit.code()) {
            let repair = launch
                .as_ref()
                .and_then(|launch| launch.repair.clone())
                .filter(|_| !self.repaired);
            let Some((launch, args)) = launch.as_ref().zip(repair) else {
                return self.fail(format!("refuses its configuration ({exit})")).await;
            };
            self.repaired = true;
            self.message = Some(format!("repairing the configuration that {runtime} refused"));
            match self.spawn(launch, args).await {
                Ok(Some(process)) => {
                    self.phase = Phase::Repairing {
                        process,
                        deadline: Instant::now() + REPAIR,
                    };
                    self.publish();
                }
                Ok(None) => self.adopt_inhabitant().await,
                Err(error) => self.fail(error.to_string()).await,
            }
            return;
        }
        self.crashed(exit).await;
    }

    /// It ended on its own: starts it again, later each time, until that has been useless for too long.
    async fn crashed(&mut self, exit: Exit) {
        let timing = &self.shared.timing;
        self.crashes += 1;
        if self.crashes >= timing.crash_limit {
            let reason = format!("{exit}, {} times in a row without staying healthy", self.crashes);
            return self.fail(reason).await;
        }
        let backoff = timing
            .backoff_first
            .saturating_mul(1 << (self.crashes - 1).min(16))
            .min(timing.backoff_longest);
        self.phase = Phase::Waiting(Instant::now() + backoff);
        tracing::warn!(instance = %self.id, %exit, crashes = self.crashes, ?backoff, "instance crashed; starting it again");
        self.shared
            .note("crashed", &self.id, format!("{exit}; starting it again"), exit.data());
        let last = self
            .last_words()
            .pop()
            .map(|line| format!(": {line}"))
            .unwrap_or_default();
        self.observe(Status::Starting, Some(format!("{exit}{last}"))).await;
    }
}
