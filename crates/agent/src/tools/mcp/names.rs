//! Names of tools: those that model APIs take, and patterns that choose among them.

/// The characters that every model API takes in a tool's name.
pub fn allowed(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// Whether `name` is `pattern`, in which `*` stands for anything. Both may be a stranger's: it takes no longer than to look through them.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let head = parts.next().unwrap_or_default();
    let Some(tail) = parts.next_back() else {
        return pattern == name;
    };
    let between = name.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
    let Some(mut rest) = between else { return false };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name) in [
            ("a", "a"),
            ("*", ""),
            ("*", "x"),
            ("read_*", "read_file"),
            ("*_x_*", "a_x_b"),
            ("a*c*", "abcd"),
            ("a**b", "ab"),
            ("*あ*", "xあy"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("a", "ab"),
            ("read_*", "write"),
            ("*x", "xy"),
            ("", "a"),
            ("ab*ba", "aba"),
            ("a*b*c", "acb"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_many_parts_is_looked_through_once() {
        let pattern = format!("{}b", "*a".repeat(30));
        let name = "a".repeat(60);
        assert!(!matches(&pattern, &name), "were each place tried, it would take years");
        assert!(matches(&pattern, &format!("{name}b")));
    }

    #[test]
    fn names_are_what_every_api_takes() {
        assert_eq!(allowed("fs.read file/あ"), "fs_read_file__");
    }
}
