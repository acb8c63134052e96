//! Asleep and awake again: the instance stays where it is, stopped, its memory moved out of the way.

use creel_records::{Desired, Idle, Status};
use serde_json::json;
use tokio::time::Instant;

use super::phase::Phase;
use super::{Actor, Goal};
use crate::FleetError;
use crate::directory::CONFIG;
use crate::fleet::MAX_CONFIG;
use crate::idle::platforms;

impl Actor {
    /// It should sleep, if there is somebody to sleep.
    pub(super) async fn should_sleep(&mut self) -> Result<(), FleetError> {
        if self.phase.living().is_none() || matches!(self.phase, Phase::Stopping { .. }) {
            return Err(self.not_running("put to sleep"));
        }
        platforms::check("sleep", &self.record.channels, self.config().as_deref())?;
        self.desire(Desired::Sleeping).await
    }

    /// It should be awake, if it sleeps. One that runs does.
    pub(super) async fn should_wake(&mut self) -> Result<(), FleetError> {
        match self.record.desired {
            Desired::Running => Ok(()),
            Desired::Sleeping => {
                self.forget_failures();
                self.desire(Desired::Running).await
            }
            _ => Err(self.not_running("woken")),
        }
    }

    fn not_running(&self, what: &'static str) -> FleetError {
        FleetError::NotRunning {
            id: self.id.clone(),
            status: self.record.status,
            what,
        }
    }

    /// The text of its configuration, if that can be read.
    pub(super) fn config(&self) -> Option<String> {
        self.directory.read(CONFIG, MAX_CONFIG).ok().flatten()
    }

    /// Nobody has had work for it for as long as its policy says.
    pub(super) async fn has_nothing_to_do(&mut self, policy: Idle) {
        let is_still_so = self.record.idle == policy && self.goal() == Goal::Run && !self.work.is_under_way();
        if !is_still_so || !matches!(self.phase, Phase::Running { .. }) {
            return;
        }
        let desired = match policy {
            Idle::Always => return,
            Idle::Sleep { .. } => Desired::Sleeping,
            Idle::Stop { .. } => Desired::Stopped,
        };
        if !platforms::awake_for(&self.record.channels, self.config().as_deref()).is_empty() {
            return;
        }
        if let Err(error) = self.desire(desired).await {
            return tracing::warn!(instance = %self.id, %error, "cannot record what it should be");
        }
        let message = format!("had nothing to do for {} minutes", policy.minutes().unwrap_or_default());
        self.shared.note("idle", &self.id, message, json!({"idle": policy}));
    }

    /// Stops it where it is. One that cannot be stopped goes on, and should.
    pub(super) async fn fall_asleep(&mut self) {
        let Some(living) = self.phase.take_living() else {
            return;
        };
        let asleep = living.fall_asleep().await;
        match asleep {
            Ok(()) => {
                let paging = living.page_out();
                self.phase = Phase::FallingAsleep { living, paging };
                self.message = None;
                self.observe(Status::Sleeping, None).await;
            }
            Err(reason) => {
                self.phase = Phase::Running {
                    living,
                    since: Instant::now(),
                };
                self.message = Some(format!("cannot be put to sleep: {reason}"));
                if let Err(error) = self.desire(Desired::Running).await {
                    // Not tried again at once: what is wanted of it now is that it goes on.
                    self.record.desired = Desired::Running;
                    tracing::warn!(instance = %self.id, %error, "cannot record what it should be");
                }
                self.publish();
                for sleeper in self.sleepers.drain(..) {
                    let (id, reason) = (self.id.clone(), reason.clone());
                    let _ = sleeper.send(Err(FleetError::Sleepless { id, reason }));
                }
            }
        }
    }

    /// Its memory is out of the way, or as much of it as could be moved.
    pub(super) async fn paged_out(&mut self, done: Result<(), String>) {
        let Some(living) = self.phase.take_living() else {
            return;
        };
        self.phase = Phase::Asleep { living };
        self.message = done
            .err()
            .map(|reason| format!("its processes are stopped, but their memory stays in RAM: {reason}"));
        self.publish();
        let message = self
            .message
            .clone()
            .unwrap_or_else(|| "its memory is in swap".to_owned());
        self.shared.note(
            "asleep",
            &self.id,
            message,
            json!({"paged_out": self.message.is_none()}),
        );
    }

    /// Lets it go on where it was stopped.
    pub(super) async fn wake(&mut self) {
        let Some(living) = self.phase.take_living() else {
            return;
        };
        living.wake(self.record.port).await;
        self.phase = Phase::Running {
            living,
            since: Instant::now(),
        };
        self.message = None;
        self.work.note();
        self.observe(Status::Running, None).await;
        self.shared
            .note("awake", &self.id, "goes on where it was".to_owned(), json!({}));
    }

    /// Answers those who wait for it to be asleep, once it is, or will not be.
    pub(super) fn answer_sleepers(&mut self) {
        if self.sleepers.is_empty() {
            return;
        }
        let id = || self.id.clone();
        let answer = || match (&self.phase, self.record.desired) {
            (Phase::Asleep { .. }, Desired::Sleeping) => Some(Ok(())),
            (Phase::Failed, _) => {
                let reason = self.record.error.as_deref().unwrap_or_default();
                let reason = reason.lines().next().unwrap_or_default().to_owned();
                Some(Err(FleetError::Sleepless { id: id(), reason }))
            }
            (_, Desired::Sleeping) if self.shut_down.is_none() => None,
            (_, Desired::Sleeping) => Some(Err(FleetError::ShuttingDown)),
            (_, other) => Some(Err(FleetError::superseded(id(), other))),
        };
        if answer().is_none() {
            return;
        }
        let answers: Vec<_> = self.sleepers.iter().filter_map(|_| answer()).collect();
        for (sleeper, answer) in self.sleepers.drain(..).zip(answers) {
            let _ = sleeper.send(answer);
        }
    }
}
