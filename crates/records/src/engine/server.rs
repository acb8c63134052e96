//! What the connections to a database server have in common, whichever it is.

use std::time::Duration;

use ::sqlx::pool::PoolOptions;
use ::sqlx::{Connection as _, Database};

use crate::{DatabaseUrl, RecordsError};

/// Connections of one Creel. PostgreSQL allows 100 by default and MySQL 151, for all of their clients.
const CONNECTIONS: u32 = 16;

/// How long a statement waits for a connection: then the database counts as gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that was used within this time is used again unasked; another one is asked first whether it still stands.
const FRESH: Duration = Duration::from_secs(1);

/// How long a connection may take to say that it still stands.
const ANSWER: Duration = Duration::from_secs(1);

/// A pool whose connections are made anew when the server comes back.
pub(super) fn pool<D: Database>() -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection: &mut D::Connection, about| {
            Box::pin(async move {
                if about.idle_for < FRESH {
                    return Ok(true);
                }
                let answer = tokio::time::timeout(ANSWER, connection.ping()).await;
                answer.unwrap_or_else(|_| Err(::sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))?;
                Ok(true)
            })
        })
}

/// An error of the first connection: what the server says about us, such as a wrong password, is about opening.
pub(super) fn refused(url: &DatabaseUrl) -> impl FnOnce(::sqlx::Error) -> RecordsError {
    let at = url.to_string();
    move |error| match RecordsError::from(error) {
        RecordsError::Engine(error) => RecordsError::Open {
            at,
            reason: error.to_string(),
        },
        other => other,
    }
}
