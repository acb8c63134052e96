//! What is wrong with a home, its instances and the host, and what to do about it: `creel doctor`.
//!
//! It compares what is recorded with what the kernel, the disk and the container engine say, and changes nothing. It needs no fleet: where no control
//! plane runs, the command line asks it with records that it only looked at. What a finding says is for people; no secret is in
//! one. One file per kind of look; none of them knows of another.

mod confinement;
mod disk;
mod docker;
mod drift;
mod host;
mod permissions;
mod ports;
mod railway;
mod sentence;
mod told;
mod versions;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use creel_records::InstanceRecord;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

pub use self::sentence::{Sentence, command, say};
use crate::directory::InstanceDirectory;
use crate::driver::docker::{DockerDriver, Engine};
use crate::driver::process::{Inhabitant, inhabitant};
use crate::fleet::Feature;
use crate::home::home_name;
use crate::id::InstanceId;
use crate::{Fleet, FleetError, procfs};

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
#[derive(Clone)]
pub struct Patient {
    pub home: PathBuf,
    /// Every instance that is recorded.
    pub records: Vec<InstanceRecord>,
    /// The protections of the host, as far as they are known.
    pub features: Vec<Feature>,
    /// The program that native instances run.
    pub creel_exe: PathBuf,
    /// Where containers are, as `DOCKER_HOST` names it; where engines are mostly, if it is not named.
    pub docker_host: Option<String>,
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
            Inhabitant::Nobody | Inhabitant::Contained(_) | Inhabitant::Unknown => None,
        }
    }
}

impl Patient {
    /// Looks at everything; the worst comes first.
    ///
    /// # Errors
    /// A look that was cut off.
    pub async fn examine(self) -> Result<Vec<Finding>, FleetError> {
        // As its control plane calls it.
        let home = self.home.canonicalize().unwrap_or_else(|_| self.home.clone());
        let engine = Engine::find(self.docker_host.as_deref());
        self.examine_with(&DockerDriver::new(engine, home_name(&home))).await
    }

    async fn examine_with(self, docker: &DockerDriver) -> Result<Vec<Finding>, FleetError> {
        let patient = Arc::new(self);
        let here = patient.clone();
        // On a thread of its own: a thousand small reads must not hold up a request.
        let looked = tokio::task::spawn_blocking(move || here.look());
        let mut findings = docker::examine(docker, &patient).await;
        let failed = |error| FleetError::file("examine", &patient.home)(std::io::Error::other(error));
        findings.extend(looked.await.map_err(failed)?);
        Ok(in_order(findings))
    }

    /// Looks at what is on this host. Blocks for as long as it reads `/proc` and the home.
    fn look(&self) -> Vec<Finding> {
        let subjects: Vec<Subject<'_>> = self.records.iter().filter_map(|record| self.subject(record)).collect();
        let listeners = procfs::Listeners::now();
        let mut findings = host::examine(&self.features);
        findings.extend(permissions::examine(&self.home, &subjects));
        findings.extend(disk::examine(&self.home, &subjects));
        findings.extend(versions::examine(self, &subjects));
        findings.extend(ports::examine(&subjects, &listeners));
        findings.extend(drift::examine(self, &subjects));
        findings.extend(confinement::examine(&self.features, &subjects));
        findings.extend(railway::images(&subjects));
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

/// The worst first. What is well by itself is not said where another look found otherwise.
fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    let is_drift = |finding: &Finding| finding.check == Check::Drift && finding.severity != Severity::Ok;
    if findings.iter().any(is_drift) {
        findings.retain(|finding| finding.what.code != drift::AS_RECORDED);
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

impl Fleet {
    /// Looks at this fleet's home, its instances and the host.
    ///
    /// # Errors
    /// The records cannot be read.
    pub async fn examine(&self) -> Result<Vec<Finding>, FleetError> {
        let shared = &self.shared;
        let patient = Patient {
            home: shared.home.path().to_owned(),
            records: shared.records.instances().await?,
            features: self.host_features(),
            creel_exe: shared.process.creel().to_owned(),
            docker_host: None,
            openclaw_cache: shared.process.installer().cache().map(PathBuf::from),
            is_supervised: true,
        };
        let mut findings = patient.examine_with(&shared.docker).await?;
        findings.extend(railway::examine(self).await);
        Ok(in_order(findings))
    }
}
