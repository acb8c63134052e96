//! Administrators, API tokens, logins.

use creel_records::{Login, NewApiToken, Records, RecordsError};

use super::is_missing;

pub async fn administrators_are_kept(store: &impl Records) {
    assert!(store.administrators().await.unwrap().is_empty());
    store.put_administrator("admin", "$argon2id$one").await.unwrap();
    store.put_administrator("admin", "$argon2id$two").await.unwrap();
    let known = store.administrators().await.unwrap();
    assert_eq!((known.len(), known[0].password_phc.as_str()), (1, "$argon2id$two"));
    assert_eq!(store.administrator("admin").await.unwrap().as_ref(), Some(&known[0]));
    assert!(store.administrator("Admin").await.unwrap().is_none());
    assert!(
        !format!("{known:?}").contains("argon2id"),
        "a password hash is not for logs"
    );
}

pub async fn api_tokens_are_found_by_digest(store: &impl Records) {
    store
        .put_api_token(&NewApiToken {
            name: "first".into(),
            sha256: [1; 32],
        })
        .await
        .unwrap();
    store
        .put_api_token(&NewApiToken {
            name: "ci".into(),
            sha256: [2; 32],
        })
        .await
        .unwrap();
    assert_eq!(store.api_token(&[2; 32]).await.unwrap().unwrap().name, "ci");
    assert!(store.api_token(&[3; 32]).await.unwrap().is_none());
    let clash = store
        .put_api_token(&NewApiToken {
            name: "third".into(),
            sha256: [1; 32],
        })
        .await;
    assert!(matches!(clash, Err(RecordsError::Taken { .. })));
    store
        .put_api_token(&NewApiToken {
            name: "ci".into(),
            sha256: [4; 32],
        })
        .await
        .unwrap();
    assert!(
        store.api_token(&[2; 32]).await.unwrap().is_none(),
        "a replaced token is void"
    );
    assert!(store.delete_api_token("ci").await.unwrap());
    assert!(!store.delete_api_token("ci").await.unwrap());
    let names: Vec<_> = store
        .api_tokens()
        .await
        .unwrap()
        .into_iter()
        .map(|token| token.name)
        .collect();
    assert_eq!(names, ["first"]);
}

pub async fn logins_expire(store: &impl Records) {
    let login = |digest: u8, expires_at: i64| Login {
        sha256: [digest; 32],
        administrator: "admin".into(),
        csrf: "c".into(),
        created_at: 1,
        expires_at,
    };
    assert!(
        is_missing(store.insert_login(&login(1, 100)).await),
        "a login is somebody's"
    );
    store.put_administrator("admin", "$argon2id$").await.unwrap();
    store.insert_login(&login(1, 100)).await.unwrap();
    store.insert_login(&login(2, 200)).await.unwrap();
    assert_eq!(store.login(&[1; 32], 99).await.unwrap(), Some(login(1, 100)));
    assert_eq!(store.login(&[1; 32], 100).await.unwrap(), None);
    assert_eq!(store.delete_expired_logins(150).await.unwrap(), 1);
    assert!(store.delete_login(&[2; 32]).await.unwrap());
    assert_eq!(store.login(&[2; 32], 0).await.unwrap(), None);
}
