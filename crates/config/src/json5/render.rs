//! Writing new values in the manner of the text they go into.

use super::Node;

/// The manner of a text.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// One step of indentation.
    pub indent: String,
    pub one_line: bool,
    quote: Option<char>,
}

impl Style {
    /// Taken from the first member of the first object: its quotes, and how far it is indented.
    pub fn of(text: &str, root: &Node) -> Self {
        let Some(first) = root.members().first() else {
            let indent = "  ".to_owned();
            return Self {
                indent,
                one_line: false,
                quote: Some('"'),
            };
        };
        let before = &text[root.span.start..first.key_span.start];
        let one_line = !before.contains(['\n', '\r']);
        let last_line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        let is_indent = !one_line && !last_line.is_empty() && last_line.chars().all(|c| c == ' ' || c == '\t');
        let indent = if is_indent { last_line } else { "  " };
        let quote = text[first.key_span.start..]
            .chars()
            .next()
            .filter(|c| *c == '"' || *c == '\'');
        Self {
            indent: indent.to_owned(),
            one_line,
            quote,
        }
    }

    pub fn on_one_line(&self) -> Self {
        Self {
            one_line: true,
            ..self.clone()
        }
    }

    /// A member's name, quoted as the others are, or as it must be.
    pub fn key(&self, key: &str) -> String {
        let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
        match self.quote {
            None if plain => key.to_owned(),
            Some('\'') if plain => format!("'{key}'"),
            _ => serde_json::Value::from(key).to_string(),
        }
    }
}

/// A value whose first line is already indented by `indent`.
pub(super) fn render(value: &serde_json::Value, style: &Style, indent: &str) -> String {
    use serde_json::Value as Json;
    let inner = format!("{indent}{}", style.indent);
    let (open, items, close): (_, Vec<String>, _) = match value {
        Json::Object(map) if !map.is_empty() => {
            let member =
                |(key, value): (&String, &Json)| format!("{}: {}", style.key(key), render(value, style, &inner));
            ('{', map.iter().map(member).collect(), '}')
        }
        Json::Array(list) if !list.is_empty() => {
            ('[', list.iter().map(|item| render(item, style, &inner)).collect(), ']')
        }
        plain => return plain.to_string(),
    };
    let flat = value
        .as_array()
        .is_some_and(|list| list.iter().all(|item| !item.is_object() && !item.is_array()));
    if style.one_line || flat {
        let (before, after) = if open == '{' { ("{ ", " }") } else { ("[", "]") };
        return format!("{before}{}{after}", items.join(", "));
    }
    format!("{open}\n{inner}{}\n{indent}{close}", items.join(&format!(",\n{inner}")))
}
