//! What the environment says to Creel must be text: a value that is none would count as not set, and a gateway would open without the
//! token that somebody meant it to have.

use std::ffi::OsStr;

use crate::failure::Failure;

/// How the names begin of what Creel, its gateways and their providers are told.
const READ: [&str; 6] = ["CREEL_", "OPENCLAW_", "GATEWAY_", "OPENAI_", "ANTHROPIC_", "MODEL_NAME"];
/// Where something is: any bytes.
const PATHS: [&str; 2] = ["CREEL_HOME", "CREEL_OPENCLAW_CACHE"];

/// # Errors
/// One of those is no text.
pub fn check() -> Result<(), Failure> {
    let unreadable = std::env::vars_os().find(|(name, value)| value.to_str().is_none() && is_read(name));
    match unreadable {
        None => Ok(()),
        Some((name, _)) => Err(Failure::bad_input(format!(
            "environment: {} is no UTF-8 text; set it anew, or unset it",
            name.display()
        ))),
    }
}

fn is_read(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    READ.iter().any(|begin| name.starts_with(begin)) && !PATHS.contains(&&*name)
}
