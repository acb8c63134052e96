//! `creel instance logs`: the end of a log, what is in it, and what is added to it.

use clap::Args;
use creel_records::now_ms;
use serde_json::{Value, json};

use super::path;
use crate::client::{Client, escaped};
use crate::failure::Failure;
use crate::output::{self, print_or};

/// Which lines.
#[derive(Args)]
pub struct Wanted {
    /// The newest so many lines [default: 200; with --since all, up to 10000]
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
    /// None from before this: a moment (RFC 3339), a day (UTC), or so long ago (90s, 10m, 2h, 1d)
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<String>,
    /// Only lines that contain this, capital letters or not
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

impl Wanted {
    fn query(&self) -> String {
        let tail = self.tail.map(|lines| lines.to_string());
        let named = [("tail", &tail), ("since", &self.since), ("search", &self.search)];
        let given = named
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", escaped(value.as_ref()?))));
        let given: Vec<String> = given.collect();
        if given.is_empty() {
            String::new()
        } else {
            format!("?{}", given.join("&"))
        }
    }
}

/// Passed on as it is: how long ago is counted back by the clock of the backend, which is that of the log.
fn since(text: &str) -> Result<String, &'static str> {
    creel_http::since(text, now_ms()).map(|_| text.to_owned())
}

pub async fn run(client: &Client, id: &str, follow: bool, wanted: &Wanted, json: bool) -> Result<(), Failure> {
    let print = |batch: &Value| {
        let lines = batch["lines"].as_array().into_iter().flatten();
        for line in lines.filter_map(Value::as_str) {
            print_or(json, &json!({"line": line}), || output::line(line));
        }
    };
    let query = wanted.query();
    if follow {
        return client.follow(&path(id, &format!("/logs/stream{query}")), print).await;
    }
    let answer = client.get(&path(id, &format!("/logs{query}"))).await?;
    print_or(json, &answer, || print(&answer));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_is_asked() {
        let wanted = |tail, since: Option<&str>, search: Option<&str>| Wanted {
            tail,
            since: since.map(str::to_owned),
            search: search.map(str::to_owned),
        };
        assert_eq!(wanted(None, None, None).query(), "");
        assert_eq!(wanted(Some(5), None, Some("a b&c")).query(), "?tail=5&search=a%20b%26c");
        assert_eq!(wanted(None, Some("10m"), None).query(), "?since=10m");
    }
}
