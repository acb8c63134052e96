//! All routes of the gateway.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::error::in_the_apis_form;
use crate::state::Gateway;
use crate::tenants::admin;
use crate::{chat, completions, guard, health, observe, sessions, webchat};
use creel_http::{Problem, no_query, not_crowded};

pub type State = Arc<Gateway>;

pub fn router(gateway: &State) -> Router {
    let admitted = || from_fn_with_state(gateway.clone(), guard::admit);

    let api = Router::new()
        .route("/api/v1/chat", post(chat::chat))
        .route("/api/v1/chat/stream", post(chat::stream))
        .route("/api/v1/sessions", get(sessions::list).delete(sessions::delete_all))
        .route("/api/v1/sessions/{id}", get(sessions::read).delete(sessions::delete))
        .route_layer(from_fn(no_query))
        .route_layer(admitted());

    let openai = Router::new()
        .route("/v1/chat/completions", post(completions::create))
        .route("/v1/models", get(completions::models))
        .route("/v1/models/{*id}", get(completions::one_model))
        .route_layer(admitted());

    let metrics = Router::new()
        .route("/metrics", get(health::metrics))
        .route("/api/v1/metrics", get(health::metrics))
        .route_layer(from_fn_with_state(gateway.clone(), guard::admit_scraper));

    let multi_tenant = Router::new()
        .route("/api/v1/multi-tenant/stats", get(admin::stats))
        .route("/api/v1/multi-tenant/sync", post(admin::sync))
        .route("/api/v1/multi-tenant/users/{id}", get(admin::info))
        .route_layer(from_fn(no_query))
        // These take parameters.
        .route("/api/v1/multi-tenant/users", get(admin::list))
        .route(
            "/api/v1/multi-tenant/users/cleanup",
            post(admin::cleanup).get(admin::info_of_cleanup),
        )
        .route_layer(from_fn_with_state(gateway.clone(), guard::service));

    let probes = Router::new()
        .route("/health", get(health::live))
        .route("/healthz", get(health::live))
        .route("/ready", get(health::ready))
        .route("/readyz", get(health::ready))
        .route("/startup", get(health::startup))
        .route("/startupz", get(health::startup))
        .route("/api/v1/health", get(health::particulars));

    let page = Router::new()
        .route("/", get(webchat::serve))
        .route("/favicon.svg", get(webchat::serve))
        .route("/assets/{*path}", get(webchat::serve));

    Router::new()
        .merge(api)
        .merge(openai)
        .merge(page)
        .route_layer(from_fn(not_crowded))
        // In a crowd, who watches the gateway must still see it.
        .merge(probes)
        .merge(metrics)
        .merge(multi_tenant)
        .fallback(|| async { Problem::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                axum::http::StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path takes another method",
            )
        })
        .layer(from_fn(in_the_apis_form))
        .layer(from_fn_with_state(gateway.clone(), observe::request))
        .with_state(gateway.clone())
}
