//! Users who sign in themselves: `/api/auth`, and who is let in to `/api/me`.
//!
//! A sign-in makes a *login*, kept in the records. A browser gets a cookie that stands for it, a program an access token (15 minutes)
//! that names it and a refresh token to get the next one. Each request looks the login up, so it ends when the records say so:
//! by signing out, a changed password, a disabled or removed user, a refresh token that came twice.
//!
//! `jwt` knows the form of tokens, `keys` what ours are signed with, `access` what they say, `oidc` who else may vouch for a user.

mod access;
mod guard;
mod guesses;
mod jwt;
mod keys;
mod login;
pub mod oidc;

pub use guard::{SignedIn, admit};
pub use login::{Form, check_password, end_all, issue, log_in, log_out, methods, refresh};

use std::sync::Arc;

use creel_fleet::Sealer;
use creel_records::Records;

use guesses::Guesses;
use oidc::Oidc;

/// What signing in needs besides the records.
pub struct SignIn {
    keys: keys::Keys,
    guesses: Guesses,
    /// The identity provider, where there is one.
    oidc: Option<Oidc>,
}

impl SignIn {
    pub fn new(records: Arc<dyn Records>, sealer: Sealer, oidc: Option<Oidc>) -> Self {
        Self {
            keys: keys::Keys::new(records, sealer),
            guesses: Guesses::default(),
            oidc,
        }
    }
}

/// The cookie of a user's login; an administrator's is another.
const COOKIE: &str = "creel_user";
