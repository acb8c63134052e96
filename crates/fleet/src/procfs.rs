//! What the kernel says about processes and the host in `/proc` (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Clock ticks a second in `/proc`: `USER_HZ`, 100 on every Linux since 2.6.
const TICKS_PER_SECOND: u64 = 100;
/// Bytes of a page in `stat` and `statm`.
fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

/// A line of `/proc/<pid>/stat`, the fields used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub pid: u32,
    pub session: u32,
    /// Ended, but not yet waited for.
    pub is_zombie: bool,
    /// Stopped by a signal (or a debugger), and not let go on yet.
    pub is_stopped: bool,
    /// Waits in the kernel and cannot be disturbed: for a disk, or for a child that it shares its memory with (`vfork(2)`).
    pub is_waiting: bool,
    /// User and system time, in ticks.
    pub cpu_ticks: u64,
    /// When it started, in ticks since boot: with the pid it names a process for good.
    pub started: u64,
    pub resident_bytes: u64,
}

/// `None` if there is no such process.
pub fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
    let (pid, rest) = text.split_once(' ')?;
    let fields: Vec<&str> = rest.get(rest.rfind(')')? + 2..)?.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        pid: pid.parse().ok()?,
        is_zombie: matches!(fields.first(), Some(&"Z" | &"X")),
        is_stopped: matches!(fields.first(), Some(&"T" | &"t")),
        is_waiting: fields.first() == Some(&"D"),
        session: u32::try_from(number(6)?).ok()?,
        cpu_ticks: number(14)? + number(15)?,
        started: number(22)?,
        resident_bytes: number(24)? * page_size(),
    })
}

/// Whether the process that was started at `started` still runs.
pub fn is_alive(pid: u32, started: u64) -> bool {
    stat(pid).is_some_and(|stat| stat.started == started && !stat.is_zombie)
}

/// Every process there is.
pub fn all() -> Vec<Stat> {
    pids().filter_map(stat).collect()
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Processes of this user that have `path` open, oldest first.
pub fn holders(path: &Path) -> Vec<Stat> {
    let Ok(wanted) = fs::metadata(path) else {
        return Vec::new();
    };
    let same = |found: fs::Metadata| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino());
    let has_open = |pid: &u32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors
            .into_iter()
            .any(|entry| fs::metadata(entry.path()).is_ok_and(same))
    };
    let own = std::process::id();
    let mut holders: Vec<Stat> = pids()
        .filter(|pid| *pid != own)
        .filter(has_open)
        .filter_map(stat)
        .collect();
    holders.sort_by_key(|stat| (stat.started, stat.pid));
    holders
}

/// Whether the process has the process namespace that this one has (namespaces(7)).
pub fn is_of_our_namespace(pid: u32) -> bool {
    let namespace = |of: &str| fs::read_link(format!("/proc/{of}/ns/pid")).ok();
    let own = namespace("self");
    own.is_some() && namespace(&pid.to_string()) == own
}

/// Whether a process of this session listens on this TCP port. Somebody else's answer on a port says nothing about ours.
pub fn listens(session: u32, port: u16) -> bool {
    Listeners::now().of(session, port)
}

struct Listening {
    port: u16,
    /// As it is named in `/proc/<pid>/fd`.
    name: PathBuf,
    user: u32,
}

/// The sockets of this host that listen for TCP.
pub struct Listeners(Vec<Listening>);

impl Listeners {
    pub fn now() -> Self {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
        Self(
            tables
                .iter()
                .flat_map(|table| table.lines().skip(1).filter_map(Listening::of_line))
                .collect(),
        )
    }

    /// Whether anybody listens on this port.
    pub fn any(&self, port: u16) -> bool {
        self.0.iter().any(|socket| socket.port == port)
    }

    /// Whether a process of this session does.
    ///
    /// A native gateway lets nobody but root look into it (`PR_SET_DUMPABLE`). Where Creel is not root, it is taken for the one that
    /// listens if that one is of the same user.
    pub fn of(&self, session: u32, port: u16) -> bool {
        let sockets: Vec<&Listening> = self.0.iter().filter(|socket| socket.port == port).collect();
        let has_one = |pid: u32| match fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(descriptors) => descriptors.flatten().any(|entry| {
                fs::read_link(entry.path()).is_ok_and(|link| sockets.iter().any(|socket| socket.name == link))
            }),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let own = rustix::process::geteuid().as_raw();
                sockets.iter().any(|socket| socket.user == own)
            }
            Err(_) => false,
        };
        // Nearly always the first process itself.
        !sockets.is_empty()
            && (has_one(session) || all().iter().any(|stat| stat.session == session && has_one(stat.pid)))
    }
}

impl Listening {
    fn of_line(line: &str) -> Option<Self> {
        const LISTEN: &str = "0A";
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        (*fields.get(3)? == LISTEN).then_some(Self {
            port: u16::from_str_radix(local_port, 16).ok()?,
            name: PathBuf::from(format!("socket:[{}]", fields.get(9)?)),
            user: fields.get(7)?.parse().ok()?,
        })
    }
}

/// What a process may do that others may not, from `/proc/<pid>/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privileges {
    /// The set that is in effect, a bit for each.
    pub capabilities: u64,
    pub no_new_privileges: bool,
}

