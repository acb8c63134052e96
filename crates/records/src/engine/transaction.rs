//! Several statements that happen together or not at all, on any engine.

use futures_util::stream::BoxStream;

use super::connection::Connection;
use super::query::Query;
use super::{Row, postgres};
use crate::RecordsError;

/// An open transaction, to be ended with [`Transaction::finish`]. Dropped before that it changes nothing, at the price of its connection.
///
/// Isolation is read committed on PostgreSQL and MySQL, so a row that is read to be changed is read with `FOR UPDATE`; SQLite has one
/// writer, and a transaction is it from its first statement on. Where two transactions wait for each other, one of them fails with
/// [`RecordsError::Conflict`]: lock rows in one order (by key), and begin again when told so.
pub(crate) struct Transaction {
    connection: Connection,
    ended: bool,
}

impl Transaction {
    pub(super) async fn begin(connection: Connection) -> Result<Self, RecordsError> {
        // SQLite: a writer from the start, so that no other process can come between its reads and its writes.
        let begin = match connection {
            Connection::Sqlite(_) => "BEGIN IMMEDIATE",
            Connection::Postgres(_) | Connection::MySql(_) => "BEGIN",
        };
        // Before the statement runs: a caller that goes away in the middle of it leaves a transaction behind.
        let mut transaction = Self {
            connection,
            ended: false,
        };
        transaction.connection.raw(begin).await?;
        Ok(transaction)
    }

    /// Makes the changes durable, and visible to others.
    pub async fn commit(mut self) -> Result<(), RecordsError> {
        self.connection.raw("COMMIT").await?;
        self.ended = true;
        Ok(())
    }

    /// Forgets the changes.
    pub async fn rollback(mut self) -> Result<(), RecordsError> {
        self.connection.raw("ROLLBACK").await?;
        self.ended = true;
        Ok(())
    }

    /// Commits what went well, forgets what did not.
    pub async fn finish<T>(self, outcome: Result<T, RecordsError>) -> Result<T, RecordsError> {
        match outcome {
            Ok(value) => self.commit().await.map(|()| value),
            // The connection is lost, and the transaction with it.
            Err(error @ RecordsError::Unavailable(_)) => Err(error),
            Err(error) => {
                self.rollback().await?;
                Err(error)
            }
        }
    }

    /// The rows of a statement as they come, for what does not fit in memory.
    pub fn stream(&mut self, query: Query) -> Result<BoxStream<'_, Result<Row, sqlx::Error>>, RecordsError> {
        self.connection.stream(query)
    }

    /// After rows were inserted with the ids that they had: the next made id follows the largest. Only PostgreSQL has to be told.
    pub async fn reseed(&mut self) -> Result<(), RecordsError> {
        match self.connection {
            Connection::Postgres(_) => self.connection.raw(postgres::RESEED).await,
            Connection::Sqlite(_) | Connection::MySql(_) => Ok(()),
        }
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.give_up();
        }
    }
}
