//! The actor of one instance: it alone owns the process and both states, and takes one step after another.
//!
//! Three things move it: a command (someone wants it otherwise), an event (the process did something), and reconciling,
//! which compares what should be with what is and takes the next step. No step blocks for longer than a file write or a
//! record; whatever takes time is a [`Phase`] that can be interrupted by the next command.

mod away;
mod command;
mod install;
mod phase;
mod sleep;
mod start;

use std::ops::ControlFlow;
use std::sync::Arc;

use arc_swap::ArcSwap;
use creel_records::{Desired, InstanceRecord, Observed, Status, now_ms};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

pub use command::Command;
use phase::{Event, Phase};

use crate::directory::InstanceDirectory;
use crate::driver::process::{Inhabitant, inhabitant};
use crate::driver::{Driver, Found, Identity, Limits, Place};
use crate::idle::Work;
use crate::shared::{Handle, Shared};
use crate::{FleetError, FleetEvent, Instance, InstanceId, Token};

/// What is said of one that runs, and was started with other limits than those that are recorded.
const NEW_LIMITS: &str = "the new limits hold from its next start on";
/// Commands that may wait for an actor; a sender beyond that waits.
const COMMANDS: usize = 16;

pub struct Actor {
    shared: Arc<Shared>,
    driver: Arc<dyn Driver>,
    id: InstanceId,
    directory: InstanceDirectory,
    /// What is recorded, and after every step what was written there.
    record: InstanceRecord,
    phase: Phase,
    /// Whoever runs is to be ended and started anew.
    again: bool,
    /// Ends in a row without having stayed healthy.
    crashes: u32,
    /// The runtime's repair was tried since someone last asked for a start.
    repaired: bool,
    /// Starts in a row that found their port taken.
    moves: u32,
    /// What was found at the beginning differs from what is recorded.
    unrecorded: bool,
    started_at: Option<i64>,
    /// Those that it was started with: others that are recorded meanwhile hold from its next start on.
    limits: Limits,
    message: Option<String>,
    /// What was changed of it behind our back.
    drift: Vec<String>,
    /// Why it is out of sight, while it is.
    out_of_sight: Option<String>,
    commands: mpsc::Receiver<Command>,
    progress: (mpsc::Sender<String>, mpsc::Receiver<String>),
    published: watch::Sender<Arc<Instance>>,
    token: Arc<ArcSwap<Option<Token>>>,
    work: Arc<Work>,
    /// They wait for it to be asleep.
    sleepers: Vec<oneshot::Sender<Result<(), FleetError>>>,
    removed: Option<oneshot::Sender<Result<(), FleetError>>>,
    shut_down: Option<oneshot::Sender<()>>,
}

/// What the desired state means for the next step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    Run,
    /// To be there, and do nothing.
    Sleep,
    Rest,
    Gone,
}

enum Step {
    None,
    /// Get ready to start.
    Prepare,
    /// Give up waiting, or having failed, and begin again.
    Afresh,
    /// Stop it where it is.
    FallAsleep,
    Wake,
    /// End the process.
    Stop,
    /// Nothing runs and nothing shall.
    Rest,
    Remove,
    /// The fleet ends.
    Leave,
}

impl Actor {
    /// Makes the actor of a recorded instance; adopts it if it lives. `run` sets it going.
    pub async fn new(shared: Arc<Shared>, id: InstanceId, record: InstanceRecord) -> (Self, Arc<Handle>) {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let token = Arc::new(ArcSwap::from_pointee(
            shared.sealer.open(id.as_str(), &record.token_sealed),
        ));
        let instance = Arc::new(shared.describe(&id, &record));
        let (published, receiver) = watch::channel(instance);
        let handle = Arc::new(Handle {
            commands: sender,
            instance: receiver,
            token: token.clone(),
            work: Arc::default(),
        });
        let mut actor = Self {
            directory: shared.home.instance(&id),
            driver: shared.drivers.of(record.driver).clone(),
            limits: shared.limits(&record),
            shared,
            id,
            record,
            phase: Phase::Idle,
            again: false,
            crashes: 0,
            repaired: false,
            moves: 0,
            unrecorded: false,
            started_at: None,
            message: None,
            drift: Vec::new(),
            out_of_sight: None,
            commands,
            progress: mpsc::channel(COMMANDS),
            published,
            token,
            work: handle.work.clone(),
            sleepers: Vec::new(),
            removed: None,
            shut_down: None,
        };
        actor.adopt().await;
        (actor, handle)
    }

