//! What a gateway makes of its file, its environment and its command line.

mod layers;
mod models;
mod places;
mod secrets;
mod tenants;

use std::collections::BTreeMap;
use std::path::Path;

use creel_config::{GatewayConfig, Loaded, check};

pub type Env = BTreeMap<String, String>;

pub fn env(vars: &[(&str, &str)]) -> Env {
    vars.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub fn origin() -> &'static Path {
    Path::new("/etc/creel/openclaw.json")
}

#[track_caller]
pub fn loaded(text: &str, vars: &[(&str, &str)]) -> Loaded {
    check(text, origin(), &env(vars)).unwrap_or_else(|error| panic!("{error}"))
}

/// What the text says, without a warning.
#[track_caller]
pub fn config(text: &str, vars: &[(&str, &str)]) -> GatewayConfig {
    let Loaded { config, warnings } = loaded(text, vars);
    assert_eq!(warnings, []);
    config
}

#[track_caller]
pub fn fails(text: &str, vars: &[(&str, &str)], expected: &str) {
    match check(text, origin(), &env(vars)) {
        Ok(loaded) => panic!("was accepted: {loaded:?}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[track_caller]
pub fn warns(text: &str, expected: &[&str]) {
    warns_in(text, &[], expected);
}

/// As [`warns`], in this environment.
#[track_caller]
pub fn warns_in(text: &str, vars: &[(&str, &str)], expected: &[&str]) {
    let warnings: Vec<_> = loaded(text, vars).warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, expected);
}
