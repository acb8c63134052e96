//! Users, their tokens and configurations, and who follows their changes.

use std::collections::BTreeMap;

use creel_records::{NewUser, Records, RecordsError, UserKey, UserPatch, UserStatus, UserToken};
use futures_util::future::join_all;

use super::is_missing;

fn new(id: &str) -> NewUser {
    NewUser {
        id: id.to_owned(),
        name: format!("{id} 张三"),
        password_phc: Some("$argon2id$x".to_owned()),
        config: "{ /* mine */ }".to_owned(),
    }
}

pub async fn a_user_comes_back_as_recorded(store: &impl Records) {
    let alice = store.insert_user(&new("alice")).await.unwrap();
    assert_eq!(
        (alice.status, alice.config.as_str()),
        (UserStatus::Active, "{ /* mine */ }")
    );
    assert_eq!(store.user("alice").await.unwrap(), Some(alice.clone()));
    assert!(
        !format!("{alice:?}").contains("argon2"),
        "a password hash is not for logs"
    );
    assert!(matches!(
        store.insert_user(&new("alice")).await,
        Err(RecordsError::Taken { .. })
    ));
    let patch = UserPatch {
        name: Some("Alice".to_owned()),
        status: Some(UserStatus::Disabled),
        password_phc: Some(None),
    };
    store.patch_user("alice", &patch).await.unwrap();
    let patched = store.user("alice").await.unwrap().unwrap().change;
    assert!(
        !store.set_user_config("alice", "{old: 1}", alice.change).await.unwrap(),
        "they have changed since"
    );
    assert!(store.set_user_config("alice", "{}", patched).await.unwrap());
    let changed = store.user("alice").await.unwrap().unwrap();
    assert_eq!((changed.status, changed.config.as_str()), (UserStatus::Disabled, "{}"));
    assert_eq!((changed.name.as_str(), &changed.password_phc), ("Alice", &None));
    store.patch_user("alice", &UserPatch::default()).await.unwrap();
    let again = store.user("alice").await.unwrap().unwrap();
    assert_eq!((again.status, again.name), (changed.status, changed.name));
    assert!(is_missing(store.patch_user("nobody", &patch).await));
    assert!(changed.change > alice.change);
    assert!(is_missing(store.set_user_config("nobody", "{}", 1).await.map(drop)));
    assert!(is_missing(store.replace_user_tokens("nobody", &[1; 32], None).await));
    assert!(
        store.user_of_token(&[1; 32], 0).await.unwrap().is_none(),
        "nothing was left behind"
    );
}

pub async fn many_users_are_recorded_together_or_not_at_all(store: &impl Records) {
    store.insert_users(&[new("alice"), new("bob")]).await.unwrap();
    let before = store.last_user_change().await.unwrap();
    let clash = store.insert_users(&[new("carol"), new("bob"), new("dave")]).await;
    assert!(
        matches!(&clash, Err(RecordsError::Taken { id, .. }) if id == "bob"),
        "{clash:?}"
    );
    assert_eq!(store.users("", "", 9).await.unwrap().len(), 2);
    assert_eq!(store.last_user_change().await.unwrap(), before);
}

pub async fn users_are_listed_page_by_page_and_found_by_a_part(store: &impl Records) {
    for id in ["b%x", "a_1", "ab1", "c"] {
        store.insert_user(&new(id)).await.unwrap();
    }
    let ids = |part: &'static str, after: &'static str, limit| async move {
        let users = store.users(part, after, limit).await.unwrap();
        users.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("", "", 2).await, ["a_1", "ab1"]);
    assert_eq!(ids("", "ab1", 9).await, ["b%x", "c"]);
    assert_eq!(ids("a_", "", 9).await, ["a_1"], "what is typed is no pattern");
    assert_eq!(ids("%", "", 9).await, ["b%x"]);
    assert_eq!(ids("c 张三", "", 9).await, ["c"]);
}

