//! Users' logins, refresh tokens and signing keys.
//!
//! Whatever ends or begins a login has the user's row locked first, so that nobody signs in by what is not true any more.

use async_trait::async_trait;

use super::SqlRecords;
use super::users::user;
use crate::engine::{Row, Transaction, query, taken_or};
use crate::{RecordsError, SignedBy, SigningKey, Spent, UserLogin, UserLogins, UserRecord, UserStatus};

#[async_trait]
impl UserLogins for SqlRecords {
    async fn insert_user_login(
        &self,
        login: &UserLogin,
        by: SignedBy<'_>,
        refresh: Option<&[u8; 32]>,
    ) -> Result<bool, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let inserted = insert(&mut transaction, login, by, refresh).await;
        let inserted = transaction.finish(inserted).await;
        inserted.map_err(taken_or("login of", &login.user))
    }

    async fn user_login(&self, id: &str, now: i64) -> Result<Option<(UserLogin, UserRecord)>, RecordsError> {
        let found = query("SELECT * FROM user_logins WHERE id = ? AND expires_at > ?");
        let found = found.bind(id).bind(now).optional(&self.engine).await?;
        self.active(found.as_ref()).await
    }

    async fn user_login_of_cookie(
        &self,
        sha256: &[u8; 32],
        now: i64,
    ) -> Result<Option<(UserLogin, UserRecord)>, RecordsError> {
        let found = query("SELECT * FROM user_logins WHERE cookie = ? AND expires_at > ?");
        let found = found.bind(sha256).bind(now).optional(&self.engine).await?;
        self.active(found.as_ref()).await
    }

    async fn spend_refresh_token(&self, sha256: &[u8; 32], next: &[u8; 32], now: i64) -> Result<Spent, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let spent = spend(&mut transaction, sha256, next, now).await;
        transaction.finish(spent).await
    }

    async fn delete_user_login(&self, id: &str) -> Result<bool, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let deleted = delete(&mut transaction, id).await;
        transaction.finish(deleted).await
    }

    async fn delete_user_logins(&self, user: &str) -> Result<u64, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let deleted = delete_of(&mut transaction, user).await;
        transaction.finish(deleted).await
    }

    async fn delete_expired_user_logins(&self, now: i64) -> Result<u64, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let deleted = delete_expired(&mut transaction, now).await;
        transaction.finish(deleted).await
    }

    async fn put_signing_key(&self, new: &SigningKey) -> Result<(), RecordsError> {
        query("INSERT INTO signing_keys (kid, public, sealed, created_at) VALUES (?, ?, ?, ?)")
            .bind(&new.kid)
            .bind(&new.public)
            .bind(&new.sealed)
            .bind(new.created_at)
            .execute(&self.engine)
            .await
            .map_err(taken_or("signing key", &new.kid))?;
        Ok(())
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKey>, RecordsError> {
        let all = query("SELECT * FROM signing_keys ORDER BY created_at DESC, kid").all(&self.engine);
        all.await?.iter().map(signing_key).collect()
    }

    async fn delete_signing_keys_before(&self, created_at: i64) -> Result<u64, RecordsError> {
        let done = query("DELETE FROM signing_keys WHERE created_at < ?").bind(created_at);
        Ok(done.execute(&self.engine).await?.rows)
    }
}

impl SqlRecords {
    /// The login with its user, if they may be signed in.
    async fn active(&self, row: Option<&Row>) -> Result<Option<(UserLogin, UserRecord)>, RecordsError> {
        let Some(login) = row.map(login).transpose()? else {
            return Ok(None);
        };
        let found = query("SELECT * FROM users WHERE id = ?").bind(&login.user);
        let found = found.optional(&self.engine).await?.as_ref().map(user).transpose()?;
        let active = found.filter(|user| user.status == UserStatus::Active);
        Ok(active.map(|user| (login, user)))
    }
}

