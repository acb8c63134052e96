//! Carries a request to a provider and brings the head of its answer.
//!
//! Two ways: `http:` goes direct (see [`crate::link`]); `https:` takes a client that is built when it is first needed, because
//! its root certificates cost a gateway a megabyte, and that respects `HTTPS_PROXY` and `NO_PROXY`. A second such client is for
//! whoever may reach the open internet only, with and without TLS. All keep connections alive and send without Nagle's delay.

use std::error::Error as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Response, Uri};
use http_body_util::{BodyExt as _, Full};
use reqwest::{Method, Url, redirect};
use time::OffsetDateTime;

use crate::body::Body;
use crate::client::Options;
use crate::decode::Decode;
use crate::error::{Error, Kind};
use crate::link::{self, IDLE_CONNECTIONS, IDLE_TIMEOUT, Links, SendError, innermost};
use crate::public::{check_public, public_only};
use crate::refusal::{self, Secrets};
use crate::reply::ReplyStream;
use crate::target::{Api, ApiKey, Target};
use crate::wire::Wire;
use crate::{anthropic, backoff, openai, tls};

/// Of a refusal, no more than this is read, and for no longer.
const REFUSAL_BYTES: usize = 64 * 1024;
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Transport {
    connect_timeout: Duration,
    plain: Links,
    /// Of the second, [`Target::public_only`] is true.
    clients: [OnceLock<reqwest::Client>; 2],
    /// The address that was asked last, as it was written and as it was read: most gateways ask one.
    asked: Mutex<Option<(String, Url)>>,
}

/// A request that can be sent, more than once too: the copies share the body.
pub struct Call {
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Transport {
    pub fn new(connect_timeout: Duration) -> Self {
        Self {
            connect_timeout,
            plain: Links::new(connect_timeout),
            clients: Default::default(),
            asked: Mutex::default(),
        }
    }

    /// Checks all that is wrong before anything is sent.
    pub fn prepare(&self, target: &Target, body: Vec<u8>) -> Result<Call, Error> {
        let url = match target.api {
            Api::AnthropicMessages => anthropic::url(target),
            Api::OpenaiCompletions | Api::Demo => openai::url(target),
        };
        let refuse = |what: String| Error::new(Kind::BadRequest, what);
        let url = self
            .read(url)
            .map_err(|error| refuse(format!("the provider's base URL is not an address: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse(format!(
                "the provider's base URL begins with `{}:`, not with `https:`",
                url.scheme()
            )));
        }
        if target.public_only {
            check_public(&url).map_err(|refused| refuse(refused.to_owned()))?;
        }
        Ok(Call {
            url,
            headers: headers(target)?,
            body: body.into(),
        })
    }

    fn read(&self, written: String) -> Result<Url, String> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, url)) = asked.as_ref().filter(|(text, _)| *text == written) {
            return Ok(url.clone());
        }
        let url = Url::parse(&written).map_err(|error| error.to_string())?;
        *asked = Some((written, url.clone()));
        Ok(url)
    }

    /// Sends once. Comes back with the head of a reply; anything but a reply is an error.
    pub async fn send(&self, target: &Target, call: &Call, options: &Options) -> Result<ReplyStream, Error> {
        let response = tokio::time::timeout(options.first_byte_timeout, self.exchange(call, target.public_only))
            .await
            .map_err(|_| {
                Error::new(
                    Kind::Timeout,
                    format!("no answer within {:?}", options.first_byte_timeout),
                )
            })??;

        let secrets = Secrets::of(target);
        let status = response.status();
        if !status.is_success() {
            let retry_after = backoff::retry_after(response.headers(), OffsetDateTime::now_utc());
            let body = refusal_body(response.into_body()).await;
            return Err(refusal::by_status(status.as_u16(), &body, retry_after, &secrets));
        }
        let decoder: Box<dyn Decode> = match target.api {
            Api::AnthropicMessages => Box::new(anthropic::Reply::default()),
            Api::OpenaiCompletions | Api::Demo => Box::new(openai::Reply::default()),
        };
        Ok(ReplyStream::reading(Wire::new(response, decoder, secrets, options)?))
    }

    /// Until the head of an answer is there.
    async fn exchange(&self, call: &Call, only_public: bool) -> Result<Response<Body>, Error> {
        if call.url.scheme() == "http" && !only_public {
            let (origin, request) = call.plain()?;
            let sent = self.plain.send(&origin, request).await;
            return sent
                .map(|response| response.map(Body::Plain))
                .map_err(|error| match error {
                    SendError::Connect(why) => Error::new(Kind::Connect, why),
                    SendError::Broken(why) => Error::new(Kind::Cut, why),
                    SendError::Foreign => Error::new(
                        Kind::Garbage,
                        "no HTTP is spoken there; check the base URL's `http:` and port",
                    ),
                });
        }
        let mut request = reqwest::Request::new(Method::POST, call.url.clone());
        *request.headers_mut() = call.headers.clone();
        *request.body_mut() = Some(call.body.clone().into());
        let response = self.client(only_public)?.execute(request).await.map_err(sent_in_vain)?;
        Ok(Response::from(response).map(Body::Secure))
    }

    fn client(&self, only_public: bool) -> Result<&reqwest::Client, Error> {
        let cell = &self.clients[usize::from(only_public)];
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        // Somebody else in the process may have installed one already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true)
            // A redirect would carry the key to another host, and turn POST into GET.
            .redirect(redirect::Policy::none())
            .referer(false);
        let builder = if only_public { public_only(builder) } else { builder };
        let client = builder
            .build()
            .map_err(|error| Error::new(Kind::Tls, tls::objection(&error).unwrap_or_else(|| innermost(&error))))?;
        Ok(cell.get_or_init(|| client))
    }
}

