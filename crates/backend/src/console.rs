//! The console, kept in the binary, the page of users who sign in themselves, and the browser of the API's description.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use creel_http::{Page, packed, serve_page};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist/console"]
#[allow_missing = true]
struct Console;

const PAGE: Page = Page {
    policy: "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
             connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    missing: "Creel is running. This build has no console: `make build` makes it. The API is at /api.\n",
};

/// `openapi.json`, packed by `build.rs`.
static OPENAPI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));

/// Every path that is no file of the console is one of its pages: the page's own router shows it.
pub async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    let file = path.rsplit_once('/').is_some_and(|(_, name)| name.contains('.'));
    if !file && let Some(elsewhere) = own_host(&request) {
        return Redirect::temporary(&elsewhere).into_response();
    }
    serve_page::<Console>(&PAGE, if file { path } else { page_at(path) }, request.headers())
}

/// Which page has the address: users' own is apart from the administrator's.
fn page_at(path: &str) -> &'static str {
    match path.strip_prefix("/me") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => "/me.html",
        _ => "/",
    }
}

/// Instances are at 127.0.0.1, so the console's pages are not: a browser sends a host's cookies to all of its ports, and the
/// console's is not for the programs of instances.
fn own_host(request: &Request) -> Option<String> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let port = host.strip_prefix("127.0.0.1")?;
    let rest = request.uri().path_and_query().map_or("/", |rest| rest.as_str());
    Some(format!("http://localhost{port}{rest}"))
}

/// `GET /docs`
pub async fn docs(request: Request) -> Response {
    if let Some(elsewhere) = own_host(&request) {
        return Redirect::temporary(&elsewhere).into_response();
    }
    serve_page::<Console>(&PAGE, "/docs.html", request.headers())
}

/// `GET /api/openapi.json`
pub async fn openapi(headers: HeaderMap) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, packed(OPENAPI.into(), &headers)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_a_page_of_their_own() {
        for (path, page) in [
            ("/me", "/me.html"),
            ("/me/chat", "/me.html"),
            ("/", "/"),
            ("/menu", "/"),
            ("/users/me", "/"),
        ] {
            assert_eq!(page_at(path), page, "{path}");
        }
    }
}
