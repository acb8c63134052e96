//! `GET /api/channels`: the chat platforms that an instance can be connected to, and what each wants to know.

use axum::Json;
use serde_json::{Value, json};

pub async fn list() -> Json<Value> {
    Json(json!({"channels": creel_fleet::CHANNELS}))
}
