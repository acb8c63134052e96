//! Settings that are fine as long as they say what is so anyway, and that do nothing where they say more. Whoever wrote one there must
//! not believe that it does.

use crate::json5::{Node, Value};
use crate::section::{NO_EFFECT, Section, asks_for_nothing};
use crate::settings::agents;
use crate::{ConfigError, Mcp, McpTransport};

/// Warns of them, one line each.
pub(crate) fn warn_of_idle(file: &Section, mcp: &Mcp) -> Result<(), ConfigError> {
    let http = file.section("gateway")?.section("http")?;
    except(&http, &["endpoints"]);
    except(&http.section("endpoints")?, &["chatCompletions"]);
    except(&file.section("cluster")?, &["instanceId"]);
    if file.section("env")?.has("shellEnv") {
        file.section("env")?.warn_key("shellEnv", NO_EFFECT);
    }
    // Upstream adds the providers of the file to those that it knows by itself, and so does the native gateway.
    let models = file.section("models")?;
    if models.string("mode")?.is_some_and(|mode| mode != "merge") {
        models.warn_key("mode", NO_EFFECT);
    }
    // Every agent may use every tool there is.
    let tools = file.section("tools")?;
    except(&tools, &["defaults"]);
    if tools.get("defaults").is_some_and(|tools| !is_all(tools)) {
        tools.warn_key("defaults", NO_EFFECT);
    }
    let runs_programs = mcp
        .servers
        .values()
        .any(|server| matches!(server.transport, McpTransport::Stdio { .. }));
    for agent in agents(file)? {
        // `main` is the default agent.
        if agent.boolean("default")? == Some(true) && agent.path_of("") != "agents.entries.main." {
            agent.warn_key("default", NO_EFFECT);
        }
        // The gateway's own tools do nothing that a sandbox would have to keep in: they read and write files of the workspace.
        let sandbox = agent.section("sandbox")?;
        except(&sandbox, &["mode", "scope"]);
        if runs_programs && sandbox.string("mode")?.is_some_and(|mode| mode != "off") {
            sandbox.warn_key(
                "mode",
                "does not hold for MCP servers: they run beside the native gateway, with its rights",
            );
        }
    }
    Ok(())
}

fn except(section: &Section, read: &[&str]) {
    for member in section.members() {
        if !read.contains(&member.key.as_str()) && !asks_for_nothing(&member.value) {
            let key = section.path_of(&member.key);
            section.warn(member.key_span.start, format!("`{key}` {NO_EFFECT}"));
        }
    }
}

fn is_all(tools: &Node) -> bool {
    matches!(&tools.value, Value::Array(items) if items.iter().all(|item| item.as_str() == Some("*")))
}
