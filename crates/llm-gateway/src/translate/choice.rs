//! Which tools a model may call, where a client lets it choose among some of those that it lists. Few providers know that choice: they
//! get the tools that are left. <https://platform.openai.com/docs/guides/function-calling#tool-choice>.

use serde_json::Value;

use super::{items, text};

/// `{"type": "allowed_tools", …}`, as completions and responses have it.
pub struct Allowed<'a> {
    tools: &'a Value,
    /// `auto` or `required`.
    pub mode: &'a str,
}

impl<'a> Allowed<'a> {
    pub fn of(choice: &'a Value) -> Option<Self> {
        if text(choice, "type") != "allowed_tools" {
            return None;
        }
        // Completions have it one level deeper.
        let tools = choice.get("allowed_tools").unwrap_or(choice);
        Some(Self {
            tools,
            mode: text(tools, "mode"),
        })
    }

    /// Is this one of them?
    pub fn has(&self, tool: &Value) -> bool {
        items(self.tools, "tools").any(|allowed| name(allowed) == name(tool))
    }
}

fn name(tool: &Value) -> &str {
    match text(&tool["function"], "name") {
        "" => text(tool, "name"),
        name => name,
    }
}
