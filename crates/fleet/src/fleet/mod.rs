//! The handle by which the rest of Creel speaks to its instances: it looks things up, asks actors, and waits for what it asked.

mod change;
mod create;
mod drivers;
mod host;
mod kept;
mod open;
mod options;
mod templates;
mod upgrade;

pub(crate) use create::check_pullable;

pub use change::{ChangeInstance, MEMORY_LIMITS};
pub use drivers::{DRIVERS, DriverFacts, ImageFacts};
pub use host::{CgroupVersion, Feature, HostFacts, features_without_a_fleet};
pub use options::{DefaultMemory, FleetOptions, Timing};
pub use templates::{ConfigDiff, Conflicts, Synced};
pub use upgrade::Upgrade;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use creel_config::{ConfigError, Warning};
use creel_records::{Desired, Status, now_ms};
use futures_util::{StreamExt as _, stream};
use tokio::sync::{broadcast, oneshot};

use crate::actor::Command;
use crate::directory::{CONFIG, InstanceDirectory};
use crate::logs::{self, LogLines, LogQuery};
use crate::shared::{Activity, CREATIONS, Handle, Shared};
use crate::{
    ConfigVersion, Endpoint, Engaged, FleetError, FleetEvent, HostSample, Instance, InstanceId, Sample, Token,
    configuration, environment,
};

/// Instances that are stopped side by side when the fleet ends.
const STOPS: usize = 64;
/// A larger text is no configuration.
pub(crate) const MAX_CONFIG: u64 = 4 << 20;

/// All instances of a home. A cheap handle; clones are the same fleet.
#[derive(Clone)]
pub struct Fleet {
    pub(crate) shared: Arc<Shared>,
}

impl Fleet {
    /// Every instance, by id.
    #[must_use]
    pub fn list(&self) -> Vec<Instance> {
        self.shared
            .registry
            .load()
            .values()
            .map(|handle| self.snapshot(handle))
            .collect()
    }

    #[must_use]
    pub fn get(&self, id: &InstanceId) -> Option<Instance> {
        self.shared.handle(id).map(|handle| self.snapshot(&handle))
    }

    fn snapshot(&self, handle: &Handle) -> Instance {
        self.with_usage(&handle.instance.borrow())
    }

    /// As it was told, with what it used when it was last measured.
    #[must_use]
    pub fn with_usage(&self, told: &Instance) -> Instance {
        let mut instance = told.clone();
        if let Some(sample) = instance.started_at.and_then(|_| self.shared.stats.latest(&instance.id)) {
            instance.memory_used_bytes = Some(sample.memory_bytes);
            instance.cpu_percent = Some(sample.cpu_percent);
        }
        instance
    }

    /// Starts it; returns once it is ready.
    ///
    /// # Errors
    /// [`FleetError::StartFailed`] with its last log lines, [`FleetError::Superseded`] if someone stops it meanwhile.
    pub async fn start(&self, id: &InstanceId) -> Result<Instance, FleetError> {
        self.ask(id, Command::Start).await?;
        self.until(id, Desired::Running).await
    }

    /// Stops it, drained; returns once nothing of it runs.
    ///
    /// # Errors
    /// [`FleetError::NotFound`], [`FleetError::Records`], [`FleetError::Superseded`].
    pub async fn stop(&self, id: &InstanceId) -> Result<Instance, FleetError> {
        self.ask(id, Command::Stop).await?;
        self.until(id, Desired::Stopped).await
    }

    /// Stops it, drained, if it runs, and starts it; returns once it is ready.
    ///
    /// # Errors
    /// As [`Fleet::start`].
    pub async fn restart(&self, id: &InstanceId) -> Result<Instance, FleetError> {
        self.ask(id, Command::Restart).await?;
        self.until(id, Desired::Running).await
    }

    /// Stops it where it is, its memory moved to swap; returns once it sleeps. What could not be done of it is in its message.
    ///
    /// # Errors
    /// [`FleetError::NotRunning`], [`FleetError::Sleepless`], [`FleetError::Superseded`]; [`FleetError::Invalid`] if it is connected to a
    /// chat platform, which would not wait for it.
    pub async fn sleep(&self, id: &InstanceId) -> Result<Instance, FleetError> {
        self.ask(id, Command::Sleep).await?;
        self.get(id).ok_or_else(|| FleetError::NotFound(id.clone()))
    }

