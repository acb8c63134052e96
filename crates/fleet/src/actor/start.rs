//! From "it should run" to "it serves", and what to do when it ends on its own.

use std::sync::Arc;
use std::time::Duration;

use creel_records::{InstanceChange, Runtime, Status, now_ms};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::phase::Phase;
use super::{Actor, data_of, install};
use crate::directory::CONFIG;
use crate::driver::{Exit, Found, Identity, Launcher, Living, Made, Purpose, Start};
use crate::fleet::MAX_CONFIG;
use crate::runtime;
use crate::sandbox::EXIT_LOCKED;
use crate::{FleetError, configuration, environment, fault, port};

/// How long a runtime may take to repair its configuration.
const REPAIR: Duration = Duration::from_secs(120);
/// How often another port is tried when someone else was faster.
pub(super) const MAX_MOVES: u32 = 5;

impl Actor {
    /// Gets what the start needs, and a turn to start.
    pub(super) async fn prepare(&mut self) {
        let shared = self.shared.clone();
        let driver = self.driver.clone();
        let record = self.record.clone();
        let directory = self.directory.clone();
        let progress = self.progress.0.clone();
        self.phase = Phase::Preparing(Box::pin(async move {
            let say = move |message| drop(progress.try_send(message));
            let is_checked = driver.installs_by_our_npm();
            let launcher = driver.prepare(&record, &say).await?;
            if is_checked {
                install::check(&directory, &record, &say).await?;
            }
            let turn = shared
                .starts(record.runtime)
                .acquire_owned()
                .await
                .map_err(|_| FleetError::ShuttingDown)?;
            Ok((launcher, turn))
        }));
        let error = self.record.error.clone();
        self.observe(Status::Starting, error).await;
    }

    /// Starts it.
    pub(super) async fn launch(&mut self, launcher: Arc<dyn Launcher>, turn: OwnedSemaphorePermit) {
        if let Err(error) = self.pin(launcher.image()).await {
            return self.fail(error.to_string()).await;
        }
        let Some((launcher, turn)) = self.install_first(launcher, turn).await else {
            return;
        };
        self.message = self.oddity();
        match self.spawn(&launcher, Purpose::Serve).await {
            Ok(Some(living)) => {
                self.started_at = Some(now_ms());
                self.drift.clear();
                self.phase = self.awaiting_readiness(living, Some(launcher), Some(turn));
                self.publish();
            }
            Ok(None) => self.adopt_inhabitant().await,
            Err(error) => self.could_not_start(error).await,
        }
    }

