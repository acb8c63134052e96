//! Programs in other languages that the scenarios use, and where `scripts/setup` puts what they need.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::binary::repository;

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    repository().join("tests/fixtures").join(name)
}

/// Python, with OpenAI's SDK.
pub fn python() -> PathBuf {
    installed("CREEL_OPENAI_PYTHON").join("bin/python")
}

/// The directory in which Node finds OpenAI's SDK.
pub fn node_modules() -> PathBuf {
    installed("CREEL_OPENAI_NODE").join("node_modules")
}

/// Python, with Anthropic's SDK.
pub fn python_anthropic() -> PathBuf {
    installed("CREEL_ANTHROPIC_PYTHON").join("bin/python")
}

/// The directory in which Node finds Anthropic's SDK.
pub fn node_modules_anthropic() -> PathBuf {
    installed("CREEL_ANTHROPIC_NODE").join("node_modules")
}

/// The directory that holds upstream OpenClaw and its Node.
pub fn openclaw() -> PathBuf {
    installed("CREEL_OPENCLAW_CACHE").to_owned()
}

/// Judges manifests of Kubernetes by its own schemas.
pub fn kubernetes_validate() -> PathBuf {
    installed("CREEL_KUBERNETES_VALIDATE").join("bin/kubernetes-validate")
}

/// `PATH` with the pinned Node in it.
pub fn path() -> &'static str {
    variable("PATH")
}

fn installed(name: &str) -> &'static Path {
    let path = Path::new(variable(name));
    assert!(path.is_dir(), "{} is missing: run scripts/setup test", path.display());
    path
}

/// A variable as `scripts/env.sh` sets it.
fn variable(name: &str) -> &'static str {
    static VARIABLES: OnceLock<String> = OnceLock::new();
    let all = VARIABLES.get_or_init(|| {
        let mut bash = std::process::Command::new("bash");
        let output = bash
            .args(["-euc", ". scripts/env.sh; env"])
            .current_dir(repository())
            .output();
        String::from_utf8(output.expect("bash is there").stdout).expect("variables are UTF-8")
    });
    let value = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("scripts/env.sh does not set {name}"))
}