    /// Lets it go on where it fell asleep; returns once it runs.
    ///
    /// # Errors
    /// [`FleetError::NotRunning`]; as [`Fleet::start`], if it was not there any more and had to be started.
    pub async fn wake(&self, id: &InstanceId) -> Result<Instance, FleetError> {
        self.ask(id, Command::Wake).await?;
        self.until(id, Desired::Running).await
    }

    /// A request to it is under way until the answer is dropped. One that sleeps is woken first.
    ///
    /// # Errors
    /// As [`Fleet::wake`].
    pub async fn engage(&self, id: &InstanceId) -> Result<Engaged, FleetError> {
        let handle = self.handle(id)?;
        // First: from here on it does not fall asleep by itself.
        let engaged = Engaged::with(handle.work.clone());
        let desired = handle.instance.borrow().desired;
        if desired == Desired::Sleeping {
            self.wake(id).await?;
        }
        Ok(engaged)
    }

    /// Makes whatever is missing of its files (overwriting nothing), then restarts it if it should run.
    ///
    /// # Errors
    /// As [`Fleet::start`], and [`FleetError::File`].
    pub async fn init(&self, id: &InstanceId) -> Result<Instance, FleetError> {
        self.ask(id, Command::Init).await?;
        let desired = self.handle(id)?.instance.borrow().desired;
        match desired {
            Desired::Running => self.until(id, Desired::Running).await,
            _ => self.get(id).ok_or_else(|| FleetError::NotFound(id.clone())),
        }
    }

    /// Waits until it is neither starting nor stopping, nor created and about to be started.
    ///
    /// # Errors
    /// [`FleetError::NotSettled`] after `timeout`, [`FleetError::NotFound`] if it is removed meanwhile.
    pub async fn wait_settled(&self, id: &InstanceId, timeout: Duration) -> Result<Instance, FleetError> {
        let mut instance = self.handle(id)?.instance.clone();
        let settled = instance.wait_for(|instance| {
            let there = matches!(instance.status, Status::Running | Status::Error);
            let is_to_live = matches!(instance.desired, Desired::Running | Desired::Sleeping);
            there || (!is_to_live && !instance.status.is_transitional()) || instance.status == Status::Sleeping
        });
        match tokio::time::timeout(timeout, settled).await {
            Ok(Ok(instance)) => Ok(Instance::clone(&instance)),
            Ok(Err(_)) => Err(self.gone(id)),
            Err(_) => Err(FleetError::NotSettled {
                id: id.clone(),
                waited: timeout,
            }),
        }
    }

    /// Stops it and forgets it; with `purge` its directory is deleted, also where that is all there is of it any more, else kept:
    /// an instance made later with the same id may take the data up again. Returns once it is done.
    ///
    /// # Errors
    /// [`FleetError::NotFound`], [`FleetError::OnlyData`], [`FleetError::DataInUse`]; [`FleetError::File`] if the directory cannot be deleted (the instance then stays, in status
    /// `error`, and can be removed again).
    pub async fn remove(&self, id: &InstanceId, purge: bool) -> Result<(), FleetError> {
        match self.shared.handle(id) {
            Some(_) => self.ask(id, |done| Command::Remove { purge, done }).await,
            None => self.remove_kept(id, purge).await,
        }
    }

    /// Replaces its gateway token, restarting it if it runs. The token is shown here and never again.
    ///
    /// # Errors
    /// [`FleetError::NotFound`], [`FleetError::Records`].
    pub async fn rotate_token(&self, id: &InstanceId) -> Result<Token, FleetError> {
        let token = self.ask(id, Command::RotateToken).await?;
        if self.handle(id)?.instance.borrow().desired == Desired::Running {
            // The token is valid whatever becomes of the restart; its status tells that.
            let _ = self.until(id, Desired::Running).await;
        }
        Ok(token)
    }

    /// The text of its `openclaw.json`, comments and all.
    ///
    /// # Errors
    /// [`FleetError::NotFound`], [`FleetError::File`].
    pub async fn config_text(&self, id: &InstanceId) -> Result<String, FleetError> {
        let directory = self.directory(id)?;
        let text = directory
            .read(CONFIG, MAX_CONFIG)
            .map_err(FleetError::file("read", directory.config()))?;
        text.ok_or_else(|| FleetError::file("read", directory.config())(std::io::ErrorKind::NotFound.into()))
    }

