//! How users are signed in: their logins, and the keys that their access tokens are signed with. Of secrets only digests are here.

use std::fmt;

use crate::UserRecord;

/// A user who is signed in, until then or until it ends.
#[derive(Clone, PartialEq, Eq)]
pub struct UserLogin {
    pub id: String,
    pub user: String,
    /// Digest of the cookie, where it is a browser's.
    pub cookie: Option<[u8; 32]>,
    /// The value a browser's state-changing request must repeat.
    pub csrf: String,
    pub created_at: i64,
    pub expires_at: i64,
}

impl fmt::Debug for UserLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserLogin")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Who has shown what, to be signed in.
#[derive(Clone, Copy, Debug)]
pub enum SignedBy<'a> {
    /// The password behind this PHC string, which must still be the user's.
    Password(&'a str),
    /// Someone else vouches for them.
    Provider,
}

/// What became of a refresh token that was to be spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was good, and the new one is in its place.
    Now(UserLogin, UserRecord),
    /// It had been spent before: the login has ended.
    Before(UserLogin),
    Unknown,
}

/// A key that access tokens are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    pub kid: String,
    pub public: Vec<u8>,
    /// The private half, as whoever made it can open it.
    pub sealed: Vec<u8>,
    pub created_at: i64,
}
