//! What every record store must do, one file a subject. An engine's test file opens a fresh store and hands it to [`suite!`].

pub mod accounts;
pub mod events;
pub mod instances;

use creel_records::{Channel, Desired, Driver, NewInstance, RecordsError, Runtime};

/// One test per scenario, each on a store of its own. `$open` is an async function that returns `(guard, store)`.
#[macro_export]
macro_rules! suite {
    ($open:path) => {
        $crate::suite!($open: instances: an_instance_comes_back_as_it_was_recorded, ids_and_ports_are_taken_once, desired_and_observed_are_two_things, a_change_leaves_the_rest, a_token_is_replaced, what_is_not_there_is_said, every_spelling_is_kept, instances_are_listed_by_id, writes_from_many_tasks_all_arrive);
        $crate::suite!($open: accounts: administrators_are_kept, api_tokens_are_found_by_digest, logins_expire);
        $crate::suite!($open: events: the_newest_events_come_first);
    };
    ($open:path: $subject:ident: $($scenario:ident),+) => {
        $(
            #[tokio::test]
            async fn $scenario() {
                let (_guard, store) = $open().await;
                $crate::conformance::$subject::$scenario(&store).await;
            }
        )+
    };
}

pub fn instance(id: &str, port: u16) -> NewInstance {
    NewInstance {
        id: id.to_owned(),
        name: format!("{id} 张三"),
        runtime: Runtime::Native,
        driver: Driver::Process,
        channels: vec![Channel {
            kind: "feishu".into(),
            config: serde_json::json!({"appId": "cli_1", "appSecret": "${FEISHU_APP_SECRET}"}),
        }],
        model: Some("openai/gpt-4o".into()),
        port,
        port_fixed: true,
        version: None,
        memory_bytes: Some(512 << 20),
        cpus: Some(0.5),
        desired: Desired::Running,
        token_sha256: [7; 32],
        token_sealed: vec![1, 2, 3, 0, 255],
    }
}

pub fn is_missing(result: Result<(), RecordsError>) -> bool {
    matches!(result, Err(RecordsError::NotFound { .. }))
}