pub async fn a_token_is_one_users_until_it_expires_or_is_replaced(store: &impl Records) {
    for id in ["alice", "bob"] {
        store.insert_user(&new(id)).await.unwrap();
    }
    store.replace_user_tokens("alice", &[1; 32], Some(100)).await.unwrap();
    let holder = |token: u8, now| async move {
        let user = store.user_of_token(&[token; 32], now).await.unwrap();
        user.map(|user| user.id)
    };
    assert_eq!(holder(1, 99).await.as_deref(), Some("alice"));
    assert_eq!(holder(1, 100).await, None, "expired");
    let clash = store.replace_user_tokens("bob", &[1; 32], None).await;
    assert!(matches!(clash, Err(RecordsError::Taken { .. })), "{clash:?}");
    store.replace_user_tokens("alice", &[2; 32], None).await.unwrap();
    assert_eq!(
        (holder(1, 0).await, holder(2, i64::MAX).await.as_deref()),
        (None, Some("alice"))
    );
    let tokens = store.user_tokens("alice").await.unwrap();
    assert_eq!(
        (tokens.len(), tokens[0].sha256, tokens[0].expires_at),
        (1, [2; 32], None)
    );
    store.revoke_user_tokens("alice").await.unwrap();
    assert_eq!(holder(2, 0).await, None, "revoked");
    assert!(is_missing(store.revoke_user_tokens("nobody").await));
    store.replace_user_tokens("alice", &[2; 32], None).await.unwrap();
    assert!(store.delete_user("alice").await.unwrap() && !store.delete_user("alice").await.unwrap());
    assert_eq!(holder(2, 0).await, None);
}

pub async fn a_user_has_several_tokens_by_name(store: &impl Records) {
    store.insert_user(&new("alice")).await.unwrap();
    let token = |name: &str, digest: u8| UserToken {
        name: name.to_owned(),
        sha256: [digest; 32],
        sealed: (name == "console").then(|| vec![1, 0, 2]),
        created_at: i64::from(digest),
        expires_at: None,
    };
    for token in [token("default", 1), token("console", 2), token("default", 3)] {
        store.put_user_token("alice", &token).await.unwrap();
    }
    let tokens = store.user_tokens("alice").await.unwrap();
    assert_eq!(tokens, [token("console", 2), token("default", 3)]);
    let page = store.user_changes(0, 9).await.unwrap();
    assert_eq!(page.users[0].1, tokens);
    assert!(store.revoke_user_token("alice", "console").await.unwrap());
    assert!(!store.revoke_user_token("alice", "console").await.unwrap());
    assert_eq!(store.user_tokens("alice").await.unwrap(), [token("default", 3)]);
    assert!(is_missing(store.put_user_token("nobody", &token("a", 4)).await));
}

pub async fn numbers_have_a_tag(store: &impl Records) {
    store.insert_user(&new("alice")).await.unwrap();
    let first = store.user_change_tag(1).await.unwrap();
    assert_eq!(store.user_change_tag(7).await.unwrap(), first, "of the same opening");
    assert_ne!(store.user_change_tag(0).await.unwrap(), first);
}

pub async fn a_user_has_one_model_key_and_one_gateway_serves_all(store: &impl Records) {
    store.insert_user(&new("alice")).await.unwrap();
    let key = |key: &str| UserKey {
        user: "alice".to_owned(),
        key: key.to_owned(),
        sealed: vec![0, 255],
    };
    store.insert_user_key(&key("k1")).await.unwrap();
    let again = store.insert_user_key(&key("k2")).await;
    assert!(matches!(again, Err(RecordsError::Taken { .. })), "{again:?}");
    let of = ["alice".to_owned(), "bob".to_owned()];
    let keys = store.user_keys(&of).await.unwrap();
    assert_eq!((keys.len(), &keys["alice"]), (1, &key("k1")));
    store.delete_user("alice").await.unwrap();
    assert!(store.user_keys(&of).await.unwrap().is_empty());
    assert!(!store.delete_user_key("alice").await.unwrap());

    assert_eq!(store.users_gateway().await.unwrap(), None);
    for instance in [Some("everyone"), Some("all"), None] {
        store.set_users_gateway(instance).await.unwrap();
        assert_eq!(store.users_gateway().await.unwrap().as_deref(), instance);
    }
}

