//! `{{name}}` in a template becomes a value. A line with the name of a list is there once for each of it. Whatever else has braces, such as
//! the templates that Prometheus fills itself, `{{ $labels.instance }}`, stays as it is.

/// What stands for a name.
#[derive(Clone, Debug)]
pub enum Value {
    One(String),
    Each(Vec<String>),
}

impl Value {
    pub fn one(value: impl ToString) -> Self {
        Self::One(value.to_string())
    }

    pub fn each<T: ToString>(values: &[T]) -> Self {
        Self::Each(values.iter().map(T::to_string).collect())
    }
}

pub type Values = Vec<(&'static str, Value)>;

/// # Errors
/// Line and reason: a name that has no value, or two lists in one line.
pub fn fill(template: &str, values: &Values) -> Result<String, (usize, String)> {
    let mut filled = String::with_capacity(template.len());
    for (number, line) in (1..).zip(template.lines()) {
        let mut lists = Vec::new();
        for name in names(line) {
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, Value::Each(list))) if !lists.iter().any(|(known, _)| *known == name) => {
                    lists.push((name, list));
                }
                Some(_) => {}
                None => {
                    let known: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
                    let known = known.join(", ");
                    return Err((number, format!("nothing is called {{{{{name}}}}}; there are {known}")));
                }
            }
        }
        match lists[..] {
            [] => push(&mut filled, line, values, None),
            [(name, list)] => list
                .iter()
                .for_each(|item| push(&mut filled, line, values, Some((name, item)))),
            _ => return Err((number, "two lists in one line".to_owned())),
        }
    }
    Ok(filled)
}

/// One line, with this item of a list.
fn push(filled: &mut String, line: &str, values: &Values, item: Option<(&str, &str)>) {
    let mut rest = line;
    while let Some((before, name, after)) = next(rest) {
        filled.push_str(before);
        let one = values.iter().find_map(|(known, value)| match value {
            Value::One(value) if *known == name => Some(value.as_str()),
            _ => None,
        });
        let of_list = item.filter(|(list, _)| *list == name).map(|(_, item)| item);
        filled.push_str(of_list.or(one).unwrap_or_default());
        rest = after;
    }
    filled.push_str(rest);
    filled.push('\n');
}

fn names(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (_, name, after) = next(rest)?;
        rest = after;
        Some(name)
    })
}

/// What is before the next name, the name, and what is after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find("{{")?;
        let rest = &text[at + 2..];
        let end = rest
            .find(|c: char| !c.is_ascii_lowercase() && c != '_')
            .unwrap_or(rest.len());
        if end > 0 && rest[end..].starts_with("}}") {
            return Some((&text[..at], &rest[..end], &rest[end + 2..]));
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        vec![
            ("port", Value::one(80)),
            ("gateway", Value::each(&["a:1", "b:2"])),
            ("none", Value::each::<&str>(&[])),
        ]
    }

    #[test]
    fn names_become_values_and_lists_lines() {
        let template = "listen {{port}};\n  server {{gateway}} on {{port}};\n{{none}} is not here\n\"{{ $labels.x }}\" {{{port}}}\n";
        assert_eq!(
            fill(template, &values()).unwrap(),
            "listen 80;\n  server a:1 on 80;\n  server b:2 on 80;\n\"{{ $labels.x }}\" {80}\n"
        );
    }

    #[test]
    fn a_name_that_nobody_knows_is_found_at_its_line() {
        let (line, reason) = fill("a\n{{prot}}\n", &values()).unwrap_err();
        assert_eq!(
            (line, &*reason),
            (2, "nothing is called {{prot}}; there are port, gateway, none")
        );
        assert_eq!(fill("{{gateway}} {{none}}", &values()).unwrap_err().0, 1);
    }

    /// A value is not a template.
    #[test]
    fn a_value_is_not_looked_into() {
        let values = vec![("a", Value::one("{{b}}")), ("b", Value::one("x"))];
        assert_eq!(fill("{{a}}", &values).unwrap(), "{{b}}\n");
    }
}
