//! The driver of an instance that another version of Creel made and this one cannot run: it says so, and touches nothing.

use std::sync::Arc;

use async_trait::async_trait;
use creel_records::InstanceRecord;

use super::{Driver, Found, Launcher, Limits, Place, Say, Subject, Usage};
use crate::directory::InstanceDirectory;
use crate::{FleetError, InstanceId};

pub struct Absent;

#[async_trait]
impl Driver for Absent {
    fn missing(&self, _: &Limits) -> Vec<&'static str> {
        Vec::new()
    }

    async fn prepare(self: Arc<Self>, record: &InstanceRecord, _: &Say) -> Result<Arc<dyn Launcher>, FleetError> {
        let reason = format!("\"{}\" is not available on this server", record.driver);
        Err(FleetError::invalid("driver", reason))
    }

    async fn find(self: Arc<Self>, _: Place<'_>) -> Found {
        Found::Nobody
    }

    async fn clear(&self, _: &InstanceId, _: Option<&InstanceDirectory>) {}

    async fn measure(&self, _: &[Subject]) -> Vec<(InstanceId, Usage)> {
        Vec::new()
    }

    async fn drift(&self, _: &[Subject]) -> Vec<(InstanceId, Vec<String>)> {
        Vec::new()
    }
}