    /// Replaces its `openclaw.json`, whole or not at all; says what is odd about it. A running instance applies what it can
    /// by itself. With `read`, only while the text is one of those.
    ///
    /// # Errors
    /// [`FleetError::Config`] with line and column if the text is broken, [`FleetError::Changed`] if there is another by now
    /// (nothing is changed then).
    pub async fn set_config(
        &self,
        id: &InstanceId,
        text: &str,
        read: Option<Vec<ConfigVersion>>,
    ) -> Result<Vec<Warning>, FleetError> {
        let warnings = self.check_config(id, text)?;
        let text = text.to_owned();
        self.ask(id, |done| Command::SetConfig {
            text,
            read,
            template: None,
            done,
        })
        .await?;
        Ok(warnings)
    }

    /// The rules of the runtime that will read it, with the environment it will read it in.
    fn check_config(&self, id: &InstanceId, text: &str) -> Result<Vec<Warning>, FleetError> {
        let directory = self.directory(id)?;
        let path = directory.config();
        if text.len() as u64 > MAX_CONFIG {
            let message = format!("larger than {} MiB", MAX_CONFIG >> 20);
            return Err(ConfigError::general(&path, message).into());
        }
        let handle = self.handle(id)?;
        let instance = handle.instance.borrow().clone();
        let token = handle.token.load_full();
        let token = token.as_ref().as_ref().ok_or_else(|| FleetError::Sealed(id.clone()))?;
        let variables = environment::of_instance(
            &directory,
            environment::Subject::from(&*instance),
            &self.shared.provider_env,
            token,
        )?;
        configuration::check(instance.runtime, text, &path, &variables)
    }

    /// The last `lines` lines of its log, without its token.
    ///
    /// # Errors
    /// [`FleetError::NotFound`], [`FleetError::File`].
    pub fn tail_logs(&self, id: &InstanceId, lines: usize) -> Result<Vec<String>, FleetError> {
        let (path, token) = self.log(id)?;
        logs::tail(&path, lines, token.as_ref()).map_err(FleetError::file("read", path))
    }

    /// The lines of its log that are asked for, without its token.
    ///
    /// # Errors
    /// As [`Fleet::tail_logs`].
    pub async fn find_logs(&self, id: &InstanceId, query: LogQuery) -> Result<logs::Found, FleetError> {
        let (path, token) = self.log(id)?;
        // On a thread of its own: what is searched for may be far from the end.
        let log = path.clone();
        let found = tokio::task::spawn_blocking(move || logs::find(&log, &query, token.as_ref())).await;
        let found = found.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        found.map_err(FleetError::file("read", path))
    }

    /// The lines of its log that are asked for, then what is added to it, until the stream is dropped.
    ///
    /// # Errors
    /// As [`Fleet::tail_logs`].
    pub async fn follow_logs(&self, id: &InstanceId, query: LogQuery) -> Result<LogLines, FleetError> {
        let (path, token) = self.log(id)?;
        let log = path.clone();
        let followed = tokio::task::spawn_blocking(move || logs::follow(log, query, token)).await;
        let followed = followed.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        followed.map_err(FleetError::file("read", path))
    }

    /// The whole of its log as it is now, without its token.
    ///
    /// # Errors
    /// As [`Fleet::tail_logs`].
    pub fn whole_log(&self, id: &InstanceId) -> Result<LogLines, FleetError> {
        let (path, token) = self.log(id)?;
        logs::whole(path.clone(), token).map_err(FleetError::file("read", path))
    }

    fn log(&self, id: &InstanceId) -> Result<(PathBuf, Option<Token>), FleetError> {
        let token = self.handle(id)?.token.load_full();
        Ok((self.directory(id)?.log(), Option::clone(&token)))
    }

