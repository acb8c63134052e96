//! What the engines must do alike, below any subject. Each scenario runs on every one of them.

use creel_testkit::database;
use tempfile::TempDir;

use super::{Engine, query, violates};
use crate::sql::sequence::Sequence;
use crate::{DatabaseUrl, RecordsError};

/// One test per scenario and engine.
macro_rules! on_every_engine {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $scenario() {
                    let dir = super::TempDir::new().unwrap();
                    super::$scenario(super::DatabaseUrl::file(dir.path().join("creel.db"))).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $scenario() {
                    super::$scenario(super::database::postgres().database().parse().unwrap()).await;
                }
            )+
        }
        mod mariadb {
            $(
                #[tokio::test]
                async fn $scenario() {
                    super::$scenario(super::database::mariadb().database().parse().unwrap()).await;
                }
            )+
        }
    };
}

on_every_engine!(
    an_unfinished_transaction_changes_nothing,
    a_failed_transaction_changes_nothing,
    numbers_become_visible_in_order,
);

async fn add(engine: &Engine, name: &str) -> Result<(), RecordsError> {
    let mut transaction = engine.begin().await?;
    let added = query("INSERT INTO sequences (name, value) VALUES (?, ?)")
        .bind(name)
        .bind(1_i64)
        .execute(&mut transaction)
        .await;
    transaction.finish(added).await.map(drop)
}

async fn count(engine: &Engine) -> i64 {
    let rows = query("SELECT count(*) AS n FROM sequences")
        .optional(engine)
        .await
        .unwrap();
    rows.unwrap().get("n").unwrap()
}

async fn an_unfinished_transaction_changes_nothing(url: DatabaseUrl) {
    let engine = Engine::open(&url).await.unwrap();
    let mut transaction = engine.begin().await.unwrap();
    query("DELETE FROM sequences").execute(&mut transaction).await.unwrap();
    drop(transaction);
    assert_eq!(count(&engine).await, 1);
    add(&engine, "other").await.unwrap();
    assert_eq!(count(&engine).await, 2);
}

async fn a_failed_transaction_changes_nothing(url: DatabaseUrl) {
    let engine = Engine::open(&url).await.unwrap();
    let mut transaction = engine.begin().await.unwrap();
    query("DELETE FROM sequences").execute(&mut transaction).await.unwrap();
    let insert = |name: &'static str| query("INSERT INTO sequences (name, value) VALUES (?, 0)").bind(name);
    insert("twice").execute(&mut transaction).await.unwrap();
    let twice = insert("twice").execute(&mut transaction).await;
    assert!(twice.is_err());
    let error = transaction.finish(twice).await.unwrap_err();
    assert!(!violates(&error, "value"), "{error}");
    assert_eq!(count(&engine).await, 1);
}

/// Writers take numbers side by side and pause before they commit; a reader never sees a number without its predecessors.
async fn numbers_become_visible_in_order(url: DatabaseUrl) {
    let engine = Engine::open(&url).await.unwrap();
    let writes = (0..20).map(|_| async {
        let mut transaction = engine.begin().await.unwrap();
        let number = Sequence::Changes.next(&mut transaction).await.unwrap();
        query("INSERT INTO sequences (name, value) VALUES (?, ?)")
            .bind(format!("written-{number}"))
            .bind(number)
            .execute(&mut transaction)
            .await
            .unwrap();
        tokio::task::yield_now().await;
        transaction.finish(Ok(())).await.unwrap();
    });
    let reads = async {
        loop {
            let last = Sequence::Changes.last(&engine).await.unwrap();
            let row = query("SELECT count(*) AS n FROM sequences WHERE name LIKE 'written-%' AND value <= ?")
                .bind(last)
                .optional(&engine)
                .await
                .unwrap();
            assert_eq!(row.unwrap().get::<i64>("n").unwrap(), last);
            if last == 20 {
                return;
            }
        }
    };
    tokio::join!(futures_util::future::join_all(writes), reads);
}
