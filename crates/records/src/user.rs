//! Users of gateways for many: their state, their tokens' digests, their configurations, and the order in which all that changed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::UnknownName;

named!(
    /// Whether a user may use a gateway.
    UserStatus, "status", {
        Active = "active",
        Disabled = "disabled",
    }
);

/// A user to record, active.
#[derive(Clone)]
pub struct NewUser {
    pub id: String,
    /// Shown to people.
    pub name: String,
    /// Of the password they sign in with, as an Argon2 PHC string; `None`: they don't.
    pub password_phc: Option<String>,
    /// The text of an `openclaw.json`.
    pub config: String,
}

/// What changes of a user; `None` stays.
#[derive(Clone, Default)]
pub struct UserPatch {
    pub name: Option<String>,
    pub status: Option<UserStatus>,
    /// `Some(None)`: they sign in no more.
    pub password_phc: Option<Option<String>>,
}

/// A user as recorded.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRecord {
    pub id: String,
    pub name: String,
    pub status: UserStatus,
    pub password_phc: Option<String>,
    pub config: String,
    pub created_at: i64,
    pub updated_at: i64,
    /// The number of the last change: whoever has seen it has this state.
    pub change: i64,
}

impl fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRecord")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("change", &self.change)
            .finish_non_exhaustive()
    }
}

/// A gateway token as it is known: by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserToken {
    /// Of one user's tokens, each has another.
    pub name: String,
    pub sha256: [u8; 32],
    /// The token itself, for the control plane that sealed it; only of one that the control plane shows gateways for the user.
    pub sealed: Option<Vec<u8>>,
    pub created_at: i64,
    /// `None`: never.
    pub expires_at: Option<i64>,
}

/// The virtual key that a user's calls are charged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserKey {
    pub user: String,
    /// Its id among the LLM Gateway's.
    pub key: String,
    /// The key itself, for the control plane that sealed it.
    pub sealed: Vec<u8>,
}

/// What changed, in the order of the commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// Each whole, with all tokens, as of now.
    pub users: Vec<(UserRecord, Vec<UserToken>)>,
    pub deleted: Vec<String>,
    /// What to ask on from.
    pub reached: i64,
    /// There are more after that.
    pub has_more: bool,
}
