//! What of a channel's configuration is secret, and putting a reference in its place, whatever shape it has.
//!
//! Secret is everything below a member whose name says so, in lists and objects too, and any text that is good for a login by
//! itself: a URL with a user or a token in it. What is taken for a secret and is none costs nothing: the program that reads the
//! reference sees the same text.

use serde_json::{Map, Value};

/// Names and values for `instance.env`.
pub type Variables = Vec<(String, String)>;

/// A place of the configuration that cannot be kept, by its path.
#[derive(Debug, PartialEq, Eq)]
pub struct Unkeepable {
    pub path: String,
    pub reason: &'static str,
}

/// Takes secrets out of the configuration of one channel.
pub struct Hiding<'a> {
    variables: &'a mut Variables,
}

impl<'a> Hiding<'a> {
    pub fn into(variables: &'a mut Variables) -> Self {
        Self { variables }
    }

    /// The members with references in place of their secrets. `variable` is what the variables' names begin with.
    pub fn members(
        &mut self,
        variable: &str,
        path: &str,
        is_secret: bool,
        members: Map<String, Value>,
    ) -> Result<Map<String, Value>, Unkeepable> {
        let hidden = members.into_iter().map(|(name, value)| {
            let value = self.value(
                &format!("{variable}_{}", upper_snake(&name)),
                &format!("{path}.{name}"),
                is_secret || names_a_secret(&name) || is_incoming_webhook(&name, &value),
                value,
            )?;
            Ok((name, value))
        });
        hidden.collect()
    }

    fn value(&mut self, variable: &str, path: &str, is_secret: bool, value: Value) -> Result<Value, Unkeepable> {
        Ok(match value {
            Value::Object(members) if is_reference_object(&members) => Value::Object(members),
            Value::Object(members) => Value::Object(self.members(variable, path, is_secret, members)?),
            Value::Array(items) => {
                let hidden = items.into_iter().enumerate().map(|(index, item)| {
                    self.value(
                        &format!("{variable}_{index}"),
                        &format!("{path}.{index}"),
                        is_secret,
                        item,
                    )
                });
                Value::Array(hidden.collect::<Result<_, _>>()?)
            }
            Value::String(text) if is_reference(&text) => Value::String(text),
            Value::String(text) if is_secret || is_login(&text) => self.reference(variable, path, text)?,
            // A reference is a text; what reads it reads these from a text too.
            Value::Number(number) if is_secret => self.reference(variable, path, number.to_string())?,
            Value::Bool(truth) if is_secret => self.reference(variable, path, truth.to_string())?,
            other => other,
        })
    }

    fn reference(&mut self, variable: &str, path: &str, secret: String) -> Result<Value, Unkeepable> {
        if secret.contains('\0') {
            return Err(Unkeepable {
                path: path.to_owned(),
                reason: "a secret cannot hold a NUL character",
            });
        }
        let name = self.unused(variable);
        let reference = Value::String(format!("${{{name}}}"));
        self.variables.push((name, secret));
        Ok(reference)
    }

    /// Different members may come to one name (`app-key`, `appKey`): each gets a variable of its own.
    fn unused(&self, variable: &str) -> String {
        let is_used = |name: &str| self.variables.iter().any(|(used, _)| used == name);
        let mut name = variable.to_owned();
        let mut number = 1;
        while is_used(&name) {
            number += 1;
            name = format!("{variable}_{number}");
        }
        name
    }
}

