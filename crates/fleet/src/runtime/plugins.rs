//! Upstream's plugins for channels: which an instance needs yet, and how upstream is told to install one.
//!
//! Upstream keeps plugins in an instance's own state, and trusts the official ones only where it installed them itself (its
//! `cli/plugins/install.md`). So each instance has its own, pinned, installed by upstream in the instance's sandbox before the gateway
//! starts. What the registry says of a pinned version must be what Creel was built with; that a download is that, npm makes sure of.

use std::path::PathBuf;

use creel_config::Secret;
use creel_records::{InstanceRecord, Runtime};

use super::npm;
use crate::channel::{self, Plugin};
use crate::directory::InstanceDirectory;
use crate::environment::Variables;
use crate::{FleetError, OPENCLAW_VERSION};

/// What is installed, a line each, relative to the instance's directory: beside the state that it is a part of.
const INSTALLED: &str = "data/creel-plugins";
const MAX_INSTALLED: u64 = 64 << 10;
/// What upstream writes the plugin's entry into in place of the instance's `openclaw.json`, which it would write anew, without its
/// comments.
const SCRATCH: &str = "tmp/plugins.json";

/// The plugins that the instance's channels need.
pub fn needed(record: &InstanceRecord) -> Vec<Plugin> {
    match record.runtime {
        Runtime::Native => Vec::new(),
        Runtime::Openclaw => channel::plugins(&record.channels),
    }
}

/// Those of them that were not installed for this version of upstream.
pub fn missing(directory: &InstanceDirectory, record: &InstanceRecord) -> Result<Vec<Plugin>, FleetError> {
    let mut plugins = needed(record);
    if plugins.is_empty() {
        return Ok(plugins);
    }
    let installed = installed(directory)?;
    let is_there = |plugin: &Plugin| installed.lines().any(|line| line == note(plugin, record));
    plugins.retain(|plugin| !is_there(plugin));
    Ok(plugins)
}

/// Remembers that it was installed.
pub fn remember(directory: &InstanceDirectory, record: &InstanceRecord, plugin: &Plugin) -> Result<(), FleetError> {
    let mut text = installed(directory)?;
    text.push_str(&note(plugin, record));
    text.push('\n');
    let written = directory.replace(INSTALLED, &text);
    written.map_err(FleetError::file("write", directory.root().join(INSTALLED)))
}

fn installed(directory: &InstanceDirectory) -> Result<String, FleetError> {
    let text = directory.read(INSTALLED, MAX_INSTALLED);
    let text = text.map_err(FleetError::file("read", directory.root().join(INSTALLED)))?;
    Ok(text.unwrap_or_default())
}

/// A plugin is linked to the upstream that installed it.
fn note(plugin: &Plugin, record: &InstanceRecord) -> String {
    let version = record.version.as_deref().unwrap_or(OPENCLAW_VERSION);
    format!("{}@{} openclaw@{version}", plugin.package, plugin.version)
}

/// Makes sure that the registry has what was pinned.
///
/// # Errors
/// Why not, in a line.
pub async fn vouch(plugin: &Plugin) -> Result<(), FleetError> {
    let spec = format!("{}@{}", plugin.package, plugin.version);
    let found = npm::ask(&["view", &spec, "dist.integrity"]).await;
    let refuse = |reason: String| FleetError::Plugin {
        package: plugin.package,
        version: plugin.version,
        reason,
    };
    let found = found.map_err(refuse)?;
    if found.trim() == plugin.integrity {
        return Ok(());
    }
    let reason = format!(
        "the registry has another one of this version ({}; it should be {}), and it is not installed",
        found.trim().chars().take(100).collect::<String>(),
        plugin.integrity
    );
    Err(refuse(reason))
}

/// What upstream is told.
pub fn arguments(plugin: &Plugin) -> Vec<String> {
    let mut arguments = vec![
        "plugins".to_owned(),
        "install".to_owned(),
        format!("{}@{}", plugin.package, plugin.version),
        "--pin".to_owned(),
        // Over what an earlier attempt, or an earlier version of upstream, has left.
        "--force".to_owned(),
    ];
    if !plugin.is_official {
        arguments.push("--accept-capabilities".to_owned());
    }
    arguments
}

/// Sets the environment of an installation up.
pub async fn prepare(directory: &InstanceDirectory, variables: &mut Variables) -> Result<(), FleetError> {
    let scratch = directory.root().join(SCRATCH);
    let written = directory.replace(SCRATCH, "{ gateway: { mode: \"local\" } }\n");
    written.map_err(FleetError::file("write", &scratch))?;
    variables.insert("OPENCLAW_CONFIG_PATH".into(), scratch.display().to_string());
    for (name, value) in npm::way_out() {
        variables.insert(name, Secret::expose(&value).to_owned());
    }
    Ok(())
}

/// Where npm is, for a sandbox: the directory for PATH, and what it must be able to read.
pub fn npm() -> Option<(PathBuf, PathBuf)> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|directory| directory.join("npm"));
    let command = found.into_iter().find(|command| command.is_file())?;
    let program = command.canonicalize().ok()?;
    // …/node_modules/npm/bin/npm-cli.js
    let package = program
        .ancestors()
        .find(|directory| directory.join("package.json").is_file())?;
    Some((command.parent()?.to_owned(), package.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use creel_records::Channel;
    use serde_json::json;

    use super::*;
    use crate::template::tests::record;

    #[test]
    fn what_is_installed_is_remembered_for_its_version_of_upstream() {
        let dir = tempfile::tempdir().unwrap();
        let directory = InstanceDirectory::new(dir.path().join("a"));
        directory.make_directory("data").unwrap();
        let channel = |kind: &str| Channel {
            kind: kind.into(),
            config: json!({}),
        };
        let mut record = record(Runtime::Openclaw);
        record.channels = ["feishu", "telegram", "slack"].map(channel).into();
        let names =
            |record: &_| -> Vec<&str> { missing(&directory, record).unwrap().iter().map(|one| one.id).collect() };
        assert_eq!(names(&record), ["feishu", "slack"]);
        let feishu = missing(&directory, &record).unwrap()[0];
        remember(&directory, &record, &feishu).unwrap();
        assert_eq!(names(&record), ["slack"]);
        record.version = Some("2027.1.1".into());
        assert_eq!(names(&record), ["feishu", "slack"], "another upstream needs it anew");
        record.runtime = Runtime::Native;
        assert!(names(&record).is_empty());
        assert!(Path::new(INSTALLED).starts_with("data"), "it goes with the state");
    }

    #[test]
    fn capabilities_are_accepted_for_those_that_upstream_does_not_know() {
        let plugin = |kind: &str| {
            channel::plugins(&[Channel {
                kind: kind.into(),
                config: json!({}),
            }])[0]
        };
        let official = arguments(&plugin("feishu"));
        assert_eq!(official[2], "@openclaw/feishu@2026.9.5");
        assert!(!official.iter().any(|word| word.contains("capabilities")));
        assert!(
            arguments(&plugin("dingtalk"))
                .iter()
                .any(|word| word == "--accept-capabilities")
        );
    }
}
