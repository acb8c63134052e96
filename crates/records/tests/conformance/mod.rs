//! What every record store must do, one file a subject. An engine's test file opens a fresh store and hands it to [`suite!`].

pub mod accounts;
pub mod events;
pub mod instances;
pub mod ledger;
pub mod llm;
pub mod logins;
pub mod users;

use creel_records::{Channel, Desired, Driver, Idle, NewInstance, RecordsError, Runtime};

/// One test per scenario, each on a store of its own. `$open` is an async function that returns `(guard, store)`.
#[macro_export]
macro_rules! suite {
    ($open:path) => {
        $crate::suite!($open: instances: an_instance_comes_back_as_it_was_recorded, ids_and_ports_are_taken_once, desired_and_observed_are_two_things, a_change_leaves_the_rest, an_image_is_chosen_for_a_runtime, a_limit_stays_until_it_is_changed_or_taken_away, an_idle_policy_is_kept_until_there_is_another, a_token_is_replaced, what_is_not_there_is_said, every_spelling_is_kept, instances_are_listed_by_id, writes_from_many_tasks_all_arrive);
        $crate::suite!($open: accounts: administrators_are_kept, api_tokens_are_found_by_digest, logins_expire);
        $crate::suite!($open: ledger: a_dealing_takes_place_once, a_call_is_charged_once_whoever_settles_it, the_charge_of_an_interrupted_call_is_marked, escrow_is_called_back_and_never_more_than_there_is, a_cost_above_the_reservation_is_bounded_and_written_off_for_all_to_see, what_expires_first_is_spent_first, what_expired_is_given_out_no_more, a_grant_that_is_repeated_is_granted_once, of_many_who_repeat_a_grant_one_gives, a_node_that_is_given_up_leaves_nothing_behind_and_may_come_back, a_budget_bounds_a_day_and_has_no_entries, usage_is_added_up_and_outlives_the_calls, a_name_that_an_engine_would_not_take_is_cut, a_low_balance_is_told_once, many_nodes_deal_at_once_and_every_credit_is_accounted_for);
        $crate::suite!($open: llm: a_setup_comes_back_as_it_was_recorded, every_change_is_a_new_version, a_revoked_key_is_remembered_and_not_in_force,
            changes_of_a_key_at_the_same_time_all_hold,
            keys_of_a_user_who_is_disabled_or_gone_are_not_in_force);
        $crate::suite!($open: users: a_user_comes_back_as_recorded, many_users_are_recorded_together_or_not_at_all, users_are_listed_page_by_page_and_found_by_a_part, a_token_is_one_users_until_it_expires_or_is_replaced, changes_are_followed_exactly, a_user_has_several_tokens_by_name, numbers_have_a_tag, a_user_has_one_model_key_and_one_gateway_serves_all, a_provider_means_one_user_by_one_name, nobody_who_follows_misses_a_change_of_many_at_once);
        $crate::suite!($open: logins: a_login_is_found_until_it_ends, who_may_not_sign_in_is_not_signed_in, what_changes_of_a_user_ends_their_logins, a_refresh_token_is_spent_once_and_one_that_comes_again_ends_the_login, of_many_who_spend_a_token_one_gets_the_next, signing_keys_are_kept_newest_first);
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
        image: None,
        idle: Idle::Always,
        desired: Desired::Running,
        token_sha256: [7; 32],
        token_sealed: vec![1, 2, 3, 0, 255],
    }
}

pub fn is_missing(result: Result<(), RecordsError>) -> bool {
    matches!(result, Err(RecordsError::NotFound { .. }))
}
