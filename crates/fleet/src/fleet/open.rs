//! Opening a fleet: what is recorded becomes actors, what still lives is adopted, and the background tasks begin.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Weak};

use arc_swap::ArcSwap;
use creel_records::{Driver, InstanceRecord, Records, Status, now_ms};
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use rustix::process::{Resource, Rlimit};
use tokio::sync::{Semaphore, broadcast, mpsc};

use super::create::settle_unborn;
use super::{Fleet, FleetOptions};
use crate::actor::{Actor, Command};
use crate::driver::cgroup::Cgroups;
use crate::driver::docker::{DockerDriver, Engine};
use crate::driver::process::ProcessDriver;
use crate::driver::railway::RailwayDriver;
use crate::driver::{self, Drivers, Subject};
use crate::home::home_name;
use crate::port::Ports;
use crate::runtime::Installer;
use crate::shared::{Activity, CREATIONS, Registry, Shared};
use crate::stats::{self, Stats};
use crate::{FleetError, FleetEvent, InstanceId, idle, logs};

/// Changes a slow subscriber may be behind.
const EVENTS: usize = 1024;
/// Instances that are looked for at a time.
const ADOPTIONS: usize = 128;
/// Entries that may wait for the activity log.
const ACTIVITY: usize = 1024;

impl Fleet {
    /// Opens the fleet of a home: adopts the instances that live (same process), and starts or finishes whatever else is
    /// recorded to be so. Returns before the starts are done.
    ///
    /// # Errors
    /// [`FleetError::Records`] or [`FleetError::File`] if the home cannot be read.
    pub async fn open(options: FleetOptions) -> Result<Self, FleetError> {
        raise_file_limit();
        let recorded = options.records.instances().await?;
        let events = broadcast::Sender::new(EVENTS);
        let (activity, entries) = mpsc::channel(ACTIVITY);
        tokio::spawn(write_activity(options.records.clone(), entries, events.clone()));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let process = Arc::new(ProcessDriver::new(
            options.creel_exe,
            Installer::new(options.home.runtimes_dir(), options.openclaw_cache),
            Cgroups::detect(&home_name(options.home.path())),
        ));
        let engine = Engine::find(options.docker_host.as_deref());
        let docker = Arc::new(DockerDriver::new(engine, home_name(options.home.path())));
        let railway = Arc::new(RailwayDriver::new(
            options.railway,
            home_name(options.home.path()),
            options.home.clone(),
            options.timing.railway_look,
        ));
        let there: [(Driver, Arc<dyn driver::Driver>); 3] = [
            (Driver::Process, process.clone()),
            (Driver::Docker, docker.clone()),
            (Driver::Railway, railway.clone()),
        ];
        let shared = Arc::new(Shared {
            sealer: options.home.sealer()?,
            drivers: Drivers::new(there),
            process,
            docker,
            railway,
            stats: Stats::of(options.home.usage_dir()),
            home: options.home,
            records: options.records,
            provider_env: options.provider_env,
            credentials: options.credentials,
            host: options.host,
            timing: options.timing,
            default_memory: options.default_memory,
            registry: ArcSwap::default(),
            making: Mutex::default(),
            ports: Ports::from(options.first_port),
            events,
            activity,
            native_starts: Arc::new(Semaphore::new(cores * 4)),
            openclaw_starts: Arc::new(Semaphore::new(cores)),
            shutting_down: AtomicBool::new(false),
            creations: Semaphore::new(CREATIONS as usize),
            templates: Mutex::default(),
        });
        settle_unborn(&shared, &recorded)?;
        let used = tokio::task::spawn_blocking(read_usage(&shared, &recorded)?);

        let mut registry = Registry::new();
        let mut actors = Vec::with_capacity(recorded.len());
        for record in &recorded {
            shared.ports.note(record.port, &InstanceId::new(&record.id)?);
        }
        // Side by side: an engine that hangs lets each of its instances wait.
        let mut adopted = stream::iter(recorded)
            .map(|record| async {
                let id = InstanceId::new(&record.id)?;
                let (actor, handle) = Actor::new(shared.clone(), id.clone(), record).await;
                Ok::<_, FleetError>((id, actor, handle))
            })
            .buffered(ADOPTIONS);
        while let Some((id, actor, handle)) = adopted.try_next().await? {
            registry.insert(id, handle);
            actors.push(actor);
        }
        drop(adopted);
        shared.registry.store(Arc::new(registry));
        if used.await.is_err() {
            tracing::warn!("what instances used before cannot be read");
        }
        for actor in actors {
            tokio::spawn(actor.run());
        }
        tokio::spawn(measure(Arc::downgrade(&shared)));
        tokio::spawn(idle::watch(Arc::downgrade(&shared)));
        let fleet = Self { shared };
        tokio::spawn(fleet.clone().say_what_is_missing());
        Ok(fleet)
    }
}

