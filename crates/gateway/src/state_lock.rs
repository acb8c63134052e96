//! One gateway on a state directory: an flock(2) that the kernel gives back when the process ends, however it ends.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::FlockOperation;

use crate::run::StartError;

const FILE: &str = "gateway.lock";

/// Makes the directory (0700) where it is missing and takes its lock, which lasts as long as the file is held.
pub fn take(state_dir: &Path) -> Result<File, StartError> {
    let failed = |source| StartError::State {
        path: state_dir.to_owned(),
        source,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .map_err(failed)?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(state_dir.join(FILE))
        .map_err(failed)?;
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(StartError::Running {
            path: state_dir.to_owned(),
            pid: recorded(&mut file),
        });
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// The process that runs a gateway on the directory, if one does.
pub fn running_pid(state_dir: &Path) -> Option<u32> {
    let mut file = File::open(state_dir.join(FILE)).ok()?;
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    recorded(&mut file).parse().ok()
}

fn recorded(file: &mut File) -> String {
    let mut pid = String::new();
    let _ = file.read_to_string(&mut pid);
    pid.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        assert_eq!(running_pid(&state), None);
        let held = take(&state).unwrap();
        let refused = take(&state).unwrap_err().to_string();
        assert!(refused.contains(&format!("pid {}", std::process::id())), "{refused}");
        assert_eq!(running_pid(&state), Some(std::process::id()));
        drop(held);
        assert_eq!(running_pid(&state), None);
        take(&state).unwrap();
    }
}
