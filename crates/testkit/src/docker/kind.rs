//! How each engine is started: with everything it keeps in one directory.

use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Docker,
    /// As root, with `netavark` for its networks.
    Podman,
}

/// Locks and what runs are nobody else's. `$@` is the engine.
const PRIVATE: &str = r#"mount -t tmpfs tmpfs /dev/shm && mount -t tmpfs tmpfs /run && exec "$@""#;

impl Kind {
    /// The program and its arguments, to listen as `host` says.
    pub(super) fn command(self, directory: &Path, host: &str) -> Vec<String> {
        let of = |name: &str| directory.join(name).display().to_string();
        let mut words: Vec<String> = Vec::new();
        match self {
            Self::Docker => {
                words.extend(["dockerd".into(), "--data-root".into(), of("data")]);
                words.extend(["--exec-root".into(), of("exec"), "--pidfile".into(), of("pid")]);
                words.extend(["--host".into(), host.into(), "--shutdown-timeout=2".into()]);
                let left_alone = ["--bridge=none", "--iptables=false", "--ip6tables=false"];
                words.extend(left_alone.map(str::to_owned));
                words.extend(["--ip-masq=false", "--ip-forward=false"].map(str::to_owned));
            }
            Self::Podman => {
                words.extend(["sh", "-c", PRIVATE, "private", "podman"].map(str::to_owned));
                words.extend(["--root".into(), of("data"), "--runroot".into(), of("exec")]);
                words.extend([
                    "--tmpdir".into(),
                    of("tmp"),
                    "--network-config-dir".into(),
                    of("networks"),
                ]);
                // Its own choice, crun, will not run where control groups of both versions are mounted.
                let of_docker = ["--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=file"];
                words.extend(of_docker.map(str::to_owned));
                words.extend(["--network-backend", "netavark"].map(str::to_owned));
                words.extend(["system", "service", "--time", "0", host].map(str::to_owned));
            }
        }
        words
    }

    /// What to do where it does not start.
    pub(super) fn needs(self) -> &'static str {
        match self {
            Self::Docker => "apt-get install docker.io",
            Self::Podman => "apt-get install podman netavark iptables",
        }
    }
}
