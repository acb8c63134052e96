//! What every driver keeps to, whatever it runs instances in: one suite, once per driver, the container engine being a real one, and
//! Railway the recorder of `creel_testkit::railway`.
#![expect(clippy::unwrap_used, reason = "a test may fall over")]

#[expect(dead_code, reason = "the files of tests share it, each uses a part")]
mod support;

#[path = "drivers/adoption.rs"]
mod adoption;
#[path = "drivers/docker.rs"]
mod docker;
#[path = "drivers/doctor.rs"]
mod doctor;
#[path = "drivers/faults.rs"]
mod faults;
#[path = "drivers/railway.rs"]
mod railway;
#[path = "drivers/railway_doctor.rs"]
mod railway_doctor;
#[path = "drivers/railway_killed.rs"]
mod railway_killed;
#[path = "drivers/suite.rs"]
mod suite;

use creel_fleet::Driver;
use creel_testkit::kernel;
use suite::Place;

macro_rules! suite {
    ($($(#[$ignored:meta])? $driver:ident: $place:expr;)+) => {
        $(
            mod $driver {
                suite!(@ [$(#[$ignored])?] $place; a_life_from_create_to_remove, what_it_says_and_what_it_uses_are_known, what_ends_is_started_again,
                    what_never_gets_ready_is_an_error_with_its_last_words, a_limit_that_was_changed_is_shown_and_left,
                    it_is_removed_while_it_runs, it_sleeps_and_wakes_in_the_same_life, whoever_calls_one_that_sleeps_wakes_it,
                    what_refuses_its_configuration_says_so, its_memory_is_moved_to_swap,
                    who_has_nothing_to_do_sleeps_or_stops_as_its_policy_says, an_upgrade_that_does_not_get_ready_is_taken_back);
            }
        )+
    };
    (@ [$(#[$ignored:meta])?] $place:expr; $($scenario:ident),+) => {
        suite!(@@ [$(#[$ignored])?] ($place); $($scenario),+);
    };
    (@@ $ignored:tt $place:tt; $($scenario:ident),+) => {
        $(
            suite!(@@@ $ignored $place $scenario);
        )+
    };
    (@@@ [$(#[$ignored:meta])?] ($place:expr) $scenario:ident) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn $scenario() {
            crate::suite::$scenario($place.await).await;
        }
    };
}

suite! {
    on_process: crate::Place::new(crate::Driver::Process);
    on_docker: crate::docker::place();
    #[ignore = "in a network of its own, by `podman_keeps_to_the_same`"]
    on_podman: crate::docker::podman_place();
}

/// It keeps no limit, has no sleep that could be asked for, and does not tell with which code something ended.
mod on_railway {
    suite!(@ [] crate::railway::place(); a_life_from_create_to_remove, what_it_says_and_what_it_uses_are_known, what_ends_is_started_again,
        what_never_gets_ready_is_an_error_with_its_last_words, it_is_removed_while_it_runs,
        an_upgrade_that_does_not_get_ready_is_taken_back);
}

/// Podman publishes ports by rules of the firewall: it gets one to itself.
#[test]
fn podman_keeps_to_the_same() {
    const IN_ITS_OWN: &str = r#"ip link set lo up && exec "$@""#;
    let tests = std::env::current_exe().unwrap();
    let ran = std::process::Command::new("unshare")
        .args(["--net", "--", "sh", "-c", IN_ITS_OWN, "network"])
        .arg(tests)
        .args(["on_podman", "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(!said.contains(" 0 passed"), "{said}");
}

/// Version 2 of control groups, in a kernel that has nothing else: a host that runs tests often has version 1, or no right to
/// either.
#[tokio::test]
async fn on_process_in_a_kernel_with_version_2() {
    let own = std::env::current_exe().unwrap();
    let said = kernel::run(&own, &["on_process::", "--test-threads=1"]).await;
    assert!(said.contains("test on_process::a_limit_that_was_changed"), "{said}");
}
