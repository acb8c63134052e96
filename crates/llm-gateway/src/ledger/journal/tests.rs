//! A journal that was cut, damaged, or written to by many threads at once.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use creel_records::ledger::{Billing, Micros, Outcome, RequestId, Usage};
use tempfile::TempDir;

use super::*;
use crate::ledger::call::{Call, CallTag};
use creel_records::ledger::Settlement;

fn call() -> Call {
    Call {
        request: RequestId::new(),
        tag: CallTag {
            user: "alice".into(),
            instance: "claw".into(),
            key: "k1".into(),
            provider: "openai".into(),
            model: "gpt".into(),
        },
        billing: Billing::Credits,
        reserve: Micros(10),
        prompt: Micros(1),
        prompt_tokens: 7,
        day_limit: None,
        month_limit: None,
    }
}

fn settlement(call: &Call) -> Settlement {
    Settlement {
        request: call.request,
        billing: call.billing,
        user: call.tag.user.clone(),
        instance: call.tag.instance.clone(),
        key: call.tag.key.clone(),
        provider: call.tag.provider.clone(),
        model: call.tag.model.clone(),
        day: None,
        month: None,
        reserved: call.reserve,
        cost: Micros(3),
        usage: Usage::default(),
        outcome: Outcome::Done,
        at: 5,
        latency_ms: 0,
    }
}

fn writer(dir: &TempDir, number: u64, segment_bytes: u64) -> Writer {
    Writer::begin(dir.path().to_owned(), number, segment_bytes, u64::MAX).unwrap()
}

fn open(dir: &TempDir) -> Result<Opened, JournalError> {
    Opened::open(JournalConfig::new(dir.path()))
}

fn lost(dir: &TempDir) -> Vec<RequestId> {
    open(dir).unwrap().lost.iter().map(|lost| lost.request).collect()
}

fn only_segment(dir: &TempDir) -> PathBuf {
    segment::path(dir.path(), 1)
}

fn reserve(journal: &Writer, call: &Call) -> Result<(), JournalError> {
    let ticket = journal.reserve(call, &Vec::new(), 0);
    journal.written(call.request, ticket)
}

fn settle(journal: &Writer, call: &Call) {
    journal.ended(journal.settle(&settlement(call))).unwrap();
}

/// A journal of `count` calls that ended and one that did not, and where each record begins.
fn filled(dir: &TempDir, count: usize) -> (Vec<u64>, RequestId) {
    let journal = writer(dir, 1, u64::MAX);
    let mut ends = vec![journal.end().offset];
    for _ in 0..count {
        let call = call();
        reserve(&journal, &call).unwrap();
        ends.push(journal.end().offset);
        settle(&journal, &call);
        ends.push(journal.end().offset);
    }
    let last = call();
    reserve(&journal, &last).unwrap();
    ends.push(journal.end().offset);
    (ends, last.request)
}

#[test]
fn an_end_that_was_torn_at_any_byte_is_cut_off() {
    let dir = TempDir::new().unwrap();
    let (ends, last) = filled(&dir, 1);
    let whole = fs::read(only_segment(&dir)).unwrap();
    assert_eq!(lost(&dir), [last]);
    // Every byte around the ends of records, and some between.
    let near = |cut: &u64| cut.is_multiple_of(23) || ends.iter().any(|end| end.abs_diff(*cut) < 3);
    for cut in (0..whole.len() as u64).filter(near) {
        fs::write(only_segment(&dir), &whole[..usize::try_from(cut).unwrap()]).unwrap();
        let found = lost(&dir).len();
        let begun = match () {
            () if cut < ends[1] => 0,
            () if cut < ends[2] => 1,
            () => 0,
        };
        assert_eq!(found, begun, "cut at {cut}");
        let kept = fs::metadata(only_segment(&dir)).map_or(0, |meta| meta.len());
        let whole_records = ends.iter().rev().find(|end| **end <= cut).copied().unwrap_or_default();
        assert_eq!(kept, whole_records, "cut at {cut}");
    }
}

#[test]
fn damage_before_whole_records_is_an_error_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let (ends, _) = filled(&dir, 3);
    let file = OpenOptions::new().write(true).open(only_segment(&dir)).unwrap();
    file.write_all_at(b"!", ends[1] + 20).unwrap();
    let before = fs::read(only_segment(&dir)).unwrap();
    let Err(error) = open(&dir) else {
        panic!("opened damage")
    };
    assert!(
        matches!(error, JournalError::Damaged { at, .. } if at == ends[1]),
        "{error}"
    );
    assert_eq!(fs::read(only_segment(&dir)).unwrap(), before);
}

