//! Users. Every change takes a number, as its last act, and leaves it at the user or, where they are gone, among the deleted.

use std::collections::HashMap;

use async_trait::async_trait;

use super::sequence::Sequence;
use super::{SqlRecords, eras, llm, logins};
use crate::engine::{Query, Row, Transaction, query, taken_or};
use crate::{NewUser, RecordsError, UserChanges, UserPatch, UserRecord, UserStatus, UserToken, Users, now_ms};

#[async_trait]
impl Users for SqlRecords {
    async fn insert_user(&self, new: &NewUser) -> Result<UserRecord, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let inserted = insert(&mut transaction, new).await;
        transaction.finish(inserted).await.map_err(taken_or("user", &new.id))?;
        self.user(&new.id).await?.ok_or_else(|| unknown(&new.id))
    }

    async fn insert_users(&self, new: &[NewUser]) -> Result<(), RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let mut inserted = Ok(());
        for new in new {
            inserted = insert(&mut transaction, new).await.map_err(taken_or("user", &new.id));
            if inserted.is_err() {
                break;
            }
        }
        transaction.finish(inserted).await
    }

    async fn user(&self, id: &str) -> Result<Option<UserRecord>, RecordsError> {
        query("SELECT * FROM users WHERE id = ?")
            .bind(id)
            .optional(&self.engine)
            .await?
            .as_ref()
            .map(user)
            .transpose()
    }

    async fn users(&self, part: &str, after: &str, limit: u32) -> Result<Vec<UserRecord>, RecordsError> {
        // Bound, and its wildcards taken literally: what a person types is no pattern.
        let pattern = format!("%{}%", part.replace('!', "!!").replace('%', "!%").replace('_', "!_"));
        let found = query(
            "SELECT * FROM users WHERE id > ? AND (id LIKE ? ESCAPE '!' OR name LIKE ? ESCAPE '!') ORDER BY id LIMIT ?",
        );
        let found = found.bind(after).bind(&pattern).bind(&pattern).bind(i64::from(limit));
        found.all(&self.engine).await?.iter().map(user).collect()
    }

    async fn user_of_token(&self, sha256: &[u8; 32], now: i64) -> Result<Option<UserRecord>, RecordsError> {
        query(
            "SELECT users.* FROM users JOIN user_tokens ON user_tokens.user_id = users.id
             WHERE user_tokens.sha256 = ? AND (user_tokens.expires_at IS NULL OR user_tokens.expires_at > ?)",
        )
        .bind(sha256)
        .bind(now)
        .optional(&self.engine)
        .await?
        .as_ref()
        .map(user)
        .transpose()
    }

    async fn user_tokens(&self, id: &str) -> Result<Vec<UserToken>, RecordsError> {
        let ids = [id.to_owned()];
        Ok(self.tokens_of(&ids).await?.remove(id).unwrap_or_default())
    }

    async fn patch_user(&self, id: &str, patch: &UserPatch) -> Result<(), RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let patched = patched(&mut transaction, id, patch).await;
        transaction.finish(patched).await
    }

    async fn set_user_config(&self, id: &str, config: &str, change: i64) -> Result<bool, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let set = set_config(&mut transaction, id, config, change).await;
        transaction.finish(set).await
    }

    async fn replace_user_tokens(
        &self,
        id: &str,
        sha256: &[u8; 32],
        expires_at: Option<i64>,
    ) -> Result<(), RecordsError> {
        let revoke = query("DELETE FROM user_tokens WHERE user_id = ?").bind(id);
        let add = query("INSERT INTO user_tokens (sha256, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)")
            .bind(sha256)
            .bind(id)
            .bind(now_ms())
            .bind(expires_at);
        let changed = self.change_user(id, vec![revoke, add]).await;
        changed.map_err(taken_or("gateway token of", id))
    }

    async fn put_user_token(&self, id: &str, new: &UserToken) -> Result<(), RecordsError> {
        let revoke = query("DELETE FROM user_tokens WHERE user_id = ? AND name = ?");
        let revoke = revoke.bind(id).bind(&new.name);
        let add = query(
            "INSERT INTO user_tokens (sha256, user_id, name, sealed, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&new.sha256)
        .bind(id)
        .bind(&new.name)
        .bind(new.sealed.clone())
        .bind(new.created_at)
        .bind(new.expires_at);
        let changed = self.change_user(id, vec![revoke, add]).await;
        changed.map_err(taken_or("gateway token of", id))
    }

    async fn revoke_user_token(&self, id: &str, name: &str) -> Result<bool, RecordsError> {
        if !self.user_tokens(id).await?.iter().any(|token| token.name == name) {
            return Ok(false);
        }
        let revoke = query("DELETE FROM user_tokens WHERE user_id = ? AND name = ?");
        self.change_user(id, vec![revoke.bind(id).bind(name)]).await?;
        Ok(true)
    }

    async fn revoke_user_tokens(&self, id: &str) -> Result<(), RecordsError> {
        let revoke = query("DELETE FROM user_tokens WHERE user_id = ?").bind(id);
        self.change_user(id, vec![revoke]).await
    }

    async fn delete_user(&self, id: &str) -> Result<bool, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let deleted = delete(&mut transaction, id).await;
        transaction.finish(deleted).await
    }

    async fn last_user_change(&self) -> Result<i64, RecordsError> {
        Sequence::Changes.last(&self.engine).await
    }

    async fn user_change_tag(&self, number: i64) -> Result<String, RecordsError> {
        eras::of(&self.engine, number).await
    }

    async fn user_changes(&self, since: i64, limit: u32) -> Result<UserChanges, RecordsError> {
        // Two tables are read one after the other: what is committed in between must not be in the second and missing from the first.
        let last = self.last_user_change().await?;
        // One more than fits tells whether there are more.
        let most = i64::from(limit) + 1;
        let changed =
            query("SELECT * FROM users WHERE change_number > ? AND change_number <= ? ORDER BY change_number LIMIT ?");
        let changed = changed.bind(since).bind(last).bind(most).all(&self.engine).await?;
        let deleted = query(
            "SELECT id, change_number FROM deleted_users WHERE change_number > ? AND change_number <= ? ORDER BY change_number LIMIT ?",
        );
        let deleted = deleted.bind(since).bind(last).bind(most).all(&self.engine).await?;
        let mut changes = Vec::with_capacity(changed.len() + deleted.len());
        for row in &changed {
            let user = user(row)?;
            changes.push((user.change, Ok(user)));
        }
        for row in &deleted {
            changes.push((row.get("change_number")?, Err(row.get::<String>("id")?)));
        }
        changes.sort_unstable_by_key(|(number, _)| *number);
        let has_more = changes.len() > limit as usize;
        changes.truncate(limit as usize);
        let mut page = UserChanges {
            reached: changes.last().map_or(since, |(number, _)| *number),
            has_more,
            ..UserChanges::default()
        };
        let mut users = Vec::new();
        for (_, change) in changes {
            match change {
                Ok(user) => users.push(user),
                Err(id) => page.deleted.push(id),
            }
        }
        let ids: Vec<String> = users.iter().map(|user| user.id.clone()).collect();
        let mut tokens = self.tokens_of(&ids).await?;
        let whole = |user: UserRecord| {
            let tokens = tokens.remove(&user.id).unwrap_or_default();
            (user, tokens)
        };
        page.users = users.into_iter().map(whole).collect();
        Ok(page)
    }
}

