//! A network of our own with only loopback in it, so that nothing measured can reach, or be reached by, the world.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// Says to the second start that it is the second.
const INSIDE: &str = "CREEL_BENCH_INSIDE";

/// Starts this program again inside a new namespace, in this process's place; returns only there, or where that is not
/// allowed. Says which network it is.
pub fn enter() -> anyhow::Result<&'static str> {
    if std::env::var_os(INSIDE).is_some() {
        let up = Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status()
            .context("ip (iproute2) cannot be run")?;
        ensure!(up.success(), "cannot bring up loopback in the network namespace");
        return Ok("namespace with loopback only");
    }
    let unshare: &[&str] = if rustix::process::geteuid().is_root() {
        &["--net"]
    } else {
        &["--map-root-user", "--net"]
    };
    let allowed = Command::new("unshare")
        .args(unshare)
        .arg("true")
        .stderr(Stdio::null())
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("bench: no network namespace here; running on the host's network");
        return Ok("the host's");
    }
    let program = std::env::current_exe()?;
    let error = Command::new("unshare")
        .args(unshare)
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(error).context("unshare cannot be run")
}
