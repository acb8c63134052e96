//! The traits of a record store, one for each subject. What they promise is pinned by `tests/conformance`.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::ledger::Credits;
use crate::{
    Administrator, ApiToken, CurrencyRecord, Desired, Event, GroupRecord, InstanceChange, InstanceRecord, KeyChange,
    KeyRecord, LlmSetup, Login, ModelRecord, NewApiToken, NewEvent, NewInstance, NewUser, Observed, PriceRecord,
    ProviderRecord, RecordsError, Runtime, SignedBy, SigningKey, Spent, UserChanges, UserKey, UserLogin, UserPatch,
    UserRecord, UserToken,
};

/// A store of all records. Every write is durable against `kill -9` of this process when it returns, and is all or nothing.
pub trait Records: Instances + Accounts + Events + Credits + LlmRecords + Users + UserLogins + People {}

impl<T: Instances + Accounts + Events + Credits + LlmRecords + Users + UserLogins + People> Records for T {}

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
    /// The container images that were chosen for new instances, by runtime.
    async fn images(&self) -> Result<Vec<(Runtime, String)>, RecordsError>;
    async fn put_image(&self, runtime: Runtime, image: &str) -> Result<(), RecordsError>;
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

/// Users of gateways for many. Every change takes a number that only grows, in the order of the commits.
#[async_trait]
pub trait Users: Send + Sync {
    /// [`RecordsError::Taken`] if there is one of this id.
    async fn insert_user(&self, new: &NewUser) -> Result<UserRecord, RecordsError>;
    /// All of them, or none: [`RecordsError::Taken`] names the first whose id is taken.
    async fn insert_users(&self, new: &[NewUser]) -> Result<(), RecordsError>;
    async fn user(&self, id: &str) -> Result<Option<UserRecord>, RecordsError>;
    /// Up to `limit` users after the id `after`, by id, with `part` in their id or name.
    async fn users(&self, part: &str, after: &str, limit: u32) -> Result<Vec<UserRecord>, RecordsError>;
    /// Whose the token with this digest is, unless it has expired by `now` (ms).
    async fn user_of_token(&self, sha256: &[u8; 32], now: i64) -> Result<Option<UserRecord>, RecordsError>;
    /// Oldest first.
    async fn user_tokens(&self, id: &str) -> Result<Vec<UserToken>, RecordsError>;
    /// [`RecordsError::NotFound`] if there is no such user (as for every change below). Another password, or being disabled, ends their
    /// logins. Virtual keys of who is disabled are not in force.
    async fn patch_user(&self, id: &str, patch: &UserPatch) -> Result<(), RecordsError>;
    /// Sets the configuration, unless the user has changed since the number `change`: then it says `false`, and nothing is changed.
    async fn set_user_config(&self, id: &str, config: &str, change: i64) -> Result<bool, RecordsError>;
    /// This token is the user's only one from now on. [`RecordsError::Taken`] if it is another's.
    async fn replace_user_tokens(
        &self,
        id: &str,
        sha256: &[u8; 32],
        expires_at: Option<i64>,
    ) -> Result<(), RecordsError>;
    /// The user has this token from now on, in place of the one of the same name. [`RecordsError::Taken`] if it is another's.
    async fn put_user_token(&self, id: &str, new: &UserToken) -> Result<(), RecordsError>;
    /// The user has no token of this name from now on; whether there was one.
    async fn revoke_user_token(&self, id: &str, name: &str) -> Result<bool, RecordsError>;
    /// The user has no token from now on.
    async fn revoke_user_tokens(&self, id: &str) -> Result<(), RecordsError>;
    /// Their logins end too, and their virtual keys are revoked. Whether there was one.
    async fn delete_user(&self, id: &str) -> Result<bool, RecordsError>;
    /// The number of the newest change.
    async fn last_user_change(&self) -> Result<i64, RecordsError>;
    /// Tells the history that a number is of: where the records were restored from a backup, it is another one for the same number.
    async fn user_change_tag(&self, number: i64) -> Result<String, RecordsError>;
    /// Up to `limit` of what changed after the number `since`: who changed more than once is there once, as of now. Nothing that is
    /// committed later has a number up to `reached`.
    async fn user_changes(&self, since: i64, limit: u32) -> Result<UserChanges, RecordsError>;
}

/// Users who are signed in. A login ends with its time, its user, or by itself.
#[async_trait]
pub trait UserLogins: Send + Sync {
    /// Signs a user in, if they are active and what they showed still holds; says whether. `refresh` is the digest of the first token that
    /// the login can be prolonged with.
    async fn insert_user_login(
        &self,
        login: &UserLogin,
        by: SignedBy<'_>,
        refresh: Option<&[u8; 32]>,
    ) -> Result<bool, RecordsError>;
    /// The login of this id, with its user, unless it has ended by `now` (ms) or the user is not active.
    async fn user_login(&self, id: &str, now: i64) -> Result<Option<(UserLogin, UserRecord)>, RecordsError>;
    /// The same, by the digest of a browser's cookie.
    async fn user_login_of_cookie(
        &self,
        sha256: &[u8; 32],
        now: i64,
    ) -> Result<Option<(UserLogin, UserRecord)>, RecordsError>;
    /// Spends a refresh token, and puts `next` in its place. One that was spent before ends its login.
    async fn spend_refresh_token(&self, sha256: &[u8; 32], next: &[u8; 32], now: i64) -> Result<Spent, RecordsError>;
    /// Whether there was one.
    async fn delete_user_login(&self, id: &str) -> Result<bool, RecordsError>;
    /// Ends all logins of a user; says how many.
    async fn delete_user_logins(&self, user: &str) -> Result<u64, RecordsError>;
    /// Forgets the logins that expired by `now` (ms); says how many.
    async fn delete_expired_user_logins(&self, now: i64) -> Result<u64, RecordsError>;

