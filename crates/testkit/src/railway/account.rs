//! What Railway knows of an account, on disk: every run of the client is a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::deployed;

/// Where the recorder keeps what it knows: in the home of whoever is signed in, as the client does.
pub const DIRECTORY: &str = ".railway";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    pub version: String,
    pub signed_in: bool,
    /// Ids and names.
    pub workspaces: Vec<(String, String)>,
    pub projects: Vec<Project>,
    /// Which project and environment a directory is linked to.
    pub links: BTreeMap<String, (String, String)>,
    /// Values that came through standard input: they may be nowhere else.
    pub secrets: BTreeSet<String>,
    /// Commands that fail, and what they say.
    pub failing: BTreeMap<String, String>,
    /// Commands during which the client is killed: before they have done anything, or after.
    pub dying_before: BTreeSet<String>,
    pub dying_after: BTreeSet<String>,
    /// Commands that wait until they are taken off here.
    pub held: BTreeSet<String>,
    /// What is sent does not build.
    pub builds_fail: bool,
    /// What is deployed is being built until this is taken back.
    pub builds_take_long: bool,
    pub made: u32,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            version: "5.43.1".to_owned(),
            signed_in: true,
            workspaces: vec![("w-1".to_owned(), "Acme".to_owned())],
            projects: Vec::new(),
            links: BTreeMap::new(),
            secrets: BTreeSet::new(),
            failing: BTreeMap::new(),
            dying_before: BTreeSet::new(),
            dying_after: BTreeSet::new(),
            held: BTreeSet::new(),
            builds_fail: false,
            builds_take_long: false,
            made: 0,
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Project {
    pub id: String,
    pub name: String,
    pub workspace: String,
    pub environment: String,
    pub deleted: bool,
    pub services: Vec<Service>,
}

impl Project {
    /// With all that is in it.
    pub fn delete(&mut self) {
        self.deleted = true;
        self.services
            .iter()
            .flat_map(|service| &service.deployments)
            .for_each(deployed::kill);
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Service {
    pub id: String,
    pub name: String,
    pub variables: BTreeMap<String, String>,
    /// Where its volume is mounted.
    pub volume: Option<String>,
    /// The loopback port that stands in for its domain.
    pub port: Option<u16>,
    /// What its image has of what was sent: where, and what stands in for it.
    pub files: BTreeMap<String, PathBuf>,
    pub deployments: Vec<Deployment>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Deployment {
    pub id: String,
    /// `SUCCESS`, as long as the process lives; else what became of it.
    pub status: String,
    pub pid: Option<u32>,
    /// What it was built from.
    pub image: String,
    pub start_command: String,
    /// In milliseconds since the Unix epoch.
    pub created_at: i64,
}

impl Account {
    /// An id that was not given before.
    pub fn mint(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}-{}", self.made)
    }

    /// A project that is not deleted.
    pub fn project(&mut self, id: &str) -> Option<&mut Project> {
        self.projects
            .iter_mut()
            .find(|project| project.id == id && !project.deleted)
    }

    /// Projects that are not deleted and whose name has this in it.
    #[must_use]
    pub fn projects_named(&self, part: &str) -> Vec<&Project> {
        let there = self.projects.iter().filter(|project| !project.deleted);
        there.filter(|project| project.name.contains(part)).collect()
    }
}

/// The account of a home, one process at a time.
pub struct Disk {
    directory: PathBuf,
}

impl Disk {
    pub fn of(home: &Path) -> Self {
        Self {
            directory: home.join(DIRECTORY),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Account) -> T) -> T {
        fs::create_dir_all(&self.directory).expect("the recorder's directory");
        let lock = File::create(self.path("lock")).expect("the recorder's lock");
        lock.lock().expect("its turn");
        let path = self.path("account.json");
        let known = fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
        let mut account: Account = serde_json::from_str(&known).expect("what the recorder wrote");
        let changed = change(&mut account);
        let text = serde_json::to_string_pretty(&account).expect("an account");
        let aside = self.path("account.new");
        fs::write(&aside, text).expect("room on the disk");
        fs::rename(aside, path).expect("room on the disk");
        changed
    }
}
