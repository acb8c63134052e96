//! The ledger against books in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use creel_records::ledger::{Exchange, Take};
use tempfile::TempDir;

use super::memory::MemoryBooks;
use super::*;

const ALICE: &str = "alice";

fn alice() -> PurseId {
    PurseId::Account(ALICE.into())
}

fn call(reserve: i64) -> Call {
    Call {
        request: RequestId::new(),
        tag: CallTag {
            user: ALICE.into(),
            instance: "claw".into(),
            key: "k1".into(),
            provider: "openai".into(),
            model: "gpt".into(),
        },
        billing: Billing::Credits,
        reserve: Micros(reserve),
        prompt: Micros(1),
        prompt_tokens: 7,
        day_limit: None,
        month_limit: None,
    }
}

/// A node of these books, with a journal of its own.
async fn open(books: &Arc<MemoryBooks>) -> (TempDir, Ledger) {
    let dir = TempDir::new().unwrap();
    let ledger = reopen(&dir, books).await;
    (dir, ledger)
}

async fn reopen(dir: &TempDir, books: &Arc<MemoryBooks>) -> Ledger {
    Ledger::open(JournalConfig::new(dir.path()), books.clone())
        .await
        .unwrap()
}

async fn books(credits: i64) -> Arc<MemoryBooks> {
    let books = Arc::new(MemoryBooks::default());
    books.grant(ALICE, Micros(credits));
    books
}

fn refused(result: Result<Reservation, Refused>) -> Refused {
    match result {
        Ok(_) => panic!("reserved"),
        Err(refused) => refused,
    }
}

#[tokio::test]
async fn a_call_costs_what_it_cost_and_the_rest_comes_back() {
    let books = books(100).await;
    let (_ledger_dir, ledger) = open(&books).await;
    let reservation = ledger.reserve(call(80)).await.unwrap();
    reservation.settle(Outcome::Done, Usage::default(), Micros(30));
    ledger.close().await;
    assert_eq!(books.balance(&alice()), Micros(70));
    assert_eq!(books.held(), Micros::ZERO);
    assert_eq!(books.settled().len(), 1);
}

#[tokio::test]
async fn a_call_that_is_not_covered_is_refused_and_costs_nothing() {
    let books = books(100).await;
    let (_ledger_dir, ledger) = open(&books).await;
    let held = ledger.reserve(call(60)).await.unwrap();
    let no = refused(ledger.reserve(call(41)).await);
    assert_eq!(no, Refused::OutOfCredits { purse: alice() });
    let fits = ledger.reserve(call(40)).await.unwrap();
    drop((held, fits));
    ledger.close().await;
    assert_eq!((books.balance(&alice()), books.settled().len()), (Micros(100), 0));
    assert_eq!(books.held(), Micros::ZERO);
}

#[tokio::test]
async fn a_client_that_goes_away_pays_what_was_noted() {
    let books = books(100).await;
    let (_ledger_dir, ledger) = open(&books).await;
    let mut reservation = ledger.reserve(call(50)).await.unwrap();
    let usage = Usage {
        prompt: 7,
        estimated: true,
        ..Usage::default()
    };
    reservation.note(usage, Micros(5));
    drop(reservation);
    ledger.close().await;
    let settled = books.settled();
    assert_eq!(
        (settled[0].outcome, settled[0].cost, settled[0].usage),
        (Outcome::Cut, Micros(5), usage)
    );
    assert_eq!(books.balance(&alice()), Micros(95));
}

#[tokio::test]
async fn a_client_that_goes_away_while_its_call_is_journaled_leaves_nothing() {
    let books = books(100).await;
    let (_ledger_dir, ledger) = open(&books).await;
    // From here on there is escrow at hand.
    ledger.reserve(call(50)).await.unwrap().release();
    let mut reserving = Box::pin(ledger.reserve(call(50)));
    let pending = poll_fn(|cx| Poll::Ready(reserving.as_mut().poll(cx).is_pending())).await;
    assert!(pending, "it lets others go first");
    assert_eq!(ledger.in_flight(), (1, Micros(50)));
    drop(reserving);
    assert_eq!(ledger.in_flight(), (0, Micros::ZERO));
    ledger.close().await;
    assert_eq!((books.balance(&alice()), books.settled().len()), (Micros(100), 0));
}

#[tokio::test]
async fn a_client_that_goes_away_as_its_credits_come_leaves_nothing() {
    let books = books(100).await;
    let (_ledger_dir, ledger) = open(&books).await;
    let mut reserving = Box::pin(ledger.reserve(call(50)));
    let pending = poll_fn(|cx| Poll::Ready(reserving.as_mut().poll(cx).is_pending())).await;
    assert!(pending, "there is no escrow at hand");
    // The banker has answered, and the call has not heard it yet.
    while ledger.in_flight().1 == Micros::ZERO {
        tokio::task::yield_now().await;
    }
    drop(reserving);
    assert_eq!(ledger.in_flight(), (0, Micros::ZERO));
    ledger.close().await;
    assert_eq!((books.balance(&alice()), books.held()), (Micros(100), Micros::ZERO));
}

