//! Sequences without gaps or overtaking.
//!
//! A database's own sequences hand out numbers outside of transactions: a reader that has seen 7 may see 6 appear later. Here the number is
//! a row that is changed in the transaction that uses it, so its lock is held until the commit: numbers become visible in
//! their order, and none is missing. The price is that such transactions follow one another; take the number last, so that others
//! wait for a commit only.

use crate::RecordsError;
use crate::engine::{Engine, Transaction, query};

/// A sequence, made by a migration with its value 0.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sequence {
    /// Changes of users and their configurations.
    Changes,
    /// Changes of what the LLM Gateway is set up with.
    Llm,
}

impl Sequence {
    fn name(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Llm => "llm",
        }
    }

    /// The next number, for changes of this transaction.
    pub async fn next(self, transaction: &mut Transaction) -> Result<i64, RecordsError> {
        query("UPDATE sequences SET value = value + 1 WHERE name = ?")
            .bind(self.name())
            .execute(&mut *transaction)
            .await?
            .must_exist("sequence", self.name())?;
        self.read(query(SELECT).bind(self.name()).optional(transaction).await?)
    }

    /// The newest number that was committed: everything up to it can be read, and nothing will be added to that.
    pub async fn last(self, engine: &Engine) -> Result<i64, RecordsError> {
        self.read(query(SELECT).bind(self.name()).optional(engine).await?)
    }

    fn read(self, row: Option<crate::engine::Row>) -> Result<i64, RecordsError> {
        let row = row.ok_or_else(|| RecordsError::NotFound {
            what: "sequence",
            id: self.name().to_owned(),
        })?;
        Ok(row.get("value")?)
    }
}

const SELECT: &str = "SELECT value FROM sequences WHERE name = ?";
