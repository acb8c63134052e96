//! A tokenizer: o200k_base, OpenAI's newest public one, for every model whose provider does not say what a call took. Others cut texts differently;
//! why one stands for all, and how far off it is, is in docs/decisions.
//!
//! - `split` cuts a text into pieces, `merge` each piece into tokens, by the table of `ranks`.
//! - [`Prompt`] and [`Reply`] hold what is to be counted, for as long as nobody else has, and know what of it is text.
//! - The [`Clerk`] counts, aside from the threads that serve calls.

mod clerk;
mod json;
mod layout;
mod merge;
mod prompt;
mod ranks;
mod reply;
mod split;

pub use clerk::{Clerk, Uncounted};
pub use prompt::Prompt;
pub use reply::Reply;

#[cfg(test)]
mod tests {
    fn count(text: &str) -> u64 {
        let mut count = super::json::Sum::default();
        count.text(text);
        count.tokens
    }

    /// Texts in which the pieces are hard to find.
    const HARD: [&str; 24] = [
        "",
        "The quick brown fox doesn't jump. IT'S DON'T we'Ll I'D 'tis 'S",
        "HTTPServer parseJSONDocument aBC ABc Éa ÉÉ ǅa ǅ",
        "  two  blanks\n\n\n   lines \r\n\t tabs\t\t\nend   ",
        "   ",
        "\n",
        " \n \n x",
        "123456789 1 12 123 ²³ Ⅻ ١٢٣٤",
        "a1b2c3 x=1;y=22;//comment/// \n//\r\n!!!\n\n???",
        "你好，今天的天气怎么样？我们去公园散步吧。",
        "日本語のテキスト、カタカナ、ひらがな。한국어 텍스트입니다.",
        "Привет, мир! ЭТО Тест.",
        "مرحبا بالعالم नमस्ते दुनिया สวัสดีชาวโลก",
        "🦞🦞 👩‍👩‍👧‍👦 é e\u{301} \u{301}a \u{301}A \u{301} \u{301}\u{301}B",
        "ʰa Aʰ Aʰb AʰB ªº",
        "{\"role\": \"user\", \"content\": [{\"type\":\"text\"}]}",
        "fn main() {\n    println!(\"{}\", 1_000);\n}\n",
        "\u{a0}\u{a0}x \u{2003}y\u{2028}z",
        "https://example.com/a/b?c=d#e //x",
        "aAaAaA AAAA aaaa AaAa AAAa aaaA",
        "'",
        "''s",
        "x'",
        "\u{0}\u{7f}\u{80}",
    ];

    fn reference(text: &str) -> u64 {
        tiktoken::get_encoding("o200k_base").unwrap().count(text) as u64
    }

    #[test]
    fn texts_have_as_many_tokens_as_the_reference_says() {
        for text in HARD {
            assert_eq!(count(text), reference(text), "{text:?}");
        }
        let own = concat!(include_str!("split.rs"), include_str!("../../../../README.zh.md"));
        assert_eq!(count(own), reference(own));
    }

    /// Characters of all those kinds, by chance.
    #[test]
    fn whatever_follows_whatever() {
        let alphabet: Vec<char> = HARD.concat().chars().collect();
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            alphabet[(state >> 33) as usize % alphabet.len()]
        };
        for length in 1..400 {
            let text: String = (0..length).map(|_| next()).collect();
            assert_eq!(count(&text), reference(&text), "{text:?}");
        }
    }

    #[test]
    fn a_piece_without_end_takes_no_time_without_end() {
        assert_eq!(count(&"a".repeat(1 << 20)), reference(&"a".repeat(1 << 20)));
    }
}
