//! Who gets in: the token, the rate.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use creel_http::{Peer, Problem, bearer};
use http_body::Body as _;

use crate::auth::owner;
use crate::caller::Caller;
use crate::routes::State;
use crate::state::{Gateway, Setup};
use crate::tenants::Tenants;

/// Lets a request in that has the token and keeps to the rate; the user it is from goes along with it.
pub async fn admit(
    Shared(gateway): Shared<State>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let setup = gateway.setup.load_full();
    if let Some(tenants) = &gateway.tenants {
        // By itself: what it needs is no part of every request to a gateway of one user.
        return Box::pin(admit_tenant(&gateway, tenants, &setup, peer, request, next)).await;
    }
    check(&gateway, peer, request.headers())?;
    let caller = Caller {
        user: owner(),
        profile: setup.profile.clone(),
        stop: gateway.drain.stop.clone(),
        seat: None,
    };
    let per_minute = setup.config.gateway.limits.requests_per_minute;
    drop(setup);
    gateway
        .rate
        .admit((caller.user.clone(), peer.ip), per_minute, Instant::now())
        .map_err(|wait| {
            Problem::too_many(
                "rate_limited",
                format!("more than {per_minute} requests in a minute"),
                wait,
            )
        })?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Whether the request has the token, or, where there is none, can be of a program on this machine.
fn check(gateway: &Gateway, peer: Peer, headers: &HeaderMap) -> Result<(), Problem> {
    let setup = gateway.setup.load();
    if setup.credentials.is_open() && !is_of_this_machine(headers) {
        let detail = "this gateway has no token, so it answers programs of this machine only, and no web page; set gateway.auth.token";
        return Err(Problem::new(StatusCode::FORBIDDEN, "foreign_origin", detail));
    }
    setup
        .credentials
        .authenticate(bearer(headers), peer.ip, &gateway.throttle)?;
    Ok(())
}

/// The same in a gateway for many users.
async fn admit_tenant(
    gateway: &State,
    tenants: &Tenants,
    setup: &Arc<Setup>,
    peer: Peer,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let limit = setup.config.gateway.limits.max_body_bytes;
    // A body that does not tell its length may turn out to be as long as any.
    let announced = request.body().size_hint().upper();
    let body_bytes = announced.map_or(limit, |bytes| usize::try_from(bytes).unwrap_or(limit).min(limit));
    let bearer = bearer(request.headers());
    let caller = tenants
        .admit(setup, bearer, body_bytes, peer.ip, &gateway.throttle)
        .await?;
    if let Err(problem) = tenants.claim(peer.connection, &caller.user, setup) {
        // It is the connection that there is no room for.
        let mut response = problem.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        return Ok(response);
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Whether a request can be of a program on this machine. A web page can send requests to loopback addresses too, but its browser
/// tells where it is from: by `Origin`, or, where its own name was made to point here (DNS rebinding), by `Host`.
fn is_of_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return true;
    };
    let is_local = host.parse().is_ok_and(|host: Authority| {
        let name = host.host().trim_matches(['[', ']']);
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
    });
    let origin = headers
        .get(header::ORIGIN)
        .map(|origin| origin.to_str().unwrap_or_default());
    is_local && origin.is_none_or(|origin| origin.strip_prefix("http://") == Some(host))
}

/// Lets in who administers a gateway for many users.
pub async fn service(
    Shared(gateway): Shared<State>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if gateway.tenants.is_none() {
        return Err(Problem::not_found(
            "this gateway serves one user: multiTenant.enabled is off",
        ));
    }
    of_the_service(&gateway, peer, &request)?;
    Ok(next.run(request).await)
}

/// Whether a request has the service token.
fn of_the_service(gateway: &State, peer: Peer, request: &Request) -> Result<(), Problem> {
    let setup = gateway.setup.load();
    let token = setup
        .config
        .multi_tenant
        .as_ref()
        .map(|settings| &settings.service_token);
    let bearer = bearer(request.headers());
    match (token, bearer) {
        (Some(token), Some(bearer)) if token.matches(bearer) => return Ok(()),
        (_, Some(_)) => gateway.throttle.failed(peer.ip),
        (_, None) => {}
    }
    match gateway.throttle.locked_out(peer.ip) {
        Some(remaining) => Err(Problem::too_many(
            "too_many_failures",
            "too many wrong tokens from this address",
            remaining,
        )),
        None => Err(Problem::unauthorized(
            "send the service token as `Authorization: Bearer <token>`",
        )),
    }
}

/// Lets in who has the token, at any rate. Not whoever is on this machine: a proxy is, and would open it to the world.
pub async fn admit_scraper(
    Shared(gateway): Shared<State>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match &gateway.tenants {
        Some(_) => of_the_service(&gateway, peer, &request)?,
        None => check(&gateway, peer, request.headers())?,
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_pages_are_not_programs() {
        let is_local = |host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            is_of_this_machine(&headers)
        };
        for host in ["127.0.0.1:18789", "localhost", "LOCALHOST:1", "[::1]:18789"] {
            assert!(is_local(host, None), "{host}");
            assert!(is_local(host, Some(&format!("http://{host}"))), "{host}");
            for origin in ["https://evil.example", "http://127.0.0.1:9", "null", ""] {
                assert!(!is_local(host, Some(origin)), "{host} {origin}");
            }
        }
        for host in [
            "evil.example",
            "localhost.evil.example:18789",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!is_local(host, None), "{host}");
        }
        assert!(is_of_this_machine(&HeaderMap::new()), "HTTP/1.0");
    }
}
