//! Tokens before a call, to reserve: about, and at most. Quick, because every call waits for it. (What a call took is told by its provider, or
//! counted by a tokenizer: see `tokens`.)
//!
//! [`text`] goes through a text by pairs of characters: what a character adds depends on the one before it. A word begins with nearly a
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
#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    Blank,
    Line,
    Lower,
    Upper,
    Digit,
    Mark,
    /// Chinese, Japanese, Korean.
    Han,
    /// Of any other script.
    Other,
}

/// The kind of a character, by its first byte in UTF-8.
const KIND: [Kind; 256] = {
    let mut kinds = [Kind::Mark; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b' ' | b'\t' => Kind::Blank,
            b'\n' | b'\r' => Kind::Line,
            b'a'..=b'z' => Kind::Lower,
            b'A'..=b'Z' => Kind::Upper,
            b'0'..=b'9' => Kind::Digit,
            ..0x80 => Kind::Mark,
            0xe3..=0xed | 0xef => Kind::Han,
            _ => Kind::Other,
        };
        byte += 1;
    }
    kinds
};

/// What a character adds behind another, in thousandths of a token: a row for the one before, a column for this one.
#[rustfmt::skip]
const ADDS: [[u64; 8]; 8] = [
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
const LONGEST_WORD: usize = 16;
const BEYOND: u64 = 200;

/// Tokens of a text, written as in a JSON string: `\n` is a new line, `\u4f60` is 你. To the nearest; what says anything at all is one.
pub fn text(mut text: &[u8]) -> u64 {
    let mut thousandths = 0;
    let mut before = Kind::Blank;
    loop {
        let plain = memchr::memchr(b'\\', text).unwrap_or(text.len());
        let (plain, escape) = text.split_at(plain);
        thousandths += pairs(plain, &mut before) + beyond(plain) * BEYOND;
        let (kind, length) = match escape {
            [] | [_] | [_, b'u'] => break,
            // From U+3000 to U+DFFF most are; the halves of rarer characters count like two others.
            [_, b'u', b'3'..=b'9' | b'a'..=b'c' | b'A'..=b'C', ..] => (Kind::Han, 6),
            [_, b'u', ..] => (Kind::Other, 6),
            [_, b'n' | b'r' | b't', ..] => (Kind::Line, 2),
            _ => (Kind::Mark, 2),
        };
        thousandths += ADDS[before as usize][kind as usize];
        before = kind;
        text = escape.get(length..).unwrap_or_default();
    }
    match thousandths {
        0 => 0,
        said => ((said + 500) / 1_000).max(1),
    }
}

/// What the characters of a text without escapes add, each behind the one before it.
fn pairs(plain: &[u8], before: &mut Kind) -> u64 {
    let mut sum = 0;
    let mut last = *before;
    let mut add = |byte: &u8| {
        let kind = KIND[usize::from(*byte)];
        sum += ADDS[last as usize][kind as usize];
        last = kind;
    };
    // Every call waits for this, and most texts are ASCII for long stretches: there is nothing to be asked of their bytes.
    for stretch in plain.chunks(64) {
        if stretch.is_ascii() {
            stretch.iter().for_each(&mut add);
        } else {
            // What follows the first byte of a character adds nothing.
            let first = |byte: &&u8| !matches!(**byte, 0x80..=0xbf);
            stretch.iter().filter(first).for_each(&mut add);
        }
    }
    *before = last;
    sum
}

/// Letters beyond [`LONGEST_WORD`] of all words. Only so many in a row need a closer look: from the last of them back, the first that is no letter
/// says where the next could begin.
fn beyond(plain: &[u8]) -> u64 {
    let mut beyond = 0;
    let mut begin = 0;
    while let Some(row) = plain.get(begin..=begin + LONGEST_WORD) {
        if let Some(at) = row.iter().rposition(|byte| !byte.is_ascii_alphabetic()) {
            begin += at + 1;
            continue;
        }
        begin += LONGEST_WORD;
        let letters = plain[begin..].iter().take_while(|byte| byte.is_ascii_alphabetic());
        let letters = letters.count();
        beyond += letters as u64;
        begin += letters;
    }
    beyond
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
    fn escapes_count_as_what_they_stand_for() {
        assert_eq!(text(br"\u4f60\u597D"), text("你好".as_bytes()));
        assert_eq!(text(br"one\ntwo"), text(b"one\ntwo"));
    }

    /// What can be written, and what it is.
    const WRITTEN: [(&str, Kind); 15] = [
        (" ", Kind::Blank),
        ("\n", Kind::Line),
        ("a", Kind::Lower),
        ("z", Kind::Lower),
        ("Z", Kind::Upper),
        ("7", Kind::Digit),
        ("{", Kind::Mark),
        ("你", Kind::Han),
        ("é", Kind::Other),
        ("😀", Kind::Other),
        (r"\n", Kind::Line),
        (r#"\""#, Kind::Mark),
        (r"\\", Kind::Mark),
        (r"\u4f60", Kind::Han),
        (r"\u00e9", Kind::Other),
    ];

    #[test]
    fn long_stretches_count_as_their_characters_one_by_one() {
        let mut chance = 7_u64;
        let mut below = |bound: usize| {
            // Knuth's generator, https://en.wikipedia.org/wiki/Linear_congruential_generator
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (chance >> 33) as usize % bound
        };
        for _ in 0..2_000 {
            let (mut said, mut letters, mut before, mut thousandths) = (String::new(), 0, Kind::Blank, 0);
            for _ in 0..below(60) {
                let (written, kind) = WRITTEN[below(WRITTEN.len())];
                let times = [1, 1, 3, 15, 16, 17, 18, 70][below(8)];
                for _ in 0..times {
                    said.push_str(written);
                    thousandths += ADDS[before as usize][kind as usize];
                    before = kind;
                    let is_letter = matches!(kind, Kind::Lower | Kind::Upper);
                    letters = if is_letter { letters + 1 } else { 0 };
                    thousandths += if letters > LONGEST_WORD { BEYOND } else { 0 };
                }
            }
            let tokens = (thousandths + 500) / 1_000;
            assert_eq!(text(said.as_bytes()), tokens.max(u64::from(thousandths > 0)), "{said}");
        }
    }

    #[test]
    fn half_an_escape_is_no_more_than_was_said() {
        for half in [r"word\", r"word\u"] {
            assert_eq!(text(half.as_bytes()), text(b"word"), "{half}");
        }
        assert_eq!(text(br"word\u4f"), text("word你".as_bytes()));
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
