//! `${VAR}` in texts.

/// A variable that a text names and nobody has set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing(pub String);

/// Replaces `${NAME}` by the variable's value; `$${NAME}` stays as the text `${NAME}`.
///
/// Names are upper case, `[A-Z_][A-Z0-9_]*` (upstream: docs/gateway/config-secrets-env). Anything else that looks like
/// it is left as it is.
///
/// # Errors
/// The first variable that is not set, or empty.
pub(crate) fn substitute(text: &str, var: impl Fn(&str) -> Option<String>) -> Result<String, Missing> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let after = &rest[at + 2..];
        let Some(name) = after.split_once('}').map(|(name, _)| name).filter(|name| is_name(name)) else {
            out.push_str(&rest[..at + 2]);
            rest = after;
            continue;
        };
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at]);
            out.push_str(&rest[at + 1..at + 3 + name.len()]);
        } else {
            out.push_str(&rest[..at]);
            let value = var(name).filter(|value| !value.is_empty());
            out.push_str(&value.ok_or_else(|| Missing(name.to_owned()))?);
        }
        rest = &after[name.len() + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_variables_and_nothing_else() {
        let var = |name: &str| match name {
            "A" => Some("x".to_owned()),
            "B_1" => Some("${A}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, expected) in [
            ("", ""),
            ("plain $A {A} $", "plain $A {A} $"),
            ("${A}", "x"),
            ("<${A}|${B_1}>", "<x|${A}>"),
            ("$${A}", "${A}"),
            ("$${A}${A}", "${A}x"),
            ("${a} ${} ${A-B} ${A", "${a} ${} ${A-B} ${A"),
            ("${${A}}", "${x}"),
            ("é${A}é", "éxé"),
        ] {
            assert_eq!(substitute(text, var), Ok(expected.to_owned()), "{text}");
        }
        assert_eq!(substitute("${A} ${NO}", var), Err(Missing("NO".into())));
        assert_eq!(substitute("${EMPTY}", var), Err(Missing("EMPTY".into())));
    }
}
