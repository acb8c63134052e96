//! The HTTP side.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::signing::encoded;
use super::{CLIENT_ID, CLIENT_SECRET, Moment, Wrong, issuer, locked};

type Pairs = HashMap<String, String>;

pub struct Server {
    address: SocketAddr,
    pub moment: Mutex<Moment>,
    /// What each code was given for.
    codes: Mutex<HashMap<String, Pairs>>,
}

impl Server {
    pub fn new(address: SocketAddr, moment: Moment) -> Self {
        Self {
            address,
            moment: Mutex::new(moment),
            codes: Mutex::default(),
        }
    }

    /// Serves until it is dropped, and all connections with it.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    let server = Arc::clone(&self);
                    connections.spawn(async move {
                        let service = service_fn(|request| server.answer(request));
                        // Whoever breaks off is no concern of this fake.
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let wrong = locked(&self.moment).wrong;
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        Ok(match (head.method, head.uri.path()) {
            (Method::GET, "/.well-known/openid-configuration") => self.discovery(wrong),
            (Method::GET, "/keys") if wrong == Wrong::Broken => status(StatusCode::INTERNAL_SERVER_ERROR),
            (Method::GET, "/keys") => json_of(&locked(&self.moment).keys.set()),
            (Method::GET, "/authorize") if locked(&self.moment).asks => page(head.uri.query().unwrap_or_default()),
            (Method::GET, "/authorize" | "/agreed") => {
                self.authorize(pairs(head.uri.query().unwrap_or_default()), wrong)
            }
            (Method::POST, "/token") => {
                if wrong == Wrong::Silence {
                    std::future::pending::<()>().await;
                }
                let shown = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
                self.token(
                    shown.unwrap_or_default(),
                    &pairs(&String::from_utf8_lossy(&body)),
                    wrong,
                )
            }
            _ => status(StatusCode::NOT_FOUND),
        })
    }

    fn discovery(&self, wrong: Wrong) -> Response<Full<Bytes>> {
        let at = issuer(self.address);
        let issuer = if wrong == Wrong::Discovery {
            "https://evil.example"
        } else {
            &at
        };
        json_of(&json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{at}/authorize"),
            "token_endpoint": format!("{at}/token"),
            "jwks_uri": format!("{at}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        }))
    }

    /// The person is signed in already, and agrees at once.
    fn authorize(&self, asked: Pairs, wrong: Wrong) -> Response<Full<Bytes>> {
        let of = |name: &str| asked.get(name).map_or("", String::as_str);
        let scopes: Vec<&str> = of("scope").split(' ').collect();
        let is_fine = of("response_type") == "code"
            && of("client_id") == CLIENT_ID
            && scopes.contains(&"openid")
            && of("code_challenge_method") == "S256"
            && [of("code_challenge"), of("state"), of("nonce")]
                .iter()
                .all(|text| text.len() >= 32);
        if !is_fine {
            return status(StatusCode::BAD_REQUEST);
        }
        let (to, state) = (of("redirect_uri").to_owned(), of("state").to_owned());
        let answer = if wrong == Wrong::Denied {
            "error=access_denied".to_owned()
        } else {
            let mut codes = locked(&self.codes);
            let code = format!("code-{}", codes.len());
            codes.insert(code.clone(), asked);
            format!("code={code}")
        };
        let mut response = status(StatusCode::FOUND);
        if let Ok(place) = format!("{to}?{answer}&state={state}").parse() {
            response.headers_mut().insert(LOCATION, place);
        }
        response
    }

    fn token(&self, shown: &str, form: &Pairs, wrong: Wrong) -> Response<Full<Bytes>> {
        match wrong {
            Wrong::Broken => return status(StatusCode::INTERNAL_SERVER_ERROR),
            Wrong::Garbage => return Response::new(Full::from("<html>It works!</html>")),
            _ => {}
        }
        // RFC 6749, section 2.3.1: both are form-encoded, then joined.
        let credentials = shown.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
        let credentials = credentials
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default();
        let known = credentials
            .split_once(':')
            .is_some_and(|(id, secret)| decoded(id) == CLIENT_ID && decoded(secret) == CLIENT_SECRET);
        let of = |name: &str| form.get(name).map_or("", String::as_str);
        let given = locked(&self.codes).get_mut(of("code")).map(std::mem::take);
        let Some(given) = given.filter(|given| !given.is_empty()) else {
            return status(StatusCode::BAD_REQUEST);
        };
        let challenge = encoded(&Sha256::digest(of("code_verifier")));
        let fits = |name: &str, value: &str| given.get(name).map(String::as_str) == Some(value);
        if !known
            || of("grant_type") != "authorization_code"
            || !fits("redirect_uri", of("redirect_uri"))
            || !fits("code_challenge", &challenge)
        {
            return status(StatusCode::UNAUTHORIZED);
        }
        let moment = locked(&self.moment);
        let claims = self.claims(&moment.claims, &given, wrong);
        let token = moment.keys.token(&claims, wrong);
        json_of(&json!({"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token}))
    }

    fn claims(&self, person: &Value, given: &Pairs, wrong: Wrong) -> Value {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut claims = person.clone();
        claims["iss"] = issuer(self.address).into();
        claims["aud"] = json!([CLIENT_ID]);
        claims["iat"] = now.into();
        claims["exp"] = (now + 300).into();
        claims["nonce"] = given.get("nonce").cloned().into();
        match wrong {
            Wrong::Nonce => claims["nonce"] = "another".into(),
            Wrong::Audience => claims["aud"] = json!(["another"]),
            Wrong::Issuer => claims["iss"] = "https://evil.example".into(),
            Wrong::Expired => claims["exp"] = (now - 3_600).into(),
            Wrong::Future => claims["nbf"] = (now + 3_600).into(),
            Wrong::Unverified => claims["email_verified"] = false.into(),
            _ => {}
        }
        claims
    }
}

fn pairs(text: &str) -> Pairs {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// `%41` and `+`, as forms have them.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| char::from(digit.unwrap_or(b'0')).to_digit(16));
                digits
                    .iter()
                    .fold(0, |value, digit| value * 16 + digit.unwrap_or(0) as u8)
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where a person agrees, and takes what was asked along.
fn page(query: &str) -> Response<Full<Bytes>> {
    let query = query.replace('&', "&amp;").replace('"', "&quot;");
    let text = format!(
        "<!doctype html><html lang=\"en\"><title>Sign in</title><link rel=\"icon\" href=\"data:,\"><a href=\"/agreed?{query}\">Continue</a>"
    );
    let mut response = Response::new(Full::from(text));
    let html = HeaderValue::from_static("text/html");
    response.headers_mut().insert(CONTENT_TYPE, html);
    response
}

fn json_of(value: &Value) -> Response<Full<Bytes>> {
    Response::new(Full::from(value.to_string()))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
