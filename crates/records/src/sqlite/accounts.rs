//! Administrators, API tokens, console logins.

use sqlx::sqlite::SqlitePool;

use super::{engine, taken_or};
use crate::{Administrator, ApiToken, Login, NewApiToken, RecordsError, now_ms};

type AdministratorRow = (String, String, i64);

fn administrator_of((name, password_phc, created_at): AdministratorRow) -> Administrator {
    Administrator {
        name,
        password_phc,
        created_at,
    }
}

pub async fn put_administrator(pool: &SqlitePool, name: &str, password_phc: &str) -> Result<(), RecordsError> {
    sqlx::query(
        "INSERT INTO administrators (name, password_phc, created_at) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET password_phc = excluded.password_phc",
    )
    .bind(name)
    .bind(password_phc)
    .bind(now_ms())
    .execute(pool)
    .await
    .map_err(engine)?;
    Ok(())
}

pub async fn administrator(pool: &SqlitePool, name: &str) -> Result<Option<Administrator>, RecordsError> {
    sqlx::query_as("SELECT name, password_phc, created_at FROM administrators WHERE name = ?")
        .bind(name)
        .fetch_optional(pool)
        .await
        .map(|row| row.map(administrator_of))
        .map_err(engine)
}

pub async fn administrators(pool: &SqlitePool) -> Result<Vec<Administrator>, RecordsError> {
    sqlx::query_as("SELECT name, password_phc, created_at FROM administrators ORDER BY name")
        .fetch_all(pool)
        .await
        .map(|rows: Vec<AdministratorRow>| rows.into_iter().map(administrator_of).collect())
        .map_err(engine)
}

pub async fn put_api_token(pool: &SqlitePool, new: &NewApiToken) -> Result<(), RecordsError> {
    sqlx::query(
        "INSERT INTO api_tokens (name, sha256, created_at) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, created_at = excluded.created_at",
    )
    .bind(&new.name)
    .bind(&new.sha256[..])
    .bind(now_ms())
    .execute(pool)
    .await
    .map_err(taken_or("API token", &new.name))?;
    Ok(())
}

pub async fn api_token(pool: &SqlitePool, sha256: &[u8; 32]) -> Result<Option<ApiToken>, RecordsError> {
    let row: Option<(String, i64)> = sqlx::query_as("SELECT name, created_at FROM api_tokens WHERE sha256 = ?")
        .bind(&sha256[..])
        .fetch_optional(pool)
        .await
        .map_err(engine)?;
    Ok(row.map(|(name, created_at)| ApiToken { name, created_at }))
}

pub async fn api_tokens(pool: &SqlitePool) -> Result<Vec<ApiToken>, RecordsError> {
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT name, created_at FROM api_tokens ORDER BY name")
        .fetch_all(pool)
        .await
        .map_err(engine)?;
    Ok(rows
        .into_iter()
        .map(|(name, created_at)| ApiToken { name, created_at })
        .collect())
}

pub async fn delete_api_token(pool: &SqlitePool, name: &str) -> Result<bool, RecordsError> {
    let done = sqlx::query("DELETE FROM api_tokens WHERE name = ?")
        .bind(name)
        .execute(pool)
        .await
        .map_err(engine)?;
    Ok(done.rows_affected() > 0)
}

pub async fn insert_login(pool: &SqlitePool, login: &Login) -> Result<(), RecordsError> {
    sqlx::query("INSERT INTO logins (sha256, administrator, csrf, created_at, expires_at) VALUES (?, ?, ?, ?, ?)")
        .bind(&login.sha256[..])
        .bind(&login.administrator)
        .bind(&login.csrf)
        .bind(login.created_at)
        .bind(login.expires_at)
        .execute(pool)
        .await
        .map_err(|error| match error.as_database_error() {
            Some(database) if database.is_foreign_key_violation() => RecordsError::NotFound {
                what: "administrator",
                id: login.administrator.clone(),
            },
            _ => taken_or("login of", &login.administrator)(error),
        })?;
    Ok(())
}

pub async fn login(pool: &SqlitePool, sha256: &[u8; 32], now: i64) -> Result<Option<Login>, RecordsError> {
    let row: Option<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT administrator, csrf, created_at, expires_at FROM logins WHERE sha256 = ? AND expires_at > ?",
    )
    .bind(&sha256[..])
    .bind(now)
    .fetch_optional(pool)
    .await
    .map_err(engine)?;
    Ok(row.map(|(administrator, csrf, created_at, expires_at)| Login {
        sha256: *sha256,
        administrator,
        csrf,
        created_at,
        expires_at,
    }))
}

pub async fn delete_login(pool: &SqlitePool, sha256: &[u8; 32]) -> Result<bool, RecordsError> {
    let done = sqlx::query("DELETE FROM logins WHERE sha256 = ?")
        .bind(&sha256[..])
        .execute(pool)
        .await;
    Ok(done.map_err(engine)?.rows_affected() > 0)
}

pub async fn delete_expired_logins(pool: &SqlitePool, now: i64) -> Result<u64, RecordsError> {
    let done = sqlx::query("DELETE FROM logins WHERE expires_at <= ?")
        .bind(now)
        .execute(pool)
        .await;
    Ok(done.map_err(engine)?.rows_affected())
}
