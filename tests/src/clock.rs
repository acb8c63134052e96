//! A wall clock that can be set, for the processes that are given it (libfaketime, <https://github.com/wolfcw/libfaketime>).
//!
//! What only measures durations (`CLOCK_MONOTONIC`, `CLOCK_BOOTTIME`) goes on undisturbed, as on a machine whose clock is set.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

pub struct Clock {
    dir: TempDir,
}

impl Clock {
    /// One that is right.
    ///
    /// # Panics
    /// If there is no room for a file.
    pub fn right() -> Self {
        let clock = Self {
            dir: TempDir::new().expect("there is room for a directory"),
        };
        clock.set(0);
        clock
    }

    /// Sets it so many days ahead of the right time, or behind it.
    ///
    /// # Panics
    /// If there is no room for a file.
    pub fn set(&self, days_ahead: i64) {
        self.set_hours(24 * days_ahead);
    }

    /// As [`Self::set`], by hours.
    ///
    /// # Panics
    /// If there is no room for a file.
    pub fn set_hours(&self, hours_ahead: i64) {
        let new = self.dir.path().join("new");
        fs::write(&new, format!("{hours_ahead:+}h\n"))
            .and_then(|()| fs::rename(&new, self.file()))
            .expect("there is room for a file");
    }

    /// What makes a process go by it.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("offset")
    }
}

/// Where Debian has it: below the directory of the machine's architecture.
fn library() -> PathBuf {
    let directories = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    directories
        .map(|directory| directory.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists())
        .expect("libfaketime is installed: `scripts/setup test` does it")
}
