//! A look into a workspace for a few things by name.
//!
//! Most workspaces lack most of what every turn asks for, and each thing that is looked for in vain costs a system call. So what was
//! missing is not looked for again while the directory is as it was: to put something there changes its times.

use std::cell::{OnceCell, RefCell};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::workspace::{Entered, Workspace};

/// Two changes that come shortly after each other may leave the same time: file systems count in ticks of the kernel's clock, some in
/// whole seconds, FAT in two.
const TICK: Duration = Duration::from_millis(50);
const COARSE_TICK: Duration = Duration::from_secs(3);

/// What a directory was seen not to hold.
#[derive(Debug, Default)]
pub struct Missing(Mutex<Option<(Stamp, Vec<&'static str>)>>);

/// One state of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    /// Nobody can set this one.
    changed: (i64, i64),
}

pub struct Look<'a> {
    workspace: &'a Workspace,
    /// As it was before the look. `None`: it is not there, or may change without being seen to.
    stamp: Option<Stamp>,
    missing: RefCell<Vec<&'static str>>,
    inside: OnceCell<Option<Entered>>,
}

impl<'a> Look<'a> {
    pub fn into(workspace: &'a Workspace) -> Self {
        let stamp = std::fs::metadata(workspace.root())
            .ok()
            .and_then(|directory| settled(&directory, SystemTime::now()));
        let known = workspace.missing().0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref().filter(|(of, _)| Some(*of) == stamp);
        Self {
            workspace,
            stamp,
            missing: RefCell::new(known.map(|(_, names)| names.clone()).unwrap_or_default()),
            inside: OnceCell::new(),
        }
    }

    /// What `open` makes of the workspace, where it holds `name`.
    pub fn at<T>(&self, name: &'static str, open: impl FnOnce(&Entered) -> io::Result<T>) -> Option<T> {
        if self.missing.borrow().contains(&name) {
            return None;
        }
        let inside = self.inside.get_or_init(|| self.workspace.enter().ok()).as_ref()?;
        match open(inside) {
            Ok(found) => Some(found),
            Err(error) => {
                if error.kind() == io::ErrorKind::NotFound {
                    self.missing.borrow_mut().push(name);
                }
                None
            }
        }
    }

    /// Ends the look, and keeps for the next one what was missing.
    pub fn keep(self) {
        // Nobody was inside: nothing was found out.
        if self.inside.get().is_none() {
            return;
        }
        let found = self.stamp.map(|stamp| (stamp, self.missing.into_inner()));
        *self
            .workspace
            .missing()
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// The directory's state, if any change from now on will be seen by it.
fn settled(directory: &Metadata, now: SystemTime) -> Option<Stamp> {
    let stamp = Stamp {
        device: directory.dev(),
        inode: directory.ino(),
        modified: (directory.mtime(), directory.mtime_nsec()),
        changed: (directory.ctime(), directory.ctime_nsec()),
    };
    let (seconds, nanoseconds) = stamp.changed;
    let tick = if nanoseconds == 0 { COARSE_TICK } else { TICK };
    let since_the_epoch = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
    let age = now.duration_since(SystemTime::UNIX_EPOCH + since_the_epoch).ok()?;
    (age >= tick).then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until a change of the directory would be seen.
    fn settle(workspace: &Workspace) {
        while settled(&std::fs::metadata(workspace.root()).unwrap(), SystemTime::now()).is_none() {
            std::thread::yield_now();
        }
    }

    fn read(workspace: &Workspace, name: &'static str, opened: &mut usize) -> Option<String> {
        let look = Look::into(workspace);
        let text = look.at(name, |inside| {
            *opened += 1;
            inside.read(name, 100).map(|(text, _)| text)
        });
        look.keep();
        text
    }

    #[test]
    fn what_is_missing_is_looked_for_once_until_it_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(directory.path());
        let mut opened = 0;
        settle(&workspace);
        for _ in 0..3 {
            assert_eq!(read(&workspace, "a", &mut opened), None);
        }
        assert_eq!(opened, 1);
        assert_eq!(read(&workspace, "b", &mut opened), None, "another name");
        assert_eq!(opened, 2);
        std::fs::write(directory.path().join("a"), "here").unwrap();
        for _ in 0..3 {
            assert_eq!(read(&workspace, "a", &mut opened).as_deref(), Some("here"));
        }
        std::fs::write(directory.path().join("a"), "changed").unwrap();
        assert_eq!(read(&workspace, "a", &mut opened).as_deref(), Some("changed"));
        std::fs::remove_file(directory.path().join("a")).unwrap();
        assert_eq!(read(&workspace, "a", &mut opened), None);
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("a"), "another").unwrap();
        std::fs::remove_dir(directory.path()).unwrap();
        std::fs::rename(other.path(), directory.path()).unwrap();
        settle(&workspace);
        assert_eq!(read(&workspace, "a", &mut opened).as_deref(), Some("another"));
    }

    #[test]
    fn what_was_changed_a_moment_ago_is_looked_at_again() {
        let directory = tempfile::tempdir().unwrap();
        let metadata = std::fs::metadata(directory.path()).unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::new(metadata.ctime() as u64, metadata.ctime_nsec() as u32);
        assert_eq!(settled(&metadata, changed), None);
        assert_eq!(
            settled(&metadata, changed - Duration::from_secs(1)),
            None,
            "the clock was set back"
        );
        assert!(settled(&metadata, changed + COARSE_TICK).is_some());
    }

    #[test]
    fn what_cannot_be_opened_is_not_missing() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("elsewhere", directory.path().join("a")).unwrap();
        let workspace = Workspace::new(directory.path());
        settle(&workspace);
        let mut opened = 0;
        for _ in 0..2 {
            assert_eq!(read(&workspace, "a", &mut opened), None);
        }
        assert_eq!(opened, 2);
    }
}