pub async fn a_provider_means_one_user_by_one_name(store: &impl Records) {
    for id in ["alice", "bob"] {
        store.insert_user(&new(id)).await.unwrap();
    }
    let whose = |issuer: &'static str, subject: &'static str| async move {
        let user = store.user_of_subject(issuer, subject).await.unwrap();
        user.map(|user| user.id)
    };
    store.link_subject("https://a", "1", "alice").await.unwrap();
    store.link_subject("https://b", "1", "bob").await.unwrap();
    for (subject, user) in [("1", "bob"), ("2", "alice")] {
        let taken = store.link_subject("https://a", subject, user).await;
        assert!(matches!(taken, Err(RecordsError::Taken { .. })), "{taken:?}");
    }
    assert_eq!(whose("https://a", "1").await.as_deref(), Some("alice"));
    assert_eq!(whose("https://b", "1").await.as_deref(), Some("bob"));
    assert_eq!(
        (whose("https://a", "2").await, whose("https://a", "01").await),
        (None, None)
    );
    store.delete_user("alice").await.unwrap();
    store.insert_user(&new("alice")).await.unwrap();
    assert_eq!(whose("https://a", "1").await, None, "another of this name is another");
    store.link_subject("https://a", "2", "alice").await.unwrap();
}

pub async fn changes_are_followed_exactly(store: &impl Records) {
    for id in ["a", "b", "c", "d"] {
        store.insert_user(&new(id)).await.unwrap();
    }
    store.replace_user_tokens("a", &[1; 32], Some(7)).await.unwrap();
    store.delete_user("b").await.unwrap();
    let first = store.user_changes(0, 2).await.unwrap();
    let ids: Vec<_> = first.users.iter().map(|(user, _)| user.id.as_str()).collect();
    assert_eq!((ids, first.has_more), (vec!["c", "d"], true));
    let second = store.user_changes(first.reached, 2).await.unwrap();
    assert_eq!(
        (second.users[0].1[0].expires_at, &second.deleted[..]),
        (Some(7), &["b".to_owned()][..])
    );
    assert!(!second.has_more);
    assert_eq!(second.reached, store.last_user_change().await.unwrap());
    assert_eq!(store.user_changes(second.reached, 2).await.unwrap().users, []);
    store.insert_user(&new("b")).await.unwrap();
    let back = store.user_changes(0, 10).await.unwrap();
    assert!(
        back.deleted.is_empty() && back.users.len() == 4,
        "who is back is not gone: {back:?}"
    );
}

pub async fn nobody_who_follows_misses_a_change_of_many_at_once(store: &impl Records) {
    for number in 0..8 {
        store.insert_user(&new(&format!("u{number}"))).await.unwrap();
    }
    let write = |number: usize| async move {
        for turn in 0..10 {
            let id = format!("u{number}");
            loop {
                let seen = store.user(&id).await.unwrap().unwrap().change;
                match store.set_user_config(&id, &format!("{{turn: {turn}}}"), seen).await {
                    Err(RecordsError::Conflict(_)) => {}
                    done => break assert!(done.unwrap(), "nobody else writes this one"),
                }
            }
        }
    };
    let follow = async {
        let (mut known, mut since) = (BTreeMap::new(), 0);
        loop {
            let page = store.user_changes(since, 3).await.unwrap();
            since = page.reached;
            for (user, _) in page.users {
                known.insert(user.id, user.config);
            }
            if known.len() == 8 && known.values().all(|config| config == "{turn: 9}") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    futures_util::future::join(join_all((0..8).map(write)), follow).await;
}
