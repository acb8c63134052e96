//! Control groups: an instance's limits on memory, processors and processes, where the host lets this user set them.
//!
//! Version 1 has one tree per controller, version 2 one for all (<https://docs.kernel.org/admin-guide/cgroup-v2.html>). The
//! groups are made below the one Creel itself runs in, so that they stay within what Creel was given. What holds a home's groups is
//! there for as long as one of them is.

mod drift;
mod kept;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub use self::kept::{Kept, directory_of, kept_of};
use super::{Limits, MAX_PROCESSES};
use crate::InstanceId;

/// The period over which version 1 and 2 count processor time, in microseconds.
const CPU_PERIOD: u64 = 100_000;

/// Held while groups are made or removed: what holds them goes with the last, and nobody may be making one in it then.
static CHANGES: Mutex<()> = Mutex::new(());

/// Where groups can be made on this host.
#[derive(Debug, Default)]
pub struct Cgroups {
    memory: Option<PathBuf>,
    cpu: Option<PathBuf>,
    pids: Option<PathBuf>,
    version_2: bool,
    /// Version 2: what a group hands on to those below it, as `cgroup.subtree_control` takes it.
    handed_on: String,
}

/// A file of an instance's group, and what is written to it.
struct Setting<'a> {
    /// What holds the groups of this controller.
    base: &'a Path,
    /// As people are told of it.
    what: &'static str,
    file: &'static str,
    value: String,
    /// Not every kernel has it.
    may_be_absent: bool,
}

/// The groups of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    directories: Vec<PathBuf>,
    /// The one that counts memory.
    memory: Option<PathBuf>,
}

impl Cgroups {
    /// Looks at the host. `name` sets this home's instances apart from another's.
    pub fn detect(name: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::from_host(&mounts, &own, name)
    }

