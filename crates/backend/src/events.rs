//! `GET /api/events`: what changes, as server-sent events: `instance`, `removed`, `activity`, `sample`. What an instance uses is a change
//! of it where people would see one.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::response::Response;
use creel_fleet::{FleetEvent, Instance, InstanceId};
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
        // Who opens the stream reads the list as well.
        let mut told = usages(&backend.fleet.list());
        loop {
            tokio::select! {
                change = fleet.recv() => match change {
                    Ok(FleetEvent::Changed(instance)) => {
                        writer.event("instance", &backend.fleet.with_usage(&instance)).await;
                    }
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
                    let instances = backend.fleet.list();
                    let now = usages(&instances);
                    for instance in instances {
                        if told.get(&instance.id) != now.get(&instance.id) {
                            writer.event("instance", &instance).await;
                        }
                    }
                    told = now;
                },
                () = backend.stop.cancelled() => return,
            }
        }
    })
    .await
}

/// What the instances use, in steps that can be seen: tenths of a per cent of a core, and of a MiB.
fn usages(instances: &[Instance]) -> HashMap<InstanceId, (Option<i64>, Option<u64>)> {
    let usage = |instance: &Instance| {
        let cpu = instance.cpu_percent.map(|percent| (percent * 10.0).round() as i64);
        let memory = instance.memory_used_bytes.map(|bytes| bytes * 10 / (1 << 20));
        (instance.id.clone(), (cpu, memory))
    };
    instances.iter().map(usage).collect()
}
