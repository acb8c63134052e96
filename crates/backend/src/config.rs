//! `GET|PUT /api/instances/{id}/config`: the JSON5 text of `openclaw.json`, comments kept.
//!
//! Both answers carry an `ETag`. A `PUT` whose `If-Match` names another text than the present one is refused, so that nobody
//! writes over what they have not seen (RFC 9110, section 13.1.1).

use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use creel_fleet::ConfigVersion;
use creel_http::{JsonBody, Path, Problem};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::auth::Actor;
use crate::error::fleet_problem;
use crate::instances::parse_id;
use crate::routes::State;

#[derive(Serialize, Deserialize)]
pub struct ConfigText {
    content: String,
}

#[derive(Serialize)]
pub struct Saved {
    content: String,
    warnings: Vec<Warning>,
}

#[derive(Serialize)]
struct Warning {
    line: usize,
    column: usize,
    message: String,
}

pub async fn read(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<impl IntoResponse, Problem> {
    let content = backend
        .fleet
        .config_text(&parse_id(&id)?)
        .await
        .map_err(fleet_problem)?;
    Ok((etag(&content), Json(ConfigText { content })))
}

/// A text that is broken changes nothing: 422 with its line and column. Nor does one that was made from another: 412.
pub async fn write(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(ConfigText { content }): JsonBody<ConfigText>,
) -> Result<impl IntoResponse, Problem> {
    let id = parse_id(&id)?;
    let warnings = backend
        .fleet
        .set_config(&id, &content, versions_read(&headers)?)
        .await
        .map_err(fleet_problem)?;
    backend
        .activity
        .record(
            &actor.0,
            "instance.config",
            Some(id.as_str()),
            "configuration changed",
            json!({}),
        )
        .await;
    let warnings = warnings
        .into_iter()
        .map(|warning| Warning {
            line: warning.line,
            column: warning.column,
            message: warning.message,
        })
        .collect();
    Ok((etag(&content), Json(Saved { content, warnings })))
}

/// The header that names a text.
pub fn etag(content: &str) -> [(HeaderName, String); 1] {
    etag_of(&ConfigVersion::of(content))
}

pub fn etag_of(version: &ConfigVersion) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{version}\""))]
}

/// The versions that `If-Match` names; `None` where it is missing or `*`, which any text satisfies.
pub fn versions_read(headers: &HeaderMap) -> Result<Option<Vec<ConfigVersion>>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let named = |tag: &str| {
        let name = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some(ConfigVersion::named(name))
    };
    let versions: Option<Vec<_>> = text.split(',').map(named).collect();
    let detail = "If-Match: give the ETag of the text that was read, in its quotation marks";
    versions.map(Some).ok_or_else(|| Problem::bad_request(detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(if_match: &'static str) -> Result<Option<Vec<ConfigVersion>>, Problem> {
        versions_read(&HeaderMap::from_iter([(
            header::IF_MATCH,
            HeaderValue::from_static(if_match),
        )]))
    }

    #[test]
    fn if_match_names_versions() {
        let named = |names: &[&str]| Some(names.iter().map(|name| ConfigVersion::named(name)).collect::<Vec<_>>());
        assert_eq!(versions_read(&HeaderMap::new()).unwrap(), None);
        assert_eq!(read("*").unwrap(), None);
        assert_eq!(read("\"a\"").unwrap(), named(&["a"]));
        assert_eq!(read("\"a\", \"b\"").unwrap(), named(&["a", "b"]));
        for broken in ["a", "W/\"a\"", "", "\"a\","] {
            assert_eq!(read(broken).unwrap_err().code, "bad_request", "{broken:?}");
        }
    }
}
