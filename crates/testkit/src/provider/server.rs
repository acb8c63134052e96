//! The HTTP side: hyper's HTTP/1 connections directly, because benchmarks measure others through it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::Accept;

use super::body::PieceBody;
use super::exchange::{End, Exchange};
use super::reply::{Api, Outcome, Reply, Wanted};
use super::tls::Certificate;
use super::{anthropic, check, embeddings, models, openai};

type Answer = Box<dyn Fn(&Exchange) -> Reply + Send + Sync>;

pub struct Server {
    script: Mutex<VecDeque<Reply>>,
    default: Mutex<Arc<Answer>>,
    key: Mutex<Option<String>>,
    /// All exchanges so far; `None`: they are not recorded, and requests are not checked.
    exchanges: Option<watch::Sender<Vec<Arc<Exchange>>>>,
    connections: AtomicUsize,
}

/// Listens. `shared`: the port is shared with other listeners that share it, so that threads can have one each. (Not in
/// tests: the system could give two of them the same free port.)
pub fn listen(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(shared)?;
    socket.bind(address)?;
    socket.listen(1_024)
}

/// Answers all requests with this, as fast as it can; checks and records nothing. Never returns.
pub async fn serve(listener: TcpListener, reply: Reply) {
    let server = Server::new(None);
    server.set_default(Box::new(move |_| reply.clone()));
    Arc::new(server).run(listener, None).await;
}

