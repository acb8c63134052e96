//! Tokens before a call, to reserve: about, and at most. Quick, because every call waits for it. (What a call took is told by its provider, or
//! counted by a tokenizer: see `tokens`.)
//!
//! [`Counter`] goes through a text by pairs of characters: what a character adds depends on the one before it. A word begins with nearly a
//! token and grows by little, three digits are one, and so on. Against the tokenizers of nine families of models it is off by less than they are off from
//! each other; the figures are in docs/decisions. The bound is for the reservation and counts by bytes what that leaves too low. An image or a file that
//! is sent along in base64 counts as [`ATTACHMENT`] tokens, not as text.

use memchr::memmem;

/// What an image counts, about the most that a provider takes for one of full size:
/// <https://docs.anthropic.com/en/docs/build-with-claude/vision#calculate-image-costs>.
pub const ATTACHMENT: u64 = 1_600;

/// Base64 shorter than this is taken for text.
const SHORTEST_ATTACHMENT: usize = 256;

/// So often the word is looked behind in vain; what comes after that is taken for text, attachments too.
const LOOKS: usize = 1_000;

/// Kinds of characters.
const KINDS: usize = 8;
const BLANK: u8 = 0;
const LINE: u8 = 1;
const LOWER: u8 = 2;
const UPPER: u8 = 3;
const DIGIT: u8 = 4;
const MARK: u8 = 5;
/// Chinese, Japanese, Korean.
const HAN: u8 = 6;
/// Of any other script.
const OTHER: u8 = 7;
/// What follows the first byte of a character adds nothing.
const REST: u8 = 8;

/// The kind of a character, by its first byte in UTF-8.
const KIND: [u8; 256] = {
    let mut kinds = [MARK; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b' ' | b'\t' => BLANK,
            b'\n' | b'\r' => LINE,
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            ..0x80 => MARK,
            0x80..=0xbf => REST,
            0xe3..=0xed | 0xef => HAN,
            _ => OTHER,
        };
        byte += 1;
    }
    kinds
};

/// What a character adds behind another, in thousandths of a token: a row for the one before, a column for this one.
#[rustfmt::skip]
const ADDS: [[u16; KINDS]; KINDS] = [
    //         blank line lower upper digit mark han other
    /* blank */ [ 40, 350, 950, 950, 800,  800, 800, 600],
    /* line  */ [500, 100, 950, 950, 800,  750, 800, 600],
    /* lower */ [  0, 350,  35, 700, 800,  750, 800, 200],
    /* upper */ [  0, 350,  30, 300, 800,  750, 800, 600],
    /* digit */ [  0, 350, 950, 950, 350,  750, 800, 600],
    /* mark  */ [  0, 250, 750, 950, 800,  350, 300, 600],
    /* han   */ [  0, 350, 950, 950, 800, 1000, 800, 600],
    /* other */ [  0, 350, 950, 950, 800,  750, 800, 600],
];

/// Letters beyond so many are no word that a tokenizer knows: each adds this.
const LONGEST_WORD: u64 = 16;
const BEYOND: u64 = 200;

/// Counts the tokens of a text that comes in pieces, written as in a JSON string: `\n` is a new line, `\u4f60` is 你.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    thousandths: u64,
    before: u8,
    /// Letters of the word so far.
    letters: u64,
    escape: Escape,
}

/// How much of an escape has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    /// So many digits of `\uXXXX` are still to come.
    Digits(u8),
}

impl Counter {
    pub fn push(&mut self, mut text: &[u8]) {
        while let Some((&byte, rest)) = text.split_first() {
            text = rest;
            match self.escape {
                Escape::None if byte == b'\\' => self.escape = Escape::Begun,
                Escape::None => {
                    let kind = KIND[usize::from(byte)];
                    self.add(kind);
                    if kind == LOWER {
                        // Most of most texts: the rest of a word at once.
                        let length = text.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
                        self.add_lower(length);
                        text = &text[length..];
                    }
                }
                _ => self.escaped(byte),
            }
        }
    }

