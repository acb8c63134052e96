//! Why a call may not be sent.

use creel_records::ledger::PurseId;

/// A call that was refused. It reserved nothing and costs nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What is left of the purse, less what calls in flight have reserved, does not cover the call.
    #[error("{} is used up", match .purse {
        PurseId::Account(_) => "the credit balance",
        PurseId::KeyDay { .. } => "the key's budget of the day",
        PurseId::KeyMonth { .. } => "the key's budget of the month",
    })]
    OutOfCredits { purse: PurseId },

    /// The amount is negative, or larger than any call may be.
    #[error("the call is larger than any call may be")]
    TooLarge,

    /// The books cannot be reached, and the escrow at hand does not cover the call.
    #[error("the books cannot be reached; try again in a moment")]
    Unavailable,

    /// The journal cannot be written, so that a call could be lost.
    #[error("the gateway's journal cannot be written: {reason}")]
    Journal { reason: String },

    /// Another process has taken this node's place.
    #[error("another gateway has taken this one's place")]
    Superseded,

    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    Closed,
}
