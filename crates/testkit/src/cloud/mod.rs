//! A Cloud Backend, as far as a gateway asks it: `GET /openclaw/gateway/configs?since=`, incremental and exact; with every kind of
//! misbehaviour on demand.
//!
//! ```no_run
//! # async fn example() {
//! use creel_testkit::cloud::CloudBackend;
//! use serde_json::json;
//!
//! let cloud = CloudBackend::start("service-token").await;
//! let alice = cloud.add("alice");          // "gt_…"
//! cloud.configure("alice", json!({"agents": {"defaults": {"model": "p/m"}}}));
//! cloud.disable("alice");
//! # }
//! ```
//!
//! The contract, also under `/api/v1`: the bearer is the service token; the answer is
//! `{"users": [{"user_id", "status": "active|disabled", "tokens": [{"sha256", "expires_at"?}], "config": {…}, "version"}], "deleted": […],
//! "sync_token", "full", "has_more"}`. Every user in it is whole. `sync_token` is a place in the sequence of changes; `full` is true on the
//! first page of a listing of everything: the answer to no `since`, or to one that is not known.

mod answer;
mod server;
mod users;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

pub use answer::Misbehaviour;
use server::Server;
use users::Users;

/// A running Cloud Backend. Dropping it closes its port and all connections.
pub struct CloudBackend {
    address: SocketAddr,
    server: Arc<Server>,
    task: JoinHandle<()>,
}

impl CloudBackend {
    /// Listens on a free loopback port.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(service_token: &str) -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), Server::new(service_token))
    }

    fn listen(address: SocketAddr, server: Server) -> Self {
        let listener = crate::provider::listen(address, false).expect("a loopback port can be listened on");
        let address = listener.local_addr().expect("a listening socket has an address");
        let server = Arc::new(server);
        let task = tokio::spawn(Arc::clone(&server).run(listener));
        Self { address, server, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds an active user, and gives their gateway token.
    pub fn add(&self, user: &str) -> String {
        let token = token_of(user, 0);
        self.users().change(user, |record| {
            record["tokens"] = json!([{"sha256": users::sha256(&token)}]);
        });
        token
    }

    /// Adds users `NAME0`, `NAME1`, …
    pub fn add_many(&self, name: &str, count: usize) {
        for number in 0..count {
            self.add(&format!("{name}{number}"));
        }
    }

    /// Gives a user another token; the one before is void.
    pub fn rotate(&self, user: &str) -> String {
        let token = token_of(user, self.users().sequence() + 1);
        self.users().change(user, |record| {
            record["tokens"] = json!([{"sha256": users::sha256(&token)}]);
        });
        token
    }

    /// Gives each of two users the tokens of the other, both at once.
    pub fn swap_tokens(&self, one: &str, other: &str) {
        let mut users = self.users();
        let mut held = json!([]);
        for user in [one, other, one] {
            users.change(user, |record| std::mem::swap(&mut record["tokens"], &mut held));
        }
    }

    /// Lets the user's tokens expire at this time (RFC 3339).
    pub fn expire(&self, user: &str, at: &str) {
        self.users()
            .change(user, |record| record["tokens"][0]["expires_at"] = at.into());
    }

    pub fn configure(&self, user: &str, config: Value) {
        self.users().change(user, |record| record["config"] = config);
    }

    pub fn disable(&self, user: &str) {
        self.users().change(user, |record| record["status"] = "disabled".into());
    }

    pub fn enable(&self, user: &str) {
        self.users().change(user, |record| record["status"] = "active".into());
    }

    pub fn delete(&self, user: &str) {
        self.users().delete(user);
    }

    /// Sends whatever this is as one more user.
    pub fn add_raw(&self, user: &str, record: Value) {
        self.users().change(user, |old| *old = record);
    }

    /// Forgets what its sync tokens stand for, as one that was restored from a backup.
    pub fn restore(&self) {
        self.users().restore();
    }

    /// At most so many users in a page.
    pub fn page_size(&self, users: usize) {
        self.users().page_size = users;
    }

    /// How many seconds its clock is ahead.
    pub fn clock_ahead(&self, seconds: i64) {
        *locked(&self.server.clock_ahead) = seconds;
    }

    /// Answers so, until told otherwise.
    pub fn misbehave(&self, how: Misbehaviour) {
        *locked(&self.server.misbehaviour) = how;
    }

    /// How often it was asked so far.
    pub fn asked(&self) -> usize {
        *self.server.asked.borrow()
    }

    /// Waits until it has answered so many more requests than now.
    pub async fn answered(&self, more: usize) {
        let mut answered = self.server.answered.subscribe();
        let wanted = *answered.borrow() + more;
        // The sender is in self.
        let _ = answered.wait_for(|answered| *answered >= wanted).await;
    }

    /// Users in all answers so far.
    pub fn users_sent(&self) -> usize {
        self.users().sent
    }

    /// Goes away: its port is closed, with all connections. [`Self::back`] brings it back where it was.
    pub async fn away(&mut self) {
        self.task.abort();
        // It was cancelled: that is all it can say.
        let _ = (&mut self.task).await;
    }

    pub fn back(&mut self) {
        let listener = crate::provider::listen(self.address, false).expect("nobody has taken the port");
        self.task = tokio::spawn(Arc::clone(&self.server).run(listener));
    }

    fn users(&self) -> MutexGuard<'_, Users> {
        locked(&self.server.users)
    }
}

impl Drop for CloudBackend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `gt_` and 32 characters, the same for the same user and number.
fn token_of(user: &str, number: u64) -> String {
    format!("gt_{}", &users::sha256(&format!("{user} {number}"))[..32])
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
