//! Instances: what they should be, what they were last seen to be.

use std::str::FromStr;

use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqliteQueryResult, SqliteRow};

use super::{engine, taken_or};
use crate::{Desired, InstanceChange, InstanceRecord, NewInstance, Observed, RecordsError, Status, now_ms};

pub async fn insert(pool: &SqlitePool, new: &NewInstance) -> Result<InstanceRecord, RecordsError> {
    let channels = to_json(&new.id, &new.channels)?;
    let row = sqlx::query(
        "INSERT INTO instances (id, name, runtime, driver, channels, model, port, port_fixed, version, memory_bytes,
                                cpus, desired, status, token_sha256, token_sealed, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16) RETURNING *",
    )
    .bind(&new.id)
    .bind(&new.name)
    .bind(new.runtime.as_str())
    .bind(new.driver.as_str())
    .bind(channels)
    .bind(&new.model)
    .bind(new.port)
    .bind(new.port_fixed)
    .bind(&new.version)
    .bind(new.memory_bytes.map(signed))
    .bind(new.cpus)
    .bind(new.desired.as_str())
    .bind(Status::Created.as_str())
    .bind(&new.token_sha256[..])
    .bind(&new.token_sealed)
    .bind(now_ms())
    .fetch_one(pool)
    .await
    .map_err(id_or_port_taken(&new.id, Some(new.port)))?;
    read(&row)
}

pub async fn one(pool: &SqlitePool, id: &str) -> Result<Option<InstanceRecord>, RecordsError> {
    let row = sqlx::query("SELECT * FROM instances WHERE id = ?")
        .bind(id)
        .fetch_optional(pool)
        .await
        .map_err(engine)?;
    row.as_ref().map(read).transpose()
}

pub async fn all(pool: &SqlitePool) -> Result<Vec<InstanceRecord>, RecordsError> {
    let rows = sqlx::query("SELECT * FROM instances ORDER BY id")
        .fetch_all(pool)
        .await
        .map_err(engine)?;
    rows.iter().map(read).collect()
}

pub async fn set_desired(pool: &SqlitePool, id: &str, desired: Desired) -> Result<(), RecordsError> {
    let done = sqlx::query("UPDATE instances SET desired = ?, updated_at = ? WHERE id = ?")
        .bind(desired.as_str())
        .bind(now_ms())
        .bind(id)
        .execute(pool)
        .await
        .map_err(engine)?;
    must_exist(id, &done)
}

pub async fn set_observed(pool: &SqlitePool, id: &str, observed: &Observed) -> Result<(), RecordsError> {
    let done = sqlx::query(
        "UPDATE instances SET status = ?, pid = ?, pid_started = ?, error = ?, updated_at = ? WHERE id = ?",
    )
    .bind(observed.status.as_str())
    .bind(observed.pid)
    .bind(observed.pid_started.map(signed))
    .bind(&observed.error)
    .bind(now_ms())
    .bind(id)
    .execute(pool)
    .await
    .map_err(engine)?;
    must_exist(id, &done)
}

pub async fn update(pool: &SqlitePool, id: &str, change: &InstanceChange) -> Result<(), RecordsError> {
    let channels = change
        .channels
        .as_ref()
        .map(|channels| to_json(id, channels))
        .transpose()?;
    let done = sqlx::query(
        "UPDATE instances SET name = coalesce(?, name), channels = coalesce(?, channels), model = coalesce(?, model),
             port = coalesce(?, port), version = coalesce(?, version), memory_bytes = coalesce(?, memory_bytes),
             cpus = coalesce(?, cpus), updated_at = ? WHERE id = ?",
    )
    .bind(&change.name)
    .bind(channels)
    .bind(&change.model)
    .bind(change.port)
    .bind(&change.version)
    .bind(change.memory_bytes.map(signed))
    .bind(change.cpus)
    .bind(now_ms())
    .bind(id)
    .execute(pool)
    .await
    .map_err(id_or_port_taken(id, change.port))?;
    must_exist(id, &done)
}

