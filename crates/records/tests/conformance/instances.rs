//! Instances, desired and observed.

use futures_util::future::join_all;

use creel_records::{
    Desired, Driver, Idle, InstanceChange, NewInstance, Observed, Records, RecordsError, Runtime, Status,
};

use super::{instance, is_missing};

pub async fn an_instance_comes_back_as_it_was_recorded(store: &impl Records) {
    let new = instance("alice", 18789);
    let recorded = store.insert_instance(&new).await.unwrap();
    assert_eq!(store.instance("alice").await.unwrap().as_ref(), Some(&recorded));
    assert_eq!((recorded.status, recorded.desired), (Status::Created, Desired::Running));
    assert_eq!(
        (&recorded.name, &recorded.channels, &recorded.model),
        (&new.name, &new.channels, &new.model)
    );
    assert_eq!(
        (recorded.port, recorded.port_fixed, recorded.version),
        (18789, true, None)
    );
    assert_eq!((recorded.memory_bytes, recorded.cpus), (Some(512 << 20), Some(0.5)));
    assert_eq!(
        (recorded.token_sha256, recorded.token_sealed),
        ([7; 32], vec![1, 2, 3, 0, 255])
    );
    assert_eq!((recorded.pid, recorded.pid_started, recorded.error), (None, None, None));
    assert!(recorded.created_at > 1_700_000_000_000, "milliseconds since 1970");
    assert_eq!(recorded.created_at, recorded.updated_at);
}

pub async fn ids_and_ports_are_taken_once(store: &impl Records) {
    store.insert_instance(&instance("alice", 18789)).await.unwrap();
    let same_id = store.insert_instance(&instance("alice", 18790)).await.unwrap_err();
    assert_eq!(same_id.to_string(), "instance \"alice\" is taken; choose another");
    let same_port = store.insert_instance(&instance("bob", 18789)).await.unwrap_err();
    assert_eq!(same_port.to_string(), "port \"18789\" is taken; choose another");
    store.insert_instance(&instance("bob", 18790)).await.unwrap();
    let moved = store
        .update_instance(
            "bob",
            &InstanceChange {
                port: Some(18789),
                ..Default::default()
            },
        )
        .await;
    assert!(matches!(moved, Err(RecordsError::Taken { what: "port", .. })));
    assert!(store.delete_instance("alice").await.unwrap());
    store.insert_instance(&instance("alice", 18789)).await.unwrap();
}

pub async fn desired_and_observed_are_two_things(store: &impl Records) {
    store.insert_instance(&instance("alice", 18789)).await.unwrap();
    let observed = Observed {
        status: Status::Error,
        pid: Some(4_194_304),
        pid_started: Some(1 << 40),
        external_id: Some("3f2a".into()),
        error: Some("it fell".into()),
    };
    store.set_observed("alice", &observed).await.unwrap();
    let record = store.instance("alice").await.unwrap().unwrap();
    assert_eq!((record.desired, record.status), (Desired::Running, Status::Error));
    assert_eq!((record.pid, record.pid_started), (observed.pid, observed.pid_started));
    assert_eq!(
        (record.external_id, record.error),
        (observed.external_id, observed.error)
    );
    store.set_desired("alice", Desired::Stopped).await.unwrap();
    let record = store.instance("alice").await.unwrap().unwrap();
    assert_eq!((record.desired, record.status), (Desired::Stopped, Status::Error));
    let gone = Observed {
        status: Status::Stopped,
        pid: None,
        pid_started: None,
        external_id: None,
        error: None,
    };
    store.set_observed("alice", &gone).await.unwrap();
    let record = store.instance("alice").await.unwrap().unwrap();
    assert_eq!((record.status, record.pid, record.error), (Status::Stopped, None, None));
}

pub async fn a_change_leaves_the_rest(store: &impl Records) {
    let before = store.insert_instance(&instance("alice", 18789)).await.unwrap();
    let change = InstanceChange {
        name: Some("Alice".into()),
        port: Some(19000),
        image: Some("creel@sha256:aa".into()),
        ..Default::default()
    };
    store.update_instance("alice", &change).await.unwrap();
    let after = store.instance("alice").await.unwrap().unwrap();
    assert_eq!((after.name.as_str(), after.port), ("Alice", 19000));
    assert_eq!((before.image, after.image), (None, change.image));
    assert_eq!(
        (&after.channels, &after.model, after.cpus),
        (&before.channels, &before.model, before.cpus)
    );
    store
        .update_instance(
            "alice",
            &InstanceChange {
                channels: Some(vec![]),
                ..Default::default()
            },
        )
        .await
        .unwrap();
    let after = store.instance("alice").await.unwrap().unwrap();
    assert_eq!((after.channels, after.name.as_str()), (vec![], "Alice"));
}

