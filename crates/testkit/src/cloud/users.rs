//! Who is registered, and in which order they changed.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub struct Users {
    /// By the number of their last change: a user, or the absence of one.
    changes: BTreeMap<u64, (String, Option<Value>)>,
    last: HashMap<String, u64>,
    sequence: u64,
    /// Part of every sync token; another one knows none of the tokens before.
    era: u32,
    pub page_size: usize,
    pub sent: usize,
}

impl Default for Users {
    fn default() -> Self {
        Self {
            changes: BTreeMap::new(),
            last: HashMap::new(),
            sequence: 0,
            era: 0,
            page_size: 1_000,
            sent: 0,
        }
    }
}

impl Users {
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub fn change(&mut self, user: &str, change: impl FnOnce(&mut Value)) {
        let before = self.take(user).flatten();
        let mut record =
            before.unwrap_or_else(|| json!({"user_id": user, "status": "active", "tokens": [], "config": {}}));
        change(&mut record);
        self.put(user, Some(record));
    }

    pub fn delete(&mut self, user: &str) {
        self.take(user);
        self.put(user, None);
    }

    pub fn restore(&mut self) {
        self.era += 1;
        // A backup knows nothing of who was deleted after it.
        self.changes.retain(|_, (_, record)| record.is_some());
    }

    fn take(&mut self, user: &str) -> Option<Option<Value>> {
        let number = self.last.remove(user)?;
        Some(self.changes.remove(&number)?.1)
    }

    fn put(&mut self, user: &str, mut record: Option<Value>) {
        self.sequence += 1;
        if let Some(Value::Object(record)) = &mut record {
            record.insert("version".to_owned(), self.sequence.into());
        }
        self.changes.insert(self.sequence, (user.to_owned(), record));
        self.last.insert(user.to_owned(), self.sequence);
    }

    /// What changed since a sync token.
    pub fn since(&mut self, token: Option<&str>, limit: usize) -> Value {
        let known = token.and_then(|token| {
            let (era, number) = token.split_once('-')?;
            (era.parse() == Ok(self.era)).then(|| number.parse::<u64>().ok())?
        });
        let limit = limit.min(self.page_size);
        let mut changes = self.changes.range(known.unwrap_or(0) + 1..);
        let (mut users, mut deleted) = (Vec::new(), Vec::new());
        let mut reached = known.unwrap_or(0);
        for (number, (user, record)) in changes.by_ref().take(limit) {
            reached = *number;
            match record {
                Some(record) => users.push(record.clone()),
                None => deleted.push(user.clone()),
            }
        }
        let has_more = changes.next().is_some();
        self.sent += users.len();
        json!({
            "users": users,
            "deleted": deleted,
            "sync_token": format!("{}-{reached}", self.era),
            "full": known.is_none(),
            "has_more": has_more,
        })
    }
}

pub fn sha256(text: &str) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(text) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
