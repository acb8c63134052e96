//! A JSON Merge Patch (RFC 7396) on a text: what it says changes, and comments, order and layout of everything else stay.

use serde_json::Value as Json;

use super::{EditError, Node, Value, parse, remove, set};
use crate::tenant::merge;

/// Bytes that are gone over: each member that is changed in its place is a pass over the text. What would take more is laid out anew at once.
const WORK: usize = 2 << 20;

/// The text with this patch in it. One that is no JSON5 is taken for an empty object, and mended so.
pub fn patch(text: &str, patch: &Json) -> String {
    let Ok(root) = parse(text) else {
        return self::patch("{}\n", patch);
    };
    let mut wanted = root.to_json();
    merge(&mut wanted, patch.clone());
    let work = members(patch).saturating_mul(text.len());
    let edited = (work <= WORK).then(|| edit(text.to_owned(), &mut Vec::new(), patch));
    match edited {
        Some(Ok(edited)) if parse(&edited).is_ok_and(|root| root.to_json() == wanted) => edited,
        // Whatever becomes of its layout, it says what it must.
        _ => format!("{wanted:#}\n"),
    }
}

fn edit<'a>(text: String, path: &mut Vec<&'a str>, patch: &'a Json) -> Result<String, EditError> {
    let is_object = |node: &Node| matches!(node.value, Value::Object(_));
    match patch {
        Json::Object(members) if parse(&text)?.get(path).is_some_and(is_object) => {
            members.iter().try_fold(text, |text, (key, patch)| {
                path.push(key);
                let edited = edit(text, path, patch);
                path.pop();
                edited
            })
        }
        Json::Null if !path.is_empty() => remove(&text, path),
        _ => {
            let mut value = Json::Null;
            merge(&mut value, patch.clone());
            set(&text, path, &value)
        }
    }
}

fn members(patch: &Json) -> usize {
    match patch {
        Json::Object(all) => all.values().map(|patch| 1 + members(patch)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "// mine\n{\n  agents: {\n    defaults: {\n      model: 'p/m', // the cheap one\n      systemPrompt: 'Sing.',\n    },\n  },\n}\n";

    #[test]
    fn what_it_does_not_name_stays_as_it_is() {
        let patched = patch(
            TEXT,
            &json!({"agents": {"defaults": {"systemPrompt": null, "model": "p/n"}}, "ui": {"a": 1, "b": null}}),
        );
        assert_eq!(
            patched,
            "// mine\n{\n  agents: {\n    defaults: {\n      model: \"p/n\", // the cheap one\n    },\n  },\n  ui: {\n    a: 1\n  },\n}\n"
        );
        assert_eq!(patch(TEXT, &json!({})), TEXT);
        assert_eq!(
            patch(TEXT, &json!({"nothing": {"of": null}})),
            patch(TEXT, &json!({"nothing": {}}))
        );
    }

    /// The examples of RFC 7396, appendix A, that are about objects.
    #[test]
    fn it_means_what_the_standard_says() {
        for (text, by, result) in [
            (r#"{"a":"b"}"#, json!({"a": "c"}), json!({"a": "c"})),
            (r#"{"a":"b"}"#, json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (r#"{"a":"b"}"#, json!({"a": null}), json!({})),
            (r#"{"a":"b","b":"c"}"#, json!({"a": null}), json!({"b": "c"})),
            (r#"{"a":["b"]}"#, json!({"a": "c"}), json!({"a": "c"})),
            (r#"{"a":"c"}"#, json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                r#"{"a":{"b":"c"}}"#,
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (r#"{"a":[{"b":"c"}]}"#, json!({"a": [1]}), json!({"a": [1]})),
            (r#"{"a":"foo"}"#, json!(null), json!(null)),
            (r#"{"a":"foo"}"#, json!("bar"), json!("bar")),
            (r#"{"e":null}"#, json!({"a": 1}), json!({"e": null, "a": 1})),
            ("[1,2]", json!({"a": "b", "c": null}), json!({"a": "b"})),
            ("{}", json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
            // A name that is there twice, and a text that is none.
            ("{a: 1, a: 2}", json!({"a": null}), json!({})),
            ("{a: ", json!({"a": 1}), json!({"a": 1})),
            ("", json!({"a": 1}), json!({"a": 1})),
        ] {
            let patched = patch(text, &by);
            assert_eq!(parse(&patched).unwrap().to_json(), result, "{text} {by}: {patched}");
        }
    }

    #[test]
    fn what_would_take_long_is_laid_out_anew() {
        let with = |text: &str, count: usize| {
            let members = (0..count).map(|number| (format!("a{number}"), json!(number)));
            patch(text, &Json::Object(members.collect()))
        };
        let long = TEXT.replace("Sing.", &"la ".repeat(WORK / 30));
        assert!(with(TEXT, 11).contains("// mine") && with(&long, 9).contains("// mine"));
        let anew = with(&long, 11);
        assert!(!anew.contains("// mine") && anew.contains("\"a10\": 10"));
    }
}