impl Privileges {
    /// `None` where the kernel tells neither.
    pub fn parse(status: &str) -> Option<Self> {
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        Some(Self {
            capabilities: u64::from_str_radix(value("CapEff:")?, 16).ok()?,
            no_new_privileges: value("NoNewPrivs:")? == "1",
        })
    }
}

/// A file that holds one number.
pub fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// All and free swap of the host, in bytes.
pub fn swap() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    Some((kibibytes(&text, "SwapTotal:")?, kibibytes(&text, "SwapFree:")?))
}

/// Memory of a process: its proportional share (PSS) where that is cheap to learn, else its resident size. The kernel walks
/// every page of a process for PSS; of a large one little is shared anyway. A native gateway's is for root alone to learn.
pub fn memory(stat: &Stat) -> u64 {
    const CHEAP: u64 = 64 << 20;
    if stat.resident_bytes > CHEAP {
        return stat.resident_bytes;
    }
    fs::read_to_string(format!("/proc/{}/smaps_rollup", stat.pid))
        .ok()
        .and_then(|text| kibibytes(&text, "Pss:"))
        .unwrap_or(stat.resident_bytes)
}

/// Bytes, of the line that begins with this name.
pub fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// Busy and all ticks of all processors since boot.
pub fn host_ticks() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    // user nice system idle iowait irq softirq steal; guest time is inside user.
    let ticks: Vec<u64> = line
        .split_ascii_whitespace()
        .take(8)
        .filter_map(|field| field.parse().ok())
        .collect();
    let all: u64 = ticks.iter().sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((all - idle, all))
}

/// Cores of the host, those too that Creel itself may not use: a container is its engine's.
pub fn cores() -> Option<u32> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let is_core = |line: &&str| {
        line.strip_prefix("cpu")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    u32::try_from(text.lines().filter(is_core).count())
        .ok()
        .filter(|cores| *cores > 0)
}

/// Used and all memory of the host, in bytes.
pub fn host_memory() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let total = kibibytes(&text, "MemTotal:")?;
    Some((total - kibibytes(&text, "MemAvailable:")?.min(total), total))
}

/// How long ago a process started.
pub fn age(started: u64) -> Option<Duration> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_secs_f64(
        (uptime - started as f64 / TICKS_PER_SECOND as f64).max(0.0),
    ))
}

/// The time that so many ticks are.
pub fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * (1000 / TICKS_PER_SECOND))
}

/// CPU ticks and memory of every session, for the sessions asked for.
pub fn sessions(wanted: &HashMap<u32, ()>) -> HashMap<u32, (u64, u64)> {
    let mut found: HashMap<u32, (u64, u64)> = HashMap::with_capacity(wanted.len());
    for stat in all() {
        if wanted.contains_key(&stat.session) {
            let (ticks, bytes) = found.entry(stat.session).or_default();
            *ticks += stat.cpu_ticks;
            *bytes += memory(&stat);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_confuse_the_fields() {
        let text = "42 (a) S (x 1) R 1 42 41 0 -1 4194560 1 0 0 0 7 5 0 0 20 0 1 0 12345 1000 25 18446744073709551615";
        let stat = parse_stat(text).expect("a stat line");
        assert_eq!(
            (stat.pid, stat.session, stat.cpu_ticks, stat.started),
            (42, 41, 12, 12345)
        );
        assert_eq!(stat.resident_bytes, 25 * page_size());
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn this_process_is_alive_and_another_start_time_is_another_process() {
        let own = stat(std::process::id()).expect("this process");
        assert!(is_alive(own.pid, own.started));
        assert!(!is_alive(own.pid, own.started + 1));
        assert!(memory(&own) > 100_000);
        assert!(age(own.started).expect("an uptime") < Duration::from_secs(3600));
    }

    #[test]
    fn the_host_has_memory_and_processors() {
        let (used, total) = host_memory().expect("meminfo");
        assert!(used > 0 && used <= total);
        let (busy, all) = host_ticks().expect("stat");
        assert!(busy <= all && all > 0);
    }

    #[test]
    fn who_listens_on_a_port_is_known() {
        let port = creel_testkit::ports::range();
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a port");
        let session = stat(std::process::id()).expect("this process").session;
        assert!(listens(session, port));
        assert!(!listens(u32::MAX, port), "it is not somebody else's");
        creel_testkit::ports::let_go(listener);
        assert!(!listens(session, port));
    }

    #[test]
    fn privileges_are_read_where_the_kernel_tells_them() {
        let status = "Name:\tgateway\nCapEff:\t000001ffffffffff\nNoNewPrivs:\t1\n";
        let found = Privileges::parse(status).expect("both are there");
        assert!(found.capabilities != 0 && found.no_new_privileges);
        assert_eq!(Privileges::parse("Name:\tgateway\n"), None);
    }

    #[test]
    fn who_has_a_file_open_is_found() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let pids = || -> Vec<u32> { holders(file.path()).iter().map(|stat| stat.pid).collect() };
        // What another test forks just now is one too, until it becomes its program.
        let until = |wanted: &[u32]| {
            let began = std::time::Instant::now();
            while pids() != wanted {
                assert!(
                    began.elapsed() < Duration::from_secs(60),
                    "{:?} is not {wanted:?}",
                    pids()
                );
                std::thread::yield_now();
            }
        };
        // This process itself is none.
        until(&[]);
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .stdout(file.reopen().expect("the file"))
            .spawn()
            .expect("cat");
        until(&[child.id()]);
        drop(child.stdin.take());
        child.wait().expect("cat ends");
    }
}
