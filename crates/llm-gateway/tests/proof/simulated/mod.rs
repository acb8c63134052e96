//! The proof with one hand on everything: two nodes on one SQLite, whose time stands still, and whose every dealing with the books
//! takes place, fails or loses its answer as the seed says. The same seed is the same history, step by step.

mod calls;
mod door;
mod lives;
mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use creel_llm_gateway::ledger::Refused;
use creel_records::SqlRecords;
use creel_records::ledger::{Credits as _, EntryKind, Keep, LedgerStore as _, Micros, NewGrant, RequestId};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::call::Call;
use super::count;
use super::node::Said;
use super::random::Random;
use door::{Fate, Knock};
use node::Node;

const NODES: usize = 2;
const USERS: usize = 3;
/// In milliseconds since 1970: long ago.
const EXPIRED: i64 = 1;

pub struct History {
    pub calls: usize,
    pub kills: usize,
    /// Of everything that was seen to happen.
    pub hash: u64,
}

struct World {
    random: Random,
    outside: Runtime,
    store: SqlRecords,
    _dir: TempDir,
    users: Vec<String>,
    nodes: Vec<Node>,
    calls: BTreeMap<RequestId, Call>,
    /// What the books have been told.
    settled: BTreeSet<RequestId>,
    kills: usize,
    history: DefaultHasher,
}

/// One history, from an empty database to the last count.
pub fn run(seed: u64) -> History {
    let outside = Builder::new_current_thread().enable_all().build().unwrap();
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite:{}", dir.path().join("creel.db").display());
    let store = outside.block_on(SqlRecords::open(&url.parse().unwrap())).unwrap();
    let mut world = World {
        random: Random::new(seed),
        outside,
        store,
        _dir: dir,
        users: (0..USERS).map(|user| format!("user-{user}")).collect(),
        nodes: Vec::new(),
        calls: BTreeMap::new(),
        settled: BTreeSet::new(),
        kills: 0,
        history: DefaultHasher::new(),
    };
    for user in 0..USERS {
        world.grant(user, 1000, None);
    }
    for number in 0..NODES {
        world.start(number, TempDir::new().unwrap());
    }
    for _ in 0..world.random.between(50, 200) {
        world.step();
    }
    world.finish();
    History {
        calls: world.calls.len(),
        kills: world.kills,
        hash: world.history.finish(),
    }
}

impl World {
    fn step(&mut self) {
        let node = self.random.below(NODES);
        match self.random.below(40) {
            0 => self.kill(node),
            1 => {
                let (user, amount) = (self.random.below(USERS), self.random.between(1, 3000));
                let expired = self.random.below(3) == 0;
                self.grant(user, amount, expired.then_some(EXPIRED));
            }
            2 => {
                let tidied = self.outside.block_on(self.store.tidy(Keep::default())).unwrap();
                format!("{tidied:?}").hash(&mut self.history);
            }
            3 => self
                .outside
                .block_on(count::bounds(&self.store, &self.users, &self.calls)),
            4..16 => self.deal(node),
            16..20 => {
                // A tick, a pause, a call's patience, an idle purse, the books silent for too long.
                let ms = [1, 50, 250, 3_000, 6_000, 11_000][self.random.below(6)];
                self.go_on(node, ms);
            }
            _ => {
                self.act(node);
                self.go_on(node, 0);
            }
        }
    }

    /// The node goes on; what it says of its calls is heard.
    fn go_on(&mut self, node: usize, ms: u64) {
        for (id, refused) in self.nodes[node].go_on(ms) {
            (id.0, format!("{refused:?}")).hash(&mut self.history);
            let said = match refused {
                None => Said::Sent,
                Some(Refused::OutOfCredits { .. }) => Said::Refused,
                Some(_) => Said::Unavailable,
            };
            self.calls.get_mut(&id).unwrap().hear(said);
        }
    }

    /// Whatever the node wants of the books is done, or not.
    fn deal(&mut self, node: usize) {
        let chance = self.random.below(12);
        let Some(knock) = self.nodes[node].knock() else { return };
        let fate = match chance {
            0 => Fate::NeverWas,
            1 | 2 => Fate::AnswerLost,
            _ => Fate::Done,
        };
        self.answer(knock, fate, false);
        // It may die before it hears the answer.
        if chance == 3 {
            return self.kill(node);
        }
        self.go_on(node, 0);
    }

    fn answer(&mut self, knock: Knock, fate: Fate, twice: bool) {
        (knock.what, format!("{fate:?}")).hash(&mut self.history);
        let settles = knock.settles.clone();
        if self.outside.block_on(knock.answer(&self.store, fate)) {
            for id in settles {
                id.0.hash(&mut self.history);
                let is_new = self.settled.insert(id);
                assert!(
                    is_new || twice,
                    "call {id} was in the books, and is brought there again"
                );
            }
        }
    }

    fn id(&mut self) -> RequestId {
        RequestId(u128::from(self.random.number()) << 64 | u128::from(self.random.number()))
    }

    fn grant(&mut self, user: usize, amount: i64, expires_at: Option<i64>) {
        let new = NewGrant {
            account: self.users[user].clone(),
            amount: Micros(amount),
            kind: EntryKind::Grant,
            expires_at,
            note: None,
            request: Some(self.id()),
        };
        self.outside.block_on(self.store.grant(&new)).unwrap();
    }
}
