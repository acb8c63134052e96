//! Whether to try again, and when.

use std::time::Duration;

use http::HeaderMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::client::Options;
use crate::error::{Error, Kind};

/// The wait before the next attempt; `None` if there should be none. `attempt` counts from 0.
///
/// Silence is not repeated: the caller has waited long enough, and the provider may be at work on the first request.
pub fn wait(error: &Error, attempt: u32, options: &Options) -> Option<Duration> {
    let asked = match error.kind() {
        Kind::RateLimited { retry_after } => retry_after,
        Kind::Timeout if error.status().is_none() => return None,
        _ if error.is_retryable() => None,
        _ => return None,
    };
    match asked {
        Some(asked) if asked > options.max_backoff => None,
        Some(asked) => Some(asked),
        None => {
            let full = options
                .base_backoff
                .saturating_mul(1 << attempt.min(16))
                .min(options.max_backoff);
            // Between half and all of it, so that the clients that were turned away together do not come back together.
            let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
            Some(full.mul_f64(0.5 + random / 2.0))
        }
    }
}

/// `Retry-After` as RFC 9110, section 10.2.3 has it: seconds, or an HTTP date. Some providers send `retry-after-ms` too,
/// which is finer.
pub fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1_000.0).ok();
    }
    let text = text("retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Duration::try_from(date - now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(name: &'static str, value: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        // Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples.
        retry_after(&headers, OffsetDateTime::from_unix_timestamp(784_111_777).unwrap())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(after("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(after("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(after("retry-after-ms", "120"), Some(Duration::from_millis(120)));
        assert_eq!(
            after("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"),
            Some(Duration::from_secs(10))
        );
        assert_eq!(
            after("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(after("retry-after", "-3"), None);
        assert_eq!(after("retry-after", "soon"), None);
        assert_eq!(after("x-other", "7"), None);
    }

    #[test]
    fn waits_double_up_to_the_bound() {
        let options = Options {
            base_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_millis(300),
            ..Options::default()
        };
        let error = Error::new(Kind::Server, "");
        for (attempt, full) in [(0, 100), (1, 200), (2, 300), (40, 300)] {
            let wait = wait(&error, attempt, &options).unwrap();
            let full = Duration::from_millis(full);
            assert!(wait >= full / 2 && wait <= full, "attempt {attempt}: {wait:?}");
        }
    }

    #[test]
    fn a_wait_that_is_too_long_is_left_to_the_caller() {
        let options = Options {
            max_backoff: Duration::from_secs(2),
            ..Options::default()
        };
        let limited = |seconds| {
            Error::new(
                Kind::RateLimited {
                    retry_after: Some(Duration::from_secs(seconds)),
                },
                "",
            )
        };
        assert_eq!(wait(&limited(2), 0, &options), Some(Duration::from_secs(2)));
        assert_eq!(wait(&limited(3), 0, &options), None);
    }

    #[test]
    fn what_will_not_change_is_not_repeated() {
        for kind in [
            Kind::Unauthorized,
            Kind::BadRequest,
            Kind::ContextTooLong,
            Kind::TooLarge,
            Kind::Timeout,
        ] {
            assert_eq!(wait(&Error::new(kind, ""), 0, &Options::default()), None, "{kind:?}");
        }
        assert!(wait(&Error::new(Kind::Timeout, "").with_status(408), 0, &Options::default()).is_some());
    }
}
