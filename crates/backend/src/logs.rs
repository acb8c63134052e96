//! An instance's log: its tail, the whole of it, and live.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State as Shared};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use creel_fleet::LogLines;
use creel_http::{FromQuery, Parameters, Problem, Query};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::error::fleet_problem;
use crate::instances::parse_id;
use crate::routes::State;

const TAIL: usize = 200;
const LONGEST_TAIL: usize = 10_000;

pub struct Tail {
    tail: Option<usize>,
}

impl FromQuery for Tail {
    const NAMES: &'static [&'static str] = &["tail"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self {
            tail: parameters.number("tail")?,
        })
    }
}

impl Tail {
    fn lines(&self) -> usize {
        self.tail.unwrap_or(TAIL).min(LONGEST_TAIL)
    }
}

/// `GET /api/instances/{id}/logs?tail=200`
pub async fn tail(
    Shared(backend): Shared<State>,
    Path(id): Path<String>,
    Query(query): Query<Tail>,
) -> Result<Json<Value>, Problem> {
    let lines = backend
        .fleet
        .tail_logs(&parse_id(&id)?, query.lines())
        .map_err(fleet_problem)?;
    Ok(Json(json!({"lines": lines})))
}

/// `GET /api/instances/{id}/logs/download`: the whole of it, without the token as in [`tail`].
pub async fn download(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let batches = backend.fleet.whole_log(&id).map_err(fleet_problem)?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}.log\""),
        ),
    ];
    let text = batches.map(|lines| Ok::<_, Infallible>(lines.join("\n") + "\n"));
    Ok((headers, Body::from_stream(text)).into_response())
}

/// `WS /api/instances/{id}/logs/stream?tail=200`: text frames `{"lines": [...]}`.
pub async fn stream(
    Shared(backend): Shared<State>,
    Path(id): Path<String>,
    Query(query): Query<Tail>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let lines = backend
        .fleet
        .follow_logs(&parse_id(&id)?, query.lines())
        .map_err(fleet_problem)?;
    Ok(upgrade.on_upgrade(move |socket| async move {
        tokio::select! {
            () = follow(socket, lines) => {}
            () = backend.stop.cancelled() => {}
        }
    }))
}

async fn follow(mut socket: WebSocket, mut lines: LogLines) {
    loop {
        tokio::select! {
            batch = lines.next() => {
                let Some(batch) = batch else { return };
                let text = json!({"lines": batch}).to_string();
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            // Nothing is expected from the reader; this notices that it left.
            message = socket.recv() => if !matches!(message, Some(Ok(_))) {
                return;
            }
        }
    }
}