    fn add_lower(&mut self, length: usize) {
        let length = length as u64;
        let beyond = (self.letters + length).saturating_sub(LONGEST_WORD.max(self.letters));
        self.thousandths += length * u64::from(ADDS[usize::from(LOWER)][usize::from(LOWER)]) + beyond * BEYOND;
        self.letters += length;
    }

    fn escaped(&mut self, byte: u8) {
        self.escape = match (self.escape, byte) {
            (Escape::Begun, b'u') => Escape::Digits(4),
            (Escape::Begun, b'n' | b'r' | b't') => {
                self.add(LINE);
                Escape::None
            }
            (Escape::Digits(left), _) => {
                if left == 4 {
                    // From U+3000 to U+DFFF most are; the halves of rarer characters count like two others.
                    self.add(if matches!(byte, b'3'..=b'9' | b'a'..=b'c' | b'A'..=b'C') {
                        HAN
                    } else {
                        OTHER
                    });
                }
                if left > 1 {
                    Escape::Digits(left - 1)
                } else {
                    Escape::None
                }
            }
            _ => {
                self.add(MARK);
                Escape::None
            }
        };
    }

    fn add(&mut self, kind: u8) {
        if kind == REST {
            return;
        }
        self.thousandths += u64::from(ADDS[usize::from(self.before)][usize::from(kind)]);
        self.before = kind;
        self.letters = if matches!(kind, LOWER | UPPER) {
            self.letters + 1
        } else {
            0
        };
        if self.letters > LONGEST_WORD {
            self.thousandths += BEYOND;
        }
    }

    /// To the nearest; what was said at all is one.
    pub fn tokens(&self) -> u64 {
        match self.thousandths {
            0 => 0,
            said => ((said + 500) / 1_000).max(1),
        }
    }
}

/// Tokens of a text.
pub fn text(bytes: &[u8]) -> u64 {
    let mut counter = Counter::default();
    counter.push(bytes);
    counter.tokens()
}

/// Four ASCII bytes, or two of other characters, are a token: more than nearly any tokenizer finds.
fn by_bytes(bytes: &[u8]) -> u64 {
    // In pieces of which the count fits a byte: sixteen are counted at once then.
    let others = |piece: &[u8]| piece.iter().map(|byte| byte >> 7).sum::<u8>();
    let other: usize = bytes.chunks(255).map(|piece| usize::from(others(piece))).sum();
    let ascii = bytes.len() - other;
    (ascii.div_ceil(4) + other.div_ceil(2)) as u64
}

/// Of a longer piece, the rest is counted by its bytes: the thread that counts serves others too.
const CLOSELY: usize = 256 * 1024;

/// Tokens of a request's body: about, and at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfRequest {
    pub about: u64,
    pub bound: u64,
}

/// Counts the body of a request, JSON's marks and all.
pub fn request(body: &[u8]) -> OfRequest {
    let mut total = OfRequest { about: 0, bound: 0 };
    for (attachments, piece) in texts(body).enumerate() {
        let (closely, rest) = piece.split_at(piece.len().min(CLOSELY));
        let about = text(closely) + by_bytes(rest);
        let attached = if attachments > 0 { ATTACHMENT } else { 0 };
        total.about += about + attached;
        total.bound += about.max(by_bytes(piece)) + attached;
    }
    total
}

/// What stands before, between and behind the attachments of a request's body: one piece more than there are attachments.
pub fn texts(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(body);
    let mut looks = LOOKS;
    std::iter::from_fn(move || {
        let body = rest?;
        let (text, after) = match next_attachment(body, &mut looks) {
            Some((text, after)) => (text, Some(after)),
            None => (body, None),
        };
        rest = after;
        Some(text)
    })
}

