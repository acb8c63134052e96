//! Stands in for the official `railway` client and for Railway behind it: a program that checks every call against what the published
//! client takes (version 5.43, <https://github.com/railwayapp/cli>), remembers on disk what it was asked for, and serves what is deployed on
//! the loopback address.
//!
//! What it cannot show is Railway itself: that an image builds there, and how long that takes.

mod account;
mod checks;
mod deployed;
mod program;
mod usage;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

pub use account::{Account, Deployment, Project, Service};
pub use program::run;

use account::Disk;

/// What a test does behind the client's back, and asks it afterwards. Whatever it deployed ends with this.
pub struct Recorder {
    home: PathBuf,
}

impl Recorder {
    /// Somebody is signed in, who has one workspace and nothing in it.
    ///
    /// # Panics
    /// If `home` cannot be written to.
    #[must_use]
    pub fn new(home: PathBuf) -> Self {
        fs::create_dir_all(home.join(account::DIRECTORY)).expect("a directory for the recorder");
        Self { home }
    }

    /// The whole environment of the client.
    #[must_use]
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        vec![("HOME".into(), self.home.clone().into()), ("PATH".into(), path)]
    }

    /// What is there now.
    #[must_use]
    pub fn account(&self) -> Account {
        Disk::of(&self.home).change(|account| account.clone())
    }

    /// Does something behind the client's back.
    pub fn change<T>(&self, change: impl FnOnce(&mut Account) -> T) -> T {
        Disk::of(&self.home).change(change)
    }

    /// Every call as its arguments, in their order.
    #[must_use]
    pub fn calls(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.file("calls")).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Calls of this command: its first words.
    #[must_use]
    pub fn calls_of(&self, command: &str) -> usize {
        let starts = |call: &&Vec<String>| call.join(" ").starts_with(command);
        self.calls().iter().filter(starts).count()
    }

    /// What was wrong with a call, a line each.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file("violations")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Ends what this service runs, as a crash would.
    pub fn crash(&self, name: &str) {
        self.change(|account| {
            let services = account
                .projects
                .iter_mut()
                .filter(|project| project.name.contains(name));
            for deployment in services
                .flat_map(|project| &project.services)
                .filter_map(|service| service.deployments.last())
            {
                deployed::kill(deployment);
            }
        });
    }

    /// Takes down what a service runs, as somebody does in the dashboard.
    pub fn take_down(&self, name: &str) {
        self.change(|account| {
            let projects = account
                .projects
                .iter_mut()
                .filter(|project| project.name.contains(name));
            for deployment in projects
                .flat_map(|project| &mut project.services)
                .filter_map(|service| service.deployments.last_mut())
            {
                deployed::kill(deployment);
                deployment.status = "REMOVED".to_owned();
            }
        });
    }

    /// Deletes a project with all that is in it, as somebody does in the dashboard.
    pub fn delete(&self, name: &str) {
        self.change(|account| {
            for project in account
                .projects
                .iter_mut()
                .filter(|project| project.name.contains(name))
            {
                project.delete();
            }
        });
    }

    /// What stands in for the volumes of services.
    #[must_use]
    pub fn volumes(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.home.join(account::DIRECTORY))
            .into_iter()
            .flatten()
            .flatten();
        let volumes = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("volume-"));
        volumes.map(|entry| entry.path()).collect()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.join(account::DIRECTORY).join(name)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !Path::new(&self.home).exists() {
            return;
        }
        self.change(|account| {
            let services = account.projects.iter().flat_map(|project| &project.services);
            services
                .flat_map(|service| &service.deployments)
                .for_each(deployed::kill);
        });
    }
}