    fn from_host(mounts: &str, own: &str, name: &str) -> Self {
        let version_1 = |controller: &str| {
            let root = mounts.lines().find_map(|line| {
                let fields: Vec<&str> = line.split(' ').collect();
                let of_controller = *fields.get(2)? == "cgroup" && fields.get(3)?.split(',').any(|o| o == controller);
                of_controller.then(|| PathBuf::from(fields[1]))
            })?;
            let below = own.lines().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                fields
                    .next()?
                    .split(',')
                    .any(|c| c == controller)
                    .then(|| fields.next())?
            })?;
            usable(root.join(below.trim_start_matches('/')).join(name))
        };
        let (memory, cpu, pids) = (version_1("memory"), version_1("cpu"), version_1("pids"));
        if memory.is_some() || cpu.is_some() || pids.is_some() {
            return Self {
                memory,
                cpu,
                pids,
                version_2: false,
                handed_on: String::new(),
            };
        }
        let unified = mounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            (*fields.get(2)? == "cgroup2").then(|| PathBuf::from(fields[1]))
        });
        let below = own.lines().find_map(|line| line.strip_prefix("0::/"));
        let own = unified.zip(below).map(|(root, below)| root.join(below));
        let handed_on = own.as_deref().map(hand_on).unwrap_or_default();
        let with = |controller: &str| {
            let is_handed_on = handed_on.contains(&controller);
            own.as_ref().filter(|_| is_handed_on).map(|own| own.join(name))
        };
        Self {
            memory: with("memory"),
            cpu: with("cpu"),
            pids: with("pids"),
            version_2: true,
            handed_on: switched_on(&handed_on),
        }
    }

    /// Each kind of limit, and whether it can be kept.
    pub fn limits(&self) -> [(&'static str, bool); 3] {
        [
            ("memory", self.memory.is_some()),
            ("cpu", self.cpu.is_some()),
            ("pids", self.pids.is_some()),
        ]
    }

    pub fn limits_processes(&self) -> bool {
        self.pids.is_some()
    }

    /// Which limits cannot be kept on this host, of those asked for.
    pub fn missing(&self, limits: &Limits) -> Vec<&'static str> {
        let memory = (limits.memory_bytes.is_some() && self.memory.is_none()).then_some("memory_limit_bytes");
        let cpus = (limits.cpus.is_some() && self.cpu.is_none()).then_some("cpus");
        memory.into_iter().chain(cpus).collect()
    }

    /// Makes the groups of an instance and sets its limits.
    pub fn prepare(&self, id: &InstanceId, limits: &Limits) -> io::Result<Group> {
        let _changing = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut group = Group::default();
        if let Some(base) = &self.memory {
            // Without a limit too: what sleeps has its memory moved away by its group.
            let directory = self.add(&mut group, base, id)?;
            group.memory = Some(directory);
        }
        for setting in self.settings(limits) {
            let path = self.add(&mut group, setting.base, id)?.join(setting.file);
            if setting.may_be_absent {
                write_if_there(&path, &setting.value)?;
            } else {
                fs::write(path, setting.value)?;
            }
        }
        Ok(group)
    }

    /// What the groups of an instance are set to, in the order in which the kernel takes it.
    fn settings(&self, limits: &Limits) -> Vec<Setting<'_>> {
        let mut settings = Vec::new();
        let mut set = |base, what, file, value: String, may_be_absent| {
            settings.push(Setting {
                base,
                what,
                file,
                value,
                may_be_absent,
            });
        };
        if let (Some(base), Some(bytes)) = (&self.memory, limits.memory_bytes) {
            // Version 1 counts memory and swap together. Both files of swap are there only where the kernel counts it.
            let both = bytes.saturating_mul(2).to_string();
            let bytes = bytes.to_string();
            if self.version_2 {
                set(base, "memory limit (bytes)", "memory.max", bytes.clone(), false);
                set(base, "swap limit (bytes)", "memory.swap.max", bytes, true);
            } else {
                set(base, "memory limit (bytes)", "memory.limit_in_bytes", bytes, false);
                let file = "memory.memsw.limit_in_bytes";
                set(base, "limit of memory and swap (bytes)", file, both, true);
            }
        }
        if let (Some(base), Some(cpus)) = (&self.cpu, limits.cpus) {
            let quota = ((cpus * CPU_PERIOD as f64) as u64).max(1000);
            if self.version_2 {
                let value = format!("{quota} {CPU_PERIOD}");
                set(base, "processor limit (µs, of µs)", "cpu.max", value, false);
            } else {
                let period = CPU_PERIOD.to_string();
                set(base, "processor period (µs)", "cpu.cfs_period_us", period, false);
                let quota = quota.to_string();
                set(base, "processor limit (µs a period)", "cpu.cfs_quota_us", quota, false);
            }
        }
        if let Some(base) = &self.pids {
            let most = MAX_PROCESSES.to_string();
            set(base, "limit of processes", "pids.max", most, false);
        }
        settings
    }

    fn add(&self, group: &mut Group, base: &Path, id: &InstanceId) -> io::Result<PathBuf> {
        make(base)?;
        if self.version_2 {
            fs::write(base.join("cgroup.subtree_control"), &self.handed_on)?;
        }
        let directory = base.join(id.as_str());
        make(&directory)?;
        if !group.directories.contains(&directory) {
            group.directories.push(directory.clone());
        }
        Ok(directory)
    }

    /// The groups an instance has from an earlier life of the control plane.
    pub fn existing(&self, id: &InstanceId) -> Group {
        let mut directories: Vec<PathBuf> = [&self.memory, &self.cpu, &self.pids]
            .into_iter()
            .flatten()
            .map(|base| base.join(id.as_str()))
            .collect();
        directories.dedup();
        directories.retain(|directory| directory.is_dir());
        let memory = self.memory.as_ref().map(|base| base.join(id.as_str()));
        Group {
            directories,
            memory: memory.filter(|directory| directory.is_dir()),
        }
    }
}

impl Group {
    /// The files a process writes its pid to, to be limited.
    pub fn procs(&self) -> Vec<PathBuf> {
        self.directories
            .iter()
            .map(|directory| directory.join("cgroup.procs"))
            .collect()
    }

    /// The directory of the group that counts its memory.
    pub fn memory(&self) -> Option<&Path> {
        self.memory.as_deref()
    }