#[tokio::test]
async fn a_provider_that_lies_below_zero_gains_nobody_credits() {
    let books = books(100).await;
    let (_ledger_dir, ledger) = open(&books).await;
    let reservation = ledger.reserve(call(50)).await.unwrap();
    reservation.settle(Outcome::Done, Usage::default(), Micros(-1_000));
    assert_eq!(refused(ledger.reserve(call(-1)).await), Refused::TooLarge);
    assert_eq!(refused(ledger.reserve(call(i64::MAX)).await), Refused::TooLarge);
    ledger.close().await;
    assert_eq!(books.balance(&alice()), Micros(100));
}

#[tokio::test]
async fn what_another_node_does_not_use_is_called_back() {
    let books = books(100).await;
    let (_a_dir, a) = open(&books).await;
    let (_b_dir, b) = open(&books).await;
    let running = a.reserve(call(20)).await.unwrap();
    a.reserve(call(60)).await.unwrap().release();
    // 60 of the 80 that a holds are free; 20 are in use.
    let fits = b.reserve(call(80)).await.unwrap();
    let no = refused(b.reserve(call(1)).await);
    assert_eq!(no, Refused::OutOfCredits { purse: alice() });
    running.settle(Outcome::Done, Usage::default(), Micros(20));
    fits.settle(Outcome::Done, Usage::default(), Micros(80));
    a.close().await;
    b.close().await;
    assert_eq!((books.balance(&alice()), books.held()), (Micros::ZERO, Micros::ZERO));
}

