//! What the LLM Gateway is set up with.

use std::collections::BTreeMap;

use creel_records::{
    CurrencyRecord, GroupRecord, KeyChange, KeyRecord, KeyTerms, ModelRecord, NewUser, PriceRecord, ProviderRecord,
    ProviderStyle, Records, RecordsError, RouteRecord, RouteStrategy, UserPatch, UserStatus,
};

fn provider(name: &str) -> ProviderRecord {
    ProviderRecord {
        name: name.into(),
        style: ProviderStyle::Openai,
        base_url: "https://api.example.com/v1".into(),
        key_sealed: Some(vec![0, 1, 255]),
        has_responses: true,
        any_model: false,
    }
}

fn key(id: &str, digest: u8) -> KeyRecord {
    KeyRecord {
        id: id.into(),
        sha256: [digest; 32],
        hint: "sk-creel-…abcd".into(),
        user: Some("alice".into()),
        instance: Some("claw".into()),
        terms: KeyTerms {
            models: Some(vec!["m1".into()]),
            aliases: [("fast".to_owned(), "m1".to_owned())].into(),
            requests_per_minute: Some(60),
            day_budget: Some(5),
            ..KeyTerms::default()
        },
        created_at: 1,
        expires_at: Some(i64::MAX),
        revoked_at: None,
    }
}

pub async fn a_setup_comes_back_as_it_was_recorded(store: &impl Records) {
    let model = ModelRecord {
        name: "m1".into(),
        routes: vec![RouteRecord {
            provider: "one".into(),
            model: "their-m1".into(),
            weight: 3,
            priority: 1,
        }],
        strategy: RouteStrategy::LeastLatency,
        max_output: Some(4_096),
    };
    let price = PriceRecord {
        model: "m*".into(),
        currency: Some("USD".into()),
        input: 3_000_000,
        cached_input: Some(300_000),
        cache_write: None,
        output: 15_000_000,
        call: 7,
    };
    let currency = CurrencyRecord {
        code: "USD".into(),
        credits: 100_000_000,
    };
    let group = GroupRecord {
        name: "staff".into(),
        multiplier: 500_000,
    };
    store.put_llm_provider(&provider("one")).await.unwrap();
    store.put_llm_model(&model).await.unwrap();
    store.put_llm_price(&price).await.unwrap();
    store.put_llm_currency(&currency).await.unwrap();
    store.put_llm_group(&group).await.unwrap();
    store.insert_llm_key(&key("k1", 1)).await.unwrap();
    let setup = store.llm_setup().await.unwrap();
    assert_eq!(setup.providers, [provider("one")]);
    assert_eq!(
        (setup.models, setup.prices, setup.groups),
        (vec![model], vec![price], vec![group])
    );
    assert_eq!(setup.currencies, [currency]);
    assert!(store.delete_llm_currency("USD").await.unwrap());
    assert!(!store.delete_llm_currency("USD").await.unwrap());
    assert_eq!(setup.keys, [key("k1", 1)]);
    let replaced = ProviderRecord {
        key_sealed: None,
        ..provider("one")
    };
    store.put_llm_provider(&replaced).await.unwrap();
    assert_eq!(store.llm_providers().await.unwrap(), [replaced]);
    assert!(store.delete_llm_provider("one").await.unwrap());
    assert!(!store.delete_llm_provider("one").await.unwrap());
}

pub async fn every_change_is_a_new_version(store: &impl Records) {
    let mut before = store.llm_version().await.unwrap();
    let mut grew = async |what: &str| {
        let now = store.llm_version().await.unwrap();
        assert!(now > before, "{what}");
        before = now;
    };
    store.put_llm_provider(&provider("one")).await.unwrap();
    grew("put").await;
    store.put_llm_provider(&provider("one")).await.unwrap();
    grew("put again").await;
    store.insert_llm_key(&key("k1", 1)).await.unwrap();
    grew("insert").await;
    store.revoke_llm_key("k1").await.unwrap();
    grew("revoke").await;
    store.delete_llm_provider("one").await.unwrap();
    grew("delete").await;
}

