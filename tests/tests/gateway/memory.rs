//! What an idle gateway keeps for itself. `make bench` measures all that it takes, of a release build on a quiet machine; what is counted
//! here comes out the same whatever runs beside it, and nearly the same however it was built: the pages that it has written to on its
//! heap and beside it, and its threads.

use std::fs;

use creel_tests::gateway::Gateway;

/// KiB: 220 to 224 in a debug build when this was written, a little less in a release build. More than this is for somebody to want.
const LIMIT: u64 = 240;

#[tokio::test]
async fn an_idle_gateway_keeps_little_for_itself() {
    let gateway = Gateway::builder().start().await;
    let kept = own_memory(gateway.pid());
    assert!(
        (1..=LIMIT).contains(&kept),
        "{kept} KiB; of a thousand gateways each counts"
    );
    let threads = fs::read_dir(format!("/proc/{}/task", gateway.pid())).expect("it runs");
    assert_eq!(threads.count(), 1, "a thread brings a stack and an arena of its own");
}

/// KiB that a process has written to, apart from its stack and its files: those differ by how it was built.
fn own_memory(pid: u32) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("it runs, and we are root");
    let mut is_own = false;
    let mut kib = 0;
    for line in maps.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["Private_Dirty:", dirty, _] if is_own => kib += dirty.parse::<u64>().expect("a number"),
            [key, ..] if key.ends_with(':') => {}
            // `55d0c4a00000-55d0c4a5c000 rw-p 00000000 00:00 0 [heap]`
            [_, _, _, _, _] | [_, _, _, _, _, "[heap]"] => is_own = true,
            _ => is_own = false,
        }
    }
    kib
}
