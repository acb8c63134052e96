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

    /// Takes up what changed together: who is gone, then these users, for each of whom it tells the tokens revoked. A token may pass from
    /// one of them to another.
    pub fn change<'a>(&mut self, gone: impl Iterator<Item = &'a UserId>, users: &[ChangedUser]) -> Vec<Revoked> {
        for id in gone {
            self.forget_tokens(id);
            self.users.remove(id);
        }
        let before: Vec<_> = users.iter().map(|user| self.forget_tokens(&user.id)).collect();
        let put = |(user, before): (&ChangedUser, Vec<_>)| self.replace(before, &user.id, user.active, &user.tokens);
        users.iter().zip(before).map(put).collect()
    }

    /// A user as known from before.
    pub fn put(&mut self, id: &UserId, active: bool, tokens: &[Token]) {
        self.replace(Vec::new(), id, active, tokens);
    }

    /// Replaces what is known of a user. A token that is another user's stays theirs: two of them cannot have the same, so one of the
    /// two was made up.
    fn replace(&mut self, mut before: Vec<TokenHash>, id: &UserId, active: bool, tokens: &[Token]) -> Revoked {
        before.extend(self.forget_tokens(id));
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

    fn changed(name: &str, active: bool, tokens: &[Token]) -> ChangedUser {
        ChangedUser {
            id: id(name),
            created_at: 0,
            active,
            tokens: tokens.to_vec(),
            config: Ok("{}".into()),
            model_key: None,
        }
    }

    fn change(directory: &mut Directory, gone: &[&str], users: &[ChangedUser]) -> Vec<Revoked> {
        let gone: Vec<UserId> = gone.iter().map(|name| id(name)).collect();
        directory.change(gone.iter(), users)
    }

    #[test]
    fn follows_rotation_expiry_disabling_and_deletion() {
        let mut directory = Directory::default();
        directory.put(&id("a"), true, &[token(1)]);
        assert_eq!(directory.lookup(&[1; 32], 0), Lookup::Active(id("a")));
        let short = Token {
            expires_at: Some(100),
            ..token(2)
        };
        let revoked = change(&mut directory, &[], &[changed("a", true, &[short])]);
        assert_eq!(revoked, [[[1; 32]]]);
        assert_eq!(directory.lookup(&[1; 32], 0), Lookup::Unknown);
        assert_eq!(directory.lookup(&[2; 32], 99), Lookup::Active(id("a")));
        assert_eq!(directory.lookup(&[2; 32], 100), Lookup::Expired);
        change(&mut directory, &[], &[changed("a", false, &[token(2)])]);
        assert_eq!(directory.lookup(&[2; 32], 0), Lookup::Disabled);
        change(&mut directory, &["a"], &[]);
        assert_eq!(directory.lookup(&[2; 32], 0), Lookup::Unknown);
        assert_eq!((directory.len(), directory.tokens.len()), (0, 0));
    }

    #[test]
    fn nobody_takes_over_the_token_of_another() {
        let mut directory = Directory::default();
        directory.put(&id("a"), true, &[token(1)]);
        change(&mut directory, &[], &[changed("b", true, &[token(1), token(2)])]);
        assert_eq!(directory.lookup(&[1; 32], 0), Lookup::Active(id("a")));
        assert_eq!(directory.lookup(&[2; 32], 0), Lookup::Active(id("b")));
        change(&mut directory, &["b"], &[]);
        assert_eq!(directory.lookup(&[1; 32], 0), Lookup::Active(id("a")));
    }

    #[test]
    fn tokens_that_change_hands_are_those_of_who_has_them_now() {
        let mut directory = Directory::default();
        for (name, byte) in [("a", 1), ("b", 2), ("c", 3)] {
            directory.put(&id(name), true, &[token(byte)]);
        }
        let users = [
            changed("a", true, &[token(2), token(3)]),
            changed("b", true, &[token(1)]),
        ];
        let revoked = change(&mut directory, &["c"], &users);
        assert_eq!(
            revoked,
            [[[1; 32]], [[2; 32]]],
            "who asks with one of before is cut off"
        );
        for (byte, name) in [(1, "b"), (2, "a"), (3, "a")] {
            assert_eq!(directory.lookup(&[byte; 32], 0), Lookup::Active(id(name)));
        }
        let twice = [changed("a", true, &[token(4)]), changed("a", true, &[token(4)])];
        change(&mut directory, &[], &twice);
        assert_eq!((directory.len(), directory.tokens.len()), (2, 2));
        assert_eq!(directory.lookup(&[4; 32], 0), Lookup::Active(id("a")));
    }

    #[test]
    fn lists_page_by_page() {
        let mut directory = Directory::default();
        for name in ["b2", "a1", "b1", "c", "b3"] {
            directory.put(&id(name), name != "b2", &[]);
        }
        assert_eq!(directory.list("b", None, 2), [(id("b1"), true), (id("b2"), false)]);
        assert_eq!(directory.list("b", Some("b2"), 2), [(id("b3"), true)]);
    }
}
