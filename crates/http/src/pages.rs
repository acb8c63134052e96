//! Pages that `web/` builds and the binary carries.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::Problem;

/// A page with its assets.
pub struct Page {
    /// What a page may load and talk to (`Content-Security-Policy`).
    pub policy: &'static str,
    /// What is said where the page was not built.
    pub missing: &'static str,
}

/// Serves the file at `path`, compressed where the client takes it. Files under `assets/` carry their hash in the name and never change.
pub fn serve_page<E: RustEmbed>(page: &Page, path: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    if accepts_gzip(headers)
        && let Some(file) = E::get(&format!("{path}.gz"))
    {
        return respond(page, path, file, Some("gzip"));
    }
    match E::get(path) {
        Some(file) => respond(page, path, file, None),
        None if path == "index.html" => page.missing.into_response(),
        None => Problem::not_found("there is nothing at this path").into_response(),
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .split(',')
                .any(|coding| coding.trim().split(';').next() == Some("gzip"))
        })
}

fn respond(page: &Page, path: &str, file: EmbeddedFile, encoding: Option<&'static str>) -> Response {
    let kind = match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    };
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = file.data.into_owned().into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, page.policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "accept-encoding"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}
