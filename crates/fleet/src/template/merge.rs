//! What a template changed, brought into a text that a person may have changed too.
//!
//! Values decide: what either side alone changed is taken, what both changed differently is a conflict, and a list is one value. Where a
//! merge of lines comes to the same values, its text is taken, because the template's comments come along; else the changed values are
//! set in the person's text, and every comment of theirs stays.

use creel_config::json5::{self, EditError, Node};
use serde_json::Value;

/// Comparing all lines with all others takes long; more than this is edited value by value.
const MAX_LINES: usize = 2_000;

/// Whose value counts where both sides changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Person,
    Template,
}

/// The three texts. The first is what the template gave last, if that is known.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    pub base: Option<&'a str>,
    pub present: &'a str,
    pub template: &'a str,
}

/// What comes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    pub text: String,
    /// Paths of values that both sides changed differently.
    pub conflicts: Vec<Vec<String>>,
}

/// Brings the template's changes into the present text; `side` wins where the two contradict.
///
/// # Errors
/// The present text is no JSON5, or has no room for a value.
pub fn merge(texts: Texts<'_>, side: Side) -> Result<Merged, EditError> {
    let object = || Value::Object(serde_json::Map::new());
    let present = json5::parse(texts.present)?.to_json();
    let template = json5::parse(texts.template)?.to_json();
    // One that was broken by hand says as little as one that is missing.
    let base = texts.base.and_then(|base| json5::parse(base).ok());
    let base = base.as_ref().map_or_else(object, Node::to_json);

    let mut changes = Changes {
        side,
        edits: Vec::new(),
        conflicts: Vec::new(),
    };
    changes.of_value(&mut Vec::new(), Some(&base), Some(&present), Some(&template));
    let mut text = texts.present.to_owned();
    for (path, value) in &changes.edits {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        text = match value {
            Some(value) => json5::set(&text, &path, value)?,
            None => json5::remove(&text, &path)?,
        };
    }
    if let Some(lines) = by_lines(texts)
        && json5::parse(&lines).is_ok_and(|root| json5::parse(&text).is_ok_and(|same| root.to_json() == same.to_json()))
    {
        text = lines;
    }
    Ok(Merged {
        text,
        conflicts: changes.conflicts,
    })
}

/// The lines of both, where no line was changed by both.
fn by_lines(texts: Texts<'_>) -> Option<String> {
    let base = texts.base?;
    let is_short = |text: &str| text.lines().count() <= MAX_LINES;
    if ![base, texts.present, texts.template].into_iter().all(is_short) {
        return None;
    }
    diffy::merge(base, texts.present, texts.template).ok()
}

/// Names of members from the root on.
type Path = Vec<String>;

struct Changes {
    side: Side,
    /// `None` removes.
    edits: Vec<(Path, Option<Value>)>,
    conflicts: Vec<Path>,
}

