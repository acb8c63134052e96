//! The users who are loaded: as many as `maxCachedUsers`, for `userIdleTimeoutMs` after their last request; never without one who has
//! work in flight.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use creel_config::Quotas;
use creel_http::Problem;
use creel_session::UserId;
use tokio_util::sync::CancellationToken;

use super::tenant::Tenant;
use super::usage::Seat;

#[derive(Default)]
pub struct Cache {
    tenants: Mutex<HashMap<UserId, Arc<Tenant>>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Cache {
    /// A place for a request of this user, who is loaded from now on until nothing of theirs is under way.
    pub fn seat(
        &self,
        id: &UserId,
        body_bytes: usize,
        quotas: &Quotas,
        most: usize,
        stop: &CancellationToken,
    ) -> Result<Seat, Problem> {
        let mut tenants = self.tenants();
        if let Some(tenant) = tenants.get(id) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Seat::take(tenant.clone(), body_bytes, quotas);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        if tenants.len() >= most {
            make_room(&mut tenants, most);
        }
        let tenant = Arc::new(Tenant::new(id.clone(), stop.child_token()));
        tenants.insert(id.clone(), tenant.clone());
        Seat::take(tenant, body_bytes, quotas)
    }

    pub fn get(&self, id: &UserId) -> Option<Arc<Tenant>> {
        self.tenants().get(id).cloned()
    }

    pub fn all(&self) -> Vec<Arc<Tenant>> {
        self.tenants().values().cloned().collect()
    }

    pub fn len(&self) -> usize {
        self.tenants().len()
    }

    /// Share of requests that found their user loaded; `None` before the first one.
    pub fn hit_rate(&self) -> Option<f64> {
        let (hits, misses) = (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed));
        let all = hits + misses;
        (all > 0).then(|| hits as f64 / all as f64)
    }

    /// Unloads the user and ends all that is theirs.
    pub fn end(&self, id: &UserId) {
        if let Some(tenant) = self.tenants().remove(id) {
            tenant.stop.cancel();
        }
    }

    /// Unloads who has asked nothing for `idle`, and says who that was.
    pub fn unload_idle(&self, idle: Duration) -> Vec<UserId> {
        let mut unloaded = Vec::new();
        self.tenants().retain(|id, tenant| {
            let stays = !tenant.is_idle() || tenant.last_used().elapsed() < idle;
            if !stays {
                unloaded.push(id.clone());
            }
            stays
        });
        unloaded
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Tenant>>> {
        self.tenants.lock().expect("no holder panics")
    }
}

/// Throws out those who asked longest ago, a sixteenth at a time, so that not every new one has to look for the oldest.
fn make_room(tenants: &mut HashMap<UserId, Arc<Tenant>>, most: usize) {
    let mut idle: Vec<_> = tenants
        .values()
        .filter(|tenant| tenant.is_idle())
        .map(|tenant| (tenant.last_used(), tenant.id.clone()))
        .collect();
    idle.sort_unstable();
    let surplus = tenants.len() - most + 1 + most / 16;
    for (_, id) in idle.into_iter().take(surplus) {
        tenants.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: impl ToString) -> UserId {
        UserId::new(&name.to_string()).unwrap()
    }

    fn seat(cache: &Cache, name: impl ToString, most: usize) -> Seat {
        let stop = CancellationToken::new();
        cache.seat(&id(name), 0, &Quotas::default(), most, &stop).ok().unwrap()
    }

    #[test]
    fn the_one_who_asked_longest_ago_makes_room_unless_at_work() {
        let cache = Cache::default();
        let busy = seat(&cache, "busy", 4);
        for name in ["old", "middle", "new"] {
            seat(&cache, name, 4);
        }
        seat(&cache, "another", 4);
        let is_loaded = |name| cache.get(&id(name)).is_some();
        assert!(is_loaded("busy") && !is_loaded("old") && is_loaded("middle") && is_loaded("another"));
        assert_eq!(cache.unload_idle(Duration::ZERO).len(), 3);
        assert_eq!(cache.len(), 1);
        drop(busy);
        assert_eq!(cache.unload_idle(Duration::ZERO), [id("busy")]);
    }

    #[test]
    fn at_work_all_stay_even_over_the_limit() {
        let cache = Cache::default();
        let seats: Vec<Seat> = (0..5).map(|number| seat(&cache, number, 2)).collect();
        assert_eq!(cache.len(), 5);
        drop(seats);
        seat(&cache, "next", 2);
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn one_user_has_a_share_and_no_more() {
        let cache = Cache::default();
        let quotas = Quotas {
            requests: 2,
            body_bytes: 100,
            ..Quotas::default()
        };
        let stop = CancellationToken::new();
        let take = |name, bytes| {
            cache
                .seat(&id(name), bytes, &quotas, 10, &stop)
                .map_err(|problem| problem.code)
        };
        let large = take("a", 500).ok().unwrap();
        assert_eq!(take("a", 1).err(), Some("too_many_bytes"));
        drop(large);
        let _two = (take("a", 50).ok().unwrap(), take("a", 50).ok().unwrap());
        assert_eq!(take("a", 0).err(), Some("too_many_requests"));
        let others = take("b", 40).ok().unwrap();
        let hold = |bytes| others.hold(bytes, &quotas).map_err(|problem| problem.code);
        assert_eq!(
            hold(61).err(),
            Some("too_many_bytes"),
            "transcripts are of the same share"
        );
        let transcript = hold(60).ok().unwrap();
        assert!(hold(1).is_err());
        drop(transcript);
        assert!(hold(1).is_ok());
    }
}
