//! The books: what nodes deal with them, what is given, and what calls took.

mod dealings;
mod grants;
mod usage;

pub use dealings::*;
pub use grants::*;
pub use usage::*;

use creel_records::ledger::{
    Billing, Credits, EntryKind, Exchange, Give, LedgerStore, Micros, NewGrant, Others, Outcome, PurseId, RequestId,
    Settlement, Take, Usage,
};
use creel_records::{Events, RecordsError, now_ms};

pub trait Books: LedgerStore + Credits + Events {}
impl<T: LedgerStore + Credits + Events> Books for T {}

const DAY_MS: i64 = 86_400_000;

/// A gateway node, as it deals.
struct Node<'s, S> {
    store: &'s S,
    next: Exchange,
}

impl<'s, S: Books> Node<'s, S> {
    async fn join(store: &'s S, name: &str) -> Self {
        let joined = loop {
            match store.join(name).await {
                Err(RecordsError::Conflict(_)) => {}
                other => break other.unwrap(),
            }
        };
        let next = Exchange {
            node: name.to_owned(),
            generation: joined.generation,
            turn: joined.turn + 1,
            position: joined.position,
            settlements: Vec::new(),
            takes: Vec::new(),
            gives: Vec::new(),
        };
        Self { store, next }
    }

    async fn deal(&mut self, change: impl FnOnce(&mut Exchange)) -> creel_records::ledger::Exchanged {
        let mut exchange = self.next.clone();
        change(&mut exchange);
        let done = loop {
            match self.store.exchange(&exchange).await {
                Err(RecordsError::Conflict(_)) => {}
                other => break other.unwrap(),
            }
        };
        self.next.turn += 1;
        done
    }

    async fn take(&mut self, purse: &PurseId, need: i64, recall: bool) -> (i64, Others) {
        let take = Take {
            purse: purse.clone(),
            limit: Micros::ZERO,
            need: Micros(need),
            want: Micros(need),
            recall,
        };
        let done = self.deal(|exchange| exchange.takes.push(take)).await;
        (done.taken[0].got.0, done.taken[0].others)
    }

    async fn give(&mut self, purse: &PurseId, amount: i64) {
        let give = Give {
            purse: purse.clone(),
            amount: Micros(amount),
        };
        self.deal(|exchange| exchange.gives.push(give)).await;
    }

    async fn settle(&mut self, settlement: Settlement) {
        self.deal(|exchange| exchange.settlements.push(settlement)).await;
    }
}

fn account(user: &str) -> PurseId {
    PurseId::Account(user.into())
}

fn call(user: &str, reserved: i64, cost: i64) -> Settlement {
    Settlement {
        request: RequestId::new(),
        billing: Billing::Credits,
        user: user.into(),
        instance: "claw".into(),
        key: "k1".into(),
        provider: "openai".into(),
        model: "gpt".into(),
        day: None,
        month: None,
        reserved: Micros(reserved),
        cost: Micros(cost),
        usage: Usage {
            prompt: 10,
            completion: 5,
            cached: 2,
            reasoning: 1,
            estimated: false,
        },
        outcome: Outcome::Done,
        at: now_ms(),
        latency_ms: 3,
    }
}

async fn grant(store: &impl Books, user: &str, amount: i64, expires_at: Option<i64>) {
    let new = NewGrant {
        account: user.into(),
        amount: Micros(amount),
        kind: EntryKind::Grant,
        expires_at,
        note: None,
        request: None,
    };
    store.grant(&new).await.unwrap();
}

/// Balance and what is held, after checking that the balance is the sum of the entries and of what is left of the grants.
async fn stands(store: &impl Books, user: &str) -> (i64, i64) {
    let stands = store.credits(user).await.unwrap();
    let entries = store.entries(user, None, 10_000).await.unwrap();
    assert_eq!(stands.balance, entries.iter().map(|entry| entry.amount).sum());
    let left: Micros = stands.grants.iter().map(|grant| grant.remaining).sum();
    assert_eq!(left, stands.balance.at_least_zero());
    (stands.balance.0, stands.held.0)
}
