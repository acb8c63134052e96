//! Making an instance: checked first, then its files beside their place, then the record, then the files into their place. Cut
//! off anywhere, the next [`Fleet::open`] either finishes it or finds nothing.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use creel_records::{Desired, Driver, Idle, InstanceRecord, NewInstance, RecordsError, Runtime, Status, now_ms};

use super::Fleet;
use super::change::{check_idle, check_limits, check_name};
use super::drivers::DRIVERS;
use super::kept::Kept;
use crate::actor::Actor;
use crate::driver::Limits;
use crate::driver::docker::image;
use crate::idle::platforms;
use crate::shared::Shared;
use crate::{
    CreateInstance, FleetError, FleetEvent, Instance, InstanceId, OPENCLAW_VERSION, Token, channel, fault, template,
};

impl Fleet {
    /// Records a new instance and its files; with `start` its actor starts it (watch it with [`Fleet::wait_settled`]). The token
    /// is shown here and never again.
    ///
    /// # Errors
    /// [`FleetError::Taken`], [`FleetError::PortInUse`], [`FleetError::Invalid`] name what to change; nothing is left behind.
    pub async fn create(&self, new: CreateInstance) -> Result<(Instance, Token), FleetError> {
        let under_way = self.shared.creations.acquire().await;
        let _under_way = under_way.map_err(|_| FleetError::ShuttingDown)?;
        if self.shared.shutting_down.load(Ordering::Acquire) {
            return Err(FleetError::ShuttingDown);
        }
        let id = new.id.clone();
        check(&new)?;
        let limits = Limits {
            memory_bytes: new.memory_limit_bytes,
            cpus: new.cpus,
        };
        self.can_limit(new.driver, &limits)?;
        let _reserved = Reserved::take(&self.shared, &id).ok_or_else(|| FleetError::Taken(id.clone()))?;
        if self.shared.handle(&id).is_some() {
            return Err(FleetError::Taken(id.clone()));
        }
        let port = self.shared.ports.take(new.port, &id)?;
        // Last: whoever then purges the data knows that nothing else is in the way.
        let made = match self.may_use_kept(&new, &id) {
            Ok(()) => self.make(new, port).await,
            Err(error) => Err(error),
        };
        made.inspect_err(|_| self.shared.ports.release(port, &id))
    }

    /// Data of a removed instance goes to nobody who did not ask for it.
    fn may_use_kept(&self, new: &CreateInstance, id: &InstanceId) -> Result<(), FleetError> {
        let Some(kept) = Kept::find(&self.shared, id) else {
            return Ok(());
        };
        if !new.keep_data {
            return Err(FleetError::DataKept(id.clone()));
        }
        kept.is_idle()?;
        kept.is_of(new.runtime)
    }

    async fn make(&self, mut new: CreateInstance, port: u16) -> Result<(Instance, Token), FleetError> {
        let shared = &self.shared;
        let id = new.id.clone();
        let renamed = new.name.is_some();
        if new.driver != Driver::Process && new.image.is_none() {
            new.image = Some(self.image_of(new.runtime).await?);
        }
        if let (Driver::Railway, Some(image)) = (new.driver, &new.image) {
            check_pullable(image)?;
        }
        let given = channel::take(new.channels)?;
        let directory = shared.home.instance(&id);
        let token = Token::mint().map_err(FleetError::file("make a token for", directory.root()))?;
        let sealed = shared.sealer.seal(id.as_str(), &token);
        let new = NewInstance {
            id: id.to_string(),
            name: new.name.unwrap_or_else(|| channel::name_of(&id, &given.channels)),
            runtime: new.runtime,
            driver: new.driver,
            channels: given.channels,
            model: new.model,
            port,
            port_fixed: new.port.is_some(),
            version: match new.runtime {
                Runtime::Native => None,
                Runtime::Openclaw => Some(new.version.unwrap_or_else(|| OPENCLAW_VERSION.to_owned())),
            },
            memory_bytes: new.memory_limit_bytes,
            cpus: new.cpus,
            image: new.image,
            idle: new.idle,
            desired: if new.start { Desired::Running } else { Desired::Stopped },
            token_sha256: token.sha256(),
            token_sealed: sealed.map_err(FleetError::file("seal the token for", directory.root()))?,
        };

        let templates = shared.home.templates_dir();
        let not_yet = unrecorded(&new);
        // Data kept from an earlier instance of this id is changed where it is; new files are made beside their place.
        let kept = Kept::find(shared, &id);
        let changed = match &kept {
            Some(_) => template::adopt(&templates, &directory, &not_yet, renamed)?,
            None => template::Changed::default(),
        };
        let files = match kept {
            Some(_) => directory.clone(),
            None => shared.home.unborn(&id),
        };
        let unmake = |error: FleetError| {
            let undone = match kept {
                Some(_) => changed.undo(&files),
                None => files.purge(),
            };
            if let Err(error) = undone {
                tracing::warn!(instance = %id, %error, "cannot undo what was begun");
            }
            error
        };
        template::make_missing(&templates, &files, &directory.workspace(), &not_yet, &given.variables)
            .map_err(&unmake)?;
        fault::point("files made");
        let record = shared.records.insert_instance(&new).await.map_err(|error| {
            unmake(match error {
                RecordsError::Taken { what: "instance", .. } => FleetError::Taken(id.clone()),
                other => other.into(),
            })
        })?;
        fault::point("recorded");
        if kept.is_none()
            && let Err(error) = fs::rename(files.root(), directory.root())
        {
            let error = unmake(FleetError::file("make the directory", directory.root())(error));
            shared.records.delete_instance(id.as_str()).await?;
            return Err(error);
        }
        fault::point("files placed");
        let (actor, handle) = Actor::new(shared.clone(), id.clone(), record).await;
        shared.register(&id, &handle);
        shared.announce(FleetEvent::Changed(handle.instance.borrow().clone()));
        tokio::spawn(actor.run());
        let instance = Instance::clone(&handle.instance.borrow());
        Ok((instance, token))
    }
}