/// Whether a member of this name holds a secret, by the words that platforms use.
fn names_a_secret(name: &str) -> bool {
    const WORDS: [&str; 10] = [
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
    ];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Whoever knows an incoming webhook's address may post to it (Slack, Feishu and DingTalk make them so).
fn is_incoming_webhook(name: &str, value: &Value) -> bool {
    let is_address = value.as_str().is_some_and(|text| text.contains("://"));
    is_address && name.to_ascii_lowercase().contains("webhook")
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

/// `${NAME}` and nothing else: what stands around a reference would stay in clear.
fn is_reference(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// Upstream's way to say where a secret is (its SecretRef, `gateway/secrets/secretref-contract.md`): `{source, provider, id}`.
fn is_reference_object(members: &Map<String, Value>) -> bool {
    let source = members.get("source").and_then(Value::as_str);
    let is_known = source.is_some_and(|source| ["env", "file", "exec", "store"].contains(&source));
    let nothing_else = members
        .iter()
        .all(|(name, value)| ["source", "provider", "id"].contains(&name.as_str()) && value.is_string());
    is_known && nothing_else && members.contains_key("id")
}

/// `appSecret` -> `APP_SECRET`; anything that cannot stand in a variable's name becomes `_`.
fn upper_snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            text.push('_');
        }
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        text.push(if letter.is_ascii_alphanumeric() {
            letter.to_ascii_uppercase()
        } else {
            '_'
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hide(config: Value) -> (Value, Variables) {
        let mut variables = Variables::new();
        let Value::Object(members) = config else {
            panic!("a channel's configuration is an object")
        };
        let hidden = Hiding::into(&mut variables).members("X", "x", false, members);
        (Value::Object(hidden.expect("it can be kept")), variables)
    }

    #[test]
    fn a_secret_is_hidden_in_every_shape() {
        for (config, secrets) in [
            (json!({"appSecret": "s3cret"}), vec!["s3cret"]),
            (json!({"accounts": {"a": {"verifyToken": "s3cret"}}}), vec!["s3cret"]),
            (
                json!({"tokens": ["s3cret-1", "s3cret-2"]}),
                vec!["s3cret-1", "s3cret-2"],
            ),
            (json!({"accounts": [{"token": "s3cret"}]}), vec!["s3cret"]),
            (
                json!({"credentials": {"id": "s3cret", "more": [["s3cret"]]}}),
                vec!["s3cret", "s3cret"],
            ),
            (json!({"password": 738_211}), vec!["738211"]),
            (json!({"password": -7.5}), vec!["-7.5"]),
            (json!({"secret": true}), vec!["true"]),
            (
                json!({"headers": {"Authorization": "Bearer s3cret"}}),
                vec!["Bearer s3cret"],
            ),
            (
                json!({"proxy": "https://user:s3cret@host"}),
                vec!["https://user:s3cret@host"],
            ),
            (
                json!({"proxies": ["http://a", "socks5://s3cret@host:1/x"]}),
                vec!["socks5://s3cret@host:1/x"],
            ),
            (
                json!({"url": "wss://host/x?a=1&access_token=s3cret"}),
                vec!["wss://host/x?a=1&access_token=s3cret"],
            ),
            (
                json!({"webhook": "https://hooks.host/T/s3cret"}),
                vec!["https://hooks.host/T/s3cret"],
            ),
            (json!({"token": "${HALF}s3cret"}), vec!["${HALF}s3cret"]),
        ] {
            let (hidden, variables) = hide(config.clone());
            let text = hidden.to_string();
            assert!(!text.contains("s3cret") && !text.contains("true"), "{text}");
            let values: Vec<&str> = variables.iter().map(|(_, value)| value.as_str()).collect();
            assert_eq!(values, secrets, "{config}");
            for (name, _) in &variables {
                assert!(text.contains(&format!("${{{name}}}")), "{name} is not in {text}");
            }
        }
    }

    #[test]
    fn what_is_none_stays_as_it_is() {
        let config = json!({
            "appId": "cli_1", "mode": "websocket", "port": 8443, "quiet": true, "none": null, "list": ["a", 1],
            "mail": "a@b.example", "url": "https://host/x@y?a=b", "webhookPort": 8080, "token": null,
            "botToken": "${MINE}", "secret": {"source": "file", "provider": "default", "id": "/run/x"},
        });
        assert_eq!(hide(config.clone()), (config, vec![]));
    }

    #[test]
    fn two_members_never_share_a_variable() {
        let (hidden, variables) = hide(json!({"app-key": "1", "appKey": "2", "app": {"key": "3"}}));
        let values: Vec<&str> = variables.iter().map(|(_, value)| value.as_str()).collect();
        let names: std::collections::BTreeSet<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names.len(), values.len()), (3, 3), "{hidden} {variables:?}");
    }

    #[test]
    fn what_no_variable_can_hold_is_refused_by_its_place() {
        let Value::Object(members) = json!({"accounts": [{"token": "a\u{0}b"}]}) else {
            panic!("an object")
        };
        let refused = Hiding::into(&mut Variables::new()).members("X", "x", false, members);
        assert_eq!(refused.expect_err("refused").path, "x.accounts.0.token");
    }
}
