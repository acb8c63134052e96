//! The proof that the books are exact: thousands of random interleavings of calls, clients that go away, providers that
//! fail or lie, connections that are cut, `kill -9` and restarts; then everything is counted.
//!
//! Twice over: with processes that are killed, on real servers, and `simulated`, where nothing is left to chance but the seed.
//!
//! Runs for `CREEL_PROOF_SECONDS` (60). Prints the seed of what failed; `CREEL_PROOF_SEED` runs it again. What is simulated fails again,
//! at the same step; of the processes the schedule is the same, over and over, but not what they do at the same moment.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod call;
mod count;
mod node;
mod random;
mod simulated;
mod world;

use std::time::{Duration, Instant};

use creel_testkit::database;
use random::Random;
use world::World;

fn seconds() -> Duration {
    let seconds = std::env::var("CREEL_PROOF_SECONDS").map_or(60, |text| text.parse().expect("a number of seconds"));
    Duration::from_secs(seconds)
}

fn fixed_seed() -> Option<u64> {
    std::env::var("CREEL_PROOF_SEED")
        .ok()
        .map(|text| text.parse().expect("a number"))
}

/// Runs schedule after schedule in one world.
async fn prove(engine: &'static str, mut world: World, first: u64) {
    let until = Instant::now() + seconds();
    let mut seed = fixed_seed().unwrap_or(first);
    let mut next = Random::new(seed);
    let (mut schedules, mut calls, mut kills) = (0, 0, 0);
    while schedules == 0 || Instant::now() < until {
        println!("{engine}: CREEL_PROOF_SEED={seed}");
        let did = world.run(Random::new(seed)).await;
        schedules += 1;
        calls += did.calls;
        kills += did.kills;
        if fixed_seed().is_none() {
            seed = next.number();
        }
    }
    eprintln!("{engine}: {schedules} schedules, {calls} calls, {kills} kills, every credit accounted for");
}

#[test]
fn two_gateways_simulated() {
    let until = Instant::now() + seconds();
    let mut seed = fixed_seed().unwrap_or_else(new_seed);
    let mut next = Random::new(seed);
    let (mut histories, mut calls, mut kills) = (0, 0, 0);
    while histories == 0 || (fixed_seed().is_none() && Instant::now() < until) {
        println!("simulated: CREEL_PROOF_SEED={seed}");
        let history = simulated::run(seed);
        histories += 1;
        calls += history.calls;
        kills += history.kills;
        seed = next.number();
    }
    eprintln!("simulated: {histories} histories, {calls} calls, {kills} kills, every credit accounted for");
}

#[test]
fn one_seed_is_one_history() {
    for seed in 1..=5 {
        let [first, again] = [simulated::run(seed), simulated::run(seed)];
        assert_eq!(
            (first.calls, first.kills, first.hash),
            (again.calls, again.kills, again.hash),
            "seed {seed}"
        );
    }
}

/// A seed that differs from day to day.
fn new_seed() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(1, |since| since.as_nanos() as u64)
}

async fn on_postgresql(seed: u64) {
    let server = database::postgres();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap().to_owned();
    let cut = move || {
        server.run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ));
    };
    prove("postgresql", World::new(&url, 2, Some(Box::new(cut))).await, seed).await;
}

#[tokio::test]
async fn two_gateways_on_one_postgresql() {
    on_postgresql(new_seed()).await;
}

/// Twice as much in the same time.
#[tokio::test]
async fn two_more_gateways_on_another_postgresql() {
    on_postgresql(new_seed()).await;
}

#[tokio::test]
async fn two_gateways_on_one_mariadb() {
    let url = database::mariadb().database();
    prove("mariadb", World::new(&url, 2, None).await, new_seed()).await;
}

#[tokio::test]
async fn one_gateway_on_sqlite() {
    let dir = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite:{}", dir.path().join("creel.db").display());
    prove("sqlite", World::new(&url, 1, None).await, new_seed()).await;
}
