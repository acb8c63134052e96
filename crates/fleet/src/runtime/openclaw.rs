//! Upstream OpenClaw and the Node it needs, from npm, installed on first use into `<home>/runtimes/openclaw-<version>/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use creel_records::Runtime;
use tokio::process::Command;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Launch;
use crate::FleetError;

/// The Node that upstream needs (`>=24.16 <25 || >=26.1`), as npm carries it.
const NODE: &str = "node@24";

/// Installs versions of upstream, one at a time.
pub struct Installer {
    runtimes: PathBuf,
    /// A directory that holds `node_modules/{node,openclaw}` already; read, never written.
    cache: Option<PathBuf>,
    one_at_a_time: Arc<Semaphore>,
}

/// An installation under way. Whatever is left of it when this is dropped goes, before another one may begin.
struct Begun {
    directory: PathBuf,
    turn: Option<OwnedSemaphorePermit>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        let (directory, turn) = (std::mem::take(&mut self.directory), self.turn.take());
        // Aside: there are hundreds of megabytes of small files.
        tokio::task::spawn_blocking(move || {
            if let Err(error) = fs::remove_dir_all(&directory)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %directory.display(), %error, "cannot delete what was begun to be installed");
            }
            drop(turn);
        });
    }
}

/// What to start for a version that is installed in this directory.
pub fn launch(directory: &Path, port: u16) -> Launch {
    let modules = directory.join("node_modules");
    let node = modules.join("node/bin");
    let entry = modules.join("openclaw/openclaw.mjs").display().to_string();
    let args = |rest: &[&str]| -> Vec<String> {
        // A smaller young generation: about 100 MiB less when idle.
        ["--max-semi-space-size=16", &entry]
            .iter()
            .chain(rest)
            .map(|arg| (*arg).to_owned())
            .collect()
    };
    Launch {
        program: node.join("node"),
        plugins: Some(args(&[])),
        args: args(&["gateway", "run", "--port", &port.to_string(), "--allow-unconfigured"]),
        repair: Some(args(&["doctor", "--fix", "--yes", "--non-interactive"])),
        readable: vec![directory.to_owned()],
        // Its state locks are in /tmp/openclaw-state-locks-UID, its log in /tmp/openclaw.
        private_tmp: true,
        path: Some(node),
    }
}

/// Whether upstream runs on this Node (`24.16.0`).
pub fn is_fit_node(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(24)), Some(Ok(minor))) => minor >= 16,
        (Some(Ok(26)), Some(Ok(minor))) => minor >= 1,
        (Some(Ok(major)), Some(Ok(_))) => major > 26,
        _ => false,
    }
}

/// The version installed in a directory, if both parts are there.
pub fn installed_version(directory: &Path) -> Option<String> {
    let node = directory.join("node_modules/node/bin/node");
    node.is_file().then(|| package_version(directory, "openclaw"))?
}

/// The version of the Node installed in a directory.
pub fn node_version(directory: &Path) -> Option<String> {
    package_version(directory, "node")
}