impl SqlRecords {
    /// Changes a user that must exist, all or nothing.
    async fn change_user(&self, id: &str, statements: Vec<Query>) -> Result<(), RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let changed = change(&mut transaction, id, statements).await;
        transaction.finish(changed).await
    }

    async fn tokens_of(&self, ids: &[String]) -> Result<HashMap<String, Vec<UserToken>>, RecordsError> {
        let mut tokens: HashMap<String, Vec<UserToken>> = HashMap::new();
        if ids.is_empty() {
            return Ok(tokens);
        }
        let marks = vec!["?"; ids.len()].join(", ");
        let mut all = query(format!(
            "SELECT * FROM user_tokens WHERE user_id IN ({marks}) ORDER BY created_at"
        ));
        for id in ids {
            all = all.bind(id);
        }
        for row in all.all(&self.engine).await? {
            let token = UserToken {
                name: row.get("name")?,
                sealed: row.get("sealed")?,
                sha256: row.digest("sha256")?,
                created_at: row.get("created_at")?,
                expires_at: row.get("expires_at")?,
            };
            tokens.entry(row.get("user_id")?).or_default().push(token);
        }
        Ok(tokens)
    }
}

async fn insert(transaction: &mut Transaction, new: &NewUser) -> Result<(), RecordsError> {
    let now = now_ms();
    query(
        "INSERT INTO users (id, name, status, password_phc, config, created_at, updated_at, change_number)
         VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
    )
    .bind(&new.id)
    .bind(&new.name)
    .bind(UserStatus::Active.as_str())
    .bind(&new.password_phc)
    .bind(&new.config)
    .bind(now)
    .bind(now)
    .execute(&mut *transaction)
    .await?;
    query("DELETE FROM deleted_users WHERE id = ?")
        .bind(&new.id)
        .execute(&mut *transaction)
        .await?;
    number(transaction, &new.id).await
}

