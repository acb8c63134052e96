//! How a container is confined, as the engine tells of it: what [`super::spec`] asks for is looked for again, whoever made it.

use std::path::Path;

use serde_json::Value;

use crate::driver::cgroup::Kept;

/// What holds a container, and what does not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hardening {
    /// It may do what root of this host may.
    pub is_privileged: bool,
    /// It has kept or was given some.
    pub has_capabilities: bool,
    pub no_new_privileges: bool,
    pub read_only_root: bool,
    pub has_init: bool,
    pub is_root: bool,
    pub limits: Kept,
    /// Namespaces that it has in common with this host or with another container.
    pub shares: Vec<String>,
    /// Networks that are not its own.
    pub networks: Vec<String>,
    /// Where it can be reached from elsewhere: `0.0.0.0:18789`.
    pub published: Vec<String>,
    /// Files of this host that are not the instance's.
    pub reaches: Vec<String>,
}

/// Namespaces, as the engine calls them.
const NAMESPACES: [(&str, &str); 4] = [
    ("NetworkMode", "network"),
    ("PidMode", "processes"),
    ("IpcMode", "ipc"),
    ("UTSMode", "host name"),
];
/// As many as engines leave a container that asks for nothing; Podman names each that was dropped, Docker says `ALL`.
const DEFAULT_CAPABILITIES: usize = 11;

impl Hardening {
    /// Of a container as it is inspected; `network` is its own, and in `root` are the instance's files.
    pub fn of(inspected: &Value, network: &str, root: &Path) -> Self {
        let (host, config) = (&inspected["HostConfig"], &inspected["Config"]);
        let is_privileged = host["Privileged"] == true;
        let dropped: Vec<&str> = texts(&host["CapDrop"]).collect();
        let drops_all = dropped.iter().any(|name| name.eq_ignore_ascii_case("ALL"));
        let limit = |name: &str| {
            host[name]
                .as_i64()
                .and_then(|most| u64::try_from(most).ok())
                .filter(|most| *most > 0)
        };
        Self {
            is_privileged,
            has_capabilities: is_privileged
                || texts(&host["CapAdd"]).next().is_some()
                || !(drops_all || dropped.len() >= DEFAULT_CAPABILITIES),
            no_new_privileges: texts(&host["SecurityOpt"]).any(|option| {
                matches!(
                    option,
                    "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true"
                )
            }),
            read_only_root: host["ReadonlyRootfs"] == true,
            has_init: host["Init"] == true,
            is_root: matches!(
                config["User"].as_str().unwrap_or_default().split(':').next(),
                Some("" | "0" | "root")
            ),
            limits: Kept {
                memory_bytes: limit("Memory"),
                cpus: cpus(host),
                processes: limit("PidsLimit"),
            },
            shares: shared(host),
            networks: networks(inspected, network),
            published: published(host),
            reaches: reached(inspected, root),
        }
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Said as billionths of a core, or as a part of a period.
fn cpus(host: &Value) -> Option<f64> {
    let number = |name: &str| host[name].as_f64().filter(|number| *number > 0.0);
    if let Some(billionths) = number("NanoCpus") {
        return Some(billionths / 1e9);
    }
    Some(number("CpuQuota")? / number("CpuPeriod")?)
}

fn shared(host: &Value) -> Vec<String> {
    let shared = |mode: &Value| {
        mode.as_str()
            .is_some_and(|mode| mode == "host" || mode.starts_with("container:"))
    };
    let found = NAMESPACES.iter().filter(|(field, _)| shared(&host[field]));
    found.map(|(_, name)| (*name).to_owned()).collect()
}

fn networks(inspected: &Value, own: &str) -> Vec<String> {
    let networks = inspected["NetworkSettings"]["Networks"].as_object();
    let names = networks.into_iter().flat_map(serde_json::Map::keys);
    names.filter(|name| *name != own).cloned().collect()
}

/// Whatever is not of this host's loopback address; with no address it is every one.
fn published(host: &Value) -> Vec<String> {
    let ports = host["PortBindings"]
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values);
    let bindings = ports.filter_map(Value::as_array).flatten();
    bindings
        .filter_map(|binding| {
            let address = binding["HostIp"]
                .as_str()
                .filter(|address| !address.is_empty())
                .unwrap_or("0.0.0.0");
            let is_own = address
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
            let port = binding["HostPort"].as_str().unwrap_or_default();
            (!is_own).then(|| format!("{address}:{port}"))
        })
        .collect()
}

fn reached(inspected: &Value, root: &Path) -> Vec<String> {
    let mounts = inspected["Mounts"].as_array().into_iter().flatten();
    let binds = mounts
        .filter(|mount| mount["Type"] == "bind")
        .filter_map(|mount| mount["Source"].as_str());
    binds
        .filter(|source| !Path::new(source).starts_with(root))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(inspected: &Value) -> Hardening {
        Hardening::of(inspected, "creel-1-alice", Path::new("/home/instances/alice"))
    }

    #[test]
    fn one_that_was_asked_for_nothing_is_held_by_nothing() {
        let bare = of(&json!({"HostConfig": {"PidsLimit": null}, "Config": {"User": ""}}));
        assert!(bare.has_capabilities && bare.is_root && !bare.no_new_privileges && !bare.has_init);
        assert_eq!(bare.limits, Kept::default());
    }

    #[test]
    fn each_way_out_is_seen() {
        let open = of(&json!({
            "HostConfig": {
                "Privileged": false, "CapDrop": ["ALL"], "CapAdd": ["NET_ADMIN"], "PidsLimit": -1,
                "CpuQuota": 50_000, "CpuPeriod": 100_000, "PidMode": "host", "NetworkMode": "container:12", "IpcMode": "private",
                "PortBindings": {
                    "1/tcp": [{"HostIp": "127.0.0.1", "HostPort": "1"}, {"HostIp": "::1", "HostPort": "1"}],
                    "2/tcp": [{"HostIp": "", "HostPort": "2"}, {"HostIp": "10.0.0.1", "HostPort": "3"}],
                    "3/tcp": null,
                },
            },
            "Config": {"User": "0:0"},
            "Mounts": [
                {"Type": "bind", "Source": "/home/instances/alice/data"},
                {"Type": "bind", "Source": "/home/instances/alice2"},
                {"Type": "bind", "Source": "/run/docker.sock"},
                {"Type": "volume", "Source": "/var/lib/docker/volumes/x"},
            ],
            "NetworkSettings": {"Networks": {"creel-1-alice": {}, "bridge": {}}},
        }));
        assert!(open.has_capabilities && open.is_root && !open.is_privileged);
        assert_eq!((open.limits.cpus, open.limits.processes), (Some(0.5), None));
        assert_eq!(open.shares, ["network", "processes"]);
        assert_eq!(open.networks, ["bridge"]);
        assert_eq!(open.published, ["0.0.0.0:2", "10.0.0.1:3"]);
        assert_eq!(open.reaches, ["/home/instances/alice2", "/run/docker.sock"]);
    }
}
