//! What is sent to be built: `railway.toml`, the image to begin with, and the configuration. No secret that Creel knows of is in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use creel_records::{InstanceRecord, Runtime};
use sha2::{Digest as _, Sha256};

use super::told::{CONFIG, DATA};
use crate::directory::{CONFIG as OWN_CONFIG, InstanceDirectory};
use crate::fleet::MAX_CONFIG;
use crate::runtime::plugins;
use crate::template::RailwayFile;
use crate::{FleetError, InstanceId, OPENCLAW_VERSION, channel};

/// The directory that is sent, relative to the instance's.
const DIRECTORY: &str = "railway";
const DOCKERFILE: &str = "Dockerfile.railway";
const PLUGINS: &str = "plugins.sh";

pub struct Upload {
    pub directory: PathBuf,
    /// Of all its files: what is the same was built before.
    pub digest: String,
    /// What `railway.toml` lists under `[env]`, which Railway does not read.
    pub variables: BTreeMap<String, String>,
}

/// Writes the files of this instance.
pub fn write(
    id: &InstanceId,
    record: &InstanceRecord,
    directory: &InstanceDirectory,
    templates: &Path,
    secrets: &[String],
) -> Result<Upload, FleetError> {
    let script = match record.runtime {
        Runtime::Openclaw => install_plugins(record),
        Runtime::Native => None,
    };
    let script_path = format!("/etc/openclaw/{PLUGINS}");
    let timezone = std::env::var("TZ").unwrap_or_else(|_| "UTC".to_owned());
    let file = RailwayFile {
        id,
        runtime: record.runtime,
        channels: &record.channels,
        model: record.model.as_deref(),
        timezone: &timezone,
        dockerfile: DOCKERFILE,
        first: script.as_ref().map(|_| script_path.as_str()),
        secrets,
    };
    let toml = file.render(templates)?;
    let variables = variables_of(&toml)?;
    let mut files = vec![
        ("railway.toml", toml),
        (DOCKERFILE, dockerfile(id, record, script.is_some())?),
        ("openclaw.json", config(directory)?),
    ];
    files.extend(script.map(|script| (PLUGINS, script)));

    let failed = |path: &str| FleetError::file("write", directory.root().join(DIRECTORY).join(path));
    directory.make_directory(DIRECTORY).map_err(failed(""))?;
    let mut digest = Sha256::new();
    for (name, text) in &files {
        digest.update(format!("{name} {}\n{text}", text.len()));
        let path = format!("{DIRECTORY}/{name}");
        directory.replace(&path, text).map_err(failed(name))?;
    }
    Ok(Upload {
        directory: directory.root().join(DIRECTORY),
        digest: hex::encode(&digest.finalize()[..16]),
        variables,
    })
}

fn variables_of(toml: &str) -> Result<BTreeMap<String, String>, FleetError> {
    let refuse = |reason: String| FleetError::invalid("template", format!("deploy/railway.toml: {reason}"));
    let table: toml::Table = toml
        .parse()
        .map_err(|error: toml::de::Error| refuse(error.message().to_owned()))?;
    let Some(env) = table.get("env").and_then(toml::Value::as_table) else {
        return Ok(BTreeMap::new());
    };
    let variables = env.iter().map(|(name, value)| match value.as_str() {
        Some(value) => Ok((name.clone(), value.to_owned())),
        None => Err(refuse(format!("{name} under [env] must be a text, in quotes"))),
    });
    variables.collect()
}

fn dockerfile(id: &InstanceId, record: &InstanceRecord, has_script: bool) -> Result<String, FleetError> {
    let Some(image) = &record.image else {
        return Err(FleetError::invalid(
            "image",
            "an instance on Railway needs one that Railway can pull",
        ));
    };
    let script = if has_script {
        format!("COPY {PLUGINS} /etc/openclaw/{PLUGINS}\n")
    } else {
        String::new()
    };
    Ok(format!(
        "# Made by creel for the instance {id}; written anew at every start.\nFROM {image}\nCOPY openclaw.json {CONFIG}\n{script}"
    ))
}

/// The instance's configuration, with its files where the volume is.
fn config(directory: &InstanceDirectory) -> Result<String, FleetError> {
    let text = directory.read(OWN_CONFIG, MAX_CONFIG);
    let text = text
        .map_err(FleetError::file("read", directory.config()))?
        .unwrap_or_default();
    Ok(text.replace(&directory.data().display().to_string(), DATA))
}

