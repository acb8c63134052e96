//! Cuts a text into the pieces within which o200k_base merges: about words, with the blank before them. The rule is a regular expression
//! (`pat_str` in <https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py>); the functions here are its alternatives, in its
//! order, with the backtracking that it would do.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// What the expression wants to know of a character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `\p{Lu}`, `\p{Lt}`.
    Upper,
    /// `\p{Ll}`.
    Lower,
    /// `\p{Lm}`, `\p{Lo}`: neither, so both.
    Letter,
    /// `\p{M}`: like [`Kind::Letter`], but may also be what stands before a word.
    Accent,
    /// `\p{N}`
    Digit,
    /// `\r`, `\n`
    Line,
    /// `\s` but those.
    Blank,
    Other,
}

impl Kind {
    fn of(character: char) -> Self {
        match character {
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            '0'..='9' => Self::Digit,
            '\r' | '\n' => Self::Line,
            _ if character.is_whitespace() => Self::Blank,
            _ if character.is_ascii() => Self::Other,
            _ => match character.general_category() {
                GeneralCategory::UppercaseLetter | GeneralCategory::TitlecaseLetter => Self::Upper,
                GeneralCategory::LowercaseLetter => Self::Lower,
                GeneralCategory::ModifierLetter | GeneralCategory::OtherLetter => Self::Letter,
                GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark => {
                    Self::Accent
                }
                GeneralCategory::DecimalNumber | GeneralCategory::LetterNumber | GeneralCategory::OtherNumber => {
                    Self::Digit
                }
                _ => Self::Other,
            },
        }
    }

    fn is_letter(self) -> bool {
        matches!(self, Self::Upper | Self::Lower | Self::Letter)
    }

    /// Of the first part of a word.
    fn is_upperish(self) -> bool {
        matches!(self, Self::Upper | Self::Letter | Self::Accent)
    }

    /// Of the second part of a word.
    fn is_lowerish(self) -> bool {
        matches!(self, Self::Lower | Self::Letter | Self::Accent)
    }

    fn is_space(self) -> bool {
        matches!(self, Self::Line | Self::Blank)
    }

    /// `[^\s\p{L}\p{N}]`
    fn is_mark(self) -> bool {
        matches!(self, Self::Other | Self::Accent)
    }
}

/// The pieces of a text, in order; together they are the text.
pub fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let first = Kind::of(text.chars().next()?);
        let (piece, rest) = text.split_at(first_piece(text, first));
        text = rest;
        Some(piece)
    })
}

/// The length of the first piece. `first`: the kind of the first character.
fn first_piece(text: &str, first: Kind) -> usize {
    word(text, first)
        .or_else(|| digits(text, first))
        .or_else(|| marks(text))
        .unwrap_or_else(|| spaces(text))
}

/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`, or
/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`
fn word(text: &str, first: Kind) -> Option<usize> {
    let leads = !(first == Kind::Line || first == Kind::Digit || first.is_letter());
    let lead = leads.then(|| text.chars().next().map_or(0, char::len_utf8));
    let behind_lead = || lead.map(|lead| (lead, lower_word(&text[lead..])));
    let end = match behind_lead() {
        Some((lead, Some(length))) => lead + length,
        behind => match lower_word(text) {
            Some(length) => length,
            None => {
                let lead = behind.map_or(0, |(lead, _)| lead);
                upper_word(&text[lead..])
                    .map(|length| lead + length)
                    .or_else(|| upper_word(text))?
            }
        },
    };
    Some(end + contraction(&text[end..]))
}

/// A word that ends with a letter that may be a small one.
fn lower_word(text: &str) -> Option<usize> {
    let uppers = run(text, Kind::is_upperish);
    let lowers = run(&text[uppers..], Kind::is_lowerish);
    if lowers > 0 {
        return Some(uppers + lowers);
    }
    // The last of the first part that can be of the second is.
    let (at, last) = text[..uppers]
        .char_indices()
        .rfind(|(_, character)| Kind::of(*character).is_lowerish())?;
    Some(at + last.len_utf8())
}

/// A word of capitals.
fn upper_word(text: &str) -> Option<usize> {
    let uppers = run(text, Kind::is_upperish);
    (uppers > 0).then(|| uppers + run(&text[uppers..], Kind::is_lowerish))
}

fn contraction(text: &str) -> usize {
    let Some(rest) = text.strip_prefix('\'') else { return 0 };
    let ends = ["s", "t", "re", "ve", "m", "ll", "d"];
    let is = |end: &&&str| {
        rest.get(..end.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(end))
    };
    ends.iter().find(is).map_or(0, |end| 1 + end.len())
}

/// `\p{N}{1,3}`
fn digits(text: &str, first: Kind) -> Option<usize> {
    let three = text.char_indices().nth(3).map_or(text.len(), |(at, _)| at);
    (first == Kind::Digit).then(|| run(&text[..three], |kind| kind == Kind::Digit))
}

/// ` ?[^\s\p{L}\p{N}]+[\r\n/]*`
fn marks(text: &str) -> Option<usize> {
    let blank = usize::from(text.starts_with(' '));
    let marks = run(&text[blank..], Kind::is_mark);
    if marks == 0 {
        return None;
    }
    let end = blank + marks;
    let tail = text[end..].find(|character| !matches!(character, '\r' | '\n' | '/'));
    Some(tail.map_or(text.len(), |tail| end + tail))
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`
fn spaces(text: &str) -> usize {
    let spaces = run(text, Kind::is_space);
    if let Some(line) = text[..spaces].rfind(['\r', '\n']) {
        return line + 1;
    }
    // The last blank before a word belongs to that.
    match text[..spaces].char_indices().next_back() {
        Some((last, _)) if spaces < text.len() && last > 0 => last,
        _ => spaces,
    }
}

/// The bytes of the characters at the beginning that are of these kinds.
fn run(text: &str, of: impl Fn(Kind) -> bool) -> usize {
    let end = text.find(|character| !of(Kind::of(character)));
    end.unwrap_or(text.len())
}
