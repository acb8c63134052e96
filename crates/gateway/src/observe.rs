//! Every request has an id, a line in the log and a place in the metrics.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tracing::{Instrument as _, Span};

use crate::metrics::RequestLabels;
use crate::routes::State;
use creel_http::{Problem, random_id};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_ID: usize = 128;

/// Takes over the client's `X-Request-Id`, or makes one, and answers with it.
pub async fn request(Shared(gateway): Shared<State>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.headers().get(REQUEST_ID).filter(|id| plain(id)).cloned();
    let id = id.unwrap_or_else(|| HeaderValue::try_from(random_id()).expect("hexadecimal digits"));
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("other", MatchedPath::as_str)
        .to_owned();
    let method = known(request.method());
    let span = tracing::info_span!("request", request_id = id.to_str().unwrap_or_default());
    let mut response = next.run(request).instrument(span.clone()).await;
    response.headers_mut().insert(REQUEST_ID, id);
    // Whoever made a problem of it has said why in the log, where there was something to say.
    let is_told = response.extensions().get::<Problem>().is_some();
    let labels = RequestLabels {
        route,
        method,
        status: response.status().as_u16(),
    };
    response.map(|body| {
        Body::new(Measured {
            body,
            record: Some(Record {
                gateway,
                labels,
                is_told,
                started,
                span,
            }),
        })
    })
}

/// A method's name; clients can invent others, and each would be a series of its own.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn plain(id: &HeaderValue) -> bool {
    id.len() <= LONGEST_ID
        && id
            .as_bytes()
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
}

/// A body that tells when it was sent, or dropped because its reader went away.
struct Measured {
    body: Body,
    record: Option<Record>,
}

struct Record {
    gateway: State,
    labels: RequestLabels,
    is_told: bool,
    started: Instant,
    span: Span,
}

impl Drop for Measured {
    fn drop(&mut self) {
        let Some(Record {
            gateway,
            labels,
            is_told,
            started,
            span,
        }) = self.record.take()
        else {
            return;
        };
        let took = started.elapsed();
        let RequestLabels { route, method, status } = &labels;
        // Whole microseconds: more digits than that are noise.
        let milliseconds = took.as_micros() as f64 / 1_000.0;
        span.in_scope(|| {
            if *status >= 500 && !is_told {
                tracing::warn!(method, route, status, milliseconds, "request");
            } else {
                tracing::debug!(method, route, status, milliseconds, "request");
            }
        });
        gateway.metrics.request(labels, took);
    }
}

impl http_body::Body for Measured {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