/// Has upstream install the plugins of its channels that the volume has not got yet.
fn install_plugins(record: &InstanceRecord) -> Option<String> {
    let plugins = channel::plugins(&record.channels);
    if plugins.is_empty() {
        return None;
    }
    let version = record.version.as_deref().unwrap_or(OPENCLAW_VERSION);
    // Upstream writes the plugin's entry into a configuration; not into the instance's.
    let mut script = format!(
        "set -e\nexport OPENCLAW_CONFIG_PATH=/tmp/plugins.json\necho '{{ gateway: {{ mode: \"local\" }} }}' >$OPENCLAW_CONFIG_PATH\n\
         there={DATA}/creel-plugins\ntouch $there\n"
    );
    for plugin in plugins {
        let note = format!("{}@{} openclaw@{version}", plugin.package, plugin.version);
        let arguments = plugins::arguments(&plugin).join(" ");
        script.push_str(&format!(
            "grep -qxF '{note}' $there || {{ node dist/index.js {arguments} && echo '{note}' >>$there; }}\n"
        ));
    }
    Some(script)
}

#[cfg(test)]
mod tests {
    use creel_records::Channel;
    use serde_json::json;

    use super::*;
    use crate::template::tests::record;

    fn written(runtime: Runtime, channels: &[&str]) -> (tempfile::TempDir, Upload) {
        let dir = tempfile::tempdir().unwrap();
        let directory = InstanceDirectory::new(dir.path().join("a"));
        directory.make_directory("data").unwrap();
        let workspace = directory.workspace();
        directory
            .replace(OWN_CONFIG, &format!("{{ workspace: \"{}\" }}", workspace.display()))
            .unwrap();
        let mut record = record(runtime);
        record.image = Some("ghcr.io/acme/creel:1".into());
        record.channels = channels
            .iter()
            .map(|kind| Channel {
                kind: (*kind).into(),
                config: json!({}),
            })
            .collect();
        let id = InstanceId::new("a").unwrap();
        let upload = write(&id, &record, &directory, Path::new("/nonexistent"), &[]).unwrap();
        (dir, upload)
    }

    #[test]
    fn what_is_sent_begins_with_the_image_and_knows_its_volume() {
        let (_kept, upload) = written(Runtime::Native, &[]);
        let text = |name: &str| std::fs::read_to_string(upload.directory.join(name)).unwrap();
        assert!(
            text(DOCKERFILE).contains("FROM ghcr.io/acme/creel:1\nCOPY openclaw.json /etc/openclaw/openclaw.json\n")
        );
        assert_eq!(text("openclaw.json"), "{ workspace: \"/data/workspace\" }");
        assert_eq!(upload.variables["PORT"], "8080");
        assert!(text("railway.toml").contains("dockerfilePath = \"Dockerfile.railway\""));
        assert!(!upload.directory.join(PLUGINS).exists());
        let (_kept, again) = written(Runtime::Native, &[]);
        assert_eq!(upload.digest, again.digest);
        assert_ne!(upload.digest, written(Runtime::Native, &["feishu"]).1.digest);
    }

    #[test]
    fn plugins_are_installed_once_by_upstream() {
        let (_kept, upload) = written(Runtime::Openclaw, &["feishu", "telegram"]);
        let directory = &upload.directory;
        let script = std::fs::read_to_string(directory.join(PLUGINS)).unwrap();
        // With a stand-in for Node that notes what it is asked, and a volume of its own.
        let bin = directory.join("bin");
        std::fs::create_dir(&bin).unwrap();
        // Written by another process: what is forked here meanwhile would have it open for writing, and nobody could run it.
        let node = format!("#!/bin/sh\necho \"$@\" >>{}/asked\n", bin.display());
        let write = ["-c", "printf %s \"$1\" >\"$0/node\" && chmod 755 \"$0/node\""];
        let mut written = std::process::Command::new("sh");
        assert!(written.args(write).arg(&bin).arg(node).status().unwrap().success());
        let script = script
            .replace("there=/data/", &format!("there={}/", bin.display()))
            .replace("/tmp/plugins.json", &format!("{}/plugins.json", bin.display()));
        for _ in 0..2 {
            let path = format!("{}:/usr/bin:/bin", bin.display());
            let status = std::process::Command::new("sh")
                .args(["-c", &script])
                .env("PATH", path)
                .status();
            assert!(status.unwrap().success());
        }
        let asked = std::fs::read_to_string(bin.join("asked")).unwrap();
        assert_eq!(
            asked,
            "dist/index.js plugins install @openclaw/feishu@2026.9.5 --pin --force\n"
        );
    }

    #[test]
    fn what_stands_under_env_must_be_text() {
        let refused = variables_of("[env]\nPORT = 8080\n").unwrap_err().to_string();
        assert!(refused.contains("PORT under [env] must be a text"), "{refused}");
        assert!(variables_of("[env\n").is_err());
        assert!(variables_of("[deploy]\n").unwrap().is_empty());
    }
}
