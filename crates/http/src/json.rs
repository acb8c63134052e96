//! JSON that came in, and what is wrong with it: where, and what is wanted there, in one line that quotes nothing that was sent but names.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

/// Reads a value. What can be read is read once; only what cannot is read again, for its place.
///
/// # Errors
/// A line for people.
pub fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => misfit::<T>(bytes).unwrap_or_else(|| "is not what is wanted here".to_owned()),
        Category::Syntax | Category::Eof | Category::Io => broken(bytes, &error),
    })
}

/// How many values a text of JSON has, about: each but the first of a list or an object has a comma before it.
#[must_use]
pub fn values(bytes: &[u8]) -> usize {
    let (mut commas, mut in_text, mut is_escaped) = (0, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b',' => commas += usize::from(!in_text),
            _ => {}
        }
    }
    commas + 1
}

/// What is no JSON.
fn broken(bytes: &[u8], error: &serde_json::Error) -> String {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return "the request body: is empty; send JSON".to_owned();
    }
    let said = words(error);
    let wrong = if error.is_eof() {
        "is cut off"
    } else if said == "trailing characters" {
        "goes on after its end"
    } else if said == "recursion limit exceeded" {
        "is nested too deeply"
    } else if said == "number out of range" {
        "has a number that is too large"
    } else {
        "is no JSON"
    };
    format!(
        "the request body: {wrong}, at line {} column {}",
        error.line(),
        error.column()
    )
}

/// What is JSON, and not what is wanted.
fn misfit<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(&mut reader).err()?;
    let said = words(error.inner());
    // Serde names these of what they are in.
    for (head, wrong) in [
        ("missing field `", "is missing"),
        ("duplicate field `", "is there twice"),
        ("unknown field `", "is not known here"),
    ] {
        if let Some((name, rest)) = said.strip_prefix(head).and_then(|rest| rest.split_once('`')) {
            let mut place = place(error.path());
            let last = error.path().iter().next_back();
            if !matches!(last, Some(Segment::Map { key }) if key == name) || head == "missing field `" {
                place = if place.is_empty() {
                    name.to_owned()
                } else {
                    format!("{place}.{name}")
                };
            }
            let known = rest.strip_prefix(", expected ").map(choice);
            let known = known.map_or_else(String::new, |known| format!("; known: {known}"));
            return Some(format!("{place}: {wrong}{known}"));
        }
    }
    let place = match place(error.path()) {
        place if place.is_empty() => "the request body".to_owned(),
        place => place,
    };
    let wanted = match said.split_once(", expected ") {
        Some((head, wanted)) if head.starts_with("unknown variant ") => choice(wanted),
        Some((head, wanted)) if head.starts_with("invalid ") => kind(wanted).to_owned(),
        // A type's own words.
        _ => return Some(format!("{place}: {said}")),
    };
    Some(format!("{place}: must be {wanted}"))
}

/// `channels[0].type`; nothing, where it is all of it.
fn place(path: &Path) -> String {
    let mut place = String::new();
    for segment in path {
        let point = if place.is_empty() { "" } else { "." };
        // Writing to a text does not fail.
        let _ = match segment {
            Segment::Seq { index } => write!(place, "[{index}]"),
            Segment::Map { key } => write!(place, "{point}{}", key.escape_debug()),
            Segment::Enum { variant } => write!(place, "{point}{variant}"),
            Segment::Unknown => Ok(()),
        };
    }
    place
}

/// An error's words without its place.
fn words(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    said.strip_suffix(&place).map(str::to_owned).unwrap_or(said)
}

/// Of "one of `a`, `b`", "`a` or `b`" and "`a`": the names.
fn choice(wanted: &str) -> String {
    let names: Vec<&str> = wanted.split('`').skip(1).step_by(2).collect();
    match names.split_last() {
        Some((last, names)) if !names.is_empty() => format!("{} or {last}", names.join(", ")),
        _ => names.concat(),
    }
}

