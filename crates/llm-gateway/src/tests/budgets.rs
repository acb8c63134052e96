//! What a key may spend in a day and in a month: of UTC, by the clock of the books, whatever this machine's says.

use std::time::Duration;

use creel_testkit::provider::{Gate, Provider, Reply};
use http_body_util::BodyExt as _;

use super::harness::{Answer, Running};
use super::{COMPLETION, House, STREAMED_COMPLETION};
use crate::catalog::Budgets;
use crate::ledger::Micros;

const HOUR_MS: i64 = 3_600_000;
/// 2024-02-29, of a leap year, at midnight UTC.
const LAST_OF_FEBRUARY: i64 = 1_709_164_800_000;
const FIRST_OF_MARCH: i64 = LAST_OF_FEBRUARY + 24 * HOUR_MS;

fn budgets(day: Option<i64>, month: Option<i64>) -> Budgets {
    Budgets {
        day: day.map(Micros),
        month: month.map(Micros),
    }
}

/// Asks until the answer is this one: the gateway learns what time it is with its next dealing.
async fn asked_until(house: &Running, is_it: impl Fn(&Answer) -> bool) {
    let mut client = house.client().await;
    let asking = async { while !is_it(&client.post("/v1/chat/completions", COMPLETION).await) {} };
    tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap();
}

#[tokio::test]
async fn they_bound_a_key_whose_user_has_plenty() {
    let provider = Provider::start().await;
    provider.always(Reply::text("hi").usage(60, 60));
    let house = House::new(&provider)
        .key(|key| key.budgets = budgets(Some(200), None))
        .start()
        .await;
    let mut client = house.client().await;
    assert_eq!(client.post("/v1/chat/completions", COMPLETION).await.status, 200);
    let answer = client.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(answer.status, 402);
    assert!(answer.text().contains("budget of the day (UTC)"), "{}", answer.text());
    assert_eq!(house.spent().await, 120);
}

#[tokio::test]
async fn at_midnight_a_day_begins_and_only_at_the_end_of_a_month_another_month() {
    let provider = Provider::start().await;
    provider.always(Reply::text("hi").usage(60, 60));
    let house = House::new(&provider)
        .at(LAST_OF_FEBRUARY - HOUR_MS)
        .key(|key| key.budgets = budgets(Some(200), Some(350)))
        .start()
        .await;
    let mut client = house.client().await;
    let ask = async |client: &mut super::Client| client.post("/v1/chat/completions", COMPLETION).await;
    assert_eq!(ask(&mut client).await.status, 200);
    assert!(ask(&mut client).await.text().contains("budget of the day (UTC)"));
    house.books.set_time(LAST_OF_FEBRUARY + HOUR_MS);
    asked_until(&house, |answer| answer.status == 200).await;
    // 240 of the month's 350 are spent, and 120 of this day's 200.
    assert_eq!(ask(&mut client).await.status, 402);
    house.books.set_time(FIRST_OF_MARCH + HOUR_MS);
    asked_until(&house, |answer| answer.status == 200).await;
    assert_eq!(house.spent().await, 3 * 120);
}

#[tokio::test]
async fn a_new_day_is_no_new_month() {
    let provider = Provider::start().await;
    provider.always(Reply::text("hi").usage(60, 60));
    let house = House::new(&provider)
        .at(LAST_OF_FEBRUARY - HOUR_MS)
        .key(|key| key.budgets = budgets(Some(200), Some(200)))
        .start()
        .await;
    asked_until(&house, |answer| answer.status == 200).await;
    house.books.set_time(LAST_OF_FEBRUARY + HOUR_MS);
    // The day's is whole again, and that of the month is what is short.
    asked_until(&house, |answer| answer.text().contains("budget of the month (UTC)")).await;
    house.books.set_time(FIRST_OF_MARCH);
    asked_until(&house, |answer| answer.status == 200).await;
    assert_eq!(house.spent().await, 2 * 120);
}

#[tokio::test]
async fn a_call_is_of_the_day_in_which_it_began() {
    let provider = Provider::start().await;
    let gate = Gate::closed();
    provider.then(Reply::text("hi").usage(60, 60).gated(&gate));
    provider.always(Reply::text("hi").usage(60, 60));
    let house = House::new(&provider)
        .at(FIRST_OF_MARCH - HOUR_MS)
        .key(|key| key.budgets = budgets(Some(200), Some(200)))
        .start()
        .await;
    let mut client = house.client().await;
    let body = client
        .begin("/v1/chat/completions", STREAMED_COMPLETION)
        .await
        .into_body();
    house.books.set_time(FIRST_OF_MARCH + HOUR_MS);
    // Room for one more there is only in the new day and month.
    asked_until(&house, |answer| answer.status == 200).await;
    gate.open();
    body.collect().await.unwrap();
    let books = house.books.clone();
    assert_eq!(house.spent().await, 2 * 120);
    let mut windows: Vec<_> = books.settled().iter().map(|call| (call.day, call.month)).collect();
    windows.sort_unstable();
    assert_eq!(windows, [(Some(19_782), Some(649)), (Some(19_783), Some(650))]);
}
