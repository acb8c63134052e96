//! `{{name}}` in a template becomes a value. A line with the name of a list is there once for each of it.

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

/// The places of a template, by name.
pub type Values = Vec<(&'static str, Value)>;

/// What is made of braces that hold no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Braces {
    /// They stay: Prometheus fills `{{ $labels.instance }}` itself.
    OfOthers,
    /// They are a hole: the file has no use for them.
    Ours,
}

/// Something that is missing in a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct Hole {
    /// Counts from 1.
    pub line: usize,
    /// Counts from 1, in characters.
    pub column: usize,
    pub message: String,
}

/// A name in its braces, as it stands in a line.
struct Place<'a> {
    name: &'a str,
    /// Bytes of the line.
    start: usize,
    end: usize,
}

/// The template with its values.
///
/// # Errors
/// A name that has no value, two lists in one line, braces that hold no name where they are ours.
pub fn fill(template: &str, values: &Values, braces: Braces) -> Result<String, Hole> {
    let mut filled = String::with_capacity(template.len());
    for (number, line) in (1..).zip(template.split_inclusive('\n')) {
        let hole = |start: usize, message: String| Hole {
            line: number,
            column: line[..start].chars().count() + 1,
            message,
        };
        let mut list: Option<(&str, &[String])> = None;
        for place in places(line, braces) {
            let place = place.map_err(|start| {
                hole(
                    start,
                    format!("{} is no place; {}", excerpt(&line[start..]), known(values)),
                )
            })?;
            match values.iter().find(|(known, _)| *known == place.name) {
                Some((_, Value::One(_))) => {}
                Some((name, Value::Each(items))) if list.is_none_or(|(other, _)| other == *name) => {
                    list = Some((name, items));
                }
                Some(_) => return Err(hole(place.start, "two lists in one line".to_owned())),
                None => {
                    let message = format!("nothing is called {{{{{}}}}}; {}", place.name, known(values));
                    return Err(hole(place.start, message));
                }
            }
        }
        match list {
            None => push(&mut filled, line, values, braces, None),
            Some((name, items)) => {
                for item in items {
                    push(&mut filled, line, values, braces, Some((name, item)));
                    if !line.ends_with('\n') {
                        filled.push('\n');
                    }
                }
            }
        }
    }
    Ok(filled)
}

/// The names that a template has places for.
pub fn names(template: &str, braces: Braces) -> impl Iterator<Item = &str> {
    template
        .lines()
        .flat_map(move |line| places(line, braces).filter_map(Result::ok).map(|place| place.name))
}

/// The column of the template that a column of the filled line came from.
pub fn column_before(template: &str, values: &Values, line: usize, column: usize) -> usize {
    let text = template.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let (mut read, mut written) = (0, 0);
    let count = |text: &str| text.chars().count();
    for place in places(text, Braces::OfOthers).filter_map(Result::ok) {
        let plain = count(&text[read..place.start]);
        if column <= written + plain {
            break;
        }
        written += plain;
        read = place.start;
        let value = values.iter().find_map(|(known, value)| match value {
            Value::One(value) if *known == place.name => Some(count(value)),
            _ => None,
        });
        let value = value.unwrap_or(0);
        if column <= written + value {
            return count(&text[..read]) + 1;
        }
        written += value;
        read = place.end;
    }
    count(&text[..read]) + column - written
}

fn known(values: &Values) -> String {
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    format!("there are {}", names.join(", "))
}

/// One line, with this item of a list.
fn push(filled: &mut String, line: &str, values: &Values, braces: Braces, item: Option<(&str, &str)>) {
    let mut done = 0;
    for place in places(line, braces).filter_map(Result::ok) {
        filled.push_str(&line[done..place.start]);
        let one = values.iter().find_map(|(known, value)| match value {
            Value::One(value) if *known == place.name => Some(value.as_str()),
            _ => None,
        });
        let of_list = item.filter(|(list, _)| *list == place.name).map(|(_, item)| item);
        filled.push_str(of_list.or(one).unwrap_or_default());
        done = place.end;
    }
    filled.push_str(&line[done..]);
}