/// What serde expects, as people say it.
fn kind(wanted: &str) -> &str {
    match wanted {
        "a string" | "str" | "string" => "text",
        "a character" => "one character",
        "a boolean" => "true or false",
        "f32" | "f64" => "a number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number of at least 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "a sequence" => "a list",
        "a map" => "an object",
        "unit" => "null",
        wanted if wanted.starts_with("a nonzero ") => "a whole number of at least 1",
        wanted if wanted.starts_with("struct ") && !wanted.contains(" with ") => "an object",
        wanted if wanted.starts_with("enum ") => "one of the names known here",
        wanted => wanted,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what is refused is never looked at")]
    struct Wanted {
        model: String,
        channels: Vec<Channel>,
        port: Option<u16>,
        #[serde(default)]
        limits: BTreeMap<String, f64>,
        once: Option<std::num::NonZeroU32>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "what is refused is never looked at")]
    struct Channel {
        r#type: Kind,
        #[serde(default)]
        on: bool,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Feishu,
        Slack,
        Web,
    }

    fn refused(text: &str) -> String {
        from_json::<Wanted>(text.as_bytes()).err().expect("it is refused")
    }

    #[test]
    fn what_does_not_fit_is_named_with_what_is_wanted() {
        for (text, said) in [
            ("{}", "model: is missing"),
            (
                r#"{"model":"m","channels":[{"on":true}]}"#,
                "channels[0].type: is missing",
            ),
            (r#"{"model":7,"channels":[]}"#, "model: must be text"),
            (r#"{"model":null,"channels":[]}"#, "model: must be text"),
            (r#"{"model":"m","channels":{}}"#, "channels: must be a list"),
            (r#"{"model":"m","channels":[1]}"#, "channels[0]: must be an object"),
            (
                r#"{"model":"m","channels":[{"type":"web"},{"type":"fax"}]}"#,
                "channels[1].type: must be feishu, slack or web",
            ),
            (
                r#"{"model":"m","channels":[{"type":"web","on":1}]}"#,
                "channels[0].on: must be true or false",
            ),
            (r#"{"port":70000}"#, "port: must be a whole number from 0 to 65535"),
            (r#"{"port":1.5}"#, "port: must be a whole number from 0 to 65535"),
            (r#"{"once":0}"#, "once: must be a whole number of at least 1"),
            (r#"{"limits":{"a.b":"x"}}"#, "limits.a.b: must be a number"),
            (r#"{"limits":7}"#, "limits: must be an object"),
            (
                r#"{"sessionId":1}"#,
                "sessionId: is not known here; known: model, channels, port, limits or once",
            ),
            (r#"{"model":"m","model":"m"}"#, "model: is there twice"),
            ("7", "the request body: must be an object"),
        ] {
            assert_eq!(refused(text), said, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        for (text, said) in [
            ("", "the request body: is empty; send JSON"),
            (" \n", "the request body: is empty; send JSON"),
            (r#"{"model": "#, "the request body: is cut off, at line 1 column 10"),
            (r#"{"model": "m"#, "the request body: is cut off, at line 1 column 12"),
            (
                r#"{"model":"m","channels":[]} {"#,
                "the request body: goes on after its end, at line 1 column 29",
            ),
            ("{\n model: 1}", "the request body: is no JSON, at line 2 column 2"),
            (r#"{"model":"m",}"#, "the request body: is no JSON, at line 1 column 14"),
        ] {
            assert_eq!(refused(text), said, "{text}");
        }
        let deep = "[".repeat(200);
        let said = from_json::<serde_json::Value>(deep.as_bytes()).unwrap_err();
        assert!(
            said.starts_with("the request body: is nested too deeply, at line 1 "),
            "{said}"
        );
    }

    #[test]
    fn nothing_that_was_sent_is_quoted_but_names() {
        for text in [r#"{"port":"sk-secret"}"#, r#"{"model":"m","channels":"sk-secret"}"#] {
            assert!(!refused(text).contains("secret"), "{text}");
        }
    }

    #[test]
    fn what_fits_is_read() {
        let text = br#"{"model":"m","channels":[{"type":"web"}]}"#;
        assert_eq!(from_json::<Wanted>(text).map(|wanted| wanted.model).as_deref(), Ok("m"));
    }
}
