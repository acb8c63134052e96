//! Edits change one value and nothing else.
#![expect(clippy::unwrap_used, reason = "tests")]

use creel_config::json5::{EditError, parse, remove, set};
use serde_json::{Value, json};

#[track_caller]
fn sets(before: &str, path: &[&str], value: Value, after: &str) {
    let text = set(before, path, &value).unwrap();
    assert_eq!(text, after, "\n--- got\n{text}\n--- expected\n{after}");
    assert_eq!(parse(&text).unwrap().get(path).unwrap().to_json(), value);
}

#[track_caller]
fn removes(before: &str, path: &[&str], after: &str) {
    let text = remove(before, path).unwrap();
    assert_eq!(text, after, "\n--- got\n{text}\n--- expected\n{after}");
    assert_eq!(parse(&text).unwrap().get(path), None);
}

const FILE: &str = "\
// OpenClaw
{
    gateway: {
        port: 18789, // the port
        /* who */ auth: { mode: 'token' },
    },
    // agents
    agents: { defaults: { model: \"a/b\" } }
}
";

#[test]
fn a_value_is_replaced_in_place() {
    sets(FILE, &["gateway", "port"], json!(1), &FILE.replace("18789", "1"));
    sets(
        FILE,
        &["gateway", "auth", "mode"],
        json!("none"),
        &FILE.replace("'token'", "\"none\""),
    );
    sets("{a: 1, a: 2}", &["a"], json!(3), "{a: 1, a: 3}");
    sets("[1]", &[], json!({"a": 1}), "{\n  \"a\": 1\n}");
}

#[test]
fn a_member_is_added_in_the_manner_of_its_neighbours() {
    sets(
        FILE,
        &["gateway", "bind"],
        json!("lan"),
        &FILE.replace("'token' },\n", "'token' },\n        bind: \"lan\",\n"),
    );
    sets(
        FILE,
        &["gateway", "auth", "token"],
        json!("t"),
        &FILE.replace("'token' }", "'token', token: \"t\" }"),
    );
    sets(
        FILE,
        &["mcp", "servers", "files"],
        json!({"command": "x", "args": ["a", "b"], "env": {"NOT-PLAIN": "1"}}),
        &FILE.replace(
            "\"a/b\" } }\n",
            "\"a/b\" } },
    mcp: {
        servers: {
            files: {
                command: \"x\",
                args: [\"a\", \"b\"],
                env: {
                    \"NOT-PLAIN\": \"1\"
                }
            }
        }
    }\n",
        ),
    );
}

#[test]
fn commas_and_comments_end_up_where_they_belong() {
    sets("{\n  a: 1 // one\n}", &["b"], json!(2), "{\n  a: 1, // one\n  b: 2\n}");
    sets(
        "{\n  a: 1, // one\n  // end\n}",
        &["b"],
        json!(2),
        "{\n  a: 1, // one\n  b: 2,\n  // end\n}",
    );
    sets(
        "{\n  a: 1 /* x */ , /* y\n */\n}",
        &["b"],
        json!(2),
        "{\n  a: 1 /* x */ , /* y\n */\n  b: 2,\n}",
    );
    sets("{\n  a: 1\n  ,\n}", &["b"], json!(2), "{\n  a: 1\n  ,\n  b: 2,\n}");
    sets("{\n  a: 1}", &["b"], json!(2), "{\n  a: 1,\n  b: 2\n}");
    sets("{a: 1 /* one */}", &["b"], json!(2), "{a: 1 /* one */, b: 2}");
    sets("{a: 1 // one\n}", &["b"], json!(2), "{a: 1, b: 2 // one\n}");
    sets("{a: 1,}", &["b"], json!(2), "{a: 1, b: 2,}");
    sets(
        "{'a': 1}",
        &["b"],
        json!({"c": [1, {}]}),
        "{'a': 1, 'b': { 'c': [1, {}] }}",
    );
    sets(
        "{\r\n\t\"a\": 1\r\n}",
        &["b"],
        json!(2),
        "{\r\n\t\"a\": 1,\n\t\"b\": 2\r\n}",
    );
}

#[test]
fn empty_objects_and_texts_are_filled() {
    sets("", &["a", "b"], json!(1), "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n");
    sets("{}", &["a"], json!(1), "{\n  \"a\": 1\n}");
    sets(
        "{\n  // nothing yet\n}\n",
        &["a"],
        json!(1),
        "{\n  // nothing yet\n  \"a\": 1\n}\n",
    );
    sets("{\n  a: {},\n}", &["a", "b"], json!(1), "{\n  a: {\n    b: 1\n  },\n}");
    sets("{a: {}}", &["a", "b"], json!(1), "{a: {b: 1}}");
    sets("{a: {/* x */}}", &["a", "b"], json!(1), "{a: {/* x */\n  b: 1\n}}");
}

#[test]
fn a_member_goes_with_its_comma_and_its_line() {
    removes(
        FILE,
        &["gateway", "port"],
        &FILE.replace("        port: 18789, // the port\n", ""),
    );
    removes(
        FILE,
        &["agents"],
        &FILE
            .replace("    },\n", "    }\n")
            .replace("    agents: { defaults: { model: \"a/b\" } }\n", ""),
    );
    removes(
        FILE,
        &["gateway", "auth", "mode"],
        &FILE.replace("{ mode: 'token' }", "{  }"),
    );
    removes("{\n  \"a\": 1,\n  \"b\": 2\n}\n", &["b"], "{\n  \"a\": 1\n}\n");
    removes("{\n  a: 1,\n  b: 2,\n}\n", &["b"], "{\n  a: 1,\n}\n");
    removes("{a: 1, b: 2, c: 3}", &["b"], "{a: 1, c: 3}");
    removes("{a: 1, b: 2, c: 3}", &["c"], "{a: 1, b: 2}");
    removes("{a: 1, /* x */ b: 2}", &["b"], "{a: 1 /* x */}");
    removes("{a: 1, b: 2,}", &["b"], "{a: 1, }");
    removes("{a: 1}", &["a"], "{}");
    removes("{a: 1, a: 2, b: 3}", &["a"], "{b: 3}");
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    for path in [&["x"][..], &["gateway", "x"], &["gateway", "port", "x"], &[]] {
        assert_eq!(remove(FILE, path).unwrap(), FILE);
    }
}

#[test]
fn a_path_through_a_value_is_refused_and_a_broken_text_too() {
    let error = set(FILE, &["gateway", "port", "x"], &json!(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "4:15: `gateway.port` is a number, not an object: it cannot hold `x`"
    );
    assert!(matches!(set("{a", &["b"], &json!(1)), Err(EditError::Syntax(_))));
    assert!(matches!(remove("{a", &["b"]), Err(EditError::Syntax(_))));
    assert!(
        set("[]", &["b"], &json!(1))
            .unwrap_err()
            .to_string()
            .contains("`the whole text` is a list")
    );
}

/// Texts built from every combination of what may stand between two members: the edit means what it says, and keeps
/// every comment.
#[test]
fn edits_are_right_whatever_stands_between() {
    let gaps = ["", " ", "\n", "/* c */", " // c\n", "\n  /* c\n */ ", "\r\n\t"];
    let mut checked = 0;
    for before in gaps {
        for colon in ["", " ", "/* c */"] {
            for after in gaps {
                for comma in [",", ""] {
                    for end in gaps {
                        let text = format!(
                            "{{{before}a{colon}: 1{after},{before}\"b\"{colon}: {{x: [1]}}{after}{comma}{end}}}"
                        );
                        let old = parse(&text).unwrap().to_json();
                        let check = |new: &str, expected: Value, comments: usize| {
                            let found = parse(new).unwrap_or_else(|error| panic!("{error}\n{text}\n---\n{new}"));
                            assert_eq!(found.to_json(), expected, "{text}\n---\n{new}");
                            assert!(
                                new.matches('c').count() >= comments,
                                "a comment is gone: {text}\n---\n{new}"
                            );
                        };
                        let comments = text.matches('c').count();
                        for key in ["a", "b", "n"] {
                            let mut expected = old.clone();
                            expected[key] = json!(7);
                            check(&set(&text, &[key], &json!(7)).unwrap(), expected, comments);
                            let mut expected = old.clone();
                            expected.as_object_mut().unwrap().remove(key);
                            check(&remove(&text, &[key]).unwrap(), expected, 0);
                            checked += 1;
                        }
                        let mut expected = old.clone();
                        expected["b"]["y"]["z"] = json!({"k": 1});
                        check(
                            &set(&text, &["b", "y", "z"], &json!({"k": 1})).unwrap(),
                            expected,
                            comments,
                        );
                    }
                }
            }
        }
    }
    assert!(checked > 1000);
}
