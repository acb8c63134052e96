//! Whether a runtime could use an `openclaw.json`, before it is made to.

use std::path::Path;

use creel_config::json5::{self, Node};
use creel_config::{ConfigError, Place, Warning};
use creel_records::Runtime;

use crate::FleetError;
use crate::environment::Variables;

/// What is odd about a text that is meant for `path`, by the rules of the runtime that will read it, in the environment it will
/// read it in.
///
/// # Errors
/// [`FleetError::Config`] with line and column if it is broken.
pub fn check(runtime: Runtime, text: &str, path: &Path, variables: &Variables) -> Result<Vec<Warning>, FleetError> {
    match runtime {
        Runtime::Native => Ok(creel_config::check(text, path, variables)?.warnings),
        // Upstream's own rules are upstream's to check: it keeps the last good configuration and says why in its log.
        Runtime::Openclaw => match json5::parse(text) {
            Ok(root) => Ok(browser(text, &root).into_iter().collect()),
            Err(error) => Err(ConfigError::syntax(path, error).into()),
        },
    }
}

/// Upstream has a browser unless it is told otherwise; an instance cannot run one (`docs/decisions/0013-no-browser-in-an-instance.md`).
fn browser(text: &str, root: &Node) -> Option<Warning> {
    const REASON: &str = "an instance listens on no port but its own, and a browser needs some of its own; the tool is offered and \
                          fails. Set it to false, or reach a browser elsewhere by an MCP server";
    let section = root.get(&["browser"]);
    let enabled = root.get(&["browser", "enabled"]);
    let (node, what) = match (section, enabled) {
        (_, Some(enabled)) if enabled.to_json() == false => return None,
        (_, Some(enabled)) => (enabled, "`browser.enabled` has no effect"),
        (Some(section), None) => (section, "`browser.enabled` is true where it is left out"),
        (None, _) => (root, "`browser.enabled` is true where it is left out"),
    };
    let Place { line, column } = json5::place(text, node.span.start);
    Some(Warning {
        line,
        column,
        message: format!("{what}: {REASON}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_an_instance_cannot_run_is_warned_of_where_it_stands() {
        let warned = |text: &str| {
            let checked = check(Runtime::Openclaw, text, Path::new("openclaw.json"), &Variables::new());
            let warnings = checked.expect("it is no error");
            warnings.first().map(|warning| (warning.line, warning.column))
        };
        assert_eq!(warned("{\n  browser: { enabled: false },\n}"), None);
        assert_eq!(warned("{\n  browser: { enabled: true },\n}"), Some((2, 23)));
        assert_eq!(warned("{\n  browser: { headless: true },\n}"), Some((2, 12)));
        assert_eq!(warned("// none\n{}"), Some((2, 1)));
        assert_eq!(warned(include_str!("../templates/openclaw/openclaw.json")), None);
    }
}
