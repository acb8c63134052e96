//! An instance's log: its end, what is in it, the whole of it, and live.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use creel_fleet::{LogLines, LogQuery};
use creel_http::{FromQuery, Parameters, Path, Problem, Query, since};
use creel_records::now_ms;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::error::fleet_problem;
use crate::instances::parse_id;
use crate::routes::State;

const TAIL: usize = 200;
const LONGEST_TAIL: usize = 10_000;

/// Which lines.
pub struct Wanted(LogQuery);

impl FromQuery for Wanted {
    const NAMES: &'static [&'static str] = &["tail", "since", "search"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        let since_ms = parameters.text("since").map(|text| {
            let shown: String = text.chars().take(40).collect();
            since(&text, now_ms())
                .map_err(|wanted| Problem::bad_request(format!("query: since is {shown:?}: {wanted}")))
        });
        let since_ms = since_ms.transpose()?;
        // Who names a moment wants all that came after it.
        let usual = if since_ms.is_some() { LONGEST_TAIL } else { TAIL };
        Ok(Self(LogQuery {
            tail: parameters.number_within("tail", 0..=LONGEST_TAIL)?.unwrap_or(usual),
            since_ms,
            search: parameters.text("search"),
        }))
    }
}

/// `GET /api/instances/{id}/logs?tail=200&since=10m&search=error`
pub async fn find(
    Shared(backend): Shared<State>,
    Path(id): Path<String>,
    Query(Wanted(query)): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let found = backend.fleet.find_logs(&parse_id(&id)?, query).await;
    let found = found.map_err(fleet_problem)?;
    Ok(Json(json!({"lines": found.lines, "more": found.more})))
}

/// `GET /api/instances/{id}/logs/download`: the whole of it, without the token as in [`find`].
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

/// `WS /api/instances/{id}/logs/stream`, with the parameters of [`find`]: text frames `{"lines": [...]}`.
pub async fn stream(
    Shared(backend): Shared<State>,
    Path(id): Path<String>,
    Query(Wanted(query)): Query<Wanted>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let lines = backend
        .fleet
        .follow_logs(&parse_id(&id)?, query)
        .await
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
