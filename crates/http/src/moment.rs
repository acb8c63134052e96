//! Moments, as every HTTP surface shows them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since the Unix epoch as RFC 3339 in UTC; empty where they are beyond the year 9999.
pub fn rfc3339(milliseconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// A moment that somebody wrote, in milliseconds since the Unix epoch: RFC 3339, or a day (`2026-01-31`, which begins at
/// midnight UTC). The error is a line for whoever wrote it.
pub fn moment(text: &str) -> Result<i64, String> {
    let day = text.len() == 10;
    let whole = if day {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    let at = OffsetDateTime::parse(&whole, &Rfc3339).map_err(|_| {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
        format!("\"{shown}\" is no moment; write 2026-01-31 or 2026-01-31T12:00:00Z")
    })?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).map_err(|error| error.to_string())
}

/// A moment as [`moment`] reads it, or so long before `now`, `10m`: milliseconds since the Unix epoch, as `now` is.
///
/// # Errors
/// What to give in its place.
pub fn since(text: &str, now: i64) -> Result<i64, &'static str> {
    let wanted =
        "give a moment such as 2026-01-31T08:00:00Z, a day such as 2026-01-31, or how long ago: 90s, 10m, 2h or 1d";
    match moment(text) {
        Ok(at) => Ok(at),
        Err(_) => ago(text).and_then(|ago| now.checked_sub(ago)).ok_or(wanted),
    }
}

/// Milliseconds of `90s`, `10m`, `2h`, `1d`.
fn ago(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = is_number.then(|| number.parse().ok())??;
    number.checked_mul(seconds * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(rfc3339(i64::MAX), "");
    }

    #[test]
    fn moments_are_read_as_they_are_written() {
        for (text, at) in [
            ("1970-01-02", Ok(86_400_000)),
            ("2023-11-14T22:13:20.123Z", Ok(1_700_000_000_123)),
            ("1970-01-01T01:00:00+01:00", Ok(0)),
        ] {
            assert_eq!(moment(text), at, "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2026-02-30", "1970-01-01T00:00:00", "0"] {
            assert!(moment(text).is_err_and(|error| error.contains("2026-01-31")), "{text}");
        }
    }

    #[test]
    fn what_is_long_ago_is_counted_back_from_now() {
        const NOW: i64 = 1_700_000_000_123;
        for (text, at) in [
            ("90s", NOW - 90_000),
            ("10m", NOW - 600_000),
            ("2h", NOW - 7_200_000),
            ("1d", NOW - 86_400_000),
            ("0s", NOW),
            ("1970-01-02", 86_400_000),
            ("1970-01-01T01:00:00+01:00", 0),
        ] {
            assert_eq!(since(text, NOW), Ok(at), "{text}");
        }
        for text in [
            "",
            "h",
            "5",
            "-1h",
            "+1h",
            "1.5h",
            "1w",
            "1H",
            "yesterday",
            "9223372036854775807d",
            "1张",
            "2026-13-01",
        ] {
            assert!(since(text, NOW).is_err_and(|wanted| wanted.contains("10m")), "{text}");
        }
    }
}
