//! Keeps a lease for as long as work lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::record::millis;
use crate::{Lease, LeaseError, LeaseStore, clock};

/// Renews a lease at a third of its TTL and steps down before the TTL ends.
///
/// Needs a tokio runtime with time enabled. Dropping it stops renewing: the lease then runs out by itself.
#[must_use = "dropping a keeper stops renewing its lease"]
pub struct Keeper {
    epoch: u64,
    /// Milliseconds on the since-boot clock until which the owner may act; 0 once the lease is lost.
    safe_until: Arc<AtomicU64>,
    lost: watch::Receiver<bool>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Option<Lease>>,
    store: Arc<dyn LeaseStore>,
}

impl Keeper {
    /// Starts keeping `lease` in a task of the current runtime.
    pub fn start(store: Arc<dyn LeaseStore>, lease: Lease) -> Self {
        let epoch = lease.epoch();
        let safe_until = Arc::new(AtomicU64::new(millis(lease.safe_until())));
        let (lost_tx, lost) = watch::channel(false);
        let (stop, stopped) = oneshot::channel();
        let renewing = Renewing {
            store: Arc::clone(&store),
            safe_until: Arc::clone(&safe_until),
            lost: lost_tx,
        };
        let task = tokio::spawn(renewing.run(lease, stopped));
        Self {
            epoch,
            safe_until,
            lost,
            stop: Some(stop),
            task,
            store,
        }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether the owner may still act. Checked against the clock, so it is right even when the task that renews
    /// was not given a chance to run.
    pub fn is_live(&self) -> bool {
        millis(clock::since_boot()) < self.safe_until.load(Ordering::Acquire)
    }

    /// Completes when the lease is lost. The owner then stops at once.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // An error means that the task is gone: nobody renews any more, which is as good as lost.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Stops renewing and gives the lease back.
    ///
    /// # Errors
    /// The store could not be told; the lease then runs out by itself.
    pub async fn release(mut self) -> Result<(), LeaseError> {
        self.safe_until.store(0, Ordering::Release);
        drop(self.stop.take());
        match (&mut self.task).await {
            Ok(Some(lease)) => self.store.release(lease).await,
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The side of the keeper that lives in the task.
struct Renewing {
    store: Arc<dyn LeaseStore>,
    safe_until: Arc<AtomicU64>,
    lost: watch::Sender<bool>,
}

impl Renewing {
    /// Renews until told to stop (yields the lease) or until it is lost (`None`).
    async fn run(self, mut lease: Lease, mut stopped: oneshot::Receiver<()>) -> Option<Lease> {
        let pace = lease.ttl() / 3;
        let mut pause = pace;
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => return Some(lease),
                () = sleep(pause.min(lease.remaining())) => {}
            }
            let left = lease.remaining();
            // A store that hangs is a store that cannot be reached: it gets no more time than the lease has.
            let answer = if left.is_zero() {
                None
            } else {
                timeout(left, self.store.renew(&mut lease)).await.ok()
            };
            match answer {
                Some(Ok(true)) => {
                    self.safe_until.store(millis(lease.safe_until()), Ordering::Release);
                    pause = pace;
                }
                Some(Err(error)) if lease.is_live() => {
                    tracing::warn!(lease = lease.name(), %error, "lease not renewed, trying again");
                    pause = (pace / 8).max(Duration::from_millis(1));
                }
                _ => {
                    self.safe_until.store(0, Ordering::Release);
                    tracing::warn!(lease = lease.name(), epoch = lease.epoch(), "lease lost");
                    self.lost.send_replace(true);
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use async_trait::async_trait;

    use super::*;
    use crate::{FileLeases, Holder};

    /// A store that can be taken off the network, or made to hang.
    struct Faulty {
        inner: FileLeases,
        unreachable: AtomicBool,
        hanging: AtomicBool,
        renewals: AtomicU64,
        failures: AtomicU64,
    }

    #[async_trait]
    impl LeaseStore for Faulty {
        async fn acquire(
            &self,
            name: &str,
            holder: &str,
            ttl: Duration,
            floor: u64,
        ) -> Result<Option<Lease>, LeaseError> {
            self.inner.acquire(name, holder, ttl, floor).await
        }
        async fn renew(&self, lease: &mut Lease) -> Result<bool, LeaseError> {
            if self.hanging.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            if self.unreachable.load(Ordering::Relaxed) {
                self.failures.fetch_add(1, Ordering::Relaxed);
                return Err(LeaseError::Unavailable("cut".into()));
            }
            self.renewals.fetch_add(1, Ordering::Relaxed);
            self.inner.renew(lease).await
        }
        async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
            self.inner.release(lease).await
        }
        async fn inspect(&self, name: &str) -> Result<Option<Holder>, LeaseError> {
            self.inner.inspect(name).await
        }
        async fn force_release(&self, name: &str) -> Result<bool, LeaseError> {
            self.inner.force_release(name).await
        }
    }

    /// A machine may stand still for some of it.
    const TTL: Duration = Duration::from_secs(9);

    async fn kept() -> (tempfile::TempDir, Arc<Faulty>, Keeper) {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Faulty {
            inner: FileLeases::open(dir.path()).unwrap(),
            unreachable: false.into(),
            hanging: false.into(),
            renewals: 0.into(),
            failures: 0.into(),
        });
        let lease = store.acquire("n", "a", TTL, 0).await.unwrap().unwrap();
        let keeper = Keeper::start(store.clone(), lease);
        (dir, store, keeper)
    }

    #[tokio::test]
    async fn keeps_a_lease_past_its_ttl_and_gives_it_back() {
        let (_dir, store, keeper) = kept().await;
        let epoch = keeper.epoch();
        // Three of them are as long as it lasts.
        while store.renewals.load(Ordering::Relaxed) < 4 {
            tokio::time::sleep(TTL / 1000).await;
        }
        assert!(keeper.is_live());
        assert_eq!(store.inspect("n").await.unwrap().unwrap().epoch, epoch);
        keeper.release().await.unwrap();
        assert_eq!(store.inspect("n").await.unwrap(), None);
    }

    #[tokio::test]
    async fn steps_down_before_another_can_take_over_when_the_store_is_out_of_reach() {
        for hang in [false, true] {
            let (_dir, store, keeper) = kept().await;
            store.hanging.store(hang, Ordering::Relaxed);
            store.unreachable.store(true, Ordering::Relaxed);
            keeper.lost().await;
            assert!(!keeper.is_live());
            // Whoever comes now is still refused, or gets it after the old owner has stopped: never both.
            while store.acquire("n", "b", TTL, 0).await.unwrap().is_none() {
                tokio::time::sleep(TTL / 1000).await;
            }
            assert!(!keeper.is_live());
            keeper.release().await.unwrap();
            assert_eq!(store.inspect("n").await.unwrap().unwrap().holder, "b");
        }
    }

    #[tokio::test]
    async fn survives_a_short_outage() {
        let (_dir, store, keeper) = kept().await;
        store.unreachable.store(true, Ordering::Relaxed);
        let before = store.renewals.load(Ordering::Relaxed);
        while store.failures.load(Ordering::Relaxed) < 2 {
            tokio::time::sleep(TTL / 1000).await;
        }
        store.unreachable.store(false, Ordering::Relaxed);
        while store.renewals.load(Ordering::Relaxed) == before {
            tokio::time::sleep(TTL / 1000).await;
        }
        assert!(keeper.is_live());
    }

    #[tokio::test]
    async fn notices_that_an_operator_took_the_lease() {
        let (_dir, store, keeper) = kept().await;
        assert!(store.force_release("n").await.unwrap());
        keeper.lost().await;
        assert!(!keeper.is_live());
    }
}
