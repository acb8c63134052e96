//! Copying a template.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A template larger than this is a mistake.
const TEMPLATE_FILES: usize = 10_000;
pub const TEMPLATE_BYTES: u64 = 256 << 20;

#[derive(Default)]
struct Copy {
    files: usize,
    bytes: u64,
}

/// Copies a template, all of it or as far as it is not too large.
pub fn template(from: &Path, to: &Path) -> io::Result<()> {
    Copy::default().directory(from, to)
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
                super::directory(&target)?;
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