    /// Every process in it.
    pub fn pids(&self) -> Vec<u32> {
        let text = self
            .directories
            .first()
            .and_then(|one| fs::read_to_string(one.join("cgroup.procs")).ok());
        text.unwrap_or_default()
            .lines()
            .filter_map(|line| line.parse().ok())
            .collect()
    }

    /// Removes the groups, and what holds this home's where these were the last. `false` if one still has a process.
    pub fn remove(&self) -> bool {
        let _changing = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all_gone = true;
        for directory in &self.directories {
            let removed = fs::remove_dir(directory);
            all_gone &= removed.map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true);
        }
        for base in self.directories.iter().filter_map(|directory| directory.parent()) {
            // Fails where other instances have theirs.
            let _ = fs::remove_dir(base);
        }
        all_gone
    }
}

fn make(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Writes to a file that this kernel may not have.
fn write_if_there(path: &Path, text: &str) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where groups can be made; `None` where this user may not.
fn usable(base: PathBuf) -> Option<PathBuf> {
    let parent = base.parent()?;
    let writable = rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).is_ok();
    writable.then_some(base)
}

const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];

/// As `cgroup.subtree_control` takes it.
fn switched_on(controllers: &[&str]) -> String {
    let signed: Vec<String> = controllers.iter().map(|controller| format!("+{controller}")).collect();
    signed.join(" ")
}

