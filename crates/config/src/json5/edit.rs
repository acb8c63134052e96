//! Changing one value in a text and nothing else.

use super::error::place;
use super::parser::{Parser, is_line_end, is_space};
use super::render::{Style, render};
use super::{Member, Node, SyntaxError, Value, parse};

/// Why a text was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Something on the way to the place is no object.
    #[error("{line}:{column}: `{path}` is {found}, not an object: it cannot hold `{key}`")]
    NotAnObject {
        line: usize,
        column: usize,
        path: String,
        found: &'static str,
        key: String,
    },
}

/// Sets the value at a path of member names, creating the objects on the way. Comments, order and formatting of
/// everything else stay as they are. A blank text becomes an object; an empty path replaces the whole value.
///
/// # Errors
/// The text is no JSON5, or the path leads through something that is no object.
pub fn set(text: &str, path: &[&str], value: &serde_json::Value) -> Result<String, EditError> {
    if text.trim().is_empty() {
        return set("{}\n", path, value);
    }
    let root = parse(text)?;
    let mut node = &root;
    for (depth, key) in path.iter().enumerate() {
        let Value::Object(members) = &node.value else {
            return Err(not_an_object(text, node, &path[..depth], key));
        };
        match node.member(key) {
            Some(member) => node = &member.value,
            None => {
                // Everything below does not exist yet either.
                let value = path[depth + 1..].iter().rev().fold(value.clone(), |value, key| {
                    serde_json::Map::from_iter([((*key).to_owned(), value)]).into()
                });
                let style = Style::of(text, &root);
                return Ok(insert(text, node, members, &style, key, &value));
            }
        }
    }
    let style = Style::of(text, &root);
    let indent = indent_of(text, node.span.start);
    Ok(splice(
        text,
        &[(node.span.start, node.span.end, render(value, &style, indent))],
    ))
}

/// Removes the member at a path, with its comma and the line it stood on. Removing what is not there changes nothing.
///
/// # Errors
/// The text is no JSON5.
pub fn remove(text: &str, path: &[&str]) -> Result<String, EditError> {
    let Some((key, parents)) = path.split_last() else {
        return Ok(text.to_owned());
    };
    let mut text = text.to_owned();
    // A name may occur more than once: removing only the last one would bring an earlier one back to life.
    loop {
        let root = parse(&text)?;
        let Some(parent) = root.get(parents) else {
            return Ok(text);
        };
        let members = parent.members();
        let Some(at) = members.iter().position(|member| member.key == *key) else {
            return Ok(text);
        };
        text = cut(&text, parent, members, at);
    }
}

fn not_an_object(text: &str, node: &Node, path: &[&str], key: &str) -> EditError {
    let place = place(text, node.span.start);
    let path = if path.is_empty() {
        "the whole text".to_owned()
    } else {
        path.join(".")
    };
    EditError::NotAnObject {
        line: place.line,
        column: place.column,
        path,
        found: node.kind(),
        key: key.to_owned(),
    }
}

/// Adds a member at the end of an object.
fn insert(
    text: &str,
    object: &Node,
    members: &[Member],
    style: &Style,
    key: &str,
    value: &serde_json::Value,
) -> String {
    let close = object.span.end - 1;
    let key = style.key(key);
    let Some(last) = members.last() else {
        return insert_first(text, object, style, &key, value);
    };
    let end = last.value.span.end;
    let tail = Tail::of(text, end, close);
    if spans_lines(&text[object.span.start..members[0].key_span.start]) {
        let indent = indent_of(text, last.key_span.start);
        let member = format!("\n{indent}{key}: {}", render(value, style, indent));
        let comma = if tail.comma.is_some() { ',' } else { ' ' };
        let mut edits = Vec::new();
        if tail.comma.is_none() {
            edits.push((end, end, ",".to_owned()));
        }
        let mut added = member;
        if comma == ',' {
            added.push(',');
        }
        if !tail.ends_line {
            // The closing bracket stood right behind the last value.
            added.push('\n');
            added.push_str(indent_of(text, object.span.start));
        }
        let to = if tail.ends_line { tail.end } else { close };
        edits.push((tail.end, to, added));
        return splice(text, &edits);
    }
    let style = style.on_one_line();
    let member = format!("{key}: {}", render(value, &style, ""));
    match tail.comma {
        Some(comma) => splice(text, &[(comma + 1, comma + 1, format!(" {member},"))]),
        None if tail.line_comment => splice(text, &[(end, end, format!(", {member}"))]),
        None => splice(text, &[(tail.end, tail.end, format!(", {member}"))]),
    }
}

