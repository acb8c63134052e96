//! Whose turn may run next: users take turns in getting one, so that nobody's queue is before anybody else's first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use creel_session::UserId;
use tokio::sync::oneshot;

/// How many turns may run.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Of one user.
    pub each: usize,
    /// Of all.
    pub total: usize,
}

#[derive(Default)]
pub struct Schedule {
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    running: usize,
    users: HashMap<UserId, Line>,
    /// Users with somebody waiting, the next one first.
    ring: VecDeque<UserId>,
    /// Places given out so far; each has a number of its own.
    places: u64,
}

#[derive(Default)]
struct Line {
    running: usize,
    waiting: VecDeque<(u64, oneshot::Sender<Slot>)>,
}

/// A place in a user's line, which is left when this is dropped: whoever asks and goes away, again and again, must leave nothing behind.
struct Place<'a> {
    schedule: &'a Schedule,
    user: &'a UserId,
    number: u64,
}

/// The right to run one turn, until it is dropped.
pub struct Slot {
    schedule: Arc<Schedule>,
    user: UserId,
    bounds: Bounds,
}

impl Schedule {
    /// Waits for a slot. Dropping the future leaves the line.
    pub async fn enter(self: &Arc<Self>, user: &UserId, bounds: Bounds) -> Slot {
        let (sender, mut slot) = oneshot::channel();
        // Dropped before `slot`, so that whoever is in a line can be served.
        let _place = {
            let mut lines = self.lines();
            lines.places += 1;
            let number = lines.places;
            let line = lines.users.entry(user.clone()).or_default();
            line.waiting.push_back((number, sender));
            if !lines.ring.contains(user) {
                lines.ring.push_back(user.clone());
            }
            self.hand_out(lines, bounds);
            Place {
                schedule: self,
                user,
                number,
            }
        };
        (&mut slot).await.expect("who waits in a line is served or stays in it")
    }

    pub fn running(&self) -> usize {
        self.lines().running
    }

    pub fn waiting(&self) -> usize {
        self.lines().users.values().map(|line| line.waiting.len()).sum()
    }

    /// Gives what is free to whoever is next.
    fn hand_out(self: &Arc<Self>, mut lines: MutexGuard<'_, Lines>, bounds: Bounds) {
        let mut passed = 0;
        while lines.running < bounds.total && passed < lines.ring.len() {
            let Some(user) = lines.ring.pop_front() else { break };
            let Some(line) = lines.users.get_mut(&user) else {
                continue;
            };
            if line.running >= bounds.each {
                lines.ring.push_back(user);
                passed += 1;
                continue;
            }
            let Some((_, waiting)) = line.waiting.pop_front() else {
                continue;
            };
            line.running += 1;
            if !line.waiting.is_empty() {
                lines.ring.push_back(user.clone());
            }
            lines.running += 1;
            passed = 0;
            let slot = Slot {
                schedule: self.clone(),
                user,
                bounds,
            };
            let served = waiting.send(slot);
            assert!(served.is_ok(), "whoever is in a line is there");
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().expect("no holder panics")
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.schedule.lines();
        let Some(line) = lines.users.get_mut(self.user) else {
            return;
        };
        line.waiting.retain(|(number, _)| *number != self.number);
        if line.waiting.is_empty() {
            if line.running == 0 {
                lines.users.remove(self.user);
            }
            lines.ring.retain(|user| user != self.user);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut lines = self.schedule.lines();
        lines.running -= 1;
        if let Some(line) = lines.users.get_mut(&self.user) {
            line.running -= 1;
            if line.running == 0 && line.waiting.is_empty() {
                lines.users.remove(&self.user);
            }
        }
        self.schedule.hand_out(lines, self.bounds);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const BOUNDS: Bounds = Bounds { each: 2, total: 3 };

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[tokio::test]
    async fn a_long_queue_is_not_before_anybody_elses_first() {
        let schedule = Arc::new(Schedule::default());
        let (greedy, modest) = (user("greedy"), user("modest"));
        let mut held: VecDeque<Slot> = VecDeque::new();
        for _ in 0..2 {
            held.push_back(schedule.enter(&greedy, BOUNDS).await);
        }
        held.push_back(schedule.enter(&user("other"), BOUNDS).await);
        let mut queue: Vec<_> = (0..10).map(|_| Box::pin(schedule.enter(&greedy, BOUNDS))).collect();
        assert!(queue.iter_mut().all(|slot| slot.now_or_never().is_none()));
        let mut first = Box::pin(schedule.enter(&modest, BOUNDS));
        assert!((&mut first).now_or_never().is_none());
        held.pop_back();
        assert!(
            (&mut first).now_or_never().is_some(),
            "one place is free, and greedy has two"
        );
    }

    #[tokio::test]
    async fn who_leaves_the_line_leaves_nothing_behind() {
        let schedule = Arc::new(Schedule::default());
        let name = user("a");
        let one = schedule.enter(&name, BOUNDS).await;
        let two = schedule.enter(&name, BOUNDS).await;
        let mut gone = Box::pin(schedule.enter(&name, BOUNDS));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        drop((one, two));
        assert_eq!((schedule.running(), schedule.waiting()), (0, 0));
        assert!(schedule.lines().users.is_empty());
        schedule.enter(&name, BOUNDS).await;
    }

    #[tokio::test]
    async fn a_hundred_thousand_who_left_are_not_remembered() {
        let schedule = Arc::new(Schedule::default());
        let name = user("a");
        let held = [schedule.enter(&name, BOUNDS).await, schedule.enter(&name, BOUNDS).await];
        for _ in 0..100_000 {
            assert!(schedule.enter(&name, BOUNDS).now_or_never().is_none());
        }
        assert_eq!(schedule.waiting(), 0);
        assert!(schedule.lines().ring.is_empty());
        drop(held);
        assert!(schedule.lines().users.is_empty());
    }
}
