//! Administrators, API tokens, console logins.

use async_trait::async_trait;

use super::SqlRecords;
use crate::engine::{Row, Transaction, missing_or, query, taken_or};
use crate::{Accounts, Administrator, ApiToken, Login, NewApiToken, RecordsError, now_ms};

#[async_trait]
impl Accounts for SqlRecords {
    async fn put_administrator(&self, name: &str, password_phc: &str) -> Result<(), RecordsError> {
        query(
            "INSERT INTO administrators (name, password_phc, created_at) VALUES (?, ?, ?)
             ON CONFLICT (name) DO UPDATE SET password_phc = excluded.password_phc",
        )
        .bind(name)
        .bind(password_phc)
        .bind(now_ms())
        .execute(&self.engine)
        .await?;
        Ok(())
    }

    async fn administrator(&self, name: &str) -> Result<Option<Administrator>, RecordsError> {
        query("SELECT name, password_phc, created_at FROM administrators WHERE name = ?")
            .bind(name)
            .optional(&self.engine)
            .await?
            .as_ref()
            .map(administrator)
            .transpose()
    }

    async fn administrators(&self) -> Result<Vec<Administrator>, RecordsError> {
        query("SELECT name, password_phc, created_at FROM administrators ORDER BY name")
            .all(&self.engine)
            .await?
            .iter()
            .map(administrator)
            .collect()
    }

    async fn put_api_token(&self, new: &NewApiToken) -> Result<(), RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let put = put_api_token(&mut transaction, new).await;
        transaction.finish(put).await.map_err(taken_or("API token", &new.name))
    }

    async fn api_token(&self, sha256: &[u8; 32]) -> Result<Option<ApiToken>, RecordsError> {
        query("SELECT name, created_at FROM api_tokens WHERE sha256 = ?")
            .bind(sha256)
            .optional(&self.engine)
            .await?
            .as_ref()
            .map(api_token)
            .transpose()
    }

    async fn api_tokens(&self) -> Result<Vec<ApiToken>, RecordsError> {
        query("SELECT name, created_at FROM api_tokens ORDER BY name")
            .all(&self.engine)
            .await?
            .iter()
            .map(api_token)
            .collect()
    }

    async fn delete_api_token(&self, name: &str) -> Result<bool, RecordsError> {
        let done = query("DELETE FROM api_tokens WHERE name = ?")
            .bind(name)
            .execute(&self.engine)
            .await?;
        Ok(done.rows > 0)
    }

    async fn insert_login(&self, login: &Login) -> Result<(), RecordsError> {
        query("INSERT INTO logins (sha256, administrator, csrf, created_at, expires_at) VALUES (?, ?, ?, ?, ?)")
            .bind(&login.sha256)
            .bind(&login.administrator)
            .bind(&login.csrf)
            .bind(login.created_at)
            .bind(login.expires_at)
            .execute(&self.engine)
            .await
            .map_err(missing_or("administrator", &login.administrator))
            .map_err(taken_or("login of", &login.administrator))?;
        Ok(())
    }

    async fn login(&self, sha256: &[u8; 32], now: i64) -> Result<Option<Login>, RecordsError> {
        query("SELECT sha256, administrator, csrf, created_at, expires_at FROM logins WHERE sha256 = ? AND expires_at > ?")
            .bind(sha256)
            .bind(now)
            .optional(&self.engine)
            .await?
            .as_ref()
            .map(login_of)
            .transpose()
    }

    async fn delete_login(&self, sha256: &[u8; 32]) -> Result<bool, RecordsError> {
        let done = query("DELETE FROM logins WHERE sha256 = ?")
            .bind(sha256)
            .execute(&self.engine)
            .await?;
        Ok(done.rows > 0)
    }

    async fn delete_expired_logins(&self, now: i64) -> Result<u64, RecordsError> {
        let done = query("DELETE FROM logins WHERE expires_at <= ?")
            .bind(now)
            .execute(&self.engine)
            .await?;
        Ok(done.rows)
    }
}

/// No upsert: the table has two unique keys, and MySQL's upsert would replace the token that has the same digest.
async fn put_api_token(transaction: &mut Transaction, new: &NewApiToken) -> Result<(), RecordsError> {
    let now = now_ms();
    let replaced = query("UPDATE api_tokens SET sha256 = ?, created_at = ? WHERE name = ?")
        .bind(&new.sha256)
        .bind(now)
        .bind(&new.name)
        .execute(&mut *transaction)
        .await?;
    if replaced.rows == 0 {
        query("INSERT INTO api_tokens (name, sha256, created_at) VALUES (?, ?, ?)")
            .bind(&new.name)
            .bind(&new.sha256)
            .bind(now)
            .execute(transaction)
            .await?;
    }
    Ok(())
}

fn administrator(row: &Row) -> Result<Administrator, RecordsError> {
    Ok(Administrator {
        name: row.get("name")?,
        password_phc: row.get("password_phc")?,
        created_at: row.get("created_at")?,
    })
}

fn api_token(row: &Row) -> Result<ApiToken, RecordsError> {
    Ok(ApiToken {
        name: row.get("name")?,
        created_at: row.get("created_at")?,
    })
}

fn login_of(row: &Row) -> Result<Login, RecordsError> {
    Ok(Login {
        sha256: row.digest("sha256")?,
        administrator: row.get("administrator")?,
        csrf: row.get("csrf")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}
