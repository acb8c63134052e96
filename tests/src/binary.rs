//! The program under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `creel` binary, built once from the sources beside this crate, with the profile and in the target directory of the test
/// that asks. `CREEL_BIN` names another one: a release build, or the one that is to be shipped.
///
/// # Panics
/// If it does not compile.
pub fn creel() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("CREEL_BIN").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    // target/debug/deps/gateway-0123456789abcdef
    let test = std::env::current_exe().expect("a test has a path");
    let output = test.ancestors().nth(2).expect("cargo puts tests three levels deep");
    let target = output
        .parent()
        .expect("a profile's directory is in the target directory");
    let profile = match output.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--quiet",
            "--package",
            "creel",
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(target)
        .current_dir(repository())
        .status()
        .expect("cargo is there: it started this test");
    assert!(status.success(), "creel does not compile");
    output.join("creel")
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate is in the repository")
}
