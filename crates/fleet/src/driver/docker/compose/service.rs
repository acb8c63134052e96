//! What stands in a compose file for one instance.

use std::path::PathBuf;

use creel_records::{Driver, InstanceRecord, Runtime};
use serde_json::json;

use super::super::User;
use super::super::told::{self, Told};
use crate::directory::InstanceDirectory;
use crate::driver::{MAX_PROCESSES, Purpose};
use crate::fill::{Value, Values};
use crate::runtime::plugins;
use crate::{DefaultMemory, FleetError};

/// Where compose puts the file with the secrets.
const SECRETS: &str = "/run/secrets/creel";
/// Where the instance's `logs` is.
const LOGS: &str = "/var/log/openclaw";
pub const LOG: &str = "/var/log/openclaw/gateway.log";
/// Takes the lock that `$1` names, and what follows is what it becomes.
const SHELL: &str = r#"exec 9<"$1"; flock -n 9 || { echo "another process runs in this directory: $1 is locked" >&2; exit 75; }
shift; exec >>"$LOG" 2>&1; set -a; eval "$(cat "$SECRETS")"; set +a; exec "$@" </dev/null"#;
/// Asks upstream whether it lives.
const HEALTHZ: &str = "fetch('http://127.0.0.1:{port}/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))";

/// An instance, and what was found out about how it will run.
pub struct Service<'a> {
    /// By the name that an engine finds it by.
    pub image: String,
    pub record: &'a InstanceRecord,
    pub directory: &'a InstanceDirectory,
    pub told: &'a Told,
    pub user: User,
    pub zone: String,
}

impl Service<'_> {
    /// For the template of one service.
    pub fn places(&self) -> Values {
        let Self {
            record,
            directory,
            told,
            user,
            ..
        } = self;
        let is_native = record.runtime == Runtime::Native;
        let port = record.port;
        let entrypoint = match record.runtime {
            Runtime::Native => [told::CREEL, "sandbox-exec", SECRETS].map(str::to_owned).to_vec(),
            Runtime::Openclaw => {
                let shell = SHELL.replace("$LOG", LOG).replace("$SECRETS", SECRETS);
                let lock = directory.lock().display().to_string();
                let mut words = vec!["/bin/sh".to_owned(), "-c".to_owned(), shell, "sh".to_owned(), lock];
                words.extend(told::upstream(Purpose::Serve, port));
                words
            }
        };
        let healthy = match record.runtime {
            Runtime::Native => ["CMD", told::CREEL, "gateway", "health"].map(str::to_owned).to_vec(),
            Runtime::Openclaw => vec![
                "CMD".to_owned(),
                "node".to_owned(),
                "-e".to_owned(),
                HEALTHZ.replace("{port}", &port.to_string()),
            ],
        };
        let list =
            |words: Vec<String>| Value::One(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "));
        let same = |path: PathBuf| (path.clone(), path);
        let mut volumes: Vec<(PathBuf, PathBuf)> = directory.writable().into_iter().map(same).collect();
        volumes.push(same(directory.lock()));
        volumes.push((directory.root().join("logs"), LOGS.into()));
        let volumes = volumes.iter().map(|(from, to)| {
            let (from, to) = (quoted(&from.display().to_string()), quoted(&to.display().to_string()));
            format!("- {{type: bind, source: {from}, target: {to}}}")
        });
        let environment = told
            .public
            .iter()
            .map(|(name, value)| format!("{name}: {}", quoted(value)));
        let mut limits = vec![format!("pids_limit: {MAX_PROCESSES}")];
        let memory = record
            .memory_bytes
            .or_else(|| DefaultMemory::default().of(record.runtime));
        limits.extend(memory.map(|bytes| format!("mem_limit: {bytes}")));
        limits.extend(record.cpus.map(|cores| format!("cpus: {cores}")));
        let working_directory = directory.workspace().display().to_string();
        let mut run_as = vec![format!("user: \"{}:{}\"", user.id, user.group)];
        run_as.extend(user.keep_id.then(|| "userns_mode: keep-id".to_owned()));
        vec![
            ("id", Value::one(&record.id)),
            ("image", Value::One(quoted(&self.image))),
            ("entrypoint", list(entrypoint)),
            ("port", Value::one(port)),
            ("volume", Value::Each(volumes.collect())),
            ("timezone", Value::One(quoted(&self.zone))),
            ("variable", Value::Each(environment.collect())),
            ("run_as", Value::Each(run_as)),
            ("limit", Value::Each(limits)),
            ("read_only", Value::one(is_native)),
            ("healthy", list(healthy)),
            // Upstream's image has its own.
            (
                "working_directory",
                Value::Each(
                    is_native
                        .then(|| format!("working_dir: {}", quoted(&working_directory)))
                        .into_iter()
                        .collect(),
                ),
            ),
            ("grace_seconds", Value::one(if is_native { 45 } else { 330 })),
        ]
    }

    /// What will not be as under Creel, a line each.
    pub fn warnings(&self) -> Result<Vec<String>, FleetError> {
        let Self {
            record,
            directory,
            told,
            ..
        } = self;
        let mut warnings = Vec::new();
        for name in told.of_this_host() {
            warnings.push(format!(
                "{name} of its instance.env leads to this host's loopback address, which is another one in a container"
            ));
        }
        let needed = plugins::needed(record);
        if record.driver == Driver::Process && !needed.is_empty() {
            warnings.push(format!(
                "{} of its channels is a part of the openclaw on this host; make the instance with --driver docker, whose plugins fit its image",
                needed.iter().map(|plugin| plugin.package).collect::<Vec<_>>().join(", ")
            ));
        } else if let Some(plugin) = plugins::missing(directory, record)?.first() {
            let (package, id) = (plugin.package, &record.id);
            warnings.push(format!(
                "{package} is not installed yet: `creel instance start {id}`, then stop it, does that"
            ));
        }
        if !told.has_provider_key() {
            warnings.push(format!(
                "it gets no key of the LLM Gateway, which is on this host's loopback address, out of a container's reach; for a model write \
                 OPENAI_API_KEY=… (and OPENAI_BASE_URL=…) or another provider's into {}, and render again",
                directory.env_file().display()
            ));
        }
        Ok(warnings)
    }
}

/// As it stands in YAML, where compose looks for variables in it.
fn quoted(text: &str) -> String {
    json!(text).to_string().replace('$', "$$")
}
