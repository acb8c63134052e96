//! Pages that `web/` builds and the binary carries: texts compressed (`web/build/gzip.ts`), the rest as it is.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::Problem;
use crate::packed::{bytes, packed};

/// A page with its assets.
pub struct Page {
    /// What a page may load and talk to (`Content-Security-Policy`).
    pub policy: &'static str,
    /// What is said where the page was not built.
    pub missing: &'static str,
}

/// Serves the file at `path`. Files under `assets/` carry their hash in the name and never change.
pub fn serve_page<E: RustEmbed>(page: &Page, path: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    if let Some(file) = E::get(&format!("{path}.gz")) {
        return told(page, path, packed(file.data, headers));
    }
    match E::get(path) {
        Some(file) => told(page, path, bytes(file.data).into_response()),
        None if path == "index.html" => page.missing.into_response(),
        None => Problem::not_found("there is nothing at this path").into_response(),
    }
}

/// With what a browser is to know of it.
fn told(page: &Page, path: &str, mut response: Response) -> Response {
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
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, page.policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
