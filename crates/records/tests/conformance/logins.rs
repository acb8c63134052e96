//! Users' logins, their refresh tokens, and the keys that access tokens are signed with.

use creel_records::{NewUser, Records, RecordsError, SignedBy, SigningKey, Spent, UserLogin, UserPatch, UserStatus};
use futures_util::future::join_all;

const PHC: &str = "$argon2id$alice";

async fn alice(store: &impl Records) {
    let new = NewUser {
        id: "alice".to_owned(),
        name: String::new(),
        password_phc: Some(PHC.to_owned()),
        config: "{}".to_owned(),
    };
    store.insert_user(&new).await.unwrap();
}

fn login(id: &str, cookie: Option<u8>) -> UserLogin {
    UserLogin {
        id: id.to_owned(),
        user: "alice".to_owned(),
        cookie: cookie.map(|byte| [byte; 32]),
        csrf: format!("{id}'s"),
        created_at: 10,
        expires_at: 100,
    }
}

async fn signed_in(store: &impl Records, login: &UserLogin, refresh: Option<u8>) -> bool {
    let refresh = refresh.map(|byte| [byte; 32]);
    let inserted = store.insert_user_login(login, SignedBy::Password(PHC), refresh.as_ref());
    inserted.await.unwrap()
}

async fn is_there(store: &impl Records, id: &str) -> bool {
    store.user_login(id, 99).await.unwrap().is_some()
}

pub async fn a_login_is_found_until_it_ends(store: &impl Records) {
    alice(store).await;
    let (browser, program) = (login("browser", Some(1)), login("program", None));
    assert!(signed_in(store, &browser, None).await && signed_in(store, &program, Some(2)).await);
    let (found, user) = store.user_login_of_cookie(&[1; 32], 99).await.unwrap().unwrap();
    assert_eq!((&found, user.id.as_str()), (&browser, "alice"));
    assert_eq!(store.user_login("program", 99).await.unwrap().unwrap().0, program);
    assert!(store.user_login("program", 100).await.unwrap().is_none(), "expired");
    assert!(store.user_login_of_cookie(&[1; 32], 100).await.unwrap().is_none());
    assert!(store.user_login_of_cookie(&[2; 32], 99).await.unwrap().is_none());
    assert!(store.delete_user_login("browser").await.unwrap());
    assert!(!store.delete_user_login("browser").await.unwrap());
    assert!(!is_there(store, "browser").await && is_there(store, "program").await);
    assert_eq!(store.delete_expired_user_logins(99).await.unwrap(), 0);
    assert_eq!(store.delete_expired_user_logins(100).await.unwrap(), 1);
    let shown = format!("{program:?}");
    assert!(!shown.contains("program's"), "{shown}");
}

pub async fn who_may_not_sign_in_is_not_signed_in(store: &impl Records) {
    assert!(
        !signed_in(store, &login("a", None), None).await,
        "there is no such user"
    );
    alice(store).await;
    let other = SignedBy::Password("$argon2id$before");
    assert!(!store.insert_user_login(&login("a", None), other, None).await.unwrap());
    let disabled = UserPatch {
        status: Some(UserStatus::Disabled),
        ..UserPatch::default()
    };
    store.patch_user("alice", &disabled).await.unwrap();
    assert!(!signed_in(store, &login("a", None), None).await);
    let login = login("a", None);
    let by_provider = store.insert_user_login(&login, SignedBy::Provider, None);
    assert!(!by_provider.await.unwrap());
    assert!(!is_there(store, "a").await);
}

