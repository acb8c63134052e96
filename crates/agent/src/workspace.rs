//! A user's files, reached so that no path and no symbolic link leads out of them.
//!
//! Every access goes through `openat2(2)` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`: the kernel, not string handling, keeps
//! a tool inside. Layout: `agent/IDENTITY.md`, `memory/`, `sessions/`; the workspaces of upstream
//! OpenClaw keep the same files at the top, so both places are looked at.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::look::Missing;

/// A directory of one user. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: Arc<Path>,
    missing: Arc<Missing>,
}

/// Directory entries that one listing looks at: it holds up everybody else.
const LOOKED_AT: usize = 20_000;

const CONFINED: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

impl Workspace {
    /// Takes `root`, which must exist when a file is first touched, see [`Self::create`].
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into().into(),
            missing: Arc::default(),
        }
    }

    /// Makes the directory (0700) where it is missing.
    pub fn create(&self) -> io::Result<()> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.root)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What looks into it have found it not to hold.
    pub fn missing(&self) -> &Missing {
        &self.missing
    }

    /// For reading several files: the workspace is looked up once.
    pub fn enter(&self) -> io::Result<Entered> {
        self.open_root().map(Entered)
    }

    /// Reads at most `limit` bytes of `path`; the flag tells whether there was more.
    pub fn read(&self, path: &str, limit: u64) -> io::Result<(String, bool)> {
        self.enter()?.read(path, limit)
    }

    /// Appends `text` to `path` with one write, making the file (0600) and its directory (0700) where they are missing.
    /// Refuses to let the file grow past `limit` bytes.
    pub fn append(&self, path: &str, text: &str, limit: u64) -> io::Result<()> {
        if let Some((directory, _)) = path.rsplit_once('/') {
            self.make_directory(directory)?;
        }
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
        let mut file = File::from(self.open_at(path, flags, Mode::RUSR | Mode::WUSR)?);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        if metadata.len() + text.len() as u64 > limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("the file would grow past {limit} bytes"),
            ));
        }
        file.write_all(text.as_bytes())
    }

    /// As [`Entered::files`]; none, where there is no such directory.
    pub fn files(&self, directory: &str, most: usize) -> io::Result<Vec<String>> {
        match self.enter()?.files(directory, most) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            files => files,
        }
    }

    fn make_directory(&self, directory: &str) -> io::Result<()> {
        let (parent, name) = match directory.rsplit_once('/') {
            Some((parent, name)) => (
                self.open_at(parent, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?,
                name,
            ),
            None => (self.open_root()?, directory),
        };
        match rustix::fs::mkdirat(&parent, name, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn open_root(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&*self.root, flags, Mode::empty())?)
    }

    fn open_at(&self, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        self.enter()?.open_at(path, flags, mode)
    }
}

/// A workspace that is held open.
pub struct Entered(OwnedFd);

impl Entered {
    /// As [`Workspace::read`].
    pub fn read(&self, path: &str, limit: u64) -> io::Result<(String, bool)> {
        let file = File::from(self.open_at(path, OFlags::RDONLY, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        let more = bytes.len() as u64 > limit;
        bytes.truncate(limit as usize);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes())
                .trim_end_matches('\u{fffd}')
                .to_owned(),
        };
        Ok((text, more))
    }

    /// Names of the regular files below `directory`, as paths relative to the workspace, sorted; where there are more than `most`, the last
    /// of them, which are the newest of files that are named by day. What comes after [`LOOKED_AT`] entries is not seen.
    pub fn files(&self, directory: &str, most: usize) -> io::Result<Vec<String>> {
        let mut found = BTreeSet::new();
        let mut left = LOOKED_AT;
        let top = directory;
        let mut pending = vec![top.to_owned()];
        while let Some(directory) = pending.pop() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let handle = match self.open_at(&directory, flags, Mode::empty()) {
                Ok(handle) => handle,
                // Removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound && directory != top => continue,
                Err(error) => return Err(error),
            };
            for entry in rustix::fs::Dir::new(handle)? {
                let entry = entry?;
                if left == 0 {
                    break;
                }
                left -= 1;
                let Ok(name) = entry.file_name().to_str() else { continue };
                if name.starts_with('.') {
                    continue;
                }
                let path = format!("{directory}/{name}");
                match entry.file_type() {
                    rustix::fs::FileType::Directory => pending.push(path),
                    rustix::fs::FileType::RegularFile => {
                        found.insert(path);
                    }
                    _ => {}
                }
                if found.len() > most {
                    found.pop_first();
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// A directory of it, to read several files there.
    pub fn directory(&self, path: &str) -> io::Result<Self> {
        self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
            .map(Self)
    }

    fn open_at(&self, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        // NONBLOCK: a FIFO that somebody put in the workspace must not hang the gateway.
        let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(rustix::fs::openat2(&self.0, path, flags, mode, CONFINED)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("inside");
        std::fs::create_dir_all(root.join("memory")).unwrap();
        std::fs::write(outer.path().join("secret"), "not yours").unwrap();
        (outer, Workspace::new(root))
    }

    #[test]
    fn no_path_leads_out() {
        let (outer, workspace) = workspace();
        let absolute = outer.path().join("secret");
        for path in [
            "../secret",
            "memory/../../secret",
            absolute.to_str().unwrap(),
            "/etc/passwd",
        ] {
            assert!(workspace.read(path, 100).is_err(), "{path} was read");
            assert!(workspace.append(path, "x", 100).is_err(), "{path} was written");
        }
        assert_eq!(std::fs::read_to_string(absolute).unwrap(), "not yours");
    }

    #[test]
    fn no_link_is_followed() {
        let (outer, workspace) = workspace();
        std::os::unix::fs::symlink(outer.path().join("secret"), workspace.root().join("memory/link.md")).unwrap();
        std::os::unix::fs::symlink(outer.path(), workspace.root().join("memory/up")).unwrap();
        for path in ["memory/link.md", "memory/up/secret"] {
            assert!(workspace.read(path, 100).is_err(), "{path} was read");
            assert!(workspace.append(path, "x", 100).is_err(), "{path} was written");
        }
        assert!(workspace.append("memory/up/new/x.md", "x", 100).is_err());
        assert!(!outer.path().join("new").exists(), "a directory was made outside");
        assert!(workspace.files("memory", 10).unwrap().is_empty());
    }

    #[test]
    fn a_pipe_does_not_hang() {
        let (_outer, workspace) = workspace();
        let status = std::process::Command::new("mkfifo")
            .arg(workspace.root().join("memory/pipe"))
            .status()
            .unwrap();
        assert!(status.success());
        assert!(workspace.read("memory/pipe", 10).is_err());
    }

    #[test]
    fn of_many_files_the_last_are_listed() {
        let (_outer, workspace) = workspace();
        for name in ["2026-01-02", "2025-12-31", "2026-01-03", "2024-06-01", "2026-01-01"] {
            workspace.append(&format!("memory/{name}.md"), "x", 8).unwrap();
        }
        let listed = workspace.files("memory", 2).unwrap();
        assert_eq!(listed, ["memory/2026-01-02.md", "memory/2026-01-03.md"]);
    }

    #[test]
    fn appends_up_to_the_limit() {
        let (_outer, workspace) = workspace();
        workspace.append("memory/a.md", "12345", 8).unwrap();
        assert!(workspace.append("memory/a.md", "6789", 8).is_err());
        assert_eq!(workspace.read("memory/a.md", 3).unwrap(), ("123".to_owned(), true));
    }
}
