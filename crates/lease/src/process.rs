//! Which process holds a lease, and whether it is still there.

use std::fs;

use serde::{Deserialize, Serialize};

/// A process, told apart from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// The boot of the machine (`/proc/sys/kernel/random/boot_id`) and the time namespace. Where both are equal, so is
    /// the since-boot clock.
    pub boot: String,
    /// The PID namespace: numbers mean nothing across containers that share a directory.
    pub pid_namespace: String,
    pub pid: u32,
    /// In clock ticks since boot (proc(5), field 22 of `/proc/PID/stat`).
    pub started: u64,
}

impl Process {
    /// This process. What `/proc` does not tell stays unknown, and is then equal to nothing known.
    pub fn current() -> Self {
        let pid = std::process::id();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            boot: format!("{} {}", boot.trim(), namespace("time")),
            pid_namespace: namespace("pid"),
            pid,
            started: stat(pid).map_or(0, |stat| stat.started),
        }
    }

    /// Whether deadlines on the since-boot clock of that process can be read by this one.
    pub fn shares_clock(&self, other: &Self) -> bool {
        self.boot == other.boot
    }

    /// Whether that process is certainly gone, as seen by this one. `false` when that cannot be told.
    pub fn sees_gone(&self, other: &Self) -> bool {
        if self.boot != other.boot || self.pid_namespace != other.pid_namespace || other.started == 0 {
            return false;
        }
        match stat(other.pid) {
            Ok(stat) => stat.dead || stat.started != other.started,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound && self.started != 0,
        }
    }
}

struct Stat {
    started: u64,
    /// Killed, but not yet waited for by its parent.
    dead: bool,
}

fn stat(pid: u32) -> std::io::Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let parsed = || {
        // The second field is the program's name in brackets, which may hold anything, brackets included.
        let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_ascii_whitespace().collect();
        Some(Stat {
            started: fields.get(19)?.parse().ok()?,
            dead: matches!(*fields.first()?, "Z" | "X" | "x"),
        })
    };
    parsed().ok_or_else(|| std::io::Error::other("unexpected format of /proc/PID/stat"))
}

fn namespace(kind: &str) -> String {
    fs::read_link(format!("/proc/self/ns/{kind}")).map_or_else(|_| "-".to_owned(), |link| link.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_not_gone() {
        let me = Process::current();
        assert!(me.started > 0);
        assert!(!me.sees_gone(&me));
    }

    #[test]
    fn a_child_is_gone_from_its_death_on_even_before_it_is_waited_for() {
        let me = Process::current();
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let started = stat(child.id()).unwrap().started;
        let other = Process {
            pid: child.id(),
            started,
            ..me.clone()
        };
        assert!(!me.sees_gone(&other));
        child.kill().unwrap();
        while stat(child.id()).is_ok_and(|stat| !stat.dead) {
            std::thread::yield_now();
        }
        assert!(me.sees_gone(&other));
        child.wait().unwrap();
        assert!(me.sees_gone(&other));
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let me = Process::current();
        assert!(me.sees_gone(&Process {
            started: me.started + 1,
            ..me.clone()
        }));
    }

    #[test]
    fn nothing_is_said_of_other_machines_and_containers() {
        let me = Process::current();
        let gone = Process {
            started: me.started + 1,
            ..me.clone()
        };
        assert!(!me.sees_gone(&Process {
            boot: "other".into(),
            ..gone.clone()
        }));
        assert!(!me.sees_gone(&Process {
            pid_namespace: "pid:[1]".into(),
            ..gone.clone()
        }));
        assert!(!me.sees_gone(&Process { started: 0, ..gone }));
    }
}
