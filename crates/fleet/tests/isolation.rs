//! Two instances side by side share nothing, and see nothing of the control plane.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

#[expect(dead_code, reason = "the files of tests share it, each uses a part")]
mod support;

use std::process::Command;

use creel_fleet::{CreateInstance, Instance};
use support::{World, get, id, running, settled};

#[tokio::test]
async fn neither_reads_nor_writes_what_is_the_others() {
    let world = World::new();
    let fleet = world.open().await;
    let features = fleet.host_features();
    let landlock = features.iter().find(|feature| feature.name == "landlock").unwrap();
    assert!(
        landlock.available,
        "what this test shows cannot be had on this kernel: {}",
        landlock.detail
    );
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
        // What is below /tmp, as these homes are, is not even there.
        let out_of_reach = answer.contains("PermissionDenied") || answer.contains("NotFound");
        assert!(out_of_reach && std::fs::exists(path).unwrap(), "{path}: {answer}");
    }
    for path in [
        world.of("alice", "data/planted"),
        home.join("planted"),
        "/tmp/creel-planted".into(),
    ] {
        let answer = get(&bob, &format!("/write?{}", path.display())).await.unwrap();
        assert!(
            answer.starts_with("Err") && !path.exists(),
            "{}: {answer}",
            path.display()
        );
    }
    for file in ["lock", "pid", "instance.env", "logs/gateway.log"] {
        let path = world.of("bob", file);
        let answer = get(&bob, &format!("/write?{}", path.display())).await.unwrap();
        assert!(answer.starts_with("Err"), "not even its own {file}: {answer}");
    }
    fleet.shutdown().await;
}

#[tokio::test]
async fn what_the_control_plane_has_open_stays_with_it() {
    let world = World::new();
    let secret = tempfile::NamedTempFile::new().unwrap();
    // As whoever starts `creel up` may leave one open: a duplicate is inherited across exec.
    let _left_open = rustix::io::dup(&secret).unwrap();
    let fleet = world.open().await;
    let pid = running(&fleet, "alice").await.pid.unwrap();
    let open: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .collect();
    assert!(open.contains(&world.of("alice", "lock")), "{open:?}");
    assert!(!open.contains(&secret.path().to_owned()), "{open:?}");
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
        memory_limit_bytes: Some(64 << 20),
        cpus: Some(0.5),
        ..CreateInstance::new(id("alice"))
    };
    let kept = fleet
        .host_features()
        .into_iter()
        .filter(|f| ["memory", "cpu", "pids"].contains(&f.name))
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

#[tokio::test]
async fn no_control_group_is_left() {
    let world = World::new();
    let fleet = world.open().await;
    let alice = running(&fleet, "alice").await;
    let bob = running(&fleet, "bob").await;
    let groups = |instance: &Instance| creel_testkit::groups::of(instance.pid.unwrap());
    let (alices, bobs) = (groups(&alice), groups(&bob));
    let features = fleet.host_features();
    let limited = features
        .iter()
        .any(|feature| feature.name == "pids" && feature.available);
    assert_eq!(alices.is_empty(), !limited);
    fleet.stop(&id("alice")).await.unwrap();
    assert!(alices.iter().all(|group| !group.exists()), "{alices:?}");
    assert!(bobs.iter().all(|group| group.exists()), "{bobs:?}");
    // One that leaves a child behind, outside of its session.
    get(&bob, "/leave-a-child-behind").await.unwrap();
    fleet.remove(&id("bob"), true).await.unwrap();
    for group in alices.iter().chain(&bobs) {
        let home = group.parent().unwrap();
        assert!(!home.exists(), "{}", home.display());
    }
}