/// What of a request's body matters for the form of the answer.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    model: String,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl Server {
    pub fn recording() -> Self {
        Self::new(Some(watch::Sender::new(Vec::new())))
    }

    fn new(exchanges: Option<watch::Sender<Vec<Arc<Exchange>>>>) -> Self {
        let greeting = Reply::text("Hello from the fake provider.");
        Self {
            script: Mutex::default(),
            default: Mutex::new(Arc::new(Box::new(move |_| greeting.clone()))),
            key: Mutex::default(),
            exchanges,
            connections: AtomicUsize::new(0),
        }
    }

    pub fn script(&self, reply: Reply) {
        locked(&self.script).push_back(reply);
    }

    pub fn set_default(&self, answer: Answer) {
        *locked(&self.default) = Arc::new(answer);
    }

    pub fn require_key(&self, key: &str) {
        *locked(&self.key) = Some(key.to_owned());
    }

    pub fn exchanges(&self) -> Vec<Arc<Exchange>> {
        self.exchanges
            .as_ref()
            .map(|all| all.borrow().clone())
            .unwrap_or_default()
    }

    pub async fn exchange(&self, n: usize) -> Arc<Exchange> {
        let mut all = self
            .exchanges
            .as_ref()
            .expect("a provider for tests records")
            .subscribe();
        let all = all.wait_for(|all| all.len() > n).await.expect("the sender is in self");
        Arc::clone(&all[n])
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Serves until it is dropped, and all connections with it; with a certificate, over TLS.
    pub async fn run(self: Arc<Self>, listener: TcpListener, certificate: Option<Certificate>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    // An error is the client's, or says that there are too many files; both pass.
                    if let Ok((stream, _)) = accepted {
                        self.connections.fetch_add(1, Ordering::Relaxed);
                        // Fails only if the client is gone already.
                        let _ = stream.set_nodelay(true);
                        let server = Arc::clone(&self);
                        match &certificate {
                            None => connections.spawn(server.connection(stream)),
                            Some(Certificate(acceptor)) => connections.spawn(server.secure(acceptor.accept(stream))),
                        };
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn secure(self: Arc<Self>, handshake: Accept<TcpStream>) {
        // A client that does not trust it is what some tests are for.
        if let Ok(stream) = handshake.await {
            self.connection(stream).await;
        }
    }

    async fn connection(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request| self.answer(request));
        // Broken connections are what this fake is for.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<PieceBody>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let exchange = Arc::new(Exchange::new(head.method, path, head.headers, body));
        if let Some(all) = &self.exchanges {
            all.send_modify(|all| all.push(Arc::clone(&exchange)));
        }
        Ok(self.respond(exchange).await)
    }

    async fn respond(&self, exchange: Arc<Exchange>) -> Response<PieceBody> {
        let anthropic = exchange.headers.contains_key("anthropic-version");
        let path = exchange.path.split('?').next().unwrap_or_default();
        let api = match (&exchange.method, path) {
            (&Method::POST, "/v1/chat/completions") => Api::Openai,
            (&Method::POST, "/v1/messages") => Api::Anthropic,
            (&Method::POST, "/v1/embeddings") => return self.embed(exchange),
            (&Method::GET, "/v1/models") => {
                let api = if anthropic { Api::Anthropic } else { Api::Openai };
                return document(StatusCode::OK, PieceBody::whole(models::list(api), Some(exchange)));
            }
            _ => {
                let error = openai::error(404, "Unknown request URL", Some("unknown_url"));
                return document(StatusCode::NOT_FOUND, PieceBody::whole(error, Some(exchange)));
            }
        };
        if let Err(reason) = self.authorise(&exchange) {
            return refuse(api, 401, &reason, None, exchange);
        }
        let asked = match self.parse(api, &exchange) {
            Ok(asked) => asked,
            Err(reason) => return refuse(api, 400, &reason, None, exchange),
        };
        let scripted = locked(&self.script).pop_front();
        let reply = scripted.unwrap_or_else(|| {
            let answer = Arc::clone(&*locked(&self.default));
            answer(&exchange)
        });
        deliver(reply, api, asked, exchange).await
    }

    fn embed(&self, exchange: Arc<Exchange>) -> Response<PieceBody> {
        if let Err(reason) = self.authorise(&exchange) {
            return refuse(Api::Openai, 401, &reason, None, exchange);
        }
        match embeddings::answer(&exchange.body) {
            Ok(answer) => document(StatusCode::OK, PieceBody::whole(answer, Some(exchange))),
            Err(reason) => refuse(Api::Openai, 400, &reason, None, exchange),
        }
    }

    fn authorise(&self, exchange: &Exchange) -> Result<(), String> {
        let key = locked(&self.key);
        let Some(key) = &*key else { return Ok(()) };
        let sent = match exchange.header("x-api-key") {
            "" => exchange.header("authorization").trim_start_matches("Bearer "),
            sent => sent,
        };
        // OpenAI repeats the key that it refuses.
        if sent == key {
            Ok(())
        } else {
            Err(format!("Incorrect API key provided: {sent}."))
        }
    }

    fn parse(&self, api: Api, exchange: &Exchange) -> Result<Asked, String> {
        if self.exchanges.is_some() {
            let body = serde_json::from_slice(&exchange.body).map_err(|error| error.to_string())?;
            check::check(api, &exchange.headers, &body)?;
        }
        serde_json::from_slice(&exchange.body).map_err(|error| error.to_string())
    }
}

async fn deliver(reply: Reply, api: Api, asked: Asked, exchange: Arc<Exchange>) -> Response<PieceBody> {
    match &reply.outcome {
        Outcome::Hang => {
            let _gone = HangUp(exchange);
            std::future::pending().await
        }
        Outcome::Refusal {
            status,
            message,
            code,
            retry_after,
        } => {
            let mut response = refuse(api, *status, message, code.as_deref(), exchange);
            if let Some(value) = retry_after
                .as_deref()
                .and_then(|value| HeaderValue::from_str(value).ok())
            {
                response.headers_mut().insert("retry-after", value);
            }
            response
        }
        Outcome::Raw {
            status,
            media_type,
            body,
            coding,
        } => {
            let body = PieceBody::whole(body.clone(), Some(exchange));
            let mut answer = response(status_code(*status), HeaderValue::from_str(media_type).ok(), body);
            let coding = coding.map(HeaderValue::from_static);
            answer
                .headers_mut()
                .extend(coding.map(|coding| (CONTENT_ENCODING, coding)));
            answer
        }
        Outcome::Answer(answer) => {
            let stream = asked.stream && !reply.as_document;
            let usage = asked.stream_options.is_some_and(|options| options.include_usage);
            let pieces = reply.render(
                answer,
                Wanted {
                    api,
                    model: asked.model,
                    stream,
                    usage,
                },
            );
            let body = PieceBody::new(pieces, reply.hold(), reply.is_cut(), Some(exchange));
            let media_type = if stream {
                "text/event-stream; charset=utf-8"
            } else {
                "application/json"
            };
            let media_type = (!reply.without_media_type).then(|| HeaderValue::from_static(media_type));
            response(StatusCode::OK, media_type, body)
        }
    }
}

/// Notes that the client went away, when the answer that never comes is dropped.
struct HangUp(Arc<Exchange>);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.end(End::HungUp);
    }
}

fn refuse(api: Api, status: u16, message: &str, code: Option<&str>, exchange: Arc<Exchange>) -> Response<PieceBody> {
    let error = match api {
        Api::Openai => openai::error(status, message, code),
        Api::Anthropic => anthropic::error(status, message, code),
    };
    document(status_code(status), PieceBody::whole(error, Some(exchange)))
}

fn document(status: StatusCode, body: PieceBody) -> Response<PieceBody> {
    response(status, Some(HeaderValue::from_static("application/json")), body)
}

fn response(status: StatusCode, media_type: Option<HeaderValue>, body: PieceBody) -> Response<PieceBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Some(media_type) = media_type {
        response.headers_mut().insert(CONTENT_TYPE, media_type);
    }
    response
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("the script has statuses between 100 and 999")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
