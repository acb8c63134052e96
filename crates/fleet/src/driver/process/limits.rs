//! What a process was started with, noted in its instance's directory, out of the instance's reach: others may be recorded while it
//! runs, and whoever takes it over compares it with its own.

use crate::FleetError;
use crate::directory::{InstanceDirectory, LIMITS};
use crate::driver::Limits;

const MAX_NOTE: u64 = 1 << 10;

/// Written before what is started becomes the instance.
pub fn note(directory: &InstanceDirectory, limits: &Limits) -> Result<(), FleetError> {
    let text = serde_json::to_string(limits).map_err(std::io::Error::other);
    text.and_then(|text| directory.replace(LIMITS, &text))
        .map_err(FleetError::file("write", directory.root().join(LIMITS)))
}

/// Nothing of one that was started before there were notes.
pub fn noted(directory: &InstanceDirectory) -> Option<Limits> {
    let text = directory.read(LIMITS, MAX_NOTE).ok().flatten()?;
    serde_json::from_str(&text).ok()
}