/// Version 2: makes this group, our own, hand its controllers on, and says which of ours these are: a service manager may
/// delegate some and not others, and one that is not there would refuse them all. A group with processes of its own cannot
/// hand anything on (the "no internal processes" rule), so Creel moves aside into a leaf first. Works where the service
/// manager delegates the group (`Delegate=yes`), or for root.
fn hand_on(own: &Path) -> Vec<&'static str> {
    let there = fs::read_to_string(own.join("cgroup.controllers")).unwrap_or_default();
    let there: Vec<&str> = there.split_whitespace().collect();
    let controllers: Vec<&str> = CONTROLLERS.into_iter().filter(|name| there.contains(name)).collect();
    let write = || fs::write(own.join("cgroup.subtree_control"), switched_on(&controllers));
    if controllers.is_empty() {
        return controllers;
    }
    let aside = || {
        let leaf = own.join("creel-supervisor");
        let _ = fs::create_dir(&leaf);
        fs::write(leaf.join("cgroup.procs"), std::process::id().to_string()).and_then(|()| write())
    };
    match write().or_else(|_| aside()) {
        Ok(()) => controllers,
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    #[test]
    fn version_1_groups_are_made_below_our_own() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for controller in ["memory", "cpu"] {
            fs::create_dir_all(root.join(controller).join("service")).unwrap();
        }
        let mounts = format!(
            "cgroup {0}/memory cgroup rw,relatime,memory 0 0\ncgroup {0}/cpu cgroup rw,cpu,cpuacct 0 0\n",
            root.display()
        );
        let cgroups = Cgroups::from_host(&mounts, "5:memory:/service\n4:cpu,cpuacct:/service\n0::/\n", "creel-1");
        let limits = Limits {
            memory_bytes: Some(512 << 20),
            cpus: Some(0.5),
        };
        assert!(cgroups.missing(&limits).is_empty());
        let id = InstanceId::new("alice").unwrap();
        let group = cgroups.prepare(&id, &limits).unwrap();
        let alice = |controller: &str| root.join(controller).join("service/creel-1/alice");
        assert_eq!(
            fs::read_to_string(alice("memory").join("memory.limit_in_bytes")).unwrap(),
            "536870912"
        );
        assert_eq!(
            fs::read_to_string(alice("cpu").join("cpu.cfs_quota_us")).unwrap(),
            "50000"
        );
        assert_eq!(
            group.procs(),
            [alice("memory").join("cgroup.procs"), alice("cpu").join("cgroup.procs")]
        );
        assert_eq!(cgroups.existing(&id), group);
    }

    /// A group of version 2 as the kernel shows it, but for being made of plain files.
    pub fn version_2(controllers: &str) -> (tempfile::TempDir, PathBuf, Cgroups) {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("creel.service");
        fs::create_dir(&own).unwrap();
        fs::write(own.join("cgroup.controllers"), controllers).unwrap();
        fs::write(own.join("cgroup.subtree_control"), "").unwrap();
        let mounts = format!("cgroup2 {} cgroup2 rw,nosuid,nsdelegate 0 0\n", dir.path().display());
        let cgroups = Cgroups::from_host(&mounts, "0::/creel.service\n", "creel-1");
        (dir, own, cgroups)
    }

    #[test]
    fn version_2_has_one_group_for_all_limits() {
        let (_dir, own, cgroups) = version_2("cpuset cpu io memory pids\n");
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(read(own.join("cgroup.subtree_control")), "+memory +cpu +pids");
        let limits = Limits {
            memory_bytes: Some(512 << 20),
            cpus: Some(0.5),
        };
        assert!(cgroups.missing(&limits).is_empty());
        let id = InstanceId::new("alice").unwrap();
        let alice = own.join("creel-1/alice");
        // Only where the kernel counts swap is there such a file.
        fs::create_dir_all(&alice).unwrap();
        fs::write(alice.join("memory.swap.max"), "max").unwrap();
        let group = cgroups.prepare(&id, &limits).unwrap();
        assert_eq!(read(own.join("creel-1/cgroup.subtree_control")), "+memory +cpu +pids");
        assert_eq!(read(alice.join("memory.max")), "536870912");
        assert_eq!(read(alice.join("memory.swap.max")), "536870912");
        assert_eq!(read(alice.join("cpu.max")), "50000 100000");
        assert_eq!(read(alice.join("pids.max")), MAX_PROCESSES.to_string());
        assert_eq!(group.procs(), [alice.join("cgroup.procs")]);
        fs::write(alice.join("cgroup.procs"), "41\n42\n").unwrap();
        assert_eq!(cgroups.existing(&id).pids(), [41, 42]);
        assert!(!group.remove(), "it still has something in it");
        fs::remove_dir_all(&alice).unwrap();
        fs::remove_file(own.join("creel-1/cgroup.subtree_control")).unwrap();
        assert!(group.remove() && !own.join("creel-1").exists());
    }

    #[test]
    fn of_version_2_what_is_delegated_is_used_and_the_rest_is_missing() {
        let (_dir, own, cgroups) = version_2("memory pids\n");
        assert_eq!(
            fs::read_to_string(own.join("cgroup.subtree_control")).unwrap(),
            "+memory +pids"
        );
        let limits = Limits {
            memory_bytes: Some(64 << 20),
            cpus: Some(1.0),
        };
        assert_eq!(cgroups.missing(&limits), ["cpus"]);
        assert_eq!(cgroups.limits(), [("memory", true), ("cpu", false), ("pids", true)]);
        let (_dir, _own, nothing) = version_2("cpuset io\n");
        assert_eq!(nothing.missing(&limits), ["memory_limit_bytes", "cpus"]);
    }

    #[test]
    fn a_group_of_version_2_that_cannot_hand_on_is_left_for_a_leaf() {
        let (_dir, own, _) = version_2("memory\n");
        // As the kernel refuses a group that has processes: whatever is done, here.
        fs::remove_file(own.join("cgroup.subtree_control")).unwrap();
        fs::create_dir(own.join("cgroup.subtree_control")).unwrap();
        assert!(hand_on(&own).is_empty());
        let moved = fs::read_to_string(own.join("creel-supervisor/cgroup.procs")).unwrap();
        assert_eq!(moved, std::process::id().to_string());
    }

    #[test]
    fn a_host_without_them_says_what_it_cannot_keep() {
        let cgroups = Cgroups::from_host("proc /proc proc rw 0 0\n", "", "creel-1");
        let limits = Limits {
            memory_bytes: Some(1),
            cpus: Some(1.0),
        };
        assert_eq!(cgroups.missing(&limits), ["memory_limit_bytes", "cpus"]);
        assert_eq!(
            cgroups.prepare(&InstanceId::new("a").unwrap(), &limits).unwrap(),
            Group::default()
        );
    }
}
