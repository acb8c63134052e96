//! One call, and what the books must say of it.

use super::node::Said;

/// What must be in the books of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// No entry.
    Nothing,
    /// One entry, of one of these costs: the gateway was killed before it could say which.
    Cost(Vec<i64>),
    /// The gateway was killed before it said whether the call went out.
    Perhaps(i64),
}

#[derive(Debug)]
pub struct Call {
    pub user: String,
    pub reserved: i64,
    /// Charged if the gateway is killed.
    pub prompt: i64,
    pub noted: Option<i64>,
    pub node: usize,
    pub slot: usize,
    /// Its node was, and came back.
    pub given_up: bool,
    pub phase: Phase,
}

/// How far a call has come, as far as its gateway said.
#[derive(Debug)]
pub enum Phase {
    Asked,
    Sent,
    /// The end was told to the gateway: what it costs, or that nothing was sent.
    Ending(Option<i64>),
    Over(Expected),
}

impl Call {
    /// What the books must say once everything is over.
    pub fn expected(&self) -> &Expected {
        match &self.phase {
            Phase::Over(expected) => expected,
            other => panic!("a call is not over: {other:?}"),
        }
    }

    pub fn hear(&mut self, said: Said) {
        self.phase = match (&self.phase, said) {
            (Phase::Asked, Said::Sent) => Phase::Sent,
            (Phase::Asked, Said::Refused | Said::Unavailable) => Phase::Over(Expected::Nothing),
            (Phase::Sent, Said::Done) => Phase::Sent,
            (Phase::Ending(Some(cost)), Said::Done) => Phase::Over(Expected::Cost(vec![*cost])),
            (Phase::Ending(None), Said::Done) => Phase::Over(Expected::Nothing),
            (phase, said) => panic!("{said:?} of a call that is {phase:?}"),
        }
    }

    /// Its gateway was killed.
    pub fn die(&mut self) {
        let expected = match &self.phase {
            Phase::Asked | Phase::Ending(None) => Expected::Perhaps(self.prompt),
            Phase::Sent => Expected::Cost(vec![self.prompt]),
            Phase::Ending(Some(cost)) => Expected::Cost(vec![*cost, self.prompt]),
            Phase::Over(_) => return,
        };
        self.phase = Phase::Over(expected);
    }
}
