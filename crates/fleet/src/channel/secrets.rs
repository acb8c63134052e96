//! Keeping secrets out of records and listings: a variable in `instance.env` for each, and a reference to it in its place.

use serde_json::Value;

/// Names and values for `instance.env`.
pub type Variables = Vec<(String, String)>;

/// Puts the secret of a channel's field among the variables and gives what stands for it. One that says where a secret is, stays as it
/// is.
pub fn hide(variables: &mut Variables, kind: &str, field: &str, value: Value) -> Value {
    match value {
        Value::String(text) if !is_reference(&text) => {
            let name = format!("{}_{}", kind.to_ascii_uppercase(), upper_snake(field));
            let reference = Value::String(format!("${{{name}}}"));
            variables.push((name, text));
            reference
        }
        reference => reference,
    }
}

/// `${NAME}` and nothing else: what stands around a reference would stay in clear.
fn is_reference(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// Upstream's way to say where a secret is (its SecretRef, `gateway/secrets/secretref-contract.md`): `{source, provider, id}`.
pub fn is_reference_object(value: &Value) -> bool {
    let Value::Object(members) = value else { return false };
    let source = members.get("source").and_then(Value::as_str);
    let is_known = source.is_some_and(|source| ["env", "file", "exec", "store"].contains(&source));
    let nothing_else = members
        .iter()
        .all(|(name, value)| ["source", "provider", "id"].contains(&name.as_str()) && value.is_string());
    is_known && nothing_else && members.contains_key("id")
}

/// `appSecret` -> `APP_SECRET`.
fn upper_snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            text.push('_');
        }
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::super::table::CHANNELS;
    use super::*;

    #[test]
    fn a_secret_becomes_a_reference_and_a_reference_stays_one() {
        let mut variables = Variables::new();
        let hidden = hide(&mut variables, "wecom", "encodingAESKey", json!("s3"));
        assert_eq!(hidden, "${WECOM_ENCODING_AESKEY}");
        let half = hide(&mut variables, "slack", "botToken", json!("${HALF}s3"));
        assert_eq!(half, "${SLACK_BOT_TOKEN}");
        let values: Vec<&str> = variables.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["s3", "${HALF}s3"]);
        for reference in [
            json!("${MINE}"),
            json!({"source": "file", "provider": "default", "id": "/run/x"}),
        ] {
            assert_eq!(hide(&mut variables, "slack", "appToken", reference.clone()), reference);
        }
        assert_eq!(variables.len(), 2);
    }

    #[test]
    fn no_two_fields_share_a_variable() {
        let mut names = BTreeSet::new();
        for channel in CHANNELS {
            for field in channel.fields {
                let mut variables = Variables::new();
                hide(&mut variables, channel.kind, field.name, json!("x"));
                assert!(names.insert(variables.remove(0).0), "{} {}", channel.kind, field.name);
            }
        }
    }
}
