//! PostgreSQL: for more than one machine, or more writes than one file takes.

use ::sqlx::postgres::{PgConnectOptions, PgPool};

use super::{Dialect, migrate, server};
use crate::{DatabaseUrl, RecordsError};

pub(super) async fn open(options: &PgConnectOptions, url: &DatabaseUrl) -> Result<PgPool, RecordsError> {
    let pool = server::pool()
        .connect_with(options.clone().application_name("creel"))
        .await
        .map_err(server::refused(url))?;
    migrate::run(Dialect::Postgres, &pool, url).await?;
    Ok(pool)
}