pub async fn what_changes_of_a_user_ends_their_logins(store: &impl Records) {
    alice(store).await;
    let patch = |status, password_phc, name: Option<&str>| UserPatch {
        name: name.map(str::to_owned),
        status,
        password_phc,
    };
    assert!(signed_in(store, &login("a", None), Some(1)).await);
    store.patch_user("alice", &patch(None, None, Some("A."))).await.unwrap();
    assert!(is_there(store, "a").await, "a name is only a name");
    let password = patch(None, Some(Some(PHC.to_owned())), None);
    store.patch_user("alice", &password).await.unwrap();
    assert!(!is_there(store, "a").await);
    assert_eq!(spend(store, 1, 9).await, Spent::Unknown);

    assert!(signed_in(store, &login("b", Some(2)), None).await);
    let status = |status| patch(Some(status), None, None);
    store.patch_user("alice", &status(UserStatus::Disabled)).await.unwrap();
    store.patch_user("alice", &status(UserStatus::Active)).await.unwrap();
    assert!(!is_there(store, "b").await, "who comes back signs in again");

    assert!(signed_in(store, &login("c", None), Some(3)).await);
    assert_eq!(store.delete_user_logins("alice").await.unwrap(), 1);
    assert!(signed_in(store, &login("d", None), Some(4)).await);
    store.delete_user("alice").await.unwrap();
    alice(store).await;
    assert!(!is_there(store, "d").await, "another of this name is another");
    assert_eq!(spend(store, 4, 9).await, Spent::Unknown);
}

async fn spend(store: &impl Records, token: u8, next: u8) -> Spent {
    store.spend_refresh_token(&[token; 32], &[next; 32], 99).await.unwrap()
}

pub async fn a_refresh_token_is_spent_once_and_one_that_comes_again_ends_the_login(store: &impl Records) {
    alice(store).await;
    let login = login("a", None);
    assert!(signed_in(store, &login, Some(1)).await);
    assert_eq!(spend(store, 7, 8).await, Spent::Unknown);
    let Spent::Now(found, user) = spend(store, 1, 2).await else {
        panic!("it was good");
    };
    assert_eq!((&found, user.id.as_str()), (&login, "alice"));
    assert!(matches!(spend(store, 2, 3).await, Spent::Now(..)));
    assert_eq!(spend(store, 1, 4).await, Spent::Before(login.clone()));
    assert!(!is_there(store, "a").await);
    assert_eq!(spend(store, 3, 5).await, Spent::Unknown, "the newest went with it");

    assert!(signed_in(store, &login, Some(1)).await, "nothing is left of it");
    let late = store.spend_refresh_token(&[1; 32], &[2; 32], 100).await.unwrap();
    assert_eq!(late, Spent::Unknown, "expired");
}

pub async fn of_many_who_spend_a_token_one_gets_the_next(store: &impl Records) {
    alice(store).await;
    assert!(signed_in(store, &login("a", None), Some(1)).await);
    let spent = join_all((10..18).map(|next| async move {
        loop {
            match store.spend_refresh_token(&[1; 32], &[next; 32], 99).await {
                Err(RecordsError::Conflict(_)) => {}
                done => break done.unwrap(),
            }
        }
    }))
    .await;
    let good = spent.iter().filter(|spent| matches!(spent, Spent::Now(..))).count();
    assert_eq!(good, 1, "{spent:?}");
    assert!(!is_there(store, "a").await, "the others have ended it");
}

pub async fn signing_keys_are_kept_newest_first(store: &impl Records) {
    let key = |kid: &str, created_at| SigningKey {
        kid: kid.to_owned(),
        public: vec![1, 0, 255],
        sealed: vec![2],
        created_at,
    };
    for (kid, at) in [("old", 10), ("new", 20)] {
        store.put_signing_key(&key(kid, at)).await.unwrap();
    }
    assert!(matches!(
        store.put_signing_key(&key("new", 30)).await,
        Err(RecordsError::Taken { .. })
    ));
    assert!(store.signing_keys().await.unwrap() == [key("new", 20), key("old", 10)]);
    assert_eq!(store.delete_signing_keys_before(20).await.unwrap(), 1);
    assert_eq!(store.signing_keys().await.unwrap().len(), 1);
}
