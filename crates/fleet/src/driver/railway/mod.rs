//! Driver `railway`: an instance as the one service of a project of its own on Railway, through the official `railway` client.
//!
//! What a gateway keeps is on the service's volume, so a project is made once and goes when the instance is purged; a start deploys, and
//! a stop takes down what was deployed. What is there is written down in the instance's directory ([`kept`]), looked for before it is
//! made, and carries the instance's name, which is looked at before every act.

mod calls;
mod client;
mod drift;
mod glimpse;
mod health;
mod kept;
mod living;
mod logs;
mod project;
mod told;
mod trouble;
mod upload;
mod variables;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use creel_records::{InstanceRecord, Runtime, now_ms};
use tokio::time::Instant;

use self::calls::Place as At;
pub use self::client::RailwayOptions;
use self::client::{Client, Lock};
pub use self::drift::Drift;
use self::glimpse::Glimpses;
use self::kept::Kept;
use self::living::Deployment;
use self::told::Told;
use self::trouble::Trouble;
use self::upload::Upload;
use super::{Driver, Found, Identity, Launcher, Limits, Living, Made, Place, Purpose, Say, Start, Subject, Usage};
use crate::directory::InstanceDirectory;
use crate::fleet::Timing;
use crate::{FleetError, Home, InstanceId, fault};

/// Held by whoever makes or changes something on Railway, relative to the directory.
const LOCK: &str = "railway.lock";

pub struct RailwayDriver {
    client: Client,
    /// Tells the projects of this home from another's.
    home: String,
    files: Home,
    /// Between two looks at a deployment.
    look: Duration,
    glimpses: Glimpses,
    /// Since when Railway has not told what is there, and why not: a thousand instances don't ask a thousand times.
    silent: Mutex<Option<(Instant, String)>>,
}

impl RailwayDriver {
    pub fn new(options: RailwayOptions, home: String, files: Home, look: Duration) -> Self {
        Self {
            client: Client::new(options),
            home,
            files,
            look,
            glimpses: Glimpses::default(),
            silent: Mutex::default(),
        }
    }

    /// The version of the client, if instances could be run with it now.
    ///
    /// # Errors
    /// What has to be done first, in a line.
    pub async fn version(&self) -> Result<String, String> {
        let version = self.client.version().await.map_err(|trouble| trouble.reason())?;
        let workspace = self.workspace().await.map_err(|error| match error {
            FleetError::Driver { reason, .. } | FleetError::Away { reason } => reason,
            error => error.to_string(),
        });
        workspace.map(|_| version)
    }

    async fn lock(&self, directory: &InstanceDirectory) -> Result<Lock, FleetError> {
        let path = directory.root().join(LOCK);
        Lock::take(path.clone()).await.map_err(FleetError::file("lock", path))
    }

    fn silence(&self) -> std::sync::MutexGuard<'_, Option<(Instant, String)>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was changed of it behind our back, when last somebody looked.
    pub fn drifted(&self, id: &InstanceId) -> Vec<Drift> {
        self.glimpses.drift(id).unwrap_or_default()
    }

    /// Railway does not tell what is there.
    fn is_silent(&self, reason: String) {
        *self.silence() = Some((Instant::now(), reason));
    }
}

