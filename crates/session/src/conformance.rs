//! What every store of sessions must do, whatever it is made of.
//!
//! `open` yields one more handle on the same store: two handles are two nodes. The users used begin with `prefix`, so
//! that a store shared with others (a Redis server) can be tested too. A broken promise panics.

use std::sync::Arc;

use crate::{
    Body, Entry, Part, SessionError, SessionId, SessionKey, SessionStore, Stop, ToolCall, Transcript, Usage, UserId,
};

/// Runs the whole suite.
pub async fn run<F>(prefix: &str, open: F)
where
    F: Fn() -> Arc<dyn SessionStore>,
{
    let user = |scenario: &str| UserId::new(&format!("{prefix}{scenario}")).expect("the prefix is short and plain");
    keeps_every_kind_of_entry(&user("kinds"), &open).await;
    appends_in_order_across_handles(&user("order"), &open).await;
    refuses_an_older_epoch(&user("fence"), &open).await;
    an_empty_append_only_checks(&user("empty"), &open).await;
    lists_the_newest_first(&user("list"), &open).await;
    deletes_one_and_only_one(&user("delete"), &open).await;
    keeps_users_apart(&user("alice"), &user("bob"), &open).await;
    keeps_odd_ids_apart(&user("odd"), &open).await;
    a_reader_sees_no_half_of_an_append(&user("whole"), &open).await;
    two_writers_lose_nothing(&user("race"), &open).await;
    titles_fit_a_list(&user("title"), &open).await;
}

/// A user entry of this text, written at `at` in the turn `turn` under epoch 1.
pub fn said(at: u64, turn: &str, text: &str) -> Entry {
    let body = Body::User {
        parts: vec![Part::Text { text: text.to_owned() }],
    };
    Entry {
        at,
        turn: turn.to_owned(),
        epoch: 1,
        idempotency_key: None,
        body,
    }
}