#[test]
fn a_torn_end_of_an_older_segment_is_damage() {
    let dir = TempDir::new().unwrap();
    let (ends, _) = filled(&dir, 1);
    drop(writer(&dir, 2, u64::MAX));
    let file = OpenOptions::new().write(true).open(only_segment(&dir)).unwrap();
    file.set_len(ends[2] - 1).unwrap();
    assert!(matches!(open(&dir), Err(JournalError::Damaged { .. })));
}

#[test]
fn zeros_that_a_power_cut_left_are_cut_off() {
    let dir = TempDir::new().unwrap();
    let (ends, last) = filled(&dir, 1);
    let file = OpenOptions::new().write(true).open(only_segment(&dir)).unwrap();
    file.write_all_at(&[0; 4096], ends[3]).unwrap();
    assert_eq!(lost(&dir), [last]);
    assert_eq!(fs::metadata(only_segment(&dir)).unwrap().len(), ends[3]);
}

#[test]
fn many_threads_lose_nothing_across_segments() {
    const THREADS: usize = 8;
    const CALLS: usize = 500;
    let dir = TempDir::new().unwrap();
    let journal = writer(&dir, 1, 20_000);
    let left: Vec<_> = std::thread::scope(|scope| {
        let run = || {
            let journal = &journal;
            scope.spawn(move || {
                let mut left = Vec::new();
                for number in 0..CALLS {
                    let call = call();
                    reserve(journal, &call).unwrap();
                    match number % 3 {
                        0 => settle(journal, &call),
                        1 => journal.ended(journal.release(call.request)).unwrap(),
                        _ => left.push(call.request),
                    }
                }
                left
            })
        };
        let threads: Vec<_> = (0..THREADS).map(|_| run()).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(journal.open(), left.len());
    let mut reader = Reader::new(dir.path().to_owned(), Position::default());
    let mut settled = BTreeMap::new();
    while reader.position() < journal.end() {
        let (batch, _) = reader.read(journal.end(), 7).unwrap();
        for settlement in batch {
            assert!(settled.insert(settlement.request, ()).is_none());
        }
    }
    assert_eq!(settled.len(), THREADS * CALLS.div_ceil(3));
    drop(journal);
    // Reservations are carried over, so that the last segment is enough.
    let mut left = left;
    left.sort_unstable();
    assert_eq!(lost(&dir), left);
    let numbers = segment::numbers(dir.path()).unwrap();
    assert!(numbers.len() > 10);
    for number in &numbers[..numbers.len() - 1] {
        fs::remove_file(segment::path(dir.path(), *number)).unwrap();
    }
    assert_eq!(lost(&dir), left);
}

#[test]
fn calls_that_end_together_are_written_together() {
    let dir = TempDir::new().unwrap();
    let journal = writer(&dir, 1, u64::MAX);
    let calls = [(); 3].map(|()| call());
    calls.iter().for_each(|call| reserve(&journal, call).unwrap());
    let begun = journal.end();
    let tickets = calls.each_ref().map(|call| journal.settle(&settlement(call)));
    assert_eq!(journal.end(), begun, "nothing is written until somebody needs it");
    let [first, ..] = tickets;
    journal.ended(first).unwrap();
    let ended = journal.end();
    tickets.into_iter().for_each(|ticket| journal.ended(ticket).unwrap());
    assert_eq!(journal.end(), ended, "the first has written all");
    drop(journal);
    assert!(lost(&dir).is_empty());
}

#[test]
fn a_full_disk_takes_the_reservation_back_and_keeps_the_settlement() {
    let dir = TempDir::new().unwrap();
    let journal = Writer::begin(dir.path().to_owned(), 1, u64::MAX, 600).unwrap();
    let mut sent = Vec::new();
    let error = loop {
        let call = call();
        match reserve(&journal, &call) {
            Ok(()) => sent.push(call),
            Err(error) => break error,
        }
    };
    assert_eq!(error, JournalError::Full { max: 600 });
    assert_eq!(journal.open(), sent.len());
    for call in &sent {
        settle(&journal, call);
    }
    drop(journal);
    assert!(lost(&dir).is_empty());
}