/// An id that is being made: its files have one maker at a time.
pub(super) struct Reserved<'a> {
    shared: &'a Shared,
    id: &'a InstanceId,
}

impl<'a> Reserved<'a> {
    pub(super) fn take(shared: &'a Shared, id: &'a InstanceId) -> Option<Self> {
        let mut making = shared.making.lock().expect("no holder panics");
        // Lazily: one that is not taken must not be given back.
        making.insert(id.clone()).then(|| Self { shared, id })
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.shared.making.lock().expect("no holder panics").remove(self.id);
    }
}

/// Finishes or cleans up creations that were cut off: files beside their place belong to an instance that is recorded, or to
/// nobody.
pub(super) fn settle_unborn(shared: &Arc<Shared>, recorded: &[InstanceRecord]) -> Result<(), FleetError> {
    let instances = shared.home.instances_dir();
    let read = |error: io::Error| FleetError::file("read the directory", &instances)(error);
    for entry in fs::read_dir(&instances).map_err(read)? {
        let name = entry.map_err(read)?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_prefix(crate::home::UNBORN)) else {
            continue;
        };
        let Ok(id) = InstanceId::new(id) else { continue };
        let (unborn, directory) = (shared.home.unborn(&id), shared.home.instance(&id));
        let is_recorded = recorded.iter().any(|record| record.id == id.as_str());
        if is_recorded && !directory.root().exists() {
            let placed = fs::rename(unborn.root(), directory.root());
            placed.map_err(FleetError::file("make the directory", directory.root()))?;
        } else {
            unborn.purge().map_err(FleetError::file("delete", unborn.root()))?;
        }
    }
    Ok(())
}

/// The record that a new instance is about to have, for the templates.
fn unrecorded(new: &NewInstance) -> InstanceRecord {
    let now = now_ms();
    InstanceRecord {
        id: new.id.clone(),
        name: new.name.clone(),
        runtime: new.runtime,
        driver: new.driver,
        channels: new.channels.clone(),
        model: new.model.clone(),
        port: new.port,
        port_fixed: new.port_fixed,
        version: new.version.clone(),
        memory_bytes: new.memory_bytes,
        cpus: new.cpus,
        idle: new.idle,
        desired: new.desired,
        status: Status::Created,
        error: None,
        pid: None,
        pid_started: None,
        external_id: None,
        image: new.image.clone(),
        token_sha256: new.token_sha256,
        token_sealed: new.token_sealed.clone(),
        created_at: now,
        updated_at: now,
    }
}

/// Refuses what cannot be, naming the field of the request.
fn check(new: &CreateInstance) -> Result<(), FleetError> {
    let refuse = |field, reason: &str| Err(FleetError::invalid(field, reason));
    if !DRIVERS.contains(&new.driver) {
        let known: Vec<String> = DRIVERS.iter().map(|driver| format!("\"{driver}\"")).collect();
        let reason = format!(
            "\"{}\" is not available on this server yet; use {}",
            new.driver,
            known.join(" or ")
        );
        return Err(FleetError::invalid("driver", reason));
    }
    match &new.image {
        Some(_) if new.driver == Driver::Process => {
            return refuse("image", "is for the drivers docker and railway; leave it out");
        }
        Some(image) => image::check(image)?,
        None => {}
    }
    if let Some(name) = &new.name {
        check_name(name)?;
    }
    if let Some(model) = &new.model {
        let plain = !model
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control());
        let split = model
            .split_once('/')
            .is_some_and(|(provider, name)| !provider.is_empty() && !name.is_empty());
        if !plain || !split || model.len() > 200 {
            return refuse("model", "must be PROVIDER/MODEL, for example openai/gpt-4o-mini");
        }
    }
    if new.idle != Idle::Always {
        platforms::check("idle", &new.channels, None)?;
    }
    if new.driver == Driver::Railway {
        check_idle(new.driver, new.idle)?;
        if new.port.is_some() {
            return refuse(
                "port",
                "is one of this host, and the instance is to be reached at its domain on Railway; leave it out",
            );
        }
    }
    if new.port == Some(0) {
        return refuse("port", "must be 1 to 65535");
    }
    check_limits(&Limits {
        memory_bytes: new.memory_limit_bytes,
        cpus: new.cpus,
    })?;
    if let Some(version) = &new.version {
        if new.runtime == Runtime::Native {
            return refuse(
                "version",
                "the native runtime has the version of this creel; leave it out",
            );
        }
        check_version(version)?;
    }
    Ok(())
}

