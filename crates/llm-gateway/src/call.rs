//! One call, from its head to the head of its answer: key, model, limits, reservation, providers in turn. From there on the [`Relay`]
//! has it.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::ask::Ask;
use crate::body::{self, Reply};
use crate::catalog::{Model, Route};
use crate::clock::now_us;
use crate::json_scan::MemberScan;
use crate::ledger::RequestId;
use crate::meter::Meter;
use crate::refusal::{Refusal, error_body};
use crate::relay::{Form, Relay};
use crate::sse::Splitter;
use crate::style::{Style, Surface};
use crate::translate::{self, Context};
use crate::upstream::{Lease, SendError};
use crate::usage::{Reported, StreamReader};
use crate::worker::Worker;
use crate::{admit, auth, names, route};

/// Of a provider's refusal, no more than this is read, and for no longer.
const REFUSAL_BYTES: usize = 64 * 1024;
const REFUSAL_PATIENCE: Duration = Duration::from_secs(5);
/// Before the only provider of a model is asked again.
const PAUSE: Duration = Duration::from_millis(200);

pub async fn answer(worker: &Worker, surface: Surface, request: Request<Incoming>) -> Result<Response<Reply>, Refusal> {
    let settings = &worker.shared.settings;
    let (head, body) = request.into_parts();
    // One snapshot for the whole call.
    let catalog = worker.shared.catalog.load_full();
    let key = auth::key(&catalog, &worker.shared.ledger, &head.headers)?;
    let body = body::read(body, settings.max_body, settings.client_patience).await?;
    let ask = Ask::parse(surface, body)?;
    let name = key.resolve(&ask.model);
    if !key.may_use(name) {
        return Err(Refusal::ModelNotAllowed(ask.model.clone()));
    }
    let model = catalog
        .model(name, surface)
        .ok_or_else(|| Refusal::NoSuchModel(ask.model.clone()))?;
    let admit::Admitted { meter, request } = admit::admit(worker, &key, &model, &ask).await?;
    let call = Call {
        worker,
        ask: &ask,
        model: &model,
        headers: &head.headers,
        query: head.uri.query(),
    };
    let mut response = call.send(meter).await?;
    let headers = response.headers_mut();
    headers.insert(&names::REQUEST_ID, header(request));
    if surface.style() == Style::Anthropic {
        headers.insert(&names::ANTHROPIC_REQUEST_ID, header(request));
    }
    Ok(response)
}

fn header(request: RequestId) -> HeaderValue {
    HeaderValue::from_bytes(&request.digits()).expect("hexadecimal digits are a header")
}

struct Call<'a> {
    worker: &'a Worker,
    ask: &'a Ask,
    model: &'a Model,
    headers: &'a HeaderMap,
    query: Option<&'a str>,
}

/// What came of asking one provider.
enum Attempt {
    Answered(Box<Response<Incoming>>, Lease),
    /// The request is at fault; another provider would say the same.
    Refused(Response<Reply>),
    /// The provider is at fault.
    Failed(Refusal),
}

