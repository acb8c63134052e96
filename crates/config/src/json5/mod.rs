//! JSON5 (<https://spec.json5.org>), with the place of everything, and edits that keep comments.
//!
//! A parser of our own, because the ones on the shelf yield values only: messages need lines and columns, an unknown
//! key must be pointed at, and the file of a person must keep its comments when a program changes one value in it.

mod edit;
mod error;
mod node;
mod number;
mod parser;
mod patch;
mod render;
mod string;

pub use edit::{EditError, remove, set};
pub use error::{SyntaxError, place, utf8};
pub use node::{Member, Node, Span, Value};
pub use parser::parse;
pub use patch::patch;

/// Line and column, from 1, of a byte of the text.
pub fn place_of(text: &str, offset: usize) -> (usize, usize) {
    let place = place(text, offset);
    (place.line, place.column)
}
