//! Those who may use the Cloud Backend: administrators, their API tokens, their console logins.
//! Only digests are kept: a SHA-256 of a random token, an Argon2 PHC string of a password, both made by the caller.

use std::fmt;

/// Someone who signs in to the console.
#[derive(Clone, PartialEq, Eq)]
pub struct Administrator {
    pub name: String,
    /// The password as an Argon2 PHC string.
    pub password_phc: String,
    pub created_at: i64,
}

impl fmt::Debug for Administrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Administrator")
            .field("name", &self.name)
            .field("password_phc", &"***")
            .finish_non_exhaustive()
    }
}

/// An API token to record.
#[derive(Clone)]
pub struct NewApiToken {
    /// What it is for; unique.
    pub name: String,
    pub sha256: [u8; 32],
}

/// An API token as it is known: its digest and its name, never the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    pub name: String,
    pub created_at: i64,
}

/// A console login (the cookie is kept as its digest).
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub sha256: [u8; 32],
    pub administrator: String,
    /// The value a state-changing request must repeat.
    pub csrf: String,
    pub created_at: i64,
    pub expires_at: i64,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("administrator", &self.administrator)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
