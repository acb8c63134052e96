//! The activity log.

use sqlx::sqlite::SqlitePool;

use super::engine;
use crate::{Event, NewEvent, RecordsError, now_ms};

/// How many of the newest events are kept.
const KEPT: i64 = 10_000;

pub async fn append(pool: &SqlitePool, new: &NewEvent) -> Result<Event, RecordsError> {
    let at = now_ms();
    let (id,): (i64,) =
        sqlx::query_as("INSERT INTO events (at, kind, instance, actor, message) VALUES (?, ?, ?, ?, ?) RETURNING id")
            .bind(at)
            .bind(&new.kind)
            .bind(&new.instance)
            .bind(&new.actor)
            .bind(&new.message)
            .fetch_one(pool)
            .await
            .map_err(engine)?;
    // Forget the oldest a hundred at a time, so that most appends are one statement.
    if id % 100 == 0 {
        sqlx::query("DELETE FROM events WHERE id <= ?")
            .bind(id - KEPT)
            .execute(pool)
            .await
            .map_err(engine)?;
    }
    let NewEvent {
        kind,
        instance,
        actor,
        message,
    } = new.clone();
    Ok(Event {
        id,
        at,
        kind,
        instance,
        actor,
        message,
    })
}

pub async fn recent(pool: &SqlitePool, limit: u32) -> Result<Vec<Event>, RecordsError> {
    type Row = (i64, i64, String, Option<String>, String, String);
    let rows: Vec<Row> =
        sqlx::query_as("SELECT id, at, kind, instance, actor, message FROM events ORDER BY id DESC LIMIT ?")
            .bind(limit)
            .fetch_all(pool)
            .await
            .map_err(engine)?;
    Ok(rows
        .into_iter()
        .map(|(id, at, kind, instance, actor, message)| Event {
            id,
            at,
            kind,
            instance,
            actor,
            message,
        })
        .collect())
}
