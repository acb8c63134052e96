//! How the Cloud Backend answers when it is not well.

/// What it does instead of answering as agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Misbehaviour {
    #[default]
    None,
    /// Something that is no JSON.
    Garbage,
    /// The first half of an answer, and then nothing: the connection ends.
    Half,
    /// Never.
    Silence,
    /// The first half of an answer, and then nothing for ever, on a connection that stays.
    Halting,
    /// Status 500.
    Broken,
    /// The same page again and again, which says that there is more.
    Stuck,
    /// Two places by turns, each of which says that there is more.
    Circling,
}