pub async fn set_token(pool: &SqlitePool, id: &str, sha256: &[u8; 32], sealed: &[u8]) -> Result<(), RecordsError> {
    let done = sqlx::query("UPDATE instances SET token_sha256 = ?, token_sealed = ?, updated_at = ? WHERE id = ?")
        .bind(&sha256[..])
        .bind(sealed)
        .bind(now_ms())
        .bind(id)
        .execute(pool)
        .await
        .map_err(engine)?;
    must_exist(id, &done)
}

pub async fn delete(pool: &SqlitePool, id: &str) -> Result<bool, RecordsError> {
    let done = sqlx::query("DELETE FROM instances WHERE id = ?")
        .bind(id)
        .execute(pool)
        .await
        .map_err(engine)?;
    Ok(done.rows_affected() > 0)
}

fn must_exist(id: &str, done: &SqliteQueryResult) -> Result<(), RecordsError> {
    if done.rows_affected() == 0 {
        return Err(RecordsError::NotFound {
            what: "instance",
            id: id.to_owned(),
        });
    }
    Ok(())
}

/// SQLite names the column in its message: `UNIQUE constraint failed: instances.port`.
fn id_or_port_taken(id: &str, port: Option<u16>) -> impl FnOnce(sqlx::Error) -> RecordsError {
    let id = id.to_owned();
    move |error| match port {
        Some(port) if error.to_string().contains("instances.port") => taken_or("port", port.to_string())(error),
        _ => taken_or("instance", id)(error),
    }
}

/// SQLite's integers are signed; a size or a tick count beyond 2^63 does not exist.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn to_json(id: &str, value: &impl serde::Serialize) -> Result<String, RecordsError> {
    serde_json::to_string(value).map_err(|error| damaged(id, error.to_string()))
}

fn damaged(id: &str, reason: impl Into<String>) -> RecordsError {
    RecordsError::Damaged {
        what: "instance",
        id: id.to_owned(),
        reason: reason.into(),
    }
}

fn read(row: &SqliteRow) -> Result<InstanceRecord, RecordsError> {
    let id: String = row.try_get("id").map_err(engine)?;
    fields(&id, row).map_err(|reason| damaged(&id, reason))
}

fn fields(id: &str, row: &SqliteRow) -> Result<InstanceRecord, String> {
    let unsigned = |column: &str| -> Result<Option<u64>, String> {
        let value: Option<i64> = row.try_get(column).map_err(|error| error.to_string())?;
        value
            .map(|value| u64::try_from(value).map_err(|_| format!("{column} is negative")))
            .transpose()
    };
    let sha256: Vec<u8> = get(row, "token_sha256")?;
    Ok(InstanceRecord {
        id: id.to_owned(),
        name: get(row, "name")?,
        runtime: named(row, "runtime")?,
        driver: named(row, "driver")?,
        channels: serde_json::from_str(&get::<String>(row, "channels")?)
            .map_err(|error| format!("channels: {error}"))?,
        model: get(row, "model")?,
        port: get(row, "port")?,
        port_fixed: get(row, "port_fixed")?,
        version: get(row, "version")?,
        memory_bytes: unsigned("memory_bytes")?,
        cpus: get(row, "cpus")?,
        desired: named(row, "desired")?,
        status: named(row, "status")?,
        error: get(row, "error")?,
        pid: get(row, "pid")?,
        pid_started: unsigned("pid_started")?,
        token_sha256: sha256
            .try_into()
            .map_err(|_| "token_sha256 is not 32 bytes".to_owned())?,
        token_sealed: get(row, "token_sealed")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}

fn get<'row, T>(row: &'row SqliteRow, column: &str) -> Result<T, String>
where
    T: sqlx::Decode<'row, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(|error| error.to_string())
}

fn named<T: FromStr<Err = crate::UnknownName>>(row: &SqliteRow, column: &str) -> Result<T, String> {
    get::<String>(row, column)?
        .parse()
        .map_err(|error: crate::UnknownName| error.to_string())
}
