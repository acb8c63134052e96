//! The last good state of all users, on disk: what the gateway goes on with when the Cloud Backend is away, after a restart too.
//!
//! One SQLite file. A page of the sync goes in with its `sync_token` in one transaction, so what is here is always what some
//! `sync_token` stands for. It is a copy: where it cannot be read, it is put aside and filled anew.

mod file;
mod tokens;

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use creel_config::Secret;
use creel_session::UserId;
use futures_util::TryStreamExt as _;
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;

use super::clock::now_ms;
use super::wire::{Page, Token};
pub use file::StoreError;
use tokens::{pack, unpack};

pub struct Store {
    pool: SqlitePool,
    directory: PathBuf,
    /// Two gateways on one file would each believe that they alone moved it on.
    _lock: std::fs::File,
}

/// How far the sync has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub sync_token: Option<String>,
    /// Whether all users were known at least once.
    pub complete: bool,
    /// Seconds that the Cloud Backend's clock was ahead of ours.
    pub ahead: i64,
    /// When the last sync came to its end, in milliseconds since the Unix epoch; 0: none did.
    pub synced: i64,
    listing: i64,
    in_listing: bool,
}

/// What is loaded of a user.
pub struct Stored {
    /// Milliseconds since the Unix epoch; 0: not known.
    pub created_at: i64,
    /// JSON text, or why there is none.
    pub config: Result<String, String>,
    /// The virtual key that the user's model calls are charged by.
    pub model_key: Option<Secret>,
}

impl Store {
    pub async fn open(directory: &Path) -> Result<Self, StoreError> {
        let lock = file::lock(directory)?;
        let pool = match file::connect(directory).await {
            Ok(pool) => pool,
            Err(error) => file::put_aside(directory, &error).await?,
        };
        Ok(Self {
            pool,
            directory: directory.to_owned(),
            _lock: lock,
        })
    }

    /// Begins anew, with nobody: what is there turned out to be broken.
    pub async fn begin_anew(&mut self, broken: &StoreError) -> Result<(), StoreError> {
        self.pool.close().await;
        self.pool = file::put_aside(&self.directory, broken).await?;
        Ok(())
    }

    pub async fn progress(&self) -> Result<Progress, StoreError> {
        let row = sqlx::query("SELECT sync_token, listing, in_listing, complete, ahead, synced FROM progress")
            .fetch_one(&self.pool)
            .await?;
        Ok(Progress {
            sync_token: row.try_get(0)?,
            listing: row.try_get(1)?,
            in_listing: row.try_get(2)?,
            complete: row.try_get(3)?,
            ahead: row.try_get(4)?,
            synced: row.try_get(5)?,
        })
    }

