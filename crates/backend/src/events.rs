//! `GET /api/events`: what changes, as server-sent events: `instance`, `removed`, `activity`, `sample`.

use std::time::Duration;

use axum::extract::State as Shared;
use axum::response::Response;
use creel_fleet::FleetEvent;
use creel_http::sse;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};

use crate::activity::shown;
use crate::routes::State;
use crate::system::sample_json;

const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often the host's newest measurement is looked at.
const SAMPLES: Duration = Duration::from_secs(2);

pub async fn stream(Shared(backend): Shared<State>) -> Response {
    // Before the answer begins: who reads a list once the stream is open misses no change between the two.
    let mut fleet = backend.fleet.subscribe();
    let mut activity = backend.activity.subscribe();
    sse::respond(HEARTBEAT, |writer| async move {
        let mut samples = interval(SAMPLES);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_sample = 0;
        loop {
            tokio::select! {
                change = fleet.recv() => match change {
                    Ok(FleetEvent::Changed(instance)) => writer.event("instance", &*instance).await,
                    Ok(FleetEvent::Noted(event)) => writer.event("activity", &shown(&event)).await,
                    Ok(FleetEvent::Removed(id)) => writer.event("removed", &json!({"id": id})).await,
                    // The reader was too slow to see every step: it gets where things stand now.
                    Err(RecvError::Lagged(_)) => for instance in backend.fleet.list() {
                        writer.event("instance", &instance).await;
                    },
                    Err(RecvError::Closed) => return,
                },
                event = activity.recv() => if let Ok(event) = event {
                    writer.event("activity", &shown(&event)).await;
                },
                _ = samples.tick() => if let Some(sample) = backend.fleet.host_stats().last()
                    && sample.at_ms != last_sample
                {
                    last_sample = sample.at_ms;
                    writer.event("sample", &sample_json(sample)).await;
                },
                () = backend.stop.cancelled() => return,
            }
        }
    })
}