impl Call {
    /// As it goes over a connection without TLS.
    fn plain(&self) -> Result<(link::Origin, http::Request<Full<Bytes>>), Error> {
        let refuse = |why: String| Error::new(Kind::BadRequest, format!("the provider's base URL: {why}"));
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or(80);
        let named = match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        };
        let path: Uri = path
            .parse()
            .map_err(|error: http::uri::InvalidUri| refuse(error.to_string()))?;
        let mut request = http::Request::post(path)
            .body(Full::new(self.body.clone()))
            .map_err(|error| refuse(error.to_string()))?;
        *request.headers_mut() = self.headers.clone();
        let named = HeaderValue::try_from(named).map_err(|error| refuse(error.to_string()))?;
        request.headers_mut().entry(HOST).or_insert(named);
        Ok(((Arc::from(host.trim_matches(['[', ']'])), port), request))
    }
}

fn headers(target: &Target) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
    headers.insert(
        http::header::USER_AGENT,
        HeaderValue::from_static(concat!("creel/", env!("CARGO_PKG_VERSION"))),
    );
    let key = target.api_key.as_ref().map(ApiKey::expose);
    match target.api {
        Api::AnthropicMessages => {
            headers.insert("anthropic-version", HeaderValue::from_static(anthropic::VERSION));
            if let Some(key) = key {
                headers.insert("x-api-key", secret("the API key", key)?);
            }
        }
        Api::OpenaiCompletions | Api::Demo => {
            if let Some(key) = key {
                headers.insert(AUTHORIZATION, secret("the API key", &format!("Bearer {key}"))?);
            }
        }
    }
    for (name, value) in &target.headers {
        let parsed: HeaderName = name.parse().map_err(|_| {
            Error::new(
                Kind::BadRequest,
                format!("`{}` cannot name a header", name.escape_debug()),
            )
        })?;
        headers.insert(parsed, secret(name, value)?);
    }
    Ok(headers)
}

fn secret(what: &str, value: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        Error::new(
            Kind::BadRequest,
            format!("{what} has characters that no HTTP header may have"),
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// As much of a refusal as comes in time; the status alone says enough.
async fn refusal_body(mut body: Body) -> Vec<u8> {
    let mut read = Vec::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(data) = frame.into_data() {
                let room = REFUSAL_BYTES - read.len();
                read.extend_from_slice(&data[..data.len().min(room)]);
                if room <= data.len() {
                    break;
                }
            }
        }
    };
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, reading).await;
    read
}

/// There is no head of an answer.
fn sent_in_vain(error: reqwest::Error) -> Error {
    if !error.is_connect() {
        return without_address(Kind::Cut, &error);
    }
    match tls::objection(&error) {
        Some(objection) => Error::new(Kind::Tls, objection),
        None => without_address(Kind::Connect, &error),
    }
}

fn without_address(kind: Kind, error: &reqwest::Error) -> Error {
    // The outer causes repeat the address, which may carry credentials.
    Error::new(kind, error.source().map(innermost).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(target: &Target) -> Result<Call, Error> {
        Transport::new(Duration::from_secs(1)).prepare(target, Vec::new())
    }

    #[test]
    fn each_api_gets_its_key_in_its_own_header() {
        let openai = prepare(&Target::new(Api::OpenaiCompletions, "https://h/v1/", "m").with_key("k")).unwrap();
        assert_eq!(openai.url.as_str(), "https://h/v1/chat/completions");
        assert_eq!(openai.headers["authorization"], "Bearer k");
        assert!(openai.headers["authorization"].is_sensitive());
        let anthropic = prepare(&Target::new(Api::AnthropicMessages, "https://h", "m").with_key("k")).unwrap();
        assert_eq!(anthropic.headers["x-api-key"], "k");
        assert_eq!(anthropic.headers["anthropic-version"], "2023-06-01");
        assert!(!anthropic.headers.contains_key("authorization"));
    }

    #[test]
    fn headers_of_the_configuration_win() {
        let mut target = Target::new(Api::OpenaiCompletions, "http://h", "m").with_key("k");
        target.headers = vec![
            ("Authorization".into(), "Basic x".into()),
            ("X-Team".into(), "t".into()),
        ];
        let call = prepare(&target).unwrap();
        assert_eq!(call.headers["authorization"], "Basic x");
        assert_eq!(call.headers["x-team"], "t");
    }

    #[test]
    fn what_cannot_be_sent_is_said_without_secrets() {
        let text = |target: &Target| prepare(target).err().unwrap().to_string();
        let target = Target::new(Api::OpenaiCompletions, "api.example.com/v1", "m");
        assert!(
            text(&target).contains("base URL is not an address"),
            "{}",
            text(&target)
        );
        let target = Target {
            base_url: "ftp://h".into(),
            ..target
        };
        assert!(text(&target).contains("`ftp:`"), "{}", text(&target));
        let target = Target {
            base_url: "https://h".into(),
            ..target
        }
        .with_key("top\nsecret");
        assert!(
            text(&target).contains("the API key has characters"),
            "{}",
            text(&target)
        );
        assert!(!text(&target).contains("secret"));
    }
}
