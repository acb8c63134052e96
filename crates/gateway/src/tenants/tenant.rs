//! One loaded user.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use creel_session::UserId;
use tokio_util::sync::CancellationToken;

use super::usage::Usage;
use super::wire::TokenHash;
use crate::profile::Profile;
use crate::state::Setup;

pub struct Tenant {
    pub id: UserId,
    /// Ends all that the user has under way.
    pub stop: CancellationToken,
    pub usage: Usage,
    pub since: Instant,
    /// Held while the profile is made: requests that come together make one.
    pub loading: tokio::sync::Mutex<()>,
    loaded: ArcSwapOption<Loaded>,
    /// Counts changes of the user's configuration.
    changes: AtomicU64,
    /// Of which change `loaded` is.
    loaded_change: AtomicU64,
    last_used: Mutex<Instant>,
    /// What ends when a token is revoked.
    tokens: Mutex<HashMap<TokenHash, CancellationToken>>,
}

/// What a user's configuration has become, and of which global one.
pub struct Loaded {
    pub global: Arc<Setup>,
    /// Or what is wrong with it.
    pub profile: Result<Arc<Profile>, String>,
}

impl Tenant {
    pub fn new(id: UserId, stop: CancellationToken) -> Self {
        let now = Instant::now();
        Self {
            id,
            stop,
            usage: Usage::default(),
            since: now,
            loading: tokio::sync::Mutex::default(),
            loaded: ArcSwapOption::empty(),
            changes: AtomicU64::new(0),
            loaded_change: AtomicU64::new(0),
            last_used: Mutex::new(now),
            tokens: Mutex::default(),
        }
    }

    /// What is loaded, if it is of this global configuration and nothing has changed since.
    pub fn current(&self, global: &Arc<Setup>) -> Option<Arc<Loaded>> {
        let fresh = self.loaded_change.load(Ordering::Acquire) == self.changes();
        self.loaded
            .load_full()
            .filter(|loaded| fresh && Arc::ptr_eq(&loaded.global, global))
    }

    /// What is wrong with the user's configuration, as far as it was looked at.
    pub fn problem(&self) -> Option<String> {
        self.loaded.load_full()?.profile.as_ref().err().cloned()
    }

    /// What was loaded last, as far as it can be taken over.
    pub fn before(&self) -> Option<Arc<Profile>> {
        self.loaded.load_full()?.profile.clone().ok()
    }

    /// Takes what was loaded when there were so many `changes`: one that came meanwhile is not covered.
    pub fn put(&self, loaded: Arc<Loaded>, changes: u64) {
        self.loaded.store(Some(loaded));
        self.loaded_change.store(changes, Ordering::Release);
    }

    /// Changes of the user's configuration so far.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The user's configuration has changed: what is loaded is used no more.
    pub fn outdate(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// What cancels a request that came with this token.
    pub fn stop_of(&self, token: &TokenHash) -> CancellationToken {
        let mut tokens = self.tokens.lock().expect("no holder panics");
        tokens.entry(*token).or_insert_with(|| self.stop.child_token()).clone()
    }

    pub fn revoke(&self, token: &TokenHash) {
        if let Some(stop) = self.tokens.lock().expect("no holder panics").remove(token) {
            stop.cancel();
        }
    }

    pub fn touch(&self) {
        *self.last_used.lock().expect("no holder panics") = Instant::now();
    }

    pub fn last_used(&self) -> Instant {
        *self.last_used.lock().expect("no holder panics")
    }

    /// Nothing of the user's is under way.
    pub fn is_idle(&self) -> bool {
        self.usage.requests() == 0
    }
}
