//! An instance's `openclaw.json` without the instance: for one that is run elsewhere, by `creel deploy render`.

use std::path::Path;

use creel_records::{Channel, Runtime, now_ms};

use super::Subject;
use crate::{FleetError, InstanceId, channel};

/// What is known of it.
pub struct Draft<'a> {
    pub id: &'a InstanceId,
    pub runtime: Runtime,
    pub channels: Vec<Channel>,
    pub model: Option<&'a str>,
    /// Where its workspace will be.
    pub workspace: &'a Path,
}

/// The text, and what has to be given to the instance besides.
pub struct Drafted {
    pub config: String,
    /// Names of the variables that hold the channels' secrets.
    pub secrets: Vec<String>,
    pub warnings: Vec<String>,
}

impl Draft<'_> {
    /// With the operator's templates in this directory over the built-in ones.
    ///
    /// # Errors
    /// [`FleetError::Invalid`] names the channel, [`FleetError::Template`] the template.
    pub fn render(self, templates: &Path) -> Result<Drafted, FleetError> {
        let given = channel::take(self.channels)?;
        let subject = Subject {
            id: self.id.as_str(),
            name: self.id.as_str(),
            runtime: self.runtime,
            channels: &given.channels,
            model: self.model,
            created_at: now_ms(),
        };
        Ok(Drafted {
            config: super::config(templates, self.workspace, subject)?,
            secrets: given.variables.into_iter().map(|(name, _)| name).collect(),
            warnings: channel::warnings(&given.channels, self.runtime),
        })
    }
}
