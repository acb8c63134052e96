//! Who asks: the virtual key of a request.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::catalog::{Catalog, Key};
use crate::key;
use crate::refusal::Refusal;

/// The key of `Authorization: Bearer` (OpenAI's clients) or `x-api-key` (Anthropic's). It is looked up by its hash, which nobody can
/// aim at: how long that takes tells nothing of other keys.
///
/// # Errors
/// [`Refusal::NoKey`], [`Refusal::UnknownKey`], [`Refusal::ExpiredKey`].
pub fn key(catalog: &Catalog, headers: &HeaderMap) -> Result<Arc<Key>, Refusal> {
    let shown = shown(headers).ok_or(Refusal::NoKey)?;
    let key = catalog.keys.get(&key::hash(shown)).ok_or(Refusal::UnknownKey)?;
    if key.state.is_revoked() {
        return Err(Refusal::UnknownKey);
    }
    if key.expires_at.is_some() && key.has_expired(now_ms()) {
        return Err(Refusal::ExpiredKey);
    }
    Ok(Arc::clone(key))
}

fn shown(headers: &HeaderMap) -> Option<&str> {
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::trim).map(str::len);
    if let Some(value) = headers
        .get("x-api-key")
        .filter(|value| text(value).is_some_and(|length| length > 0))
    {
        return value.to_str().ok().map(str::trim);
    }
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

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
