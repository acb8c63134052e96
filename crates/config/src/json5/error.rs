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

/// The text of a file.
///
/// # Errors
/// Where it stops being UTF-8. Another encoding is a mistake that editors make without a word.
pub fn utf8(bytes: Vec<u8>) -> Result<String, SyntaxError> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let before = String::from_utf8_lossy(&bytes[..at]);
        let message = format!("the byte 0x{:02X} is no UTF-8; save the file as UTF-8", bytes[at]);
        SyntaxError::new(&before, at, message)
    })
}

/// The line and column of a byte offset. Lines end where JSON5 says they do: LF, CR, CR LF, U+2028, U+2029.
pub fn place(text: &str, offset: usize) -> Place {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_another_encoding_are_told_by_their_place() {
        // Latin-1; the first half of a character; UTF-16 as Windows begins it.
        for (bytes, told) in [
            (&b"{\n  // caf\xE9\n}"[..], "2:9: the byte 0xE9 is no UTF-8"),
            (
                "{ // 你".as_bytes().split_last().unwrap().1,
                "1:6: the byte 0xE4 is no UTF-8",
            ),
            (b"\xFF\xFE{\0}\0", "1:1: the byte 0xFF is no UTF-8"),
        ] {
            let error = utf8(bytes.to_vec()).unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
        assert_eq!(utf8("{a: '你'}".into()).unwrap(), "{a: '你'}");
    }
}
