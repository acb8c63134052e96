//! One dealing of a gateway node with the books: everything it has to report and to ask for, in one transaction.

use super::{Micros, PurseId, Settlement};

/// A place in a node's journal: everything before it is in the books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub segment: u64,
    pub offset: u64,
}

/// What a node finds when it comes (back) to the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Which life of the node this is. A dealing under an older one is refused.
    pub generation: i64,
    /// The number of the last dealing that took place.
    pub turn: i64,
    pub position: Position,
    /// What the node holds of each purse.
    pub held: Vec<(PurseId, Micros)>,
    /// The database's clock.
    pub now: i64,
}

/// A dealing. Its `turn` is one more than that of the last: a repetition of one that took place is refused, and the node
/// learns by [`LedgerStore::look`](super::LedgerStore::look) that it did.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub node: String,
    pub generation: i64,
    pub turn: i64,
    /// Where the journal stands once `settlements` are in the books.
    pub position: Position,
    pub settlements: Vec<Settlement>,
    pub takes: Vec<Take>,
    pub gives: Vec<Give>,
}

/// A wish for more escrow of a purse. All or nothing above `need`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    pub purse: PurseId,
    /// What the purse may spend in all. A budget has a limit; an account has what was granted to it: zero here.
    pub limit: Micros,
    /// The least that helps.
    pub need: Micros,
    /// What is wanted now. More may be given, so that the next calls need not ask.
    pub want: Micros,
    /// Ask the other nodes to give back what they do not use, if there is too little.
    pub recall: bool,
}

/// Escrow that the node does not need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Give {
    pub purse: PurseId,
    pub amount: Micros,
}

/// What came of a dealing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// One answer to each take, in order.
    pub taken: Vec<Taken>,
    /// Purses that another node is short of: what is not in use should go back.
    pub recalled: Vec<PurseId>,
    /// The database's clock.
    pub now: i64,
}

/// The answer to a take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Zero, or at least what was needed.
    pub got: Micros,
    pub others: Others,
}

/// What other nodes hold of a purse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Nothing.
    Nothing,
    /// Something, and they have been asked for it.
    Asked,
    /// Something, and it is in use: they have answered.
    InUse,
}
