//! Users' directories: one for each, 0700, made of the template when the user first comes.

mod copy;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use creel_http::random_id;
use creel_session::UserId;

/// What every workspace has, whatever the template has.
const DIRECTORIES: [&str; 3] = ["agent", "sessions", "memory"];
/// Files and directories that a workspace may have. To count more is a burden of its own, and so is a list of as many sessions.
pub const MOST_FILES: usize = 20_000;
/// What begins the name of one that is being made; no user's does.
const UNFINISHED: &str = ".new-";
/// One that is being made for longer was given up.
const GIVEN_UP: Duration = Duration::from_secs(3600);
/// What begins the name of one whose user is gone; no user's does.
const LEFT: &str = ".left-";
/// The directory that says since when the user is one whose workspace it is: another one may get the same id. Beside the workspaces, out
/// of reach of what works in them.
const SINCE: &str = ".since";

/// Whether there was a workspace already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    Before,
    Anew,
}

pub struct Workspaces {
    /// Without symbolic links in it.
    root: PathBuf,
}

impl Workspaces {
    /// Makes the root (0700) where it is missing, and clears away what a crash left half made.
    pub fn open(root: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(root.join(SINCE))?;
        let root = fs::canonicalize(root)?;
        for entry in fs::read_dir(&root)?.flatten() {
            let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
            let made = entry.metadata().and_then(|metadata| metadata.modified());
            let age = made.map(|made| SystemTime::now().duration_since(made).unwrap_or_default());
            if unfinished && age.is_ok_and(|age| age > GIVEN_UP) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(Self { root })
    }

    /// A user's directory. The id cannot lead out of the root: what a path could take for something else is encoded.
    pub fn path(&self, id: &UserId) -> PathBuf {
        self.root.join(id.file_name())
    }

    /// Makes the user's directory if there is none, whole or not at all. That of a user of the same id who was there before this one
    /// was created (milliseconds since the Unix epoch; 0: not known) is put aside. It blocks.
    pub fn prepare(&self, id: &UserId, created_at: i64, template: &Path) -> io::Result<Made> {
        let path = self.path(id);
        let is_there = match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => true,
            Ok(_) => return Err(io::Error::new(io::ErrorKind::NotADirectory, "is no directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        let since = self.since(id)?;
        // Of one from before the Cloud Backend told, nobody else is known.
        let is_theirs = [0, since].contains(&created_at) || since == 0;
        if !is_theirs && since > created_at {
            let problem = "a later user has this id; this gateway has not synced since";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
        }
        if is_there && !is_theirs {
            let aside = self.root.join(format!("{LEFT}{}-{}", id.file_name(), random_id()));
            fs::rename(&path, &aside)?;
            tracing::warn!(user = %id, path = %aside.display(), "somebody else has this id now; the workspace of the one before is put aside");
        }
        if ![0, since].contains(&created_at) {
            self.mark(id, created_at)?;
        }
        if is_there && is_theirs {
            return Ok(Made::Before);
        }
        let unfinished = self.root.join(format!("{UNFINISHED}{}", random_id()));
        let made = self
            .make(&unfinished, template)
            .and_then(|()| fs::rename(&unfinished, &path));
        if let Err(error) = made {
            let _ = fs::remove_dir_all(&unfinished);
            // Another node on the same storage was faster.
            return if path.is_dir() { Ok(Made::Before) } else { Err(error) };
        }
        Ok(Made::Anew)
    }

    /// Since when the id has been the user's whose workspace it is; 0: not known.
    fn since(&self, id: &UserId) -> io::Result<i64> {
        match fs::read_to_string(self.root.join(SINCE).join(id.file_name())) {
            Ok(text) => Ok(text.trim().parse().unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn mark(&self, id: &UserId, created_at: i64) -> io::Result<()> {
        let directory = self.root.join(SINCE);
        let unfinished = directory.join(format!("{UNFINISHED}{}", random_id()));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&unfinished)?;
        writeln!(file, "{created_at}")?;
        fs::rename(unfinished, directory.join(id.file_name()))
    }

    fn make(&self, path: &Path, template: &Path) -> io::Result<()> {
        directory(path)?;
        if template.is_dir() {
            copy::template(template, path)?;
        } else {
            tracing::warn!(template = %template.display(), "there is no such template; the workspace begins empty");
        }
        for name in DIRECTORIES {
            let path = path.join(name);
            if !path.is_dir() {
                directory(&path)?;
            }
        }
        Ok(())
    }

    /// Bytes of the user's files; `u64::MAX` where there are more than [`MOST_FILES`]. It blocks.
    pub fn measure(&self, id: &UserId) -> u64 {
        let mut pending = vec![self.path(id)];
        let (mut bytes, mut files) = (0, 0);
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                // Of the link itself, where it is one: what it leads to is not the user's.
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_dir() {
                    pending.push(entry.path());
                }
                bytes += metadata.len();
                files += 1;
                if files > MOST_FILES {
                    return u64::MAX;
                }
            }
        }
        bytes
    }
}

fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::copy::TEMPLATE_BYTES;
    use super::*;

    fn id(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    #[test]
    fn a_workspace_is_the_template_and_the_users_alone() {
        let outer = tempfile::tempdir().unwrap();
        let template = outer.path().join("template");
        fs::create_dir_all(template.join("agent")).unwrap();
        fs::write(template.join("agent/IDENTITY.md"), "You are kind.").unwrap();
        symlink("/etc/passwd", template.join("passwd")).unwrap();
        let workspaces = Workspaces::open(&outer.path().join("workspaces")).unwrap();
        let alice = id("alice@example.com");
        assert_eq!(workspaces.prepare(&alice, 0, &template).unwrap(), Made::Anew);
        let path = workspaces.path(&alice);
        assert_eq!(path.file_name().unwrap(), "alice%40example.com");
        assert_eq!(
            fs::read_to_string(path.join("agent/IDENTITY.md")).unwrap(),
            "You are kind."
        );
        assert!(!path.join("passwd").exists() && path.join("sessions").is_dir() && path.join("memory").is_dir());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for (path, expected) in [
            ("", 0o700),
            ("agent", 0o700),
            ("agent/IDENTITY.md", 0o600),
            ("memory", 0o700),
        ] {
            assert_eq!(mode(&workspaces.path(&alice).join(path)), expected, "{path}");
        }
        assert_eq!(
            (mode(&workspaces.root), mode(&workspaces.root.join(SINCE))),
            (0o700, 0o700)
        );
        fs::write(path.join("agent/IDENTITY.md"), "Mine now.").unwrap();
        assert_eq!(
            workspaces.prepare(&alice, 0, &template).unwrap(),
            Made::Before,
            "it is copied once"
        );
        assert_eq!(fs::read_to_string(path.join("agent/IDENTITY.md")).unwrap(), "Mine now.");
        assert!(workspaces.measure(&alice) >= 9);
    }

    #[test]
    fn without_a_template_it_begins_empty() {
        let outer = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::open(outer.path()).unwrap();
        assert_eq!(
            workspaces.prepare(&id("a"), 0, &outer.path().join("vanished")).unwrap(),
            Made::Anew
        );
        assert!(workspaces.path(&id("a")).join("agent").is_dir());
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let outer = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::open(outer.path()).unwrap();
        workspaces.prepare(&id("bob"), 0, &outer.path().join("none")).unwrap();
        symlink(workspaces.path(&id("bob")), workspaces.path(&id("alice"))).unwrap();
        assert!(workspaces.prepare(&id("alice"), 0, &outer.path().join("none")).is_err());
    }

    #[test]
    fn too_many_files_are_as_much_as_too_many_bytes() {
        let outer = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::open(outer.path()).unwrap();
        workspaces.prepare(&id("a"), 0, &outer.path().join("none")).unwrap();
        let sessions = workspaces.path(&id("a")).join("sessions");
        for number in 0..MOST_FILES - 3 {
            fs::File::create(sessions.join(number.to_string())).unwrap();
        }
        assert!(workspaces.measure(&id("a")) < u64::MAX);
        fs::File::create(sessions.join("one more")).unwrap();
        assert_eq!(workspaces.measure(&id("a")), u64::MAX);
    }

    #[test]
    fn a_template_without_end_makes_no_workspace() {
        let outer = tempfile::tempdir().unwrap();
        let template = outer.path().join("template");
        fs::create_dir(&template).unwrap();
        fs::File::create(template.join("huge"))
            .unwrap()
            .set_len(TEMPLATE_BYTES + 1)
            .unwrap();
        let workspaces = Workspaces::open(&outer.path().join("workspaces")).unwrap();
        assert!(workspaces.prepare(&id("a"), 0, &template).is_err());
        assert_eq!(fs::read_dir(&workspaces.root).unwrap().count(), 1, "nothing is left");
    }

    #[test]
    fn whoever_gets_the_id_of_somebody_gets_none_of_their_files() {
        let outer = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::open(outer.path()).unwrap();
        let none = outer.path().join("none");
        let come = |created_at| workspaces.prepare(&id("a"), created_at, &none);
        assert_eq!(come(0).unwrap(), Made::Anew);
        assert_eq!(come(1_000).unwrap(), Made::Before, "from before it was told");
        let path = workspaces.path(&id("a"));
        fs::write(path.join("memory/secret.md"), "mine").unwrap();
        assert_eq!((come(1_000).unwrap(), come(0).unwrap()), (Made::Before, Made::Before));
        assert_eq!(come(2_000).unwrap(), Made::Anew);
        assert!(!path.join("memory/secret.md").exists());
        let kept = fs::read_dir(outer.path()).unwrap().flatten();
        let kept: Vec<_> = kept
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(LEFT))
            .collect();
        assert!(kept.len() == 1 && kept[0].path().join("memory/secret.md").exists());
        assert!(come(1_000).is_err(), "a gateway that has not heard of it yet");
    }
}
