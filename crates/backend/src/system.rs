//! `GET /api/system/status`: the host, what it can do, and how its instances are.

use axum::Json;
use axum::extract::State as Shared;
use creel_fleet::{HostSample, Instance, Status};
use serde_json::{Value, json};

use crate::routes::State;
use creel_http::rfc3339;

pub async fn status(Shared(backend): Shared<State>) -> Json<Value> {
    let docker = docker(&backend).await;
    let host = backend.fleet.host();
    let samples = backend.fleet.host_stats();
    let features: Vec<Value> = backend
        .fleet
        .host_features()
        .iter()
        .map(|feature| json!({"name": feature.name, "available": feature.available, "detail": feature.detail}))
        .collect();
    let configured = !backend.providers.is_empty();
    let provider = if configured {
        format!("instances are handed the keys of: {}", backend.providers.join(", "))
    } else {
        "no provider key is set: instances answer with the built-in demo, which is no model. \
         Set OPENAI_API_KEY or ANTHROPIC_API_KEY for creel up, or models.providers in an instance's configuration"
            .to_owned()
    };
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": backend.started.elapsed().as_secs(),
        "host": {
            "hostname": host.hostname,
            "cpus": host.cpus,
            "memory_total_bytes": host.memory_total_bytes,
            "memory_used_bytes": host.memory_used_bytes,
            "disk_total_bytes": host.disk_total_bytes,
            "disk_free_bytes": host.disk_free_bytes,
            "load_1m": host.load_1m,
        },
        "disk": {"path": host.home, "total_bytes": host.disk_total_bytes, "free_bytes": host.disk_free_bytes},
        "swap_bytes": host.swap_bytes,
        "cgroup": host.cgroup.map_or_else(|| "none".to_owned(), |version| format!("v{version}")),
        "versions": versions(&backend, docker.get("version")),
        "instances": counts(&backend.fleet.list()),
        "docker": docker,
        "features": features,
        "provider": {"configured": configured, "names": backend.providers, "detail": provider},
        "samples": samples.iter().map(sample_json).collect::<Vec<_>>(),
    }))
}

/// Of what runs here, and of what new instances are pinned to; what is not here has none.
fn versions(backend: &State, docker: Option<&Value>) -> Value {
    let mut versions = json!({"creel": env!("CARGO_PKG_VERSION"), "openclaw": creel_fleet::OPENCLAW_VERSION});
    if let Some(node) = backend.fleet.node_version() {
        versions["node"] = node.into();
    }
    if let Some(version) = docker {
        versions["docker"] = version.clone();
    }
    versions
}

fn counts(instances: &[Instance]) -> Value {
    let count = |status| instances.iter().filter(|instance| instance.status == status).count();
    let (running, sleeping, error) = (count(Status::Running), count(Status::Sleeping), count(Status::Error));
    // One that was never started is as stopped as one that was.
    let stopped = count(Status::Stopped) + count(Status::Created);
    let total = instances.len();
    json!({
        "total": total, "running": running, "sleeping": sleeping, "stopped": stopped, "error": error,
        "other": total - running - sleeping - stopped - error,
    })
}

/// The container engine that answers, or why none does; the detail says either in a line.
async fn docker(backend: &State) -> Value {
    let reason = match backend.fleet.docker_version().await {
        Ok(version) => {
            return json!({"available": true, "version": version, "detail": format!("engine {version}")});
        }
        Err(error) => error.to_string(),
    };
    json!({"available": false, "reason": reason, "detail": reason})
}

pub fn sample_json(sample: &HostSample) -> Value {
    json!({
        "at": rfc3339(sample.at_ms),
        "cpu_percent": sample.cpu_percent,
        "memory_bytes": sample.memory_used_bytes,
        "instances_cpu_percent": sample.instances_cpu_percent,
        "instances_memory_bytes": sample.instances_memory_bytes,
    })
}
