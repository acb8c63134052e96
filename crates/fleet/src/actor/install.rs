//! What an instance's channels need is installed before it serves, one after the other, in its own sandbox.

use std::sync::Arc;
use std::time::Duration;

use creel_records::InstanceRecord;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Actor;
use super::phase::Phase;
use crate::FleetError;
use crate::channel::Plugin;
use crate::directory::InstanceDirectory;
use crate::driver::{Exit, Identity, Launcher, Purpose, Say};
use crate::runtime::{npm, plugins};

/// How long one may take (20 to 40 s where it was measured, from a near registry).
const INSTALLATION: Duration = Duration::from_secs(600);

/// Whether the registry has what is missing yet, and has it as it was pinned; for instances that install it by this host's npm.
pub async fn check(directory: &InstanceDirectory, record: &InstanceRecord, say: &Say) -> Result<(), FleetError> {
    for plugin in plugins::missing(directory, record)? {
        say(format!("looking for the plugin {} {}", plugin.package, plugin.version));
        plugins::vouch(&plugin).await?;
    }
    Ok(())
}

impl Actor {
    /// Begins to install what is missing; gives the start back where nothing is.
    pub(super) async fn install_first(
        &mut self,
        launcher: Arc<dyn Launcher>,
        turn: OwnedSemaphorePermit,
    ) -> Option<(Arc<dyn Launcher>, OwnedSemaphorePermit)> {
        if self.driver.installs_plugins() {
            return Some((launcher, turn));
        }
        let plugin = match plugins::missing(&self.directory, &self.record).map(|missing| missing.first().copied()) {
            Ok(Some(plugin)) => plugin,
            Ok(None) => return Some((launcher, turn)),
            Err(error) => {
                self.fail(error.to_string()).await;
                return None;
            }
        };
        self.message = Some(format!("installing the plugin {} {}", plugin.package, plugin.version));
        match self.spawn(&launcher, Purpose::Install(plugin)).await {
            Ok(Some(living)) => {
                self.phase = Phase::Installing {
                    living,
                    deadline: Instant::now() + INSTALLATION,
                    plugin,
                    launcher,
                    turn,
                };
                self.publish();
            }
            Ok(None) => self.adopt_inhabitant().await,
            Err(error) => self.could_not_start(error).await,
        }
        None
    }

    /// An installation ended: the next one, or the start.
    pub(super) async fn installed(
        &mut self,
        exit: &Exit,
        plugin: Plugin,
        launcher: Arc<dyn Launcher>,
        turn: OwnedSemaphorePermit,
    ) {
        self.set_recorded(Identity::default());
        let done = match exit.code() {
            Some(0) => plugins::remember(&self.directory, &self.record, &plugin),
            _ => Err(FleetError::Plugin {
                package: plugin.package,
                version: plugin.version,
                reason: format!(
                    "{}; once the npm registry has it (npm_config_registry names another), start the instance again",
                    npm::cause(&self.last_words()).unwrap_or_else(|| exit.to_string())
                ),
            }),
        };
        match done {
            // In a box, because a start may begin with an installation.
            Ok(()) => Box::pin(self.launch(launcher, turn)).await,
            Err(error) => self.fail(error.to_string()).await,
        }
    }
}
