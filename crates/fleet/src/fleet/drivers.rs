//! Which drivers there are, what each lacks here, and the images that containers are made from.

use creel_records::{Driver, Runtime};

use super::Fleet;
use crate::FleetError;
use crate::driver::docker::{default_image, image};

/// Those that instances can be made with.
pub const DRIVERS: &[Driver] = &[Driver::Process, Driver::Docker, Driver::Railway];

/// A driver as people choose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverFacts {
    pub driver: Driver,
    pub available: bool,
    /// Why it is not available.
    pub reason: Option<String>,
    /// What it needs to be.
    pub needs: Option<&'static str>,
    /// Of what it runs instances in.
    pub version: Option<String>,
    pub runtimes: Vec<Runtime>,
}

/// The image that new instances of a runtime are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    pub runtime: Runtime,
    pub image: String,
    /// What it is now, `name@sha256:…`, where the engine has it.
    pub pinned: Option<String>,
}

impl Fleet {
    pub async fn drivers(&self) -> Vec<DriverFacts> {
        let process = DriverFacts {
            driver: Driver::Process,
            available: true,
            reason: None,
            needs: None,
            version: None,
            runtimes: Runtime::ALL.to_vec(),
        };
        let (version, reason) = match self.docker_version().await {
            Ok(version) => (Some(version), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let docker = DriverFacts {
            driver: Driver::Docker,
            available: version.is_some(),
            reason,
            needs: Some("Docker Engine or Podman on this host, and the right to use its socket"),
            version,
            runtimes: Runtime::ALL.to_vec(),
        };
        let (version, reason) = match self.shared.railway.version().await {
            Ok(version) => (Some(version), None),
            Err(reason) => (None, Some(reason)),
        };
        let railway = DriverFacts {
            driver: Driver::Railway,
            available: version.is_some(),
            reason,
            needs: Some(
                "Railway's client `railway` on this host, signed in (`railway login` as the user that runs creel, or RAILWAY_API_TOKEN), and \
                 images that Railway can pull",
            ),
            version,
            runtimes: Runtime::ALL.to_vec(),
        };
        vec![process, docker, railway]
    }

    /// The version of the container engine.
    ///
    /// # Errors
    /// [`FleetError::Away`] if none answers.
    pub async fn docker_version(&self) -> Result<String, FleetError> {
        self.shared.docker.version().await
    }

    /// The images of all runtimes. That the engine does not answer is no error: then none is there.
    ///
    /// # Errors
    /// [`FleetError::Records`].
    pub async fn images(&self) -> Result<Vec<ImageFacts>, FleetError> {
        let mut facts = Vec::new();
        // One that does not say who it is would keep each of the others waiting.
        let engine = match self.docker_version().await {
            Ok(_) => self.shared.docker.engine().ok(),
            Err(_) => None,
        };
        for runtime in Runtime::ALL.iter().copied() {
            let image = self.image_of(runtime).await?;
            let found = match engine {
                Some(engine) => image::find(engine, &image).await.ok().flatten(),
                None => None,
            };
            let pinned = found.map(|found| found.pinned);
            facts.push(ImageFacts { runtime, image, pinned });
        }
        Ok(facts)
    }

    /// Chooses the image that new instances of a runtime are made from. Those that are there stay with theirs.
    ///
    /// # Errors
    /// [`FleetError::Invalid`] if it is no name of an image, [`FleetError::Records`].
    pub async fn set_image(&self, runtime: Runtime, image: &str) -> Result<(), FleetError> {
        image::check(image)?;
        Ok(self.shared.records.put_image(runtime, image).await?)
    }

    /// The image that a new instance of this runtime is made from.
    pub(super) async fn image_of(&self, runtime: Runtime) -> Result<String, FleetError> {
        let chosen = self.shared.records.images().await?;
        let chosen = chosen.into_iter().find(|(of, _)| *of == runtime);
        Ok(chosen.map_or_else(|| default_image(runtime), |(_, image)| image))
    }
}
