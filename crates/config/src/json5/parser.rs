//! The grammar: white space, comments, values, lists and objects.

use super::string::is_name_start;
use super::{Member, Node, Span, SyntaxError, Value};

/// How deep lists and objects may be nested: enough for any configuration, and far from the end of the stack.
const MAX_DEPTH: usize = 128;

/// Parses a JSON5 text.
///
/// # Errors
/// The first place where the text is not JSON5, in words for a person.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser { text, pos: 0, depth: 0 };
    parser.trivia()?;
    if parser.peek().is_none() {
        return Err(parser.error("the text is empty; the smallest one is {}"));
    }
    let node = parser.value()?;
    parser.trivia()?;
    match parser.peek() {
        None => Ok(node),
        Some(c @ ('}' | ']')) => Err(parser.error(format!("this {c:?} closes nothing"))),
        Some(_) => Err(parser.unexpected("the end of the text")),
    }
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    /// In bytes, always between two characters.
    pub(super) pos: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn at(text: &'a str, pos: usize) -> Self {
        Self { text, pos, depth: 0 }
    }

    fn value(&mut self) -> Result<Node, SyntaxError> {
        let start = self.pos;
        let value = match self.peek() {
            Some('{') => self.nested(Self::object)?,
            Some('[') => self.nested(Self::array)?,
            Some('"' | '\'') => Value::String(self.string()?),
            Some('+' | '-' | '.' | '0'..='9') => self.number()?,
            Some(c) if is_name_start(c) => self.literal()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node {
            value,
            span: Span { start, end: self.pos },
        })
    }

    fn literal(&mut self) -> Result<Value, SyntaxError> {
        let start = self.pos;
        let word = self.word(start);
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            "Infinity" | "NaN" => return self.number(),
            _ => {
                let hint = match word.to_ascii_lowercase().as_str() {
                    "true" => "write true".to_owned(),
                    "false" => "write false".to_owned(),
                    "null" | "none" | "nil" | "undefined" => "write null".to_owned(),
                    _ => format!("a text needs quotes: \"{word}\""),
                };
                return Err(self.error(format!("`{word}` is no value; {hint}")));
            }
        };
        self.pos += word.len();
        Ok(value)
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, SyntaxError>) -> Result<Value, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, SyntaxError> {
        let open = self.pos;
        let mut members = Vec::new();
        self.bump();
        loop {
            self.trivia_in(open)?;
            if self.eat("}") {
                return Ok(Value::Object(members));
            }
            let (key, key_span) = self.key()?;
            self.trivia_in(open)?;
            if !self.eat(":") {
                return Err(self.unexpected(&format!("':' after the name {key:?}")));
            }
            self.trivia_in(open)?;
            let value = self.value()?;
            members.push(Member { key, key_span, value });
            self.trivia_in(open)?;
            if !self.eat(",") && self.peek() != Some('}') {
                return Err(self.unexpected("',' or '}'"));
            }
        }
    }

    fn array(&mut self) -> Result<Value, SyntaxError> {
        let open = self.pos;
        let mut items = Vec::new();
        self.bump();
        loop {
            self.trivia_in(open)?;
            if self.eat("]") {
                return Ok(Value::Array(items));
            }
            items.push(self.value()?);
            self.trivia_in(open)?;
            if !self.eat(",") && self.peek() != Some(']') {
                return Err(self.unexpected("',' or ']'"));
            }
        }
    }

    /// White space and comments inside what was opened at `open`: the text must go on after them.
    fn trivia_in(&mut self, open: usize) -> Result<(), SyntaxError> {
        self.trivia()?;
        if self.peek().is_none() {
            let bracket = &self.text[open..=open];
            return Err(self.error_at(open, format!("this '{bracket}' is never closed")));
        }
        Ok(())
    }

    /// White space and comments.
    pub(super) fn trivia(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.peek() {
                Some(c) if is_space(c) => {
                    self.bump();
                }
                Some('/') => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    /// A comment, without the line break that ends one of `//`.
    pub(super) fn comment(&mut self) -> Result<(), SyntaxError> {
        let rest = self.rest();
        if rest.starts_with("//") {
            self.pos += rest.find(is_line_end).unwrap_or(rest.len());
        } else if let Some(inside) = rest.strip_prefix("/*") {
            let Some(len) = inside.find("*/") else {
                return Err(self.error("this comment is never closed; end it with */"));
            };
            self.pos += len + 4;
        } else {
            return Err(self.error("a '/' alone means nothing here; comments begin with // or /*"));
        }
        Ok(())
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.pos..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.pos += token.len();
        }
        found
    }

    /// The run of characters at `start` that a person would take for one word.
    pub(super) fn word(&self, start: usize) -> &'a str {
        let rest = &self.text[start..];
        let ends = |c: char| is_space(c) || ",:{}[]\"'/".contains(c);
        &rest[..rest.find(ends).unwrap_or(rest.len())]
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        self.error_at(self.pos, message)
    }

    pub(super) fn error_at(&self, offset: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.text, offset, message)
    }

    /// Something else stands where `expected` should: says what, with a hint for the usual slips.
    pub(super) fn unexpected(&self, expected: &str) -> SyntaxError {
        let found = match self.peek() {
            None => "the text ends here".to_owned(),
            Some(c) => match slip(c) {
                Some(hint) => format!("found {c:?}; {hint}"),
                None if is_name_start(c) || c.is_ascii_digit() => {
                    format!("found `{}`", self.word(self.pos).chars().take(40).collect::<String>())
                }
                None => format!("found {c:?}"),
            },
        };
        self.error(format!("expected {expected}, {found}"))
    }
}

/// What a person who typed this character probably meant.
fn slip(c: char) -> Option<&'static str> {
    Some(match c {
        '“' | '”' | '„' | '＂' | '«' | '»' => "use the plain quotation mark \"",
        '‘' | '’' | '＇' | '`' => "use the plain quotation mark '",
        '，' | '、' => "use the plain comma ,",
        '：' => "use the plain colon :",
        '｛' | '｝' | '［' | '］' => "use plain brackets",
        '=' => "name and value are separated by a colon :",
        ';' => "members are separated by a comma ,",
        '#' => "comments begin with //",
        _ => return None,
    })
}

pub(super) fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// JSON5 5.1: the white space of ECMAScript 5.1 and the category Zs.
pub(super) fn is_space(c: char) -> bool {
    is_line_end(c)
        || matches!(
            c,
            '\t' | '\u{b}' | '\u{c}' | ' ' | '\u{a0}' | '\u{feff}' | '\u{1680}' | '\u{2000}'
                ..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
        )
}
