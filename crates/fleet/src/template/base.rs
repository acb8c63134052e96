//! What the template gave an instance last: with it, what a person changed since is told from what the template changed.

use crate::FleetError;
use crate::directory::InstanceDirectory;
use crate::fleet::MAX_CONFIG;

/// The text, relative to the instance's directory. Out of reach of the instance itself.
const BASE: &str = "template.json5";

/// Remembers that the template gave this text.
pub fn remember(directory: &InstanceDirectory, text: &str) -> Result<(), FleetError> {
    let written = directory.replace(BASE, text);
    written.map_err(FleetError::file("write", directory.root().join(BASE)))
}

/// What the template gave last; `None` for an instance of a Creel that did not remember it.
pub fn recall(directory: &InstanceDirectory) -> Result<Option<String>, FleetError> {
    let text = directory.read(BASE, MAX_CONFIG);
    text.map_err(FleetError::file("read", directory.root().join(BASE)))
}
