//! A page of a list of users, of the control plane's and of a gateway's: both are asked for and continued alike.

use clap::Args;
use serde_json::Value;

use crate::client::escaped;
use crate::output;

#[derive(Args)]
pub struct Page {
    /// Go on after this one
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Page {
    /// This page of the list at a path, or of those in it that contain a text.
    pub fn of(&self, path: &str, search: Option<&str>) -> String {
        let mut asked = format!("{path}?limit={}", self.limit);
        for (name, value) in [("search", search), ("after", self.after.as_deref())] {
            if let Some(value) = value {
                asked.push_str(&format!("&{name}={}", escaped(value)));
            }
        }
        asked
    }
}

/// Says how to go on, where the list does.
pub fn show_next(list: &Value) {
    if let Some(next) = list["next"].as_str() {
        output::line(&format!("there are more: --after {next}"));
    }
}
