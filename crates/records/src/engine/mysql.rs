//! MySQL and MariaDB, for those who run one already.

use ::sqlx::Executor as _;
use ::sqlx::mysql::{MySql, MySqlConnectOptions, MySqlConnection, MySqlPool};
use ::sqlx::pool::PoolConnection;

use super::server;
use crate::{DatabaseUrl, RecordsError};

/// As on PostgreSQL. The default, repeatable read, locks the gaps between rows too: inserts of strangers wait for each other, and deadlock.
const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// Waits for other processes that migrate this database, up to 5 minutes. sqlx's own lock asks for an endless wait, which is none on MariaDB
/// (<https://mariadb.com/kb/en/get_lock/>). A lock's name holds in the whole server, and has at most 64 characters.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('creel.', SHA1(DATABASE())), 300)";

/// A connection that alone may migrate. Closing it ends that.
pub(super) async fn locked(pool: &MySqlPool) -> Result<PoolConnection<MySql>, RecordsError> {
    let mut connection = pool.acquire().await?;
    connection.close_on_drop();
    let got: Option<i64> = ::sqlx::query_scalar(LOCK).fetch_one(&mut *connection).await?;
    match got {
        Some(1) => Ok(connection),
        _ => Err(::sqlx::Error::PoolTimedOut.into()),
    }
}

pub(super) async fn connect(options: &MySqlConnectOptions, url: &DatabaseUrl) -> Result<MySqlPool, RecordsError> {
    server::pool()
        .after_connect(|connection: &mut MySqlConnection, _| {
            Box::pin(async move {
                connection.execute(ISOLATION).await?;
                Ok(())
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(server::refused(url))
}
