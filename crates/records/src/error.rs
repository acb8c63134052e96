//! What can go wrong with a record, told so that a caller can act on it.

/// An error of the record store. The text is written for the user; the engine's own error is the source.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The id (or name, or port) exists already.
    #[error("{what} \"{id}\" is taken; choose another")]
    Taken { what: &'static str, id: String },

    /// There is no such record.
    #[error("there is no {what} \"{id}\"")]
    NotFound { what: &'static str, id: String },

    /// The disk (or a quota) is full. Nothing was changed.
    #[error("the disk that holds the records is full; free some space and try again")]
    Full(#[source] sqlx::Error),

    /// The database does not answer, or is held by another program. Whether a change under way was made is not known.
    #[error("the database that holds the records does not answer: {0}")]
    Unavailable(#[source] sqlx::Error),

    /// Another transaction was in the way. Nothing was changed; beginning again may work.
    #[error("the records are being changed by someone else at the same time; try again")]
    Conflict(#[source] sqlx::Error),

    /// The database cannot be opened: permissions, a wrong password, a directory in a file's place, not a database.
    #[error("cannot open the records at {at}: {reason}")]
    Open { at: String, reason: String },

    /// The database was written by a newer Creel.
    #[error(
        "the records at {at} were written by a newer Creel (migration {version} is unknown here); upgrade this one"
    )]
    Newer { at: String, version: i64 },

    /// A stored value has a form this version does not know.
    #[error("the record of {what} \"{id}\" is damaged: {reason}")]
    Damaged {
        what: &'static str,
        id: String,
        reason: String,
    },

    /// A gateway node dealt with the books as an earlier life of itself, or took a turn twice. Nothing was changed.
    #[error("node {node} is not the one that deals with the books now")]
    Stale { node: String },

    /// Other credits were given under the same request id. Nothing was changed.
    #[error("other credits were given under this key")]
    Reused,

    /// Anything else the engine says.
    #[error("the record store failed: {0}")]
    Engine(#[source] sqlx::Error),
}
