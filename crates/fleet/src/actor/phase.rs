//! Where an instance is between "nothing runs" and "it serves", and what can happen to it there.

use std::future::{Future, pending};
use std::pin::Pin;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use crate::FleetError;
use crate::driver::process::{Exit, Process};
use crate::runtime::Launch;

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A runtime that is there, and a turn to start it.
pub type Prepared = Result<(Launch, OwnedSemaphorePermit), FleetError>;

pub enum Phase {
    /// Nothing runs.
    Idle,
    /// The runtime is being installed, or others start first.
    Preparing(Later<Prepared>),
    /// Its process runs and is not ready yet.
    Starting {
        process: Process,
        ready: Later<()>,
        deadline: Instant,
        /// What it was started with; nothing for an adopted one.
        launch: Option<Launch>,
        /// Given back when it is ready.
        _turn: Option<OwnedSemaphorePermit>,
    },
    /// The runtime repairs the configuration it refused.
    Repairing {
        process: Process,
        deadline: Instant,
    },
    Running {
        process: Process,
        since: Instant,
    },
    /// Asked to end; at the deadline it is made to.
    Stopping {
        process: Process,
        deadline: Instant,
        /// It is being ended because of this, not because someone wants it stopped.
        failure: Option<String>,
    },
    /// It crashed and is started again at this time.
    Waiting(Instant),
    /// It is left alone until someone asks again.
    Failed,
}

pub enum Event {
    Prepared(Prepared),
    Ready,
    Exited(Exit),
    Late,
    WaitingIsOver,
}

impl Phase {
    /// The next thing that happens. May be dropped and called again.
    pub async fn next(&mut self) -> Event {
        match self {
            Self::Idle | Self::Failed => pending().await,
            Self::Preparing(later) => Event::Prepared(later.await),
            Self::Starting {
                process,
                ready,
                deadline,
                ..
            } => tokio::select! {
                biased;
                exit = process.exited() => Event::Exited(exit),
                () = ready => Event::Ready,
                () = sleep_until(*deadline) => Event::Late,
            },
            Self::Repairing { process, deadline } | Self::Stopping { process, deadline, .. } => tokio::select! {
                biased;
                exit = process.exited() => Event::Exited(exit),
                () = sleep_until(*deadline) => Event::Late,
            },
            Self::Running { process, .. } => Event::Exited(process.exited().await),
            Self::Waiting(until) => {
                sleep_until(*until).await;
                Event::WaitingIsOver
            }
        }
    }

    /// The living process, if there is one.
    pub fn process(&self) -> Option<&Process> {
        match self {
            Self::Starting { process, .. }
            | Self::Repairing { process, .. }
            | Self::Running { process, .. }
            | Self::Stopping { process, .. } => Some(process),
            Self::Idle | Self::Preparing(_) | Self::Waiting(_) | Self::Failed => None,
        }
    }

    /// Takes the process out; the phase is idle then.
    pub fn take_process(&mut self) -> Option<Process> {
        match std::mem::replace(self, Self::Idle) {
            Self::Starting { process, .. }
            | Self::Repairing { process, .. }
            | Self::Running { process, .. }
            | Self::Stopping { process, .. } => Some(process),
            Self::Idle | Self::Preparing(_) | Self::Waiting(_) | Self::Failed => None,
        }
    }
}