pub async fn a_revoked_key_is_remembered_and_not_in_force(store: &impl Records) {
    store.insert_llm_key(&key("k1", 1)).await.unwrap();
    store.insert_llm_key(&key("k2", 2)).await.unwrap();
    let clash = store.insert_llm_key(&key("k3", 2)).await;
    assert!(matches!(clash, Err(RecordsError::Taken { .. })), "{clash:?}");
    assert!(store.revoke_llm_key("k1").await.unwrap());
    assert!(!store.revoke_llm_key("k1").await.unwrap());
    assert!(!store.revoke_llm_key("none").await.unwrap());
    let in_force: Vec<_> = store
        .llm_setup()
        .await
        .unwrap()
        .keys
        .into_iter()
        .map(|key| key.id)
        .collect();
    assert_eq!(in_force, ["k2"]);
    assert_eq!(store.llm_keys().await.unwrap().len(), 2);
    let terms = KeyTerms {
        tokens_per_minute: Some(9),
        ..KeyTerms::default()
    };
    let change = KeyChange {
        models: Some(None),
        aliases: Some(BTreeMap::new()),
        requests_per_minute: Some(None),
        tokens_per_minute: Some(Some(9)),
        day_budget: Some(None),
        expires_at: Some(None),
        ..KeyChange::default()
    };
    let told = store.change_llm_key("k2", &change).await.unwrap();
    let changed = store.llm_setup().await.unwrap().keys.remove(0);
    assert_eq!((&changed.terms, changed.expires_at), (&terms, None));
    assert_eq!(told.as_ref(), Some(&changed));
    for gone in ["k1", "none"] {
        assert_eq!(store.change_llm_key(gone, &change).await.unwrap(), None, "{gone}");
    }
    let handed = KeyRecord {
        id: KeyRecord::handed_id("claw", 7),
        sha256: [77; 32],
        ..changed.clone()
    };
    store.insert_llm_key(&handed).await.unwrap();
    assert!(store.revoke_llm_keys_handed_to("claw").await.unwrap());
    assert!(!store.revoke_llm_keys_handed_to("claw").await.unwrap());
    let left = store.llm_setup().await.unwrap().keys;
    assert_eq!((left.len(), left[0].id.as_str()), (1, "k2"), "made by somebody");
    assert!(store.revoke_llm_keys_of("claw").await.unwrap());
    assert!(store.llm_setup().await.unwrap().keys.is_empty());
}

/// Two administrators, each of whom changes one term.
pub async fn changes_of_a_key_at_the_same_time_all_hold(store: &impl Records) {
    store.insert_llm_key(&key("k1", 1)).await.unwrap();
    let requests = (1..=20).map(|number| KeyChange {
        requests_per_minute: Some(Some(number)),
        ..KeyChange::default()
    });
    let budgets = (1..=20).map(|number| KeyChange {
        day_budget: Some(Some(number)),
        ..KeyChange::default()
    });
    let in_turn = async |changes: Vec<KeyChange>| {
        for change in changes {
            store.change_llm_key("k1", &change).await.unwrap().unwrap();
        }
    };
    tokio::join!(in_turn(requests.collect()), in_turn(budgets.collect()));
    let terms = store.llm_setup().await.unwrap().keys.remove(0).terms;
    assert_eq!((terms.requests_per_minute, terms.day_budget), (Some(20), Some(20)));
    assert_eq!(terms.models, key("k1", 1).terms.models, "nobody named them");
}

pub async fn keys_of_a_user_who_is_disabled_or_gone_are_not_in_force(store: &impl Records) {
    let alice = NewUser {
        id: "alice".into(),
        name: "Alice".into(),
        password_phc: None,
        config: "{}".into(),
    };
    store.insert_user(&alice).await.unwrap();
    store.insert_llm_key(&key("k1", 1)).await.unwrap();
    let of_nobody = KeyRecord {
        user: None,
        ..key("k2", 2)
    };
    store.insert_llm_key(&of_nobody).await.unwrap();
    let mut version = store.llm_version().await.unwrap();
    let mut in_force = async || {
        let setup = store.llm_setup().await.unwrap();
        assert!(setup.version > version, "gateways see it");
        version = setup.version;
        setup.keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    for (status, expected) in [
        (UserStatus::Disabled, vec!["k2"]),
        (UserStatus::Active, vec!["k1", "k2"]),
    ] {
        let patch = UserPatch {
            status: Some(status),
            ..UserPatch::default()
        };
        store.patch_user("alice", &patch).await.unwrap();
        assert_eq!(in_force().await, expected, "{status:?}");
    }
    assert!(store.delete_user("alice").await.unwrap());
    assert_eq!(in_force().await, ["k2"]);
    store.insert_user(&alice).await.unwrap();
    let keys = store.llm_setup().await.unwrap().keys;
    assert_eq!(keys.len(), 1, "another user of this name pays for none of theirs");
}
