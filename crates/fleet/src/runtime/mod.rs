//! The programs that instances run: what to start, with which arguments, and what it needs to be able to read.

pub mod npm;
mod openclaw;
pub mod plugins;

use std::path::{Path, PathBuf};
use std::time::Duration;

use creel_records::{InstanceRecord, Runtime};

use crate::driver::Say;
use crate::{FleetError, Timing};

pub use openclaw::{Installer, installed_version as installed_openclaw, is_fit_node, node_version};

/// How to start a runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Arguments that repair a configuration the program refuses; none where there is no such thing.
    pub repair: Option<Vec<String>>,
    /// What the arguments of a plugin's installation follow; none where there are no plugins.
    pub plugins: Option<Vec<String>>,
    /// Outside the system's directories.
    pub readable: Vec<PathBuf>,
    /// It writes to `/tmp` whatever TMPDIR says, and must get one of its own.
    pub private_tmp: bool,
    /// Put before the others in PATH.
    pub path: Option<PathBuf>,
}

/// The exit code by which upstream says that its configuration is at fault.
const OPENCLAW_CONFIGURATION: i32 = 78;
/// The exit code of `creel` for bad input.
const NATIVE_BAD_INPUT: i32 = 2;

/// What to start for Creel's own gateway: this binary.
pub fn native(creel: &Path) -> Launch {
    Launch {
        program: creel.to_owned(),
        args: vec!["gateway".into(), "run".into()],
        repair: None,
        plugins: None,
        readable: vec![creel.to_owned()],
        private_tmp: false,
        path: None,
    }
}

/// Whether the exit code says that starting again changes nothing until the configuration is changed.
pub fn is_configuration_failure(runtime: Runtime, code: Option<i32>) -> bool {
    match runtime {
        Runtime::Native => matches!(code, Some(NATIVE_BAD_INPUT | OPENCLAW_CONFIGURATION)),
        Runtime::Openclaw => code == Some(OPENCLAW_CONFIGURATION),
    }
}

/// How long a start may take.
pub fn start_bound(runtime: Runtime, timing: &Timing) -> Duration {
    match runtime {
        Runtime::Native => timing.native_start,
        Runtime::Openclaw => timing.openclaw_start,
    }
}

/// What to start for this instance, installing it first where needed. `say` is told what is being done.
pub async fn prepare(
    record: &InstanceRecord,
    creel: &Path,
    installer: &Installer,
    say: &Say,
) -> Result<Launch, FleetError> {
    match record.runtime {
        Runtime::Native => Ok(native(creel)),
        Runtime::Openclaw => {
            let version = record.version.as_deref().unwrap_or(crate::OPENCLAW_VERSION);
            let directory = installer.provide(version, say).await?;
            Ok(openclaw::launch(&directory, record.port))
        }
    }
}
