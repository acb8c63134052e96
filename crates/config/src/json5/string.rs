//! Strings and names.

use super::parser::{Parser, is_line_end};
use super::{Span, SyntaxError};

impl Parser<'_> {
    /// A quoted string; the quote is the next character.
    pub(super) fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.pos;
        let Some(quote) = self.bump() else {
            return Err(self.error("a string was expected here"));
        };
        let mut out = String::new();
        loop {
            let at = self.pos;
            match self.bump() {
                None | Some('\n' | '\r') => {
                    return Err(self.error_at(
                        start,
                        format!("this string is never closed; end it with {quote} on the same line"),
                    ));
                }
                Some('\\') => self.escape(at, &mut out)?,
                Some(c) if c == quote => return Ok(out),
                Some(c) => out.push(c),
            }
        }
    }

    /// What follows a backslash at `at`.
    fn escape(&mut self, at: usize, out: &mut String) -> Result<(), SyntaxError> {
        let Some(c) = self.bump() else {
            return Err(self.error_at(at, "the text ends after this backslash"));
        };
        match c {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            '0' if !self.peek().is_some_and(|next| next.is_ascii_digit()) => out.push('\0'),
            '0'..='9' => {
                return Err(self.error_at(
                    at,
                    "octal escapes are not allowed; write \\x followed by two hex digits",
                ));
            }
            'x' => {
                let code = self.hex(at, 2)?;
                out.extend(char::from_u32(code));
            }
            'u' => out.push(self.unicode(at)?),
            '\r' => {
                if self.peek() == Some('\n') {
                    self.bump();
                }
            }
            c if is_line_end(c) => {}
            other => out.push(other),
        }
        Ok(())
    }

    /// Four hex digits, twice for a character beyond the first 65,536.
    fn unicode(&mut self, at: usize) -> Result<char, SyntaxError> {
        let high = self.hex(at, 4)?;
        let code = match high {
            0xD800..=0xDBFF if self.rest().starts_with("\\u") => {
                self.pos += 2;
                match self.hex(at, 4)? {
                    low @ 0xDC00..=0xDFFF => 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00),
                    _ => high,
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| {
            self.error_at(
                at,
                format!("\\u{code:04x} is half of a character; both halves are needed"),
            )
        })
    }

    fn hex(&mut self, at: usize, digits: usize) -> Result<u32, SyntaxError> {
        let mut code = 0;
        for _ in 0..digits {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                let kind = if digits == 2 { 'x' } else { 'u' };
                return Err(self.error_at(at, format!("\\{kind} must be followed by {digits} hex digits")));
            };
            self.bump();
            code = code * 16 + digit;
        }
        Ok(code)
    }

    /// The name of a member, quoted or not, and where it stands.
    pub(super) fn key(&mut self) -> Result<(String, Span), SyntaxError> {
        let start = self.pos;
        let key = match self.peek() {
            Some('"' | '\'') => self.string()?,
            Some(c) if is_name_start(c) || c == '\\' => self.name()?,
            Some(c) if c.is_ascii_digit() => {
                return Err(self.error("a name cannot begin with a digit unless it is quoted"));
            }
            _ => return Err(self.unexpected("a name or '}'")),
        };
        Ok((key, Span { start, end: self.pos }))
    }

    /// An ECMAScript 5.1 IdentifierName, escapes resolved.
    fn name(&mut self) -> Result<String, SyntaxError> {
        let mut name = String::new();
        loop {
            let at = self.pos;
            let c = match self.peek() {
                Some('\\') => {
                    self.bump();
                    if self.bump() != Some('u') {
                        return Err(self.error_at(at, "only \\u escapes are allowed in a name without quotes"));
                    }
                    self.unicode(at)?
                }
                Some(c) if is_name_part(c) => {
                    self.bump();
                    c
                }
                _ => return Ok(name),
            };
            let fits = if name.is_empty() {
                is_name_start(c)
            } else {
                is_name_part(c)
            };
            if !fits {
                return Err(self.error_at(
                    at,
                    format!("{c:?} cannot be in a name without quotes here; quote the name"),
                ));
            }
            name.push(c);
        }
    }
}

/// ES5.1 asks for the categories Lu, Ll, Lt, Lm, Lo, Nl. `Alphabetic` has all of them and a few signs more, which saves
/// a table of Unicode categories.
pub(super) fn is_name_start(c: char) -> bool {
    c == '$' || c == '_' || c.is_alphabetic()
}

/// Also Mn, Mc, Nd and Pc (the blocks of combining marks, digits, connectors), and the zero-width joiners.
pub(super) fn is_name_part(c: char) -> bool {
    is_name_start(c)
        || c.is_numeric()
        || matches!(c,
            '\u{200C}' | '\u{200D}' | '\u{203F}' | '\u{2040}' | '\u{2054}' | '\u{FE33}' | '\u{FE34}' | '\u{FE4D}'..='\u{FE4F}'
            | '\u{FF3F}' | '\u{300}'..='\u{36F}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5BD}' | '\u{610}'..='\u{61A}'
            | '\u{64B}'..='\u{669}' | '\u{93C}' | '\u{94D}' | '\u{1AB0}'..='\u{1ABD}' | '\u{1DC0}'..='\u{1DFF}'
            | '\u{20D0}'..='\u{20DC}' | '\u{20E1}' | '\u{3099}' | '\u{309A}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}')
}
