//! PostgreSQL: for more than one machine, or more writes than one file takes.

use ::sqlx::postgres::{PgConnectOptions, PgPool};

use super::server;
use crate::{DatabaseUrl, RecordsError};

pub(super) async fn connect(options: &PgConnectOptions, url: &DatabaseUrl) -> Result<PgPool, RecordsError> {
    server::pool()
        .connect_with(options.clone().application_name("creel"))
        .await
        .map_err(server::refused(url))
}

/// Sets every identity to the largest id of its table.
pub(super) const RESEED: &str = "
    DO $$
    DECLARE made record;
    BEGIN
        FOR made IN
            SELECT table_name, column_name FROM information_schema.columns
            WHERE is_identity = 'YES' AND table_schema = current_schema()
        LOOP
            EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), coalesce(max(%I), 0) + 1, false) FROM %I',
                           made.table_name, made.column_name, made.column_name, made.table_name);
        END LOOP;
    END $$";