    /// [`RecordsError::Taken`] if there is one of this id.
    async fn put_signing_key(&self, new: &SigningKey) -> Result<(), RecordsError>;
    /// Newest first.
    async fn signing_keys(&self) -> Result<Vec<SigningKey>, RecordsError>;
    /// Forgets those made before; says how many.
    async fn delete_signing_keys_before(&self, created_at: i64) -> Result<u64, RecordsError>;
}

/// What users have who sign in themselves.
#[async_trait]
pub trait People: Send + Sync {
    /// [`RecordsError::Taken`] if the user has one.
    async fn insert_user_key(&self, new: &UserKey) -> Result<(), RecordsError>;
    /// Those of these users who have one.
    async fn user_keys(&self, users: &[String]) -> Result<HashMap<String, UserKey>, RecordsError>;
    /// Whether there was one.
    async fn delete_user_key(&self, user: &str) -> Result<bool, RecordsError>;
    /// Whom an identity provider means by this name.
    async fn user_of_subject(&self, issuer: &str, subject: &str) -> Result<Option<UserRecord>, RecordsError>;
    /// It means this user from now on. [`RecordsError::Taken`] if the name is another's, or the user has another name there.
    async fn link_subject(&self, issuer: &str, subject: &str, user: &str) -> Result<(), RecordsError>;
    /// The instance that serves all users.
    async fn users_gateway(&self) -> Result<Option<String>, RecordsError>;
    async fn set_users_gateway(&self, instance: Option<&str>) -> Result<(), RecordsError>;
}

/// What the LLM Gateway is set up with. Every change grows the version.
#[async_trait]
pub trait LlmRecords: Send + Sync {
    /// Grows with every change; cheap enough to be asked every second.
    async fn llm_version(&self) -> Result<i64, RecordsError>;
    /// All of it. What changes while it is read has a version of its own, so that whoever compares versions reads it again.
    async fn llm_setup(&self) -> Result<LlmSetup, RecordsError>;

    /// Adds a provider, or replaces the one of this name.
    async fn put_llm_provider(&self, new: &ProviderRecord) -> Result<(), RecordsError>;
    /// By name.
    async fn llm_providers(&self) -> Result<Vec<ProviderRecord>, RecordsError>;
    /// Whether there was one.
    async fn delete_llm_provider(&self, name: &str) -> Result<bool, RecordsError>;

    /// Adds a model, or replaces the one of this name.
    async fn put_llm_model(&self, new: &ModelRecord) -> Result<(), RecordsError>;
    /// By name.
    async fn llm_models(&self) -> Result<Vec<ModelRecord>, RecordsError>;
    /// Whether there was one.
    async fn delete_llm_model(&self, name: &str) -> Result<bool, RecordsError>;

    /// Adds a price, or replaces that of this model.
    async fn put_llm_price(&self, new: &PriceRecord) -> Result<(), RecordsError>;
    /// By model.
    async fn llm_prices(&self) -> Result<Vec<PriceRecord>, RecordsError>;
    /// Whether there was one.
    async fn delete_llm_price(&self, model: &str) -> Result<bool, RecordsError>;

    /// Adds a currency, or replaces the one of this code.
    async fn put_llm_currency(&self, new: &CurrencyRecord) -> Result<(), RecordsError>;
    /// By code.
    async fn llm_currencies(&self) -> Result<Vec<CurrencyRecord>, RecordsError>;
    /// Whether there was one.
    async fn delete_llm_currency(&self, code: &str) -> Result<bool, RecordsError>;

    /// Adds a group, or replaces the one of this name.
    async fn put_llm_group(&self, new: &GroupRecord) -> Result<(), RecordsError>;
    /// By name.
    async fn llm_groups(&self) -> Result<Vec<GroupRecord>, RecordsError>;
    /// Whether there was one.
    async fn delete_llm_group(&self, name: &str) -> Result<bool, RecordsError>;

    /// Adds a virtual key. [`RecordsError::Taken`] if its id or its digest is recorded already.
    async fn insert_llm_key(&self, new: &KeyRecord) -> Result<(), RecordsError>;
    /// All that there ever were, oldest first.
    async fn llm_keys(&self) -> Result<Vec<KeyRecord>, RecordsError>;
    /// Changes what is named of a key in force, and nothing that somebody else changes at the same time. As it is then; `None`: there is none of
    /// this id in force.
    async fn change_llm_key(&self, id: &str, change: &KeyChange) -> Result<Option<KeyRecord>, RecordsError>;
    /// Whether there was one in force.
    async fn revoke_llm_key(&self, id: &str) -> Result<bool, RecordsError>;
    /// Revokes the keys that an instance was handed at its starts, and leaves those that somebody made for it; whether there were any in force.
    async fn revoke_llm_keys_handed_to(&self, instance: &str) -> Result<bool, RecordsError>;
    /// Revokes all keys of an instance; whether there were any in force.
    async fn revoke_llm_keys_of(&self, instance: &str) -> Result<bool, RecordsError>;
}