/// The places of a line, in order; where braces are ours, also where some begin that hold no name.
fn places(line: &str, braces: Braces) -> impl Iterator<Item = Result<Place<'_>, usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + line[from..].find("{{")?;
            let rest = &line[start + 2..];
            let blank = match braces {
                Braces::Ours => rest.len() - rest.trim_start_matches(' ').len(),
                Braces::OfOthers => 0,
            };
            let name = &rest[blank..];
            let length = name
                .find(|c: char| !c.is_ascii_lowercase() && c != '_')
                .unwrap_or(name.len());
            let after = match braces {
                Braces::Ours => name[length..].trim_start_matches(' '),
                Braces::OfOthers => &name[length..],
            };
            if length > 0 && after.starts_with("}}") {
                from = line.len() - after.len() + 2;
                return Some(Ok(Place {
                    name: &name[..length],
                    start,
                    end: from,
                }));
            }
            if braces == Braces::Ours {
                from = start + 2;
                return Some(Err(start));
            }
            from = start + 1;
        }
    })
}

/// The beginning of what stands there, on one line.
fn excerpt(text: &str) -> String {
    let end = text.find("}}").map_or(text.len(), |end| end + 2);
    let whole = text[..end].trim_end();
    let short: String = whole.chars().take(24).collect();
    if short.len() < whole.len() {
        format!("{short}…")
    } else {
        short
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

    fn others(template: &str) -> Result<String, Hole> {
        fill(template, &values(), Braces::OfOthers)
    }

    fn ours(template: &str) -> Result<String, Hole> {
        fill(template, &values(), Braces::Ours)
    }

    #[test]
    fn names_become_values_and_lists_lines() {
        let template = "listen {{port}};\n  server {{gateway}} on {{port}};\n{{none}} is not here\n\"{{ $labels.x }}\" {{{port}}}\n";
        assert_eq!(
            others(template).unwrap(),
            "listen 80;\n  server a:1 on 80;\n  server b:2 on 80;\n\"{{ $labels.x }}\" {80}\n"
        );
        assert_eq!(ours("a {{ port }}{{port}} b").unwrap(), "a 8080 b");
    }

    #[test]
    fn a_hole_is_found_at_its_place() {
        let hole = |template| {
            let hole = ours(template).unwrap_err();
            (hole.line, hole.column, hole.message)
        };
        assert_eq!(
            hole("a\n张 {{prot}}\n"),
            (
                2,
                3,
                "nothing is called {{prot}}; there are port, gateway, none".to_owned()
            )
        );
        assert_eq!(
            hole("{{ Port }} x").2,
            "{{ Port }} is no place; there are port, gateway, none"
        );
        assert_eq!(hole("x {{port}\nmore").1, 3);
        assert_eq!(hole("{{}}").1, 1);
        assert_eq!(others("{{gateway}} {{none}}").unwrap_err().column, 13);
        assert!(others("{{ end }} {{Port}} {{").is_ok());
    }

    /// A value is not a template.
    #[test]
    fn a_value_is_not_looked_into() {
        let values = vec![("a", Value::one("{{b}}")), ("b", Value::one("x"))];
        assert_eq!(fill("{{a}}", &values, Braces::Ours).unwrap(), "{{b}}");
    }

    #[test]
    fn a_column_of_the_filled_line_is_found_in_the_template() {
        let values = vec![("id", Value::one("alice"))];
        let before = |column| column_before("\n[{{id}}, {{id}} x", &values, 2, column);
        // "[alice, alice x"
        let columns: Vec<usize> = [1, 2, 6, 7, 9, 13, 15].map(before).into();
        assert_eq!(columns, [1, 2, 2, 8, 10, 10, 17]);
    }
}
