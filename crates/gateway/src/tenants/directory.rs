//! Who is registered, and whose a token is: all users of the service, in memory, a few dozen bytes each.
//!
//! A token is looked up by its SHA-256. Whoever measures how long that takes learns something of hashes, and nothing of tokens.

use std::collections::HashMap;

use creel_session::UserId;

use super::wire::{ChangedUser, Token, TokenHash};

#[derive(Default)]
pub struct Directory {
    users: HashMap<UserId, Registered>,
    tokens: HashMap<TokenHash, Holder>,
}

struct Registered {
    active: bool,
    tokens: Box<[TokenHash]>,
}

struct Holder {
    user: UserId,
    expires_at: Option<i64>,
}

/// Whose a token is.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup {
    Unknown,
    Expired,
    Disabled,
    Active(UserId),
}

/// Tokens that a user had and has no more.
pub type Revoked = Vec<TokenHash>;

impl Directory {
    /// `now` in seconds since the Unix epoch.
    pub fn lookup(&self, token: &TokenHash, now: i64) -> Lookup {
        let Some(holder) = self.tokens.get(token) else {
            return Lookup::Unknown;
        };
        if holder.expires_at.is_some_and(|at| at <= now) {
            return Lookup::Expired;
        }
        match self.users.get(&holder.user) {
            Some(user) if user.active => Lookup::Active(holder.user.clone()),
            _ => Lookup::Disabled,
        }
    }

    pub fn put(&mut self, user: &ChangedUser) -> Revoked {
        self.put_parts(&user.id, user.active, &user.tokens)
    }

    /// Replaces what is known of a user. A token that is another user's stays theirs: two of them cannot have the same, so one of the
    /// two was made up.
    pub fn put_parts(&mut self, id: &UserId, active: bool, tokens: &[Token]) -> Revoked {
        let before = self.forget_tokens(id);
        let mut kept = Vec::with_capacity(tokens.len());
        for token in tokens {
            if self.tokens.contains_key(&token.sha256) {
                tracing::warn!(user = %id, "a token of this user is another user's too; it stays the other's");
                continue;
            }
            let holder = Holder {
                user: id.clone(),
                expires_at: token.expires_at,
            };
            self.tokens.insert(token.sha256, holder);
            kept.push(token.sha256);
        }
        let revoked = before.into_iter().filter(|token| !kept.contains(token)).collect();
        let registered = Registered {
            active,
            tokens: kept.into_boxed_slice(),
        };
        self.users.insert(id.clone(), registered);
        revoked
    }

    pub fn remove(&mut self, id: &UserId) {
        self.forget_tokens(id);
        self.users.remove(id);
    }

    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether the user may use the gateway; `None`: there is no such user.
    pub fn is_active(&self, id: &UserId) -> Option<bool> {
        self.users.get(id).map(|user| user.active)
    }

    /// Tokens of a user, expired ones too.
    pub fn tokens_of(&self, id: &UserId) -> usize {
        self.users.get(id).map_or(0, |user| user.tokens.len())
    }

    /// Up to `limit` users after `after`, by id, whose id contains `part`.
    pub fn list(&self, part: &str, after: Option<&str>, limit: usize) -> Vec<(UserId, bool)> {
        let wanted = |id: &&UserId| id.as_str().contains(part) && after.is_none_or(|after| id.as_str() > after);
        let mut ids: Vec<&UserId> = self.users.keys().filter(wanted).collect();
        if ids.len() > limit {
            ids.select_nth_unstable(limit);
            ids.truncate(limit);
        }
        ids.sort_unstable();
        ids.into_iter().map(|id| (id.clone(), self.users[id].active)).collect()
    }

    fn forget_tokens(&mut self, id: &UserId) -> Vec<TokenHash> {
        let before = self.users.get_mut(id).map(|user| std::mem::take(&mut user.tokens));
        let before = before.unwrap_or_default().into_vec();
        for token in &before {
            self.tokens.remove(token);
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    fn token(byte: u8) -> Token {
        Token {
            sha256: [byte; 32],
            expires_at: None,
        }
    }

    #[test]
    fn follows_rotation_expiry_disabling_and_deletion() {
        let mut directory = Directory::default();
        directory.put_parts(&id("a"), true, &[token(1)]);
        assert_eq!(directory.lookup(&[1; 32], 0), Lookup::Active(id("a")));
        let short = Token {
            expires_at: Some(100),
            ..token(2)
        };
        assert_eq!(directory.put_parts(&id("a"), true, &[short]), [[1; 32]]);
        assert_eq!(directory.lookup(&[1; 32], 0), Lookup::Unknown);
        assert_eq!(directory.lookup(&[2; 32], 99), Lookup::Active(id("a")));
        assert_eq!(directory.lookup(&[2; 32], 100), Lookup::Expired);
        directory.put_parts(&id("a"), false, &[token(2)]);
        assert_eq!(directory.lookup(&[2; 32], 0), Lookup::Disabled);
        directory.remove(&id("a"));
        assert_eq!(directory.lookup(&[2; 32], 0), Lookup::Unknown);
        assert_eq!((directory.len(), directory.tokens.len()), (0, 0));
    }

    #[test]
    fn nobody_takes_over_the_token_of_another() {
        let mut directory = Directory::default();
        directory.put_parts(&id("a"), true, &[token(1)]);
        directory.put_parts(&id("b"), true, &[token(1), token(2)]);
        assert_eq!(directory.lookup(&[1; 32], 0), Lookup::Active(id("a")));
        assert_eq!(directory.lookup(&[2; 32], 0), Lookup::Active(id("b")));
        directory.remove(&id("b"));
        assert_eq!(directory.lookup(&[1; 32], 0), Lookup::Active(id("a")));
    }

    #[test]
    fn lists_page_by_page() {
        let mut directory = Directory::default();
        for name in ["b2", "a1", "b1", "c", "b3"] {
            directory.put_parts(&id(name), name != "b2", &[]);
        }
        assert_eq!(directory.list("b", None, 2), [(id("b1"), true), (id("b2"), false)]);
        assert_eq!(directory.list("b", Some("b2"), 2), [(id("b3"), true)]);
    }
}
