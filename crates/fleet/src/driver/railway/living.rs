//! A deployment that serves, is coming, or has just ended. One task per deployment looks at it every so often.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use creel_records::now_ms;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::RailwayDriver;
use super::calls::{Metrics, Place, Service, Stage};
use super::kept::Kept;
use super::logs::Log;
use super::project::SERVICE;
use super::trouble::Trouble;
use super::{drift, health, kept};
use crate::directory::InstanceDirectory;
use crate::driver::{Exit, Identity, Later, Living};
use crate::{FleetError, InstanceId};

/// Looks in a row without an answer after which it is out of sight. A single one is nothing over the internet.
const MISSES: u32 = 3;
/// It is asked for what it uses every so many looks: Railway itself measures no oftener than that.
const LOOKS_PER_MEASUREMENT: u32 = 4;
/// What was just asked for need not be told at the first look.
const LOOKS_UNTIL_KNOWN: u32 = 8;

pub struct Deployment {
    name: String,
    project: String,
    url: Option<String>,
    started_at: Option<i64>,
    ending: Arc<Ending>,
    ended: watch::Receiver<Option<Exit>>,
    watcher: JoinHandle<()>,
}

/// Somebody wants it to end.
#[derive(Default)]
struct Ending {
    asked: AtomicBool,
    told: Notify,
}

impl Deployment {
    pub fn watch(
        driver: Arc<RailwayDriver>,
        id: InstanceId,
        directory: InstanceDirectory,
        kept: Kept,
        place: Place,
        deployment: String,
    ) -> Self {
        let (sender, ended) = watch::channel(None);
        let ending = Arc::new(Ending::default());
        let (name, project, url) = (kept.name.clone(), place.project.clone(), kept.url.clone());
        // What another control plane asked for and did not note began some time ago, which counts as now.
        let started_at = kept
            .deployed_at
            .filter(|_| kept.deployment.is_some())
            .unwrap_or_else(now_ms);
        let watcher = Watcher {
            log: Log::of(directory.clone(), &deployment),
            driver,
            id,
            directory,
            kept,
            place,
            deployment,
            ending: ending.clone(),
            looks: 0,
            was_seen: false,
            is_going_down: false,
        };
        let watcher = tokio::spawn(async move {
            let exit = watcher.watch().await;
            sender.send_replace(Some(exit));
        });
        Self {
            name,
            project,
            url,
            started_at: Some(started_at),
            ending,
            ended,
            watcher,
        }
    }

