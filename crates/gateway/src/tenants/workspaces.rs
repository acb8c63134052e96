//! Users' directories: one for each, 0700, made of the template when the user first comes.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use creel_http::random_id;
use creel_session::UserId;

/// What every workspace has (DESIGN.md, section 1), whatever the template has.
const DIRECTORIES: [&str; 3] = ["agent", "sessions", "memory"];
/// A template larger than this is a mistake.
const TEMPLATE_FILES: usize = 10_000;
const TEMPLATE_BYTES: u64 = 256 << 20;
/// Files that are looked at to measure a workspace.
const MEASURED_FILES: usize = 200_000;
/// What begins the name of one that is being made; no user's does.
const UNFINISHED: &str = ".new-";
/// One that is being made for longer was given up.
const GIVEN_UP: Duration = Duration::from_secs(3600);

pub struct Workspaces {
    /// Without symbolic links in it.
    root: PathBuf,
}

impl Workspaces {
    /// Makes the root (0700) where it is missing, and clears away what a crash left half made.
    pub fn open(root: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
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

    /// Makes the user's directory if there is none, whole or not at all, and says whether it did. It blocks.
    pub fn prepare(&self, id: &UserId, template: &Path) -> io::Result<bool> {
        let path = self.path(id);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Ok(false),
            Ok(_) => return Err(io::Error::new(io::ErrorKind::NotADirectory, "is no directory")),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        let unfinished = self.root.join(format!("{UNFINISHED}{}", random_id()));
        let made = self
            .make(&unfinished, template)
            .and_then(|()| fs::rename(&unfinished, &path));
        if let Err(error) = made {
            let _ = fs::remove_dir_all(&unfinished);
            // Another node on the same storage was faster.
            return if path.is_dir() { Ok(false) } else { Err(error) };
        }
        Ok(true)
    }

    fn make(&self, path: &Path, template: &Path) -> io::Result<()> {
        directory(path)?;
        if template.is_dir() {
            Copy::default().directory(template, path)?;
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

    /// Bytes of the user's files. It blocks.
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
                if files >= MEASURED_FILES {
                    // So many that counting them is a burden of its own.
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

#[derive(Default)]
struct Copy {
    files: usize,
    bytes: u64,
}

impl Copy {
    /// Copies files and directories, readable for their owner only; links and devices stay behind.
    fn directory(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (metadata, target) = (entry.metadata()?, to.join(entry.file_name()));
            self.files += 1;
            self.bytes += metadata.len();
            if self.files > TEMPLATE_FILES || self.bytes > TEMPLATE_BYTES {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the template is too large"));
            }
            if metadata.is_dir() {
                directory(&target)?;
                self.directory(&entry.path(), &target)?;
            } else if metadata.is_file() {
                let mut source = fs::File::open(entry.path())?;
                let mut options = OpenOptions::new();
                let mut file = options.write(true).create_new(true).mode(0o600).open(&target)?;
                io::copy(&mut source, &mut file)?;
            } else {
                tracing::warn!(path = %entry.path().display(), "neither a file nor a directory; left out of the workspace");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

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
        assert!(workspaces.prepare(&alice, &template).unwrap());
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
        assert_eq!(mode(&workspaces.root), 0o700);
        fs::write(path.join("agent/IDENTITY.md"), "Mine now.").unwrap();
        assert!(!workspaces.prepare(&alice, &template).unwrap(), "it is copied once");
        assert_eq!(fs::read_to_string(path.join("agent/IDENTITY.md")).unwrap(), "Mine now.");
        assert!(workspaces.measure(&alice) >= 9);
    }

    #[test]
    fn without_a_template_it_begins_empty() {
        let outer = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::open(outer.path()).unwrap();
        assert!(workspaces.prepare(&id("a"), &outer.path().join("vanished")).unwrap());
        assert!(workspaces.path(&id("a")).join("agent").is_dir());
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let outer = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::open(outer.path()).unwrap();
        workspaces.prepare(&id("bob"), outer.path()).unwrap_or_default();
        symlink(workspaces.path(&id("bob")), workspaces.path(&id("alice"))).unwrap();
        assert!(workspaces.prepare(&id("alice"), &outer.path().join("none")).is_err());
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
        assert!(workspaces.prepare(&id("a"), &template).is_err());
        assert_eq!(fs::read_dir(&workspaces.root).unwrap().count(), 0, "nothing is left");
    }
}
