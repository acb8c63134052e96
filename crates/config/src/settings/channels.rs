//! `channels`: the chat platforms that a gateway is connected to. The native runtime serves the webchat page only, so whoever configures
//! another one is told that nobody will answer there.

use crate::json5::{Node, Value};
use crate::section::Section;

/// What the native runtime serves.
const SERVED: [&str; 1] = ["webchat"];
/// Settings of all channels, which stand among them (upstream: docs/gateway/config-channels).
const SHARED: [&str; 2] = ["defaults", "modelByChannel"];

/// Warns of every channel that is configured, switched on, and not served.
pub(crate) fn warn_of_unserved(file: &Section) {
    let Some(channels) = file.get("channels") else { return };
    let no_answer = "is not served by the native runtime: messages there get no answer";
    for member in channels.members() {
        let name = member.key.as_str();
        if !SERVED.contains(&name) && !SHARED.contains(&name) && !is_off(&member.value) {
            file.warn(member.key_span.start, format!("channel `channels.{name}` {no_answer}"));
        }
    }
    // A list, as early documents have it.
    if let Value::Array(items) = &channels.value {
        for (index, item) in items.iter().enumerate().filter(|(_, item)| !is_off(item)) {
            file.warn(item.span.start, format!("channel `channels[{index}]` {no_answer}"));
        }
    }
}

fn is_off(channel: &Node) -> bool {
    channel.get(&["enabled"]).map(|node| &node.value) == Some(&Value::Bool(false))
}
