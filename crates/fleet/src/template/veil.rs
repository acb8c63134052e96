//! A configuration as others may see it: what a person wrote into it of secrets is replaced by a number, the same secret by the same one.
//!
//! Secret is every text below a member whose name says so, and any text that is good for a login by itself: a URL with a user or a token
//! in it. References (`${NAME}`) are none.

use creel_config::json5::{self, Node, Value};

/// Hides secrets of several texts.
#[derive(Debug, Default)]
pub struct Veil {
    seen: Vec<String>,
}

impl Veil {
    /// The text without its secrets. One that is no JSON5 is hidden as a whole.
    pub fn over(&mut self, text: &str) -> String {
        let Ok(root) = json5::parse(text) else {
            return "(no JSON5)\n".to_owned();
        };
        let mut hidden = Vec::new();
        self.find(&root, false, &mut hidden);
        let mut veiled = String::with_capacity(text.len());
        let mut done = 0;
        for (start, end, number) in hidden {
            veiled.push_str(&text[done..start]);
            veiled.push_str(&format!("\"(secret {number})\""));
            done = end;
        }
        veiled.push_str(&text[done..]);
        veiled
    }

    /// Places and numbers, in the order of the text.
    fn find(&mut self, node: &Node, is_secret: bool, hidden: &mut Vec<(usize, usize, usize)>) {
        match &node.value {
            Value::Object(members) => {
                for member in members {
                    self.find(&member.value, is_secret || names_a_secret(&member.key), hidden);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.find(item, is_secret, hidden)),
            Value::String(text) if (is_secret || is_login(text)) && !is_reference(text) => {
                let number = self.number(text);
                hidden.push((node.span.start, node.span.end, number));
            }
            _ => {}
        }
    }

    fn number(&mut self, secret: &str) -> usize {
        let at = self.seen.iter().position(|seen| seen == secret);
        at.unwrap_or_else(|| {
            self.seen.push(secret.to_owned());
            self.seen.len() - 1
        }) + 1
    }
}

/// Whether a member of this name holds a secret, by the words that platforms use.
fn names_a_secret(name: &str) -> bool {
    const WORDS: [&str; 12] = [
        "secret",
        "token",
        "password",
        "passwd",
        "passphrase",
        "key",
        "credential",
        "authorization",
        "cookie",
        "signature",
        "webhook",
        "headers",
    ];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether the text has a URL in it that says who asks: `//user:password@host` (RFC 3986, section 3.2.1) or `?access_token=…`.
fn is_login(text: &str) -> bool {
    let authorities = text.split("//").skip(1);
    let has_user = authorities.into_iter().any(|rest| {
        let end = |letter: char| matches!(letter, '/' | '?' | '#' | '\\') || letter.is_whitespace();
        rest.split(end).next().is_some_and(|authority| authority.contains('@'))
    });
    let has_token = text.contains("://")
        && text.split(['?', '&', '#']).skip(1).any(|parameter| {
            let name = parameter.split_once('=').map(|(name, _)| name);
            name.is_some_and(names_a_secret)
        });
    has_user || has_token
}

/// `${NAME}` and nothing else: what stands around a reference would be seen.
fn is_reference(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_every_shape_and_nothing_else_is() {
        let text = r#"{
  models: { providers: { corp: { apiKey: 's3cret-1', baseUrl: "https://models.example/v1" } } }, // note
  "authToken": ["s3cret-2", { deep: "s3cret-1" }],
  proxy: "https://user:s3cret@host", hook: { url: "wss://host/x?a=1&access_token=s3cret" },
  headers: { "X-Own": "s3cret-3" }, token: "${OWN_TOKEN}", maxTokens: 8192, name: "Alice",
}"#;
        let veiled = Veil::default().over(text);
        assert!(!veiled.contains("s3cret"), "{veiled}");
        for kept in ["models.example/v1", "// note", "${OWN_TOKEN}", "8192", "Alice"] {
            assert!(veiled.contains(kept), "{kept}: {veiled}");
        }
        assert_eq!(veiled.matches("(secret 1)").count(), 2);
    }

    #[test]
    fn another_secret_is_seen_to_be_another() {
        let mut veil = Veil::default();
        assert_eq!(veil.over("{token: 'a'}"), "{token: \"(secret 1)\"}");
        assert_eq!(
            veil.over("{token: 'b', key: 'a'}"),
            "{token: \"(secret 2)\", key: \"(secret 1)\"}"
        );
        assert_eq!(veil.over("{token: 'a'"), "(no JSON5)\n");
    }
}
