//! A container that runs, or has just ended.
//!
//! An engine can hang without a word. What is asked of it then is answered in bounded time: the container is out of sight, which ends
//! the watching of it, and whoever comes next looks for it anew.

use std::time::Duration;

use async_trait::async_trait;
use hyper::{Method, StatusCode};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::engine::{Engine, EngineError};
use super::members::Members;
use super::relay::Relay;
use super::{logs, members, spec};
use crate::directory::InstanceDirectory;
use crate::driver::sleep::{self, Slumber};
use crate::driver::{Exit, Identity, Later, Limits, Living};
use crate::probe;

/// How long its last words may take to arrive once it has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub struct Container {
    engine: Engine,
    id: String,
    /// Its first process, where that is one of this host.
    pid: Option<u32>,
    started_at: Option<i64>,
    limits: Option<Limits>,
    /// Until it has ended.
    log: Option<JoinHandle<()>>,
    _relay: Relay,
    slumber: Slumber,
    /// Told when the engine did not take what it was told.
    lost: Notify,
    ended: Option<Exit>,
    /// Removes it; says whether somebody else was faster.
    removal: Option<JoinHandle<bool>>,
}

impl Container {
    /// Watches a container that runs.
    pub fn watch(engine: Engine, id: String, inspected: &Value, directory: InstanceDirectory, relay: Relay) -> Self {
        let log = tokio::spawn(logs::copy(engine.clone(), id.clone(), directory.clone()));
        let started = inspected["State"]["StartedAt"].as_str();
        let started = started.and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
        Self {
            pid: members::first(&id, inspected["State"]["Pid"].as_u64()),
            engine,
            id,
            started_at: started.and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()),
            limits: spec::made_with(inspected),
            log: Some(log),
            _relay: relay,
            slumber: Slumber::new(directory),
            lost: Notify::new(),
            ended: None,
            removal: None,
        }
    }

    /// Waits until it does not run, and says how that came about.
    async fn end(&self) -> Exit {
        loop {
            let path = format!("/containers/{}/wait", self.id);
            let waited = match self.engine.wait(Method::POST, &path, None).await {
                Ok(waited) => waited,
                Err(error) => return unseen(&error),
            };
            match self.engine.get(&format!("/containers/{}/json", self.id)).await {
                // Somebody restarted it: it is the same container still.
                Ok(now) if now["State"]["Running"] == true => {}
                Ok(_) => return exit(&waited),
                Err(error) => return unseen(&error),
            }
        }
    }

    async fn signal(&self, signal: &str) {
        // One that is paused hears nothing.
        if self.unpause().await {
            self.tell(&format!("kill?signal={signal}")).await;
        }
    }

    /// Lets it go on, if it is paused. `false` if the engine does not answer.
    async fn unpause(&self) -> bool {
        self.slumber.leave_off();
        self.tell("unpause").await
    }

    /// `false` if the engine does not answer. That it refuses means that there is nothing to be done.
    async fn tell(&self, what: &str) -> bool {
        match self.engine.tell(&format!("/containers/{}/{what}", self.id)).await {
            Err(EngineError::Away(absence)) => {
                tracing::warn!(container = self.id, what, %absence, "it was not told");
                self.lost.notify_one();
                false
            }
            told => {
                if let Err(error) = told {
                    tracing::debug!(container = self.id, what, ?error, "it was not told");
                }
                true
            }
        }
    }
}

/// Codes above this are the number of a signal, and this.
const SIGNALLED: i64 = 128;

fn exit(waited: &Value) -> Exit {
    match waited["StatusCode"].as_i64() {
        Some(code @ 129..=192) => Exit::Signal((code - SIGNALLED) as i32),
        Some(code) => i32::try_from(code).map_or(Exit::Unknown, Exit::Code),
        None => Exit::Unknown,
    }
}

fn unseen(error: &EngineError) -> Exit {
    if error.is_not_found() {
        Exit::Removed
    } else {
        Exit::OutOfSight
    }
}

/// Removes what has ended, once its last words are in the log. Says whether somebody else had it removed.
async fn remove(engine: Engine, id: String, log: Option<JoinHandle<()>>) -> bool {
    if let Some(mut log) = log
        && timeout(LAST_WORDS, &mut log).await.is_err()
    {
        // A log that does not come to its end is left as it is.
        log.abort();
    }
    match engine.delete(&format!("/containers/{id}?v=true")).await {
        Ok(_) => false,
        // An engine that is told to remove one that runs ends it first, and refuses everybody else meanwhile.
        Err(EngineError::Refused { status, .. }) => matches!(status, StatusCode::NOT_FOUND | StatusCode::CONFLICT),
        Err(error) => {
            tracing::debug!(container = id, ?error, "left behind; the next start removes it");
            false
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(log) = &self.log {
            log.abort();
        }
    }
}

#[async_trait]
impl Living for Container {
    fn identity(&self) -> Identity {
        Identity {
            pid: self.pid,
            pid_started: None,
            external_id: Some(self.id.clone()),
        }
    }

    fn started_at(&self) -> Option<i64> {
        self.started_at
    }

    fn limits(&self) -> Option<Limits> {
        self.limits
    }

    fn name(&self) -> String {
        format!("container {}", self.id.get(..12).unwrap_or(&self.id))
    }

    fn ready(&self, port: u16) -> Later<()> {
        Box::pin(probe::until_ready(None, port))
    }

    async fn exited(&mut self) -> Exit {
        if self.ended.is_none() {
            self.ended = Some(tokio::select! {
                biased;
                exit = self.end() => exit,
                () = self.lost.notified() => Exit::OutOfSight,
            });
        }
        let ended = self.ended.unwrap_or(Exit::Unknown);
        if matches!(ended, Exit::OutOfSight | Exit::Removed) {
            return ended;
        }
        // A task of its own: dropped here, it still knows who removed it.
        let (engine, id, log) = (&self.engine, &self.id, &mut self.log);
        let removal = self
            .removal
            .get_or_insert_with(|| tokio::spawn(remove(engine.clone(), id.clone(), log.take())));
        if removal.await.unwrap_or(false) {
            self.ended = Some(Exit::Removed);
            return Exit::Removed;
        }
        ended
    }

    async fn fall_asleep(&self) -> Result<(), String> {
        self.slumber.begins();
        match self.engine.tell(&format!("/containers/{}/pause", self.id)).await {
            Ok(_) => Ok(()),
            Err(error) => {
                // It may have been done all the same.
                self.unpause().await;
                Err(error.said())
            }
        }
    }

    fn page_out(&self) -> Later<Result<(), String>> {
        let (id, asleep) = (self.id.clone(), self.slumber.begins());
        let moved = tokio::task::spawn_blocking(move || {
            let Members { pids, memory } = Members::of(&id).ok_or("its processes are not this host's to see")?;
            sleep::page_out(&pids, memory.as_deref(), &asleep).map_err(|obstacle| obstacle.to_string())
        });
        Box::pin(async move { moved.await.map_err(|error| error.to_string())? })
    }

    async fn wake(&self, port: u16) {
        self.slumber.ends(|| Box::pin(probe::until_alive(port)));
        self.tell("unpause").await;
    }

    async fn is_asleep(&self) -> bool {
        let now = self.engine.get(&format!("/containers/{}/json", self.id)).await;
        now.is_ok_and(|now| now["State"]["Paused"] == true)
    }

    async fn terminate(&self) {
        self.signal("SIGTERM").await;
    }

    async fn kill(&mut self) {
        self.signal("SIGKILL").await;
    }
}