/// Refuses an image that is of this host alone.
pub(crate) fn check_pullable(image: &str) -> Result<(), FleetError> {
    if image.contains('/') {
        return Ok(());
    }
    let reason = format!(
        "Railway cannot pull \"{image}\", which names no registry; push the image (deploy/Dockerfile) to one and name it, for example \
         ghcr.io/acme/creel:{}, here (--image) or for all new instances (`PUT /api/images/native`)",
        env!("CARGO_PKG_VERSION")
    );
    Err(FleetError::invalid("image", reason))
}

/// Refuses what is no version of upstream on npm.
pub(super) fn check_version(version: &str) -> Result<(), FleetError> {
    let plain = version
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let starts = version.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if plain && starts && version.len() <= 40 {
        return Ok(());
    }
    let reason = "must be a version of openclaw on npm, for example 2026.9.6";
    Err(FleetError::invalid("version", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_by_field() {
        let new = || CreateInstance::new(InstanceId::new("a").expect("an id"));
        let refused = |new: CreateInstance| match check(&new) {
            Err(FleetError::Invalid { field, .. }) => Some(field),
            _ => None,
        };
        assert_eq!(refused(new()), None);
        assert_eq!(
            refused(CreateInstance {
                driver: Driver::Kubernetes,
                ..new()
            }),
            Some("driver")
        );
        for name in ["", " ", "two\nlines", &"x".repeat(101)] {
            assert_eq!(
                refused(CreateInstance {
                    name: Some(name.into()),
                    ..new()
                }),
                Some("name")
            );
        }
        for model in ["gpt-4", "/x", "x/", "a/b c", "a/\n"] {
            assert_eq!(
                refused(CreateInstance {
                    model: Some(model.into()),
                    ..new()
                }),
                Some("model")
            );
        }
        assert_eq!(
            refused(CreateInstance {
                model: Some("openrouter/a/b:free".into()),
                ..new()
            }),
            None
        );
        assert_eq!(refused(CreateInstance { port: Some(0), ..new() }), Some("port"));
        let on_railway = || CreateInstance {
            driver: Driver::Railway,
            image: Some("ghcr.io/acme/creel:1".into()),
            ..new()
        };
        assert_eq!(refused(on_railway()), None);
        assert_eq!(
            refused(CreateInstance {
                port: Some(18789),
                ..on_railway()
            }),
            Some("port")
        );
        assert_eq!(
            refused(CreateInstance {
                idle: "stop:30".parse().expect("a policy"),
                ..on_railway()
            }),
            Some("idle")
        );
        assert!(check_pullable("creel:0.1.0").is_err() && check_pullable("acme/creel:0.1.0").is_ok());
        assert_eq!(
            refused(CreateInstance {
                memory_limit_bytes: Some(1),
                ..new()
            }),
            Some("memory_limit_bytes")
        );
        assert_eq!(
            refused(CreateInstance {
                memory_limit_bytes: Some(u64::MAX),
                ..new()
            }),
            Some("memory_limit_bytes")
        );
        let more_than_here = f64::from(crate::procfs::cores().expect("a host has cores")) + 0.5;
        for cpus in [0.0, -1.0, more_than_here, f64::NAN, f64::INFINITY] {
            assert_eq!(
                refused(CreateInstance {
                    cpus: Some(cpus),
                    ..new()
                }),
                Some("cpus")
            );
        }
        assert_eq!(
            refused(CreateInstance {
                version: Some("1".into()),
                ..new()
            }),
            Some("version")
        );
        let openclaw = || CreateInstance {
            runtime: Runtime::Openclaw,
            ..new()
        };
        for version in ["../x", "latest", "-g", "1 2", ""] {
            assert_eq!(
                refused(CreateInstance {
                    version: Some(version.into()),
                    ..openclaw()
                }),
                Some("version")
            );
        }
        assert_eq!(
            refused(CreateInstance {
                version: Some("2026.9.6".into()),
                ..openclaw()
            }),
            None
        );
    }
}
