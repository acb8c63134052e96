//! What the kernel says about swap, of the host and of a process (proc(5)).

use std::fs;

use crate::procfs::kibibytes;

/// Bytes of swap, all and free; nothing where that cannot be learned.
pub fn of_host() -> (u64, u64) {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let bytes = |name| kibibytes(&text, name).unwrap_or_default();
    (bytes("SwapTotal:"), bytes("SwapFree:"))
}

/// Bytes in memory that only swap can take: those of no file.
pub fn anonymous(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    kibibytes(&text, "RssAnon:").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_of_its_own() {
        let held = vec![1_u8; 8 << 20];
        let own = anonymous(std::process::id());
        assert!(own >= held.len() as u64, "{own}");
        let (total, free) = of_host();
        assert!(free <= total);
    }
}
