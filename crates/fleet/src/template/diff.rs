//! What a sync would change, for people: a unified diff, and where the conflicts are.

use creel_config::json5;
use serde::Serialize;

/// A value that a person and the template changed differently, where it stands in the person's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Such as `gateway.rateLimit`.
    pub path: String,
    /// Absent where the person removed it; counts from 1, likewise `column`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

pub fn unified(before: &str, after: &str) -> String {
    let mut options = diffy::DiffOptions::new();
    options
        .set_original_filename("openclaw.json")
        .set_modified_filename("openclaw.json after");
    options.create_patch(before, after).to_string()
}

pub fn conflicts(present: &str, paths: &[Vec<String>]) -> Vec<Conflict> {
    let root = json5::parse(present).ok();
    let conflict = |path: &Vec<String>| {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let node = root.as_ref().and_then(|root| root.get(&names));
        let place = node.map(|node| json5::place_of(present, node.span.start));
        Conflict {
            path: path.join("."),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
        }
    };
    paths.iter().map(conflict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_unified_and_a_conflict_has_a_place() {
        let (before, after) = ("{\n  a: 1,\n  b: 2,\n}\n", "{\n  a: 1,\n  b: 3,\n}\n");
        assert_eq!(
            unified(before, after),
            "--- openclaw.json\n+++ openclaw.json after\n@@ -1,4 +1,4 @@\n {\n   a: 1,\n-  b: 2,\n+  b: 3,\n }\n"
        );
        let found = conflicts(before, &[vec!["b".to_owned()], vec!["c".to_owned(), "d".to_owned()]]);
        assert_eq!((found[0].line, found[0].column), (Some(3), Some(6)));
        assert_eq!((&*found[1].path, found[1].line), ("c.d", None));
    }
}
