//! What nobody is to read in a log: the instance's own token, and what looks like a secret of somebody else's.
//!
//! A gateway logs neither; a plugin, a library or a request that is quoted in an error might.

use crate::Token;

const HIDDEN: &str = "***";
/// What secrets begin with that are told by it: model providers' and virtual keys, users' tokens, Slack's, and what a request brings.
const BEGINNINGS: [&str; 8] = ["sk-", "gt_", "xoxb-", "xoxp-", "xoxa-", "xapp-", "Bearer ", "bearer "];
/// What is shorter is a word that begins so.
const SHORTEST: usize = 16;
/// Of a Telegram bot's token: digits of its number, and letters of what comes after the colon.
const TELEGRAM: (usize, usize) = (6, 30);

/// The line as it may be shown.
pub(super) fn redact(line: &str, token: Option<&Token>) -> String {
    let mut text = match token {
        Some(token) if line.contains(token.expose()) => line.replace(token.expose(), HIDDEN),
        _ => line.to_owned(),
    };
    for beginning in BEGINNINGS {
        hide(&mut text, beginning, |before, after| {
            let is_word = !before.ends_with(|letter: char| letter.is_ascii_alphanumeric());
            is_word && after >= SHORTEST
        });
    }
    hide(&mut text, ":", |before, after| {
        let digits = before.bytes().rev().take_while(u8::is_ascii_digit).count();
        digits >= TELEGRAM.0 && after >= TELEGRAM.1
    });
    text
}

/// Hides what follows `mark` wherever what is before it, and how many letters of a secret come after it, say that it is one.
fn hide(text: &mut String, mark: &str, is_secret: impl Fn(&str, usize) -> bool) {
    let mut from = 0;
    while let Some(found) = text[from..].find(mark) {
        let (start, begin) = (from + found, from + found + mark.len());
        let after = text[begin..].bytes().take_while(|byte| is_letter(*byte)).count();
        from = begin;
        if is_secret(&text[..start], after) {
            text.replace_range(begin..begin + after, HIDDEN);
            from += HIDDEN.len();
        }
    }
}

/// Of base64 in either alphabet, and of what joins its parts (RFC 6750, `b64token`); no slash, which begins the next part of a URL.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_hidden() {
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789";
        for (line, shown) in [
            (format!("key=sk-creel-{letters} refused"), "key=sk-*** refused"),
            (format!("\"sk-{letters}\",\"gt_{letters}\""), "\"sk-***\",\"gt_***\""),
            (
                format!("authorization: Bearer {letters}.{letters}"),
                "authorization: Bearer ***",
            ),
            (format!("xoxb-1-{letters} xapp-1-{letters}"), "xoxb-*** xapp-***"),
            (
                format!("https://api.telegram.org/bot123456789:{letters}/getMe: 401"),
                "https://api.telegram.org/bot123456789:***/getMe: 401",
            ),
        ] {
            assert_eq!(redact(&line, None), shown);
        }
        let token = Token::mint().unwrap();
        assert_eq!(
            redact(&format!("a {0} é {0}", token.expose()), Some(&token)),
            "a *** é ***"
        );
    }

    #[test]
    fn what_does_not_is_left() {
        for line in [
            "2026-11-21T21:00:00.000000Z INFO task-abcdefghijklmnopqrstuvwxyz of sk-1 gt_2",
            "Bearer token is missing",
            "image sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "é: 12:30 127.0.0.1:18789 中文",
        ] {
            assert_eq!(redact(line, None), line);
        }
    }
}
