//! Whose a session is while a turn runs in it: one process's alone, or that of whoever has its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use creel_lease::{Keeper, LeaseStore};
use creel_session::SessionKey;

use crate::error::TurnError;

/// A turn's ownership of its session runs out this long after its gateway stopped renewing it.
const TTL: Duration = Duration::from_secs(15);
/// How often to look whether another gateway has finished its turn.
const TAKEN_PROBE: Duration = Duration::from_millis(50);

/// Who may write to the sessions of a gateway.
pub struct Ownership(Kind);

enum Kind {
    Sole(Epochs),
    Leased {
        store: Arc<dyn LeaseStore>,
        /// Who owns the leases: the node's name.
        holder: String,
    },
}

impl Ownership {
    /// This process alone, for as long as it lives: whoever says so holds a lock that the kernel takes back only when the process
    /// has ended. What a turn writes carries an epoch all the same.
    pub fn sole() -> Self {
        Self(Kind::Sole(Epochs::default()))
    }

    /// Whoever has a session's lease, which `holder` takes for each turn.
    pub fn leased(store: Arc<dyn LeaseStore>, holder: String) -> Self {
        Self(Kind::Leased { store, holder })
    }

    /// Makes the session this turn's. Its epoch is above `floor`. Somebody else's turn is waited for, for as long as `patience` lasts.
    ///
    /// # Errors
    /// [`TurnError::Taken`] after that, and the store's.
    pub async fn take(&self, key: &SessionKey, floor: u64, patience: Duration) -> Result<Hold, TurnError> {
        let (store, holder) = match &self.0 {
            Kind::Sole(epochs) => return Ok(Hold(Means::Lock(epochs.next(floor, wall_ms())))),
            Kind::Leased { store, holder } => (store, holder),
        };
        let name = format!("turn/{}/{}", key.user, key.session);
        let patience = tokio::time::Instant::now() + patience;
        loop {
            if let Some(lease) = store.acquire(&name, holder, TTL, floor).await? {
                return Ok(Hold(Means::Lease(Keeper::start(store.clone(), lease))));
            }
            if tokio::time::Instant::now() >= patience {
                return Err(TurnError::Taken);
            }
            tokio::time::sleep(TAKEN_PROBE).await;
        }
    }
}

/// A session that is this turn's. A dropped one is given back when its lease runs out, if it has one.
pub struct Hold(Means);

enum Means {
    /// The process's, by this epoch.
    Lock(u64),
    Lease(Keeper),
}

impl Hold {
    pub fn epoch(&self) -> u64 {
        match &self.0 {
            Means::Lock(epoch) => *epoch,
            Means::Lease(keeper) => keeper.epoch(),
        }
    }

    /// Resolves when the session is no longer this turn's.
    pub async fn lost(&self) {
        match &self.0 {
            Means::Lock(_) => std::future::pending().await,
            Means::Lease(keeper) => keeper.lost().await,
        }
    }

    /// Whether giving it back takes the store's time.
    pub fn is_leased(&self) -> bool {
        matches!(self.0, Means::Lease(_))
    }

    /// Gives the session back.
    ///
    /// # Errors
    /// The store's: the lease then runs out by itself.
    pub async fn release(self) -> Result<(), TurnError> {
        match self.0 {
            Means::Lock(_) => Ok(()),
            Means::Lease(keeper) => Ok(keeper.release().await?),
        }
    }
}

/// The epochs of a process that shares its sessions with nobody. They never shrink, and are no older than the time: what a process
/// before this one has written is older, unless the clock was set back since, which whoever asks then says by the floor.
#[derive(Default)]
struct Epochs(AtomicU64);

impl Epochs {
    /// The turns of one process need no epochs of their own: they wait for each other.
    fn next(&self, floor: u64, now_ms: u64) -> u64 {
        let least = match floor {
            0 => now_ms,
            floor => floor.saturating_add(1).max(now_ms),
        };
        self.0.fetch_max(least, Ordering::AcqRel).max(least)
    }
}

/// Milliseconds since the Unix epoch.
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_never_shrink_whatever_the_clock_does() {
        let epochs = Epochs::default();
        assert_eq!(epochs.next(0, 1_000), 1_000);
        assert_eq!(epochs.next(0, 900), 1_000, "the clock was set back");
        assert_eq!(epochs.next(0, 1_001), 1_001);
        assert_eq!(epochs.next(5_000, 1_002), 5_001, "another process was ahead");
        assert_eq!(epochs.next(0, 1_003), 5_001, "and is remembered");
        assert_eq!(epochs.next(u64::MAX, 1_004), u64::MAX);
    }

    #[tokio::test]
    async fn a_session_of_ones_own_is_taken_at_once_and_not_lost() {
        let ownership = Ownership::sole();
        let key = SessionKey::new(
            creel_session::UserId::new("u").unwrap(),
            creel_session::SessionId::new("s").unwrap(),
        );
        let first = ownership.take(&key, 0, Duration::ZERO).await.unwrap();
        let later = ownership.take(&key, first.epoch(), Duration::ZERO).await.unwrap();
        assert!(later.epoch() > first.epoch());
        assert!(!later.is_leased());
        tokio::select! {
            biased;
            () = later.lost() => panic!("nobody can take it"),
            () = std::future::ready(()) => {}
        }
        later.release().await.unwrap();
    }
}
