//! What is ours on an engine: names say it to people, labels say it to us.
//!
//! A label is looked at before every act. What has our name and not our label belongs to somebody else, and is never touched.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::InstanceId;

/// Which home an instance is of.
pub const HOME: &str = "dev.creel.home";
pub const INSTANCE: &str = "dev.creel.instance";
/// The limits it was made with, as [`super::drift`] reads them.
pub const MADE_WITH: &str = "dev.creel.made-with";
/// Ports of this host's loopback address that it is let through to.
pub const RELAYED: &str = "dev.creel.relayed";

/// How instances of one home are called there.
#[derive(Debug, Clone)]
pub struct Names {
    home: String,
}

impl Names {
    pub fn of_home(home: String) -> Self {
        Self { home }
    }

    pub fn home(&self) -> &str {
        &self.home
    }

    /// Of the container of an instance, and of its network.
    pub fn of(&self, id: &InstanceId) -> String {
        format!("{}-{id}", self.home)
    }

    pub fn labels(&self, id: &InstanceId) -> BTreeMap<&'static str, String> {
        [(HOME, self.home.clone()), (INSTANCE, id.to_string())].into()
    }

    /// Whether something with these labels is this instance's.
    pub fn is_ours(&self, labels: &Value, id: &InstanceId) -> bool {
        labels[HOME] == self.home.as_str() && labels[INSTANCE] == id.as_str()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_both_labels_make_it_ours() {
        let names = Names::of_home("creel-1a2b3c4d".into());
        let alice = InstanceId::new("alice").unwrap();
        assert_eq!(names.of(&alice), "creel-1a2b3c4d-alice");
        assert!(names.is_ours(&json!(names.labels(&alice)), &alice));
        for other in [
            json!(null),
            json!({}),
            json!({HOME: "creel-1a2b3c4d"}),
            json!({HOME: "creel-ffffffff", INSTANCE: "alice"}),
            json!({HOME: "creel-1a2b3c4d", INSTANCE: "bob"}),
        ] {
            assert!(!names.is_ours(&other, &alice), "{other}");
        }
    }
}
