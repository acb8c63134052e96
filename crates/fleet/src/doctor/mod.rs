//! What is wrong with a home, its instances and the host, and what to do about it: `creel doctor`.
//!
//! It compares what is recorded with what the kernel and the disk say, and changes nothing. It needs no fleet: where no control
//! plane runs, the command line asks it with records that it only looked at. What a finding says is for people; no secret is in
//! one. One file per kind of look; none of them knows of another.

mod confinement;
mod disk;
mod drift;
mod host;
mod permissions;
mod ports;
mod railway;
mod sentence;
mod versions;

use std::fmt;
use std::path::PathBuf;

use creel_records::InstanceRecord;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

pub use self::sentence::{Sentence, command, say};
use crate::directory::InstanceDirectory;
use crate::driver::process::{Inhabitant, inhabitant};
use crate::fleet::Feature;
use crate::id::InstanceId;
use crate::{Fleet, procfs};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is not as it was promised.
    Error,
    /// It works, and could be better or will not last.
    Warning,
    Ok,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    ControlPlane,
    Host,
    Hardening,
    Ports,
    Permissions,
    Drift,
    Versions,
    Disk,
}

/// One thing that was found. Serialized it has its sentences as text, and their codes and arguments beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub check: Check,
    /// Whom it is about, such as `instance alice`.
    pub subject: String,
    pub what: Sentence,
    /// What to do about it.
    pub remedy: Option<Sentence>,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("severity", &self.severity)?;
        map.serialize_entry("check", &self.check)?;
        map.serialize_entry("subject", &self.subject)?;
        map.serialize_entry("what", &*self.what)?;
        map.serialize_entry("what_said", &self.what)?;
        if let Some(remedy) = &self.remedy {
            map.serialize_entry("remedy", &**remedy)?;
            map.serialize_entry("remedy_said", remedy)?;
        }
        map.end()
    }
}

impl Finding {
    fn new(severity: Severity, check: Check, subject: impl fmt::Display, what: Sentence) -> Self {
        Self {
            severity,
            check,
            subject: subject.to_string(),
            what,
            remedy: None,
        }
    }

    /// As it should be.
    #[must_use]
    pub fn ok(check: Check, subject: impl fmt::Display, what: Sentence) -> Self {
        Self::new(Severity::Ok, check, subject, what)
    }

    #[must_use]
    pub fn warning(check: Check, subject: impl fmt::Display, what: Sentence) -> Self {
        Self::new(Severity::Warning, check, subject, what)
    }

    #[must_use]
    pub fn error(check: Check, subject: impl fmt::Display, what: Sentence) -> Self {
        Self::new(Severity::Error, check, subject, what)
    }

    #[must_use]
    pub fn remedy(mut self, remedy: Sentence) -> Self {
        self.remedy = Some(remedy);
        self
    }
}

/// What is looked at.
pub struct Patient {
    pub home: PathBuf,
    /// Every instance that is recorded.
    pub records: Vec<InstanceRecord>,
    /// The protections of the host, as far as they are known.
    pub features: Vec<Feature>,
    /// The program that native instances run.
    pub creel_exe: PathBuf,
    /// A directory that holds upstream and its Node already.
    pub openclaw_cache: Option<PathBuf>,
    /// Whether a control plane makes what is recorded true.
    pub is_supervised: bool,
}

/// An instance, and who lives in its directory.
struct Subject<'a> {
    record: &'a InstanceRecord,
    directory: InstanceDirectory,
    inhabitant: Inhabitant,
}

impl Subject<'_> {
    fn name(&self) -> String {
        format!("instance {}", self.record.id)
    }

    /// The process that lives there.
    fn pid(&self) -> Option<u32> {
        match self.inhabitant {
            Inhabitant::Process(pid, _) => Some(pid),
            Inhabitant::Nobody | Inhabitant::Unknown => None,
        }
    }
}

impl Patient {
    /// Looks at everything; the worst comes first. Blocks for as long as it reads `/proc` and the home.
    #[must_use]
    pub fn examine(&self) -> Vec<Finding> {
        let subjects: Vec<Subject<'_>> = self.records.iter().filter_map(|record| self.subject(record)).collect();
        let listeners = procfs::Listeners::now();
        let mut findings = host::examine(&self.features);
        findings.extend(permissions::examine(&self.home, &subjects));
        findings.extend(disk::examine(&self.home, &subjects));
        findings.extend(versions::examine(self, &subjects));
        findings.extend(ports::examine(&subjects, &listeners));
        findings.extend(drift::examine(self, &subjects));
        findings.extend(confinement::examine(&self.features, &subjects));
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    fn subject<'a>(&self, record: &'a InstanceRecord) -> Option<Subject<'a>> {
        // What is recorded was an id once; a database that somebody else wrote to must not lead out of the home.
        let id = InstanceId::new(&record.id).ok()?;
        let directory = InstanceDirectory::new(self.home.join("instances").join(id.as_str()));
        Some(Subject {
            record,
            inhabitant: inhabitant(&directory, record.pid.zip(record.pid_started)),
            directory,
        })
    }
}

impl Fleet {
    /// Looks at this fleet's home, its instances and the host.
    ///
    /// # Errors
    /// The records cannot be read.
    pub async fn examine(&self) -> Result<Vec<Finding>, crate::FleetError> {
        let shared = &self.shared;
        let patient = Patient {
            home: shared.home.path().to_owned(),
            records: shared.records.instances().await?,
            features: self.host_features(),
            creel_exe: shared.process.creel().to_owned(),
            openclaw_cache: shared.process.installer().cache().map(PathBuf::from),
            is_supervised: true,
        };
        // On a thread of its own: a thousand small reads must not hold up a request.
        let examined = tokio::task::spawn_blocking(move || patient.examine()).await;
        let failed = |error| crate::FleetError::file("examine", shared.home.path())(std::io::Error::other(error));
        let mut findings = examined.map_err(failed)?;
        findings.extend(railway::examine(self).await);
        findings.sort_by_key(|finding| finding.severity);
        Ok(findings)
    }
}
