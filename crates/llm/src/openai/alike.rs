//! What most events of a stream have in common: all but their piece of the text.

use std::ops::Range;

/// What an event may take that is remembered, in bytes.
const LONGEST: usize = 4 * 1024;

/// An event that was read, and where in it its text stands.
///
/// One that is written the same way around a text of its own says the same, but for that text, and need not be read as JSON to see it.
pub struct Alike {
    event: Vec<u8>,
    text: Range<usize>,
}

impl Alike {
    /// `None` where the text is no part of the event as it was written, or the event is too long to be remembered.
    pub fn to(event: &[u8], text: &str) -> Option<Self> {
        let begin = text.as_ptr().addr().checked_sub(event.as_ptr().addr())?;
        let text = begin..begin.checked_add(text.len())?;
        let is_quoted = event.get(..begin)?.ends_with(b"\"") && event.get(text.end..)?.starts_with(b"\"");
        (is_quoted && event.len() <= LONGEST).then(|| Self {
            event: event.to_vec(),
            text,
        })
    }

    /// The text of an event that is alike. Escapes in it are for a reader of JSON.
    pub fn text<'a>(&self, event: &'a [u8]) -> Option<&'a str> {
        let (before, after) = (&self.event[..self.text.start], &self.event[self.text.end..]);
        let text = event.strip_prefix(before)?.strip_suffix(after)?;
        let is_plain = text.iter().all(|&byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        is_plain.then(|| str::from_utf8(text).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(event: &str, text: &str) -> Option<Alike> {
        let begin = event.rfind(text).unwrap();
        Alike::to(event.as_bytes(), &event[begin..begin + text.len()])
    }

    #[test]
    fn an_event_that_differs_in_its_text_only_is_alike() {
        let first = alike(r#"{"id":"a","text":"a","n":1}"#, r#"a"#).unwrap();
        for (event, text) in [
            (r#"{"id":"a","text":"b c","n":1}"#, Some("b c")),
            (r#"{"id":"a","text":"","n":1}"#, Some("")),
            (r#"{"id":"a","text":"你好","n":1}"#, Some("你好")),
            // Escapes, and what is a member of its own.
            (r#"{"id":"a","text":"b\nc","n":1}"#, None),
            (r#"{"id":"a","text":"b\","n":1}"#, None),
            (r#"{"id":"a","text":"b","n":2,"x":"","n":1}"#, None),
            ("{\"id\":\"a\",\"text\":\"b\nc\",\"n\":1}", None),
            // Something else.
            (r#"{"id":"b","text":"b","n":1}"#, None),
            (r#"{"id":"a","text":"b","n":2}"#, None),
            (r#"{"id":"a","text":"#, None),
            ("", None),
        ] {
            assert_eq!(first.text(event.as_bytes()), text, "{event}");
        }
        assert_eq!(first.text(b"{\"id\":\"a\",\"text\":\"\xFF\",\"n\":1}"), None);
    }

    #[test]
    fn only_a_text_as_it_is_written_is_remembered() {
        let event = r#"{"text":"a"}"#;
        let elsewhere = "a".to_owned();
        assert!(Alike::to(event.as_bytes(), &elsewhere).is_none());
        assert!(alike(event, "ext").is_none());
        let long = format!("{{\"text\":\"{}\"}}", "a".repeat(LONGEST));
        assert!(alike(&long, "a").is_none());
    }
}
