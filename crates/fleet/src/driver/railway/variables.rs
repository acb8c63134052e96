//! The variables of a service: they say whose it is, and what it is told.

use std::collections::BTreeMap;

use super::RailwayDriver;
use super::calls::Place;
use super::kept::Kept;
use super::project::refuse;
use super::told::{OWNER, Told};
use crate::directory::InstanceDirectory;
use crate::{FleetError, InstanceId, fault};

impl RailwayDriver {
    /// Makes a new service this instance's. What is another's is not touched.
    pub(super) async fn claim(&self, place: &Place, kept: &Kept, id: &InstanceId) -> Result<(), FleetError> {
        let owner = self.owner(id);
        let known = self.client.variables(place).await?;
        match known.get(OWNER) {
            None if kept.variables.is_empty() => Ok(self.client.set_public(place, &[(OWNER, &owner)]).await?),
            found => must_be(&owner, found, kept),
        }
    }

    /// The variables of a service that is this instance's: looked at before anything is done to it.
    pub(super) async fn of_ours(
        &self,
        place: &Place,
        kept: &Kept,
        id: &InstanceId,
    ) -> Result<BTreeMap<String, String>, FleetError> {
        let known = self.client.variables(place).await?;
        must_be(&self.owner(id), known.get(OWNER), kept)?;
        Ok(known)
    }

    fn owner(&self, id: &InstanceId) -> String {
        format!("{}/{id}", self.home)
    }

    /// Tells the service what it is to know. What it knows already is not said again, and what it is not to know any more is taken away.
    pub(super) async fn tell(
        &self,
        place: &Place,
        known: &BTreeMap<String, String>,
        told: &Told,
        kept: &mut Kept,
        directory: &InstanceDirectory,
    ) -> Result<(), FleetError> {
        let before = std::mem::replace(&mut kept.variables, told.names());
        // Those that may still be there are remembered until they are not.
        let stale: Vec<String> = before
            .into_iter()
            .filter(|name| !kept.variables.contains(name) && known.contains_key(name))
            .collect();
        let wanted = kept.variables.clone();
        kept.variables.extend(stale.iter().cloned());
        kept.write(directory)?;
        let is_new = |(name, value): &(&String, &String)| known.get(*name) != Some(*value);
        let public = told.public.iter().filter(is_new);
        let public: Vec<(&str, &str)> = public.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if !public.is_empty() {
            self.client.set_public(place, &public).await?;
        }
        fault::point("railway variables set");
        for (name, value) in told.secret.iter().filter(is_new) {
            self.client.set_secret(place, name, value).await?;
        }
        for name in &stale {
            self.client.delete_variable(place, name).await?;
        }
        kept.variables = wanted;
        kept.write(directory)
    }
}

fn must_be(owner: &str, found: Option<&String>, kept: &Kept) -> Result<(), FleetError> {
    let name = &kept.name;
    match found {
        Some(found) if found == owner => Ok(()),
        Some(other) => Err(refuse(format!(
            "the project \"{name}\" is not this instance's: its {OWNER} is \"{other}\", not \"{owner}\" (does another creel run it?); it \
             was left alone"
        ))),
        None => Err(refuse(format!(
            "the project \"{name}\" does not say whose it is; it was left alone. If it is this instance's, set its variable {OWNER} to \
             \"{owner}\""
        ))),
    }
}
