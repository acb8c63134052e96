//! Who asks: the virtual key of a request.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::catalog::{Catalog, Key};
use crate::key;
use crate::ledger::Ledger;
use crate::names;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// The key of `Authorization: Bearer` (OpenAI's clients) or `x-api-key` (Anthropic's). It is looked up by its hash, which nobody can
/// aim at: how long that takes tells nothing of other keys. It expires by the clock of the books, which all gateways share.
///
/// # Errors
/// [`Refusal::NoKey`], [`Refusal::UnknownKey`], [`Refusal::ExpiredKey`].
pub fn key(catalog: &Catalog, ledger: &Ledger, headers: &HeaderMap) -> Result<Arc<Key>, Refusal> {
    let shown = shown(headers).ok_or(Refusal::NoKey)?;
    let key = catalog.keys.get(&key::hash(shown)).ok_or(Refusal::UnknownKey)?;
    if key.state.is_revoked() {
        return Err(Refusal::UnknownKey);
    }
    if key.expires_at.is_some() && key.has_expired(ledger.now()) {
        return Err(Refusal::ExpiredKey);
    }
    Ok(Arc::clone(key))
}

/// What opens `/metrics` is no virtual key, but the token of the settings. Digests are compared, so that how long it takes tells nothing.
///
/// # Errors
/// [`Refusal::NoToken`].
pub fn metrics(settings: &Settings, headers: &HeaderMap) -> Result<(), Refusal> {
    let wanted = settings.metrics_token.ok_or(Refusal::NoToken)?;
    let shown = shown(headers).ok_or(Refusal::NoToken)?;
    (key::hash(shown) == wanted).then_some(()).ok_or(Refusal::NoToken)
}

fn shown(headers: &HeaderMap) -> Option<&str> {
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::trim).map(str::len);
    if let Some(value) = headers
        .get(&names::API_KEY)
        .filter(|value| text(value).is_some_and(|length| length > 0))
    {
        return value.to_str().ok().map(str::trim);
    }
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_need_their_token() {
        let mut settings = Settings::default();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer of-prometheus".parse().unwrap());
        assert!(metrics(&settings, &headers).is_err(), "none opens them");
        settings.metrics_token = Some(key::hash("of-prometheus"));
        assert!(metrics(&settings, &headers).is_ok());
        assert!(metrics(&settings, &HeaderMap::new()).is_err());
        settings.metrics_token = Some(key::hash("another"));
        assert!(metrics(&settings, &headers).is_err());
    }

    #[test]
    fn keys_come_in_either_header() {
        for (name, value, expected) in [
            ("authorization", "Bearer k", Some("k")),
            ("authorization", "bearer  k ", Some("k")),
            ("authorization", "Basic k", None),
            ("authorization", "Bearer ", None),
            ("x-api-key", "k", Some("k")),
            ("x-api-key", " ", None),
            ("x-other", "k", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(shown(&headers), expected, "{name}: {value}");
        }
    }
}
