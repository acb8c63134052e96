//! What the host is, and which of the protections of instances it has.

use std::path::PathBuf;

use landlock::{ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};

use crate::driver::trial;
use crate::{Fleet, procfs};

/// The host now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostFacts {
    pub hostname: String,
    pub cpus: usize,
    pub memory_total_bytes: u64,
    pub memory_used_bytes: u64,
    /// 0 where there is none.
    pub swap_bytes: u64,
    pub cgroup: Option<CgroupVersion>,
    /// The home, and the file system that it is on.
    pub home: PathBuf,
    pub disk_total_bytes: u64,
    pub disk_free_bytes: u64,
    pub load_1m: f64,
}

/// Something a host may have or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    pub name: &'static str,
    pub available: bool,
    pub detail: String,
}

/// Which version of control groups the host has mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupVersion {
    V1,
    V2,
}

impl CgroupVersion {
    /// That of the host; the first where both are mounted and the first has controllers, `None` where neither is.
    #[must_use]
    pub fn of_host() -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let has = |kind: &str| mounts.lines().any(|line| line.split(' ').nth(2) == Some(kind));
        match (has("cgroup"), has("cgroup2")) {
            (true, _) => Some(Self::V1),
            (false, true) => Some(Self::V2),
            (false, false) => None,
        }
    }
}

impl std::fmt::Display for CgroupVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V1 => "1",
            Self::V2 => "2",
        })
    }
}

/// What can be learned of a host's protections where no fleet is open: of control groups nothing, for only a fleet makes any.
pub async fn features_without_a_fleet(creel_exe: &std::path::Path) -> Vec<Feature> {
    vec![landlock(), mounts_feature(Some(&trial::own_mounts(creel_exe).await))]
}

impl Fleet {
    #[must_use]
    pub fn host(&self) -> HostFacts {
        let uname = rustix::system::uname();
        let (memory_used_bytes, memory_total_bytes) = procfs::host_memory().unwrap_or_default();
        let disk = rustix::fs::statvfs(self.shared.home.path()).ok();
        let bytes = |blocks: u64| disk.as_ref().map_or(0, |disk| blocks * disk.f_frsize);
        let load = std::fs::read_to_string("/proc/loadavg").ok();
        HostFacts {
            hostname: uname.nodename().to_string_lossy().into_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_total_bytes,
            memory_used_bytes,
            swap_bytes: procfs::swap().map_or(0, |(total, _)| total),
            cgroup: CgroupVersion::of_host(),
            home: self.shared.home.path().to_owned(),
            disk_total_bytes: bytes(disk.as_ref().map_or(0, |disk| disk.f_blocks)),
            disk_free_bytes: bytes(disk.as_ref().map_or(0, |disk| disk.f_bavail)),
            load_1m: load
                .and_then(|text| text.split(' ').next()?.parse().ok())
                .unwrap_or_default(),
        }
    }

    /// The version of the Node that new `openclaw` instances run on, where it is installed.
    #[must_use]
    pub fn node_version(&self) -> Option<String> {
        self.shared.process.installer().node_of(crate::OPENCLAW_VERSION)
    }

    /// The protections of instances, and what is missing for those that this host has not.
    #[must_use]
    pub fn host_features(&self) -> Vec<Feature> {
        let mut features = vec![landlock(), self.own_mounts()];
        features.extend(self.shared.process.cgroups().limits().map(|(name, available)| {
            let detail = if available {
                "limits are kept"
            } else {
                "no writable cgroup: such limits are refused"
            };
            Feature {
                name,
                available,
                detail: detail.to_owned(),
            }
        }));
        features
    }
}

impl Fleet {
    /// Tries what can only be tried, so that the first instance need not wait for it; then says what this host has not.
    pub(super) async fn say_what_is_missing(self) {
        let _ = self.shared.process.own_mounts().await;
        for Feature { name, detail, .. } in self.host_features().into_iter().filter(|feature| !feature.available) {
            tracing::warn!("{name}: {detail}");
        }
    }

    /// Tried when the fleet was opened; until that trial is over, not said to be there.
    fn own_mounts(&self) -> Feature {
        mounts_feature(self.shared.process.tried_own_mounts())
    }
}

fn mounts_feature(tried: Option<&Result<(), String>>) -> Feature {
    let (available, detail) = match tried {
        Some(Ok(())) => (
            true,
            "instances see nothing in /run and /tmp of what other programs leave there".to_owned(),
        ),
        Some(Err(reason)) => (
            false,
            format!("sockets in /run and /tmp are within reach of instances: {reason}"),
        ),
        None => (false, "not known yet".to_owned()),
    };
    Feature {
        name: "mounts",
        available,
        detail,
    }
}

fn landlock() -> Feature {
    let newest = [ABI::V6, ABI::V5, ABI::V4, ABI::V3, ABI::V2, ABI::V1]
        .into_iter()
        .find(|abi| supports(*abi));
    let detail = match newest {
        Some(abi) => format!("instances are confined to their own files (ABI {})", abi as i32),
        None => "this kernel has none; instances are kept apart by file permissions only".to_owned(),
    };
    Feature {
        name: "landlock",
        available: newest.is_some(),
        detail,
    }
}

/// Makes a rule set and throws it away: nothing is restricted by that.
fn supports(abi: ABI) -> bool {
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    rules
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.create())
        .is_ok()
}