    /// Changes from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<FleetEvent> {
        self.shared.events.subscribe()
    }

    /// What it used lately, oldest first; empty if it has not run since this control plane started.
    #[must_use]
    pub fn stats(&self, id: &InstanceId) -> Vec<Sample> {
        self.shared.stats.instance(id)
    }

    /// What it used in the last day, a sample for every five minutes: the mean of its CPU, the most of its memory. The next control plane
    /// knows it too, but for the last minute of one that was killed.
    #[must_use]
    pub fn stats_of_day(&self, id: &InstanceId) -> Vec<Sample> {
        self.shared.stats.day(id, now_ms())
    }

    /// What the host used lately, oldest first.
    #[must_use]
    pub fn host_stats(&self) -> Vec<HostSample> {
        self.shared.stats.host()
    }

    /// Where it listens (or will) and what it must be shown. For callers inside the control plane alone; nothing for one that listens on
    /// no port of this host.
    #[must_use]
    pub fn endpoint(&self, id: &InstanceId) -> Option<Endpoint> {
        let handle = self.shared.handle(id)?;
        let port = handle.instance.borrow().port?;
        let token = Option::clone(&handle.token.load())?;
        Some(Endpoint {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            token,
        })
    }

    /// Stops all instances, drained, in the order of their ids and a bounded number at a time; what should be stays recorded, so
    /// the next fleet starts them again. From now on every command is refused.
    pub async fn shutdown(&self) {
        self.shared.shutting_down.store(true, Ordering::Release);
        // Those that began before are in the registry then; those that come later are refused.
        // An error means that another shutdown has done so.
        drop(self.shared.creations.acquire_many(CREATIONS).await);
        self.shared.creations.close();
        let handles: Vec<Arc<Handle>> = self.shared.registry.load().values().cloned().collect();
        stream::iter(handles)
            .for_each_concurrent(STOPS, |handle| async move {
                let (done, stopped) = oneshot::channel();
                if handle.commands.send(Command::ShutDown(done)).await.is_ok() {
                    // An error means that its actor has ended already.
                    let _ = stopped.await;
                }
            })
            .await;
        let shared = self.shared.clone();
        let used = tokio::task::spawn_blocking(move || shared.stats.write(now_ms()));
        if let Ok(Err(error)) = used.await {
            tracing::warn!(%error, "cannot write what instances used");
        }
        let (done, written) = oneshot::channel();
        if self.shared.activity.send(Activity::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }

    fn handle(&self, id: &InstanceId) -> Result<Arc<Handle>, FleetError> {
        self.shared.handle(id).ok_or_else(|| FleetError::NotFound(id.clone()))
    }

    fn directory(&self, id: &InstanceId) -> Result<InstanceDirectory, FleetError> {
        self.handle(id).map(|_| self.shared.home.instance(id))
    }

    async fn ask<T>(
        &self,
        id: &InstanceId,
        command: impl FnOnce(oneshot::Sender<Result<T, FleetError>>) -> Command,
    ) -> Result<T, FleetError> {
        if self.shared.shutting_down.load(Ordering::Acquire) {
            return Err(FleetError::ShuttingDown);
        }
        let (answer, answered) = oneshot::channel();
        let handle = self.handle(id)?;
        handle.commands.send(command(answer)).await.map_err(|_| self.gone(id))?;
        answered.await.unwrap_or_else(|_| Err(self.gone(id)))
    }

    /// Why an actor does not answer.
    fn gone(&self, id: &InstanceId) -> FleetError {
        if self.shared.shutting_down.load(Ordering::Acquire) {
            FleetError::ShuttingDown
        } else {
            FleetError::NotFound(id.clone())
        }
    }

    /// Waits until what was asked is so.
    async fn until(&self, id: &InstanceId, wanted: Desired) -> Result<Instance, FleetError> {
        let mut watched = self.handle(id)?.instance.clone();
        let over = watched.wait_for(|instance| {
            instance.desired != wanted
                || match wanted {
                    Desired::Running => matches!(instance.status, Status::Running | Status::Error),
                    // In error: it went out of sight meanwhile.
                    _ => matches!(instance.status, Status::Stopped | Status::Error),
                }
        });
        let instance = over
            .await
            .map(|instance| Arc::clone(&instance))
            .map_err(|_| self.gone(id))?;
        if instance.desired != wanted {
            return Err(FleetError::superseded(id.clone(), instance.desired));
        }
        if instance.status == Status::Error && wanted != Desired::Running {
            let reason = instance.error.clone().unwrap_or_default();
            return Err(FleetError::Away { reason });
        }
        if instance.status == Status::Error {
            let mut lines = instance.error.as_deref().unwrap_or_default().lines().map(str::to_owned);
            let reason = lines.next().unwrap_or_else(|| "the reason is not known".to_owned());
            return Err(FleetError::StartFailed {
                id: id.clone(),
                reason,
                log: lines.collect(),
            });
        }
        self.get(id).ok_or_else(|| FleetError::NotFound(id.clone()))
    }
}