    /// Takes one step after another until the instance is removed or the fleet shuts down.
    pub async fn run(mut self) {
        if self.unrecorded && !self.should_live() {
            self.record_unseen().await;
        }
        while self.reconcile().await.is_continue() {
            self.answer_sleepers();
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                event = self.phase.next() => self.happened(event).await,
                Some(message) = self.progress.1.recv() => {
                    self.message = Some(message);
                    self.publish();
                }
            }
        }
    }

    /// What was found at the beginning, where nothing else is going to be recorded.
    async fn record_unseen(&mut self) {
        self.unrecorded = false;
        let seen = Observed {
            status: self.record.status,
            pid: None,
            pid_started: None,
            external_id: None,
            error: None,
        };
        if let Err(error) = self.shared.records.set_observed(self.id.as_str(), &seen).await {
            tracing::warn!(instance = %self.id, %error, "cannot record what was seen");
        }
    }

    fn goal(&self) -> Goal {
        match self.record.desired {
            _ if self.shut_down.is_some() => Goal::Rest,
            Desired::Running => Goal::Run,
            Desired::Sleeping => Goal::Sleep,
            Desired::Stopped => Goal::Rest,
            Desired::Removed | Desired::Purged => Goal::Gone,
        }
    }

    /// Whether something is to live there, awake or asleep.
    fn should_live(&self) -> bool {
        matches!(self.goal(), Goal::Run | Goal::Sleep)
    }

    /// The step from what is towards what should be.
    fn next_step(&self) -> Step {
        match (&self.phase, self.goal()) {
            (Phase::Idle, Goal::Run | Goal::Sleep) => Step::Prepare,
            (Phase::Idle, Goal::Gone) => Step::Remove,
            (Phase::Idle | Phase::Away(_), Goal::Rest) if self.shut_down.is_some() => Step::Leave,
            (Phase::Preparing(_) | Phase::Waiting(_), Goal::Rest | Goal::Gone) | (Phase::Failed, Goal::Rest) => {
                Step::Rest
            }
            (Phase::Waiting(_) | Phase::Failed, Goal::Run | Goal::Sleep) if self.again => Step::Afresh,
            (
                Phase::Starting { .. }
                | Phase::Repairing { .. }
                | Phase::Installing { .. }
                | Phase::Running { .. }
                | Phase::FallingAsleep { .. }
                | Phase::Asleep { .. },
                _,
            ) if self.again || !self.should_live() => Step::Stop,
            (Phase::Running { .. }, Goal::Sleep) => Step::FallAsleep,
            (Phase::FallingAsleep { .. } | Phase::Asleep { .. }, Goal::Run) => Step::Wake,
            _ => Step::None,
        }
    }

    /// Takes every step that can be taken now. Breaks when there is nothing left to look after.
    async fn reconcile(&mut self) -> ControlFlow<()> {
        loop {
            match self.next_step() {
                Step::None => return ControlFlow::Continue(()),
                Step::Prepare => {
                    self.again = false;
                    self.prepare().await;
                }
                Step::Afresh => self.phase = Phase::Idle,
                Step::FallAsleep => self.fall_asleep().await,
                Step::Wake => self.wake().await,
                Step::Stop => {
                    self.again = false;
                    self.stop(None).await;
                }
                Step::Rest => {
                    self.phase = Phase::Idle;
                    self.message = None;
                    self.observe(Status::Stopped, None).await;
                }
                Step::Remove => return self.remove().await,
                Step::Leave => {
                    if let Some(done) = self.shut_down.take() {
                        let _ = done.send(());
                    }
                    return ControlFlow::Break(());
                }
            }
        }
    }

    async fn happened(&mut self, event: Event) {
        match event {
            Event::Prepared(Ok((launch, turn))) => self.launch(launch, turn).await,
            Event::Prepared(Err(error)) => self.could_not_start(error).await,
            Event::Ready => self.ready().await,
            Event::PagedOut(done) => self.paged_out(done).await,
            Event::Exited(exit) => self.exited(exit).await,
            Event::Late => self.late().await,
            Event::WaitingIsOver => self.phase = Phase::Idle,
            Event::LookAgain => self.look_again().await,
        }
    }

    /// Asks the process to end. With a `failure` the instance fails for that reason afterwards.
    async fn stop(&mut self, failure: Option<String>) {
        let is_asleep = matches!(self.phase, Phase::FallingAsleep { .. } | Phase::Asleep { .. });
        let Some(living) = self.phase.take_living() else {
            return;
        };
        living.terminate().await;
        if is_asleep {
            // What is stopped hears nothing; now it does.
            living.wake(self.record.port).await;
        }
        let deadline = Instant::now() + self.shared.timing.grace;
        self.phase = Phase::Stopping {
            living,
            deadline,
            failure,
        };
        self.message = None;
        let error = self.record.error.clone();
        self.observe(Status::Stopping, error).await;
    }

    /// Leaves it alone, with the reason and its own last words.
    async fn fail(&mut self, reason: String) {
        self.phase = Phase::Failed;
        self.message = None;
        self.started_at = None;
        self.out_of_sight = None;
        // What a start made that did not come to its end.
        self.driver.clear(&self.id, Some(&self.directory)).await;
        tracing::warn!(instance = %self.id, reason, "instance failed");
        self.shared
            .note("failed", &self.id, reason.clone(), json!({"reason": reason}));
        let mut error = reason;
        for line in self.last_words() {
            error.push('\n');
            error.push_str(&line);
        }
        self.observe(Status::Error, Some(error)).await;
    }

    /// The last lines of its log.
    fn last_words(&self) -> Vec<String> {
        const LINES: usize = 10;
        crate::logs::tail(&self.directory.log(), LINES, self.token.load().as_ref().as_ref()).unwrap_or_default()
    }

    /// Who is known to live, or was known to when last somebody looked.
    fn recorded(&self) -> Identity {
        Identity {
            pid: self.record.pid,
            pid_started: self.record.pid_started,
            external_id: self.record.external_id.clone(),
        }
    }

    fn set_recorded(&mut self, identity: Identity) {
        self.record.pid = identity.pid;
        self.record.pid_started = identity.pid_started;
        self.record.external_id = identity.external_id;
    }

    async fn find(&mut self) -> Found {
        let place = Place {
            id: &self.id,
            directory: &self.directory,
            recorded: &self.recorded(),
        };
        self.driver.clone().find(place).await
    }

    /// Takes over what lives there, whoever started it.
    async fn adopt(&mut self) {
        let found = self.find().await;
        if let Found::Away(reason) = found {
            return self.away(reason);
        }
        let Found::Living(living) = found else {
            if !matches!(self.record.status, Status::Created | Status::Stopped | Status::Error) {
                self.record.status = Status::Stopped;
                self.unrecorded = true;
            }
            self.set_recorded(Identity::default());
            // What an end left behind while nobody looked.
            self.driver.clear(&self.id, Some(&self.directory)).await;
            return self.publish();
        };
        let (identity, name) = (living.identity(), living.name());
        tracing::info!(instance = %self.id, name, "adopted");
        self.shared
            .note("adopted", &self.id, format!("{name} goes on"), data_of(&identity));
        self.started_at = living.started_at();
        self.set_recorded(identity);
        self.keeps_to(living.limits());
        let is_asleep = living.is_asleep().await;
        if self.record.desired != Desired::Sleeping {
            // Whatever was being done to it when its control plane ended: nobody is left stopped who should run or end.
            living.wake(self.record.port).await;
        }
        // What was serving is serving, and what slept sleeps: whoever looks now shall not see it blink.
        self.phase = if is_asleep && self.record.desired == Desired::Sleeping {
            self.record.status = Status::Sleeping;
            // Done already, or begun; what cannot be done is said again.
            let paging = living.page_out();
            Phase::FallingAsleep { living, paging }
        } else if matches!(self.record.status, Status::Running | Status::Sleeping) {
            self.record.status = Status::Running;
            Phase::Running {
                living,
                since: Instant::now(),
            }
        } else {
            self.record.status = Status::Starting;
            self.awaiting_readiness(living, None, None)
        };
        self.publish();
    }

    /// Somebody else may have started it, and with other limits than those that are recorded now.
    fn keeps_to(&mut self, limits: Option<Limits>) {
        let recorded = self.shared.limits(&self.record);
        self.limits = limits.unwrap_or(recorded);
        if self.limits != recorded {
            self.message = Some(NEW_LIMITS.to_owned());
        }
    }

    /// Records and publishes what was seen. That a record cannot be written stops nothing: it is seen again at the next start.
    async fn observe(&mut self, status: Status, error: Option<String>) {
        let identity = self.phase.living().map(|living| living.identity()).unwrap_or_default();
        tracing::debug!(instance = %self.id, %status, ?identity, "seen");
        if let Err(error) = self.write_observed(status, identity, error).await {
            tracing::warn!(instance = %self.id, %status, %error, "cannot record what was seen");
        }
        self.publish();
    }

    /// As [`Actor::observe`], for what must not go on if it cannot be recorded.
    async fn write_observed(
        &mut self,
        status: Status,
        identity: Identity,
        error: Option<String>,
    ) -> Result<(), FleetError> {
        let observed = |status, identity: Identity, error| Observed {
            status,
            pid: identity.pid,
            pid_started: identity.pid_started,
            external_id: identity.external_id,
            error,
        };
        let before = observed(self.record.status, self.recorded(), self.record.error.take());
        let observed = observed(status, identity.clone(), error);
        self.record.status = status;
        self.set_recorded(identity);
        self.record.error.clone_from(&observed.error);
        if observed != before {
            self.record.updated_at = now_ms();
            self.shared.records.set_observed(self.id.as_str(), &observed).await?;
        }
        Ok(())
    }

    fn publish(&self) {
        let mut instance = self.shared.describe(&self.id, &self.record);
        instance.started_at = self.started_at;
        instance.limits = self.limits;
        instance.message.clone_from(&self.message);
        instance.drift.clone_from(&self.drift);
        instance.external_id.clone_from(&self.record.external_id);
        if let Some(reason) = &self.out_of_sight {
            // What is recorded stays: it may be serving.
            instance.status = Status::Error;
            instance.error = Some(reason.clone());
        }
        let instance = Arc::new(instance);
        self.published.send_replace(instance.clone());
        self.shared.announce(FleetEvent::Changed(instance));
    }

    /// Refuses to have data deleted that somebody uses whom Creel did not start, such as a container of a compose file.
    fn has_data_to_itself(&self) -> Result<(), FleetError> {
        let pid = match inhabitant(&self.directory, self.record.pid.zip(self.record.pid_started)) {
            Inhabitant::Nobody | Inhabitant::Process(..) => return Ok(()),
            Inhabitant::Contained(pid) => Some(pid),
            Inhabitant::Unknown => None,
        };
        Err(FleetError::DataInUse {
            id: self.id.clone(),
            pid,
        })
    }

    /// Nothing runs any more: deletes what is to be deleted. If that fails, the instance stays, failed, to be asked again.
    async fn remove(&mut self) -> ControlFlow<()> {
        let purge = self.record.desired == Desired::Purged;
        let (directory, runtime) = (self.directory.clone(), self.record.runtime);
        let place = Place {
            id: &self.id,
            directory: &self.directory,
            recorded: &self.recorded(),
        };
        // First: what is there elsewhere is known from the directory alone.
        if let Err(error) = self.driver.remove(place, purge).await {
            return self.not_removed(error).await;
        }
        let deleted = tokio::task::spawn_blocking(move || match purge {
            true => directory.purge(),
            false => {
                directory.forget_process();
                directory.note_kept(runtime);
                Ok(())
            }
        });
        let deleted = deleted.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let deleted = deleted.map_err(FleetError::file("delete", self.directory.root()));
        let recorded = match deleted {
            Ok(()) => self.forget().await,
            Err(error) => Err(error),
        };
        if let Err(error) = recorded {
            return self.not_removed(error).await;
        }
        self.driver.clear(&self.id, None).await;
        self.shared.ports.release(self.record.port, &self.id);
        self.shared.stats.forget(&self.id);
        self.shared.unregister(&self.id);
        self.shared.announce(FleetEvent::Removed(self.id.clone()));
        if let Some(done) = self.removed.take() {
            let _ = done.send(Ok(()));
        }
        ControlFlow::Break(())
    }

    /// It stays, failed, to be asked again.
    async fn not_removed(&mut self, error: FleetError) -> ControlFlow<()> {
        self.fail(format!("cannot be removed: {error}")).await;
        let error = FleetError::HalfRemoved {
            id: self.id.clone(),
            reason: Box::new(error),
        };
        if let Some(done) = self.removed.take() {
            let _ = done.send(Err(error));
        }
        ControlFlow::Continue(())
    }

    /// The credentials first: once the record is gone, nobody would ask for them to be revoked.
    async fn forget(&mut self) -> Result<(), FleetError> {
        if let Some(credentials) = &self.shared.credentials {
            let revoked = credentials.revoke(&self.id).await;
            revoked.map_err(|reason| FleetError::invalid("credentials", reason))?;
        }
        self.shared.records.delete_instance(self.id.as_str()).await?;
        Ok(())
    }
}

/// As an event tells it.
fn data_of(identity: &Identity) -> Value {
    match (identity.pid, &identity.external_id) {
        (Some(pid), _) => json!({"pid": pid}),
        (None, Some(external_id)) => json!({"external_id": external_id}),
        (None, None) => json!({}),
    }
}
