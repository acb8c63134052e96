//! What an instance gives up before it becomes its program.

use std::fs;
use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::{SandboxError, failed};

pub fn give_up() -> Result<(), SandboxError> {
    // When memory runs out, an instance goes before the control plane does. Raising is always allowed.
    let _ = fs::write("/proc/self/oom_score_adj", "300");
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none).map_err(|error| failed("forbid core dumps")(error.into()))?;
    drop_capabilities().map_err(|error| failed("give up capabilities")(error.into()))?;
    rustix::thread::set_no_new_privs(true).map_err(|error| failed("set no_new_privs")(error.into()))
}

/// Limits the processes of the user namespace this one is in. To be called in a namespace of its own: elsewhere the kernel counts
/// all processes of the user together, and those of root not at all (setrlimit(2), `RLIMIT_NPROC`).
pub fn limit_processes(most: u64) -> io::Result<()> {
    let most = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(rustix::process::setrlimit(Resource::Nproc, most)?)
}

/// Where Creel runs as root: the instance is root without a root's powers. One of these powers (`CAP_PERFMON`) would let it
/// read the memory and environment of other processes past Landlock (`may_access_mm` of Linux 6.13 and later).
fn drop_capabilities() -> rustix::io::Result<()> {
    let capabilities = (0..u64::BITS).map(|number| CapabilitySet::from_bits_retain(1 << number));
    for capability in capabilities {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // Not root: there is nothing to give up.
            Err(Errno::PERM) => return Ok(()),
            // Past the last one that this kernel knows.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )
}
