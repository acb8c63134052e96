//! Where an instance is between "nothing runs" and "it serves", and what can happen to it there.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use crate::FleetError;
use crate::channel::Plugin;
use crate::driver::{Exit, Later, Launcher, Living};

/// What a start needs is there, and it is this one's turn.
pub type Prepared = Result<(Arc<dyn Launcher>, OwnedSemaphorePermit), FleetError>;

pub enum Phase {
    /// Nothing runs.
    Idle,
    /// The runtime is being installed, or others start first.
    Preparing(Later<Prepared>),
    /// It runs and is not ready yet.
    Starting {
        living: Box<dyn Living>,
        ready: Later<()>,
        deadline: Instant,
        /// What it was started with; nothing for an adopted one.
        launcher: Option<Arc<dyn Launcher>>,
        /// Given back when it is ready.
        _turn: Option<OwnedSemaphorePermit>,
    },
    /// The runtime repairs the configuration it refused.
    Repairing {
        living: Box<dyn Living>,
        deadline: Instant,
    },
    /// What a channel needs is being installed; then it is started.
    Installing {
        living: Box<dyn Living>,
        deadline: Instant,
        plugin: Plugin,
        launcher: Arc<dyn Launcher>,
        turn: OwnedSemaphorePermit,
    },
    Running {
        living: Box<dyn Living>,
        since: Instant,
    },
    /// It is stopped where it is, and its memory is being moved out of the way.
    FallingAsleep {
        living: Box<dyn Living>,
        paging: Later<Result<(), String>>,
    },
    /// Stopped where it is, until it is woken.
    Asleep {
        living: Box<dyn Living>,
    },
    /// Asked to end; at the deadline it is made to.
    Stopping {
        living: Box<dyn Living>,
        deadline: Instant,
        /// It is being ended because of this, not because someone wants it stopped.
        failure: Option<String>,
    },
    /// It crashed and is started again at this time.
    Waiting(Instant),
    /// Where it lives, or is to live, does not answer. It is looked for again at this time.
    Away(Instant),
    /// It is left alone until someone asks again.
    Failed,
}

pub enum Event {
    Prepared(Prepared),
    Ready,
    /// As far as could be, else what could not.
    PagedOut(Result<(), String>),
    Exited(Exit),
    Late,
    WaitingIsOver,
    LookAgain,
}

impl Phase {
    /// The next thing that happens. May be dropped and called again.
    pub async fn next(&mut self) -> Event {
        match self {
            Self::Idle | Self::Failed => pending().await,
            Self::Preparing(later) => Event::Prepared(later.await),
            Self::Starting {
                living,
                ready,
                deadline,
                ..
            } => tokio::select! {
                biased;
                exit = living.exited() => Event::Exited(exit),
                () = ready => Event::Ready,
                () = sleep_until(*deadline) => Event::Late,
            },
            Self::Repairing { living, deadline }
            | Self::Installing { living, deadline, .. }
            | Self::Stopping { living, deadline, .. } => tokio::select! {
                biased;
                exit = living.exited() => Event::Exited(exit),
                () = sleep_until(*deadline) => Event::Late,
            },
            Self::FallingAsleep { living, paging } => tokio::select! {
                biased;
                exit = living.exited() => Event::Exited(exit),
                done = paging => Event::PagedOut(done),
            },
            Self::Running { living, .. } | Self::Asleep { living } => Event::Exited(living.exited().await),
            Self::Waiting(until) => {
                sleep_until(*until).await;
                Event::WaitingIsOver
            }
            Self::Away(until) => {
                sleep_until(*until).await;
                Event::LookAgain
            }
        }
    }

    /// What lives, if anything does.
    pub fn living(&self) -> Option<&dyn Living> {
        match self {
            Self::Starting { living, .. }
            | Self::Repairing { living, .. }
            | Self::Installing { living, .. }
            | Self::Running { living, .. }
            | Self::FallingAsleep { living, .. }
            | Self::Asleep { living }
            | Self::Stopping { living, .. } => Some(living.as_ref()),
            Self::Idle | Self::Preparing(_) | Self::Waiting(_) | Self::Away(_) | Self::Failed => None,
        }
    }

    /// Takes out what lives; the phase is idle then.
    pub fn take_living(&mut self) -> Option<Box<dyn Living>> {
        match std::mem::replace(self, Self::Idle) {
            Self::Starting { living, .. }
            | Self::Repairing { living, .. }
            | Self::Installing { living, .. }
            | Self::Running { living, .. }
            | Self::FallingAsleep { living, .. }
            | Self::Asleep { living }
            | Self::Stopping { living, .. } => Some(living),
            Self::Idle | Self::Preparing(_) | Self::Waiting(_) | Self::Away(_) | Self::Failed => None,
        }
    }
}
