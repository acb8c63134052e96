//! What is kept of a removed instance: nobody gets it by accident, and it can be taken up or deleted.

use creel_fleet::{CreateInstance, Fleet, FleetError, Runtime};
use creel_records::Status;

use crate::support::{World, id, is_running, running, settled};

/// A fleet in which alice was, with a configuration of her own.
async fn alice_was_here(world: &World) -> Fleet {
    let fleet = world.open().await;
    running(&fleet, "alice").await;
    let hers = "{ /* hers */ agents: { defaults: { model: { primary: 'old/m' } } } }";
    fleet.set_config(&id("alice"), hers, None).await.unwrap();
    fleet.remove(&id("alice"), false).await.unwrap();
    fleet
}

#[tokio::test]
async fn it_is_not_handed_to_whoever_comes_next() {
    let world = World::new();
    let fleet = alice_was_here(&world).await;
    let config = world.of("alice", "data/openclaw.json");
    let before = std::fs::read_to_string(&config).unwrap();
    let refused = fleet.create(CreateInstance::new(id("alice"))).await.unwrap_err();
    assert!(matches!(refused, FleetError::DataKept(_)), "{refused}");
    let said = refused.to_string();
    assert!(
        said.contains("--keep-data") && said.contains("creel instance rm alice --purge") && !said.contains('\n'),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
    assert!(fleet.list().is_empty());
    // Nor is its port lost.
    let other = running(&fleet, "bob").await;
    assert!(is_running(&other));
    fleet.shutdown().await;
}

/// Who is told of it may purge it and try again: nothing else may be in the way then.
#[tokio::test]
async fn it_is_told_of_when_nothing_else_is_wrong() {
    let world = World::new();
    let fleet = alice_was_here(&world).await;
    let bob = running(&fleet, "bob").await;
    let port = |port| CreateInstance {
        port,
        ..CreateInstance::new(id("alice"))
    };
    let refused = fleet.create(port(bob.port)).await.unwrap_err();
    assert!(matches!(refused, FleetError::PortInUse { .. }), "{refused}");
    fleet.remove(&id("bob"), true).await.unwrap();
    for _ in 0..2 {
        let refused = fleet.create(port(bob.port)).await.unwrap_err();
        assert!(matches!(refused, FleetError::DataKept(_)), "{refused}");
    }
    fleet.shutdown().await;
}

#[tokio::test]
async fn who_takes_it_up_gets_it_with_what_they_ask_for() {
    let world = World::new();
    let fleet = alice_was_here(&world).await;
    let again = CreateInstance {
        keep_data: true,
        name: Some("Alice II".into()),
        model: Some("new/m".into()),
        ..CreateInstance::new(id("alice"))
    };
    fleet.create(again).await.unwrap();
    let instance = settled(&fleet, "alice").await;
    assert!(is_running(&instance));
    assert_eq!(
        (instance.name.as_str(), instance.model.as_deref()),
        ("Alice II", Some("new/m"))
    );
    let config = fleet.config_text(&id("alice")).await.unwrap();
    assert!(
        config.contains("/* hers */") && config.contains("new/m") && !config.contains("old/m"),
        "{config}"
    );
    let identity = std::fs::read_to_string(world.of("alice", "data/workspace/agent/IDENTITY.md")).unwrap();
    assert!(identity.contains("Alice II"), "{identity}");
    fleet.shutdown().await;
}

#[tokio::test]
async fn the_other_runtime_does_not_get_it() {
    let world = World::new();
    let fleet = alice_was_here(&world).await;
    let other = CreateInstance {
        keep_data: true,
        runtime: Runtime::Openclaw,
        ..CreateInstance::new(id("alice"))
    };
    let refused = fleet.create(other).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "runtime: the kept data is of the runtime native; take it up with that one, or purge it"
    );
    assert!(fleet.list().is_empty());
}

#[tokio::test]
async fn where_there_is_none_it_is_made_afresh() {
    let world = World::new();
    let fleet = world.open().await;
    let new = CreateInstance {
        keep_data: true,
        ..CreateInstance::new(id("alice"))
    };
    fleet.create(new).await.unwrap();
    assert!(is_running(&settled(&fleet, "alice").await));
    fleet.shutdown().await;
}

#[tokio::test]
async fn it_is_purged_later_if_that_is_wanted() {
    let world = World::new();
    let fleet = alice_was_here(&world).await;
    let unsaid = fleet.remove(&id("alice"), false).await.unwrap_err();
    assert!(matches!(unsaid, FleetError::OnlyData(_)), "{unsaid}");
    assert!(world.of("alice", "data").exists());
    fleet.remove(&id("alice"), true).await.unwrap();
    assert!(!world.of("alice", "").exists());
    let gone = fleet.remove(&id("alice"), true).await.unwrap_err();
    assert!(matches!(gone, FleetError::NotFound(_)), "{gone}");
    assert!(is_running(&running(&fleet, "alice").await), "the id is free again");
    fleet.shutdown().await;
}

#[tokio::test]
async fn of_a_link_the_link_is_purged() {
    let world = World::new();
    let fleet = alice_was_here(&world).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("moved");
    std::fs::create_dir(&moved).unwrap();
    std::fs::write(moved.join("precious"), "x").unwrap();
    std::os::unix::fs::symlink(&moved, world.of("alice", "data/link")).unwrap();
    std::os::unix::fs::symlink(&moved, world.of("", "linked")).unwrap();
    for name in ["alice", "linked"] {
        let refused = fleet.create(CreateInstance::new(id(name))).await.unwrap_err();
        assert!(matches!(refused, FleetError::DataKept(_)), "{refused}");
        fleet.remove(&id(name), true).await.unwrap();
        assert!(std::fs::symlink_metadata(world.path().join("instances").join(name)).is_err());
    }
    assert!(moved.join("precious").exists());
}

#[tokio::test]
async fn data_that_a_process_uses_is_left_alone() {
    let world = World::new();
    let fleet = alice_was_here(&world).await;
    let lock = std::fs::File::create(world.of("alice", "lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let purge = fleet.remove(&id("alice"), true).await.unwrap_err();
    let adopt = CreateInstance {
        keep_data: true,
        ..CreateInstance::new(id("alice"))
    };
    let adopt = fleet.create(adopt).await.unwrap_err();
    for refused in [purge, adopt] {
        assert!(matches!(refused, FleetError::DataInUse { .. }), "{refused}");
    }
    assert!(world.of("alice", "data").exists());
    // Not by closing it: a process that another test is just starting holds its descriptors until it is the new program.
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::Unlock).unwrap();
    fleet.remove(&id("alice"), true).await.unwrap();
}

#[tokio::test]
async fn an_instance_whose_directory_somebody_else_has_is_not_purged() {
    let world = World::new();
    let fleet = world.open().await;
    let made = CreateInstance {
        start: false,
        ..CreateInstance::new(id("alice"))
    };
    fleet.create(made).await.unwrap();
    let lock = std::fs::File::create(world.of("alice", "lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let refused = fleet.remove(&id("alice"), true).await.unwrap_err();
    let said = refused.to_string();
    assert!(matches!(refused, FleetError::DataInUse { .. }), "{said}");
    assert!(said.contains("docker compose down") && !said.contains('\n'), "{said}");
    assert!(world.of("alice", "data").exists());
    assert_eq!(
        fleet.get(&id("alice")).unwrap().status,
        Status::Created,
        "nothing changed"
    );
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::Unlock).unwrap();
    fleet.remove(&id("alice"), true).await.unwrap();
    assert!(!world.of("alice", "data").exists());
}
