//! Swap for as long as a test or a benchmark needs it: a file of a bounded size. It is the whole machine's; it goes when it is
//! dropped. One at a time: whoever's goes takes back into memory what the kernel put there for others.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};
use tempfile::NamedTempFile;

/// Held by whoever relies on swap, in the directory of temporary files.
const LOCK: &str = "creel-swap.lock";

/// Swap that stays until this is dropped.
#[derive(Debug)]
pub struct Swap {
    /// None where the machine has enough.
    file: Option<NamedTempFile>,
    _lock: File,
}

impl Swap {
    /// The machine's swap as it is, to which no other test adds any until this is dropped. Waits while another has its own.
    ///
    /// # Errors
    /// Where the lock cannot be had: what said so.
    pub fn as_it_is() -> io::Result<Self> {
        let lock = File::create(std::env::temp_dir().join(LOCK))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        Ok(Self {
            file: None,
            _lock: lock,
        })
    }

    /// Sees to it that `bytes` are free, with a file in this directory, which must be on a disk.
    ///
    /// # Errors
    /// Where this user may not, the file system cannot or there is no room: what said so.
    pub fn make_free(&mut self, directory: &Path, bytes: u64) -> io::Result<()> {
        if Self::free() < bytes {
            self.file = Some(Self::add(directory, bytes)?);
        }
        Ok(())
    }

    /// Both at once.
    ///
    /// # Errors
    /// Those of [`Self::as_it_is`] and [`Self::make_free`].
    pub fn with_free(directory: &Path, bytes: u64) -> io::Result<Self> {
        let mut swap = Self::as_it_is()?;
        swap.make_free(directory, bytes)?;
        Ok(swap)
    }

    fn add(directory: &Path, bytes: u64) -> io::Result<NamedTempFile> {
        let file = tempfile::Builder::new().prefix("creel-swap-").tempfile_in(directory)?;
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600))?;
        // Not a file with holes, which could not be used.
        fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
        run("mkswap", file.path())?;
        run("swapon", file.path())?;
        Ok(file)
    }

    /// Bytes of swap that this machine has, free or not.
    #[must_use]
    pub fn all() -> u64 {
        Self::of_machine("SwapTotal:")
    }

    /// Bytes of swap that are free on this machine.
    #[must_use]
    pub fn free() -> u64 {
        Self::of_machine("SwapFree:")
    }

    fn of_machine(name: &str) -> u64 {
        let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.unwrap_or_default() << 10
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        if let Some(file) = &self.file
            && let Err(error) = run("swapoff", file.path())
        {
            eprintln!("swapoff {}: {error}", file.path().display());
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
