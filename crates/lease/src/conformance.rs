//! What every store of leases must do, whatever it is made of.
//!
//! `open` yields one more handle on the same store: two handles are two nodes. The names used begin with `prefix`, so
//! that a store shared with others (a Redis server) can be tested too. A broken promise panics.

use std::sync::Arc;
use std::time::Duration;

use crate::{Keeper, Lease, LeaseStore};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(150);

/// Runs the whole suite.
pub async fn run<F>(prefix: &str, open: F)
where
    F: Fn() -> Arc<dyn LeaseStore>,
{
    let name = |scenario: &str| format!("{prefix}{scenario}");
    one_owner_at_a_time(&name("one-owner"), &open).await;
    the_same_holder_is_refused_too(&name("same-holder"), &open).await;
    released_is_free_at_once(&name("release"), &open).await;
    an_epoch_is_above_what_was_seen(&name("floor"), &open).await;
    runs_out_and_is_taken_over(&name("expiry"), &open).await;
    renewing_extends(&name("renew"), &open).await;
    what_is_lost_cannot_be_renewed_or_released(&name("lost"), &open).await;
    an_operator_can_take_it_away(&name("force"), &open).await;
    names_are_separate(&name("names"), &open).await;
    odd_names_work_and_bad_ones_are_refused(&name("odd"), &open).await;
    a_keeper_holds_on_and_lets_go(&name("keeper"), &open).await;
    a_race_has_one_winner(&name("race"), &open, 4000).await;
}

async fn take(store: &dyn LeaseStore, name: &str, holder: &str, ttl: Duration) -> Lease {
    try_take(store, name, holder, ttl)
        .await
        .expect("nobody holds this lease")
}

async fn try_take(store: &dyn LeaseStore, name: &str, holder: &str, ttl: Duration) -> Option<Lease> {
    store.acquire(name, holder, ttl, 0).await.expect("the store answers")
}

async fn one_owner_at_a_time(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let (one, two) = (open(), open());
    assert_eq!(one.inspect(name).await.expect("answers"), None);
    let lease = take(&*one, name, "a", LONG).await;
    assert!(lease.is_live());
    assert_eq!((lease.name(), lease.holder(), lease.ttl()), (name, "a", LONG));
    assert!(try_take(&*two, name, "b", LONG).await.is_none());
    let seen = two.inspect(name).await.expect("answers").expect("held");
    assert_eq!((seen.holder.as_str(), seen.epoch), ("a", lease.epoch()));
    assert!(seen.remaining <= LONG && seen.remaining > LONG / 2);
    one.release(lease).await.expect("answers");
}

async fn the_same_holder_is_refused_too(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let store = open();
    let lease = take(&*store, name, "a", LONG).await;
    assert!(try_take(&*store, name, "a", LONG).await.is_none());
    store.release(lease).await.expect("answers");
}

async fn released_is_free_at_once(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let (one, two) = (open(), open());
    let mut last = 0;
    for round in 0..50 {
        let store = if round % 2 == 0 { &one } else { &two };
        let lease = take(&**store, name, "a", LONG).await;
        assert!(lease.epoch() > last, "epochs grow over release");
        last = lease.epoch();
        store.release(lease).await.expect("answers");
        assert_eq!(two.inspect(name).await.expect("answers"), None);
    }
    let fresh = open();
    let lease = take(&*fresh, name, "a", LONG).await;
    assert!(lease.epoch() > last, "epochs grow over a restart");
    fresh.release(lease).await.expect("answers");
}

/// The store may know nothing of the name, or less than what the lease protects.
async fn an_epoch_is_above_what_was_seen(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let (one, two) = (open(), open());
    let first = take(&*one, name, "a", LONG).await;
    let seen = first.epoch() + 1_000_000_000_000;
    one.release(first).await.expect("answers");
    let taken = two.acquire(name, "b", LONG, seen).await.expect("the store answers");
    let ahead = taken.expect("nobody holds this lease");
    assert!(ahead.epoch() > seen);
    assert!(
        one.acquire(name, "a", LONG, u64::MAX).await.expect("answers").is_none(),
        "a floor takes nothing away"
    );
    let seen = ahead.epoch();
    two.release(ahead).await.expect("answers");
    let next = take(&*one, name, "a", LONG).await;
    assert!(next.epoch() > seen, "the store has learned it");
    one.release(next).await.expect("answers");
}

async fn runs_out_and_is_taken_over(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let (one, two) = (open(), open());
    let old = take(&*one, name, "a", SHORT).await;
    let new = loop {
        if let Some(lease) = try_take(&*two, name, "b", LONG).await {
            break lease;
        }
        tokio::task::yield_now().await;
    };
    assert!(!old.is_live(), "the old owner has stepped down before the takeover");
    assert!(new.epoch() > old.epoch());
    one.release(old).await.expect("answers");
    assert_eq!(
        two.inspect(name).await.expect("answers").expect("held").holder,
        "b",
        "a late release frees nothing"
    );
    two.release(new).await.expect("answers");
}

