//! What was seen of a service when last somebody looked: a look costs a call over the internet, and who asks for drift and use asks often.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::calls::{Metrics, Service, Stage};
use super::kept::Kept;
use super::told::DATA;
use crate::InstanceId;
use crate::driver::Usage;

#[derive(Default)]
pub struct Glimpses(Mutex<BTreeMap<InstanceId, Glimpse>>);

struct Glimpse {
    deployment: String,
    drift: Vec<String>,
    metrics: Option<Metrics>,
    /// Processor time until `since`; Railway tells how fast it goes, and not how much it was.
    spent: Duration,
    since: Instant,
}

impl Glimpse {
    fn spent(&self) -> Duration {
        let cores = self.metrics.map_or(0.0, |metrics| metrics.cpu.clamp(0.0, 1024.0));
        self.spent + self.since.elapsed().mul_f64(cores)
    }
}

impl Glimpses {
    pub fn note(&self, id: &InstanceId, deployment: &str, drift: Vec<String>, metrics: Option<Metrics>) {
        let mut all = self.all();
        let before = all.get(id).filter(|before| before.deployment == deployment);
        let spent = before.map(Glimpse::spent).unwrap_or_default();
        let glimpse = Glimpse {
            deployment: deployment.to_owned(),
            drift,
            metrics: metrics.or(before.and_then(|before| before.metrics)),
            spent,
            since: Instant::now(),
        };
        all.insert(id.clone(), glimpse);
    }

    pub fn forget(&self, id: &InstanceId) {
        self.all().remove(id);
    }

    pub fn drift(&self, id: &InstanceId) -> Option<Vec<String>> {
        self.all().get(id).map(|glimpse| glimpse.drift.clone())
    }

    pub fn usage(&self, id: &InstanceId) -> Option<Usage> {
        let all = self.all();
        let glimpse = all.get(id)?;
        let mut life = [0; 8];
        life.copy_from_slice(&Sha256::digest(&glimpse.deployment)[..8]);
        Some(Usage {
            life: u64::from_be_bytes(life),
            cpu: glimpse.spent(),
            memory_bytes: glimpse.metrics?.memory_bytes,
        })
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<InstanceId, Glimpse>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody has changed of it, a line each. It is shown, and never undone: whoever did it may have meant it.
pub fn drift(service: &Service, kept: &Kept, name: &str) -> Vec<String> {
    let mut drift = Vec::new();
    if service.name != name {
        drift.push(format!("the service is called \"{}\", not \"{name}\"", service.name));
    }
    if service.deployment != kept.deployment {
        let deployment = service.deployment.as_deref().unwrap_or("none");
        drift.push(format!(
            "what was deployed last ({deployment}) was not deployed by creel"
        ));
    }
    if !service.volumes.iter().any(|mount| mount == DATA) {
        drift.push(format!(
            "the service has no volume at {DATA}: what it keeps is lost when it ends"
        ));
    }
    if service
        .url
        .as_deref()
        .is_some_and(|url| Some(url) != kept.url.as_deref())
    {
        let (is, was) = (
            service.url.as_deref().unwrap_or_default(),
            kept.url.as_deref().unwrap_or("none"),
        );
        drift.push(format!("the service is reached at {is}, not {was}"));
    }
    if service.stage == Stage::Asleep {
        drift.push(
            "Railway has put the service to sleep (serverless is switched on); chat platforms don't wake it".to_owned(),
        );
    }
    drift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_a_line() {
        let kept = Kept {
            deployment: Some("d-1".into()),
            url: Some("https://a.example".into()),
            ..Kept::default()
        };
        let service = Service {
            id: "s-1".into(),
            name: "gateway".into(),
            deployment: Some("d-1".into()),
            stage: Stage::Serving,
            url: Some("https://a.example".into()),
            volumes: vec![DATA.into()],
        };
        assert_eq!(drift(&service, &kept, "gateway"), [""; 0]);
        let changed = Service {
            name: "web".into(),
            deployment: Some("d-2".into()),
            stage: Stage::Asleep,
            url: Some("https://b.example".into()),
            volumes: vec![],
            ..service
        };
        assert_eq!(
            drift(&changed, &kept, "gateway"),
            [
                "the service is called \"web\", not \"gateway\"",
                "what was deployed last (d-2) was not deployed by creel",
                "the service has no volume at /data: what it keeps is lost when it ends",
                "the service is reached at https://b.example, not https://a.example",
                "Railway has put the service to sleep (serverless is switched on); chat platforms don't wake it",
            ]
        );
    }

    #[test]
    fn use_is_what_railway_says_and_of_one_deployment() {
        let (glimpses, id) = (Glimpses::default(), InstanceId::new("a").unwrap());
        glimpses.note(&id, "d-1", Vec::new(), None);
        assert_eq!(glimpses.usage(&id), None, "not measured yet");
        let metrics = Metrics {
            cpu: 1.0,
            memory_bytes: 5,
        };
        glimpses.note(&id, "d-1", Vec::new(), Some(metrics));
        let first = glimpses.usage(&id).unwrap();
        glimpses.note(&id, "d-1", Vec::new(), None);
        let second = glimpses.usage(&id).unwrap();
        assert_eq!((first.life, first.memory_bytes), (second.life, 5));
        assert!(second.cpu >= first.cpu);
        glimpses.note(&id, "d-2", Vec::new(), Some(metrics));
        assert_ne!(glimpses.usage(&id).unwrap().life, first.life);
        glimpses.forget(&id);
        assert_eq!(glimpses.usage(&id), None);
    }
}