#[async_trait]
impl Driver for RailwayDriver {
    fn missing(&self, limits: &Limits) -> Vec<&'static str> {
        let mut missing = Vec::new();
        missing.extend(limits.memory_bytes.map(|_| "memory_limit_bytes"));
        missing.extend(limits.cpus.map(|_| "cpus"));
        missing
    }

    fn why_missing(&self) -> &'static str {
        "the railway client sets no limits; leave it out, and set them in Railway's dashboard"
    }

    fn is_on_this_host(&self) -> bool {
        false
    }

    fn installs_plugins(&self) -> bool {
        true
    }

    fn start_bound(&self, _: Runtime, timing: &Timing) -> Duration {
        timing.railway_start
    }

    fn url(&self, id: &InstanceId) -> Option<String> {
        Kept::read(&self.files.instance(id)).ok().flatten()?.url
    }

    async fn prepare(self: Arc<Self>, record: &InstanceRecord, say: &Say) -> Result<Arc<dyn Launcher>, FleetError> {
        self.client.version().await?;
        let id = InstanceId::new(&record.id)?;
        let directory = self.files.instance(&id);
        let lock = self.lock(&directory).await?;
        let at = self.provide(&id, &directory, &lock, say).await?;
        Ok(Arc::new(ToService { driver: self, at }))
    }

    async fn find(self: Arc<Self>, place: Place<'_>) -> Found {
        let kept = match Kept::read(place.directory) {
            Ok(kept) => kept,
            Err(error) => return Found::Unknown(error.to_string()),
        };
        // What was deployed was recorded before.
        let known = kept.filter(|_| place.recorded.external_id.is_some());
        let Some((kept, at)) = known.and_then(|kept| At::of(&kept).map(|at| (kept, at))) else {
            return Found::Nobody;
        };
        let living = |deployment: String| {
            let (id, directory) = (place.id.clone(), place.directory.clone());
            let deployment = Deployment::watch(self.clone(), id, directory, kept.clone(), at.clone(), deployment);
            Found::Living(Box::new(deployment))
        };
        let silent = self.silence().clone();
        match (silent, &kept.deployment) {
            (Some((since, reason)), _) if since.elapsed() < self.look => return Found::Away(reason),
            // Nobody who opens a home of many instances waits for all of them: it is watched, and that tells if it is not there.
            (None, Some(deployment)) => return living(deployment.clone()),
            _ => {}
        }
        // Whoever makes something there now is waited for.
        let _lock = match self.lock(place.directory).await {
            Ok(lock) => lock,
            Err(error) => return Found::Unknown(error.to_string()),
        };
        match self.client.service(&at).await {
            Ok(service) => {
                *self.silence() = None;
                let alive = service.filter(|service| service.stage.lives());
                alive
                    .and_then(|service| service.deployment)
                    .map_or(Found::Nobody, living)
            }
            Err(Trouble::Gone) => Found::Nobody,
            Err(trouble) => {
                self.is_silent(trouble.reason());
                Found::Away(trouble.reason())
            }
        }
    }

    async fn clear(&self, id: &InstanceId, _: Option<&InstanceDirectory>) {
        self.glimpses.forget(id);
    }

    async fn remove(&self, place: Place<'_>, purge: bool) -> Result<(), FleetError> {
        let Some(kept) = Kept::read(place.directory)? else {
            return Ok(());
        };
        if !purge {
            // The project stays with its volume, and nothing of it runs.
            return Ok(());
        }
        let lock = self.lock(place.directory).await?;
        let project = match &kept.project {
            Some(project) => project.clone(),
            // A client that was cut off may have made it.
            None => match self
                .client
                .projects()
                .await?
                .into_iter()
                .find(|project| project.name == kept.name)
            {
                Some(project) => project.id,
                None => return Ok(()),
            },
        };
        if let Some(at) = At::of(&kept) {
            match self.client.service(&at).await {
                Ok(Some(_)) => drop(self.of_ours(&at, &kept, place.id).await?),
                Ok(None) => {}
                Err(Trouble::Gone) => return Ok(()),
                Err(trouble) => return Err(trouble.into()),
            }
        }
        match self.client.delete(&project, &lock).await {
            Ok(()) | Err(Trouble::Gone) => Ok(()),
            Err(trouble) => Err(trouble.into()),
        }
    }

    async fn measure(&self, living: &[Subject]) -> Vec<(InstanceId, Usage)> {
        let used = living
            .iter()
            .map(|subject| Some((subject.id.clone(), self.glimpses.usage(&subject.id)?)));
        used.flatten().collect()
    }

    async fn drift(&self, living: &[Subject]) -> Vec<(InstanceId, Vec<String>)> {
        let drift = living.iter().map(|subject| {
            let drift = self.glimpses.drift(&subject.id)?;
            Some((subject.id.clone(), drift.iter().map(Drift::to_string).collect()))
        });
        drift.flatten().collect()
    }
}

