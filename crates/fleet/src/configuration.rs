//! Whether a runtime could use an `openclaw.json`, before it is made to.

use std::path::Path;

use creel_config::{ConfigError, Warning, json5};
use creel_records::Runtime;

use crate::FleetError;
use crate::environment::Variables;

/// What is odd about a text that is meant for `path`, by the rules of the runtime that will read it, in the environment it will
/// read it in.
///
/// # Errors
/// [`FleetError::Config`] with line and column if it is broken.
pub fn check(runtime: Runtime, text: &str, path: &Path, variables: &Variables) -> Result<Vec<Warning>, FleetError> {
    match runtime {
        Runtime::Native => Ok(creel_config::check(text, path, variables)?.warnings),
        // Upstream's own rules are upstream's to check: it keeps the last good configuration and says why in its log.
        Runtime::Openclaw => match json5::parse(text) {
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(FleetError::Config(ConfigError {
                path: path.to_owned(),
                line: Some(error.line),
                column: Some(error.column),
                message: error.message,
            })),
        },
    }
}
