//! The traits of a record store, one for each subject. What they promise is pinned by `tests/conformance`.

use async_trait::async_trait;

use crate::ledger::Credits;
use crate::{
    Administrator, ApiToken, Desired, Event, InstanceChange, InstanceRecord, Login, NewApiToken, NewEvent, NewInstance,
    Observed, RecordsError,
};

/// A store of all records. Every write is durable against `kill -9` of this process when it returns, and is all or nothing.
pub trait Records: Instances + Accounts + Events + Credits {}

impl<T: Instances + Accounts + Events + Credits> Records for T {}

/// What is remembered of instances.
#[async_trait]
pub trait Instances: Send + Sync {
    /// Records a new instance with status `created`. [`RecordsError::Taken`] if the id or the port is recorded already.
    async fn insert_instance(&self, new: &NewInstance) -> Result<InstanceRecord, RecordsError>;
    async fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, RecordsError>;
    /// All instances, by id.
    async fn instances(&self) -> Result<Vec<InstanceRecord>, RecordsError>;
    /// [`RecordsError::NotFound`] if there is no such instance (as for every change below).
    async fn set_desired(&self, id: &str, desired: Desired) -> Result<(), RecordsError>;
    async fn set_observed(&self, id: &str, observed: &Observed) -> Result<(), RecordsError>;
    /// [`RecordsError::Taken`] if the new port belongs to another instance.
    async fn update_instance(&self, id: &str, change: &InstanceChange) -> Result<(), RecordsError>;
    async fn set_token(&self, id: &str, sha256: &[u8; 32], sealed: &[u8]) -> Result<(), RecordsError>;
    /// Whether there was one.
    async fn delete_instance(&self, id: &str) -> Result<bool, RecordsError>;
}

/// Those who may use the Cloud Backend, and what they sign in with.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Adds an administrator, or replaces the password of an existing one.
    async fn put_administrator(&self, name: &str, password_phc: &str) -> Result<(), RecordsError>;
    async fn administrator(&self, name: &str) -> Result<Option<Administrator>, RecordsError>;
    async fn administrators(&self) -> Result<Vec<Administrator>, RecordsError>;

    /// Adds an API token, or replaces the digest of the one with this name.
    async fn put_api_token(&self, new: &NewApiToken) -> Result<(), RecordsError>;
    /// The token with this digest.
    async fn api_token(&self, sha256: &[u8; 32]) -> Result<Option<ApiToken>, RecordsError>;
    async fn api_tokens(&self) -> Result<Vec<ApiToken>, RecordsError>;
    /// Whether there was one.
    async fn delete_api_token(&self, name: &str) -> Result<bool, RecordsError>;

    /// [`RecordsError::NotFound`] if there is no such administrator.
    async fn insert_login(&self, login: &Login) -> Result<(), RecordsError>;
    /// The login with this digest, unless it has expired by `now` (ms).
    async fn login(&self, sha256: &[u8; 32], now: i64) -> Result<Option<Login>, RecordsError>;
    async fn delete_login(&self, sha256: &[u8; 32]) -> Result<bool, RecordsError>;
    /// Forgets the logins that expired by `now` (ms); says how many.
    async fn delete_expired_logins(&self, now: i64) -> Result<u64, RecordsError>;
}

/// The activity log.
#[async_trait]
pub trait Events: Send + Sync {
    /// Appends to the activity log. The store keeps a bounded number of the newest (see the implementation).
    async fn append_event(&self, new: &NewEvent) -> Result<Event, RecordsError>;
    /// The newest `limit` events, newest first.
    async fn recent_events(&self, limit: u32) -> Result<Vec<Event>, RecordsError>;
}
