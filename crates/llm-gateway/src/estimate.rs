//! Tokens where nobody counted them: before a call, to reserve, and after it, where the provider did not say.
//!
//! The rule: four ASCII bytes are a token, and so are two bytes of other characters (a Chinese character has three). On JSON of a
//! conversation that is above what the providers' tokenizers find, because the JSON's own marks are counted too. An image or a file
//! that is sent along in base64 counts as [`ATTACHMENT`] tokens, not as text. What is counted so is marked as estimated.
//!
//! A tokenizer's tables would cost this process more memory than all the rest of it; see docs/decisions.

use memchr::memmem;

/// What an image counts, about the most that a provider takes for one of full size:
/// <https://docs.anthropic.com/en/docs/build-with-claude/vision#calculate-image-costs>.
pub const ATTACHMENT: u64 = 1_600;

/// Base64 shorter than this is taken for text.
const SHORTEST_ATTACHMENT: usize = 256;

/// Tokens of a text.
pub fn text(bytes: &[u8]) -> u64 {
    let other = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let ascii = bytes.len() - other;
    (ascii.div_ceil(4) + other.div_ceil(2)) as u64
}

/// Tokens of a request's body.
pub fn request(body: &[u8]) -> u64 {
    let mut total = 0;
    let mut rest = body;
    while let Some((before, after)) = next_attachment(rest) {
        total += text(before) + ATTACHMENT;
        rest = after;
    }
    total + text(rest)
}

/// The text before the next attachment, and what follows it. `data:…;base64,…` is OpenAI's writing, `"data":"…"` Anthropic's and
/// that of OpenAI's audio and files.
fn next_attachment(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let found = memmem::find(&body[from..], b"base64")? + from;
        // The base64 text itself: the longest run within a string of the next few.
        let window = &body[found..];
        let start = found + run_start(window)?;
        let length = body[start..].iter().take_while(|byte| is_base64(**byte)).count();
        if length >= SHORTEST_ATTACHMENT {
            return Some((&body[..start], &body[start + length..]));
        }
        from = found + 6;
    }
}

/// Where the base64 begins behind the word: at once in a `data:` address, or in one of the next strings.
fn run_start(window: &[u8]) -> Option<usize> {
    /// `"base64","media_type":"image/png","data":"` and blanks.
    const NEAR: usize = 160;
    let near = &window[..window.len().min(NEAR)];
    if near.starts_with(b"base64,") {
        return Some(7);
    }
    let mut at = 0;
    while let Some(quote) = memchr::memchr(b'"', &near[at..]) {
        let begin = at + quote + 1;
        let length = window[begin..]
            .iter()
            .take(SHORTEST_ATTACHMENT)
            .take_while(|byte| is_base64(**byte))
            .count();
        if length == SHORTEST_ATTACHMENT {
            return Some(begin);
        }
        at = begin;
    }
    Some(6)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (said, tokens) in [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("你好", 3), ("ab你", 3)] {
            assert_eq!(text(said.as_bytes()), tokens, "{said}");
        }
    }

    #[test]
    fn an_attachment_counts_as_one_whatever_its_size() {
        let small = "A".repeat(300);
        let large = "A".repeat(3_000_000);
        let openai = |data: &str| format!(r#"{{"url":"data:image/png;base64,{data}"}} {{"x":1}}"#);
        let anthropic = |data: &str| format!(r#"{{"type":"base64","media_type":"image/png","data":"{data}"}}"#);
        for body in [openai(&small), openai(&large), anthropic(&small), anthropic(&large)] {
            let tokens = request(body.as_bytes());
            assert!((ATTACHMENT..ATTACHMENT + 30).contains(&tokens), "{tokens}");
        }
        let both = openai(&small) + &anthropic(&large);
        assert!((2 * ATTACHMENT..2 * ATTACHMENT + 60).contains(&request(both.as_bytes())));
    }

    #[test]
    fn a_text_about_base64_is_a_text() {
        let body = "base64 is an encoding; base64,AAAA is short, and so is \"base64\":\"x\" ".repeat(1_000);
        assert_eq!(request(body.as_bytes()), text(body.as_bytes()));
    }
}
