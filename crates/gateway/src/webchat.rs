//! The webchat page at `/`, kept in the binary.

use axum::extract::Request;
use axum::response::Response;
use creel_http::{Page, serve_page};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist/webchat"]
#[allow_missing = true]
struct Webchat;

/// Scripts come from this gateway only: a model's reply cannot run anything in the page.
const PAGE: Page = Page {
    policy: "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
             frame-ancestors 'self'; base-uri 'none'; form-action 'self'",
    missing: "The gateway is running. This build has no webchat page: `make build` makes it.\n",
};

pub async fn serve(request: Request) -> Response {
    serve_page::<Webchat>(&PAGE, request.uri().path(), request.headers())
}