pub async fn a_limit_stays_until_it_is_changed_or_taken_away(store: &impl Records) {
    store.insert_instance(&instance("alice", 18789)).await.unwrap();
    for (memory_bytes, cpus, memory_now, cpus_now) in [
        (Some(Some(1 << 40)), Some(Some(0.5)), Some(1 << 40), Some(0.5)),
        (None, None, Some(1 << 40), Some(0.5)),
        (Some(None), None, None, Some(0.5)),
        (Some(Some(64 << 20)), Some(None), Some(64 << 20), None),
        (Some(None), Some(None), None, None),
    ] {
        let change = InstanceChange {
            memory_bytes,
            cpus,
            ..InstanceChange::default()
        };
        store.update_instance("alice", &change).await.unwrap();
        let record = store.instance("alice").await.unwrap().unwrap();
        assert_eq!((record.memory_bytes, record.cpus), (memory_now, cpus_now), "{change:?}");
    }
}

pub async fn an_idle_policy_is_kept_until_there_is_another(store: &impl Records) {
    let sleep: Idle = "sleep:30".parse().unwrap();
    let new = NewInstance {
        idle: sleep,
        ..instance("alice", 18789)
    };
    assert_eq!(store.insert_instance(&new).await.unwrap().idle, sleep);
    for idle in ["stop:1", "always", "sleep:4294967295"] {
        let change = InstanceChange {
            idle: Some(idle.parse().unwrap()),
            ..InstanceChange::default()
        };
        store.update_instance("alice", &change).await.unwrap();
        store
            .update_instance("alice", &InstanceChange::default())
            .await
            .unwrap();
        let kept = store.instance("alice").await.unwrap().unwrap().idle;
        assert_eq!(kept.to_string(), idle);
    }
}

pub async fn an_image_is_chosen_for_a_runtime(store: &impl Records) {
    assert_eq!(store.images().await.unwrap(), []);
    store.put_image(Runtime::Openclaw, "a.io/openclaw:1").await.unwrap();
    store.put_image(Runtime::Native, "creel:1").await.unwrap();
    store.put_image(Runtime::Native, "creel:2").await.unwrap();
    let chosen = [
        (Runtime::Native, "creel:2".to_owned()),
        (Runtime::Openclaw, "a.io/openclaw:1".to_owned()),
    ];
    assert_eq!(store.images().await.unwrap(), chosen);
}

pub async fn a_token_is_replaced(store: &impl Records) {
    store.insert_instance(&instance("alice", 18789)).await.unwrap();
    store.set_token("alice", &[9; 32], b"other").await.unwrap();
    let record = store.instance("alice").await.unwrap().unwrap();
    assert_eq!(
        (record.token_sha256, record.token_sealed.as_slice()),
        ([9; 32], &b"other"[..])
    );
}

pub async fn what_is_not_there_is_said(store: &impl Records) {
    let observed = Observed {
        status: Status::Running,
        pid: None,
        pid_started: None,
        external_id: None,
        error: None,
    };
    assert!(is_missing(store.set_desired("nobody", Desired::Stopped).await));
    assert!(is_missing(store.set_observed("nobody", &observed).await));
    assert!(is_missing(
        store.update_instance("nobody", &InstanceChange::default()).await
    ));
    assert!(is_missing(store.set_token("nobody", &[0; 32], b"").await));
    assert!(store.instance("nobody").await.unwrap().is_none());
    assert!(!store.delete_instance("nobody").await.unwrap());
}

pub async fn every_spelling_is_kept(store: &impl Records) {
    let mut port = 20_000;
    for (runtime, driver) in [(Runtime::Native, Driver::Docker), (Runtime::Openclaw, Driver::Railway)] {
        port += 1;
        let new = NewInstance {
            runtime,
            driver,
            ..instance(&format!("i-{port}"), port)
        };
        let record = store.insert_instance(&new).await.unwrap();
        assert_eq!((record.runtime, record.driver), (runtime, driver));
    }
    for desired in Desired::ALL {
        store.set_desired("i-20001", *desired).await.unwrap();
        assert_eq!(store.instance("i-20001").await.unwrap().unwrap().desired, *desired);
    }
    for status in Status::ALL {
        let observed = Observed {
            status: *status,
            pid: None,
            pid_started: None,
            external_id: None,
            error: None,
        };
        store.set_observed("i-20001", &observed).await.unwrap();
        assert_eq!(store.instance("i-20001").await.unwrap().unwrap().status, *status);
    }
}

pub async fn instances_are_listed_by_id(store: &impl Records) {
    for (id, port) in [("bob", 2001), ("alice", 2002), ("carol", 2000)] {
        store.insert_instance(&instance(id, port)).await.unwrap();
    }
    let ids: Vec<_> = store
        .instances()
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.id)
        .collect();
    assert_eq!(ids, ["alice", "bob", "carol"]);
}

pub async fn writes_from_many_tasks_all_arrive(store: &impl Records) {
    let writes = (0..40_u16).map(|number| async move {
        let id = format!("i-{number}");
        store.insert_instance(&instance(&id, 3000 + number)).await?;
        store.set_desired(&id, Desired::Stopped).await
    });
    for written in join_all(writes).await {
        written.unwrap();
    }
    let all = store.instances().await.unwrap();
    assert_eq!(all.len(), 40);
    assert!(all.iter().all(|record| record.desired == Desired::Stopped));
}
