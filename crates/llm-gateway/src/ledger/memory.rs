//! The books in memory, for unit tests: the rules of [`LedgerStore`] at their plainest, and faults on demand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use creel_records::RecordsError;
use creel_records::ledger::{
    Exchange, Exchanged, Joined, Keep, LedgerStore, Micros, Others, Position, PurseId, RequestId, Settlement, Take,
    Taken, Tidied,
};

#[derive(Default)]
pub struct MemoryBooks {
    state: Mutex<State>,
    /// The books cannot be reached.
    pub gone: AtomicBool,
    /// This many dealings take place, but their answer is lost.
    pub answers_lost: AtomicU32,
}

#[derive(Default)]
struct State {
    now: i64,
    nodes: HashMap<String, Node>,
    /// What was granted less what was charged.
    balances: BTreeMap<PurseId, Micros>,
    settled: BTreeMap<RequestId, Settlement>,
}

#[derive(Default, Clone)]
struct Node {
    generation: i64,
    turn: i64,
    position: Position,
    held: BTreeMap<PurseId, Micros>,
    recalled: BTreeMap<PurseId, bool>,
}

impl MemoryBooks {
    pub fn grant(&self, user: &str, amount: Micros) {
        let mut state = self.state.lock().unwrap();
        *state.balances.entry(PurseId::Account(user.into())).or_default() += amount;
    }

    pub fn balance(&self, purse: &PurseId) -> Micros {
        self.state
            .lock()
            .unwrap()
            .balances
            .get(purse)
            .copied()
            .unwrap_or_default()
    }

    /// What all nodes hold of all purses.
    pub fn held(&self) -> Micros {
        let state = self.state.lock().unwrap();
        state.nodes.values().flat_map(|node| node.held.values().copied()).sum()
    }

    pub fn settled(&self) -> Vec<Settlement> {
        self.state.lock().unwrap().settled.values().cloned().collect()
    }

    pub fn set_time(&self, now: i64) {
        self.state.lock().unwrap().now = now;
    }

    fn reach(&self) -> Result<(), RecordsError> {
        match self.gone.load(Ordering::Relaxed) {
            true => Err(lost()),
            false => Ok(()),
        }
    }
}

fn lost() -> RecordsError {
    RecordsError::Damaged {
        what: "connection",
        id: "books".into(),
        reason: "gone, for the test".into(),
    }
}

impl State {
    fn joined(&self, name: &str) -> Result<Joined, RecordsError> {
        let node = self.nodes.get(name).ok_or(RecordsError::NotFound {
            what: "node",
            id: name.to_owned(),
        })?;
        Ok(Joined {
            generation: node.generation,
            turn: node.turn,
            position: node.position,
            held: node.held.iter().map(|(purse, held)| (purse.clone(), *held)).collect(),
            now: self.now,
        })
    }

    fn take(&mut self, name: &str, take: &Take) -> Taken {
        let held = |node: &Node| node.held.get(&take.purse).copied().unwrap_or_default();
        let all: Micros = self.nodes.values().map(held).sum();
        let balance = self.balances.get(&take.purse).copied().unwrap_or_default();
        let available = take.limit + balance - all;
        if available >= take.need {
            let got = available.min(take.want.max(Micros(available.0 / 8)));
            *self
                .nodes
                .get_mut(name)
                .unwrap()
                .held
                .entry(take.purse.clone())
                .or_default() += got;
            return Taken {
                got,
                others: Others::Nothing,
            };
        }
        let mut others = Others::Nothing;
        for (_, node) in self.nodes.iter_mut().filter(|(other, _)| *other != name) {
            if held(node) > Micros::ZERO {
                if take.recall {
                    node.recalled.insert(take.purse.clone(), true);
                }
                others = match node.recalled.contains_key(&take.purse) {
                    true => Others::Asked,
                    false if others == Others::Asked => Others::Asked,
                    false => Others::InUse,
                };
            }
        }
        Taken {
            got: Micros::ZERO,
            others,
        }
    }
}

#[async_trait]
impl LedgerStore for MemoryBooks {
    async fn join(&self, node: &str) -> Result<Joined, RecordsError> {
        self.reach()?;
        let mut state = self.state.lock().unwrap();
        state.nodes.entry(node.to_owned()).or_default().generation += 1;
        state.joined(node)
    }

    async fn look(&self, node: &str) -> Result<Joined, RecordsError> {
        self.reach()?;
        self.state.lock().unwrap().joined(node)
    }

    async fn recalled(&self, node: &str) -> Result<Vec<PurseId>, RecordsError> {
        self.reach()?;
        Ok(self.state.lock().unwrap().nodes[node]
            .recalled
            .keys()
            .cloned()
            .collect())
    }

    async fn tidy(&self, _keep: Keep) -> Result<Tidied, RecordsError> {
        Ok(Tidied::default())
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, RecordsError> {
        self.reach()?;
        let mut state = self.state.lock().unwrap();
        let state = &mut *state;
        let name = exchange.node.as_str();
        let node = state.nodes.get_mut(name).unwrap();
        if (node.generation, node.turn + 1) != (exchange.generation, exchange.turn) {
            return Err(RecordsError::Stale { node: name.to_owned() });
        }
        node.turn = exchange.turn;
        node.position = exchange.position;
        for settlement in &exchange.settlements {
            assert!(state.settled.insert(settlement.request, settlement.clone()).is_none());
            for purse in settlement.purses() {
                *state.balances.entry(purse.clone()).or_default() -= settlement.cost;
                if settlement.reserved > Micros::ZERO {
                    *node.held.get_mut(&purse).unwrap() -= settlement.cost.min(settlement.reserved);
                }
            }
        }
        for give in &exchange.gives {
            if give.amount > Micros::ZERO {
                *node.held.get_mut(&give.purse).unwrap() -= give.amount;
            }
            node.recalled.remove(&give.purse);
        }
        node.held.retain(|_, held| {
            assert!(*held >= Micros::ZERO);
            *held > Micros::ZERO
        });
        let taken = exchange.takes.iter().map(|take| state.take(name, take)).collect();
        let recalled = &state.nodes[name].recalled;
        let done = Exchanged {
            taken,
            recalled: recalled.keys().cloned().collect(),
            now: state.now,
        };
        let lose = |left: u32| left.checked_sub(1);
        match self
            .answers_lost
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, lose)
        {
            Ok(_) => Err(lost()),
            Err(_) => Ok(done),
        }
    }
}
