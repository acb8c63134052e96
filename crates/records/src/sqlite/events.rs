//! The activity log.

use serde_json::Value;
use sqlx::sqlite::SqlitePool;

use super::engine;
use crate::{Event, NewEvent, RecordsError, now_ms};

/// How many of the newest events are kept.
const KEPT: i64 = 10_000;

pub async fn append(pool: &SqlitePool, new: &NewEvent) -> Result<Event, RecordsError> {
    let at = now_ms();
    let (id,): (i64,) = sqlx::query_as(
        "INSERT INTO events (at, kind, instance, actor, message, data) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(at)
    .bind(&new.kind)
    .bind(&new.instance)
    .bind(&new.actor)
    .bind(&new.message)
    .bind((!new.data.is_empty()).then(|| Value::Object(new.data.clone()).to_string()))
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
        data,
    } = new.clone();
    Ok(Event {
        id,
        at,
        kind,
        instance,
        actor,
        message,
        data,
    })
}

pub async fn recent(pool: &SqlitePool, limit: u32) -> Result<Vec<Event>, RecordsError> {
    type Row = (i64, i64, String, Option<String>, String, String, Option<String>);
    let rows: Vec<Row> =
        sqlx::query_as("SELECT id, at, kind, instance, actor, message, data FROM events ORDER BY id DESC LIMIT ?")
            .bind(limit)
            .fetch_all(pool)
            .await
            .map_err(engine)?;
    Ok(rows
        .into_iter()
        .map(|(id, at, kind, instance, actor, message, data)| Event {
            id,
            at,
            kind,
            instance,
            actor,
            message,
            // Null in what was written before there was such a column.
            data: data
                .and_then(|data| serde_json::from_str(&data).ok())
                .unwrap_or_default(),
        })
        .collect())
}