    /// What its configuration asks for and cannot have. A native gateway says so itself, in its log; upstream knows nothing of it.
    fn oddity(&self) -> Option<String> {
        if self.record.runtime == Runtime::Native {
            return None;
        }
        let (path, none) = (self.directory.config(), environment::Variables::new());
        let text = self.directory.read(CONFIG, MAX_CONFIG).ok().flatten()?;
        let warnings = configuration::check(self.record.runtime, &text, &path, &none).ok()?;
        let told: Vec<String> = warnings
            .iter()
            .map(|warning| format!("openclaw.json:{warning}"))
            .collect();
        for line in &told {
            tracing::warn!(instance = %self.id, "{line}");
        }
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Records the image that it starts from before anything is made of it, so that every later start is of the same.
    async fn pin(&mut self, image: Option<&str>) -> Result<(), FleetError> {
        if image.is_none() || image == self.record.image.as_deref() {
            return Ok(());
        }
        let change = InstanceChange {
            image: image.map(str::to_owned),
            ..InstanceChange::default()
        };
        self.shared.records.update_instance(self.id.as_str(), &change).await?;
        self.record.image = change.image;
        Ok(())
    }

    pub(super) fn awaiting_readiness(
        &self,
        living: Box<dyn Living>,
        launcher: Option<Arc<dyn Launcher>>,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Phase {
        let deadline = Instant::now() + self.driver.start_bound(self.record.runtime, &self.shared.timing);
        let ready = living.ready(self.record.port);
        Phase::Starting {
            living,
            ready,
            deadline,
            launcher,
            _turn: turn,
        }
    }

    /// Starts what was prepared. `None` if someone lives in its place already.
    pub(super) async fn spawn(
        &mut self,
        launcher: &Arc<dyn Launcher>,
        purpose: Purpose,
    ) -> Result<Option<Box<dyn Living>>, FleetError> {
        if !matches!(self.find().await, Found::Nobody) {
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
        if self.driver.is_on_this_host() {
            self.claim_port().await?;
        }
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
        self.limits = self.shared.limits(&self.record);
        let start = Start {
            id: &self.id,
            record: &self.record,
            directory: &self.directory,
            limits: self.limits,
            token,
            env: &env,
        };
        let made = launcher.make(start, purpose).await?;
        self.release(made).await.map(Some)
    }

    /// What was made is recorded before it can do anything: whoever comes after this control plane finds it.
    async fn release(&mut self, made: Box<dyn Made>) -> Result<Box<dyn Living>, FleetError> {
        fault::point("process started");
        let error = self.record.error.clone();
        if let Err(error) = self.write_observed(Status::Starting, made.identity(), error).await {
            made.cancel().await;
            return Err(error);
        }
        fault::point("process recorded");
        let living = made.release().await;
        fault::point("process released");
        living
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
    pub(super) fn own_port(&self, error: FleetError) -> FleetError {
        match error {
            FleetError::PortInUse { port, .. } => FleetError::OwnPortInUse {
                id: self.id.clone(),
                port,
            },
            error => error,
        }
    }

    /// Someone lives in its place although nobody was known to: takes it over rather than start a second one.
    pub(super) async fn adopt_inhabitant(&mut self) {
        match self.find().await {
            Found::Living(living) => {
                self.started_at = living.started_at();
                self.keeps_to(living.limits());
                self.phase = self.awaiting_readiness(living, None, None);
                self.observe(Status::Starting, None).await;
            }
            // Just gone: the next step starts afresh.
            Found::Nobody => self.phase = Phase::Idle,
            Found::Away(reason) => self.away(reason),
            Found::Unknown(reason) => self.fail(reason).await,
        }
    }

    pub(super) async fn ready(&mut self) {
        let Some(living) = self.phase.take_living() else {
            return;
        };
        let (name, mut data) = (living.name(), data_of(&living.identity()));
        self.phase = Phase::Running {
            living,
            since: Instant::now(),
        };
        self.moves = 0;
        self.observe(Status::Running, None).await;
        let message = match self.driver.url(&self.id) {
            Some(url) => {
                data["url"] = json!(url);
                format!("ready at {url}, {name}")
            }
            None => {
                data["port"] = json!(self.record.port);
                format!("ready on port {}, {name}", self.record.port)
            }
        };
        self.shared.note("running", &self.id, message, data);
    }

    /// A start, a repair or an end takes longer than it may.
    pub(super) async fn late(&mut self) {
        match &mut self.phase {
            Phase::Starting { .. } => {
                let bound = self.driver.start_bound(self.record.runtime, &self.shared.timing);
                self.stop(Some(format!("was not ready within {} s", bound.as_secs_f32())))
                    .await;
            }
            Phase::Repairing { living, deadline }
            | Phase::Installing { living, deadline, .. }
            | Phase::Stopping { living, deadline, .. } => {
                living.kill().await;
                // What cannot be killed (stuck in the kernel) is waited for; nothing else may run in the directory.
                *deadline = Instant::now() + self.shared.timing.grace.max(Duration::from_secs(1));
            }
            _ => {}
        }
    }

    /// It is gone, and all it started with it.
    pub(super) async fn exited(&mut self, exit: Exit) {
        self.started_at = None;
        self.drift.clear();
        if exit == Exit::OutOfSight {
            return match self.find().await {
                Found::Away(reason) => self.away(reason),
                // It answers again already.
                _ => self.look_again().await,
            };
        }
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Stopping {
                failure: Some(reason), ..
            } if self.should_live() => self.fail(reason).await,
            Phase::Stopping { .. } | Phase::Repairing { .. } if self.should_live() => {
                self.set_recorded(Identity::default())
            }
            Phase::Stopping { .. } | Phase::Repairing { .. } => {
                self.observe(Status::Stopped, None).await;
                self.shared.note("stopped", &self.id, exit.to_string(), exit.data());
            }
            Phase::Installing {
                plugin, launcher, turn, ..
            } => self.installed(&exit, plugin, launcher, turn).await,
            Phase::Starting { launcher, .. } => self.ended_while_starting(exit, launcher).await,
            Phase::Running { since, .. } => {
                if since.elapsed() >= self.shared.timing.healthy_after {
                    self.crashes = 0;
                }
                self.crashed(exit).await;
            }
            Phase::FallingAsleep { .. } | Phase::Asleep { .. } => self.crashed(exit).await,
            Phase::Idle | Phase::Preparing(_) | Phase::Waiting(_) | Phase::Away(_) | Phase::Failed => {}
        }
    }

    async fn ended_while_starting(&mut self, exit: Exit, launcher: Option<Arc<dyn Launcher>>) {
        // Whoever comes next is another: the one that is recorded is gone.
        self.set_recorded(Identity::default());
        let runtime = self.record.runtime;
        let is_locked = exit.code() == Some(i32::from(EXIT_LOCKED));
        if is_locked && !matches!(self.find().await, Found::Nobody) {
            return self.adopt_inhabitant().await;
        }
        if self.driver.is_on_this_host()
            && let Err(taken) = port::check(self.record.port)
        {
            if self.record.port_fixed {
                return self.fail(self.own_port(taken).to_string()).await;
            }
            // Someone took it between our look and the program's. The next step takes another.
            self.moves += 1;
            if self.moves <= MAX_MOVES {
                return;
            }
        }
        if !runtime::is_configuration_failure(runtime, exit.code()) {
            return self.crashed(exit).await;
        }
        let Some(launcher) = launcher.filter(|launcher| launcher.can_repair() && !self.repaired) else {
            return self.fail(format!("refuses its configuration ({exit})")).await;
        };
        self.repaired = true;
        self.message = Some(format!("repairing the configuration that {runtime} refused"));
        match self.spawn(&launcher, Purpose::Repair).await {
            Ok(Some(living)) => {
                self.phase = Phase::Repairing {
                    living,
                    deadline: Instant::now() + REPAIR,
                };
                self.publish();
            }
            Ok(None) => self.adopt_inhabitant().await,
            Err(error) => self.could_not_start(error).await,
        }
    }

    /// It ended on its own: starts it again, later each time, until that has been useless for too long.
    async fn crashed(&mut self, exit: Exit) {
        if exit == Exit::NotDeployed {
            return self.fail(exit.to_string()).await;
        }
        if exit == Exit::Removed {
            // Whoever did it may have meant it: shown, and not undone.
            let place = self.record.driver;
            self.fail(format!("{exit}; `creel instance start {}` makes it anew", self.id))
                .await;
            self.drift = vec![format!("what ran it in {place} was removed behind creel's back")];
            return self.publish();
        }
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
