//! MySQL and MariaDB, for those who run one already.

use ::sqlx::Executor as _;
use ::sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPool};

use super::{Dialect, migrate, server};
use crate::{DatabaseUrl, RecordsError};

/// As on PostgreSQL. The default, repeatable read, locks the gaps between rows too: inserts of strangers wait for each other, and deadlock.
const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

pub(super) async fn open(options: &MySqlConnectOptions, url: &DatabaseUrl) -> Result<MySqlPool, RecordsError> {
    let pool = server::pool()
        .after_connect(|connection: &mut MySqlConnection, _| {
            Box::pin(async move {
                connection.execute(ISOLATION).await?;
                Ok(())
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(server::refused(url))?;
    migrate::run(Dialect::MySql, &pool, url).await?;
    Ok(pool)
}
