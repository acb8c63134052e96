//! Whose the open connections are, so that nobody holds the ones that others need.
//!
//! A connection is nobody's until a request with a token comes over it; then it is that user's, until one of another user's comes: a proxy
//! may send the requests of many over one. Of those that are nobody's, the oldest makes room for a new one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use creel_http::Problem;
use creel_session::UserId;
use tokio_util::sync::CancellationToken;

/// Connections that may be nobody's, whatever the limit is.
const FEWEST: usize = 16;

#[derive(Default)]
pub struct Doors {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Oldest first.
    nobodys: BTreeMap<u64, CancellationToken>,
    owners: HashMap<u64, UserId>,
    counts: HashMap<UserId, usize>,
}

impl Doors {
    /// Counts a connection; the token closes it. `limit` is that of all connections.
    pub fn opened(&self, connection: u64, limit: usize) -> CancellationToken {
        let mut inner = self.inner();
        if inner.nobodys.len() >= (limit / 4).max(FEWEST)
            && let Some((_, oldest)) = inner.nobodys.pop_first()
        {
            oldest.cancel();
        }
        let close = CancellationToken::new();
        inner.nobodys.insert(connection, close.clone());
        close
    }

    /// The connection is this user's now, who may have `most` of them.
    pub fn claim(&self, connection: u64, user: &UserId, most: usize) -> Result<(), Problem> {
        let mut inner = self.inner();
        if inner.owners.get(&connection) == Some(user) {
            return Ok(());
        }
        if inner.counts.get(user).is_some_and(|count| *count >= most) {
            let detail = format!("you have {most} connections open; close one");
            return Err(Problem::too_many(
                "too_many_connections",
                detail,
                Duration::from_secs(1),
            ));
        }
        inner.release(connection);
        inner.nobodys.remove(&connection);
        inner.owners.insert(connection, user.clone());
        *inner.counts.entry(user.clone()).or_default() += 1;
        Ok(())
    }

    pub fn closed(&self, connection: u64) {
        let mut inner = self.inner();
        inner.nobodys.remove(&connection);
        inner.release(connection);
    }

    /// Open connections of a user.
    pub fn of(&self, user: &UserId) -> usize {
        self.inner().counts.get(user).copied().unwrap_or_default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder panics")
    }
}

impl Inner {
    fn release(&mut self, connection: u64) {
        let Some(owner) = self.owners.remove(&connection) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[test]
    fn a_user_has_so_many_and_others_have_theirs() {
        let doors = Doors::default();
        for connection in 0..2 {
            doors.opened(connection, 100);
            doors.claim(connection, &id("a"), 2).unwrap();
        }
        assert!(doors.claim(2, &id("a"), 2).is_err());
        doors.claim(0, &id("a"), 2).unwrap();
        doors.claim(3, &id("b"), 2).unwrap();
        doors.claim(1, &id("b"), 2).unwrap();
        assert_eq!(
            (doors.of(&id("a")), doors.of(&id("b"))),
            (1, 2),
            "a proxy's connection changes hands"
        );
        for connection in 0..4 {
            doors.closed(connection);
        }
        assert!(doors.inner().counts.is_empty() && doors.inner().nobodys.is_empty());
    }

    #[test]
    fn the_oldest_that_is_nobodys_makes_room() {
        let doors = Doors::default();
        let first = doors.opened(0, 64);
        let mine = doors.opened(1, 64);
        doors.claim(1, &id("a"), 9).unwrap();
        let others: Vec<_> = (2..17).map(|connection| doors.opened(connection, 64)).collect();
        assert!(!first.is_cancelled());
        doors.opened(17, 64);
        assert!(first.is_cancelled() && !mine.is_cancelled() && others.iter().all(|other| !other.is_cancelled()));
    }
}
