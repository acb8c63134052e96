//! Driver `docker`: an instance as a container of an engine on this host (Docker, or Podman, which speaks the same).
//!
//! A start makes a container anew, and its end removes it: nothing of an earlier start is left in it, and what is to be kept is in
//! the instance's directory. The directory is at the same place inside as on the host, so that a configuration means the same
//! whatever driver runs it. What is secret goes through the container's standard input, and is in no listing of the engine.

mod compose;
mod drift;
mod engine;
mod facts;
mod hardening;
pub mod image;
mod living;
mod logs;
mod members;
mod names;
mod network;
mod relay;
mod spec;
mod told;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use creel_records::{InstanceRecord, Runtime};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::timeout;

pub use self::compose::{Composed, Composer};
pub use self::engine::{Engine, EngineError, Reason};
use self::engine::{LOOK, escaped};
pub use self::facts::EngineFacts;
pub use self::hardening::Hardening;
use self::image::Image;
use self::living::Container;
use self::names::Names;
use self::relay::Relay;
use self::spec::Spec;
use self::told::Told;
use super::{Driver, Found, Identity, Launcher, Limits, Living, Made, Place, Purpose, Say, Start, Subject, Usage};
use crate::directory::InstanceDirectory;
use crate::runtime::plugins;
use crate::{FleetError, InstanceId, environment, fault};

/// How long the log of a container that has ended may take to be read.
const LEFTOVER_LOG: Duration = Duration::from_secs(10);
/// How long an engine may take to say its version to whoever looks at a page.
const GREETING: Duration = Duration::from_secs(2);
/// Who runs it where Creel is root: upstream's image knows this user by name; a native gateway need not be known to anybody.
const OPENCLAW_USER: u32 = 1000;
const NATIVE_USER: u32 = 65532;

pub struct DockerDriver {
    /// Or why there is none.
    engine: Result<Engine, String>,
    names: Names,
}

/// Who an engine lets a container be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct User {
    id: u32,
    group: u32,
    keep_id: bool,
    /// The files are to be theirs.
    owns: bool,
}

impl DockerDriver {
    /// `home` tells the instances of this home from another's.
    pub fn new(engine: Result<Engine, String>, home: String) -> Self {
        Self {
            engine,
            names: Names::of_home(home),
        }
    }

    pub fn engine(&self) -> Result<&Engine, FleetError> {
        self.engine
            .as_ref()
            .map_err(|reason| FleetError::Away { reason: reason.clone() })
    }

    /// The version of the engine that answers. Known within seconds, whatever the engine does.
    ///
    /// # Errors
    /// [`FleetError::Away`] if none does.
    pub async fn version(&self) -> Result<String, FleetError> {
        let greeting = self.engine()?.greet(GREETING).await;
        let greeting = greeting.map_err(|error| error.of("ask the engine for its version"))?;
        Ok(greeting["Version"].as_str().unwrap_or_default().to_owned())
    }

    /// The container that has an instance's name; an error if it is somebody else's.
    async fn container(&self, engine: &Engine, id: &InstanceId) -> Result<Option<Value>, FleetError> {
        let name = self.names.of(id);
        match engine.get(&format!("/containers/{}/json", escaped(&name))).await {
            Ok(found) if self.names.is_ours(&found["Config"]["Labels"], id) => Ok(Some(found)),
            Ok(_) => Err(FleetError::Driver {
                driver: creel_records::Driver::Docker,
                reason: format!("there is a container \"{name}\" that creel did not make; rename or remove it"),
            }),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.of(&format!("look at the container {name}"))),
        }
    }

    /// Removes what an earlier start left, once what it said is kept. What runs is left alone.
    async fn remove_leftover(
        &self,
        engine: &Engine,
        id: &InstanceId,
        directory: Option<&InstanceDirectory>,
    ) -> Result<(), FleetError> {
        let Some(found) = self.container(engine, id).await? else {
            return Ok(());
        };
        let Some(container) = id_of(&found).filter(|_| found["State"]["Running"] != true) else {
            return Ok(());
        };
        if let Some(directory) = directory {
            let copied = logs::copy(engine.clone(), container.clone(), directory.clone());
            let _ = timeout(LEFTOVER_LOG, copied).await;
        }
        match engine.delete(&format!("/containers/{container}?v=true")).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.of(&format!("remove the container {}", self.names.of(id)))),
        }
    }

    async fn watch(&self, engine: &Engine, found: &Value, place: Place<'_>) -> Option<Container> {
        let container = id_of(found)?;
        let network = network::provide(engine, &self.names, place.id).await.ok();
        let ports = found["Config"]["Labels"][names::RELAYED]
            .as_str()
            .map(relay::from_label)
            .unwrap_or_default();
        let relay = match network.and_then(|network| network.gateway) {
            Some(gateway) => Relay::open(gateway, &ports).await,
            None => Relay::default(),
        };
        let directory = place.directory.clone();
        Some(Container::watch(engine.clone(), container, found, directory, relay))
    }
}

