//! The virtual key of the LLM Gateway that an instance is handed.

use std::sync::Arc;

use async_trait::async_trait;
use creel_fleet::{Credentials, InstanceId, Secret};
use creel_llm_gateway::{Refresh, VirtualKey};
use creel_records::{KeyRecord, KeyTerms, LlmRecords, RecordsError, now_ms};

/// Hands each instance a virtual key of its own at every start. Those of its earlier starts are revoked; when it is removed, so are those that
/// somebody made for it.
pub struct VirtualKeys {
    pub records: Arc<dyn LlmRecords>,
    pub refresh: Refresh,
    /// Variables that hold a key.
    pub variables: Vec<String>,
}

#[async_trait]
impl Credentials for VirtualKeys {
    async fn of(&self, instance: &InstanceId) -> Result<Vec<(String, Secret)>, String> {
        if self.variables.is_empty() {
            return Ok(Vec::new());
        }
        let key = VirtualKey::mint().map_err(|error| error.to_string())?;
        let record = KeyRecord {
            id: KeyRecord::handed_id(instance.as_str(), first_bytes(&key.hash())),
            sha256: key.hash(),
            hint: key.hint(),
            user: None,
            instance: Some(instance.to_string()),
            terms: KeyTerms::default(),
            created_at: now_ms(),
            expires_at: None,
            revoked_at: None,
        };
        let failed = |error: RecordsError| format!("no virtual key could be made: {error}");
        self.records
            .revoke_llm_keys_handed_to(instance.as_str())
            .await
            .map_err(failed)?;
        self.records.insert_llm_key(&record).await.map_err(failed)?;
        self.refresh.now().await;
        let handed = self
            .variables
            .iter()
            .map(|name| (name.clone(), Secret::new(key.expose())));
        Ok(handed.collect())
    }

    async fn revoke(&self, instance: &InstanceId) -> Result<(), String> {
        let revoked = self.records.revoke_llm_keys_of(instance.as_str()).await;
        if revoked.map_err(|error| format!("its virtual keys could not be revoked: {error}"))? {
            self.refresh.now().await;
        }
        Ok(())
    }
}

fn first_bytes(hash: &[u8; 32]) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
