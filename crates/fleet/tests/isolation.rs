//! Two instances side by side share nothing, and see nothing of the control plane.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

#[expect(dead_code, reason = "the files of tests share it, each uses a part")]
mod support;

use std::process::Command;

use creel_fleet::CreateInstance;
use support::{World, get, id, running, settled};

/// Whether this kernel confines processes; where it does not, directories 0700 are all there is (and `creel doctor` says so).
fn has_landlock() -> bool {
    // The version of the kernel's Landlock, as landlock_create_ruleset(2) gives it, is not in /proc; its lists are.
    std::fs::read_to_string("/sys/kernel/security/lsm").is_ok_and(|lsm| lsm.contains("landlock"))
        || std::fs::read_to_string("/proc/kallsyms").is_ok_and(|all| all.contains("landlock_restrict_self"))
}

#[tokio::test]
async fn neither_reads_nor_writes_what_is_the_others() {
    if !has_landlock() {
        return;
    }
    let world = World::new();
    let fleet = world.open().await;
    let (_, _token) = fleet.create(CreateInstance::new(id("alice"))).await.unwrap();
    let alice = settled(&fleet, "alice").await;
    let bob = running(&fleet, "bob").await;
    let home = world.path().canonicalize().unwrap();

    let own = world.of("alice", "data/openclaw.json").display().to_string();
    assert!(
        get(&alice, &format!("/read?{own}")).await.unwrap().starts_with("Ok"),
        "its own it reads"
    );
    assert!(
        get(&alice, "/read?/etc/passwd").await.unwrap().starts_with("Ok"),
        "and the system's"
    );

    let alice_pid = alice.pid.unwrap();
    let mut secrets = vec![
        own,
        world.of("alice", "instance.env").display().to_string(),
        world.of("alice", "logs/gateway.log").display().to_string(),
        home.join("creel.db").display().to_string(),
        home.join("secrets/master.key").display().to_string(),
        format!("/proc/{alice_pid}/environ"),
        format!(
            "/proc/{alice_pid}/root{}",
            world.of("alice", "data/openclaw.json").display()
        ),
        format!("/proc/{}/environ", std::process::id()),
    ];
    secrets.push(format!("/proc/{alice_pid}/maps"));
    for path in &secrets {
        let answer = get(&bob, &format!("/read?{path}")).await.unwrap();
        assert!(answer.contains("PermissionDenied"), "{path}: {answer}");
    }
    for path in [
        world.of("alice", "data/planted"),
        home.join("planted"),
        "/tmp/creel-planted".into(),
    ] {
        let answer = get(&bob, &format!("/write?{}", path.display())).await.unwrap();
        assert!(
            answer.contains("PermissionDenied") && !path.exists(),
            "{}: {answer}",
            path.display()
        );
    }
    for file in ["lock", "pid", "instance.env", "logs/gateway.log"] {
        let path = world.of("bob", file);
        let answer = get(&bob, &format!("/write?{}", path.display())).await.unwrap();
        assert!(answer.contains("PermissionDenied"), "not even its own {file}: {answer}");
    }
    fleet.shutdown().await;
}

#[tokio::test]
async fn it_has_no_new_privileges_and_a_session_of_its_own() {
    let world = World::new();
    let fleet = world.open().await;
    let instance = running(&fleet, "alice").await;
    let pid = instance.pid.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"));
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000")), "{status}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_ascii_whitespace().nth(4), Some("0"), "{core}");
    let session = Command::new("ps")
        .args(["-o", "sess=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&session.stdout).trim(), pid.to_string());
    fleet.shutdown().await;
}

#[tokio::test]
async fn limits_hold_where_the_host_has_control_groups() {
    let world = World::new();
    let fleet = world.open().await;
    let limited = CreateInstance {
        memory_bytes: Some(64 << 20),
        cpus: Some(0.5),
        ..CreateInstance::new(id("alice"))
    };
    let kept = fleet
        .host_features()
        .into_iter()
        .filter(|f| f.name != "landlock")
        .all(|feature| feature.available);
    let made = fleet.create(limited).await;
    if !kept {
        assert!(
            made.unwrap_err().to_string().contains("control group"),
            "a limit is kept or refused"
        );
        return;
    }
    made.unwrap();
    let pid = settled(&fleet, "alice").await.pid.unwrap();
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let (file, group) = match groups.lines().find_map(|line| line.split_once(":memory:")) {
        Some((_, group)) => ("memory.limit_in_bytes", format!("/sys/fs/cgroup/memory{group}")),
        None => (
            "memory.max",
            format!("/sys/fs/cgroup{}", groups.trim().trim_start_matches("0::")),
        ),
    };
    assert!(group.ends_with("/alice"), "{groups}");
    assert_eq!(
        std::fs::read_to_string(format!("{group}/{file}")).unwrap().trim(),
        (64 << 20).to_string()
    );
    fleet.shutdown().await;
    assert!(!std::path::Path::new(&group).exists(), "its group ends with it");
}