fn id_of(container: &Value) -> Option<String> {
    container["Id"].as_str().map(str::to_owned)
}

/// The image that a runtime's instances run, unless another is named.
pub fn default_image(runtime: Runtime) -> String {
    match runtime {
        Runtime::Native => format!("creel:{}", env!("CARGO_PKG_VERSION")),
        Runtime::Openclaw => format!("ghcr.io/openclaw/openclaw:{}", crate::OPENCLAW_VERSION),
    }
}

#[async_trait]
impl Driver for DockerDriver {
    fn missing(&self, _: &Limits) -> Vec<&'static str> {
        Vec::new()
    }

    async fn prepare(self: Arc<Self>, record: &InstanceRecord, say: &Say) -> Result<Arc<dyn Launcher>, FleetError> {
        let engine = self.engine()?.clone();
        let user = user(&engine, record.runtime).await?;
        let name = record.image.clone().unwrap_or_else(|| default_image(record.runtime));
        let image = image::provide(&engine, &name, say).await?;
        Ok(Arc::new(OfContainer {
            driver: self,
            engine,
            runtime: record.runtime,
            image,
            user,
        }))
    }

    async fn find(self: Arc<Self>, place: Place<'_>) -> Found {
        let found = match self.engine() {
            Ok(engine) => self.container(engine, place.id).await.map(|found| (engine, found)),
            Err(error) => Err(error),
        };
        match found {
            Ok((engine, Some(found))) if found["State"]["Running"] == true => {
                match self.watch(engine, &found, place).await {
                    Some(container) => Found::Living(Box::new(container)),
                    None => Found::Nobody,
                }
            }
            // Its own containers leave the lock alone.
            Ok(_) if place.directory.is_locked() => Found::Unknown(super::lived_in_by_another(place.directory)),
            Ok(_) => Found::Nobody,
            Err(FleetError::Away { reason }) => Found::Away(reason),
            Err(error) => Found::Unknown(error.to_string()),
        }
    }

    async fn clear(&self, id: &InstanceId, directory: Option<&InstanceDirectory>) {
        let Ok(engine) = self.engine() else { return };
        if let Err(error) = self.remove_leftover(engine, id, directory).await {
            tracing::warn!(instance = %id, %error, "left on the engine");
        }
        network::remove(engine, &self.names, id).await;
    }

    async fn measure(&self, living: &[Subject]) -> Vec<(InstanceId, Usage)> {
        let Ok(engine) = self.engine() else { return Vec::new() };
        let measured = living.iter().map(async |subject| {
            let name = escaped(&self.names.of(&subject.id));
            let stats = engine
                .get(&format!("/containers/{name}/stats?stream=false&one-shot=true"))
                .await;
            Some((subject.id.clone(), usage(&stats.ok()?)?))
        });
        join_all(measured).await.into_iter().flatten().collect()
    }

    async fn drift(&self, living: &[Subject]) -> Vec<(InstanceId, Vec<String>)> {
        let Ok(engine) = self.engine() else { return Vec::new() };
        let looked_at = living.iter().map(async |subject| {
            let name = self.names.of(&subject.id);
            // By its own id: it may be called otherwise by now.
            let container = subject.external_id.as_ref()?;
            let found = engine.get(&format!("/containers/{container}/json")).await.ok()?;
            Some((subject.id.clone(), drift::of(&found, &name, &name)))
        });
        join_all(looked_at).await.into_iter().flatten().collect()
    }
}

/// As `docker stats` counts memory: without what is only cached.
fn usage(stats: &Value) -> Option<Usage> {
    let memory = &stats["memory_stats"];
    let cached = ["inactive_file", "total_inactive_file"];
    let cached = cached
        .iter()
        .find_map(|name| memory["stats"][name].as_u64())
        .unwrap_or(0);
    // Docker calls it the one, Podman the other.
    let id = stats["id"].as_str().or(stats["Id"].as_str());
    let id = id.and_then(|id| id.get(..16)).unwrap_or_default();
    Some(Usage {
        life: u64::from_str_radix(id, 16).unwrap_or(0),
        cpu: Duration::from_nanos(stats["cpu_stats"]["cpu_usage"]["total_usage"].as_u64()?),
        memory_bytes: memory["usage"].as_u64()?.saturating_sub(cached),
    })
}

