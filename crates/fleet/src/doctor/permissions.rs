//! Who else on this host could read a home.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use creel_records::Driver;
use serde_json::json;

use super::{Check, Finding, Subject, command, say};
use crate::driver::docker;

/// The bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Files of a home that hold secrets, where they are there.
const SECRET_FILES: [&str; 4] = ["creel.toml", "creel.db", "creel.db-wal", "creel.db-shm"];
/// Directories of a home.
const DIRECTORIES: [&str; 7] = [
    "secrets",
    "templates",
    "backups",
    "instances",
    "runtimes",
    "usage",
    "llm-journal",
];
/// Of an instance's directory.
const PRIVATE_DIRECTORIES: [&str; 5] = ["", "data", "home", "tmp", "logs"];
const PRIVATE_FILES: [&str; 2] = ["instance.env", "data/openclaw.json"];

pub fn examine(home: &Path, subjects: &[Subject<'_>]) -> Vec<Finding> {
    let mut look = Look::default();
    look.at("home", home, "0700", true);
    for name in DIRECTORIES {
        look.at("home", &home.join(name), "0700", name == "secrets");
    }
    for name in SECRET_FILES {
        look.at("home", &home.join(name), "0600", true);
    }
    for path in entries(&home.join("secrets")) {
        look.at("home", &path, "0600", true);
    }
    if home.is_dir() && !home.join("secrets/master.key").exists() && !subjects.is_empty() {
        let text = "secrets/master.key is gone: no sealed token or key opens without it";
        let what = say("no_master_key", json!({}), text);
        let text = "put it back from a backup of the home; without one, rotate every token and enter every key again";
        let remedy = say("put_master_key_back", json!({}), text);
        look.found
            .push(Finding::error(Check::Permissions, "home", what).remedy(remedy));
    }
    for subject in subjects {
        let name = subject.name();
        look.borrower = borrower(subject);
        for path in PRIVATE_DIRECTORIES {
            look.at(&name, &subject.directory.root().join(path), "0700", path.is_empty());
        }
        for path in PRIVATE_FILES {
            look.at(&name, &subject.directory.root().join(path), "0600", true);
        }
    }
    if look.found.is_empty() && look.seen > 0 {
        let what = say(
            "private",
            json!({"entries": look.seen}),
            match look.seen {
                1 => "1 file or directory is for its owner alone".to_owned(),
                seen => format!("{seen} files and directories are for their owner alone"),
            },
        );
        look.found.push(Finding::ok(Check::Permissions, "home", what));
    }
    look.found
}

/// A container's user has what root's Creel lent it, also when compose has taken the container down: the next start takes it back.
fn borrower(subject: &Subject<'_>) -> Option<u32> {
    let may_be_lent = subject.record.driver == Driver::Docker || subject.pid().is_none();
    (rustix::process::geteuid().is_root() && may_be_lent).then(|| docker::borrower(subject.record.runtime))
}

#[derive(Default)]
struct Look {
    found: Vec<Finding>,
    seen: usize,
    /// Who besides Creel's own user may own what is looked at.
    borrower: Option<u32>,
}

impl Look {
    /// What is not there is another look's business; so is what a symbolic link leads to.
    fn at(&mut self, subject: &str, path: &Path, mode: &str, holds_secrets: bool) {
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return;
        };
        if metadata.is_symlink() {
            return;
        }
        self.seen += 1;
        let own = rustix::process::geteuid().as_raw();
        let shown = path.display();
        let owner = metadata.uid();
        if owner != own && self.borrower != Some(owner) {
            let what = say(
                "anothers",
                json!({"path": path, "owner": owner, "own": own}),
                format!("{shown} belongs to user {owner}, not to {own}, who runs creel"),
            );
            self.found.push(
                Finding::error(Check::Permissions, subject, what).remedy(command(format!("chown {own} '{shown}'"))),
            );
        }
        let open = metadata.mode() & 0o777;
        if open & OTHERS == 0 {
            return;
        }
        let is = format!("{open:04o}");
        let what = say(
            "open_to_others",
            json!({"path": path, "mode": is}),
            format!("{shown} is open to others (mode {is})"),
        );
        let finding = if holds_secrets {
            Finding::error(Check::Permissions, subject, what)
        } else {
            Finding::warning(Check::Permissions, subject, what)
        };
        self.found
            .push(finding.remedy(command(format!("chmod {mode} '{shown}'"))));
    }
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
