//! What the engine is asked to make of an instance: everything that it is not given cannot be used against its neighbours.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::names;
use crate::driver::{Limits, MAX_PROCESSES};

/// The limits of a container as its [`Spec`] had them, whatever was changed since; nothing of one without that label.
pub fn made_with(inspected: &Value) -> Option<Limits> {
    let label = inspected["Config"]["Labels"][names::MADE_WITH].as_str()?;
    let made: Value = serde_json::from_str(label).ok()?;
    let some = |field: &str| made[field].as_u64().filter(|number| *number > 0);
    Some(Limits {
        memory_bytes: some("Memory"),
        cpus: some("NanoCpus").map(|billionths| billionths as f64 / 1e9),
    })
}

/// One container.
pub struct Spec {
    /// The engine's id of the image.
    pub image: String,
    pub entrypoint: Vec<String>,
    /// `uid:gid`; never root of this host.
    pub user: String,
    /// Rootless Podman: the user of Creel is the same one inside.
    pub keep_id: bool,
    pub host_name: String,
    /// Nothing secret: everybody who may ask the engine can read it.
    pub environment: BTreeMap<String, String>,
    /// The image's own where there is none.
    pub working_directory: Option<PathBuf>,
    /// Directories of this host, at the same place inside.
    pub writable: Vec<PathBuf>,
    pub read_only_root: bool,
    pub network: String,
    pub port: u16,
    pub limits: Limits,
    pub labels: BTreeMap<&'static str, String>,
}

impl Spec {
    /// The limits as the engine counts them, which is also what is looked for later.
    pub fn resources(&self) -> Value {
        json!({
            "Memory": self.limits.memory_bytes.unwrap_or(0),
            "NanoCpus": self.limits.cpus.map_or(0, |cpus| (cpus * 1e9).round() as u64),
            "PidsLimit": MAX_PROCESSES,
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        })
    }

    /// The body of `POST /containers/create`.
    pub fn body(&self) -> Value {
        let port = format!("{}/tcp", self.port);
        let environment: Vec<String> = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let bind = |path: &PathBuf| json!({"Type": "bind", "Source": path, "Target": path});
        let resources = self.resources();
        let mut labels = self.labels.clone();
        labels.insert(names::MADE_WITH, resources.to_string());
        let mut host = json!({
            "NetworkMode": self.network,
            // Of this host alone: whoever is to reach it from elsewhere comes through the edge.
            "PortBindings": {&port: [{"HostIp": "127.0.0.1", "HostPort": self.port.to_string()}]},
            "Mounts": self.writable.iter().map(bind).collect::<Vec<_>>(),
            "Tmpfs": {"/tmp": "rw,nosuid,nodev,size=256m,mode=1777"},
            "ReadonlyRootfs": self.read_only_root,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Privileged": false,
            "IpcMode": "private",
            // Reaps what tools leave behind.
            "Init": true,
            // Creel reads it; the engine keeps no more than this.
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
        });
        if self.keep_id {
            host["UsernsMode"] = json!("keep-id");
        }
        if let (Some(host), Some(resources)) = (host.as_object_mut(), resources.as_object()) {
            host.extend(resources.clone());
        }
        let mut body = json!({
            "Image": self.image,
            "Entrypoint": self.entrypoint,
            "Cmd": [],
            "User": self.user,
            "Hostname": self.host_name,
            "Env": environment,
            "Labels": labels,
            "ExposedPorts": {&port: {}},
            // Creel asks /readyz from outside; a program started in there every half minute would cost more than the gateway.
            "Healthcheck": {"Test": ["NONE"]},
            // What it is told comes this way, once.
            "OpenStdin": true,
            "StdinOnce": true,
            "AttachStdin": true,
            "StopSignal": "SIGTERM",
            "HostConfig": host,
        });
        if let Some(directory) = &self.working_directory {
            body["WorkingDir"] = json!(directory);
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::driver::cgroup::Kept;
    use crate::driver::docker::Hardening;

    fn spec() -> Spec {
        Spec {
            image: "sha256:00".into(),
            entrypoint: vec!["/x".into()],
            user: "1000:1000".into(),
            keep_id: false,
            host_name: "alice".into(),
            environment: [("HOME".into(), "/i/home".into())].into(),
            working_directory: None,
            writable: vec!["/i/data".into()],
            read_only_root: true,
            network: "creel-alice".into(),
            port: 18789,
            limits: Limits {
                memory_bytes: Some(512 << 20),
                cpus: Some(0.5),
            },
            labels: BTreeMap::new(),
        }
    }

    #[test]
    fn what_it_was_made_with_is_read_back() {
        let read_back = |limits: Limits| {
            let body = Spec { limits, ..spec() }.body();
            made_with(&json!({"Config": {"Labels": body["Labels"]}}))
        };
        for cpus in [None, Some(0.29), Some(0.1), Some(1.0 / 3.0)] {
            let limits = Limits {
                memory_bytes: Some(64 << 20),
                cpus,
            };
            let found = read_back(limits).unwrap();
            let apart = found.cpus.unwrap_or(0.0) - cpus.unwrap_or(0.0);
            assert!(
                found.memory_bytes == limits.memory_bytes && apart.abs() < 1e-9,
                "{found:?}"
            );
            assert!(cpus == Some(1.0 / 3.0) || found == limits, "{found:?}");
        }
        assert_eq!(read_back(Limits::default()), Some(Limits::default()));
        assert_eq!(made_with(&json!({})), None);
    }

    #[test]
    fn it_is_given_nothing_that_it_does_not_need() {
        let body = spec().body();
        let host = &body["HostConfig"];
        assert_eq!(host["CapDrop"], json!(["ALL"]));
        assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
        assert_eq!(
            (&host["ReadonlyRootfs"], &host["Init"], &host["Privileged"]),
            (&json!(true), &json!(true), &json!(false))
        );
        assert_eq!(
            host["PortBindings"]["18789/tcp"],
            json!([{"HostIp": "127.0.0.1", "HostPort": "18789"}])
        );
        assert_eq!(
            (&host["Memory"], &host["NanoCpus"], &host["PidsLimit"]),
            (&json!(512 << 20), &json!(500_000_000), &json!(512))
        );
        assert_eq!(host["NetworkMode"], "creel-alice");
        // What the doctor looks for is what is asked for.
        let inspected = json!({"HostConfig": host, "Config": {"User": body["User"]}, "Mounts": host["Mounts"]});
        assert_eq!(
            Hardening::of(&inspected, "creel-alice", Path::new("/i")),
            Hardening {
                no_new_privileges: true,
                read_only_root: true,
                has_init: true,
                limits: Kept {
                    memory_bytes: Some(512 << 20),
                    cpus: Some(0.5),
                    processes: Some(MAX_PROCESSES),
                },
                ..Hardening::default()
            }
        );
        assert_eq!(body["User"], "1000:1000");
    }
}