fn package_version(directory: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(directory.join("node_modules").join(name).join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_str(&text).ok()?;
    package["version"].as_str().map(str::to_owned)
}

impl Installer {
    pub fn new(runtimes: PathBuf, cache: Option<PathBuf>) -> Self {
        // Absolute, because instances are started in directories of their own.
        let cache = cache.and_then(|cache| cache.canonicalize().ok());
        Self {
            runtimes,
            cache,
            one_at_a_time: Arc::new(Semaphore::new(1)),
        }
    }

    /// The version of the Node that an instance of this version of upstream would run on, where it is installed.
    pub fn node_of(&self, version: &str) -> Option<String> {
        let own = self.runtimes.join(format!("openclaw-{version}"));
        let places = self.cache.iter().chain([&own]);
        let found = places
            .into_iter()
            .find(|place| installed_version(place).as_deref() == Some(version))?;
        node_version(found)
    }

    /// The directory that is read and never written.
    pub fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// The directory that holds this version; installs it if there is none. Two callers never install at the same time, and
    /// two control planes cannot share a home.
    pub async fn provide(&self, version: &str, progress: impl Fn(String) + Send + Sync) -> Result<PathBuf, FleetError> {
        if let Some(cache) = &self.cache
            && installed_version(cache).as_deref() == Some(version)
        {
            return Ok(cache.clone());
        }
        let directory = self.runtimes.join(format!("openclaw-{version}"));
        if installed_version(&directory).is_some() {
            return Ok(directory);
        }
        progress(format!("waiting to install openclaw {version}"));
        let turn = self.one_at_a_time.clone().acquire_owned().await;
        let begun = Begun {
            directory: self.runtimes.join(format!(".openclaw-{version}.new")),
            turn: Some(turn.map_err(|_| FleetError::ShuttingDown)?),
        };
        if installed_version(&directory).is_some() {
            return Ok(directory);
        }
        install(version, &begun.directory, &directory, progress)
            .await
            .map_err(|reason| FleetError::Runtime {
                runtime: Runtime::Openclaw,
                version: version.to_owned(),
                reason,
            })?;
        Ok(directory)
    }
}

/// Installs into `aside`, and puts what is whole into its place.
async fn install(
    version: &str,
    aside: &Path,
    directory: &Path,
    progress: impl Fn(String) + Send,
) -> Result<(), String> {
    let say = |error: io::Error| error.to_string();
    // What one left that was killed.
    if aside.exists() {
        tokio::fs::remove_dir_all(aside).await.map_err(say)?;
    }
    fs::create_dir(aside).map_err(say)?;
    progress(format!("installing openclaw {version}: node"));
    npm(aside, NODE).await?;
    progress(format!("installing openclaw {version}: packages"));
    npm(aside, &format!("openclaw@{version}")).await?;
    if installed_version(aside).as_deref() != Some(version) {
        return Err(format!(
            "npm reported success, but {} does not hold it",
            aside.display()
        ));
    }
    if directory.exists() {
        tokio::fs::remove_dir_all(directory).await.map_err(say)?;
    }
    fs::rename(aside, directory).map_err(say)
}

/// `npm install` into a directory, with the Node that is already in there first in PATH (an older one fails upstream's check).
async fn npm(directory: &Path, package: &str) -> Result<(), String> {
    let node = directory.join("node_modules/node/bin");
    let path = std::env::var("PATH").unwrap_or_else(|_| crate::environment::PATH.to_owned());
    let mut command = Command::new("npm");
    command
        .args(["install", package, "--prefix"])
        .arg(directory)
        .args(["--no-fund", "--no-audit", "--no-progress", "--loglevel=error"])
        .current_dir(directory)
        .env("PATH", format!("{}:{path}", node.display()))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    super::npm::scrub(&mut command);
    match command.output().await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "npm install {package} failed ({}): {}; nothing of it is kept. Once the registry can be reached \
             (npm_config_registry names another), start the instance again",
            output.status,
            super::npm::reason(&output.stderr)
        )),
        Err(error) => Err(super::npm::cannot_start(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(version: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("node_modules/node/bin")).unwrap();
        fs::create_dir_all(dir.path().join("node_modules/openclaw")).unwrap();
        fs::write(dir.path().join("node_modules/node/bin/node"), "").unwrap();
        fs::write(
            dir.path().join("node_modules/openclaw/package.json"),
            format!(r#"{{"version":"{version}"}}"#),
        )
        .unwrap();
        dir
    }

    #[tokio::test]
    async fn a_cache_that_has_the_version_is_used() {
        let (runtimes, cache) = (tempfile::tempdir().unwrap(), installed("2026.9.6"));
        let installer = Installer::new(runtimes.path().to_owned(), Some(cache.path().to_owned()));
        let directory = installer
            .provide("2026.9.6", |_| panic!("nothing to install"))
            .await
            .unwrap();
        assert_eq!(directory, cache.path().canonicalize().unwrap());
        assert_eq!(fs::read_dir(runtimes.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_is_installed_is_not_installed_again() {
        let runtimes = tempfile::tempdir().unwrap();
        fs::rename(installed("1.2.3").keep(), runtimes.path().join("openclaw-1.2.3")).unwrap();
        let installer = Installer::new(runtimes.path().to_owned(), None);
        let directory = installer
            .provide("1.2.3", |_| panic!("nothing to install"))
            .await
            .unwrap();
        assert_eq!(directory, runtimes.path().join("openclaw-1.2.3"));
    }
}
