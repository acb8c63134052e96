//! Gateways, users, and one schedule of what happens to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use creel_records::ledger::{Credits as _, EntryKind, Keep, LedgerStore as _, Micros, NewGrant, RequestId};
use creel_records::{RecordsError, SqlRecords, now_ms};
use tempfile::TempDir;

use super::call::{Call, Phase};
use super::count;
use super::node::{Node, Said};
use super::random::Random;

const USERS: usize = 3;
/// Calls of one gateway at a time.
const SLOTS: usize = 6;

type Cut = Box<dyn Fn()>;

pub struct World {
    url: String,
    pub store: SqlRecords,
    pub journals: TempDir,
    nodes: Vec<Node>,
    cut: Option<Cut>,
    gateways: usize,
    schedules: usize,
}

#[derive(Debug, Default, Clone, Copy)]
pub struct Did {
    pub calls: usize,
    pub kills: usize,
}

/// One schedule under way.
struct Run<'w> {
    world: &'w mut World,
    random: Random,
    users: Vec<String>,
    calls: BTreeMap<RequestId, Call>,
    kills: usize,
}

impl World {
    pub async fn new(url: &str, gateways: usize, cut: Option<Cut>) -> Self {
        let mut world = Self {
            url: url.to_owned(),
            store: SqlRecords::open(&url.parse().unwrap()).await.unwrap(),
            journals: TempDir::new().unwrap(),
            nodes: Vec::new(),
            cut,
            gateways,
            schedules: 0,
        };
        for number in 0..gateways {
            let node = world.start(number).await;
            world.nodes.push(node);
        }
        world
    }

    fn journal(&self, number: usize) -> PathBuf {
        self.journals.path().join(number.to_string())
    }

    async fn start(&self, number: usize) -> Node {
        Node::start(&self.url, &self.journal(number)).await
    }

    /// Lets one schedule happen, and counts.
    pub async fn run(&mut self, random: Random) -> Did {
        self.schedules += 1;
        let schedule = self.schedules;
        let mut run = Run {
            users: (0..USERS).map(|user| format!("user-{schedule}-{user}")).collect(),
            random,
            calls: BTreeMap::new(),
            kills: 0,
            world: self,
        };
        for user in 0..USERS {
            run.grant(user, 1000, None).await;
        }
        for _ in 0..run.random.between(100, 500) {
            run.step().await;
        }
        run.finish().await;
        let Run {
            users, calls, kills, ..
        } = run;
        count::everything(&self.store, &users, &calls).await;
        let did = Did {
            calls: calls.len(),
            kills,
        };
        for number in 0..self.gateways {
            let node = self.start(number).await;
            self.nodes.push(node);
        }
        if schedule.is_multiple_of(4) {
            self.spend_all(&users).await;
        }
        did
    }

    /// The balance once everything in it that expires is gone, seconds from now: nobody can reserve what has expired.
    async fn lasting_balance(&self, user: &str) -> i64 {
        loop {
            steadily(|| self.store.tidy(Keep::default())).await;
            let account = steadily(|| self.store.credits(user)).await;
            let Some(last) = account.grants.iter().filter_map(|grant| grant.expires_at).max() else {
                return account.balance.0;
            };
            let left = u64::try_from(last - now_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(left)).await;
        }
    }

    /// What the first gateway says of a call that costs so much, when nobody else asks. Once more where the books have not answered it in time.
    async fn ask_alone(&mut self, user: &str, reserved: i64) -> (RequestId, Said) {
        loop {
            let id = RequestId::new();
            self.nodes[0].tell(&format!("reserve {id} {user} {reserved} 1 0")).await;
            match self.nodes[0].answer().await {
                (answered, Said::Unavailable) if answered == id => {}
                said => {
                    assert_eq!(said.0, id);
                    return said;
                }
            }
        }
    }

    /// Nothing leaked: every balance can be reserved to the last millionth, and not one more.
    async fn spend_all(&mut self, users: &[String]) {
        for user in users {
            let balance = self.lasting_balance(user).await;
            let mut all = RequestId::new();
            if balance > 0 {
                let said;
                (all, said) = self.ask_alone(user, balance).await;
                assert_eq!(said, Said::Sent, "all {balance} of {user}");
            }
            let (_, said) = self.ask_alone(user, 1).await;
            assert_eq!(said, Said::Refused, "one more than {balance} of {user}");
            if balance > 0 {
                self.nodes[0].tell(&format!("release {all}")).await;
                assert_eq!(self.nodes[0].answer().await, (all, Said::Done));
            }
        }
    }
}

