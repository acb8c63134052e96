//! When a line of a log was written, by its own words.
//!
//! Both runtimes begin a line with a moment in the form of RFC 3339; where a native gateway logs JSON, it is the member `time`.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment has no more characters.
const LONGEST: usize = 40;
/// Where a line of JSON has its moment.
const MEMBER: &[u8] = b"{\"time\":\"";

/// Milliseconds since the Unix epoch; `None` of a line that does not tell.
pub fn of(line: &[u8]) -> Option<i64> {
    let text = line.strip_prefix(MEMBER).unwrap_or(line);
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let text = text.get(..LONGEST.min(text.len()))?;
    let end = text
        .iter()
        .position(|byte| b" \t\"".contains(byte))
        .unwrap_or(text.len());
    let moment = OffsetDateTime::parse(std::str::from_utf8(&text[..end]).ok()?, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runtimes_tell_it_and_the_rest_does_not() {
        let moment = Some(1_795_271_516_858);
        assert_eq!(of(b"2026-11-21T14:31:56.858Z INFO  gateway ready"), moment);
        assert_eq!(of(b"2026-11-21T22:31:56.858+08:00 [gateway] starting..."), moment);
        assert_eq!(of(br#"{"time":"2026-11-21T14:31:56.858Z","level":"info"}"#), moment);
        for line in [
            "",
            "    at main (index.js:3)",
            "14:31:56 [gateway]",
            "2026-11-21",
            "{\"level\":\"info\"}",
            "2026-13-45T99:00:00Z x",
        ] {
            assert_eq!(of(line.as_bytes()), None, "{line}");
        }
    }
}
