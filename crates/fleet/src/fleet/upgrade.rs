//! Another version or another image: kept if the instance gets ready with it, else what it ran before is put back.

use creel_records::{Driver, Runtime};

use super::Fleet;
use super::create::{check_pullable, check_version};
use crate::actor::Command;
use crate::driver::docker::image;
use crate::{Desired, FleetError, Instance, InstanceId};

/// What an instance is to run from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgrade {
    /// Of the `openclaw` runtime, run as a process.
    Version(String),
    /// Of a container.
    Image(String),
}

impl Fleet {
    /// Changes what it runs and restarts it, if it should run; returns once it is ready.
    ///
    /// # Errors
    /// [`FleetError::Invalid`] if it cannot run that; [`FleetError::RolledBack`] if it did not get ready: it runs what it ran before
    /// then, or tries to.
    pub async fn upgrade(&self, id: &InstanceId, to: Upgrade) -> Result<Instance, FleetError> {
        let before = self.get(id).ok_or_else(|| FleetError::NotFound(id.clone()))?;
        let back = match (&to, before.driver, before.runtime) {
            (Upgrade::Version(version), Driver::Process, Runtime::Openclaw) => {
                check_version(version)?;
                Upgrade::Version(before.version.clone())
            }
            (Upgrade::Image(image), Driver::Docker | Driver::Railway, runtime) => {
                image::check(image)?;
                if before.driver == Driver::Railway {
                    check_pullable(image)?;
                }
                Upgrade::Image(match &before.image {
                    Some(image) => image.clone(),
                    None => self.image_of(runtime).await?,
                })
            }
            (Upgrade::Version(_), _, Runtime::Native) => {
                let reason = "the native runtime has the version of this creel; leave it out";
                return Err(FleetError::invalid("version", reason));
            }
            (Upgrade::Version(_), ..) => {
                return Err(FleetError::invalid("version", "a container is upgraded by its image"));
            }
            (Upgrade::Image(_), ..) => {
                return Err(FleetError::invalid(
                    "image",
                    "is for the drivers docker and railway; leave it out",
                ));
            }
        };
        match self.change_to(id, to).await {
            Ok(instance) => Ok(instance),
            Err(error @ (FleetError::StartFailed { .. } | FleetError::Driver { .. } | FleetError::Runtime { .. })) => {
                // Whether it is ready again is told by its status.
                let returned = self.change_to(id, back).await;
                Err(FleetError::RolledBack {
                    id: id.clone(),
                    reason: Box::new(error),
                    runs: returned.is_ok(),
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn change_to(&self, id: &InstanceId, to: Upgrade) -> Result<Instance, FleetError> {
        self.ask(id, |done| Command::Upgrade { to, done }).await?;
        let desired = self.handle(id)?.instance.borrow().desired;
        match desired {
            Desired::Running => self.until(id, Desired::Running).await,
            _ => self.get(id).ok_or_else(|| FleetError::NotFound(id.clone())),
        }
    }
}
