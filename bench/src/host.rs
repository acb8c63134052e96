//! The machine that the figures come from.

use std::fs;

use serde::Serialize;

#[derive(Serialize)]
pub struct Host {
    pub cpu: String,
    pub cpus: usize,
    pub memory_mib: u64,
    pub kernel: String,
    pub network: &'static str,
    /// Programs that wanted to run while the bench had not begun, averaged over a minute.
    pub load: f64,
}

impl Host {
    /// Others use the CPUs: times come out too long.
    pub fn is_busy(&self) -> bool {
        self.load > self.cpus as f64 / 4.0
    }
}

pub fn describe(network: &'static str) -> anyhow::Result<Host> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
    let cpu = field(&cpuinfo, "model name").unwrap_or("unknown").to_owned();
    let loadavg = fs::read_to_string("/proc/loadavg")?;
    Ok(Host {
        cpu,
        cpus: std::thread::available_parallelism()?.get(),
        memory_mib: memory_mib(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        network,
        load: loadavg
            .split(' ')
            .next()
            .and_then(|load| load.parse().ok())
            .unwrap_or(f64::NAN),
    })
}

/// All of this machine's memory.
pub fn memory_mib() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = field(&meminfo, "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}
