//! Who asked for what: written down, and told to whoever watches. What instances do by themselves the fleet writes down.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use creel_http::{FromQuery, Parameters, Problem, Query, rfc3339};
use creel_records::{Event, NewEvent, Records};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::error::records_problem;
use crate::routes::State;

/// Events a slow watcher may lag behind before it misses some.
const BACKLOG: usize = 256;
const MOST: u32 = 500;

pub struct Activity {
    records: Arc<dyn Records>,
    watchers: broadcast::Sender<Event>,
}

impl Activity {
    pub fn new(records: Arc<dyn Records>) -> Self {
        Self {
            records,
            watchers: broadcast::Sender::new(BACKLOG),
        }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.watchers.subscribe()
    }

    /// Writes an event down. One that cannot be written does not undo what happened: it is in the log then.
    /// `data` is the object that `message` is made of.
    pub async fn record(
        &self,
        actor: &str,
        kind: &str,
        instance: Option<&str>,
        message: impl Into<String>,
        data: Value,
    ) {
        let event = NewEvent {
            kind: kind.to_owned(),
            instance: instance.map(str::to_owned),
            actor: actor.to_owned(),
            message: message.into(),
            data: data.as_object().cloned().unwrap_or_default(),
        };
        match self.records.append_event(&event).await {
            Ok(event) => {
                let _ = self.watchers.send(event);
            }
            Err(error) => tracing::error!(%error, kind, instance, "an event could not be recorded"),
        }
    }
}

pub struct Limit {
    limit: Option<u32>,
}

impl FromQuery for Limit {
    const NAMES: &'static [&'static str] = &["limit"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self {
            limit: parameters.number_within("limit", 1..=MOST)?,
        })
    }
}

/// `GET /api/activity?limit=50`: newest first.
pub async fn list(Shared(backend): Shared<State>, Query(query): Query<Limit>) -> Result<Json<Value>, Problem> {
    let limit = query.limit.unwrap_or(50);
    let events = backend.records.recent_events(limit).await.map_err(records_problem)?;
    let events: Vec<Value> = events.iter().map(shown).collect();
    Ok(Json(json!({"events": events})))
}

pub fn shown(event: &Event) -> Value {
    let Event {
        id,
        at,
        kind,
        instance,
        actor,
        message,
        data,
    } = event;
    json!({"id": id, "at": rfc3339(*at), "kind": kind, "instance": instance, "actor": actor, "message": message, "data": data})
}