async fn insert(
    transaction: &mut Transaction,
    login: &UserLogin,
    by: SignedBy<'_>,
    refresh: Option<&[u8; 32]>,
) -> Result<bool, RecordsError> {
    let Some(user) = locked(transaction, &login.user).await? else {
        return Ok(false);
    };
    let proven = match by {
        SignedBy::Password(phc) => user.password_phc.as_deref() == Some(phc),
        SignedBy::Provider => true,
    };
    if !proven || user.status != UserStatus::Active {
        return Ok(false);
    }
    query("INSERT INTO user_logins (id, user_id, cookie, csrf, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(&login.id)
        .bind(&login.user)
        .bind(login.cookie.as_ref())
        .bind(&login.csrf)
        .bind(login.created_at)
        .bind(login.expires_at)
        .execute(&mut *transaction)
        .await?;
    if let Some(refresh) = refresh {
        insert_refresh(transaction, &login.id, refresh).await?;
    }
    Ok(true)
}

async fn spend(
    transaction: &mut Transaction,
    sha256: &[u8; 32],
    next: &[u8; 32],
    now: i64,
) -> Result<Spent, RecordsError> {
    let of = query(
        "SELECT user_logins.id, user_logins.user_id FROM refresh_tokens
         JOIN user_logins ON user_logins.id = refresh_tokens.login_id WHERE refresh_tokens.sha256 = ?",
    );
    let Some(of) = of.bind(sha256).optional(&mut *transaction).await? else {
        return Ok(Spent::Unknown);
    };
    let (id, user): (String, String) = (of.get("id")?, of.get("user_id")?);
    let Some(user) = locked(transaction, &user).await? else {
        return Ok(Spent::Unknown);
    };
    // Again, now that nobody can end it meanwhile.
    let found = query("SELECT * FROM user_logins WHERE id = ? AND expires_at > ?");
    let found = found.bind(&id).bind(now).optional(&mut *transaction).await?;
    let Some(login) = found.as_ref().map(login).transpose()? else {
        return Ok(Spent::Unknown);
    };
    if user.status != UserStatus::Active {
        return Ok(Spent::Unknown);
    }
    let spent = query("UPDATE refresh_tokens SET spent = 1 WHERE sha256 = ? AND spent = 0");
    if spent.bind(sha256).execute(&mut *transaction).await?.rows == 0 {
        delete(transaction, &id).await?;
        return Ok(Spent::Before(login));
    }
    insert_refresh(transaction, &id, next).await?;
    Ok(Spent::Now(login, user))
}

async fn insert_refresh(transaction: &mut Transaction, login: &str, sha256: &[u8; 32]) -> Result<(), RecordsError> {
    query("INSERT INTO refresh_tokens (sha256, login_id, spent) VALUES (?, ?, 0)")
        .bind(sha256)
        .bind(login)
        .execute(transaction)
        .await?;
    Ok(())
}

async fn locked(transaction: &mut Transaction, id: &str) -> Result<Option<UserRecord>, RecordsError> {
    let found = query("SELECT * FROM users WHERE id = ? FOR UPDATE").bind(id);
    found.optional(transaction).await?.as_ref().map(user).transpose()
}

async fn delete(transaction: &mut Transaction, id: &str) -> Result<bool, RecordsError> {
    query("DELETE FROM refresh_tokens WHERE login_id = ?")
        .bind(id)
        .execute(&mut *transaction)
        .await?;
    let done = query("DELETE FROM user_logins WHERE id = ?").bind(id);
    Ok(done.execute(transaction).await?.rows > 0)
}

/// Ends all logins of a user; says how many.
pub(super) async fn delete_of(transaction: &mut Transaction, user: &str) -> Result<u64, RecordsError> {
    query("DELETE FROM refresh_tokens WHERE login_id IN (SELECT id FROM user_logins WHERE user_id = ?)")
        .bind(user)
        .execute(&mut *transaction)
        .await?;
    let done = query("DELETE FROM user_logins WHERE user_id = ?").bind(user);
    Ok(done.execute(transaction).await?.rows)
}

async fn delete_expired(transaction: &mut Transaction, now: i64) -> Result<u64, RecordsError> {
    query("DELETE FROM refresh_tokens WHERE login_id IN (SELECT id FROM user_logins WHERE expires_at <= ?)")
        .bind(now)
        .execute(&mut *transaction)
        .await?;
    let done = query("DELETE FROM user_logins WHERE expires_at <= ?").bind(now);
    Ok(done.execute(transaction).await?.rows)
}

fn login(row: &Row) -> Result<UserLogin, RecordsError> {
    let cookie: Option<Vec<u8>> = row.get("cookie")?;
    Ok(UserLogin {
        id: row.get("id")?,
        user: row.get("user_id")?,
        cookie: cookie.and_then(|digest| digest.try_into().ok()),
        csrf: row.get("csrf")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}

fn signing_key(row: &Row) -> Result<SigningKey, RecordsError> {
    Ok(SigningKey {
        kid: row.get("kid")?,
        public: row.get("public")?,
        sealed: row.get("sealed")?,
        created_at: row.get("created_at")?,
    })
}