impl Run<'_> {
    async fn step(&mut self) {
        let gateways = self.world.nodes.len();
        match self.random.below(200) {
            0..2 => {
                let node = self.random.below(gateways);
                self.kill(node).await;
            }
            2..7 => {
                let (user, amount) = (self.random.below(USERS), self.random.between(1, 3000));
                // Some expire soon, some before anybody can spend them.
                let expires = self.random.between(0, 3);
                let life = self.random.between(-100, 1500);
                self.grant(user, amount, (expires == 0).then(|| now_ms() + life)).await;
            }
            7 => {
                if let Some(cut) = &self.world.cut {
                    cut();
                }
            }
            8 | 9 => {
                let store = &self.world.store;
                steadily(|| store.tidy(Keep::default())).await;
            }
            10 | 11 => count::bounds(&self.world.store, &self.users, &self.calls).await,
            _ => {
                let (node, slot) = (self.random.below(gateways), self.random.below(SLOTS));
                self.act(node, slot).await;
            }
        }
    }

    /// The next thing in the life of the call in this slot. The same numbers are drawn whatever it is.
    async fn act(&mut self, node: usize, slot: usize) {
        let (what, user) = (self.random.below(12), self.random.below(USERS));
        let (amount, part) = (self.random.between(0, 400), self.random.between(0, 100));
        let in_slot = |call: &Call| call.node == node && call.slot == slot && !matches!(call.phase, Phase::Over(_));
        let found = self.calls.iter().find(|(_, call)| in_slot(call)).map(|(id, _)| *id);
        let Some(id) = found else {
            return self.ask(node, slot, user, amount, part).await;
        };
        let call = self.calls.get_mut(&id).unwrap();
        match call.phase {
            Phase::Sent => {}
            // As likely as not, the answer is waited for; a kill may come before it.
            _ if what % 2 == 0 => return self.listen(node, id).await,
            _ => return,
        }
        let within = call.reserved * part / 100;
        let (command, cost) = match what {
            0..3 => {
                call.noted = Some(within);
                let command = format!("note {id} {within}");
                self.world.nodes[node].tell(&command).await;
                while self.heard(node).await != id {}
                return;
            }
            3..7 => (format!("settle {id} done {within}"), Some(within)),
            7 => (format!("settle {id} failed {within}"), Some(within)),
            // A provider that lies: far more than was reserved, or less than nothing.
            8 => (
                format!("settle {id} done {}", call.reserved * 5 + part),
                Some(call.reserved * 5 + part),
            ),
            9 => (format!("settle {id} done -{part}"), Some(0)),
            10 => (format!("release {id}"), None),
            _ => (format!("drop {id}"), call.noted),
        };
        call.phase = Phase::Ending(cost);
        self.world.nodes[node].tell(&command).await;
    }

    async fn ask(&mut self, node: usize, slot: usize, user: usize, reserved: i64, prompt: i64) {
        let id = RequestId::new();
        let call = Call {
            user: self.users[user].clone(),
            reserved,
            prompt: prompt.min(reserved),
            noted: None,
            node,
            slot,
            given_up: false,
            phase: Phase::Asked,
        };
        let limit = if prompt % 2 == 0 { 5000 } else { 0 };
        let command = format!("reserve {id} {} {reserved} {} {limit}", call.user, call.prompt);
        self.calls.insert(id, call);
        self.world.nodes[node].tell(&command).await;
    }

    async fn grant(&mut self, user: usize, amount: i64, expires_at: Option<i64>) {
        let new = NewGrant {
            account: self.users[user].clone(),
            amount: Micros(amount),
            kind: EntryKind::Grant,
            expires_at,
            note: None,
            request: Some(RequestId::new()),
        };
        let store = &self.world.store;
        steadily(|| store.grant(&new)).await;
    }

    /// Hears the gateway out until the call has an answer.
    async fn listen(&mut self, node: usize, id: RequestId) {
        while matches!(self.calls[&id].phase, Phase::Asked | Phase::Ending(_)) {
            self.heard(node).await;
        }
    }

    async fn heard(&mut self, node: usize) -> RequestId {
        let (id, said) = self.world.nodes[node].answer().await;
        self.calls.get_mut(&id).unwrap().hear(said);
        id
    }

    async fn kill(&mut self, node: usize) {
        self.kills += 1;
        let next = self.world.journal(node);
        let old = self.world.nodes.remove(node);
        for (id, said) in old.kill().await {
            self.calls.get_mut(&id).unwrap().hear(said);
        }
        for call in self.calls.values_mut().filter(|call| call.node == node) {
            call.die();
        }
        let new = Node::start(&self.world.url, &next).await;
        self.world.nodes.insert(node, new);
    }

    /// Ends every gateway: some in order, some killed first.
    async fn finish(&mut self) {
        for node in 0..self.world.nodes.len() {
            if self.random.below(2) == 0 {
                self.kill(node).await;
            }
            let open = |call: &Call| call.node == node && !matches!(call.phase, Phase::Over(_));
            let ids: Vec<_> = self
                .calls
                .iter()
                .filter(|(_, call)| open(call))
                .map(|(id, _)| *id)
                .collect();
            for id in ids {
                self.listen(node, id).await;
                let call = self.calls.get_mut(&id).unwrap();
                if matches!(call.phase, Phase::Sent) {
                    call.phase = Phase::Ending(call.noted);
                    self.world.nodes[node].tell(&format!("drop {id}")).await;
                    self.listen(node, id).await;
                }
            }
        }
        for node in self.world.nodes.drain(..) {
            node.close().await;
        }
    }
}

/// Again, for as long as connections are cut or others are in the way.
pub async fn steadily<T, F: Future<Output = Result<T, RecordsError>>>(mut attempt: impl FnMut() -> F) -> T {
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => println!("again: {error}"),
        }
    }
}
