//! An identity provider: OpenID Connect Core 1.0 with discovery, authorization code and PKCE (RFC 7636), as far as a client asks it; with every kind
//! of wrong answer.
//!
//! ```no_run
//! # async fn of() {
//! use creel_testkit::identity::{Identity, Wrong};
//! let identity = Identity::start().await;
//! identity.person("sub-1", "ann@example.com");
//! identity.lie(Wrong::Nonce);
//! # }
//! ```
//!
//! Whoever comes to `/authorize` is the person of the moment, and goes back at once with a code; or, for a browser ([`Identity::ask`]), from a page on
//! which they agree. `/token` takes a code once, from who knows the client's
//! secret (by HTTP Basic), the redirect URI that the code was given for, and the verifier of its challenge.

mod server;
mod signing;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use server::Server;
use signing::Keys;

/// Of the client that it knows.
pub const CLIENT_ID: &str = "creel & co";
pub const CLIENT_SECRET: &str = "s3cret: of+the client";

/// What is wrong with its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Nothing,
    /// Claims of the ID token.
    Nonce,
    Audience,
    Issuer,
    Expired,
    Future,
    /// The email address is not verified.
    Unverified,
    /// It is signed with a key that is not in the key set, or says so.
    UnknownKey,
    AlgNone,
    /// Signed with HMAC by the public key.
    AlgHmac,
    /// The signature is of other claims.
    Signature,
    /// The person says no at `/authorize`.
    Denied,
    /// `/token` and the key set answer 500.
    Broken,
    /// `/token` never answers.
    Silence,
    Garbage,
    /// Discovery names another issuer.
    Discovery,
}

/// How ID tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Es256,
}

pub struct Identity {
    address: SocketAddr,
    server: Arc<Server>,
    task: JoinHandle<()>,
}

/// What it goes by at the moment.
struct Moment {
    claims: Value,
    wrong: Wrong,
    keys: Keys,
    /// Shows a page before it sends anybody back.
    asks: bool,
}

impl Identity {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let moment = Moment {
            claims: json!({}),
            wrong: Wrong::Nothing,
            keys: Keys::new(Algorithm::Rs256),
            asks: false,
        };
        let server = Arc::new(Server::new(address, moment));
        let task = tokio::spawn(Arc::clone(&server).run(listener));
        let identity = Self { address, server, task };
        identity.person("sub-1", "ann@example.com");
        identity
    }

    /// Its address makes it another site to a browser than what is called localhost.
    pub fn issuer(&self) -> String {
        issuer(self.address)
    }

    /// From now on it sends nobody back before they have followed the link *Continue* on its page.
    pub fn ask(&self) {
        self.moment().asks = true;
    }

    /// Who comes to it is this one.
    pub fn person(&self, sub: &str, email: &str) {
        self.moment().claims = json!({"sub": sub, "email": email, "email_verified": true, "name": sub});
    }

    pub fn lie(&self, wrong: Wrong) {
        self.moment().wrong = wrong;
    }

    /// Signs with another key from now on; the one before is no longer in its key set.
    pub fn rotate(&self, algorithm: Algorithm) {
        self.moment().keys = Keys::new(algorithm);
    }

    fn moment(&self) -> MutexGuard<'_, Moment> {
        locked(&self.server.moment)
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn issuer(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
