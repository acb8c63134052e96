//! From nothing to a service that only needs to be told things and deployed: a project, a service in it, a volume, a domain.
//!
//! Each step is looked for before it is done and written down after it, so that it can be cut off anywhere and gone through again.

use std::path::Path;

use super::RailwayDriver;
use super::calls::{Place, Service, Workspace};
use super::client::Lock;
use super::kept::Kept;
use super::told::DATA;
use super::trouble::Trouble;
use crate::directory::InstanceDirectory;
use crate::driver::Say;
use crate::{FleetError, InstanceId, fault};

/// What the one service of a project is called.
pub const SERVICE: &str = "gateway";
/// Where it listens, as `railway.toml` says.
const PORT: &str = "8080";

pub fn refuse(reason: String) -> FleetError {
    FleetError::Driver {
        driver: creel_records::Driver::Railway,
        reason,
    }
}

impl RailwayDriver {
    /// The service of an instance, with its volume and its domain; made where there is none.
    pub(super) async fn provide(
        &self,
        id: &InstanceId,
        directory: &InstanceDirectory,
        lock: &Lock,
        say: &Say,
    ) -> Result<Place, FleetError> {
        let mut kept = match Kept::read(directory)? {
            Some(kept) => kept,
            None => {
                // Whoever is not signed in has nothing there, and nothing to remove.
                self.workspace().await?;
                let kept = Kept::new(id)?;
                kept.write(directory)?;
                kept
            }
        };
        fault::point("railway named");
        say(format!("looking for the Railway project {}", kept.name));
        let links = directory.root().join("railway");
        directory
            .make_directory("railway")
            .map_err(FleetError::file("make the directory", &links))?;
        let (project, environment) = self.project(&mut kept, directory, &links, lock).await?;
        let services = match self.client.services(&project, &environment).await {
            Ok(services) => services,
            Err(Trouble::Gone) => return Err(self.gone(&kept, directory, id).await),
            Err(trouble) => return Err(trouble.into()),
        };
        let ours = |service: &&Service| match &kept.service {
            Some(known) => service.id == *known,
            None => service.name == SERVICE,
        };
        let service = match services.iter().find(ours) {
            Some(service) => service.id.clone(),
            None => {
                say(format!("making a service in the Railway project {}", kept.name));
                // Nothing that was told to an earlier one is known to this.
                kept.variables.clear();
                self.client.add(SERVICE, &project, &environment, &links, lock).await?
            }
        };
        fault::point("railway service made");
        if kept.service.as_ref() != Some(&service) {
            kept.service = Some(service.clone());
            kept.write(directory)?;
        }
        let place = Place {
            project,
            environment,
            service,
        };
        self.claim(&place, &kept, id).await?;
        fault::point("railway service claimed");
        let service = self.there(&place).await?;
        if !service.volumes.iter().any(|mount| mount == DATA) {
            self.client.add_volume(&place, DATA, lock).await?;
        }
        fault::point("railway volume made");
        self.publish(&place, &service, &mut kept, directory).await?;
        Ok(place)
    }

    /// The project and its environment, by their ids.
    async fn project(
        &self,
        kept: &mut Kept,
        directory: &InstanceDirectory,
        links: &Path,
        lock: &Lock,
    ) -> Result<(String, String), FleetError> {
        if let (Some(project), Some(environment)) = (&kept.project, &kept.environment) {
            return Ok((project.clone(), environment.clone()));
        }
        // The name is ours alone: one that has it was made by a client that was cut off.
        let mut named = self.client.projects().await?;
        named.retain(|project| project.name == kept.name);
        if named.is_empty() {
            let workspace = self.workspace().await?;
            self.client.init(&kept.name, &workspace.id, links, lock).await?;
            fault::point("railway project made");
            named = self.client.projects().await?;
            named.retain(|project| project.name == kept.name);
        }
        let [project] = &named[..] else {
            return Err(refuse(format!(
                "there are {} projects called \"{}\"; delete those that are empty, then start the instance again",
                named.len(),
                kept.name
            )));
        };
        let Some(environment) = project.environment.clone() else {
            return Err(refuse(format!(
                "the project \"{}\" has no environment that may be used",
                kept.name
            )));
        };
        kept.workspace = Some(project.workspace.clone());
        kept.project = Some(project.id.clone());
        kept.environment = Some(environment.clone());
        kept.write(directory)?;
        fault::point("railway project recorded");
        Ok((project.id.clone(), environment))
    }

    /// The workspace that new projects belong to.
    pub(super) async fn workspace(&self) -> Result<Workspace, FleetError> {
        let workspaces = self.client.who_am_i().await?;
        let names = || {
            workspaces
                .iter()
                .map(|one| one.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let wanted = self.client.workspace();
        let found: Vec<&Workspace> = match wanted {
            Some(wanted) => workspaces
                .iter()
                .filter(|one| one.id == wanted || one.name == wanted)
                .collect(),
            None => workspaces.iter().collect(),
        };
        match (&found[..], wanted) {
            ([one], _) => Ok(Workspace::clone(one)),
            ([], Some(wanted)) => Err(refuse(format!(
                "there is no workspace \"{wanted}\" (CREEL_RAILWAY_WORKSPACE); there are {}",
                names()
            ))),
            ([], None) => Err(refuse(
                "the account has no workspace; make one on railway.com".to_owned(),
            )),
            (_, _) => Err(refuse(format!(
                "the account has several workspaces ({}); name the one for new projects with CREEL_RAILWAY_WORKSPACE, by its id if two \
                 have the same name",
                names()
            ))),
        }
    }

    async fn there(&self, place: &Place) -> Result<Service, FleetError> {
        let service = self.client.service(place).await?;
        service.ok_or_else(|| {
            refuse("Railway made a service, and does not know of it; start the instance again".to_owned())
        })
    }

    /// Makes sure that people reach it.
    async fn publish(
        &self,
        place: &Place,
        service: &Service,
        kept: &mut Kept,
        directory: &InstanceDirectory,
    ) -> Result<(), FleetError> {
        let url = match &service.url {
            Some(url) => url.clone(),
            None => self.client.domain(place, PORT).await?,
        };
        let is_local = url.starts_with("http://127.0.0.1:");
        if !url.starts_with("https://") && !is_local {
            return Err(refuse(format!(
                "Railway says that the service is reached at \"{url}\", which is no https:// address"
            )));
        }
        fault::point("railway domain made");
        if kept.url.as_ref() != Some(&url) {
            kept.url = Some(url);
            kept.write(directory)?;
        }
        Ok(())
    }

    /// The project is not there any more: forgets it, if that can be believed, so that the next start makes another.
    pub(super) async fn gone(&self, kept: &Kept, directory: &InstanceDirectory, id: &InstanceId) -> FleetError {
        let workspaces = match self.client.who_am_i().await {
            Ok(workspaces) => workspaces,
            Err(trouble) => return trouble.into(),
        };
        let name = &kept.name;
        if kept
            .workspace
            .as_ref()
            .is_some_and(|known| !workspaces.iter().any(|one| one.id == *known))
        {
            return refuse(format!(
                "the project \"{name}\" is of a workspace that the client is not signed in to; sign in to the account that it was made with"
            ));
        }
        self.forget(directory);
        refuse(format!(
            "the project \"{name}\" is not on Railway any more, nor is what was on its volume; `creel instance start {id}` makes another"
        ))
    }

    pub(super) fn forget(&self, directory: &InstanceDirectory) {
        let path = directory.root().join(super::kept::FILE);
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "cannot delete");
        }
    }
}