    fn end(&self) {
        self.ending.asked.store(true, Ordering::Release);
        self.ending.told.notify_one();
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

#[async_trait]
impl Living for Deployment {
    fn identity(&self) -> Identity {
        Identity {
            external_id: Some(self.project.clone()),
            ..Identity::default()
        }
    }

    fn started_at(&self) -> Option<i64> {
        self.started_at
    }

    fn name(&self) -> String {
        format!("Railway project {}", self.name)
    }

    fn ready(&self, _: u16) -> Later<()> {
        match &self.url {
            Some(url) => Box::pin(health::until_ready(url.clone())),
            // Nobody can ask it: it is late some day.
            None => Box::pin(std::future::pending()),
        }
    }

    async fn exited(&mut self) -> Exit {
        match self.ended.wait_for(Option::is_some).await {
            Ok(exit) => exit.unwrap_or(Exit::Unknown),
            Err(_) => Exit::OutOfSight,
        }
    }

    async fn fall_asleep(&self) -> Result<(), String> {
        Err("Railway has no call for it; its own app sleeping (serverless) is switched on in its dashboard".to_owned())
    }

    async fn terminate(&self) {
        self.end();
    }

    async fn kill(&mut self) {
        self.end();
    }
}

struct Watcher {
    driver: Arc<RailwayDriver>,
    id: InstanceId,
    directory: InstanceDirectory,
    kept: Kept,
    place: Place,
    deployment: String,
    log: Log,
    ending: Arc<Ending>,
    looks: u32,
    /// Railway has named it as what was deployed last.
    was_seen: bool,
    is_going_down: bool,
}

impl Watcher {
    async fn watch(mut self) -> Exit {
        let mut misses = 0;
        loop {
            let exit = match self.driver.client.service(&self.place).await {
                Ok(Some(service)) => {
                    misses = 0;
                    self.seen(&service).await
                }
                // Somebody deleted the service.
                Ok(None) => Some(self.removed()),
                Err(Trouble::Gone) => match self.driver.gone(&self.kept, &self.directory, &self.id).await {
                    FleetError::Driver { .. } if !self.directory.root().join(kept::FILE).exists() => {
                        Some(self.removed())
                    }
                    _ => Some(self.lost(&Trouble::Gone)),
                },
                Err(trouble) => {
                    misses += 1;
                    tracing::debug!(instance = %self.id, ?trouble, misses, "Railway does not say how it is");
                    (misses >= MISSES).then(|| self.lost(&trouble))
                }
            };
            if let Some(exit) = exit {
                return exit;
            }
            // Sooner where somebody wants it to end, or the first time that it might not be heard of.
            let _ = timeout(self.pause(), self.ending.told.notified()).await;
        }
    }

    fn lost(&self, trouble: &Trouble) -> Exit {
        self.driver.is_silent(trouble.reason());
        Exit::OutOfSight
    }

    fn pause(&self) -> Duration {
        self.driver.look
    }

    /// It is not there any more: as was asked, or by somebody else's doing.
    fn removed(&self) -> Exit {
        if self.ending.asked.load(Ordering::Acquire) {
            Exit::Code(0)
        } else {
            Exit::Removed
        }
    }

    /// Whether it has come to an end, and how.
    async fn seen(&mut self, service: &Service) -> Option<Exit> {
        self.looks = self.looks.wrapping_add(1);
        self.was_seen |= service.deployment.as_deref() == Some(self.deployment.as_str());
        if !self.was_seen && !service.stage.lives() && self.looks < LOOKS_UNTIL_KNOWN {
            return None;
        }
        self.log.bring(&self.driver.client, &self.place).await;
        let is_ending = self.ending.asked.load(Ordering::Acquire);
        match service.stage {
            Stage::Nothing => return Some(self.removed()),
            Stage::Crashed => return Some(if is_ending { Exit::Code(0) } else { Exit::Unknown }),
            Stage::Failed => {
                self.log.bring_build(&self.driver.client, &self.place).await;
                return Some(if is_ending { Exit::Code(0) } else { Exit::NotDeployed });
            }
            // What is being built cannot be called back: it is taken down as soon as it serves.
            Stage::Serving | Stage::Asleep if is_ending && !self.is_going_down => self.take_down().await,
            Stage::Serving | Stage::Asleep | Stage::Coming => {}
        }
        let metrics = match service.stage {
            Stage::Serving if self.looks % LOOKS_PER_MEASUREMENT == 1 => self.metrics().await,
            _ => None,
        };
        let drift = drift::of(service, &self.kept, SERVICE);
        self.driver.glimpses.note(&self.id, &self.deployment, drift, metrics);
        None
    }

    async fn metrics(&self) -> Option<Metrics> {
        let metrics = self.driver.client.metrics(&self.place).await;
        metrics
            .inspect_err(|trouble| tracing::debug!(instance = %self.id, ?trouble, "no metrics"))
            .ok()?
    }

    async fn take_down(&mut self) {
        let done = match self.driver.of_ours(&self.place, &self.kept, &self.id).await {
            Ok(_) => self.driver.client.down(&self.place).await.map_err(FleetError::from),
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => {
                self.is_going_down = true;
                self.ending.told.notify_one();
            }
            // It is tried again at the next look.
            Err(error) => tracing::warn!(instance = %self.id, %error, "cannot be taken down"),
        }
    }
}