impl Call<'_> {
    /// Asks providers in turn until one answers.
    async fn send(&self, mut meter: Meter) -> Result<Response<Reply>, Refusal> {
        let now = now_us();
        let order = route::order(self.model, now, &mut route::by_chance);
        let able: Vec<_> = order
            .into_iter()
            .filter_map(|route| Some((route, route.provider.surface(self.ask.surface)?)))
            .collect();
        if able.is_empty() {
            let offer = format!(
                "the model \"{}\" gives no {}",
                self.model.name,
                self.ask.surface.label()
            );
            return Err(Refusal::NotOffered(offer));
        }
        let mut last = Refusal::ProvidersDown;
        let attempts = self.worker.shared.settings.attempts;
        for attempt in 0..attempts {
            let (route, asked) = able[attempt % able.len()];
            if attempt >= able.len() {
                // All have failed once. Only a provider that may be back at once is worth asking again.
                if !matches!(last, Refusal::ProvidersDown) {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
            let body = self.body(route, asked)?;
            meter.sends_to(&route.provider.name);
            match self.attempt(route, asked, body, now).await {
                Attempt::Answered(response, lease) => {
                    return self.answered(*response, lease, route, asked, meter).await;
                }
                // The model's name is the route's own: another provider may know the one that it is asked for.
                Attempt::Refused(response)
                    if response.status() == StatusCode::NOT_FOUND && attempt + 1 < able.len().min(attempts) =>
                {
                    tracing::warn!(provider = %route.provider.name, model = %route.model, "the provider has no such model");
                    self.worker
                        .shared
                        .metrics
                        .provider_failed(&route.provider.name, "model");
                }
                Attempt::Refused(response) => {
                    meter.failed();
                    return Ok(response);
                }
                Attempt::Failed(refusal) => last = refusal,
            }
        }
        meter.failed();
        Err(last)
    }

    /// The model as the reader of what is told calls it.
    fn context<'a>(&self, model: &'a str, route: &Route) -> Context<'a> {
        Context {
            model,
            max_tokens: self.model.max_output,
            wants_usage: self.ask.wants_usage,
            limit: route.provider.base.limit(),
        }
    }

    fn body(&self, route: &Route, asked: Surface) -> Result<Bytes, Refusal> {
        if asked == self.ask.surface {
            return Ok(self.ask.patched(&route.model, true));
        }
        let body = translate::request(
            self.ask.surface,
            asked,
            &self.ask.body,
            self.context(&route.model, route),
        );
        body.map(Bytes::from).map_err(|error| Refusal::BadRequest(error.0))
    }

    fn request(&self, route: &Route, asked: Surface, body: Bytes) -> Request<Full<Bytes>> {
        let query = self.query.filter(|_| asked == self.ask.surface);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = route.provider.base.target(asked, query);
        let headers = request.headers_mut();
        headers.clone_from(&route.provider.headers);
        // What a client says of the API it speaks is for a provider of that API, which may be set up to be told otherwise.
        if asked.style() == self.ask.surface.style() {
            for name in [&names::ANTHROPIC_VERSION, &names::ANTHROPIC_BETA, &names::OPENAI_BETA] {
                let is_set = headers.get(name).is_some_and(HeaderValue::is_sensitive);
                if let Some(value) = self.headers.get(name).filter(|_| !is_set) {
                    headers.insert(name, value.clone());
                }
            }
        }
        request
    }

    async fn attempt(&self, route: &Route, asked: Surface, body: Bytes, now: u64) -> Attempt {
        let provider = &route.provider;
        let upstream = &self.worker.upstream;
        let began = Instant::now();
        let mut sent = upstream
            .send(&provider.base, self.request(route, asked, body.clone()))
            .await;
        if let Err(SendError::Stale(_)) = &sent {
            // A connection that the provider had closed says nothing about the provider.
            sent = upstream.send(&provider.base, self.request(route, asked, body)).await;
        }
        let (response, lease) = match sent {
            Ok(answered) => answered,
            Err(error) => return self.unreachable(route, &error),
        };
        let status = response.status();
        if status.is_success() && is_encoded(response.headers()) {
            tracing::warn!(provider = %provider.name, model = %route.model, "the provider's answer is compressed, though nobody asked for that");
            provider.health.failed(None, now_us());
            self.worker.shared.metrics.provider_failed(&provider.name, "encoded");
            return Attempt::Failed(Refusal::ProviderGarbage);
        }
        if status.is_success() {
            provider.health.answered(began.elapsed(), now);
            return Attempt::Answered(Box::new(response), lease);
        }
        let wait = retry_after(response.headers());
        let reading = Box::pin(body::read_reply(response.into_body(), REFUSAL_BYTES));
        let said = tokio::time::timeout(REFUSAL_PATIENCE, reading)
            .await
            .ok()
            .flatten()
            .unwrap_or_default();
        self.refused(route, status, wait, &said)
    }

    fn unreachable(&self, route: &Route, error: &SendError) -> Attempt {
        let provider = &route.provider;
        let (reason, refusal) = match error {
            SendError::Connect(_) => ("connect", Refusal::ProvidersDown),
            SendError::Stale(_) | SendError::Broken(_) => ("broken", Refusal::ProvidersDown),
            SendError::Silent(_) => ("silent", Refusal::ProvidersSilent),
        };
        tracing::warn!(provider = %provider.name, model = %route.model, %error, "the provider did not answer");
        provider.health.failed(None, now_us());
        self.worker.shared.metrics.provider_failed(&provider.name, reason);
        Attempt::Failed(refusal)
    }

    /// Whose fault a status is. A provider that refuses our own key or account (401, 402, 403) is at fault as far as the client goes:
    /// what it says of them is for the log alone.
    fn refused(&self, route: &Route, status: StatusCode, wait: Option<Duration>, said: &[u8]) -> Attempt {
        let provider = &route.provider;
        let (reason, refusal) = match status.as_u16() {
            401..=403 => ("key", Refusal::ProvidersDown),
            429 | 529 => ("busy", Refusal::ProvidersBusy { wait }),
            408 | 504 => ("silent", Refusal::ProvidersSilent),
            // A redirect would carry the key elsewhere; it is not followed. Another protocol (101) is none of ours.
            ..200 | 300..=399 | 500.. => ("server", Refusal::ProvidersDown),
            _ => {
                let same_style = provider.style == self.ask.surface.style();
                let body = match same_style && serde_json::from_slice::<serde::de::IgnoredAny>(said).is_ok() {
                    true => Bytes::copy_from_slice(said),
                    false => error_body(self.ask.surface.style(), status, "provider_refused", &message(said)),
                };
                let mut response = Response::new(Reply::from(body));
                *response.status_mut() = status;
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                return Attempt::Refused(response);
            }
        };
        tracing::warn!(provider = %provider.name, model = %route.model, status = status.as_u16(), "the provider refused a call");
        let pause = if reason == "busy" {
            wait.or(Some(Duration::from_secs(1)))
        } else {
            wait
        };
        provider.health.failed(pause, now_us());
        self.worker.shared.metrics.provider_failed(&provider.name, reason);
        Attempt::Failed(refusal)
    }

    /// The provider answers: its reply goes to the client as it comes.
    async fn answered(
        &self,
        response: Response<Incoming>,
        lease: Lease,
        route: &Route,
        asked: Surface,
        meter: Meter,
    ) -> Result<Response<Reply>, Refusal> {
        let client = self.ask.surface.style();
        let (head, body) = response.into_parts();
        let media_type = head.headers.get(CONTENT_TYPE).cloned();
        let is_stream = media_type.as_ref().map_or(self.ask.stream, tells_events);
        let reader = StreamReader::of(asked);
        let form = match (asked == self.ask.surface, is_stream) {
            (true, false) => Form::Document(MemberScan::new("usage")),
            (true, true) => Form::Events {
                splitter: Splitter::default(),
                reader,
                hide_usage: self.ask.needs_usage(),
            },
            (false, true) => Form::Translated {
                splitter: Splitter::default(),
                reader,
                translator: translate::stream(asked, self.ask.surface, self.context(&self.ask.model, route)),
            },
            (false, false) => return Box::pin(self.whole(body, lease, route, asked, meter)).await,
        };
        let mut answer = Response::new(());
        *answer.status_mut() = head.status;
        let headers = answer.headers_mut();
        let fallback = if is_stream {
            "text/event-stream"
        } else {
            "application/json"
        };
        headers.insert(CONTENT_TYPE, media_type.unwrap_or(HeaderValue::from_static(fallback)));
        if is_stream {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            // nginx buffers answers by default; this switches it off.
            headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        } else if let Some(length) = head.headers.get(CONTENT_LENGTH) {
            headers.insert(CONTENT_LENGTH, length.clone());
        }
        let mut relay = Box::new(Relay::new(
            body,
            lease,
            form,
            meter,
            &route.provider,
            client,
            self.worker.shared.settings.reply,
        ));
        relay.begin().await;
        Ok(answer.map(|()| Reply::Relay(relay)))
    }

    /// A reply in one document, told in the client's style.
    async fn whole(
        &self,
        body: Incoming,
        lease: Lease,
        route: &Route,
        asked: Surface,
        mut meter: Meter,
    ) -> Result<Response<Reply>, Refusal> {
        let settings = &self.worker.shared.settings;
        let reading = body::read_reply(body, settings.max_reply);
        let health = &route.provider.health;
        let Ok(Some(said)) = tokio::time::timeout(settings.provider.head, reading).await else {
            health.failed(None, now_us());
            meter.failed();
            return Err(Refusal::ProviderGarbage);
        };
        lease.give_back();
        let told = match translate::document(asked, self.ask.surface, &said, self.context(&self.ask.model, route)) {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%error, "a provider's reply could not be translated");
                health.failed(None, now_us());
                meter.failed();
                return Err(Refusal::ProviderGarbage);
            }
        };
        health.went_well();
        let mut scan = MemberScan::new("usage");
        scan.push(&said);
        meter.tally().document(&said);
        if let Some(usage) = scan.value() {
            let reported = Reported::parse(route.provider.style, usage);
            meter.tally().report(reported);
        }
        let revoked = meter.key().state.is_revoked();
        drop(meter.done());
        if revoked {
            return Err(Refusal::UnknownKey);
        }
        let mut response = Response::new(Reply::from(Bytes::from(told)));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

/// A stream of events; a media type is written in any case.
fn tells_events(media_type: &HeaderValue) -> bool {
    const EVENTS: &[u8] = b"text/event-stream";
    let begin = media_type.as_bytes().get(..EVENTS.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(EVENTS))
}

/// What could neither be metered nor be read by a client that did not ask for it.
fn is_encoded(headers: &HeaderMap) -> bool {
    let coding = headers.get(CONTENT_ENCODING);
    coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(date) = httpdate::parse_http_date(said) {
        return date.duration_since(SystemTime::now()).ok();
    }
    Duration::try_from_secs_f64(said.parse().ok()?).ok()
}

/// What a provider said of a request, in either style: `error.message`.
fn message(said: &[u8]) -> String {
    let said: serde_json::Value = serde_json::from_slice(said).unwrap_or_default();
    let message = said["error"]["message"]
        .as_str()
        .unwrap_or("the provider did not accept the request");
    message.to_owned()
}
