//! The activity log.

use creel_records::{NewEvent, Records};

pub async fn the_newest_events_come_first(store: &impl Records) {
    for number in 0..5 {
        let new = NewEvent {
            kind: "instance.created".into(),
            instance: Some(format!("i-{number}")),
            actor: "admin".into(),
            message: "made".into(),
            data: serde_json::from_value(serde_json::json!({"number": number})).unwrap(),
        };
        let event = store.append_event(&new).await.unwrap();
        assert_eq!(event.instance, new.instance);
    }
    let recent = store.recent_events(2).await.unwrap();
    let about: Vec<_> = recent.iter().map(|event| event.instance.as_deref()).collect();
    assert_eq!(about, [Some("i-4"), Some("i-3")]);
    assert!(recent[0].id > recent[1].id);
    assert_eq!(recent[0].data["number"], 4);
}