async fn change(transaction: &mut Transaction, id: &str, statements: Vec<Query>) -> Result<(), RecordsError> {
    // First the user's row, which whoever else changes this user then waits for.
    query("UPDATE users SET updated_at = ? WHERE id = ?")
        .bind(now_ms())
        .bind(id)
        .execute(&mut *transaction)
        .await?
        .must_exist("user", id)?;
    for statement in statements {
        statement.execute(&mut *transaction).await?;
    }
    number(transaction, id).await
}

async fn patched(transaction: &mut Transaction, id: &str, patch: &UserPatch) -> Result<(), RecordsError> {
    let name = patch.name.as_ref();
    let name = name.map(|name| query("UPDATE users SET name = ? WHERE id = ?").bind(name));
    let status = patch.status;
    let status = status.map(|status| query("UPDATE users SET status = ? WHERE id = ?").bind(status.as_str()));
    let password = patch.password_phc.as_ref();
    let password = password.map(|phc| query("UPDATE users SET password_phc = ? WHERE id = ?").bind(phc));
    let statements = [name, status, password].into_iter().flatten();
    change(
        transaction,
        id,
        statements.map(|statement| statement.bind(id)).collect(),
    )
    .await?;
    if patch.status == Some(UserStatus::Disabled) || patch.password_phc.is_some() {
        logins::delete_of(transaction, id).await?;
    }
    if patch.status.is_some() {
        llm::status_changed(transaction).await?;
    }
    Ok(())
}

async fn set_config(transaction: &mut Transaction, id: &str, config: &str, change: i64) -> Result<bool, RecordsError> {
    let found = query("SELECT change_number FROM users WHERE id = ? FOR UPDATE").bind(id);
    let found = found.optional(&mut *transaction).await?.ok_or_else(|| unknown(id))?;
    if found.get::<i64>("change_number")? != change {
        return Ok(false);
    }
    query("UPDATE users SET config = ?, updated_at = ? WHERE id = ?")
        .bind(config)
        .bind(now_ms())
        .bind(id)
        .execute(&mut *transaction)
        .await?;
    number(transaction, id).await?;
    Ok(true)
}

async fn delete(transaction: &mut Transaction, id: &str) -> Result<bool, RecordsError> {
    let done = query("DELETE FROM users WHERE id = ?")
        .bind(id)
        .execute(&mut *transaction)
        .await?;
    if done.rows == 0 {
        return Ok(false);
    }
    query("DELETE FROM user_tokens WHERE user_id = ?")
        .bind(id)
        .execute(&mut *transaction)
        .await?;
    for table in ["user_keys", "subjects"] {
        query(format!("DELETE FROM {table} WHERE user_id = ?"))
            .bind(id)
            .execute(&mut *transaction)
            .await?;
    }
    logins::delete_of(transaction, id).await?;
    let number = Sequence::Changes.next(transaction).await?;
    query("INSERT INTO deleted_users (id, change_number) VALUES (?, ?)")
        .bind(id)
        .bind(number)
        .execute(&mut *transaction)
        .await?;
    // Behind the number of users, as where a status changes: two who take both do not wait for each other.
    llm::revoke_keys_of_user(transaction, id).await?;
    Ok(true)
}

async fn number(transaction: &mut Transaction, id: &str) -> Result<(), RecordsError> {
    let number = Sequence::Changes.next(transaction).await?;
    query("UPDATE users SET change_number = ? WHERE id = ?")
        .bind(number)
        .bind(id)
        .execute(transaction)
        .await?;
    Ok(())
}

fn unknown(id: &str) -> RecordsError {
    RecordsError::NotFound {
        what: "user",
        id: id.to_owned(),
    }
}

pub(super) fn user(row: &Row) -> Result<UserRecord, RecordsError> {
    Ok(UserRecord {
        id: row.get("id")?,
        name: row.get("name")?,
        status: row.named("status")?,
        password_phc: row.get("password_phc")?,
        config: row.get("config")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        change: row.get("change_number")?,
    })
}
