//! `GET /api/doctor`: what is wrong with the home, the instances and the host, and what to do about it.

use axum::Json;
use axum::extract::State as Shared;
use creel_fleet::doctor::{Check, Finding, say};
use creel_http::Problem;
use serde_json::{Value, json};

use crate::error::fleet_problem;
use crate::routes::State;

pub async fn show(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    let mut findings = backend.fleet.examine().await.map_err(fleet_problem)?;
    let seconds = backend.started.elapsed().as_secs();
    let what = say("up_for", json!({"seconds": seconds}), format!("up for {seconds} s"));
    findings.push(Finding::ok(Check::ControlPlane, "control plane", what));
    Ok(Json(json!({"findings": findings})))
}
