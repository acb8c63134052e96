//! What becomes of calls.

use creel_llm_gateway::ledger::{Billing, Call as LedgerCall, CallTag, Micros, Outcome, Usage};

use super::super::call::{Call, Phase};
use super::super::node::Said;
use super::{USERS, World};

/// Calls of one node at a time.
const SLOTS: usize = 4;

impl World {
    /// The next thing in the life of a call.
    pub fn act(&mut self, node: usize) {
        let (what, slot) = (self.random.below(12), self.random.below(SLOTS));
        let (amount, part) = (self.random.between(0, 400), self.random.between(0, 100));
        let in_slot = |call: &Call| call.node == node && call.slot == slot && !matches!(call.phase, Phase::Over(_));
        let found = self.calls.iter().find(|(_, call)| in_slot(call)).map(|(id, _)| *id);
        let Some(id) = found else {
            return self.ask(node, slot, amount, part);
        };
        let call = self.calls.get_mut(&id).unwrap();
        if !matches!(call.phase, Phase::Sent) {
            return;
        }
        let within = call.reserved * part / 100;
        let open = &mut self.nodes[node].open;
        if what < 3 {
            call.noted = Some(within);
            return open.get_mut(&id).unwrap().note(Usage::default(), Micros(within));
        }
        let reservation = open.remove(&id).unwrap();
        let cost = match what {
            3..8 => {
                reservation.settle(Outcome::Done, Usage::default(), Micros(within));
                Some(within)
            }
            // A provider that lies: far more than was reserved, or less than nothing.
            8 => {
                let cost = call.reserved * 5 + part;
                reservation.settle(Outcome::Done, Usage::default(), Micros(cost));
                Some(cost)
            }
            9 => {
                reservation.settle(Outcome::Failed, Usage::default(), Micros(-part));
                Some(0)
            }
            10 => {
                reservation.release();
                None
            }
            _ => {
                drop(reservation);
                call.noted
            }
        };
        call.phase = Phase::Ending(cost);
        call.hear(Said::Done);
    }

    fn ask(&mut self, node: usize, slot: usize, reserved: i64, prompt: i64) {
        let (id, user) = (self.id(), self.random.below(USERS));
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
        self.nodes[node].ask(LedgerCall {
            request: id,
            tag: CallTag {
                user: call.user.as_str().into(),
                instance: "claw".into(),
                key: format!("key-of-{user}").into(),
                provider: "fake".into(),
                model: "parrot".into(),
            },
            billing: Billing::Credits,
            reserve: Micros(call.reserved),
            prompt: Micros(call.prompt),
            prompt_tokens: 0,
            day_limit: (prompt % 2 == 0).then_some(Micros(5000)),
            month_limit: None,
        });
        self.calls.insert(id, call);
    }
}
