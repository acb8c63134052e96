//! How much memory this process takes.

/// Bytes of this process that are in memory (`VmRSS`, proc(5)); 0 where the system does not tell.
pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1_024
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_takes_some() {
        assert!(super::resident_bytes() > 100_000);
    }
}
