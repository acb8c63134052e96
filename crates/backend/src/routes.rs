//! All routes of the backend. `openapi.json` describes them; a test keeps the two equal.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::routing::{any, delete, get, post, put};
use creel_http::{Problem, no_query, not_crowded, problems_only};

use crate::state::Backend;
use crate::{
    activity, auth, bulk, channels, chat, config, config_sync, console, credits, doctor, drivers, events, everyone,
    instances, llm, logs, me, observe, plan, signin, sync, system, templates, usage, users,
};

pub type State = Arc<Backend>;

pub fn router(backend: &State) -> Router {
    let api = Router::new()
        .route("/api/instances", get(instances::list).post(instances::create))
        .route("/api/bulk/instances", post(bulk::run))
        .route("/api/instances/{id}/{action}", post(instances::act))
        .route("/api/instances/{id}/token", post(instances::rotate_token))
        .route("/api/instances/{id}/config", get(config::read).put(config::write))
        .route("/api/instances/{id}/config/diff", get(config_sync::diff))
        .route("/api/instances/{id}/config/sync", post(config_sync::sync))
        .route("/api/channels", get(channels::list))
        .route("/api/templates", get(templates::list))
        .route(
            "/api/templates/{*path}",
            get(templates::show).put(templates::write).delete(templates::reset),
        )
        .route("/api/instances/{id}/logs/download", get(logs::download))
        .route("/api/instances/{id}/chat/completions", post(chat::completions))
        .route("/api/instances/{id}/chat/sessions/{session}", get(chat::session))
        .route("/api/llm/providers", get(llm::list_providers))
        .route(
            "/api/llm/providers/{name}",
            put(llm::put_provider).delete(llm::remove_provider),
        )
        .route("/api/llm/models", get(llm::list_models))
        .route("/api/llm/models/{name}", put(llm::put_model).delete(llm::remove_model))
        .route("/api/llm/prices", get(llm::list_prices))
        .route("/api/llm/prices/{model}", put(llm::put_price).delete(llm::remove_price))
        .route("/api/llm/currencies", get(llm::list_currencies))
        .route(
            "/api/llm/currencies/{code}",
            put(llm::put_currency).delete(llm::remove_currency),
        )
        .route("/api/llm/groups", get(llm::list_groups))
        .route("/api/llm/groups/{name}", put(llm::put_group).delete(llm::remove_group))
        .route("/api/llm/nodes", get(llm::list_nodes))
        .route("/api/llm/keys", get(llm::list_keys).post(llm::make_key))
        .route("/api/llm/keys/{id}", delete(llm::revoke_key).patch(llm::change_key))
        .route(
            "/api/users/{id}",
            get(users::show).patch(users::change).delete(users::remove),
        )
        .route("/api/users/{id}/token", post(users::mint_token))
        .route(
            "/api/users/{id}/tokens",
            get(users::list_tokens).delete(users::revoke_tokens),
        )
        .route(
            "/api/users/{id}/config",
            get(users::show_config)
                .put(users::write_config)
                .patch(users::patch_config),
        )
        .route("/api/users/{id}/identity", get(me::of_user).put(me::set_of_user))
        .route("/api/users/{id}/logout", post(signin::end_all))
        .route("/api/drivers", get(drivers::list))
        .route("/api/images", get(drivers::images))
        .route("/api/images/{runtime}", put(drivers::choose_image))
        .route("/api/system/status", get(system::status))
        .route("/api/doctor", get(doctor::show))
        .route("/api/system/users-gateway", get(everyone::show).put(everyone::make))
        .route("/api/events", get(events::stream))
        .route_layer(from_fn(no_query))
        // These take parameters.
        .route("/api/instances/{id}/stats", get(instances::stats))
        .route("/api/llm/nodes/{name}", delete(llm::give_up_node))
        .route(
            "/api/instances/{id}",
            get(instances::show).patch(instances::change).delete(instances::remove),
        )
        .route("/api/instances/{id}/logs", get(logs::find))
        .route("/api/instances/{id}/logs/stream", get(logs::stream))
        .route("/api/users", get(users::list).post(users::create))
        .route("/api/import/users", post(users::import))
        .route("/api/users/{id}/credits", get(credits::show).post(credits::give))
        .route("/api/usage", get(usage::show))
        .route("/api/activity", get(activity::list))
        .route("/api/plan/capacity", get(plan::capacity))
        .route("/api/plan/cost", get(plan::cost))
        .route_layer(from_fn_with_state(backend.clone(), auth::admit));

    let mine = Router::new()
        .route("/api/me", get(me::show))
        .route("/api/me/password", post(me::change_password))
        .route(
            "/api/me/config",
            get(me::config).put(me::write_config).patch(me::patch_config),
        )
        .route("/api/me/tokens", get(me::list_tokens).post(me::mint_token))
        .route("/api/me/tokens/{name}", delete(me::revoke_token))
        .route("/api/me/chat/completions", post(me::completions))
        .route("/api/me/chat/sessions", get(me::sessions))
        .route("/api/me/chat/sessions/{id}", get(me::session).delete(me::session))
        .route("/openclaw/gateway/token", post(me::mint_token))
        .route("/api/v1/openclaw/gateway/token", post(me::mint_token))
        .route("/api/me/identity", get(me::identity).put(me::write_identity))
        .route("/openclaw/gateway/config", get(me::config).patch(me::patch_config))
        .route(
            "/api/v1/openclaw/gateway/config",
            get(me::config).patch(me::patch_config),
        )
        .route_layer(from_fn(no_query))
        // These take parameters.
        .route("/api/me/usage", get(me::usage))
        .route("/api/me/credits", get(me::credits))
        .route_layer(from_fn_with_state(backend.clone(), signin::admit));

    let open = Router::new()
        .route("/api/auth/methods", get(signin::methods))
        .route("/api/auth/login", post(signin::log_in))
        .route("/api/auth/refresh", post(signin::refresh))
        .route("/api/auth/logout", post(signin::log_out))
        .route("/api/auth/oidc/start", get(signin::oidc::start))
        .route("/api/auth/oidc/callback", get(signin::oidc::callback))
        .route("/api/login", post(auth::log_in))
        .route("/api/logout", post(auth::log_out))
        .route("/api/session", get(auth::current))
        .route("/api/openapi.json", get(console::openapi))
        .route("/docs", get(console::docs));

    let for_gateways = Router::new()
        .route("/openclaw/gateway/configs", get(sync::changes))
        .route("/api/v1/openclaw/gateway/configs", get(sync::changes));

    let probe = Router::new().route(
        "/api/health",
        get(|| async { axum::Json(serde_json::json!({"ok": true, "status": "live"})) }),
    );

    Router::new()
        .merge(api)
        .merge(mine)
        .merge(open)
        .merge(for_gateways)
        .route("/api/{*rest}", any(nothing_here))
        .route("/openclaw/{*rest}", any(nothing_here))
        .fallback(get(console::serve))
        .layer(from_fn(not_crowded))
        // In a crowd, who watches the backend must still see it.
        .merge(probe)
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path takes another method; see /docs",
            )
        })
        .layer(map_response(problems_only))
        .layer(from_fn(observe::request))
        .with_state(backend.clone())
}

async fn nothing_here() -> Problem {
    Problem::not_found("there is no such path in the API; see /docs")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    /// Every `.route("/api…", get(..).post(..))` of this file, as `METHOD PATH`.
    fn routed() -> BTreeSet<String> {
        let source = include_str!("routes.rs").split("#[cfg(test)]").next().unwrap();
        let mut found = BTreeSet::new();
        for route in source.split(".route(").skip(1) {
            let mut quoted = route.splitn(3, '"').skip(1);
            let (path, handlers) = (quoted.next().unwrap(), quoted.next().unwrap());
            for method in ["get", "post", "put", "patch", "delete"] {
                if ["/api/", "/openclaw/"].iter().any(|root| path.starts_with(root))
                    && !path.ends_with("{*rest}")
                    && handlers.contains(&format!("{method}("))
                {
                    found.insert(format!("{method} {}", path.replace("{*", "{")));
                }
            }
        }
        found
    }

    #[test]
    fn the_document_describes_every_route_and_no_other() {
        let document: Value = serde_json::from_str(include_str!("../openapi.json")).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            described.extend(
                methods
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|method| format!("{method} {path}")),
            );
        }
        assert_eq!(routed(), described);
    }
}
