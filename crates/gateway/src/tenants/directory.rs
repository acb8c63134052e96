//! Who is registered, and whose a token is: all users of the service, in memory, a few dozen bytes each.
//!
//! A token is looked up by its SHA-256. Whoever measures how long that takes learns something of hashes, and nothing of tokens.

use std::collections::{BTreeMap, HashMap};

use creel_session::UserId;

use super::wire::{ChangedUser, Token, TokenHash};

#[derive(Default)]
pub struct Directory {
    users: HashMap<UserId, Registered>,
    tokens: HashMap<TokenHash, Holder>,
    /// Who waits for a token that is another's still, and until when it would be theirs: of a token that changes hands, the one who gets it
    /// may be in an earlier page than the one who had it.
    waiting: HashMap<TokenHash, BTreeMap<UserId, Option<i64>>>,
}

struct Registered {
    active: bool,
    /// Those they wait for too.
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
        let mut free = Vec::new();
        for id in gone {
            free.extend(self.forget_tokens(id));
            self.users.remove(id);
        }
        let before: Vec<_> = users.iter().map(|user| self.forget_tokens(&user.id)).collect();
        let put = |(user, before): (&ChangedUser, Vec<_>)| self.replace(before, &user.id, user.active, &user.tokens);
        let revoked: Vec<Revoked> = users.iter().zip(before).map(put).collect();
        // Only now: who has a token in this page, too, keeps it.
        free.iter()
            .chain(revoked.iter().flatten())
            .for_each(|token| self.pass_on(token));
        revoked
    }

    /// A user as known from before.
    pub fn put(&mut self, id: &UserId, active: bool, tokens: &[Token]) {
        self.replace(Vec::new(), id, active, tokens);
    }

    /// Replaces what is known of a user. A token that is another user's stays theirs for as long as they have it: one of the two was made
    /// up, or it changes hands.
    fn replace(&mut self, mut before: Vec<TokenHash>, id: &UserId, active: bool, tokens: &[Token]) -> Revoked {
        before.extend(self.forget_tokens(id));
        let mut kept = Vec::with_capacity(tokens.len());
        for token in tokens {
            let (user, expires_at) = (id.clone(), token.expires_at);
            if self.tokens.get(&token.sha256).is_some_and(|holder| holder.user != user) {
                tracing::warn!(user = %id, "a token of this user is another user's too; it stays the other's for as long as they have it");
                self.waiting.entry(token.sha256).or_default().insert(user, expires_at);
                continue;
            }
            self.tokens.insert(token.sha256, Holder { user, expires_at });
            kept.push(token.sha256);
        }
        let revoked = before.into_iter().filter(|token| !kept.contains(token)).collect();
        let registered = Registered {
            active,
            tokens: tokens.iter().map(|token| token.sha256).collect(),
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

    /// Yields those that were the user's.
    fn forget_tokens(&mut self, id: &UserId) -> Vec<TokenHash> {
        let before = self.users.get_mut(id).map(|user| std::mem::take(&mut user.tokens));
        let mut before = before.unwrap_or_default().into_vec();
        before.retain(|token| {
            if self.tokens.get(token).is_some_and(|holder| holder.user == *id) {
                self.tokens.remove(token);
                return true;
            }
            if let Some(waiting) = self.waiting.get_mut(token) {
                waiting.remove(id);
                if waiting.is_empty() {
                    self.waiting.remove(token);
                }
            }
            false
        });
        before
    }

    /// Gives a token that is nobody's any more to one who waits for it.
    fn pass_on(&mut self, token: &TokenHash) {
        if self.tokens.contains_key(token) {
            return;
        }
        let Some(waiting) = self.waiting.get_mut(token) else {
            return;
        };
        if let Some((user, expires_at)) = waiting.pop_first() {
            self.tokens.insert(*token, Holder { user, expires_at });
        }
        if waiting.is_empty() {
            self.waiting.remove(token);
        }
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
    fn a_token_changes_hands_over_two_pages_and_goes_to_nobody_who_gave_it_up() {
        let mut directory = Directory::default();
        directory.put(&id("b"), true, &[token(1)]);
        // As after a restart between the two.
        for name in ["a", "c"] {
            directory.put(&id(name), true, &[token(1)]);
        }
        let whose = |directory: &Directory| directory.lookup(&[1; 32], 0);
        change(&mut directory, &[], &[changed("b", true, &[token(1)])]);
        assert_eq!(whose(&directory), Lookup::Active(id("b")), "who has it keeps it");
        change(&mut directory, &[], &[changed("a", true, &[])]);
        let revoked = change(&mut directory, &[], &[changed("b", true, &[token(2)])]);
        assert_eq!(revoked, [[[1; 32]]]);
        assert_eq!(whose(&directory), Lookup::Active(id("c")));
        change(&mut directory, &[], &[changed("d", true, &[token(1)])]);
        change(&mut directory, &["c"], &[]);
        assert_eq!(whose(&directory), Lookup::Active(id("d")));
        change(&mut directory, &["a", "b", "d"], &[]);
        assert_eq!((whose(&directory), directory.len()), (Lookup::Unknown, 0));
        assert!(directory.tokens.is_empty() && directory.waiting.is_empty());
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
