//! The activity log.

use async_trait::async_trait;
use serde_json::Value;

use super::SqlRecords;
use crate::engine::{Row, query};
use crate::{Event, Events, NewEvent, RecordsError, now_ms};

/// How many of the newest events are kept.
const KEPT: i64 = 10_000;

#[async_trait]
impl Events for SqlRecords {
    async fn append_event(&self, new: &NewEvent) -> Result<Event, RecordsError> {
        let at = now_ms();
        let id = query("INSERT INTO events (at, kind, instance, actor, message, data) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(at)
            .bind(&new.kind)
            .bind(&new.instance)
            .bind(&new.actor)
            .bind(&new.message)
            .bind((!new.data.is_empty()).then(|| Value::Object(new.data.clone()).to_string()))
            .insert(&self.engine)
            .await?;
        // Forget the oldest a hundred at a time, so that most appends are one statement.
        if id % 100 == 0 {
            query("DELETE FROM events WHERE id <= ?")
                .bind(id - KEPT)
                .execute(&self.engine)
                .await?;
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

    async fn recent_events(&self, limit: u32) -> Result<Vec<Event>, RecordsError> {
        query("SELECT id, at, kind, instance, actor, message, data FROM events ORDER BY id DESC LIMIT ?")
            .bind(limit)
            .all(&self.engine)
            .await?
            .iter()
            .map(event)
            .collect()
    }
}

fn event(row: &Row) -> Result<Event, RecordsError> {
    let data: Option<String> = row.get("data")?;
    Ok(Event {
        id: row.get("id")?,
        at: row.get("at")?,
        kind: row.get("kind")?,
        instance: row.get("instance")?,
        actor: row.get("actor")?,
        message: row.get("message")?,
        // Null in what was written before there was such a column.
        data: data
            .and_then(|data| serde_json::from_str(&data).ok())
            .unwrap_or_default(),
    })
}
