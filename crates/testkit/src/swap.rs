//! Swap for as long as a test or a benchmark needs it: a file of a bounded size. It is the whole machine's; it goes when it is
//! dropped.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::NamedTempFile;

/// A swap file in use.
#[derive(Debug)]
pub struct Swap(NamedTempFile);

impl Swap {
    /// Makes one of `bytes` in this directory, which must be on a disk.
    ///
    /// # Errors
    /// Where this user may not, the file system cannot or there is no room: what said so.
    pub fn add(directory: &Path, bytes: u64) -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix("creel-swap-").tempfile_in(directory)?;
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600))?;
        // Not a file with holes, which could not be used.
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes)?;
        run("mkswap", file.path())?;
        run("swapon", file.path())?;
        Ok(Self(file))
    }

    /// Bytes of swap that are free on this machine.
    #[must_use]
    pub fn free() -> u64 {
        let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("SwapFree:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.unwrap_or_default() << 10
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        if let Err(error) = run("swapoff", self.0.path()) {
            eprintln!("swapoff {}: {error}", self.0.path().display());
        }
    }
}

fn run(program: &str, file: &Path) -> io::Result<()> {
    // In /sbin, which is not in every PATH.
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("env");
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).arg(program);
    let output = command.arg(file).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program}: {}", said.trim())))
}
