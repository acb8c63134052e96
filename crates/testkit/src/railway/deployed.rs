//! What is deployed: a process of this host that serves on the loopback address.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::account::{Deployment, Service};

/// Where a file of the service's image or its volume would be, for a process of this host.
fn at_home<'a>(value: &'a str, service: &'a Service, volume: &'a Path) -> std::borrow::Cow<'a, str> {
    if let Some(file) = service.files.get(value) {
        return file.to_string_lossy();
    }
    match service.volume.as_deref() {
        Some(mount) if value == mount || value.starts_with(&format!("{mount}/")) => {
            value.replacen(mount, &volume.display().to_string(), 1).into()
        }
        _ => value.into(),
    }
}

/// Starts the gateway of a service, with its variables and nothing else.
pub fn start(program: &Path, service: &Service, volume: &Path, log: &Path) -> io::Result<u32> {
    fs::create_dir_all(volume)?;
    let log = File::create(log)?;
    let port = service.port.unwrap_or_default().to_string();
    let variables = service.variables.iter();
    let variables = variables.map(|(name, value)| (name.clone(), at_home(value, service, volume).into_owned()));
    let child = Command::new(program)
        .args(["gateway", "run"])
        .env_clear()
        .envs(variables)
        .env("OPENCLAW_GATEWAY_PORT", port)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()?;
    Ok(child.id())
}

pub fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.starts_with(" Z") && !rest.starts_with(" X"))
}

pub fn kill(deployment: &Deployment) {
    let pid = deployment
        .pid
        .filter(|pid| lives(*pid))
        .and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // It may just have ended.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// As Railway would say it now.
pub fn status(deployment: &Deployment) -> &str {
    match deployment.pid {
        Some(pid) if deployment.status == "SUCCESS" && !lives(pid) => "CRASHED",
        _ => &deployment.status,
    }
}