impl Changes {
    fn of_value(&mut self, path: &mut Path, base: Option<&Value>, present: Option<&Value>, template: Option<&Value>) {
        if base == template || present == template {
            return;
        }
        // Into objects first, even those that only the template changed: what is set as a whole loses its comments.
        if let (Some(Value::Object(mine)), Some(Value::Object(theirs))) = (present, template) {
            let before = base.and_then(Value::as_object);
            let gone = before
                .into_iter()
                .flatten()
                .filter(|(name, _)| !theirs.contains_key(*name));
            let names: Path = gone.chain(theirs).map(|(name, _)| name.clone()).collect();
            for name in names {
                let before = before.and_then(|before| before.get(&name));
                path.push(name.clone());
                self.of_value(path, before, mine.get(&name), theirs.get(&name));
                path.pop();
            }
            return;
        }
        let is_conflict = present != base;
        if is_conflict {
            self.conflicts.push(path.clone());
        }
        if !is_conflict || self.side == Side::Template {
            self.edits.push((path.clone(), template.cloned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "// Of alice.\n{\n  gateway: {\n    rateLimit: 200, // a minute\n    mode: \"local\",\n  },\n\n  // Who talks to whom.\n  session: { dmScope: \"per-peer\" },\n}\n";

    fn merged(present: &str, template: &str, side: Side) -> Merged {
        let texts = Texts {
            base: Some(BASE),
            present,
            template,
        };
        merge(texts, side).unwrap()
    }

    fn value(text: &str) -> Value {
        json5::parse(text).unwrap().to_json()
    }

    #[test]
    fn what_either_side_changed_is_there_with_the_comments_of_both() {
        let present = BASE.replace("per-peer", "main").replace("// Of alice.", "// Mine.");
        let template = BASE.replace("rateLimit: 200, // a minute", "rateLimit: 300, // a minute, since May");
        let Merged { text, conflicts } = merged(&present, &template, Side::Person);
        assert!(conflicts.is_empty());
        assert_eq!(value(&text)["gateway"]["rateLimit"], 300);
        assert_eq!(value(&text)["session"]["dmScope"], "main");
        assert!(text.contains("// Mine.") && text.contains("since May"), "{text}");
    }

    #[test]
    fn a_text_that_was_written_anew_keeps_its_comments_and_gets_the_values() {
        let present = "{ gateway: { mode: 'local', rateLimit: 200 /* mine */ }, // one line\n session: {dmScope: 'per-peer'}, mine: 1 }";
        let template = BASE.replace("200", "300").replace("session: {", "session: { x: 1,");
        let Merged { text, conflicts } = merged(present, &template, Side::Person);
        assert!(conflicts.is_empty());
        assert_eq!(
            value(&text),
            serde_json::json!({"gateway": {"mode": "local", "rateLimit": 300}, "session": {"dmScope": "per-peer", "x": 1}, "mine": 1})
        );
        assert!(text.contains("/* mine */") && text.contains("// one line"), "{text}");
    }

    #[test]
    fn what_both_changed_is_a_conflict_and_somebody_says_who_wins() {
        let present = BASE.replace("200", "100");
        let template = BASE.replace("200", "300").replace("per-peer", "main");
        let path = vec![vec!["gateway".to_owned(), "rateLimit".to_owned()]];
        for (side, rate) in [(Side::Person, 100), (Side::Template, 300)] {
            let Merged { text, conflicts } = merged(&present, &template, side);
            assert_eq!(conflicts, path);
            assert_eq!(value(&text)["gateway"]["rateLimit"], rate);
            assert_eq!(value(&text)["session"]["dmScope"], "main");
        }
        let same = merged(&template, &template, Side::Person);
        assert_eq!((same.text, same.conflicts), (template, vec![]));
    }

    #[test]
    fn what_the_template_dropped_goes_unless_somebody_changed_it() {
        let template = BASE.replace("  session: { dmScope: \"per-peer\" },\n", "");
        assert_eq!(value(&merged(BASE, &template, Side::Person).text).get("session"), None);
        let present = BASE.replace("per-peer", "main");
        let Merged { text, conflicts } = merged(&present, &template, Side::Person);
        assert_eq!(
            (conflicts, value(&text)["session"]["dmScope"].clone()),
            (vec![vec!["session".to_owned()]], "main".into())
        );
        let removed = "{ gateway: { mode: 'local' } }";
        assert_eq!(
            merged(removed, BASE, Side::Person).text,
            removed,
            "what a person removed stays away"
        );
    }

    #[test]
    fn without_a_memory_only_what_is_missing_comes() {
        let texts = Texts {
            base: None,
            present: "{ gateway: { rateLimit: 1 } }",
            template: BASE,
        };
        let Merged { text, conflicts } = merge(texts, Side::Person).unwrap();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(
            value(&text),
            serde_json::json!({"gateway": {"rateLimit": 1, "mode": "local"}, "session": {"dmScope": "per-peer"}})
        );
    }

    #[test]
    fn a_broken_text_is_refused_by_its_place() {
        let texts = Texts {
            base: None,
            present: "{\n  a: }",
            template: BASE,
        };
        assert!(matches!(merge(texts, Side::Person), Err(EditError::Syntax(error)) if error.line == 2));
    }
}