#[tokio::test]
async fn two_nodes_that_both_hold_too_little_do_not_lock_each_other_out() {
    let books = books(100).await;
    let (_a_dir, a) = open(&books).await;
    let (_b_dir, b) = open(&books).await;
    a.reserve(call(50)).await.unwrap().release();
    b.reserve(call(50)).await.unwrap().release();
    let (first, second) = tokio::join!(a.reserve(call(100)), b.reserve(call(100)));
    assert!(first.is_ok() != second.is_ok(), "exactly one of them fits");
    drop((first, second));
    a.close().await;
    b.close().await;
    assert_eq!(books.held(), Micros::ZERO);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_out_and_nothing_is_done_twice() {
    let books = books(100).await;
    let (_ledger_dir, ledger) = open(&books).await;
    books.answers_lost.store(1, Ordering::Relaxed);
    // The dealing took place, so the escrow is there for the next attempt.
    while ledger.reserve(call(10)).await.is_err() {}
    let held = ledger.reserve(call(80)).await.unwrap();
    books.answers_lost.store(3, Ordering::Relaxed);
    held.settle(Outcome::Done, Usage::default(), Micros(7));
    ledger.close().await;
    assert_eq!((books.balance(&alice()), books.held()), (Micros(93), Micros::ZERO));
}

#[tokio::test]
async fn while_the_books_are_gone_escrow_serves_and_the_rest_is_refused() {
    let books = books(800).await;
    let (_ledger_dir, ledger) = open(&books).await;
    ledger.reserve(call(80)).await.unwrap().release();
    books.gone.store(true, Ordering::Relaxed);
    let covered = ledger.reserve(call(50)).await.unwrap();
    assert_eq!(refused(ledger.reserve(call(500)).await), Refused::Unavailable);
    covered.settle(Outcome::Done, Usage::default(), Micros(50));
    books.gone.store(false, Ordering::Relaxed);
    ledger.close().await;
    assert_eq!((books.balance(&alice()), books.held()), (Micros(750), Micros::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_closes_without_books_that_stay_away_and_tells_them_at_its_next_start() {
    let books = books(100).await;
    let (dir, ledger) = open(&books).await;
    let held = ledger.reserve(call(80)).await.unwrap();
    books.gone.store(true, Ordering::Relaxed);
    held.settle(Outcome::Done, Usage::default(), Micros(30));
    ledger.close().await;
    assert_eq!(refused(ledger.reserve(call(1)).await), Refused::Closed);
    assert_eq!(books.balance(&alice()), Micros(100));
    books.gone.store(false, Ordering::Relaxed);
    reopen(&dir, &books).await.close().await;
    assert_eq!((books.balance(&alice()), books.held()), (Micros(70), Micros::ZERO));
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_back_to_books_that_did_not_take_it_goes_back_later() {
    let books = books(100).await;
    let (_dir, ledger) = open(&books).await;
    ledger.reserve(call(80)).await.unwrap().release();
    books.gone.store(true, Ordering::Relaxed);
    let closing = tokio::spawn(async move { ledger.close().await });
    tokio::time::sleep(Duration::from_secs(3)).await;
    books.gone.store(false, Ordering::Relaxed);
    closing.await.unwrap();
    assert_eq!(books.held(), Micros::ZERO);
}

/// After an hour others give up what this node holds, and give it to whoever asks.
#[tokio::test(start_paused = true)]
async fn escrow_covers_nothing_once_the_books_have_been_away_for_half_an_hour() {
    let books = books(800).await;
    let (_dir, ledger) = open(&books).await;
    ledger.reserve(call(80)).await.unwrap().release();
    let mut minutes = 0;
    while minutes < 60 {
        // In use all the time, so that it does not go back.
        for _ in 0..20 {
            match ledger.reserve(call(1)).await {
                Ok(reservation) => reservation.release(),
                Err(refused) => {
                    assert_eq!(refused, Refused::Unavailable);
                    assert!((29..=31).contains(&minutes), "after {minutes} minutes");
                    return;
                }
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        books.gone.store(true, Ordering::Relaxed);
        minutes += 1;
    }
    panic!("it covers calls although it may be somebody else's");
}

#[tokio::test]
async fn budgets_of_day_and_month_bound_a_call_and_a_new_day_is_a_new_budget() {
    let books = books(1000).await;
    // 2024-02-29 23:59:59
    books.set_time(1_709_251_199_000);
    let (_ledger_dir, ledger) = open(&books).await;
    let within = |amount, day, month| Call {
        day_limit: Some(Micros(day)),
        month_limit: Some(Micros(month)),
        ..call(amount)
    };
    let mut first = ledger.reserve(within(50, 60, 1000)).await.unwrap();
    let day = refused(ledger.reserve(within(20, 60, 1000)).await);
    assert!(
        matches!(
            day,
            Refused::OutOfCredits {
                purse: PurseId::KeyDay { day: 19_782, .. }
            }
        ),
        "{day:?}"
    );
    let month = refused(ledger.reserve(within(20, 1000, 60)).await);
    assert!(
        matches!(
            month,
            Refused::OutOfCredits {
                purse: PurseId::KeyMonth { month: 649, .. }
            }
        ),
        "{month:?}"
    );
    first.note(Usage::default(), Micros(50));
    drop(first);
    books.set_time(1_709_251_200_000);
    ledger.shared.clock.set(1_709_251_200_000);
    let next = ledger.reserve(within(60, 60, 60)).await.unwrap();
    next.settle(Outcome::Done, Usage::default(), Micros(1));
    ledger.close().await;
    let day = |day| books.balance(&PurseId::KeyDay { key: "k1".into(), day });
    assert_eq!((day(19_782), day(19_783)), (Micros(-50), Micros(-1)));
    assert_eq!((books.balance(&alice()), books.held()), (Micros(949), Micros::ZERO));
}

#[tokio::test]
async fn a_call_that_is_only_metered_needs_no_credits() {
    let books = books(0).await;
    let (_ledger_dir, ledger) = open(&books).await;
    let metered = Call {
        billing: Billing::Metered,
        ..call(50)
    };
    let reservation = ledger.reserve(metered).await.unwrap();
    reservation.settle(Outcome::Done, Usage::default(), Micros(50));
    ledger.close().await;
    assert_eq!((books.balance(&alice()), books.settled().len()), (Micros::ZERO, 1));
}

#[tokio::test]
async fn a_node_whose_place_was_taken_takes_no_calls() {
    let books = books(100).await;
    let (dir, old) = open(&books).await;
    let name = std::fs::read_to_string(dir.path().join("node")).unwrap();
    // As a process on a copy of the directory does.
    books.join(&name).await.unwrap();
    assert_eq!(refused(old.reserve(call(1)).await), Refused::Superseded);
    assert_eq!(refused(old.reserve(call(0)).await), Refused::Superseded);
}

#[tokio::test]
async fn two_processes_on_one_journal_are_refused() {
    let books = books(100).await;
    let (dir, _ledger) = open(&books).await;
    let again = Ledger::open(JournalConfig::new(dir.path()), books.clone()).await;
    assert!(matches!(again, Err(OpenError::Journal(JournalError::InUse { .. }))));
}

/// The banker stops in the middle of whatever it does.
async fn crash(ledger: Ledger) {
    let banker = lock(&ledger.shared.banker).take().unwrap();
    banker.abort();
    let _ = banker.await;
}

#[tokio::test]
async fn a_call_in_flight_when_the_process_died_is_charged_its_prompt_and_marked() {
    let books = books(100).await;
    let (dir, ledger) = open(&books).await;
    let done = ledger.reserve(call(20)).await.unwrap();
    let lost = ledger.reserve(call(30)).await.unwrap();
    let id = lost.request();
    ledger.reserve(call(30)).await.unwrap().release();
    done.settle(Outcome::Done, Usage::default(), Micros(10));
    std::mem::forget(lost);
    crash(ledger).await;
    crash(reopen(&dir, &books).await).await;
    assert_eq!((books.balance(&alice()), books.held()), (Micros(89), Micros::ZERO));
    reopen(&dir, &books).await.close().await;
    let settled = books.settled();
    assert_eq!(settled.len(), 2);
    let lost = settled.iter().find(|settlement| settlement.request == id).unwrap();
    assert_eq!(
        (
            lost.outcome,
            lost.cost,
            lost.usage.prompt,
            lost.usage.completion,
            lost.usage.estimated
        ),
        (Outcome::Lost, Micros(1), 7, 0, true)
    );
}

#[tokio::test]
async fn segments_follow_each_other_and_go_when_they_are_in_the_books() {
    let books = books(1_000_000).await;
    let dir = TempDir::new().unwrap();
    let config = JournalConfig {
        segment_bytes: 4096,
        ..JournalConfig::new(dir.path())
    };
    let ledger = Ledger::open(config.clone(), books.clone()).await.unwrap();
    // In flight through all of it.
    let long = ledger.reserve(call(10)).await.unwrap();
    let id = long.request();
    for _ in 0..500 {
        let reservation = ledger.reserve(call(10)).await.unwrap();
        reservation.settle(Outcome::Done, Usage::default(), Micros(1));
    }
    let segments = || {
        let files = std::fs::read_dir(dir.path()).unwrap();
        files
            .filter(|file| file.as_ref().unwrap().path().extension().is_some())
            .count()
    };
    assert!(segments() > 10);
    while books.settled().len() < 500 || segments() > 2 {
        tokio::task::yield_now().await;
    }
    std::mem::forget(long);
    crash(ledger).await;
    Ledger::open(config, books.clone()).await.unwrap().close().await;
    let lost = |settled: &&Settlement| settled.request == id && settled.outcome == Outcome::Lost;
    assert_eq!(books.settled().iter().filter(lost).count(), 1);
    assert_eq!((books.settled().len(), books.held()), (501, Micros::ZERO));
    assert_eq!(books.balance(&alice()), Micros(1_000_000 - 500 - 1));
}

#[tokio::test]
async fn a_journal_that_is_full_sends_nothing_and_loses_no_settlement() {
    let books = books(1_000_000).await;
    let dir = TempDir::new().unwrap();
    let config = JournalConfig {
        max_bytes: 2000,
        ..JournalConfig::new(dir.path())
    };
    let ledger = Ledger::open(config, books.clone()).await.unwrap();
    let mut sent = Vec::new();
    let refused = loop {
        match ledger.reserve(call(10)).await {
            Ok(reservation) => sent.push(reservation),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, Refused::Journal { .. }), "{refused}");
    let count = sent.len();
    assert!(count > 2);
    for reservation in sent {
        reservation.settle(Outcome::Done, Usage::default(), Micros(3));
    }
    ledger.close().await;
    assert_eq!(books.settled().len(), count);
    assert_eq!(
        books.balance(&alice()),
        Micros(1_000_000 - 3 * i64::try_from(count).unwrap())
    );
    assert_eq!(books.held(), Micros::ZERO);
}

#[tokio::test]
async fn a_ledger_that_was_closed_refuses() {
    let books = books(100).await;
    let (_dir, ledger) = open(&books).await;
    ledger.close().await;
    assert_eq!(refused(ledger.reserve(call(1)).await), Refused::Closed);
}

#[tokio::test]
async fn what_a_call_waits_for_goes_back_when_the_ledger_closes() {
    let books = books(100).await;
    let (_dir, ledger) = open(&books).await;
    let first = ledger.reserve(call(40)).await.unwrap();
    // Another node takes what is left, and answers nobody.
    let other = books.join("other").await.unwrap();
    let left = Micros(100) - books.held();
    let take = Take {
        purse: alice(),
        limit: Micros::ZERO,
        need: left,
        want: left,
        recall: false,
    };
    let takes_it = Exchange {
        node: "other".into(),
        generation: other.generation,
        turn: other.turn + 1,
        position: other.position,
        settlements: Vec::new(),
        takes: vec![take],
        gives: Vec::new(),
    };
    assert_eq!(books.exchange(&takes_it).await.unwrap().taken[0].got, left);
    let waits = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.reserve(call(100)).await }
    });
    while books.recalled("other").await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    first.release();
    ledger.close().await;
    assert_eq!(refused(waits.await.unwrap()), Refused::Closed);
    assert_eq!(books.held(), left);
}