async fn renewing_extends(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let (one, two) = (open(), open());
    let mut lease = take(&*one, name, "a", SHORT).await;
    let epoch = lease.epoch();
    let start = Lease::now();
    while Lease::now() < start + SHORT * 3 {
        assert!(one.renew(&mut lease).await.expect("answers"), "renewed in time");
        assert!(lease.is_live());
        assert!(try_take(&*two, name, "b", SHORT).await.is_none());
    }
    assert_eq!(lease.epoch(), epoch, "renewing keeps the epoch");
    one.release(lease).await.expect("answers");
}

async fn what_is_lost_cannot_be_renewed_or_released(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let (one, two) = (open(), open());
    let mut old = take(&*one, name, "a", SHORT).await;
    while one.inspect(name).await.expect("answers").is_some() {
        tokio::task::yield_now().await;
    }
    assert!(
        !one.renew(&mut old).await.expect("answers"),
        "run out, though nobody took it"
    );
    let mut new = take(&*two, name, "a", LONG).await;
    assert!(
        !one.renew(&mut old).await.expect("answers"),
        "taken, though by the same holder's name"
    );
    assert!(!old.is_live());
    one.release(old).await.expect("answers");
    assert!(two.renew(&mut new).await.expect("answers"));
    two.release(new).await.expect("answers");
}

async fn an_operator_can_take_it_away(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let (one, two) = (open(), open());
    assert!(!two.force_release(name).await.expect("answers"), "nobody held it");
    let mut old = take(&*one, name, "a", LONG).await;
    assert!(two.force_release(name).await.expect("answers"));
    assert!(!one.renew(&mut old).await.expect("answers"));
    let new = take(&*two, name, "b", LONG).await;
    assert!(new.epoch() > old.epoch());
    one.release(old).await.expect("answers");
    assert!(one.inspect(name).await.expect("answers").is_some());
    two.release(new).await.expect("answers");
}

async fn names_are_separate(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let store = open();
    let mut held = Vec::new();
    for suffix in ["", "x", "X", "/x", ".x", "%2Fx", ":x", " x"] {
        held.push(take(&*store, &format!("{name}{suffix}"), "a", LONG).await);
    }
    for lease in held {
        store.release(lease).await.expect("answers");
    }
}

async fn odd_names_work_and_bad_ones_are_refused(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let store = open();
    for odd in [format!("{name}/../../etc"), format!("{name}/飞书:é")] {
        let lease = take(&*store, &odd, "主机 1", LONG).await;
        assert_eq!(
            store.inspect(&odd).await.expect("answers").expect("held").holder,
            "主机 1"
        );
        store.release(lease).await.expect("answers");
    }
    for bad in [String::new(), "a\nb".to_owned(), "x".repeat(201)] {
        assert!(store.acquire(&bad, "a", LONG, 0).await.is_err());
        assert!(store.acquire(name, &bad, LONG, 0).await.is_err());
        assert!(store.inspect(&bad).await.is_err());
    }
}

async fn a_keeper_holds_on_and_lets_go(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>) {
    let (one, two) = (open(), open());
    let keeper = Keeper::start(Arc::clone(&one), take(&*one, name, "a", SHORT * 4).await);
    let start = Lease::now();
    while Lease::now() < start + SHORT * 10 {
        assert!(keeper.is_live());
        assert!(try_take(&*two, name, "b", LONG).await.is_none());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    keeper.release().await.expect("answers");
    two.release(take(&*two, name, "b", LONG).await).await.expect("answers");
}

/// Two nodes on two threads take, check and give back as fast as they can; some forget to give back.
async fn a_race_has_one_winner(name: &str, open: &impl Fn() -> Arc<dyn LeaseStore>, rounds: u64) {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    struct Arena {
        owners: AtomicU64,
        newest: AtomicU64,
        won: AtomicU64,
    }
    let arena = Arc::new(Arena {
        owners: 0.into(),
        newest: 0.into(),
        won: 0.into(),
    });
    let node = |store: Arc<dyn LeaseStore>, holder: &'static str| {
        let (arena, name) = (Arc::clone(&arena), name.to_owned());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let mut mine = 0;
                while arena.won.load(SeqCst) < rounds || mine == 0 {
                    let Some(lease) = try_take(&*store, &name, holder, LONG).await else {
                        std::thread::yield_now();
                        continue;
                    };
                    assert_eq!(arena.owners.fetch_add(1, SeqCst), 0, "two owners");
                    assert!(
                        arena.newest.swap(lease.epoch(), SeqCst) < lease.epoch(),
                        "an epoch did not grow"
                    );
                    std::thread::yield_now();
                    assert_eq!(arena.owners.fetch_sub(1, SeqCst), 1, "two owners");
                    arena.won.fetch_add(1, SeqCst);
                    mine += 1;
                    store.release(lease).await.expect("answers");
                    std::thread::yield_now();
                }
            });
        })
    };
    let nodes = [node(open(), "a"), node(open(), "b")];
    for node in nodes {
        node.join().expect("no node saw two owners");
    }
}