/// Takes up what these used in the last day.
fn read_usage(shared: &Arc<Shared>, recorded: &[InstanceRecord]) -> Result<impl FnOnce() + Send + 'static, FleetError> {
    let made = recorded
        .iter()
        .map(|record| Ok((InstanceId::new(&record.id)?, record.created_at)));
    let made = made.collect::<Result<BTreeMap<_, _>, FleetError>>()?;
    let shared = shared.clone();
    Ok(move || shared.stats.read(&made, now_ms()))
}

/// Every instance costs a file descriptor, and a follower of its log another.
fn raise_file_limit() {
    let Rlimit { maximum, .. } = rustix::process::getrlimit(Resource::Nofile);
    let _ = rustix::process::setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
}

async fn write_activity(
    records: Arc<dyn Records>,
    mut entries: mpsc::Receiver<Activity>,
    events: broadcast::Sender<FleetEvent>,
) {
    while let Some(entry) = entries.recv().await {
        let entry = match entry {
            Activity::Note(entry) => entry,
            Activity::Flush(done) => {
                let _ = done.send(());
                continue;
            }
        };
        match records.append_event(&entry).await {
            // Nobody may be watching.
            Ok(event) => drop(events.send(FleetEvent::Noted(Arc::new(event)))),
            Err(error) => tracing::warn!(kind = entry.kind, %error, "cannot write to the activity log"),
        }
    }
}

/// Measures the host and its instances, and keeps their logs small, for as long as the fleet lives.
async fn measure(shared: Weak<Shared>) {
    loop {
        let Some(fleet) = shared.upgrade() else { return };
        let living = living(&fleet);
        let ids: Vec<InstanceId> = fleet.registry.load().keys().cloned().collect();
        let pause = stats::interval(ids.len());
        let measured = living.iter().map(|(driver, subjects)| {
            let driver = fleet.drivers.of(*driver).clone();
            async move { driver.measure(subjects).await }
        });
        let measured = future::join_all(measured).await.concat();
        tell_drift(&fleet, &living).await;
        // On a thread of its own: a thousand small reads must not hold up a request.
        let kept = tokio::task::spawn_blocking(move || {
            fleet.stats.take(&measured, now_ms());
            if let Err(error) = fleet.stats.write_now_and_then(now_ms()) {
                tracing::warn!(%error, "cannot write what instances use");
            }
            // Those that don't run, too: one may have ended with a flood.
            for id in &ids {
                let path = fleet.home.instance(id).log();
                if let Err(error) = logs::rotate(&path, logs::MAX_BYTES) {
                    tracing::warn!(instance = %id, %error, "cannot put its log aside");
                }
            }
        });
        if kept.await.is_err() {
            tracing::warn!("a measurement failed");
        }
        tokio::time::sleep(pause).await;
    }
}

/// Who lives, by driver.
fn living(fleet: &Shared) -> HashMap<Driver, Vec<Subject>> {
    let mut living: HashMap<Driver, Vec<Subject>> = HashMap::new();
    for (id, handle) in fleet.registry.load().iter() {
        let instance = handle.instance.borrow();
        if instance.started_at.is_some() {
            living.entry(instance.driver).or_default().push(Subject {
                id: id.clone(),
                pid: instance.pid,
                external_id: instance.external_id.clone(),
                limits: instance.limits,
            });
        }
    }
    living
}

/// Lets each actor know what was changed of its instance, where that is news.
async fn tell_drift(fleet: &Shared, living: &HashMap<Driver, Vec<Subject>>) {
    for (driver, subjects) in living {
        let looked_at: HashMap<&InstanceId, &Subject> = subjects.iter().map(|subject| (&subject.id, subject)).collect();
        for (id, lines) in fleet.drivers.of(*driver).drift(subjects).await {
            let (Some(handle), Some(subject)) = (fleet.handle(&id), looked_at.get(&id)) else {
                continue;
            };
            let is_news = handle.instance.borrow().drift != lines && handle.instance.borrow().status == Status::Running;
            if is_news {
                let drifted = Command::Drifted {
                    pid: subject.pid,
                    external_id: subject.external_id.clone(),
                    lines,
                };
                // One that is busy hears it the next time.
                let _ = handle.commands.try_send(drifted);
            }
        }
    }
}