/// Adds a member to an object that has none, though it may have comments.
fn insert_first(text: &str, object: &Node, style: &Style, key: &str, value: &serde_json::Value) -> String {
    let (open, close) = (object.span.start + 1, object.span.end - 1);
    let inside = text[open..close].trim_end_matches(is_space);
    if style.one_line && inside.is_empty() {
        let member = format!("{key}: {}", render(value, style, ""));
        return splice(text, &[(open, close, member)]);
    }
    let outer = indent_of(text, object.span.start);
    let indent = format!("{outer}{}", style.indent);
    let member = format!("\n{indent}{key}: {}\n{outer}", render(value, style, &indent));
    splice(text, &[(open + inside.len(), close, member)])
}

/// Cuts one member out of an object.
fn cut(text: &str, object: &Node, members: &[Member], at: usize) -> String {
    let close = object.span.end - 1;
    let member = &members[at];
    let next = members.get(at + 1);
    let tail = Tail::of(
        text,
        member.value.span.end,
        next.map_or(close, |next| next.key_span.start),
    );
    let start = member.key_span.start;
    let line = line_start(text, start);
    let mut edits = Vec::new();
    if next.is_none()
        && tail.comma.is_none()
        && let Some(before) = at.checked_sub(1).map(|before| &members[before])
        && let Some(comma) = Tail::of(text, before.value.span.end, start).comma
    {
        // The object had no comma at its end, and shall not have one now: the file may be plain JSON.
        edits.push((comma, comma + 1, String::new()));
    }
    let own_lines = line > object.span.start && text[line..start].chars().all(is_space) && tail.ends_line;
    if own_lines {
        let after = &text[tail.end..];
        let line_break = if after.starts_with("\r\n") {
            2
        } else {
            after.chars().next().map_or(0, char::len_utf8)
        };
        edits.push((line, tail.end + line_break, String::new()));
    } else if let Some(comma) = tail.comma {
        let rest = &text[comma + 1..];
        let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        edits.push((start, comma + 1 + spaces, String::new()));
    } else {
        let from = edits.first().map_or(start, |(comma, ..)| *comma);
        let kept_from = edits.pop().map_or(start, |(_, after, _)| after);
        // Comments between the comma and the member stay; the space before it goes with it.
        let kept = text[kept_from..start].trim_end_matches([' ', '\t']);
        edits.push((from, member.value.span.end, kept.to_owned()));
    }
    splice(text, &edits)
}

/// What follows a value on its line: a comma perhaps, and comments.
struct Tail {
    comma: Option<usize>,
    /// Behind the last thing on the line.
    end: usize,
    /// Whether the line ends there, before `limit`.
    ends_line: bool,
    line_comment: bool,
}

impl Tail {
    /// Looks from the end of a value up to `limit`: the next member, or the closing bracket. A comma is found on
    /// whatever line it is, comments only on the line of the value or of the comma.
    fn of(text: &str, value_end: usize, limit: usize) -> Self {
        let mut tail = Self {
            comma: None,
            end: value_end,
            ends_line: false,
            line_comment: false,
        };
        let mut parser = Parser::at(text, value_end);
        while parser.pos < limit {
            match parser.peek() {
                Some(',') => {
                    tail = Self {
                        comma: Some(parser.pos),
                        end: parser.pos + 1,
                        ends_line: false,
                        ..tail
                    };
                    parser.bump();
                }
                Some('/') => {
                    let start = parser.pos;
                    if parser.comment().is_err() {
                        break;
                    }
                    if !tail.ends_line {
                        tail.end = parser.pos;
                        tail.line_comment |= text[start..].starts_with("//");
                        // A comment over several lines ends the line, too: what follows it stands by itself.
                    }
                }
                Some(c) if is_line_end(c) => {
                    tail.ends_line = true;
                    parser.bump();
                }
                _ => {
                    parser.bump();
                }
            }
        }
        tail
    }
}

/// Replaces ranges, given in order, that do not overlap.
fn splice(text: &str, edits: &[(usize, usize, String)]) -> String {
    let mut out = String::with_capacity(text.len() + edits.iter().map(|(_, _, new)| new.len()).sum::<usize>());
    let mut done = 0;
    for (start, end, new) in edits {
        out.push_str(&text[done..*start]);
        out.push_str(new);
        done = *end;
    }
    out.push_str(&text[done..]);
    out
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset]
        .rfind(is_line_end)
        .map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8))
}

/// The white space that the line of this place begins with.
fn indent_of(text: &str, offset: usize) -> &str {
    let line = &text[line_start(text, offset)..offset];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

fn spans_lines(text: &str) -> bool {
    text.contains(is_line_end)
}
