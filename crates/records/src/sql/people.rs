//! What users have who sign in themselves: a model key, and the gateway that serves them all.

use std::collections::HashMap;

use async_trait::async_trait;

use super::SqlRecords;
use super::users::user;
use crate::engine::{query, taken_or};
use crate::{People, RecordsError, UserKey, UserRecord, now_ms};

#[async_trait]
impl People for SqlRecords {
    async fn insert_user_key(&self, new: &UserKey) -> Result<(), RecordsError> {
        query("INSERT INTO user_keys (user_id, key_id, sealed) VALUES (?, ?, ?)")
            .bind(&new.user)
            .bind(&new.key)
            .bind(&new.sealed)
            .execute(&self.engine)
            .await
            .map_err(taken_or("model key of", &new.user))?;
        Ok(())
    }

    async fn user_keys(&self, users: &[String]) -> Result<HashMap<String, UserKey>, RecordsError> {
        if users.is_empty() {
            return Ok(HashMap::new());
        }
        let marks = vec!["?"; users.len()].join(", ");
        let mut all = query(format!("SELECT * FROM user_keys WHERE user_id IN ({marks})"));
        for user in users {
            all = all.bind(user);
        }
        let mut keys = HashMap::new();
        for row in all.all(&self.engine).await? {
            let key = UserKey {
                user: row.get("user_id")?,
                key: row.get("key_id")?,
                sealed: row.get("sealed")?,
            };
            keys.insert(key.user.clone(), key);
        }
        Ok(keys)
    }

    async fn delete_user_key(&self, user: &str) -> Result<bool, RecordsError> {
        let done = query("DELETE FROM user_keys WHERE user_id = ?").bind(user);
        Ok(done.execute(&self.engine).await?.rows > 0)
    }

    async fn user_of_subject(&self, issuer: &str, subject: &str) -> Result<Option<UserRecord>, RecordsError> {
        let found = query(
            "SELECT users.* FROM users JOIN subjects ON subjects.user_id = users.id
             WHERE subjects.issuer = ? AND subjects.subject = ?",
        );
        let found = found.bind(issuer).bind(subject).optional(&self.engine).await?;
        found.as_ref().map(user).transpose()
    }

    async fn link_subject(&self, issuer: &str, subject: &str, user: &str) -> Result<(), RecordsError> {
        query("INSERT INTO subjects (issuer, subject, user_id, created_at) VALUES (?, ?, ?, ?)")
            .bind(issuer)
            .bind(subject)
            .bind(user)
            .bind(now_ms())
            .execute(&self.engine)
            .await
            .map_err(taken_or("account of", user))?;
        Ok(())
    }

    async fn users_gateway(&self) -> Result<Option<String>, RecordsError> {
        let row = query("SELECT instance FROM users_gateway")
            .optional(&self.engine)
            .await?;
        row.map(|row| Ok(row.get("instance")?)).transpose()
    }

    async fn set_users_gateway(&self, instance: Option<&str>) -> Result<(), RecordsError> {
        let Some(instance) = instance else {
            query("DELETE FROM users_gateway").execute(&self.engine).await?;
            return Ok(());
        };
        query(
            "INSERT INTO users_gateway (one, instance) VALUES (1, ?)
             ON CONFLICT (one) DO UPDATE SET instance = excluded.instance",
        )
        .bind(instance)
        .execute(&self.engine)
        .await?;
        Ok(())
    }
}
