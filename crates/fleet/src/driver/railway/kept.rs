//! What Creel has on Railway for an instance, kept in the instance's directory, out of the instance's reach.
//!
//! Railway has no labels, and two projects may have the same name. So a name is written down here before a project of it is asked
//! for, with a part that nobody else comes upon; what Railway then calls the project is written down as soon as it is known. A
//! control plane that dies in between leaves a name by which the next one finds what was made.

use serde::{Deserialize, Serialize};

use crate::directory::InstanceDirectory;
use crate::{FleetError, InstanceId};

/// Relative to the directory.
pub const FILE: &str = "railway.json";
const MAX_FILE: u64 = 64 << 10;

/// Nothing in here is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// The project's, given by Creel.
    pub name: String,
    /// The ids that Railway gave, each as soon as it was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The last that Creel asked for; nothing while it asks for one, so that whoever comes after looks what became of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// When that was, in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed_at: Option<i64>,
    /// Where it is reached, `https://…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The digest of what was sent to be built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// Names of the variables that Creel has set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
}

impl Kept {
    /// With a name for a new project.
    pub fn new(id: &InstanceId) -> Result<Self, FleetError> {
        let mut nonce = [0; 5];
        getrandom::fill(&mut nonce).map_err(|error| FleetError::Driver {
            driver: creel_records::Driver::Railway,
            reason: format!("no name can be made for a project: {error}"),
        })?;
        Ok(Self {
            name: format!("creel-{id}-{}", hex::encode(nonce)),
            ..Self::default()
        })
    }

    /// What is kept of this instance, if anything is.
    pub fn read(directory: &InstanceDirectory) -> Result<Option<Self>, FleetError> {
        let path = || directory.root().join(FILE);
        let text = match directory.read(FILE, MAX_FILE) {
            // Without a directory nothing is kept.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            read => read.map_err(FleetError::file("read", path()))?,
        };
        let Some(text) = text else { return Ok(None) };
        let kept = serde_json::from_str(&text).map_err(std::io::Error::other);
        kept.map(Some).map_err(FleetError::file("understand", path()))
    }

    pub fn write(&self, directory: &InstanceDirectory) -> Result<(), FleetError> {
        let failed = FleetError::file("write", directory.root().join(FILE));
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other);
        match text.and_then(|text| directory.replace(FILE, &format!("{text}\n"))) {
            Ok(()) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_no_name_comes_twice() {
        let dir = tempfile::tempdir().unwrap();
        let directory = InstanceDirectory::new(dir.path().join("a"));
        assert_eq!(Kept::read(&directory).unwrap(), None);
        directory.make_directory("data").unwrap();
        let id = InstanceId::new("alice").unwrap();
        let mut kept = Kept::new(&id).unwrap();
        assert!(
            kept.name.starts_with("creel-alice-") && kept.name.len() == 22,
            "{kept:?}"
        );
        assert_ne!(kept.name, Kept::new(&id).unwrap().name);
        kept.project = Some("p".into());
        kept.write(&directory).unwrap();
        assert_eq!(Kept::read(&directory).unwrap(), Some(kept));
        directory.replace(FILE, "{").unwrap();
        let refused = Kept::read(&directory).unwrap_err().to_string();
        assert!(refused.contains("railway.json"), "{refused}");
    }
}
