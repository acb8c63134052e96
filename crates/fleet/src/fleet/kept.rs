//! What is kept of an instance that was removed without its data: a directory that no record speaks of.

use std::fs;

use creel_records::{Driver, Runtime};

use super::Fleet;
use super::create::Reserved;
use crate::directory::InstanceDirectory;
use crate::driver::process::{Inhabitant, inhabitant};
use crate::driver::{Identity, Place};
use crate::shared::Shared;
use crate::{FleetError, InstanceId};

/// The directory of a removed instance. Only to be looked for while the id is [`Reserved`] and nobody has it.
pub(super) struct Kept<'a> {
    id: &'a InstanceId,
    directory: InstanceDirectory,
}

impl<'a> Kept<'a> {
    pub fn find(shared: &Shared, id: &'a InstanceId) -> Option<Self> {
        let directory = shared.home.instance(id);
        // The name itself: what a symbolic link leads to is not ours to judge.
        let is_there = fs::symlink_metadata(directory.root()).is_ok();
        is_there.then_some(Self { id, directory })
    }

    /// Refuses data that a process uses: one that a control plane with other records started, say.
    pub fn is_idle(&self) -> Result<(), FleetError> {
        let pid = match inhabitant(&self.directory, None) {
            Inhabitant::Nobody => return Ok(()),
            Inhabitant::Process(pid, _) | Inhabitant::Contained(pid) => Some(pid),
            Inhabitant::Unknown => None,
        };
        Err(FleetError::DataInUse {
            id: self.id.clone(),
            pid,
        })
    }

    /// Refuses data of the other runtime: neither understands the other's configuration and state.
    pub fn is_of(&self, runtime: Runtime) -> Result<(), FleetError> {
        match self.directory.kept_runtime() {
            Some(kept) if kept != runtime => {
                let reason = format!("the kept data is of the runtime {kept}; take it up with that one, or purge it");
                Err(FleetError::invalid("runtime", reason))
            }
            _ => Ok(()),
        }
    }
}

impl Fleet {
    /// Deletes the data that was kept of a removed instance. Of a symbolic link the link is deleted, not what it leads to.
    pub(super) async fn remove_kept(&self, id: &InstanceId, purge: bool) -> Result<(), FleetError> {
        let not_found = || FleetError::NotFound(id.clone());
        let _reserved = Reserved::take(&self.shared, id).ok_or_else(not_found)?;
        if self.shared.handle(id).is_some() {
            // Made while this call came here; it is not what was to be removed.
            return Err(FleetError::Taken(id.clone()));
        }
        let kept = Kept::find(&self.shared, id).ok_or_else(not_found)?;
        if !purge {
            return Err(FleetError::OnlyData(id.clone()));
        }
        kept.is_idle()?;
        let directory = kept.directory;
        // What it kept elsewhere goes with it; one that kept nothing there has nothing written down.
        let place = Place {
            id,
            directory: &directory,
            recorded: &Identity::default(),
        };
        self.shared.drivers.of(Driver::Railway).remove(place, purge).await?;
        let root = directory.root().to_owned();
        let deleted = tokio::task::spawn_blocking(move || directory.purge()).await;
        let deleted = deleted.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        deleted.map_err(FleetError::file("delete", root))
    }
}