/// A container of this home, whoever made it.
pub struct Seen {
    /// Whose label it has; no more than a word of whoever made it.
    pub instance: String,
    pub name: String,
    pub is_running: bool,
    /// The engine's id of its image.
    pub image: String,
    pub hardening: Hardening,
    /// What was changed behind our back, a line each.
    pub drift: Vec<String>,
}

/// How the doctor looks at an engine.
impl DockerDriver {
    /// Who answers.
    ///
    /// # Errors
    /// The engine's, or none: then the reason is in the way the engine is named.
    pub async fn facts(&self) -> Result<EngineFacts, Result<EngineError, String>> {
        let engine = self.engine.as_ref().map_err(|reason| Err(reason.clone()))?;
        EngineFacts::ask(engine, GREETING).await.map_err(Ok)
    }

    /// Every container that has this home's label. `root` is where an instance has its files.
    pub async fn seen(&self, root: impl Fn(&str) -> PathBuf) -> Result<Vec<Seen>, FleetError> {
        let engine = self.engine()?;
        let failed = |error: EngineError| error.of("list the containers");
        let filter = serde_json::json!({"label": [format!("{}={}", names::HOME, self.names.home())]});
        let path = format!("/containers/json?all=true&filters={}", escaped(&filter.to_string()));
        let listed = engine.get(&path).await.map_err(failed)?;
        let ids: Vec<String> = listed.as_array().into_iter().flatten().filter_map(id_of).collect();
        let looked_at = ids
            .iter()
            .map(async |id| engine.get(&format!("/containers/{}/json", escaped(id))).await);
        let mut seen = Vec::new();
        for found in join_all(looked_at).await {
            match found {
                Ok(found) => seen.push(self.look(&found, &root)),
                // Just removed.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(seen)
    }

    fn look(&self, found: &Value, root: impl Fn(&str) -> PathBuf) -> Seen {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let instance = text(&found["Config"]["Labels"][names::INSTANCE]);
        let own = format!("{}-{instance}", self.names.home());
        Seen {
            name: text(&found["Name"]).trim_start_matches('/').to_owned(),
            is_running: found["State"]["Running"] == true,
            image: text(&found["Image"]),
            hardening: Hardening::of(found, &own, &root(&instance)),
            drift: drift::of(found, &own, &own),
            instance,
        }
    }

    /// The name of an instance's container, where somebody else has it.
    pub async fn name_of_another(&self, id: &InstanceId) -> Option<String> {
        let engine = self.engine().ok()?;
        let other = self.container(engine, id).await;
        matches!(other, Err(FleetError::Driver { .. })).then(|| self.names.of(id))
    }

    /// The engine's id of an image, if it has it. Nothing is known where it does not answer.
    pub async fn id_of_image(&self, name: &str) -> Option<Option<String>> {
        let found = image::find(self.engine().ok()?, name).await.ok()?;
        Some(found.map(|image| image.id))
    }
}

/// Whom a Creel that is root lends an instance's files to, for as long as a container of this host's engine writes them.
pub fn borrower(runtime: Runtime) -> u32 {
    match runtime {
        Runtime::Native => NATIVE_USER,
        Runtime::Openclaw => OPENCLAW_USER,
    }
}

/// Whom a container runs as: Creel's own user where it has one, never root of this host.
async fn user(engine: &Engine, runtime: Runtime) -> Result<User, FleetError> {
    let facts = EngineFacts::ask(engine, LOOK).await;
    let facts = facts.map_err(|error| error.of("ask the engine how it runs containers"))?;
    Ok(match (facts.is_rootless, facts.is_podman) {
        (true, true) => User {
            keep_id: true,
            ..User::of_creel()
        },
        // Its root is the user who runs the engine, and nobody else on this host.
        (true, false) => User {
            id: 0,
            group: 0,
            ..User::of_creel()
        },
        (false, _) => User::of_rooted_engine(runtime),
    })
}

impl User {
    fn of_creel() -> Self {
        Self {
            id: rustix::process::geteuid().as_raw(),
            group: rustix::process::getegid().as_raw(),
            keep_id: false,
            owns: false,
        }
    }

    /// Of an engine whose root is this host's.
    fn of_rooted_engine(runtime: Runtime) -> Self {
        let own = Self::of_creel();
        if own.id != 0 {
            return own;
        }
        let id = borrower(runtime);
        Self {
            id,
            group: id,
            keep_id: false,
            owns: true,
        }
    }
}

/// How to start one instance as a container.
struct OfContainer {
    driver: Arc<DockerDriver>,
    engine: Engine,
    runtime: Runtime,
    image: Image,
    user: User,
}

#[async_trait]
impl Launcher for OfContainer {
    fn can_repair(&self) -> bool {
        self.runtime == Runtime::Openclaw
    }

    fn image(&self) -> Option<&str> {
        Some(&self.image.pinned)
    }

    async fn make(&self, start: Start<'_>, purpose: Purpose) -> Result<Box<dyn Made>, FleetError> {
        let (driver, engine) = (&self.driver, &self.engine);
        driver.remove_leftover(engine, start.id, Some(start.directory)).await?;
        let network = network::provide(engine, &driver.names, start.id).await?;
        fault::point("network made");
        if self.user.owns {
            let given = start.directory.give_to(self.user.id, self.user.group);
            given.map_err(FleetError::file(
                "change the owner of what is in",
                start.directory.root(),
            ))?;
        }
        let mut variables = environment::of_instance(start.directory, start.record.into(), start.env, start.token)?;
        if let Purpose::Install(_) = purpose {
            plugins::prepare(start.directory, &mut variables).await?;
        }
        let mut told = Told::new(variables, self.runtime);
        let ports = match network.gateway {
            Some(gateway) => told.lead_through(gateway),
            None => BTreeSet::new(),
        };
        let mut labels = driver.names.labels(start.id);
        labels.insert(names::RELAYED, relay::to_label(&ports));
        let spec = Spec {
            image: self.image.id.clone(),
            entrypoint: told.entrypoint(purpose, start.record.port),
            user: format!("{}:{}", self.user.id, self.user.group),
            keep_id: self.user.keep_id,
            host_name: start.id.to_string(),
            environment: told.public.clone(),
            working_directory: (self.runtime == Runtime::Native).then(|| start.directory.workspace()),
            writable: start.directory.writable(),
            read_only_root: self.runtime == Runtime::Native,
            network: network.name,
            port: start.record.port,
            limits: start.limits,
            labels,
        };
        let name = driver.names.of(start.id);
        let made = engine
            .post(
                &format!("/containers/create?name={}", escaped(&name)),
                Some(&spec.body()),
            )
            .await;
        let made = made.map_err(|error| error.of(&format!("make the container {name}")))?;
        let Some(container) = id_of(&made) else {
            return Err(FleetError::Away {
                reason: format!("the engine made the container {name} and does not say which it is"),
            });
        };
        let relay = match network.gateway {
            Some(gateway) => Relay::open(gateway, &ports).await,
            None => Relay::default(),
        };
        Ok(Box::new(Created {
            engine: engine.clone(),
            container,
            name,
            port: start.record.port,
            input: told.input(),
            directory: start.directory.clone(),
            relay,
        }))
    }
}

/// A container that was made and not started.
struct Created {
    engine: Engine,
    container: String,
    name: String,
    port: u16,
    input: Vec<u8>,
    directory: InstanceDirectory,
    relay: Relay,
}

impl Created {
    async fn start(&self) -> Result<Value, EngineError> {
        let path = format!("/containers/{}", self.container);
        let started = async || {
            let started = self.engine.post(&format!("{path}/start"), None).await;
            fault::point("container started");
            started
        };
        self.engine.feed(&self.container, &self.input, started()).await?;
        self.engine.get(&format!("{path}/json")).await
    }

    async fn remove(&self) {
        let removed = self
            .engine
            .delete(&format!("/containers/{}?force=true&v=true", self.container))
            .await;
        if let Err(error) = removed {
            tracing::debug!(
                container = self.container,
                ?error,
                "left behind; the next start removes it"
            );
        }
    }
}

#[async_trait]
impl Made for Created {
    fn identity(&self) -> Identity {
        Identity {
            external_id: Some(self.container.clone()),
            ..Identity::default()
        }
    }

    async fn release(self: Box<Self>) -> Result<Box<dyn Living>, FleetError> {
        match self.start().await {
            Ok(inspected) => {
                let (engine, directory) = (self.engine.clone(), self.directory.clone());
                Ok(Box::new(Container::watch(
                    engine,
                    self.container,
                    &inspected,
                    directory,
                    self.relay,
                )))
            }
            Err(error) => {
                self.remove().await;
                let taken = ["port is already allocated", "address already in use"];
                match error {
                    EngineError::Refused { reason, .. } if taken.iter().any(|said| reason.contains(said)) => {
                        let owner = "another program".to_owned();
                        Err(FleetError::PortInUse { port: self.port, owner })
                    }
                    error => Err(error.of(&format!("start the container {}", self.name))),
                }
            }
        }
    }

    async fn cancel(self: Box<Self>) {
        self.remove().await;
    }
}
