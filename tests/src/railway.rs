//! An account on Railway for `creel up`: the recorder in the client's place, which deploys the `creel` under test on the loopback address.

use std::os::unix::fs::symlink;
use std::path::Path;

use creel_testkit::railway::Recorder;
use tempfile::TempDir;

use crate::binary::creel;
use crate::up::Builder;

/// An image that nobody pulls: what is deployed is `creel` itself.
pub const IMAGE: &str = "ghcr.io/acme/creel:1";

/// What it deployed ends with it.
pub struct Railway {
    pub recorder: Recorder,
    home: TempDir,
}

impl Railway {
    /// `client`: what `CARGO_BIN_EXE_railway` names, which only a test knows.
    ///
    /// # Panics
    /// If there is no room for a directory.
    #[must_use]
    pub fn new(client: &str) -> Self {
        let home = TempDir::new().expect("there is room for a directory");
        let programs = home.path().join("bin");
        std::fs::create_dir(&programs).expect("the home can be written");
        symlink(client, programs.join("railway")).expect("the home can be written");
        symlink(creel(), home.path().join("creel")).expect("the home can be written");
        Self {
            recorder: Recorder::new(home.path().to_owned()),
            home,
        }
    }

    /// Signs in whoever runs this control plane.
    #[must_use]
    pub fn of(&self, builder: Builder) -> Builder {
        let home: &Path = self.home.path();
        let path = std::env::var("PATH").unwrap_or_default();
        builder
            .env("HOME", &home.display().to_string())
            .env("PATH", &format!("{}:{path}", home.join("bin").display()))
    }
}
