//! Points at which a test ends the control plane, as `kill -9` would: whatever is there then is what the next one finds.
//!
//! There are none in a release build.

/// Ends this process here, if `CREEL_DIE_AT` names the point.
pub fn point(name: &str) {
    if cfg!(debug_assertions) && std::env::var_os("CREEL_DIE_AT").is_some_and(|at| at == name) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
