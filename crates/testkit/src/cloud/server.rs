//! The HTTP side.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::answer::Misbehaviour;
use super::locked;
use super::users::Users;

type Whole = BoxBody<Bytes, Infallible>;

pub struct Server {
    service_token: String,
    pub users: Mutex<Users>,
    pub misbehaviour: Mutex<Misbehaviour>,
    pub clock_ahead: Mutex<i64>,
    pub asked: watch::Sender<usize>,
    pub answered: watch::Sender<usize>,
}

impl Server {
    pub fn new(service_token: &str) -> Self {
        Self {
            service_token: service_token.to_owned(),
            users: Mutex::default(),
            misbehaviour: Mutex::default(),
            clock_ahead: Mutex::default(),
            asked: watch::Sender::new(0),
            answered: watch::Sender::new(0),
        }
    }

    /// Serves until it is dropped, and all connections with it.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(Arc::clone(&self).connection(stream));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request| self.answer(request));
        // Broken connections are what this fake is for.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Whole>, Infallible> {
        self.asked.send_modify(|asked| *asked += 1);
        let misbehaviour = *locked(&self.misbehaviour);
        if misbehaviour == Misbehaviour::Silence {
            std::future::pending::<()>().await;
        }
        let mut response = self.respond(&request, misbehaviour);
        let ahead = *locked(&self.clock_ahead);
        let now = SystemTime::now();
        let shifted = match u64::try_from(ahead) {
            Ok(seconds) => now + Duration::from_secs(seconds),
            Err(_) => now - Duration::from_secs(ahead.unsigned_abs()),
        };
        if let Ok(date) = httpdate::fmt_http_date(shifted).parse() {
            response.headers_mut().insert(DATE, date);
        }
        self.answered.send_modify(|answered| *answered += 1);
        Ok(response)
    }

    fn respond(&self, request: &Request<Incoming>, misbehaviour: Misbehaviour) -> Response<Whole> {
        let path = request.uri().path();
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        if request.method() != Method::GET || path != "/openclaw/gateway/configs" {
            return plain(StatusCode::NOT_FOUND, "there is nothing at this path");
        }
        let bearer = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        if bearer.and_then(|value| value.strip_prefix("Bearer ")) != Some(&self.service_token) {
            return plain(StatusCode::UNAUTHORIZED, "wrong service token");
        }
        let query = request.uri().query().unwrap_or_default();
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let limit = value("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100);
        let mut answer = locked(&self.users).since(value("since"), limit);
        match misbehaviour {
            Misbehaviour::Garbage => plain(StatusCode::OK, "<html>It works!</html>"),
            Misbehaviour::Broken => plain(StatusCode::INTERNAL_SERVER_ERROR, "out of order"),
            Misbehaviour::Half => {
                let whole = answer.to_string();
                let mut response = plain(StatusCode::OK, &whole[..whole.len() / 2]);
                // hyper ends the connection when a body is not as long as it said.
                response.headers_mut().insert(CONTENT_LENGTH, whole.len().into());
                response
            }
            Misbehaviour::Stuck => {
                answer["has_more"] = true.into();
                answer["full"] = false.into();
                answer["sync_token"] = value("since").unwrap_or("0-0").into();
                json(&answer)
            }
            Misbehaviour::Circling => {
                answer["has_more"] = true.into();
                answer["full"] = false.into();
                let other = if value("since") == Some("circle-1") {
                    "circle-2"
                } else {
                    "circle-1"
                };
                answer["sync_token"] = other.into();
                json(&answer)
            }
            Misbehaviour::Halting => {
                let whole = answer.to_string();
                let half = Bytes::from(whole[..whole.len() / 2].to_owned());
                let mut response = Response::new(Halting(Some(half)).boxed());
                response.headers_mut().insert(CONTENT_LENGTH, whole.len().into());
                response
            }
            Misbehaviour::None | Misbehaviour::Silence => json(&answer),
        }
    }
}

/// A beginning, and no end.
struct Halting(Option<Bytes>);

impl Body for Halting {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.0.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Poll::Pending,
        }
    }
}

fn json(answer: &serde_json::Value) -> Response<Whole> {
    let mut response = plain(StatusCode::OK, &answer.to_string());
    let kind = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Whole> {
    let mut response = Response::new(Full::from(text.to_owned()).boxed());
    *response.status_mut() = status;
    response
}
