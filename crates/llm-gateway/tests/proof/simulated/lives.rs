//! How nodes begin and end.

use creel_records::ledger::Credits as _;
use tempfile::TempDir;

use super::super::call::Phase;
use super::super::count;
use super::super::node::Said;
use super::door::Fate;
use super::node::{Node, Started, Starting};
use super::{NODES, World};

/// What is not over after so many dealings never will be.
const PATIENCE: usize = 1_000;

impl World {
    /// Kills the node and starts it again. In between it may be given up; afterwards its disk may turn up elsewhere, once more.
    pub fn kill(&mut self, node: usize) {
        self.kills += 1;
        let (give_up, elsewhere) = (self.random.below(6) == 0, self.random.below(3) == 0);
        let old = self.nodes.remove(node);
        let (name, copy) = (old.name(), old.copy());
        let journal = old.kill();
        for call in self.calls.values_mut().filter(|call| call.node == node) {
            call.given_up |= give_up;
            call.die();
        }
        if give_up {
            self.outside.block_on(self.store.give_up_node(&name)).unwrap();
        }
        self.start(node, journal);
        if elsewhere {
            let mut copy = self.started(copy, true);
            self.close(&mut copy, true);
        }
    }

    pub fn start(&mut self, node: usize, journal: TempDir) {
        let started = self.started(journal, false);
        self.nodes.insert(node, started);
    }

    /// Starts a node, again and again if the books fail it.
    fn started(&mut self, mut journal: TempDir, twice: bool) -> Node {
        let mut faults = 3;
        'again: loop {
            let mut starting = Starting::new(journal);
            let mut failed = false;
            for _ in 0..PATIENCE {
                starting = match starting.go_on() {
                    Started::Node(node) => return node,
                    Started::Failed(left) => {
                        assert!(failed, "a node starts unless the books fail it");
                        journal = left;
                        continue 'again;
                    }
                    Started::NotYet(starting) => starting,
                };
                if let Some(knock) = starting.knock() {
                    let fate = match self.random.below(8) {
                        0 if faults > 0 => Fate::NeverWas,
                        1 if faults > 0 => Fate::AnswerLost,
                        _ => Fate::Done,
                    };
                    if fate != Fate::Done {
                        (faults, failed) = (faults - 1, true);
                    }
                    self.answer(knock, fate, twice);
                }
            }
            panic!("a node starts in the end");
        }
    }

    /// Ends every node in order, some after a kill, and counts.
    pub fn finish(&mut self) {
        for node in 0..NODES {
            if self.random.below(2) == 0 {
                self.kill(node);
            }
        }
        for node in 0..NODES {
            for _ in 0..PATIENCE {
                if !self
                    .calls
                    .values()
                    .any(|call| call.node == node && matches!(call.phase, Phase::Asked))
                {
                    break;
                }
                // Both, because one may wait for what the other holds.
                for either in 0..NODES {
                    while let Some(knock) = self.nodes[either].knock() {
                        self.answer(knock, Fate::Done, false);
                    }
                    self.go_on(either, 50);
                }
            }
            for (id, reservation) in std::mem::take(&mut self.nodes[node].open) {
                drop(reservation);
                let call = self.calls.get_mut(&id).unwrap();
                call.phase = Phase::Ending(call.noted);
                call.hear(Said::Done);
            }
        }
        for mut node in std::mem::take(&mut self.nodes) {
            self.close(&mut node, false);
        }
        self.outside
            .block_on(count::everything(&self.store, &self.users, &self.calls));
    }

    /// Closes the node, whatever the last answers were lost.
    fn close(&mut self, node: &mut Node, twice: bool) {
        let closing = node.close();
        let mut faults = 3;
        for _ in 0..PATIENCE {
            assert!(node.go_on(0).is_empty(), "a node that closes has no calls");
            if closing.is_finished() {
                return;
            }
            match node.knock() {
                Some(knock) => {
                    let fate = match self.random.below(4) {
                        0 if faults > 0 => Fate::AnswerLost,
                        _ => Fate::Done,
                    };
                    faults -= usize::from(fate != Fate::Done);
                    self.answer(knock, fate, twice);
                }
                None => assert!(node.go_on(50).is_empty()),
            }
        }
        panic!("a node closes in the end");
    }
}
