//! What processes use: one pass over `/proc` measures all instances (each has a session of its own, so a process tells whose it
//! is). A thousand of them cost some ten milliseconds every few seconds, on a thread that serves nobody.

use std::collections::HashMap;

use crate::driver::{Subject, Usage};
use crate::{InstanceId, procfs};

pub async fn measure(living: Vec<Subject>) -> Vec<(InstanceId, Usage)> {
    let measured = tokio::task::spawn_blocking(move || of_sessions(&living)).await;
    measured.unwrap_or_else(|error| {
        tracing::warn!(%error, "a measurement failed");
        Vec::new()
    })
}

fn of_sessions(living: &[Subject]) -> Vec<(InstanceId, Usage)> {
    let sessions: HashMap<u32, ()> = living.iter().filter_map(|subject| Some((subject.pid?, ()))).collect();
    if sessions.is_empty() {
        return Vec::new();
    }
    let found = procfs::sessions(&sessions);
    let usage = |subject: &Subject| {
        let session = subject.pid?;
        let (ticks, memory_bytes) = *found.get(&session)?;
        let usage = Usage {
            life: session.into(),
            cpu: procfs::time(ticks),
            memory_bytes,
        };
        Some((subject.id.clone(), usage))
    };
    living.iter().filter_map(usage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Limits;

    #[tokio::test]
    async fn a_session_that_lives_is_measured_and_no_other() {
        let session = procfs::stat(std::process::id()).expect("this process").session;
        let subject = |id: &str, pid| Subject {
            id: InstanceId::new(id).expect("an id"),
            pid,
            external_id: None,
            limits: Limits::default(),
        };
        let living = [
            subject("alice", Some(session)),
            subject("bob", None),
            subject("gone", Some(u32::MAX)),
        ];
        let measured = measure(living.to_vec()).await;
        let [(id, usage)] = measured.as_slice() else {
            panic!("{measured:?}");
        };
        assert_eq!((id.as_str(), usage.life), ("alice", u64::from(session)));
        assert!(usage.memory_bytes > 100_000);
    }
}
