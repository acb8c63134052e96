//! What was seen of a service when last somebody looked: a look costs a call over the internet, and who asks for drift and use asks often.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::calls::Metrics;
use super::drift::Drift;
use crate::InstanceId;
use crate::driver::Usage;

#[derive(Default)]
pub struct Glimpses(Mutex<BTreeMap<InstanceId, Glimpse>>);

struct Glimpse {
    deployment: String,
    drift: Vec<Drift>,
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
    pub fn note(&self, id: &InstanceId, deployment: &str, drift: Vec<Drift>, metrics: Option<Metrics>) {
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

    pub fn drift(&self, id: &InstanceId) -> Option<Vec<Drift>> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