    /// Shows all users, without their configurations.
    pub async fn each_user(&self, mut show: impl FnMut(&UserId, bool, &[Token])) -> Result<(), StoreError> {
        let mut rows = sqlx::query("SELECT id, active, tokens FROM users").fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            if let Ok(id) = UserId::from_str(row.try_get(0)?) {
                show(&id, row.try_get(1)?, &unpack(row.try_get(2)?));
            }
        }
        Ok(())
    }

    pub async fn user(&self, id: &UserId) -> Result<Option<Stored>, StoreError> {
        let row = sqlx::query("SELECT config, refused, created, model_key FROM users WHERE id = ?1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Stored {
            created_at: row.try_get(2)?,
            config: match row.try_get::<Option<String>, _>(1)? {
                Some(refused) => Err(refused),
                None => Ok(row.try_get(0)?),
            },
            model_key: row.try_get::<Option<String>, _>(3)?.map(Secret::from),
        }))
    }

    /// Puts a page away. Yields how far that is, and who is gone because a listing that has ended did not have them.
    pub async fn apply(&self, before: &Progress, page: &Page) -> Result<(Progress, Vec<UserId>), StoreError> {
        let starts = page.full;
        let listing = before.listing + i64::from(starts);
        let in_listing = before.in_listing || starts;
        let ends = in_listing && !page.has_more;
        let mut transaction = self.pool.begin().await?;
        for user in &page.users {
            let (config, refused) = match &user.config {
                Ok(config) => (&**config, None),
                Err(refused) => ("", Some(refused.as_str())),
            };
            sqlx::query(
                "INSERT INTO users VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET
                 active = ?2, tokens = ?3, config = ?4, refused = ?5, listing = ?6, created = ?7, model_key = ?8",
            )
            .bind(user.id.as_str())
            .bind(user.active)
            .bind(pack(&user.tokens))
            .bind(config)
            .bind(refused)
            .bind(listing)
            .bind(user.created_at)
            .bind(user.model_key.as_ref().map(Secret::expose))
            .execute(&mut *transaction)
            .await?;
        }
        for id in &page.deleted {
            sqlx::query("DELETE FROM users WHERE id = ?1")
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await?;
        }
        let mut gone = Vec::new();
        if ends {
            let rows = sqlx::query("DELETE FROM users WHERE listing <> ?1 RETURNING id")
                .bind(listing)
                .fetch_all(&mut *transaction)
                .await?;
            for row in rows {
                gone.extend(UserId::from_str(row.try_get(0)?));
            }
        }
        let progress = Progress {
            sync_token: Some(page.sync_token.clone()),
            listing,
            in_listing: in_listing && !ends,
            complete: before.complete || ends,
            ahead: before.ahead,
            synced: if page.has_more { before.synced } else { now_ms() },
        };
        let update = "UPDATE progress SET sync_token = ?1, listing = ?2, in_listing = ?3, complete = ?4, ahead = ?5, synced = ?6";
        sqlx::query(update)
            .bind(&progress.sync_token)
            .bind(progress.listing)
            .bind(progress.in_listing)
            .bind(progress.complete)
            .bind(progress.ahead)
            .bind(progress.synced)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok((progress, gone))
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::ChangedUser;
    use super::file::FILE;
    use super::*;

    fn page(users: &[&str], deleted: &[&str], full: bool, has_more: bool) -> Page {
        let user = |id: &&str| ChangedUser {
            id: UserId::new(id).unwrap(),
            created_at: 0,
            active: true,
            tokens: vec![Token {
                sha256: [7; 32],
                expires_at: Some(9),
            }],
            config: Ok("{}".into()),
            model_key: None,
        };
        Page {
            users: users.iter().map(user).collect(),
            deleted: deleted.iter().map(|id| UserId::new(id).unwrap()).collect(),
            sync_token: "next".to_owned(),
            full,
            has_more,
            refused: Vec::new(),
        }
    }

    async fn ids(store: &Store) -> String {
        let mut ids = Vec::new();
        store
            .each_user(|id, _, tokens| {
                assert_eq!((tokens[0].sha256, tokens[0].expires_at), ([7; 32], Some(9)));
                ids.push(id.to_string());
            })
            .await
            .unwrap();
        ids.join(" ")
    }

    #[tokio::test]
    async fn what_is_not_listed_any_more_is_gone_when_the_listing_ends() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).await.unwrap();
        let fresh = store.progress().await.unwrap();
        let (one, gone) = store
            .apply(&fresh, &page(&["a", "b", "c"], &[], true, false))
            .await
            .unwrap();
        assert!(gone.is_empty() && one.complete);
        let (two, _) = store.apply(&one, &page(&["d"], &["a"], false, false)).await.unwrap();
        assert_eq!(ids(&store).await, "b c d");
        let (three, gone) = store.apply(&two, &page(&["b"], &[], true, true)).await.unwrap();
        assert!(gone.is_empty(), "the listing goes on");
        drop(store);

        let store = Store::open(directory.path()).await.unwrap();
        assert_eq!(store.progress().await.unwrap(), three, "after a restart too");
        let (_, gone) = store.apply(&three, &page(&["e"], &[], false, false)).await.unwrap();
        assert_eq!(gone, ["c", "d"].map(|id| UserId::new(id).unwrap()));
        assert_eq!(ids(&store).await, "b e");
    }

    #[tokio::test]
    async fn the_file_of_the_version_before_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).await.unwrap();
        let fresh = store.progress().await.unwrap();
        let (now, _) = store.apply(&fresh, &page(&["a"], &[], true, false)).await.unwrap();
        let back = "
            DROP TABLE progress;
            CREATE TABLE progress (
                one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
                sync_token TEXT,
                listing    INTEGER NOT NULL,
                in_listing INTEGER NOT NULL,  -- 1: its last page is still to come
                complete   INTEGER NOT NULL   -- 1: a listing was read to its end, once
            ) STRICT;
            INSERT INTO progress VALUES (1, 'next', 1, 0, 1);
            PRAGMA user_version = 3;
        ";
        sqlx::raw_sql(back).execute(&store.pool).await.unwrap();
        store.pool.close().await;
        drop(store);
        let store = Store::open(directory.path()).await.unwrap();
        assert_eq!(store.progress().await.unwrap(), Progress { synced: 0, ..now });
        assert_eq!(ids(&store).await, "a");
    }

    #[tokio::test]
    async fn one_gateway_at_a_time_and_a_broken_file_is_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).await.unwrap();
        assert!(matches!(
            Store::open(directory.path()).await,
            Err(StoreError::Taken { .. })
        ));
        store.pool.close().await;
        drop(store);
        for ending in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(directory.path().join(format!("{FILE}{ending}")));
        }
        std::fs::write(directory.path().join(FILE), "x".repeat(10_000)).unwrap();
        let store = Store::open(directory.path()).await.unwrap();
        assert!(!store.progress().await.unwrap().complete);
        assert!(directory.path().join("users.db.broken").exists());
    }

    #[tokio::test]
    async fn what_is_broken_in_the_middle_is_put_aside_too() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path()).await.unwrap();
        let many: Vec<String> = (0..2_000).map(|number| format!("user{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let progress = store.progress().await.unwrap();
        store.apply(&progress, &page(&many, &[], true, false)).await.unwrap();
        store.pool.close().await;
        let file = directory.path().join(FILE);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..].fill(0xff);
        std::fs::write(&file, bytes).unwrap();

        store.pool = file::connect(directory.path()).await.unwrap();
        let broken = store.each_user(|_, _, _| {}).await.unwrap_err();
        store.begin_anew(&broken).await.unwrap();
        assert!(!store.progress().await.unwrap().complete);
        assert_eq!(ids(&store).await, "");
    }
}