/// The text before the next attachment, and what follows it. `data:…;base64,…` is OpenAI's writing, `"data":"…"` Anthropic's and
/// that of OpenAI's audio and files.
fn next_attachment<'a>(body: &'a [u8], looks: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
    let mut from = 0;
    while *looks > 0 {
        let found = memmem::find(&body[from..], b"base64")? + from;
        // The base64 text itself: the longest run within a string of the next few.
        let window = &body[found..];
        let start = found + run_start(window)?;
        let length = body[start..].iter().take_while(|byte| is_base64(**byte)).count();
        if length >= SHORTEST_ATTACHMENT {
            return Some((&body[..start], &body[start + length..]));
        }
        *looks -= 1;
        from = found + 6;
    }
    None
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

    /// Texts, and what o200k_base finds in them.
    const KNOWN: [(&str, u64); 6] = [
        ("", 0),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("def add(left, right):\n    return left + right\n", 13),
        ("{\"role\": \"user\", \"content\": \"2026-11-21\"}", 17),
        ("你好，今天的天气怎么样？我们去公园散步吧。", 14),
        (
            "We hold these truths to be self-evident, that all men are created equal.",
            15,
        ),
    ];

    #[test]
    fn texts_are_about_as_long_as_a_tokenizer_says() {
        for (said, tokens) in KNOWN {
            let counted = text(said.as_bytes());
            assert!(
                counted.abs_diff(tokens) <= 1 + tokens / 4,
                "{counted} of {tokens}: {said}"
            );
        }
    }

    #[test]
    fn pieces_count_as_the_whole_and_escapes_as_what_they_stand_for() {
        for (said, _) in KNOWN {
            let mut counter = Counter::default();
            for byte in said.as_bytes() {
                counter.push(&[*byte]);
            }
            assert_eq!(counter.tokens(), text(said.as_bytes()), "{said}");
        }
        assert_eq!(text(br"\u4f60\u597D"), text("你好".as_bytes()));
        assert_eq!(text(br"one\ntwo"), text(b"one\ntwo"));
    }

    #[test]
    fn the_bound_is_never_below() {
        for (said, tokens) in KNOWN {
            let counted = request(said.as_bytes());
            assert!(
                counted.bound >= counted.about && counted.bound + 3 >= tokens,
                "{counted:?} of {tokens}: {said}"
            );
        }
    }

    #[test]
    fn an_attachment_counts_as_one_whatever_its_size() {
        let small = "A".repeat(300);
        let large = "A".repeat(3_000_000);
        let openai = |data: &str| format!(r#"{{"url":"data:image/png;base64,{data}"}} {{"x":1}}"#);
        let anthropic = |data: &str| format!(r#"{{"type":"base64","media_type":"image/png","data":"{data}"}}"#);
        for body in [openai(&small), openai(&large), anthropic(&small), anthropic(&large)] {
            let tokens = request(body.as_bytes()).bound;
            assert!((ATTACHMENT..ATTACHMENT + 40).contains(&tokens), "{tokens}");
        }
        let both = openai(&small) + &anthropic(&large);
        assert!((2 * ATTACHMENT..2 * ATTACHMENT + 80).contains(&request(both.as_bytes()).bound));
    }

    #[test]
    fn the_word_is_looked_behind_so_often_and_no_more() {
        let picture = format!("data:image/png;base64,{}", "A".repeat(1_000));
        let body = |words: usize| format!("{} {picture}", "base64 ".repeat(words));
        let attachments = |words| texts(body(words).as_bytes()).count() - 1;
        assert_eq!((attachments(LOOKS - 1), attachments(LOOKS)), (1, 0));
    }

    #[test]
    fn a_text_about_base64_is_a_text() {
        let body = "base64 is an encoding; base64,AAAA is short, and so is \"base64\":\"x\" ".repeat(1_000);
        assert_eq!(request(body.as_bytes()).about, text(body.as_bytes()));
    }
}