/// How to start an instance on Railway: its service is there.
struct ToService {
    driver: Arc<RailwayDriver>,
    at: At,
}

#[async_trait]
impl Launcher for ToService {
    fn can_repair(&self) -> bool {
        false
    }

    async fn make(&self, start: Start<'_>, _: Purpose) -> Result<Box<dyn Made>, FleetError> {
        let (driver, directory, at) = (&self.driver, start.directory, &self.at);
        let lock = driver.lock(directory).await?;
        let kept = Kept::read(directory)?.filter(|kept| At::of(kept).as_ref() == Some(at));
        let Some(mut kept) = kept else {
            return Err(project::refuse(
                "its railway.json was changed meanwhile; start the instance again".to_owned(),
            ));
        };
        let known = driver.of_ours(at, &kept, start.id).await?;
        let service = driver.client.service(at).await?;
        let latest = service
            .as_ref()
            .and_then(|service| service.deployment.as_ref())
            .filter(|latest| kept.deployment.as_ref().is_some_and(|own| own != *latest));
        if latest.is_some() {
            // Somebody else's: it is not taken over, nor deployed once more.
            kept.sent = None;
        }
        // A control plane that did not live to note what it had asked for.
        let alive = service
            .as_ref()
            .filter(|service| service.stage.lives() && latest.is_none())
            .and_then(|service| service.deployment.clone());
        // Twice: the file names what is secret, and says what is told besides.
        let secrets: Vec<String> = Told::new(&start, BTreeMap::new())?.secret.into_keys().collect();
        let upload = upload::write(
            start.id,
            start.record,
            directory,
            &driver.files.templates_dir(),
            &secrets,
        )?;
        if alive.is_none() {
            let told = Told::new(&start, upload.variables.clone())?;
            driver.tell(at, &known, &told, &mut kept, directory).await?;
        }
        Ok(Box::new(Ready {
            driver: driver.clone(),
            id: start.id.clone(),
            directory: directory.clone(),
            kept,
            at: at.clone(),
            upload,
            alive,
            lock,
        }))
    }
}

/// Everything is there but the deployment.
struct Ready {
    driver: Arc<RailwayDriver>,
    id: InstanceId,
    directory: InstanceDirectory,
    kept: Kept,
    at: At,
    upload: Upload,
    /// What lives there already.
    alive: Option<String>,
    lock: Lock,
}

impl Ready {
    /// Deploys: what is as it was is deployed once more, which builds nothing.
    async fn deploy(&mut self) -> Result<String, FleetError> {
        let client = &self.driver.client;
        self.kept.deployment = None;
        if self.kept.sent.as_ref() == Some(&self.upload.digest) {
            self.kept.write(&self.directory)?;
            match client.redeploy(&self.at, &self.lock).await {
                Ok(deployment) => return Ok(deployment),
                // Railway keeps what it built for a while only.
                Err(Trouble::Refused(reason)) => tracing::debug!(instance = %self.id, reason, "sent to be built again"),
                Err(trouble) => return Err(trouble.into()),
            }
        }
        self.kept.sent = None;
        self.kept.write(&self.directory)?;
        Ok(client.up(&self.at, &self.upload.directory, &self.lock).await?)
    }
}

#[async_trait]
impl Made for Ready {
    fn identity(&self) -> Identity {
        Identity {
            external_id: Some(self.at.project.clone()),
            ..Identity::default()
        }
    }

    async fn release(mut self: Box<Self>) -> Result<Box<dyn Living>, FleetError> {
        let deployment = match self.alive.take() {
            Some(deployment) => deployment,
            None => {
                let deployment = self.deploy().await?;
                self.kept.sent = Some(self.upload.digest.clone());
                deployment
            }
        };
        fault::point("railway deployed");
        self.kept.deployment = Some(deployment.clone());
        self.kept.deployed_at = Some(now_ms());
        self.kept.write(&self.directory)?;
        let deployment = Deployment::watch(self.driver, self.id, self.directory, self.kept, self.at, deployment);
        Ok(Box::new(deployment))
    }

    async fn cancel(self: Box<Self>) {
        // Nothing of it runs, and the next start goes on with it.
    }
}
