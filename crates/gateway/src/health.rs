//! Is it alive, is it ready, what does it count.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::routes::State;

/// `GET /health`, `/healthz`: the process answers.
pub async fn live() -> Response {
    Json(json!({"ok": true, "status": "live"})).into_response()
}

/// `GET /ready`, `/readyz`: new work is welcome, or why it is not.
pub async fn ready(Shared(gateway): Shared<State>) -> Response {
    let mut reasons: Vec<&str> = gateway.drain.is_draining().then_some("draining").into_iter().collect();
    if gateway.tenants.as_ref().is_some_and(|tenants| !tenants.is_known()) {
        reasons.push("users_not_synced");
    }
    let ready = reasons.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({"ready": ready, "reasons": reasons}))).into_response()
}

/// `GET /startup`, `/startupz`, as upstream has it.
pub async fn startup(Shared(gateway): Shared<State>) -> Response {
    if gateway.drain.is_draining() {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"ok": false, "status": "draining"})),
        )
            .into_response();
    }
    Json(json!({"ok": true, "status": "started"})).into_response()
}

/// `GET /api/v1/health`: the same with some particulars.
pub async fn particulars(Shared(gateway): Shared<State>) -> Response {
    let setup = gateway.setup.load();
    Json(json!({
        "ok": true,
        "status": if gateway.drain.is_draining() { "draining" } else { "live" },
        "instance_id": setup.config.instance_id,
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": gateway.started.elapsed().as_secs(),
        "model": setup.profile.models.primary(),
    }))
    .into_response()
}

/// `GET /metrics`, `/api/v1/metrics`: OpenMetrics text.
pub async fn metrics(Shared(gateway): Shared<State>) -> Response {
    if let (Some(tenants), Some(metrics)) = (&gateway.tenants, &gateway.metrics.tenants) {
        tenants.measure(metrics);
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(header::CONTENT_TYPE, kind)],
        gateway.metrics.render(gateway.agent.active_sessions()),
    )
        .into_response()
}
