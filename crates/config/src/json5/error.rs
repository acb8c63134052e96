//! Text that is no JSON5.

use crate::error::Place;

/// Where a text stops being JSON5, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct SyntaxError {
    /// Counts from 1.
    pub line: usize,
    /// Counts from 1, in characters.
    pub column: usize,
    pub message: String,
}

impl SyntaxError {
    pub(super) fn new(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let Place { line, column } = place(text, offset);
        Self {
            line,
            column,
            message: message.into(),
        }
    }
}

/// The line and column of a byte offset. Lines end where JSON5 says they do: LF, CR, CR LF, U+2028, U+2029.
pub(crate) fn place(text: &str, offset: usize) -> Place {
    let mut line = 1;
    let mut column = 1;
    let mut after_cr = false;
    for (at, c) in text.char_indices() {
        if at >= offset {
            break;
        }
        match c {
            '\n' if after_cr => {}
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => {
                line += 1;
                column = 1;
            }
            _ => column += 1,
        }
        after_cr = c == '\r';
    }
    Place { line, column }
}
