//! Cookies that stand for a login: out of reach for scripts, and sent to no other site's requests.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use creel_http::Problem;
use subtle::ConstantTimeEq as _;

const CSRF_HEADER: &str = "x-csrf-token";

pub fn read<'a>(name: &str, headers: &'a HeaderMap) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// `Secure` where the page came over TLS, as the proxy in front of us says.
pub fn set(name: &str, secret: &str, seconds: i64, headers: &HeaderMap) -> HeaderValue {
    let secure = if over_tls(headers) { "; Secure" } else { "" };
    let text = format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).expect("hexadecimal digits and constants")
}

pub fn over_tls(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https")
}

/// A browser sends a cookie whoever made the request: one that changes something must repeat what only our own pages know, and a WebSocket
/// must come from our own origin.
pub fn refuse_forged(method: &Method, headers: &HeaderMap, csrf: &str) -> Result<(), Problem> {
    let changes = !matches!(*method, Method::GET | Method::HEAD);
    let sent = headers
        .get(CSRF_HEADER)
        .map(|value| value.as_bytes())
        .unwrap_or_default();
    if changes && !bool::from(sent.ct_eq(csrf.as_bytes())) {
        return Err(forbidden(
            "the X-CSRF-Token header is missing or wrong; reload the page",
        ));
    }
    if headers.contains_key(header::UPGRADE) && !same_origin(headers) {
        return Err(forbidden("a WebSocket must be opened by the console's own page"));
    }
    Ok(())
}

/// A form of another site's page may send any text, and would sign its browser in as somebody else; but not as JSON.
///
/// # Errors
/// 415.
pub fn refuse_form(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let media = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if media.trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "a sign-in that sets a cookie must come with Content-Type: application/json";
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        detail,
    ))
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, authority)| authority == host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn finds_its_cookie_among_others() {
        let found = headers(&[(header::COOKIE, "a=b; creel_session=abc; creel_session_x=no")]);
        assert_eq!(read("creel_session", &found), Some("abc"));
        assert_eq!(
            read("creel_session", &headers(&[(header::COOKIE, "creel_sessionx=abc")])),
            None
        );
    }

    #[test]
    fn another_origin_is_told_apart() {
        let own = headers(&[
            (header::ORIGIN, "http://localhost:8000"),
            (header::HOST, "localhost:8000"),
        ]);
        assert!(same_origin(&own));
        let other = headers(&[
            (header::ORIGIN, "http://evil.example"),
            (header::HOST, "localhost:8000"),
        ]);
        assert!(!same_origin(&other));
        assert!(!same_origin(&headers(&[(header::HOST, "localhost:8000")])));
    }

    #[test]
    fn what_changes_something_repeats_the_csrf_token() {
        let sent = |value: &'static str| headers(&[(header::HeaderName::from_static(CSRF_HEADER), value)]);
        assert!(refuse_forged(&Method::GET, &HeaderMap::new(), "abc").is_ok());
        assert!(refuse_forged(&Method::POST, &sent("abc"), "abc").is_ok());
        for forged in [HeaderMap::new(), sent("abd"), sent("ab"), sent("")] {
            assert!(refuse_forged(&Method::DELETE, &forged, "abc").is_err());
        }
    }
}
