//! One task looks at all instances from outside: it tells the actor of one that has had nothing to do for as long as its policy
//! says, and wakes one that sleeps while somebody waits at its port.
//!
//! What is work: a request through Creel, a connection to the instance's port, a connection of its own to somebody (a model that
//! answers it), or processor time. All of that is seen without asking the instance, so it is the same for both runtimes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Instant;

use creel_records::{Idle, Status};
use tokio::sync::oneshot;

use super::Work;
use super::connections::Connections;
use crate::actor::Command;
use crate::shared::{Handle, Shared};
use crate::{InstanceId, procfs};

/// Of one core, in per cent: below it nothing but the timers of an idle gateway runs (an idle upstream needs about one).
const BUSY: f32 = 20.0;

/// An instance that is looked at.
struct Subject {
    id: InstanceId,
    handle: Arc<Handle>,
    pid: u32,
    port: u16,
    idle: Idle,
    status: Status,
}

/// What was seen of it.
struct Seen {
    subject: Subject,
    /// Somebody waits at its port.
    is_called: bool,
    /// It works.
    is_busy: bool,
}

/// Looks until the fleet is gone.
pub async fn watch(shared: Weak<Shared>) {
    loop {
        let Some(fleet) = shared.upgrade() else { return };
        let pause = fleet.timing.look;
        let subjects = subjects(&fleet);
        if !subjects.is_empty() {
            let looked = tokio::task::spawn_blocking(move || {
                let seen = look(&fleet, subjects);
                (fleet, seen)
            });
            match looked.await {
                Ok((fleet, seen)) => seen.iter().for_each(|seen| act(&fleet, seen)),
                Err(error) => tracing::warn!(%error, "cannot look at the instances"),
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Those that sleep, and those that may.
fn subjects(fleet: &Shared) -> Vec<Subject> {
    let registry = fleet.registry.load();
    let subject = |(id, handle): (&InstanceId, &Arc<Handle>)| {
        let instance = handle.instance.borrow();
        let matters = match instance.status {
            Status::Sleeping => true,
            Status::Running => instance.idle != Idle::Always,
            _ => false,
        };
        matters.then_some(Subject {
            id: id.clone(),
            handle: handle.clone(),
            pid: instance.pid?,
            port: instance.port?,
            idle: instance.idle,
            status: instance.status,
        })
    };
    registry.iter().filter_map(subject).collect()
}

fn look(fleet: &Shared, subjects: Vec<Subject>) -> Vec<Seen> {
    // A table is read once for all who share a network.
    let mut networks: HashMap<Option<PathBuf>, Connections> = HashMap::new();
    let is_any_awake = subjects.iter().any(|subject| subject.status == Status::Running);
    let processes = if is_any_awake { procfs::all() } else { Vec::new() };
    let seen = |subject: Subject| {
        let network = std::fs::read_link(format!("/proc/{}/ns/net", subject.pid)).ok();
        let connections = networks
            .entry(network)
            .or_insert_with(|| Connections::seen_by(subject.pid));
        let members = || -> Vec<u32> {
            let own = processes.iter().filter(|process| process.session == subject.pid);
            own.map(|process| process.pid).collect()
        };
        let is_asleep = subject.status == Status::Sleeping;
        let is_busy = !is_asleep
            && (subject.handle.work.is_under_way()
                || connections.has_guest(subject.port)
                || fleet
                    .stats
                    .latest(&subject.id)
                    .is_some_and(|sample| sample.cpu_percent >= BUSY)
                || connections.has_talker(&members()));
        Seen {
            is_called: is_asleep && connections.has_caller(subject.port),
            is_busy,
            subject,
        }
    };
    subjects.into_iter().map(seen).collect()
}

fn act(fleet: &Shared, seen: &Seen) {
    let Subject { id, handle, idle, .. } = &seen.subject;
    let command = if seen.is_called {
        tracing::info!(instance = %id, "somebody waits at its port");
        let (answer, _) = oneshot::channel();
        Command::Wake(answer)
    } else if seen.is_busy || seen.subject.status == Status::Sleeping {
        handle.work.note();
        return;
    } else if is_due(&handle.work, *idle, fleet.timing.minute, Instant::now()) {
        Command::NothingToDo(*idle)
    } else {
        return;
    };
    // An actor with so much to do is not idle; and it is looked at again.
    let _ = handle.commands.try_send(command);
}

/// Whether there has been no work for as long as the policy says.
fn is_due(work: &Work, idle: Idle, minute: std::time::Duration, now: Instant) -> bool {
    let Some(minutes) = idle.minutes() else {
        return false;
    };
    now.saturating_duration_since(work.last()) >= minute.saturating_mul(minutes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_policy_is_due_after_its_minutes_without_work() {
        let work = Work::default();
        let minute = Duration::from_secs(60);
        let idle: Idle = "sleep:30".parse().unwrap();
        let after = |minutes: u32| is_due(&work, idle, minute, work.last() + minute * minutes);
        assert!(!after(0) && !after(29) && after(30) && after(1_000_000));
        assert!(!is_due(&work, Idle::Always, minute, work.last() + minute * 1000));
        // Work that was noted later than the look began.
        assert!(!is_due(&work, idle, minute, work.last() - Duration::from_secs(1)));
    }
}