/// The texts of the user entries of a transcript.
pub fn texts(transcript: &Transcript) -> Vec<String> {
    let text = |entry: &Arc<Entry>| match &entry.body {
        Body::User { parts } => match parts.first() {
            Some(Part::Text { text }) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    };
    transcript.entries.iter().filter_map(text).collect()
}

fn key(user: &UserId, session: &str) -> SessionKey {
    SessionKey::new(user.clone(), SessionId::new(session).expect("a good id"))
}

async fn read(store: &dyn SessionStore, key: &SessionKey) -> Transcript {
    store
        .read(key)
        .await
        .expect("the store answers")
        .expect("the session is there")
}

async fn keeps_every_kind_of_entry(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let key = key(user, "agent:main:telegram:42");
    let usage = Usage {
        input_tokens: 10,
        output_tokens: u64::from(u32::MAX) + 1,
    };
    let call = ToolCall {
        id: "c1".into(),
        name: "search".into(),
        arguments: "{\"q\": \"龙虾\"".into(),
    };
    let bodies = [
        Body::User {
            parts: vec![
                Part::Text {
                    text: "line\nbreak \u{2028} \"quote\" \\ \0 🦞".into(),
                },
                Part::Image {
                    url: "data:image/png;base64,AAAA".into(),
                },
            ],
        },
        Body::Assistant {
            text: String::new(),
            tool_calls: vec![call],
            model: "p/m".into(),
            usage,
            stop: Stop::ToolCalls,
        },
        Body::ToolResult {
            call_id: "c1".into(),
            name: "search".into(),
            text: "none".into(),
            is_error: true,
        },
        Body::Assistant {
            text: "ok".into(),
            tool_calls: vec![],
            model: "p/m".into(),
            usage: Usage::default(),
            stop: Stop::Cancelled,
        },
    ];
    let entries: Vec<Entry> = bodies
        .into_iter()
        .zip(1..)
        .map(|(body, at)| Entry {
            at,
            turn: "t".into(),
            epoch: 3,
            idempotency_key: (at == 1).then(|| "k".into()),
            body,
        })
        .collect();
    let store = open();
    assert_eq!(store.read(&key).await.expect("answers"), None);
    store.append(&key, 3, &entries).await.expect("stored");
    for handle in [store, open()] {
        let found = read(&*handle, &key).await;
        assert_eq!(
            found.entries.iter().map(|entry| (**entry).clone()).collect::<Vec<_>>(),
            entries
        );
        assert_eq!(found.by_idempotency_key("k").expect("found").at, 1);
        assert_eq!(found.by_idempotency_key("none"), None);
        assert_eq!(found.turn("t").count(), 4);
        assert_eq!(
            (found.info.created_at, found.info.updated_at, found.info.messages),
            (1, 4, 4)
        );
    }
}

async fn appends_in_order_across_handles(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let key = key(user, "s");
    let (one, two) = (open(), open());
    for at in 0..20 {
        let store = if at % 3 == 0 { &one } else { &two };
        store
            .append(&key, 1, &[said(at, "t", &at.to_string())])
            .await
            .expect("stored");
        let expected: Vec<String> = (0..=at).map(|at| at.to_string()).collect();
        assert_eq!(texts(&read(&*one, &key).await), expected);
        assert_eq!(texts(&read(&*two, &key).await), expected);
    }
}

async fn refuses_an_older_epoch(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let key = key(user, "s");
    let (old, new) = (open(), open());
    old.append(&key, 5, &[said(1, "t", "a")]).await.expect("stored");
    new.append(&key, 6, &[said(2, "t", "b")]).await.expect("stored");
    for store in [&old, &new, &open()] {
        match store.append(&key, 5, &[said(3, "t", "late")]).await {
            Err(SessionError::Fenced {
                offered: 5, newest: 6, ..
            }) => {}
            other => panic!("an older epoch was not refused: {other:?}"),
        }
    }
    new.append(&key, 6, &[said(4, "t", "c")])
        .await
        .expect("the same epoch goes on");
    let found = read(&*old, &key).await;
    assert_eq!(texts(&found), ["a", "b", "c"]);
    assert_eq!(
        found.entries.iter().map(|entry| entry.epoch).collect::<Vec<_>>(),
        [5, 6, 6],
        "kept as checked"
    );
}

async fn an_empty_append_only_checks(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let key = key(user, "s");
    let store = open();
    store.append(&key, 9, &[]).await.expect("nothing to refuse");
    assert_eq!(store.read(&key).await.expect("answers"), None);
    store.append(&key, 9, &[said(1, "t", "a")]).await.expect("stored");
    store.append(&key, 9, &[]).await.expect("current");
    assert!(matches!(
        store.append(&key, 8, &[]).await,
        Err(SessionError::Fenced { .. })
    ));
    assert_eq!(read(&*store, &key).await.info.messages, 1);
}

async fn lists_the_newest_first(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let store = open();
    assert_eq!(store.list(user).await.expect("answers"), []);
    for (at, id) in [(10, "old"), (30, "new"), (20, "middle:1")] {
        store
            .append(&key(user, id), 1, &[said(at, "t", id), said(at + 1, "t", "x")])
            .await
            .expect("stored");
    }
    for handle in [store, open()] {
        let list = handle.list(user).await.expect("answers");
        assert_eq!(
            list.iter().map(|info| info.id.as_str()).collect::<Vec<_>>(),
            ["new", "middle:1", "old"]
        );
        let newest = &list[0];
        assert_eq!(
            (
                newest.title.as_str(),
                newest.created_at,
                newest.updated_at,
                newest.messages
            ),
            ("new", 30, 31, 2)
        );
        for info in &list {
            assert_eq!(read(&*handle, &key(user, info.id.as_str())).await.info, *info);
        }
    }
}

async fn deletes_one_and_only_one(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let (one, two) = (open(), open());
    for id in ["a", "b"] {
        one.append(&key(user, id), 1, &[said(1, "t", id)])
            .await
            .expect("stored");
    }
    assert!(two.delete(&key(user, "a")).await.expect("answers"));
    assert!(!one.delete(&key(user, "a")).await.expect("answers"));
    assert_eq!(
        one.read(&key(user, "a")).await.expect("answers"),
        None,
        "a cached copy is not served"
    );
    assert_eq!(one.list(user).await.expect("answers").len(), 1);
    one.append(&key(user, "a"), 2, &[said(2, "t", "again")])
        .await
        .expect("stored");
    assert_eq!(texts(&read(&*two, &key(user, "a")).await), ["again"]);
}

async fn keeps_users_apart(alice: &UserId, bob: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let store = open();
    store
        .append(&key(alice, "s"), 1, &[said(1, "t", "hers")])
        .await
        .expect("stored");
    assert_eq!(store.read(&key(bob, "s")).await.expect("answers"), None);
    assert_eq!(store.list(bob).await.expect("answers"), []);
    assert!(!store.delete(&key(bob, "s")).await.expect("answers"));
    assert_eq!(texts(&read(&*store, &key(alice, "s")).await), ["hers"]);
}

async fn keeps_odd_ids_apart(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let store = open();
    let long = "x".repeat(128);
    let ids = [
        "a", "A", "a:b", "a.b", "a-b", "a..b", "a3Ab", "a.jsonl", "a.lock", &long,
    ];
    for id in ids {
        store
            .append(&key(user, id), 1, &[said(1, "t", id)])
            .await
            .expect("stored");
    }
    for id in ids {
        assert_eq!(texts(&read(&*store, &key(user, id)).await), [id]);
    }
    assert_eq!(store.list(user).await.expect("answers").len(), ids.len());
}

async fn a_reader_sees_no_half_of_an_append(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let key = key(user, "s");
    let (writer, reader) = (open(), open());
    let writing = {
        let key = key.clone();
        on_a_thread(async move {
            for turn in 0..100 {
                let pair = [said(turn, "t", &"q".repeat(3000)), said(turn, "t", &"a".repeat(5000))];
                writer.append(&key, 1, &pair).await.expect("stored");
            }
        })
    };
    while !writing.is_finished() {
        if let Some(found) = reader.read(&key).await.expect("answers") {
            assert_eq!(found.entries.len() % 2, 0, "half of an append was seen");
        }
    }
    writing.join().expect("the writer wrote");
    assert_eq!(read(&*reader, &key).await.entries.len(), 200);
}

async fn two_writers_lose_nothing(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let key = key(user, "s");
    let writers = ["a", "b"].map(|name| {
        let (store, key) = (open(), key.clone());
        on_a_thread(async move {
            for round in 0..100 {
                store
                    .append(&key, 1, &[said(round, name, &format!("{name}{round}"))])
                    .await
                    .expect("stored");
            }
        })
    });
    for writer in writers {
        writer.join().expect("the writer wrote");
    }
    let found = read(&*open(), &key).await;
    for name in ["a", "b"] {
        let mine: Vec<u64> = found.turn(name).map(|entry| entry.at).collect();
        assert_eq!(mine, (0..100).collect::<Vec<_>>(), "all of {name}, in order");
    }
}

async fn titles_fit_a_list(user: &UserId, open: &impl Fn() -> Arc<dyn SessionStore>) {
    let store = open();
    let image = Entry {
        body: Body::User {
            parts: vec![Part::Image {
                url: "https://x".into(),
            }],
        },
        ..said(1, "t", "")
    };
    store
        .append(&key(user, "a"), 1, &[image, said(2, "t", &"龙虾 ".repeat(50))])
        .await
        .expect("stored");
    let title = read(&*store, &key(user, "a")).await.info.title;
    assert!(title.starts_with("龙虾 龙虾") && title.chars().count() <= 80, "{title}");
    store
        .append(&key(user, "b"), 1, &[said(1, "t", " \n one\n\ttwo ")])
        .await
        .expect("stored");
    assert_eq!(read(&*store, &key(user, "b")).await.info.title, "one two");
}

fn on_a_thread(work: impl Future<Output = ()> + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(work);
    })
}
